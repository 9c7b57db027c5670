//! `oras cp`

use super::fault::{Fault, arguments, at_an_end};
use super::place::Place;
use super::status::{self, Carry, Detail, Status, carry, line};
use super::target::{Target, is_digest, with_more_tags};
use super::{platform, tables};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Number, Switch, Texts};
use crate::cobra::flags::{Given, flag, short};
use crate::waiting::block_on;
use wharf_content::Side;

pub(super) const COMMAND: Command = Command {
    path: &["oras", "cp|copy"],
    usage: "[flags] <from>{:<tag>|@<digest>} <to>[:<tag>[,<tag>][...]]",
    about: "Copy artifacts from one target to another

All manifests of an index go along; with --recursive what is attached goes along as well.

Example - Between registries, with what is attached:
  oras cp localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1
  oras cp -r localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:v1

Example - Into a layout in a folder, and from a layout in a folder or tar:
  oras cp --to-oci-layout localhost:5000/net-monitor:v1 ./downloaded:v1
  oras cp --from-oci-layout ./to-upload:v1 localhost:5000/net-monitor:v1
  oras cp --from-oci-layout ./to-upload.tar:v1 localhost:5000/net-monitor:v1

Example - One platform of an index, under several tags:
  oras cp --platform linux/arm/v5 localhost:5000/net-monitor:v1 localhost:6000/net-monitor-copy:tag1,tag2",
    flags: &[
        tables::COMMON,
        tables::PLATFORM,
        tables::REMOTE_FROM,
        tables::REMOTE_TO,
        tables::LAYOUT_FROM,
        tables::LAYOUT_TO,
        tables::DISTRIBUTION_FROM,
        tables::DISTRIBUTION_TO,
        tables::TERMINAL,
        tables::VERBOSE,
        &[
            flag("concurrency", Number(3), "concurrency level"),
            short(
                'r',
                "recursive",
                Switch,
                "[Preview] recursively copy the artifact and its referrer artifacts",
            ),
            flag(
                "resolve",
                Texts,
                "base DNS rules formatted in host:port:address[:address_port] for --from-resolve and --to-resolve",
            ),
        ],
    ],
    run: |given, words, _| block_on(run(given, words)),
};

async fn run(given: &Given, words: &[String]) -> anyhow::Result<()> {
    arguments(&COMMAND, words, 2..=2, "the source and destination for copying")?;
    let (first, more_tags) = with_more_tags(&words[1]);
    let wanted = platform::flag(given, "platform")?;
    let from = Target::parse(given, "from-", &words[0])?;
    let to = Target::parse(given, "to-", first)?;
    let detail = Detail::of(given, true, given.is_on("verbose"));

    let source = Place::open(&from).await?;
    from.need_reference(&COMMAND, true)?;
    let destination = Place::create(&to).await?;
    let recursive = given.is_on("recursive");
    let copied = async {
        let root = platform::resolve(&source, &from.reference, wanted.as_ref()).await;
        let root = root.map_err(|error| on_source(error, recursive || to.reference.is_empty(), &from))?;
        let work = Carry {
            source: source.read(),
            root: &root,
            to: &destination,
            name: &to.reference,
            referrers: recursive,
            concurrency: given.number("concurrency"),
        };
        let carried = carry(work, &Status::new(status::COPY, detail)).await;
        carried.map_err(|error| in_words(error, &source, &destination))?;
        line(format_args!("Copied {} => {}", shown(&from, root.digest.as_str()), to.display()));
        if !more_tags.is_empty() {
            let raw = destination.manifest(&root).await?;
            for tag in &more_tags {
                destination.push(&raw, tag).await?;
                line(format_args!("Tagged {tag}"));
            }
        }
        line(format_args!("Digest: {}", root.digest));
        anyhow::Ok(())
    };
    copied.await.map_err(|error| at_an_end(error, &from, &to))
}

/// Returns how the source is shown: a digest of which one platform was taken is replaced by that one's.
fn shown(from: &Target, root: &str) -> String {
    if is_digest(&from.reference) && from.reference != root {
        let raw = format!("{}@{root}", from.path);
        return Target { raw, ..from.clone() }.display();
    }
    from.display()
}

fn on_source(error: anyhow::Error, told: bool, from: &Target) -> anyhow::Error {
    if told {
        return error.context(format!("failed to resolve {}", from.reference));
    }
    match error.downcast::<Fault>() {
        Ok(fault) => Fault { side: Some(Side::Source), ..fault }.into(),
        Err(error) => error,
    }
}

/// Says an error of a copy in ORAS's words.
pub(super) fn in_words(error: anyhow::Error, source: &Place, destination: &Place) -> anyhow::Error {
    match error.downcast::<wharf_content::Error>() {
        Ok(error) => match error.side() {
            Some(Side::Source) => source.told(&error).into(),
            _ => destination.told(&error).into(),
        },
        Err(error) => error.context("failed to copy"),
    }
}
