//! `cosign bundle create|inspect|upgrade`

use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use wharf_trust::{Base64, Bundle, Envelope, Identity, TrustedRoot};

use super::verifying::{certificates, public_key, text};
use super::{blob, note, one};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Ignored, Missing, MissingSwitch, Switch, Text};
use crate::cobra::flags::{Given, flag};

pub(super) const CREATE: Command = Command {
    path: &["cosign", "bundle", "create"],
    usage: "[flags]",
    about: "Create a Sigstore protobuf bundle by supplying signed material\n\n\
            Example:\n  cosign bundle create --artifact FILE --signature FILE --key cosign.pub --ignore-tlog --out bundle.sigstore.json",
    flags: &[&[
        flag("artifact", Text, "path to artifact FILE"),
        flag("attestation", Text, "path to attestation FILE"),
        flag("bundle", Text, "path to old format bundle FILE"),
        flag("certificate", Text, "path to the signing certificate, likely from Fulcio.").alias("cert"),
        flag(
            "ignore-tlog",
            Switch,
            "ignore transparency log verification, to be used when an artifact signature has not been uploaded to the transparency log.",
        ),
        flag("key", Text, "path to the public key file, env://VARIABLE, URL, or SCHEME://KEY of a plug-in"),
        flag("out", Text, "path to output bundle"),
        flag("rfc3161-timestamp", Text, "path to RFC3161 timestamp FILE"),
        flag("signature", Text, "path to base64-encoded signature"),
        flag("rekor-url", Ignored, "").deprecated(
            "please use a signing config to specify a rekor url; see `cosign signing-config --help`",
        ),
        flag("sk", MissingSwitch, ""),
        flag("slot", Missing, ""),
    ]],
    run: create,
};

pub(super) const INSPECT: Command = Command {
    path: &["cosign", "bundle", "inspect"],
    usage: "BUNDLE",
    about: "Inspect a Sigstore protobuf bundle",
    flags: &[],
    run: inspect,
};

pub(super) const UPGRADE: Command = Command {
    path: &["cosign", "bundle", "upgrade"],
    usage: "<bundle>",
    about: "Upgrade a Sigstore Protobuf bundle to the latest version. This command only supports standardized bundles.\n\n\
            Nothing is asked of a log: an entry without inclusion proof cannot be upgraded.",
    flags: &[&[
        flag("out", Text, "path to the output upgraded bundle file"),
        flag("rekor-url", Ignored, "no log is asked"),
    ]],
    run: upgrade,
};

fn create(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    for other in ["certificate", "signature"] {
        ensure!(
            !(given.is_given("bundle") && given.is_given(other)),
            "if any flags in the group [bundle {other}] are set none of the others can be; [bundle {other}] were all set"
        );
    }
    let artifact = text(given, "artifact").context("must supply --artifact")?;
    let bytes = blob::read(artifact)?;
    let mut bundle = match (text(given, "bundle"), text(given, "signature")) {
        (None, None) => bail!("must at least supply signature via --bundle or --signature"),
        (Some(path), _) => {
            let old = Bundle::from_local_payload(&blob::read(path)?).with_context(|| path.to_owned())?;
            ensure!(
                !given.is_on("ignore-tlog") || old.log_entries().is_empty(),
                "cannot ignore transparency log when the provided bundle contains a Signed Entry Timestamp"
            );
            old
        }
        (None, Some(path)) => {
            let encoded =
                String::from_utf8(blob::read(path)?).with_context(|| format!("{path} is not base64"))?;
            let signature = encoded.trim().parse::<Base64>().with_context(|| path.to_owned())?;
            Bundle::of_signature(&bytes, signature.0)
        }
    };
    if let Some(path) = text(given, "attestation") {
        let envelope = Envelope::from_json(&blob::read(path)?).with_context(|| path.to_owned())?;
        bundle = bundle.with_envelope(envelope);
    }
    if let Some(path) = text(given, "rfc3161-timestamp") {
        bundle.add_timestamp(timestamp(path)?);
    }
    if let Some(path) = text(given, "certificate") {
        bundle = bundle.with_certificate(&certificates(path)?[0]);
    } else if let Some(key) = text(given, "key") {
        bundle = bundle.with_key(&public_key(key).context("loading public key")?);
    }
    ensure!(
        given.is_on("ignore-tlog") || !bundle.log_entries().is_empty(),
        "the entry in the transparency log must be looked up in the log, which is not built in wharf yet; give --ignore-tlog to do without"
    );
    write(given, &bundle.into_v03()?.to_json(), out)
}

