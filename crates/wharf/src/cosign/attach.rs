//! `cosign attach signature|attestation|sbom`: what was made elsewhere is put where cosign looks for it. Nothing is verified.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};
use wharf_trust::{
    Base64, Bundle, CERTIFICATE_ANNOTATION, Envelope, IN_TOTO_PAYLOAD, LOG_ANNOTATION, SIGNATURE_ANNOTATION,
    SIMPLE_SIGNING, SimpleSigning, Statement, TIMESTAMP_ANNOTATION,
};

use super::attest_blob::now;
use super::image::Image;
use super::sign::warn_of_tag;
use super::verifying::text;
use super::{blob, note, one, tables, waiting, warning};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Text, TextDefault, Texts};
use crate::cobra::flags::{Given, flag};
use crate::papers;

pub(super) const SIGNATURE: Command = Command {
    path: &["cosign", "attach", "signature"],
    usage: "[flags] IMAGE",
    about: "Attach signatures to the supplied container image\n\n\
            A bundle is attached as a referrer; a signature with its parts as a layer under the older sibling tag.",
    flags: &[
        tables::REGISTRY,
        &[
            flag("signature", Text, "path to the signature, or {-} for stdin"),
            flag("payload", Text, "path to the payload covered by the signature"),
            flag("bundle", Text, "path to bundle containing signature (alias for payload)"),
            flag(
                "certificate",
                Text,
                "path to the X.509 certificate in PEM format to include in the OCI Signature",
            )
            .alias("cert"),
            flag(
                "certificate-chain",
                Text,
                "path to a list of CA X.509 certificates in PEM format, to include as well",
            )
            .alias("cert-chain"),
            flag("tsr", Text, "path to the Time Stamped Signature Response from RFC3161 compliant TSA"),
            flag("rekor-response", Text, "path to the rekor bundle"),
        ],
    ],
    run: signature,
};

pub(super) const ATTESTATION: Command = Command {
    path: &["cosign", "attach", "attestation"],
    usage: "[flags] IMAGE",
    about: "Attach attestation to the supplied container image\n\n\
            Each file is a bundle, or holds envelopes one after the other.",
    flags: &[tables::REGISTRY, &[flag("attestation", Texts, "path to the attestation envelope")]],
    run: attestation,
};

pub(super) const SBOM: Command = Command {
    path: &["cosign", "attach", "sbom"],
    usage: "[flags] IMAGE",
    about: "DEPRECATED: Attach sbom to the supplied container image",
    flags: &[
        tables::REGISTRY,
        &[
            flag("sbom", Text, "path to the sbom, or {-} for stdin"),
            flag("type", TextDefault("spdx"), "type of sbom (spdx|cyclonedx|syft)"),
            flag("input-format", Text, "type of sbom input format (json|xml|text)"),
        ],
    ],
    run: sbom,
};

/// Certificates behind the signer's own; nothing here reads them back.
const CHAIN_ANNOTATION: &str = "dev.sigstore.cosign/chain";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

fn deprecated() {
    note(
        "Command \"attach\" is deprecated, attach will be removed in v4.0.0 (see https://github.com/sigstore/cosign/issues/4696). \
         Instead, please use oras for attaching artifacts to other artifacts in a registry",
    );
}

fn signature(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    deprecated();
    let payload = text(given, "bundle").or_else(|| text(given, "payload"));
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let payload = payload.map(blob::read).transpose()?;
        if let Some(Ok(bundle)) = payload.as_deref().map(Bundle::from_json) {
            return attach(&image, &bundle).await;
        }
        let payload = payload.unwrap_or_else(|| {
            let digest = image.digest().to_string();
            SimpleSigning { docker_reference: image.repository(), digest, optional: Map::new() }.to_json()
        });
        let Some(path) = text(given, "signature") else { bail!("empty signature") };
        let signature = String::from_utf8(blob::read(path)?).ok().context("a signature is base64 text")?;
        let signature = signature.trim();
        ensure!(!signature.is_empty(), "empty signature");
        signature.parse::<Base64>().with_context(|| format!("signature {path}"))?;
        let mut annotations = BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), signature.to_owned())]);
        for (name, annotation) in
            [("certificate", CERTIFICATE_ANNOTATION), ("certificate-chain", CHAIN_ANNOTATION)]
        {
            if let Some(path) = text(given, name) {
                let pem = blob::read(path)?;
                wharf_trust::Certificate::all_from_pem(&pem).with_context(|| path.to_owned())?;
                annotations.insert(annotation.to_owned(), String::from_utf8(pem)?);
            }
        }
        if let Some(path) = text(given, "tsr") {
            let stamp = json!({ "SignedRFC3161Timestamp": Base64(blob::read(path)?) });
            annotations.insert(TIMESTAMP_ANNOTATION.to_owned(), stamp.to_string());
        }
        if let Some(path) = text(given, "rekor-response") {
            let read: Value = serde_json::from_slice(&blob::read(path)?).with_context(|| path.to_owned())?;
            if let Some(promise) = read.get("rekorBundle").filter(|found| !found.is_null()) {
                annotations.insert(LOG_ANNOTATION.to_owned(), promise.to_string());
            }
        }
        // What verifying could not even read is not attached.
        Bundle::from_legacy_signature(&annotations)?;
        let place = &image.papers;
        papers::append(place, image.digest(), papers::SIGNATURE, SIMPLE_SIGNING, payload, annotations)
            .await?;
        Ok(())
    })
}

