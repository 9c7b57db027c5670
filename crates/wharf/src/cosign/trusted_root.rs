//! `cosign trusted-root create`: the file that says which authorities and logs are believed.

use std::io::Write;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use wharf_trust::{Certificate, LogKind, Period, PublicKey, RootBuilder};

use super::{blob, specs};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text, Texts};
use crate::cobra::flags::{Flag, Given, flag};

const AUTHORITY: &str = "service specification, as a comma-separated key-value list; required keys: url, certificate-chain (path to PEM-encoded certificate chain); optional keys: start-time, end-time";
const LOG: &str = "service specification, as a comma-separated key-value list; required keys: url, public-key (path to PEM-encoded public key), start-time; optional keys: end-time, origin";

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "trusted-root", "create"],
    usage: "[flags]",
    about: "Create a Sigstore trusted root: which authorities and logs are believed, and when.\n\n\
            Examples:\n  \
            cosign trusted-root create --with-default-services --out public.json\n  \
            cosign trusted-root create \\\n    \
            --fulcio=url=https://fulcio.example.com,certificate-chain=fulcio.pem \\\n    \
            --ctfe=url=https://ctfe.example.com,public-key=ctfe.pub,start-time=2026-01-01T00:00:00Z \\\n    \
            --rekor=url=https://rekor.example.com,public-key=rekor.pub,start-time=2026-01-01T00:00:00Z,origin=rekor.example.com \\\n    \
            --tsa=url=https://tsa.example.com/api/v1/timestamp,certificate-chain=tsa.pem --out trusted-root.json",
    flags: &[
        &[
            flag("fulcio", Texts, AUTHORITY),
            flag("ctfe", Texts, LOG),
            flag("rekor", Texts, LOG),
            flag("tsa", Texts, AUTHORITY),
            flag("with-default-services", Switch, "start with the public instance as wharf knows it"),
            flag("no-default-fulcio", Switch, "without the certificate authorities of the public instance"),
            flag("no-default-ctfe", Switch, "without the certificate logs of the public instance"),
            flag("no-default-rekor", Switch, "without the logs of the public instance"),
            flag("no-default-tsa", Switch, "without the timestamp authorities of the public instance"),
            flag("out", Text, "path to output trusted root"),
        ],
        OLD_FULCIO,
        OLD_CTFE,
        OLD_REKOR,
        OLD_TSA,
    ],
    run,
};

/// Flags of before there were specifications.
const OLD_FULCIO: &[Flag] = &[
    flag("certificate-chain", Texts, "").deprecated("use --fulcio instead"),
    flag("fulcio-uri", Texts, "").deprecated("use --fulcio instead"),
];
const OLD_CTFE: &[Flag] = &[
    flag("ctfe-key", Texts, "").deprecated("use --ctfe instead"),
    flag("ctfe-start-time", Texts, "").deprecated("use --ctfe instead"),
    flag("ctfe-end-time", Texts, "").deprecated("use --ctfe instead"),
    flag("ctfe-url", Texts, "").deprecated("use --ctfe instead"),
];
const OLD_REKOR: &[Flag] = &[
    flag("rekor-key", Texts, "").deprecated("use --rekor instead"),
    flag("rekor-start-time", Texts, "").deprecated("use --rekor instead"),
    flag("rekor-end-time", Texts, "").deprecated("use --rekor instead"),
    flag("rekor-url", Texts, "").deprecated("use --rekor instead"),
];
const OLD_TSA: &[Flag] = &[
    flag("timestamp-certificate-chain", Texts, "").deprecated("use --tsa instead"),
    flag("timestamp-uri", Texts, "").deprecated("use --tsa instead"),
];

fn run(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let older = [("fulcio", OLD_FULCIO), ("rekor", OLD_REKOR), ("ctfe", OLD_CTFE), ("tsa", OLD_TSA)];
    for (name, old) in older {
        ensure!(
            !given.is_given(name) || old.iter().all(|old| !given.is_given(old.name)),
            "cannot use --{name} and old {name} flags at the same time"
        );
    }
    let mut root = start(given);
    for spec in given.texts("fulcio") {
        add_authority(&mut root, spec, "fulcio").context("parsing fulcio spec")?;
    }
    for (at, path) in given.texts("certificate-chain").iter().enumerate() {
        let chain = chain(path)?;
        let period = Period { start: begin(&chain, true), end: None };
        root.add_certificate_authority(nth(given, "fulcio-uri", at), &chain, period)?;
    }
    for spec in given.texts("ctfe") {
        add_log(&mut root, spec, LogKind::Certificates).context("parsing ctfe spec")?;
    }
    for spec in given.texts("rekor") {
        add_log(&mut root, spec, LogKind::Signatures).context("parsing rekor spec")?;
    }
    add_old_logs(given, &mut root)?;
    for spec in given.texts("tsa") {
        add_authority(&mut root, spec, "tsa").context("parsing tsa spec")?;
    }
    for (at, path) in given.texts("timestamp-certificate-chain").iter().enumerate() {
        let chain = chain(path)?;
        ensure!(chain.len() > 1, "certificate chain must have at least two certificates");
        let period = Period { start: begin(&chain, true), end: None };
        root.add_timestamp_authority(nth(given, "timestamp-uri", at), &chain, period)?;
    }
    specs::write(given, &root.to_json(), out)
}

