//! What a reference on the command line names: a repository of a registry, or a layout.

use wharf_client::ReferrersApi;

use super::fault::{self, Fault};
use super::remote::Remote;
use crate::cobra::Command;
use crate::cobra::flags::Given;
use wharf_oci::{Digest, DigestError, RepositoryName, Tag};

/// Where a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Registry,
    Layout,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Layout => "oci-layout",
        }
    }
}

/// A reference with the flags that belong to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// As it was written.
    pub(super) raw: String,
    /// The part before tag or digest: `HOST/REPOSITORY`, or the path of a layout.
    pub(super) path: String,
    /// Tag or digest; of a layout, any name; empty where none was written.
    pub(super) reference: String,
    pub(super) remote: Remote,
}

impl Target {
    /// Reads a reference. `prefix` stands before the names of its flags: nothing, `from-` or `to-`.
    pub(super) fn parse(given: &Given, prefix: &str, raw: &str) -> anyhow::Result<Self> {
        let layout = format!("{prefix}oci-layout");
        let layout_path = format!("{prefix}oci-layout-path");
        exclusive(given, &[&layout_path, &layout])?;
        let remote = Remote::default;
        if given.is_on(&layout) {
            if !given.texts(&format!("{prefix}header")).is_empty() {
                anyhow::bail!("custom header flags cannot be used on an OCI image layout target");
            }
            let (path, reference) = match raw.rsplit_once('@') {
                Some((path, reference)) => (path.to_owned(), reference.to_owned()),
                None => file_and_more(raw).map(|(path, reference)| (path, reference.unwrap_or_default()))?,
            };
            return Ok(Self { kind: Kind::Layout, raw: raw.to_owned(), path, reference, remote: remote() });
        }
        if let Some(path) = given.text(&layout_path).filter(|path| !path.is_empty()) {
            let (path, reference) = (path.to_owned(), raw.to_owned());
            return Ok(Self { kind: Kind::Layout, raw: raw.to_owned(), path, reference, remote: remote() });
        }
        let parsed = RemoteReference::parse(raw).map_err(|error| Fault {
            is_reference: true,
            ..Fault::new(format!("{raw:?}: {error}")).advice(
                "Please make sure the provided reference is in the form of <registry>/<repo>[:tag|@digest]",
            )
        })?;
        Ok(Self {
            kind: Kind::Registry,
            raw: raw.to_owned(),
            path: format!("{}/{}", parsed.registry, parsed.repository),
            reference: parsed.reference,
            remote: Remote::parse(given, prefix)?,
        })
    }

    /// Returns how ORAS shows it.
    pub(super) fn display(&self) -> String {
        format!("[{}] {}", self.kind.name(), self.raw)
    }

    /// Fails where there is neither tag nor digest.
    pub(super) fn need_reference(&self, command: &Command, tag_would_do: bool) -> anyhow::Result<()> {
        if self.reference.is_empty() {
            return Err(fault::no_reference(command, &self.raw, tag_would_do));
        }
        Ok(())
    }

    /// Returns the full name of something in it, for messages.
    pub(super) fn full(&self, reference: &str) -> String {
        let separator = if is_digest(reference) { '@' } else { ':' };
        format!("{}{separator}{reference}", self.path)
    }
}

/// Splits `FILE[:MORE]` at the last colon.
pub(super) fn file_and_more(text: &str) -> anyhow::Result<(String, Option<String>)> {
    let (file, more) = match text.rsplit_once(':') {
        Some((file, more)) => (file, Some(more.to_owned())),
        None => (text, None),
    };
    anyhow::ensure!(!file.is_empty(), "found empty file path in {text:?}");
    Ok((file.to_owned(), more))
}

/// Splits `NAME[:TAG],TAG,…` into the first reference and the other tags.
pub(super) fn with_more_tags(text: &str) -> (&str, Vec<String>) {
    let mut parts = text.split(',');
    let first = parts.next().unwrap_or_default();
    (first, parts.map(str::to_owned).collect())
}

pub(super) fn is_digest(text: &str) -> bool {
    text.parse::<Digest>().is_ok_and(|digest| digest.algorithm().is_some())
}