fn attestation(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(!arguments.is_empty(), "requires at least 1 arg(s), only received 0");
    deprecated();
    waiting(given, async {
        let image = Image::resolve(given, &arguments[0]).await?;
        for path in given.texts("attestation") {
            note(&format!("Using payload from: {path}"));
            warn_of_tag(&image);
            let bytes = blob::read(path)?;
            match Bundle::from_json(&bytes) {
                Ok(bundle) => attach(&image, &bundle).await?,
                Err(_) => attach_envelopes(&image, &bytes)
                    .await
                    .with_context(|| format!("attaching payload from {path}"))?,
            }
        }
        Ok(())
    })
}

/// Attaches a bundle with a statement.
async fn attach(image: &Image, bundle: &Bundle) -> anyhow::Result<()> {
    let envelope = bundle.unverified_envelope().context("bundle does not have DSSE envelope")?;
    let statement =
        Statement::from_json(&envelope.payload).context("unable to understand bundle envelope statement")?;
    papers::attach(&image.papers, &image.descriptor, bundle, &statement.predicate_type, &now()?).await?;
    Ok(())
}

async fn attach_envelopes(image: &Image, bytes: &[u8]) -> anyhow::Result<()> {
    let documents: Vec<Value> =
        serde_json::Deserializer::from_slice(bytes).into_iter().collect::<Result<_, _>>()?;
    // All are read before the first is attached.
    let mut layers = Vec::new();
    for document in documents {
        let kind = document.get("payloadType").and_then(Value::as_str).unwrap_or_default();
        ensure!(
            kind == IN_TOTO_PAYLOAD,
            "invalid payloadType {kind} on envelope. Expected {IN_TOTO_PAYLOAD}"
        );
        let envelope = Envelope::from_json(&serde_json::to_vec(&document)?)?;
        ensure!(!envelope.signatures.is_empty(), "could not attach attestation without having signatures");
        let mut annotations = BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), String::new())]);
        if let Ok(statement) = Statement::from_json(&envelope.payload) {
            annotations.insert("predicateType".to_owned(), statement.predicate_type);
        }
        layers.push((serde_json::to_vec(&envelope)?, annotations));
    }
    for (layer, annotations) in layers {
        papers::append(&image.papers, image.digest(), papers::ATTESTATION, ENVELOPE, layer, annotations)
            .await?;
    }
    Ok(())
}

fn sbom(given: &Given, arguments: &[String], _: &mut dyn Write) -> anyhow::Result<()> {
    let written = one(arguments)?;
    deprecated();
    note(SBOM_DEPRECATED);
    let path = text(given, "sbom").unwrap_or_default();
    let media_type = sbom_type(given, path)?;
    warning(&format!(
        "Attaching SBOMs this way does not sign them. To sign them, use 'cosign attest --predicate {path} --key <key path>'."
    ));
    let bytes = blob::read(path)?;
    waiting(given, async {
        let image = Image::resolve(given, written).await?;
        let tag = papers::replace(&image.papers, image.digest(), papers::SBOM, media_type, bytes).await?;
        note(&format!(
            "Uploading SBOM file for [{written}] to [{}:{tag}] with mediaType [{media_type}].",
            image.papers_repository()
        ));
        Ok(())
    })
}

pub(super) const SBOM_DEPRECATED: &str = "WARNING: SBOM attachments are deprecated and support will be removed in a Cosign release soon after 2024-02-22 (see https://github.com/sigstore/cosign/issues/2755). Instead, please use SBOM attestations.";

fn sbom_type(given: &Given, path: &str) -> anyhow::Result<&'static str> {
    let format = text(given, "input-format");
    let json = format == Some("json") || path.ends_with(".json");
    let only = |known: &[&str]| match format {
        Some(other) if !known.contains(&other) => {
            bail!("invalid SBOM input format: {other:?}, expected ({})", known.join("|"))
        }
        _ => Ok(()),
    };
    match given.text("type").unwrap_or_default() {
        "cyclonedx" => {
            only(&["json", "xml"])?;
            Ok(if json { "application/vnd.cyclonedx+json" } else { "application/vnd.cyclonedx+xml" })
        }
        "spdx" => {
            only(&["json", "text"])?;
            Ok(if json { "text/spdx+json" } else { "text/spdx" })
        }
        "syft" => {
            only(&["json"])?;
            Ok("application/vnd.syft+json")
        }
        other => bail!("unknown SBOM type: {other:?}, expected (spdx|cyclonedx|syft)"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cobra::flags::{Flag, parse};

    #[test]
    fn the_media_type_follows_type_format_and_name() {
        let tables: &[&'static [Flag]] = SBOM.flags;
        let of = |words: &[&str], path: &str| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            sbom_type(&parse(tables, &words, &|_| None).unwrap().0, path)
        };
        assert_eq!(of(&[], "a.json").unwrap(), "text/spdx+json");
        assert_eq!(of(&[], "a").unwrap(), "text/spdx");
        assert_eq!(of(&["--type=cyclonedx"], "-").unwrap(), "application/vnd.cyclonedx+xml");
        assert_eq!(of(&["--type=syft"], "-").unwrap(), "application/vnd.syft+json");
        assert!(of(&["--type=spdx", "--input-format=xml"], "a").is_err());
        assert!(of(&["--type=other"], "a").is_err());
    }
}
