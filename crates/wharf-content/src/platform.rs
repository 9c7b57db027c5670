//! Choosing platforms.

use std::fmt;
use std::str::FromStr;

use wharf_oci::{Descriptor, Manifest, Platform, Reference, media_type};

use crate::target::{RawManifest, ReadTarget};
use crate::{DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, Result, collect, verified};

/// How deep indexes may lie in each other where a platform is looked for.
const MAX_DEPTH: usize = 4;

/// A platform as people write it: `OS[/ARCHITECTURE[/VARIANT]][:OS_VERSION]`, in Go's words. What is not written
/// matches anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlatformFilter {
    /// The operating system.
    pub os: String,
    /// The architecture of the processor.
    pub architecture: Option<String>,
    /// Its variant.
    pub variant: Option<String>,
    /// The version of the operating system.
    pub os_version: Option<String>,
}

impl PlatformFilter {
    /// Returns whether a platform is meant.
    pub fn matches(&self, platform: &Platform) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        self.os == platform.os
            && is(&self.architecture, Some(&platform.architecture))
            && is(&self.variant, platform.variant.as_deref())
            && is(&self.os_version, platform.os_version.as_deref())
    }
}

impl FromStr for PlatformFilter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (platform, os_version) = match text.split_once(':') {
            Some((platform, version)) => (platform, Some(version.to_owned())),
            None => (text, None),
        };
        let mut parts = platform.split('/').map(str::to_owned);
        let filter = Self {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next(),
            variant: parts.next(),
            os_version,
        };
        let is_word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let written = [&filter.architecture, &filter.variant, &filter.os_version];
        let is_valid = is_word(&filter.os) && written.into_iter().flatten().all(|part| is_word(part));
        if parts.next().is_some() || !is_valid {
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "platform {text:?} is not OS[/ARCHITECTURE[/VARIANT]][:OS_VERSION], such as linux/amd64"
                ),
            ));
        }
        Ok(filter)
    }
}

impl fmt::Display for PlatformFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        for part in [&self.architecture, &self.variant].into_iter().flatten() {
            write!(f, "/{part}")?;
        }
        self.os_version.iter().try_for_each(|version| write!(f, ":{version}"))
    }
}

/// Returns the manifest of one platform: the first entry of the index that matches, or the manifest itself where it is
/// no index and its config does not name another platform.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none; the text names those that are there.
pub async fn resolve_platform(
    target: &dyn ReadTarget,
    reference: &Reference,
    platform: &PlatformFilter,
) -> Result<RawManifest> {
    let root = target.fetch_manifest(reference, DEFAULT_MAX_MANIFEST_BYTES).await?;
    select(target, root, platform).await
}

/// The same, where the manifest is known.
pub(crate) async fn select(
    target: &dyn ReadTarget,
    root: RawManifest,
    platform: &PlatformFilter,
) -> Result<RawManifest> {
    let mut offered: Vec<String> = Vec::new();
    let mut pending = vec![(root.clone(), 0)];
    while let Some((manifest, depth)) = pending.pop() {
        let parsed = manifest.parse()?;
        if parsed.config.is_some() {
            match config_platform(target, &parsed).await? {
                Some(found) if !platform.matches(&found) => offered.push(text(&found)),
                _ => return Ok(manifest),
            }
            continue;
        }
        let mut deeper = Vec::new();
        for entry in &parsed.manifests {
            let fetch = || async {
                let reference = Reference::Digest(entry.digest.clone());
                target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await
            };
            match &entry.platform {
                Some(found) if platform.matches(found) => return fetch().await,
                Some(found) => offered.push(text(found)),
                None if is_index(entry) && depth < MAX_DEPTH => deeper.push((fetch().await?, depth + 1)),
                None => {}
            }
        }
        pending.extend(deeper.into_iter().rev());
    }
    offered.sort();
    offered.dedup();
    Err(Error::new(
        ErrorKind::NotFound,
        format!(
            "{} of {} is not there for {platform}, only for: {}",
            root.digest,
            target.name(),
            if offered.is_empty() { "no platform".to_owned() } else { offered.join(", ") }
        ),
    ))
}

pub(crate) fn is_index(entry: &Descriptor) -> bool {
    matches!(entry.media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_MANIFEST_LIST)
}

/// Returns the platform that the config of an image names; `None` where the config is another's.
async fn config_platform(target: &dyn ReadTarget, manifest: &Manifest) -> Result<Option<Platform>> {
    let is_image = |config: &&Descriptor| {
        matches!(config.media_type.as_str(), media_type::OCI_CONFIG | media_type::DOCKER_CONFIG)
    };
    let Some(config) = manifest.config.as_ref().filter(is_image) else { return Ok(None) };
    let bytes = verified(target.fetch_blob(config, 0).await?, config);
    let bytes = collect(bytes, DEFAULT_MAX_MANIFEST_BYTES).await?;
    // A config that names no platform fits any.
    Ok(serde_json::from_slice(&bytes).ok())
}

fn text(platform: &Platform) -> String {
    let Platform { os, architecture, variant, .. } = platform;
    let variant = variant.iter().map(|variant| format!("/{variant}")).collect::<String>();
    format!("{os}/{architecture}{variant}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_not_written_matches_anything() {
        let platform: Platform =
            serde_json::from_str(r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#).unwrap();
        for yes in ["linux", "linux/arm64", "linux/arm64/v8"] {
            let filter: PlatformFilter = yes.parse().unwrap();
            assert!(filter.matches(&platform), "{yes}");
            assert_eq!(filter.to_string(), yes);
        }
        for no in ["windows", "linux/amd64", "linux/arm64/v7", "linux/arm64:10.0"] {
            assert!(!no.parse::<PlatformFilter>().unwrap().matches(&platform), "{no}");
        }
        for bad in ["", "/", "linux/", "linux/a/b/c", "linux:", "li nux"] {
            assert!(bad.parse::<PlatformFilter>().is_err(), "{bad}");
        }
    }
}