/// Reads `{"SignedRFC3161Timestamp": …}` as cosign writes it.
pub(super) fn timestamp(path: &str) -> anyhow::Result<Vec<u8>> {
    let read: Value = serde_json::from_slice(&blob::read(path)?).with_context(|| path.to_owned())?;
    let stamp = read.get("SignedRFC3161Timestamp").and_then(Value::as_str);
    let stamp = stamp.with_context(|| format!("{path} holds no SignedRFC3161Timestamp"))?;
    Ok(stamp.parse::<Base64>().with_context(|| path.to_owned())?.0)
}

fn write(given: &Given, bytes: &[u8], out: &mut dyn Write) -> anyhow::Result<()> {
    match text(given, "out") {
        Some(place) => blob::write_private(place, bytes),
        None => Ok(writeln!(out, "{}", String::from_utf8_lossy(bytes))?),
    }
}

fn upgrade(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let text_of = blob::read(one(arguments)?).context("reading input file")?;
    let bundle = Bundle::from_json(&text_of).context("upgrading bundle")?;
    let media_type = bundle.media_type().to_owned();
    let bytes = match media_type.strip_prefix("application/vnd.dev.sigstore.bundle+json;version=") {
        Some(old @ ("0.1" | "0.2")) => {
            note(&format!("Upgrading from v{old} to v0.3..."));
            bundle.into_v03().context("upgrading bundle")?.to_json()
        }
        _ => {
            note("Bundle is already at v0.3, no upgrade needed.");
            text_of
        }
    };
    write(given, &bytes, out)?;
    if let Some(place) = text(given, "out") {
        note(&format!("Successfully upgraded bundle written to {place}"));
    }
    Ok(())
}

/// Lines of a tree.
struct Tree {
    text: String,
    depth: usize,
}

impl Tree {
    fn line(&mut self, label: &str, value: impl std::fmt::Display) {
        let (indent, value) = ("  ".repeat(self.depth), value.to_string());
        // Writing to a text cannot fail.
        let _ = match value.is_empty() {
            true => writeln!(self.text, "{indent}- {label}:"),
            false => writeln!(self.text, "{indent}- {label}: {}", value.escape_debug()),
        };
    }

    fn warn(&mut self, text: &str) {
        self.line("[!] WARNING", text);
    }

    fn below(&mut self, label: &str, value: impl std::fmt::Display, inside: impl FnOnce(&mut Self)) {
        self.line(label, value);
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }
}

/// Shows what a bundle holds, also one that verifying would refuse.
fn inspect(_: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let path = one(arguments)?;
    note(
        "WARNING: This command only inspects the contents of the bundle.\nIt does not perform cryptographic verification or verify log inclusion.\n",
    );
    let bundle: Value = serde_json::from_slice(&blob::read(path).context("opening bundle file")?)
        .context("unmarshaling bundle")?;
    let mut tree = Tree { text: String::new(), depth: 0 };
    let media_type = bundle.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    let version = match media_type {
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => 1,
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => 2,
        "application/vnd.dev.sigstore.bundle+json;version=0.3" | wharf_trust::BUNDLE_V03 => 3,
        _ => 0,
    };
    tree.line("Bundle Media Type", media_type);
    match (media_type, version) {
        ("", _) => tree.warn("Missing Bundle Media Type"),
        (_, 0) => tree.warn("Unrecognized Media Type"),
        _ => {}
    }
    match bundle.get("verificationMaterial") {
        Some(material) => {
            tree.below("Verification Material", "", |tree| show_material(tree, material, version))
        }
        None => tree.warn("Missing Verification Material"),
    }
    match (bundle.get("dsseEnvelope"), bundle.get("messageSignature")) {
        (Some(envelope), _) => tree.below("Content", "", |tree| show_envelope(tree, envelope, &bundle)),
        (None, Some(message)) => tree.below("Content", "", |tree| show_message(tree, message)),
        (None, None) => tree.warn("Missing Content"),
    }
    Ok(out.write_all(tree.text.as_bytes())?)
}

/// The bytes of a field in base64; none where it is not there.
fn bytes(value: &Value, pointer: &str) -> Vec<u8> {
    let found = value.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse::<Base64>().ok());
    found.map(|bytes| bytes.0).unwrap_or_default()
}

