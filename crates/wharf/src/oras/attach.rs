//! `oras attach`

use super::fault::{self, Fault, arguments};
use super::format::{Format, Named, USUAL};
use super::pack::{Annotations, Config, ImageSpec, Parts, Staged, check_paths};
use super::place::Place;
use super::push::in_words;
use super::status::{self, Carry, Detail, Status, carry, line};
use super::target::{Target, exclusive};
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Text};
use crate::cobra::flags::{Given, flag};
use crate::waiting::block_on;
use anyhow::Context;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "attach"],
    usage: "[flags] --artifact-type=<type> <name>{:<tag>|@<digest>} {<file>[:<layer_media_type>]|--annotation \
            <key>=<value>} [...]",
    about: "Attach files to an existing artifact

The files become an artifact of their own whose subject is the existing one.

Example - A file, to an artifact and to one platform of an index:
  oras attach --artifact-type doc/example localhost:5000/hello:v1 hi.txt
  oras attach --artifact-type doc/example --platform linux/amd64 localhost:5000/hello:v1 hi.txt

Example - Annotations alone:
  oras attach --artifact-type doc/example --annotation \"key1=val1\" localhost:5000/hello:v1

Example - By a stated way of listing referrers:
  oras attach --artifact-type doc/example --distribution-spec v1.1-referrers-tag localhost:5000/hello:v1 hi.txt

Example - In the OCI image layout in folder layout-dir:
  oras attach --oci-layout --artifact-type doc/example layout-dir:v1 hi.txt",
    flags: &[
        tables::COMMON,
        tables::PACKER,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::DISTRIBUTION,
        tables::FORMAT,
        tables::TERMINAL,
        tables::VERBOSE,
        &[
            flag("artifact-type", Text, "artifact type"),
            flag("concurrency", Number(5), "concurrency level"),
            flag("config", Text, "`path` of image config file"),
            flag(
                "platform",
                Text,
                "attach to an arch-specific subject in the form of `os[/arch][/variant][:os_version]`",
            ),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 1..=usize::MAX, "the destination artifact for attaching.")?;
    let (files, annotations) = (&words[1..], Annotations::parse(given));
    let parsed = parse(given, words);
    let (target, format, platform) = match parsed {
        Err(error) if files.is_empty() && fault::is_reference(&error) => return Err(asking(error)),
        parsed => parsed?,
    };
    let annotations = annotations?;
    anyhow::ensure!(given.is_given("artifact-type"), "required flag(s) \"artifact-type\" not set");
    if files.is_empty() && annotations.of_manifest().is_empty() {
        return Err(Fault::new("neither file nor annotation provided in the command")
            .usage(&COMMAND)
            .advice(
                "To attach to an existing artifact, please provide files via argument or annotations via flag \
                 \"--annotation\". Run \"oras attach -h\" for more options and examples",
            )
            .into());
    }
    let place = Place::create(&target).await?;
    let subject = platform::resolve(&place, &target.reference, platform.as_ref())
        .await
        .with_context(|| format!("failed to resolve {}", target.reference))?;
    let detail = Detail::of(given, format.is_text(), given.is_on("verbose"));
    let mut staged = Staged::default();
    let layers = staged.add_files(files, &annotations, detail)?;
    let config = given.text("config").filter(|file| !file.is_empty());
    let parts = Parts {
        spec: ImageSpec::V1_1,
        artifact_type: given.text("artifact-type").unwrap_or_default().to_owned(),
        config: config.map(|file| Config::File(file.to_owned())),
        subject: Some(subject.clone()),
        layers,
    };
    let root = staged.pack(parts, &annotations)?;
    let work = Carry {
        source: &staged,
        root: &root,
        to: &place,
        name: "",
        referrers: false,
        concurrency: given.number("concurrency"),
    };
    carry(work, &Status::new(status::PUSH, detail)).await.map_err(|error| in_words(error, &place))?;
    if !format.write(&Named::new(&target.path, &root))? {
        let mut shown = target.clone();
        if !target.raw.ends_with(subject.digest.as_str()) {
            shown.raw = format!("{}@{}", target.path, subject.digest);
        }
        line(format_args!("Attached to {}", shown.display()));
        line(format_args!("Digest: {}", root.digest));
    }
    staged.export(given)
}

fn parse(given: &Given, words: &[String]) -> anyhow::Result<(Target, Format, Option<wharf_oci::Platform>)> {
    check_paths(given, &words[1..])?;
    Annotations::parse(given)?;
    let target = Target::parse(given, "", &words[0])?;
    let format = Format::parse(given, "format", USUAL)?;
    let platform = platform::flag(given, "platform")?;
    exclusive(given, &["config", "platform"])?;
    target.need_reference(&COMMAND, true)?;
    Ok((target, format, platform))
}

/// With a file missing, the reference may be one.
fn asking(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Fault>() {
        Ok(fault) => {
            let advice = fault.advice.clone().unwrap_or_default();
            fault.advice(format!("Are you missing an artifact reference to attach to? {advice}")).into()
        }
        Err(error) => error,
    }
}
