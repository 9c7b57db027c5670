//! `oras push`

use serde::Serialize;
use wharf_oci::{Descriptor, Platform, media_type};

use super::fault::{Fault, arguments};
use super::format::{Format, Named, USUAL, to_json};
use super::pack::{Annotations, Config, ImageSpec, Parts, Staged, UNKNOWN_ARTIFACT, check_paths};
use super::place::Place;
use super::status::{self, Carry, Detail, Status, carry, line};
use super::target::{Target, exclusive, is_digest, with_more_tags};
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Text};
use crate::cobra::flags::{Given, flag};
use crate::waiting::block_on;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "push"],
    usage: "[flags] <name>[:<tag>[,<tag>][...]] <file>[:<type>] [...]",
    about: "Push files to a registry or an OCI image layout

Each file becomes a layer under its path; a folder becomes a gzipped tar. Without files an empty artifact is pushed.

Example - A file under the default media type, then under one of its own:
  oras push localhost:5000/hello:v1 hi.txt
  oras push localhost:5000/hello:v1 hi.txt:application/vnd.me.hi

Example - A file whose name has a colon:
  oras push localhost:5000/hello:v1 hi:txt:

Example - An artifact type, a config, annotations:
  oras push --artifact-type application/vnd.example+type localhost:5000/hello:v1 hi.txt
  oras push --config config.json:application/vnd.me.config localhost:5000/hello:v1 hi.txt
  oras push --annotation \"key=val\" localhost:5000/hello:v1 hi.txt

Example - Several tags, and the result for a script:
  oras push localhost:5000/hello:v1,latest hi.txt --format go-template='{{.digest}}'

Example - Into the OCI image layout in folder layout-dir:
  oras push --oci-layout layout-dir:test hi.txt",
    flags: &[
        tables::COMMON,
        tables::PACKER,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::FORMAT,
        tables::TERMINAL,
        tables::VERBOSE,
        &[
            flag(
                "artifact-platform",
                Text,
                "[Experimental] set artifact platform in the form of `os[/arch][/variant][:os_version]`",
            ),
            flag("artifact-type", Text, "artifact type"),
            flag("concurrency", Number(5), "concurrency level"),
            flag("config", Text, "`path` of image config file"),
            flag(
                "image-spec",
                Text,
                "[Preview] specify manifest type for building artifact. Options: v1.1, v1.0 (default v1.1, overridden \
                 to v1.0 if --config is used without --artifact-type)",
            ),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

/// The result for programs.
#[derive(Serialize)]
struct Pushed {
    #[serde(flatten)]
    named: Named,
    #[serde(rename = "referenceAsTags")]
    reference_as_tags: Option<Vec<String>>,
}

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    let spec_given = match given.text("image-spec") {
        None => None,
        Some("v1.1") => Some(ImageSpec::V1_1),
        Some("v1.0") => Some(ImageSpec::V1_0),
        Some(other) => {
            return Err(Fault::new(format!(
                "invalid argument {other:?} for \"--image-spec\" flag: unknown image specification flag: {other}"
            ))
            .advice("Available options: v1.1, v1.0")
            .into());
        }
    };
    arguments(&COMMAND, words, 1..=usize::MAX, "the destination for pushing")?;
    let (first, more_tags) = with_more_tags(&words[0]);
    let files = &words[1..];
    check_paths(given, files)?;
    let annotations = Annotations::parse(given)?;
    let platform = platform::flag(given, "artifact-platform")?;
    let target = Target::parse(given, "", first)?;
    let format = Format::parse(given, "format", USUAL)?;

    let config = given.text("config").unwrap_or_default();
    let mut artifact_type = given.text("artifact-type").unwrap_or_default().to_owned();
    let spec = match (spec_given, config.is_empty(), artifact_type.is_empty()) {
        (None, false, true) => ImageSpec::V1_0,
        (Some(ImageSpec::V1_1), false, true) => {
            return Err(Fault::new("missing artifact type for OCI image-spec v1.1 artifacts")
                .advice("set an artifact type via `--artifact-type` or consider image spec v1.0")
                .into());
        }
        (spec, ..) => spec.unwrap_or(ImageSpec::V1_1),
    };
    exclusive(given, &["config", "artifact-platform"])?;
    if spec == ImageSpec::V1_0 && !config.is_empty() && !artifact_type.is_empty() {
        anyhow::bail!("--artifact-type and --config cannot both be provided for 1.0 OCI image");
    }
    if spec == ImageSpec::V1_1 && config.is_empty() && artifact_type.is_empty() {
        UNKNOWN_ARTIFACT.clone_into(&mut artifact_type);
    }
    let config = match platform {
        _ if !config.is_empty() => Some(Config::File(config.to_owned())),
        Some(_) if spec == ImageSpec::V1_0 && !artifact_type.is_empty() => {
            return Err(Fault::new(
                "artifact type cannot be customized for OCI image-spec v1.0 when platform is specified",
            )
            .advice("consider using image spec v1.1 or remove --artifact-type")
            .into());
        }
        Some(platform) => Some(platform_config(&platform)?),
        None => None,
    };

    let detail = Detail::of(given, format.is_text(), given.is_on("verbose"));
    let mut staged = Staged::default();
    let layers = staged.add_files(files, &annotations, detail)?;
    let parts = Parts { spec, artifact_type, config, subject: None, layers };
    let root = staged.pack(parts, &annotations)?;
    let place = Place::create(&target).await?;
    let work = Carry {
        source: &staged,
        root: &root,
        to: &place,
        name: &target.reference,
        referrers: false,
        concurrency: given.number("concurrency"),
    };
    carry(work, &Status::new(status::PUSH, detail)).await.map_err(|error| in_words(error, &place))?;
    finish(given, &format, &place, &staged, &root, &more_tags).await
}

async fn finish(
    given: &Given,
    format: &Format,
    place: &Place,
    staged: &Staged,
    root: &Descriptor,
    more_tags: &[String],
) -> anyhow::Result<()> {
    let target = place.target();
    if format.is_text() {
        line(format_args!("Pushed {}", target.display()));
    }
    let mut tags: Vec<String> = Vec::new();
    if !is_digest(&target.reference) {
        tags.push(target.reference.clone());
    }
    for tag in more_tags {
        place.push(staged.manifest()?, tag).await?;
        if format.is_text() {
            line(format_args!("Tagged {tag}"));
        }
        tags.push(tag.clone());
    }
    tags.sort();
    let as_tags: Vec<String> = tags.iter().map(|tag| format!("{}:{tag}", target.path)).collect();
    let result = Pushed {
        named: Named::new(&target.path, root),
        reference_as_tags: (!as_tags.is_empty()).then_some(as_tags),
    };
    if !format.write(&result)? {
        line(format_args!("ArtifactType: {}", root.artifact_type.as_deref().unwrap_or_default()));
        line(format_args!("Digest: {}", root.digest));
    }
    staged.export(given)
}

/// Returns the config that tells a platform and nothing else.
fn platform_config(platform: &Platform) -> anyhow::Result<Config> {
    Ok(Config::Bytes(media_type::OCI_CONFIG, bytes::Bytes::from(to_json(platform)?)))
}

/// Says an error of a copy in ORAS's words, without the side: there is one place only.
pub(super) fn in_words(error: anyhow::Error, place: &Place) -> anyhow::Error {
    match error.downcast::<wharf_content::Error>() {
        Ok(error) => Fault { side: None, ..place.told(&error) }.into(),
        Err(error) => error,
    }
}