fn start(given: &Given) -> RootBuilder {
    if !given.is_on("with-default-services") {
        return RootBuilder::default();
    }
    let mut root = RootBuilder::public_good();
    if given.is_on("no-default-fulcio") {
        root.remove_certificate_authorities();
    }
    if given.is_on("no-default-ctfe") {
        root.remove_certificate_logs();
    }
    if given.is_on("no-default-rekor") {
        root.remove_logs();
    }
    if given.is_on("no-default-tsa") {
        root.remove_timestamp_authorities();
    }
    root
}

fn add_authority(root: &mut RootBuilder, text: &str, name: &str) -> anyhow::Result<()> {
    let spec = specs::Spec::parse(text)?;
    let required = |key: &str| {
        spec.get(key).with_context(|| format!("missing or empty required key '{key}' in {name} spec"))
    };
    let (url, path) = (required("url")?, required("certificate-chain")?);
    let shown = if name == "tsa" { "TSA" } else { "Fulcio" };
    let chain = chain(path).with_context(|| format!("parsing {shown} certificate-chain"))?;
    let mut period = Period { start: begin(&chain, name == "fulcio"), end: end(&spec)? };
    if let Some(given) = spec.get("start-time") {
        period.start = Some(specs::time("start-time", given)?);
    }
    match name {
        "tsa" => root.add_timestamp_authority(url, &chain, period)?,
        _ => root.add_certificate_authority(url, &chain, period)?,
    }
    Ok(())
}

fn add_log(root: &mut RootBuilder, text: &str, kind: LogKind) -> anyhow::Result<()> {
    let spec = specs::Spec::parse(text)?;
    let required = |key: &str| {
        spec.get(key).with_context(|| format!("missing or empty required key '{key}' in tlog spec"))
    };
    let (url, path, begin) = (required("url")?, required("public-key")?, required("start-time")?);
    let key = key(path).context("parsing public-key")?;
    let period = Period { start: Some(specs::time("start-time", begin)?), end: end(&spec)? };
    root.add_log(kind, url, &key, spec.get("origin"), period)?;
    Ok(())
}

/// The logs that older flags name, each flag given as often as there are logs.
fn add_old_logs(given: &Given, root: &mut RootBuilder) -> anyhow::Result<()> {
    for (name, kind) in [("ctfe", LogKind::Certificates), ("rekor", LogKind::Signatures)] {
        let flag = |part: &str| format!("{name}-{part}");
        for (at, text) in given.texts(&flag("key")).iter().enumerate() {
            // What Rekor 2 calls itself stands behind a comma.
            let (path, origin) = match text.split_once(',') {
                Some((path, origin)) if kind == LogKind::Signatures => (path, Some(origin)),
                _ => (text.as_str(), None),
            };
            let moment = |part: &str| -> anyhow::Result<Option<Timestamp>> {
                let value = given.texts(&flag(part)).get(at);
                value.map(|value| specs::time(&flag(part), value)).transpose()
            };
            let start = moment("start-time")?.unwrap_or(Timestamp::UNIX_EPOCH);
            let period = Period { start: Some(start), end: moment("end-time")? };
            let (key, url) = (key(path)?, nth(given, &flag("url"), at));
            root.add_log(kind, url, &key, origin, period)?;
        }
    }
    Ok(())
}

fn end(spec: &specs::Spec<'_>) -> anyhow::Result<Option<Timestamp>> {
    spec.get("end-time").map(|end| specs::time("end-time", end)).transpose()
}

fn nth<'g>(given: &'g Given, name: &str, at: usize) -> &'g str {
    given.texts(name).get(at).map_or("", String::as_str)
}

fn chain(path: &str) -> anyhow::Result<Vec<Certificate>> {
    Certificate::all_from_pem(&blob::read(path)?).with_context(|| format!("certificates in {path}"))
}

fn key(path: &str) -> anyhow::Result<PublicKey> {
    PublicKey::from_pem(&blob::read(path)?).with_context(|| format!("public key in {path}"))
}

/// When trust begins where nobody says: with the root's certificate, or the authority's own.
fn begin(chain: &[Certificate], by_root: bool) -> Option<Timestamp> {
    let first = if by_root { chain.last() } else { chain.first() };
    first.map(|certificate| certificate.validity().0)
}