/// A reference to a registry in parts.
pub(super) struct RemoteReference {
    pub(super) registry: String,
    pub(super) repository: RepositoryName,
    /// Tag or digest, or nothing.
    pub(super) reference: String,
}

impl RemoteReference {
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let Some((registry, path)) = text.split_once('/') else {
            anyhow::bail!("invalid reference: missing registry or repository");
        };
        let (repository, reference, is_tag) = if let Some((repository, digest)) = path.split_once('@') {
            // A tag beside the digest is dropped.
            (repository.split(':').next().unwrap_or_default(), digest, false)
        } else {
            match path.split_once(':') {
                Some((repository, tag)) => (repository, tag, true),
                None => (path, "", true),
            }
        };
        check_registry(registry)?;
        let Ok(repository) = repository.parse::<RepositoryName>() else {
            anyhow::bail!("invalid reference: invalid repository {repository:?}");
        };
        if !reference.is_empty() {
            if is_tag {
                check_tag(reference)?;
            } else {
                check_digest(reference)?;
            }
        }
        Ok(Self { registry: registry.to_owned(), repository, reference: reference.to_owned() })
    }
}

/// Fails for what is no host with or without a port.
pub(super) fn check_registry(registry: &str) -> anyhow::Result<()> {
    let fine = !registry.is_empty()
        && !registry.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '@' | '\\'))
        && format!("http://{registry}/").parse::<reqwest::Url>().is_ok();
    anyhow::ensure!(fine, "invalid reference: invalid registry {registry:?}");
    Ok(())
}

pub(super) fn check_tag(tag: &str) -> anyhow::Result<()> {
    anyhow::ensure!(tag.parse::<Tag>().is_ok(), "invalid reference: invalid tag {tag:?}");
    Ok(())
}

fn check_digest(digest: &str) -> anyhow::Result<()> {
    let reason = digest_fault(digest);
    match reason {
        None => Ok(()),
        Some(reason) => anyhow::bail!("invalid reference: invalid digest {digest:?}: {reason}"),
    }
}

/// Says what is wrong with a digest, in the words of Go's digest library.
pub(super) fn digest_fault(digest: &str) -> Option<&'static str> {
    let parsed: Result<Digest, DigestError> = digest.parse();
    let (algorithm, encoded) = digest.split_once(':').unwrap_or(("", ""));
    match parsed {
        Ok(digest) if digest.algorithm().is_some() => None,
        Ok(_) => Some("unsupported digest algorithm"),
        Err(_) if algorithm.is_empty() || encoded.is_empty() => Some("invalid checksum digest format"),
        Err(_) => Some(match algorithm {
            "sha256" if encoded.len() != 64 => "invalid checksum digest length",
            "sha512" if encoded.len() != 128 => "invalid checksum digest length",
            "sha256" | "sha512" => "invalid checksum digest format",
            _ => "unsupported digest algorithm",
        }),
    }
}

/// Fails where more than one of these flags is given.
pub(super) fn exclusive(given: &Given, names: &[&str]) -> anyhow::Result<()> {
    let used: Vec<String> =
        names.iter().filter(|name| given.is_given(name)).map(|name| format!("--{name}")).collect();
    anyhow::ensure!(used.len() < 2, "{} cannot be used at the same time", used.join(", "));
    Ok(())
}

/// Reads the flag that says how referrers are found.
pub(super) fn referrers_api(given: &Given, prefix: &str) -> anyhow::Result<ReferrersApi> {
    let name = format!("{prefix}distribution-spec");
    match given.text(&name) {
        None => Ok(ReferrersApi::Detect),
        Some("v1.1-referrers-tag") => Ok(ReferrersApi::Tag),
        Some("v1.1-referrers-api") => Ok(ReferrersApi::Api),
        Some(other) => Err(Fault::new(format!(
            "invalid argument {other:?} for \"--{name}\" flag: unknown distribution specification flag: {other}"
        ))
        .advice("Available options: v1.1-referrers-tag, v1.1-referrers-api")
        .into()),
    }
}
