//! Where content is, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use wharf_client::RemoteRepository;
use wharf_content::{LayoutTarget, TarTarget, Target};
use wharf_oci::{Digest, ImageReference, Reference, Tag};

use crate::exit::Usage;
use crate::remote::{Connection, Identity};

/// How a place is written, for help texts.
pub(crate) const FORMS: &str = "\
A place is one of
  HOST/REPOSITORY[:TAG][@DIGEST]     a repository of a registry; oci:// before it is fine
  layout:DIR[:TAG][@DIGEST]          an OCI layout in a folder
  tar:FILE[:TAG][@DIGEST]            an OCI layout in a tar";

/// A place, with what is meant there where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A repository of a registry.
    Registry(ImageReference),
    /// An OCI layout in a folder.
    Layout(PathBuf, Named),
    /// An OCI layout in a tar.
    Tar(PathBuf, Named),
}

/// Tag and digest behind a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(rest) = text.strip_prefix("layout:") {
            let (path, named) = path(text, rest)?;
            return Ok(Self::Layout(path, named));
        }
        if let Some(rest) = text.strip_prefix("tar:") {
            let (path, named) = path(text, rest)?;
            return Ok(Self::Tar(path, named));
        }
        if text.starts_with(['.', '/', '~']) {
            let form = if text.contains(".tar") { "tar:FILE" } else { "layout:DIR" };
            return Err(Usage(format!("{text:?} is not HOST/REPOSITORY; a path is written as {form}")).into());
        }
        text.parse().map(Self::Registry).map_err(|error| Usage(format!("{error}")).into())
    }
}

/// Splits `PATH[:TAG][@DIGEST]`. What is neither tag nor digest belongs to the path.
fn path(text: &str, rest: &str) -> anyhow::Result<(PathBuf, Named)> {
    let mut named = Named::default();
    let mut rest = rest;
    if let Some((before, digest)) = rest.rsplit_once('@')
        && let Ok(digest) = digest.parse()
    {
        (rest, named.digest) = (before, Some(digest));
    }
    if let Some((before, tag)) = rest.rsplit_once(':')
        && let Ok(tag) = tag.parse()
    {
        (rest, named.tag) = (before, Some(tag));
    }
    if rest.is_empty() {
        return Err(Usage(format!("{text:?} names no path")).into());
    }
    Ok((rest.into(), named))
}

impl Place {
    /// Returns what is meant there: the digest, else the tag.
    pub(crate) fn reference(&self) -> Option<Reference> {
        match self {
            Self::Registry(reference) => reference.reference(),
            Self::Layout(_, named) | Self::Tar(_, named) => {
                let by_digest = named.digest.clone().map(Reference::Digest);
                by_digest.or_else(|| named.tag.clone().map(Reference::Tag))
            }
        }
    }

    /// Returns the tag that is written, beside a digest or alone.
    pub(crate) fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Registry(reference) => reference.tag.as_ref(),
            Self::Layout(_, named) | Self::Tar(_, named) => named.tag.as_ref(),
        }
    }

    /// Returns `HOST/REPOSITORY`, where it has such a name.
    pub(crate) fn repository(&self) -> Option<String> {
        match self {
            Self::Registry(reference) => Some(format!("{}/{}", reference.host, reference.repository)),
            Self::Layout(..) | Self::Tar(..) => None,
        }
    }

    /// Returns the host, where it is at a registry.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Registry(reference) => Some(&reference.host),
            Self::Layout(..) | Self::Tar(..) => None,
        }
    }

    /// Returns whether both are in the same repository, folder or file, as they are written.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Layout(one, _), Self::Layout(other, _)) | (Self::Tar(one, _), Self::Tar(other, _)) => {
                one == other
            }
            _ => self.repository().is_some_and(|one| other.repository() == Some(one)),
        }
    }

    /// Returns what is meant there, which must be written.
    pub(crate) fn named(&self) -> anyhow::Result<Reference> {
        let missing = || Usage(format!("{self} names neither tag nor digest; none is guessed"));
        self.reference().ok_or_else(|| missing().into())
    }

    /// Returns the same place with something else meant there.
    pub(crate) fn with(&self, reference: Reference) -> Self {
        let named = |reference: Reference| match reference {
            Reference::Tag(tag) => Named { tag: Some(tag), digest: None },
            Reference::Digest(digest) => Named { tag: None, digest: Some(digest) },
        };
        match self {
            Self::Registry(place) => Self::Registry(place.with_reference(reference)),
            Self::Layout(path, _) => Self::Layout(path.clone(), named(reference)),
            Self::Tar(path, _) => Self::Tar(path.clone(), named(reference)),
        }
    }

    /// Opens what is there.
    pub(crate) async fn open(
        &self,
        connection: &Connection,
        identity: &Identity,
    ) -> anyhow::Result<Arc<dyn Target>> {
        Ok(match self {
            Self::Registry(place) => Arc::new(repository(place, connection, identity).await?),
            Self::Layout(path, _) => Arc::new(LayoutTarget::open(path).await?),
            Self::Tar(path, _) => Arc::new(TarTarget::open(path).await?),
        })
    }

    /// Opens it for writing; a layout or a tar is made where there is none.
    pub(crate) async fn create(
        &self,
        connection: &Connection,
        identity: &Identity,
    ) -> anyhow::Result<Arc<dyn Target>> {
        Ok(match self {
            Self::Registry(place) => {
                Arc::new(repository(place, connection, identity).await?.as_destination())
            }
            Self::Layout(path, _) => Arc::new(LayoutTarget::create(path).await?),
            Self::Tar(path, _) => Arc::new(TarTarget::create(path).await?),
        })
    }

    /// Opens it as [`Place::create`] would find it, without making anything.
    pub(crate) async fn create_dry(
        &self,
        connection: &Connection,
        identity: &Identity,
    ) -> anyhow::Result<Arc<dyn Target>> {
        match self.open(connection, identity).await {
            Err(error) if is_not_found(&error) => Ok(Arc::new(wharf_content::MemoryTarget::new())),
            opened => opened,
        }
    }
}

async fn repository(
    place: &ImageReference,
    connection: &Connection,
    identity: &Identity,
) -> anyhow::Result<RemoteRepository> {
    let at = format!("{}/{}", place.host, place.repository);
    let registry = connection.registry(&at, identity).await?;
    Ok(registry.repository(place.repository.clone()))
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<wharf_content::Error>();
    error.is_some_and(|error| error.kind() == wharf_content::ErrorKind::NotFound)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path, named) = match self {
            Self::Registry(place) => return place.fmt(f),
            Self::Layout(path, named) => ("layout", path, named),
            Self::Tar(path, named) => ("tar", path, named),
        };
        write!(f, "{scheme}:{}", path.display())?;
        named.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        named.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn places_print_as_they_were_read() {
        let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        for (text, reference) in [
            ("localhost:5000/shop/web:v1", Some("v1")),
            ("registry.example.com/shop/web", None),
            ("layout:./out", None),
            ("layout:./out:v1", Some("v1")),
            ("layout:/a:b/c", None),
            ("tar:out.tar:1.4.0", Some("1.4.0")),
            (&format!("tar:out.tar:v1@{digest}"), Some(digest)),
            (&format!("localhost:5000/a@{digest}"), Some(digest)),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), text);
            assert_eq!(place.reference().map(|reference| reference.to_string()).as_deref(), reference);
        }
        for bad in ["layout:", "tar::v1", "./out", "/a/b.tar", "web:v1", ""] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
        let error = "./out".parse::<Place>().unwrap_err().to_string();
        assert!(error.contains("layout:DIR"), "{error}");
    }
}