fn present(bytes: &[u8]) -> String {
    format!("Present ({} bytes)", bytes.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key's hint in hexadecimal, or as it is where it is not base64.
fn hint(text: &str) -> String {
    text.parse::<Base64>().map_or_else(|_| text.to_owned(), |bytes| hex(&bytes))
}

/// A number, which protobuf's JSON writes as a text.
fn number(value: &Value, pointer: &str) -> i64 {
    let found = value.pointer(pointer);
    found.and_then(|it| it.as_i64().or_else(|| it.as_str()?.parse().ok())).unwrap_or_default()
}

fn show_material(tree: &mut Tree, material: &Value, version: u8) {
    if let Some(key) = material.get("publicKey") {
        tree.below("Content", "Public Key Identifier", |tree| {
            match key.get("hint").and_then(Value::as_str) {
                Some(text) if !text.is_empty() => tree.line("Hint", hint(text)),
                _ => tree.warn("Public key hint is empty"),
            }
        });
    } else if material.get("certificate").is_some() {
        tree.below("Content", "X.509 Certificate", |tree| {
            show_certificate(tree, &bytes(material, "/certificate/rawBytes"));
            if (1..3).contains(&version) {
                tree.warn("v0.1/v0.2 bundle should use certificate chain, not single certificate");
            }
        });
    } else if let Some(chain) =
        material.pointer("/x509CertificateChain/certificates").and_then(Value::as_array)
    {
        tree.below("Content", "X.509 Certificate Chain", |tree| {
            tree.line("Certificates", chain.len());
            for (at, certificate) in chain.iter().enumerate() {
                tree.below(&format!("Certificate [{at}]"), "", |tree| {
                    show_certificate(tree, &bytes(certificate, "/rawBytes"));
                });
            }
            if version >= 3 {
                tree.warn("v0.3 bundle should use single certificate, not chain");
            }
        });
    } else {
        tree.warn("Missing Verification Material Content (must be certificate, chain, or public key)");
    }
    let entries = material.get("tlogEntries").and_then(Value::as_array);
    if let Some(entries) = entries.filter(|entries| !entries.is_empty()) {
        tree.below("Transparency Log Entries", entries.len(), |tree| {
            for (at, entry) in entries.iter().enumerate() {
                tree.below(&format!("Entry [{at}]"), "", |tree| show_entry(tree, entry, version));
            }
        });
    }
    if let Some(data) = material.get("timestampVerificationData") {
        let stamps = data.get("rfc3161Timestamps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        tree.below("Timestamp Verification Data", "", |tree| {
            tree.line("RFC3161 Timestamps", stamps.len());
            for (at, stamp) in stamps.iter().enumerate() {
                tree.line(&format!("Timestamp [{at}]"), present(&bytes(stamp, "/signedTimestamp")));
            }
        });
    }
}

fn show_certificate(tree: &mut Tree, der: &[u8]) {
    if der.is_empty() {
        return tree.warn("Certificate raw_bytes is empty");
    }
    let certificate = match wharf_trust::Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return tree.line("Error", format!("parsing certificate: {error}")),
    };
    let (from, to) = certificate.validity();
    tree.below("Validity", "", |tree| {
        tree.line("Not Before", from);
        tree.line("Not After", to);
    });
    tree.below("Subject Public Key Info", "", |tree| {
        tree.line("Algorithm", format!("{:?}", certificate.public_key().kind()));
        tree.line("Fingerprint", hex(&certificate.public_key().fingerprint()));
    });
    if let Ok(identity) = Identity::of(&certificate) {
        tree.below("Extensions", "", |tree| {
            tree.line("Identity (Subject Alternative Name)", &identity.subject);
            if !identity.issuer.is_empty() {
                tree.line("OIDC Issuer", &identity.issuer);
            }
            for (claim, value) in &identity.claims {
                tree.line(claim.name(), value);
            }
        });
    }
}

fn show_entry(tree: &mut Tree, entry: &Value, version: u8) {
    tree.line("Log Index", number(entry, "/logIndex"));
    let id = bytes(entry, "/logId/keyId");
    let root = TrustedRoot::public_good();
    match root.logs().iter().find(|log| log.key().fingerprint().as_slice() == id) {
        Some(log) => tree.line("Log URL", log.base_url()),
        None => tree.line("Log ID", hex(&id)),
    }
    for (label, pointer) in [("Kind", "/kindVersion/kind"), ("Version", "/kindVersion/version")] {
        if let Some(text) = entry.pointer(pointer).and_then(Value::as_str) {
            tree.line(label, text);
        }
    }
    match number(entry, "/integratedTime") {
        0 => tree.line("Integrated Time", "0 (Not set)"),
        seconds => match jiff::Timestamp::from_second(seconds) {
            Ok(at) => tree.line("Integrated Time", at),
            Err(_) => tree.warn("Integrated time is out of range"),
        },
    }
    let (promise, proof) = (entry.get("inclusionPromise"), entry.get("inclusionProof"));
    if let Some(promise) = promise {
        tree.below("Inclusion Promise", "", |tree| {
            tree.line("Signed Entry Timestamp", present(&bytes(promise, "/signedEntryTimestamp")));
        });
    }
    if let Some(proof) = proof {
        tree.below("Inclusion Proof", "", |tree| {
            tree.line("Log Index", number(proof, "/logIndex"));
            tree.line("Tree Size", number(proof, "/treeSize"));
            tree.line("Hashes", proof.get("hashes").and_then(Value::as_array).map_or(0, Vec::len));
            if let Some(note) = proof.pointer("/checkpoint/envelope").and_then(Value::as_str) {
                tree.below("Checkpoint", "", |tree| show_checkpoint(tree, note));
            }
        });
    }
    let body = bytes(entry, "/canonicalizedBody");
    if !body.is_empty() {
        tree.line("Canonicalized Body", present(&body));
    }
    if version == 1 && promise.is_none() {
        tree.warn("v0.1 bundle tlog entry MUST contain an inclusion promise");
    }
    if version >= 2 && proof.is_none() {
        tree.warn(&format!("v0.{version} bundle tlog entry MUST contain an inclusion proof"));
    }
}

