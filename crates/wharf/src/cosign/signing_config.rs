//! `cosign signing-config create`: the file that says which services are asked when something is signed.

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use wharf_trust::{Period, Selector, Service, SigningConfig};

use super::verifying::text;
use super::{blob, specs};
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Switch, Text, Texts};
use crate::cobra::flags::{Given, flag};

const SERVICE: &str = "service specification, as a comma-separated key-value list; required keys: url, api-version (integer), start-time, operator; optional keys: end-time";

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "signing-config", "create"],
    usage: "[flags]",
    about: "Create a Sigstore signing config: which services are asked when something is signed.\n\n\
            Without any, what is signed by it is signed offline.\n\n\
            Examples:\n  \
            cosign signing-config create --out offline.json\n  \
            cosign signing-config create --with-default-services --no-default-rekor --out no-log.json\n  \
            cosign signing-config create \\\n    \
            --fulcio=url=https://fulcio.example.com,api-version=1,start-time=2026-01-01T00:00:00Z,operator=example.com \\\n    \
            --rekor=url=https://rekor.example.com,api-version=2,start-time=2026-01-01T00:00:00Z,operator=example.com --rekor-config=ANY \\\n    \
            --tsa=url=https://tsa.example.com/api/v1/timestamp,api-version=1,start-time=2026-01-01T00:00:00Z,operator=example.com --tsa-config=EXACT:1",
    flags: &[&[
        flag(
            "base-config",
            Text,
            "path to a signing config to start with, in which the other flags replace services",
        ),
        flag("fulcio", Texts, SERVICE),
        flag("oidc-provider", Texts, SERVICE),
        flag("rekor", Texts, SERVICE),
        flag("rekor-config", Text, "how many logs are asked: ANY, ALL, EXACT:<count>; required with --rekor"),
        flag("tsa", Texts, SERVICE),
        flag(
            "tsa-config",
            Text,
            "how many timestamp authorities are asked: ANY, ALL, EXACT:<count>; required with --tsa",
        ),
        flag("with-default-services", Switch, "start with the public instance as wharf knows it"),
        flag("with-default-rekor-v2", Switch, "as --with-default-services, whose log is of Rekor 2"),
        flag("no-default-fulcio", Switch, "without the certificate authorities that it starts with"),
        flag("no-default-oidc", Switch, "without the identity providers that it starts with"),
        flag("no-default-rekor", Switch, "without the logs that it starts with"),
        flag("no-default-tsa", Switch, "without the timestamp authorities that it starts with"),
        flag("out", Text, "path to output signing config"),
    ]],
    run,
};

fn run(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    for (service, number) in [("rekor", "rekor-config"), ("tsa", "tsa-config")] {
        ensure!(
            given.texts(service).is_empty() || text(given, number).is_some(),
            "--{number} must be provided when --{service} is specified"
        );
    }
    let defaults = given.is_on("with-default-services") || given.is_on("with-default-rekor-v2");
    let base = text(given, "base-config");
    for other in ["with-default-services", "with-default-rekor-v2"] {
        if base.is_some() && given.is_given(other) {
            bail!(
                "if any flags in the group [base-config {other}] are set none of the others can be; [base-config {other}] were all set"
            );
        }
    }
    let mut config = match base {
        Some(path) => blob::read(path)
            .and_then(|text| Ok(SigningConfig::from_json(&text)?))
            .with_context(|| format!("loading base config from {path}"))?,
        None if defaults => SigningConfig::public_good(),
        None => SigningConfig::default(),
    };
    if given.is_on("with-default-rekor-v2") {
        config.rekor_tlog_urls.retain(|log| log.major_api_version == 2);
    }
    remove(given, &mut config);
    // What is named replaces what a file began with, and joins the public instance, as in cosign.
    let kinds: [(&str, &mut Vec<Service>); 4] = [
        ("fulcio", &mut config.ca_urls),
        ("rekor", &mut config.rekor_tlog_urls),
        ("oidc-provider", &mut config.oidc_urls),
        ("tsa", &mut config.tsa_urls),
    ];
    for (name, services) in kinds {
        let named = given.texts(name).iter().map(|spec| service(spec));
        let named: Vec<_> =
            named.collect::<Result<_, _>>().with_context(|| format!("parsing {name} spec"))?;
        if base.is_some() && !named.is_empty() {
            services.clear();
        }
        services.extend(named);
    }
    if let Some(selector) = text(given, "rekor-config") {
        config.rekor_tlog_config = Selector::parse(selector).context("parsing rekor-config")?;
    }
    if let Some(selector) = text(given, "tsa-config") {
        config.tsa_config = Selector::parse(selector).context("parsing tsa-config")?;
    }
    specs::write(given, &config.to_json(), out)
}

fn remove(given: &Given, config: &mut SigningConfig) {
    if given.is_on("no-default-fulcio") {
        config.ca_urls.clear();
    }
    if given.is_on("no-default-oidc") {
        config.oidc_urls.clear();
    }
    if given.is_on("no-default-rekor") {
        config.rekor_tlog_urls.clear();
        config.rekor_tlog_config = Selector::Undefined;
    }
    if given.is_on("no-default-tsa") {
        config.tsa_urls.clear();
        config.tsa_config = Selector::Undefined;
    }
}

fn service(spec: &str) -> anyhow::Result<Service> {
    let parts = specs::Spec::parse(spec)?;
    let required =
        |key: &str| parts.get(key).with_context(|| format!("missing required key '{key}' in service spec"));
    let (url, version) = (required("url")?, required("api-version")?);
    let (start, operator) = (required("start-time")?, required("operator")?);
    let Ok(version) = version.parse() else {
        bail!("parsing api-version: {version:?} is no whole number");
    };
    let period = Period {
        start: Some(specs::time("start-time", start)?),
        end: parts.get("end-time").map(|end| specs::time("end-time", end)).transpose()?,
    };
    Ok(Service::new(url, version).run_by(operator, period))
}
