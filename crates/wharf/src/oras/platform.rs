//! `--platform`: one manifest of an index, or a manifest whose config says so.

use anyhow::{bail, ensure};
use wharf_oci::{Descriptor, ManifestKind, Platform, media_type};

use super::fault::Fault;
use super::place::Place;
use crate::cobra::flags::Given;

/// Reads `os[/arch][/variant][:os_version]` from a flag.
pub(super) fn flag(given: &Given, name: &str) -> anyhow::Result<Option<Platform>> {
    match given.text(name) {
        None | Some("") => Ok(None),
        Some(text) => parse(text).map(Some),
    }
}

fn parse(text: &str) -> anyhow::Result<Platform> {
    let (platform, version) = text.split_once(':').unwrap_or((text, ""));
    let parts: Vec<&str> = platform.split('/').collect();
    let (os, architecture, variant) = match parts.as_slice() {
        [os] => (*os, own_architecture(), ""),
        [os, architecture] => (*os, *architecture, ""),
        [os, architecture, variant] => (*os, *architecture, *variant),
        _ => bail!("failed to parse platform {text:?}: expected format os[/arch[/variant]]"),
    };
    ensure!(!os.is_empty(), "invalid platform: OS cannot be empty");
    ensure!(!architecture.is_empty(), "invalid platform: Architecture cannot be empty");
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Platform {
        architecture: architecture.to_owned(),
        os: os.to_owned(),
        os_version: some(version),
        os_features: Vec::new(),
        variant: some(variant),
    })
}

/// Returns this machine's architecture by the name that Go gives it.
fn own_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn matches(found: &Platform, wanted: &Platform) -> bool {
    found.architecture == wanted.architecture
        && found.os == wanted.os
        && wanted.os_version.as_ref().is_none_or(|version| found.os_version.as_ref() == Some(version))
        && wanted.variant.as_ref().is_none_or(|variant| found.variant.as_ref() == Some(variant))
}

/// Returns what a reference leads to, for a platform if one is wanted.
pub(super) async fn resolve(
    place: &Place,
    reference: &str,
    platform: Option<&Platform>,
) -> anyhow::Result<Descriptor> {
    match platform {
        None => place.resolve(reference).await,
        Some(platform) => select(place, reference, platform).await,
    }
}

async fn select(place: &Place, reference: &str, wanted: &Platform) -> anyhow::Result<Descriptor> {
    let (descriptor, raw) = place.fetch(reference).await?;
    let parsed = raw.parse()?;
    let remote = place.repository().is_some();
    let missing = |reason: &str| Fault::missing(format!("{}: not found: {reason}", raw.digest), remote);
    if parsed.kind == ManifestKind::Index {
        let found = parsed
            .manifests
            .into_iter()
            .find(|entry| entry.platform.as_ref().is_some_and(|found| matches(found, wanted)));
        return found.ok_or_else(|| missing("no matching manifest was found in the manifest list").into());
    }
    let config = parsed.config.ok_or_else(|| missing("it has no config"))?;
    let expected = match raw.media_type.as_str() {
        media_type::DOCKER_MANIFEST => media_type::DOCKER_CONFIG,
        _ => media_type::OCI_CONFIG,
    };
    ensure!(
        config.media_type == expected,
        "fail to recognize platform from unknown config {}: expect {expected}: unsupported",
        config.media_type
    );
    let found = from_config(&place.blob(&config).await?)?;
    ensure!(
        found.is_some_and(|found| matches(&found, wanted)),
        missing("platform in manifest does not match target platform")
    );
    Ok(descriptor)
}

/// Reads the platform that a config tells, if it does.
fn from_config(bytes: &[u8]) -> anyhow::Result<Option<Platform>> {
    let config: serde_json::Value = serde_json::from_slice(bytes)?;
    Ok(of_config(&config))
}

/// Returns the platform that a config tells, if it does.
pub(super) fn of_config(config: &serde_json::Value) -> Option<Platform> {
    let text = |name: &str| config.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let (architecture, os) = (text("architecture").unwrap_or_default(), text("os").unwrap_or_default());
    if architecture.is_empty() && os.is_empty() {
        return None;
    }
    let features = config.get("os.features").and_then(serde_json::Value::as_array);
    Some(Platform {
        architecture,
        os,
        os_version: text("os.version").filter(|text| !text.is_empty()),
        os_features: features
            .into_iter()
            .flatten()
            .filter_map(|feature| Some(feature.as_str()?.to_owned()))
            .collect(),
        variant: text("variant").filter(|text| !text.is_empty()),
    })
}
