//! `oras blob push`

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use wharf_content::{BlobSource, BytesSource, FileSource};
use wharf_oci::{Algorithm, Descriptor, Digest, Digester};

use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, TextDefault};
use crate::cobra::flags::{Given, flag};
use crate::oras::fault::arguments;
use crate::oras::format::print_descriptor;
use crate::oras::manifest::push::no_secret_from_stdin;
use crate::oras::place::Place;
use crate::oras::status::{Detail, line};
use crate::oras::tables;
use crate::oras::target::{Target, digest_fault};
use crate::waiting::block_on;

pub(crate) const COMMAND: Command = Command {
    path: &["oras", "blob", "push"],
    usage: "[flags] <name>[@digest] <file>",
    about: "Push a blob to a registry or an OCI image layout

Example - A file, checked against a digest if one is given:
  oras blob push localhost:5000/hello hi.txt
  oras blob push localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5 hi.txt

Example - From standard input:
  oras blob push --size 12 \\
    localhost:5000/hello@sha256:9a201d228ebd966211f7d1131be19f152be428bd373a92071c71d8deaf83b3e5 -

Example - With the descriptor as the result, under a media type:
  oras blob push --media-type application/vnd.oci.image.config.v1+json --descriptor localhost:5000/hello hi.txt

Example - Into the OCI image layout in folder layout-dir:
  oras blob push --oci-layout layout-dir hi.txt",
    flags: &[
        tables::COMMON,
        tables::DESCRIPTOR,
        tables::PRETTY,
        tables::REMOTE,
        tables::STDIN,
        tables::LAYOUT,
        tables::TERMINAL,
        tables::VERBOSE,
        &[
            flag(
                "media-type",
                TextDefault("application/vnd.oci.image.layer.v1.tar"),
                "specify the returned media type in the descriptor if --descriptor is used",
            ),
            flag("size", Number(-1), "provide the blob size"),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    let meaning = "the destination to push to and the file to read blob content from";
    arguments(&COMMAND, words, 2..=2, meaning)?;
    let file = &words[1];
    if file == "-" {
        no_secret_from_stdin(given)?;
        if given.number("size") < 0 {
            bail!("`--size` must be provided if the blob is read from stdin");
        }
    }
    let target = Target::parse(given, "", &words[0])?;
    let place = Place::create(&target).await?;
    let size = u64::try_from(given.number("size")).ok();
    let media_type = given.text("media-type").unwrap_or_default();
    let (descriptor, source) = content(file, media_type, &target.reference, size)?;
    let descriptor_wanted = given.is_on("descriptor");
    let detail = Detail::of(given, !descriptor_wanted, given.is_on("verbose"));
    let told = |error: wharf_content::Error| place.told(&error);
    if place.read().blob_exists(&descriptor.digest).await.map_err(told)? {
        detail.tell("Exists   ", &descriptor);
    } else {
        detail.tell("Uploading", &descriptor);
        place.write().push_blob(&descriptor, &*source).await.map_err(told)?;
        detail.tell("Uploaded ", &descriptor);
    }
    if descriptor_wanted {
        return print_descriptor(&descriptor, given.is_on("pretty"));
    }
    line(format_args!("Pushed: {}", target.display()));
    line(format_args!("Digest: {}", descriptor.digest));
    Ok(())
}

/// Opens what is to be pushed; `-` is standard input, which is read once and therefore held.
fn content(
    file: &str,
    media_type: &str,
    digest: &str,
    size: Option<u64>,
) -> anyhow::Result<(Descriptor, Box<dyn BlobSource>)> {
    ensure!(!file.is_empty(), "missing file name");
    let stated: Option<Digest> = match digest {
        "" => None,
        text => match digest_fault(text) {
            Some(reason) => bail!("invalid digest {text}: {reason}"),
            None => Some(text.parse()?),
        },
    };
    if file == "-" {
        let size = size.context("content size must be provided if it is read from stdin")?;
        let digest = stated.context("content digest must be provided if it is read from stdin")?;
        let mut bytes = Vec::new();
        std::io::stdin().take(size.saturating_add(1)).read_to_end(&mut bytes)?;
        let source = Box::new(BytesSource(Bytes::from(bytes)));
        return Ok((Descriptor::new(media_type, digest, size), source));
    }
    let path = PathBuf::from(file);
    let mut open = std::fs::File::open(&path)
        .map_err(|error| anyhow::anyhow!("failed to open {file}: {}", go_reason("open", file, &error)))?;
    let actual = open.metadata().with_context(|| format!("failed to stat {file}"))?.len();
    if let Some(size) = size {
        ensure!(size == actual, "input size {size} does not match the actual content size {actual}");
    }
    let digest = match stated {
        Some(digest) => digest,
        None => {
            let mut digester = Digester::new(Algorithm::Sha256);
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match open.read(&mut buffer)? {
                    0 => break digester.finish(),
                    read => digester.update(&buffer[..read]),
                }
            }
        }
    };
    Ok((Descriptor::new(media_type, digest, actual), Box::new(FileSource(path))))
}

/// Says why a file cannot be opened, as Go does.
pub(crate) fn go_reason(action: &str, file: &str, error: &std::io::Error) -> String {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    };
    format!("{action} {file}: {reason}")
}
