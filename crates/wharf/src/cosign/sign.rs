//! `cosign sign`

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};
use wharf_content::ReadTarget as _;
use wharf_oci::{Descriptor, ManifestKind, Reference};
use wharf_trust::{
    Base64, COSIGN_SIGN, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, STATEMENT_V1, SimpleSigning, Statement,
    Subject,
};

use super::attest_blob::now;
use super::image::Image;
use super::verifying::text;
use super::{AT_ONCE, blob, in_order, note, signing, tables, waiting};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{IgnoredSwitch, Missing, Switch, SwitchOn, Text};
use crate::cobra::flags::{Given, flag, short};
use crate::papers;
use crate::sigstore::Signer;

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "sign"],
    usage: "[flags] IMAGE...",
    about: "Sign the supplied container image, chart or other artifact and attach the signature.\n\n\
            By key, or without one as whoever an identity provider vouches for. What services answer is verified before it is attached.\n\
            Offline: --key with --use-signing-config=false --tlog-upload=false, or with a --signing-config without services.",
    flags: &[
        tables::SIGNING,
        tables::OLD_OUTPUTS,
        tables::REGISTRY,
        tables::ANNOTATIONS,
        &[
            short(
                'r',
                "recursive",
                Switch,
                "if a multi-arch image is specified, additionally sign each discrete image",
            ),
            flag("upload", SwitchOn, "whether to upload the signature"),
            flag("bundle", Text, "write everything required to verify the image to a FILE"),
            flag("payload", Missing, "").deprecated("please use --bundle"),
            flag("output-payload", Missing, "").deprecated("please use --bundle"),
            flag("sign-container-identity", Missing, "").deprecated("the new format holds no reference"),
            flag("record-creation-timestamp", IgnoredSwitch, "").deprecated("the new format always holds it"),
        ],
    ],
    run,
};

fn run(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    let within = || format!("signing [{}]: getting keypair and token", arguments.join(" "));
    let plan = signing::plan(given).with_context(within)?;
    waiting(given, async {
        let signer = Signer::open(plan).await.with_context(within)?;
        // One file that all write, and sibling tags that are read and written again, are for one at a time.
        let alone = text(given, "bundle").is_some() || !given.is_on("new-bundle-format");
        let at_once = if alone { 1 } else { AT_ONCE };
        let configs = Configs::default();
        let one = async |written| {
            // What is said of an artifact is said together, also of one that fails.
            let mut said = Vec::new();
            let done = one(given, written, &signer, &configs, &mut said).await;
            Ok((said, done))
        };
        in_order(arguments, at_once, one, |(said, done)| {
            said.iter().for_each(|line| note(line));
            done
        })
        .await
    })
}

/// The repositories of this run that have the empty config of bundles, which is the same for all.
#[derive(Default)]
struct Configs(Mutex<BTreeMap<String, Descriptor>>);

impl Configs {
    async fn at(&self, image: &Image) -> anyhow::Result<Descriptor> {
        let place = image.papers_repository();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let config = papers::push_config(&image.papers).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, config.clone());
        Ok(config)
    }
}

async fn one(
    given: &Given,
    written: &str,
    signer: &Signer,
    configs: &Configs,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let image = Image::resolve(given, written).await;
    let image = image.with_context(|| format!("signing [{written}]: accessing entity"))?;
    said.extend(warning_of_tag(&image));
    said.push("Signing artifact...".to_owned());
    for subject in subjects(given, &image).await? {
        sign(given, &image, &subject, signer, configs, said)
            .await
            .with_context(|| format!("signing {written}"))?;
    }
    Ok(())
}

/// Says what may go wrong with tags, in cosign's words.
pub(super) fn warn_of_tag(image: &Image) {
    if let Some(text) = warning_of_tag(image) {
        note(&text);
    }
}