fn show_checkpoint(tree: &mut Tree, note: &str) {
    let (head, signatures) = note.split_once("\n\n").unwrap_or((note, ""));
    let mut lines = head.lines();
    let (Some(origin), Some(size), Some(_)) = (lines.next(), lines.next(), lines.next()) else {
        return tree.line("Envelope", present(note.as_bytes()));
    };
    tree.line("Origin", origin);
    tree.line("Tree Size", size);
    let other: Vec<&str> = lines.collect();
    if !other.is_empty() {
        tree.below("Other Content", format!("{} lines", other.len()), |tree| {
            for (at, line) in other.iter().enumerate() {
                tree.line(&format!("[{at}]"), line);
            }
        });
    }
    let witnesses: Vec<(&str, &str)> =
        signatures.lines().filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' ')).collect();
    tree.below("Witnesses", witnesses.len(), |tree| {
        for (name, encoded) in witnesses {
            // The first four bytes are the hint at the key.
            let length = encoded.parse::<Base64>().map_or(0, |bytes| bytes.len().saturating_sub(4));
            tree.line(name, format!("Signature Present ({length} bytes)"));
        }
    });
}

fn show_envelope(tree: &mut Tree, envelope: &Value, bundle: &Value) {
    let payload = bytes(envelope, "/payload");
    let kind = envelope.get("payloadType").and_then(Value::as_str).unwrap_or_default();
    tree.line("Type", "DSSE Envelope");
    tree.line("Payload Type", kind);
    tree.line("Payload", present(&payload));
    if let (wharf_trust::IN_TOTO_PAYLOAD, Ok(statement)) = (kind, serde_json::from_slice::<Value>(&payload)) {
        tree.below("Payload Content (in-toto)", "", |tree| {
            if let Some(text) = statement.get("predicateType").and_then(Value::as_str) {
                tree.line("Predicate Type", text);
            }
            if let Some(subjects) = statement.get("subject").and_then(Value::as_array) {
                tree.below("Subjects", subjects.len(), |tree| {
                    for name in subjects.iter().filter_map(|subject| subject.get("name")?.as_str()) {
                        tree.line("Name", name);
                    }
                });
            }
        });
    }
    let signatures = envelope.get("signatures").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    tree.below("Signatures", signatures.len(), |tree| {
        for (at, signature) in signatures.iter().enumerate() {
            tree.below(&format!("Signature [{at}]"), "", |tree| {
                tree.line("Signature", present(&bytes(signature, "/sig")));
                let key = signature.get("keyid").and_then(Value::as_str).unwrap_or_default();
                if !key.is_empty() {
                    tree.line("Key Hint", hint(key));
                    let named =
                        bundle.pointer("/verificationMaterial/publicKey/hint").and_then(Value::as_str);
                    if named.is_some_and(|named| named != key) {
                        tree.warn("Key hint mismatch with Verification Material");
                    }
                }
            });
        }
    });
    if signatures.len() != 1 {
        tree.warn("DSSE envelope MUST contain only one signature");
    }
}

fn show_message(tree: &mut Tree, message: &Value) {
    tree.line("Type", "Message Signature");
    if let Some(digest) = message.get("messageDigest") {
        tree.below("Message Digest", "", |tree| {
            tree.line("Algorithm", digest.get("algorithm").and_then(Value::as_str).unwrap_or_default());
            tree.line("Digest", present(&bytes(digest, "/digest")));
        });
    }
    tree.line("Signature", present(&bytes(message, "/signature")));
}