fn warning_of_tag(image: &Image) -> Option<String> {
    image.reference.digest.is_none().then(|| {
        format!(
            "WARNING: Image reference {} uses a tag, not a digest, to identify the image to sign.\n    \
             This can lead you to sign a different image than the intended one. Please use a\n    \
             digest (example.com/ubuntu@sha256:abc123...) rather than tag\n    \
             (example.com/ubuntu:latest) for the input to cosign. The ability to refer to\n    \
             images by tag will be removed in a future release.\n",
            image.written
        )
    })
}

/// The image, and with `--recursive` every image of an index.
async fn subjects(given: &Given, image: &Image) -> anyhow::Result<Vec<Descriptor>> {
    let mut all = vec![image.descriptor.clone()];
    if given.is_on("recursive") {
        let asked = Reference::Digest(image.digest().clone());
        let parsed =
            image.target.fetch_manifest(&asked, wharf_content::DEFAULT_MAX_MANIFEST_BYTES).await?.parse()?;
        if parsed.kind == ManifestKind::Index {
            all.extend(parsed.manifests);
        }
    }
    Ok(all)
}

async fn sign(
    given: &Given,
    image: &Image,
    subject: &Descriptor,
    signer: &Signer,
    configs: &Configs,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let annotations = annotations(given)?;
    if !given.is_on("new-bundle-format") {
        return sign_legacy(given, image, subject, signer, annotations, said).await;
    }
    let (algorithm, hex) = (subject.digest.algorithm_name().to_owned(), subject.digest.encoded().to_owned());
    let statement = Statement {
        statement_type: STATEMENT_V1.to_owned(),
        subject: vec![Subject {
            digest: BTreeMap::from([(algorithm, hex)]),
            annotations,
            ..Subject::default()
        }],
        predicate_type: COSIGN_SIGN.to_owned(),
        predicate: Value::Object(Map::new()),
    };
    let bundle = signer.statement(&statement.to_json()).await?;
    if let Some(place) = text(given, "bundle") {
        blob::write_private(place, &bundle.to_json()).context("create bundle file")?;
        said.push(format!("Wrote bundle to file {place}"));
    }
    if given.is_on("upload") {
        said.push(format!("Pushing signature to: {}", image.papers_repository()));
        let config = configs.at(image).await?;
        papers::attach_with(&config, &image.papers, subject, &bundle, COSIGN_SIGN, &now()?).await?;
    }
    Ok(())
}

async fn sign_legacy(
    given: &Given,
    image: &Image,
    subject: &Descriptor,
    signer: &Signer,
    optional: Map<String, Value>,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let payload =
        SimpleSigning { docker_reference: image.repository(), digest: subject.digest.to_string(), optional }
            .to_json();
    let bundle = signer.artifact(&payload).await?;
    let annotations = bundle.to_legacy_annotations(signer.chain())?;
    if !given.is_on("upload") {
        return Ok(());
    }
    said.push(format!("Pushing signature to: {}", image.papers_repository()));
    let already = papers::layers(&image.papers, &subject.digest, papers::SIGNATURE).await?;
    // The same payload signed by the same key once more says nothing new.
    let known = already.iter().any(|layer| {
        let made = layer
            .descriptor
            .annotations
            .get(SIGNATURE_ANNOTATION)
            .and_then(|made| made.parse::<Base64>().ok());
        let key = signer.key().public();
        layer.bytes == payload
            && made.is_some_and(|made| {
                key.accepted_schemes().iter().any(|scheme| key.verify(*scheme, &payload, &made).is_ok())
            })
    });
    if !known {
        papers::append(
            &image.papers,
            &subject.digest,
            papers::SIGNATURE,
            SIMPLE_SIGNING,
            payload,
            annotations,
        )
        .await?;
    }
    Ok(())
}

/// Reads `-a key=value`.
pub(super) fn annotations(given: &Given) -> anyhow::Result<Map<String, Value>> {
    let pairs = given.texts("annotations").iter().filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) =
            pair.split_once('=').with_context(|| format!("unable to parse annotation: {pair}"))?;
        Ok((name.to_owned(), Value::String(value.to_owned())))
    });
    pairs.collect()
}
