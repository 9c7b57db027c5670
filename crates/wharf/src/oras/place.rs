//! An opened target: what a reference names, to be read and written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wharf_client::{Credential, RemoteRepository};
use wharf_content::{
    CachedTarget, DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, LayoutTarget, RawManifest, ReadTarget,
    TarTarget, Target as Writable, all_tags,
};
use wharf_oci::{Descriptor, Digest, Reference};

use super::fault::{Fault, told};
use super::target::{Kind, RemoteReference, Target, is_digest};

/// The annotation that names an entry of a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How many tags of a repository are listed.
const MAX_TAGS: usize = 1_000_000;

/// An opened target.
pub(super) struct Place {
    target: Target,
    inner: Inner,
    /// What it is read through.
    cached: Option<CachedTarget>,
}

enum Inner {
    Remote(RemoteRepository),
    Folder(LayoutTarget),
    Tar(TarTarget),
}

impl Place {
    /// Opens a target to read it: a layout may be a tar.
    pub(super) async fn open(target: &Target) -> anyhow::Result<Self> {
        if target.kind == Kind::Registry {
            return Self::remote(target).await;
        }
        let path = Path::new(&target.path);
        let about = match std::fs::metadata(path) {
            Ok(about) => about,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (raw, path) = (&target.raw, &target.path);
                return Err(Fault::new(format!(
                    "invalid argument {raw:?}: failed to find path {path:?}: stat {path}: no such file or directory"
                ))
                .into());
            }
            Err(error) => return Err(Error::io("cannot read", path, error).into()),
        };
        let inner = if about.is_dir() {
            let opened = LayoutTarget::open(path).await;
            Inner::Folder(opened.map_err(|error| Fault::new(format!("invalid OCI Image Layout: {error}")))?)
        } else {
            let opened = TarTarget::open(path).await;
            Inner::Tar(opened.map_err(|error| match error.kind() {
                ErrorKind::Io => Fault::new(error.to_string()),
                ErrorKind::NotFound => Fault::new(format!("invalid OCI Image Layout: {error}")),
                _ => Fault::new(format!("{:?} does not look like a tar archive: {error}", target.path)),
            })?)
        };
        Ok(Self { target: target.clone(), inner, cached: None })
    }

    /// Reads through the layout that `ORAS_CACHE` names, if it does and this is a registry.
    pub(super) async fn cached(mut self) -> anyhow::Result<Self> {
        let root = std::env::var_os("ORAS_CACHE").filter(|root| !root.is_empty());
        if let (Inner::Remote(repository), Some(root)) = (&self.inner, root) {
            let cache = LayoutTarget::create(PathBuf::from(root)).await?;
            self.cached = Some(CachedTarget::new(Arc::new(repository.clone()), cache));
        }
        Ok(self)
    }

    /// Opens a target to write it: a layout is made where there is none.
    pub(super) async fn create(target: &Target) -> anyhow::Result<Self> {
        if target.kind == Kind::Registry {
            return Self::remote(target).await;
        }
        let layout = LayoutTarget::create(&target.path).await?;
        Ok(Self { target: target.clone(), inner: Inner::Folder(layout), cached: None })
    }

    /// Makes a place of a layout that a command has opened itself.
    pub(super) fn folder(target: Target, layout: LayoutTarget) -> Self {
        Self { target, inner: Inner::Folder(layout), cached: None }
    }

    /// As [`Self::folder`], of a tar.
    pub(super) fn tar(target: Target, tar: TarTarget) -> Self {
        Self { target, inner: Inner::Tar(tar), cached: None }
    }

    async fn remote(target: &Target) -> anyhow::Result<Self> {
        let reference = RemoteReference::parse(&target.path)?;
        let registry = target.remote.registry(&reference.registry, &target.path).await?;
        let repository = registry.repository(reference.repository);
        Ok(Self { target: target.clone(), inner: Inner::Remote(repository), cached: None })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn repository(&self) -> Option<&RemoteRepository> {
        match &self.inner {
            Inner::Remote(repository) => Some(repository),
            Inner::Folder(_) | Inner::Tar(_) => None,
        }
    }

    pub(super) fn read(&self) -> &dyn ReadTarget {
        if let Some(cached) = &self.cached {
            return cached;
        }
        match &self.inner {
            Inner::Remote(repository) => repository,
            Inner::Folder(layout) => layout,
            Inner::Tar(tar) => tar,
        }
    }

    pub(super) fn write(&self) -> &dyn Writable {
        match &self.inner {
            Inner::Remote(repository) => repository,
            Inner::Folder(layout) => layout,
            Inner::Tar(tar) => tar,
        }
    }

    /// Says what an error of this place is.
    pub(super) fn told(&self, error: &Error) -> Fault {
        let anonymous = self
            .repository()
            .is_some_and(|repository| *repository.registry().credential() == Credential::Anonymous);
        told(error, anonymous.then(|| self.target.remote.config_file()).as_deref())
    }

    /// As [`Self::told`], where what is missing is called by `name`.
    fn told_of(&self, error: &Error, name: &str) -> Fault {
        match (error.kind(), &self.inner) {
            (ErrorKind::NotFound, Inner::Remote(_)) => Fault::missing(format!("{name}: not found"), true),
            (ErrorKind::NotFound, _) => Fault::missing("not found", false),
            _ => self.told(error),
        }
    }

    /// Returns the descriptor that a tag, digest or name leads to. What an entry of a layout says beyond that comes along.
    pub(super) async fn resolve(&self, reference: &str) -> anyhow::Result<Descriptor> {
        if let Some(entry) = self.entry(reference).await? {
            return Ok(entry);
        }
        let wanted = self.wanted(reference)?;
        let found = self.read().resolve(&wanted).await;
        Ok(found.map_err(|error| self.told_of(&error, &self.target.full(reference)))?)
    }

    /// Returns what a tag, digest or name leads to.
    pub(super) async fn fetch(&self, reference: &str) -> anyhow::Result<(Descriptor, RawManifest)> {
        let entry = self.entry(reference).await?;
        let wanted = match &entry {
            Some(entry) => Reference::Digest(entry.digest.clone()),
            None => self.wanted(reference)?,
        };
        let found = self.read().fetch_manifest(&wanted, DEFAULT_MAX_MANIFEST_BYTES).await;
        let raw = found.map_err(|error| self.told_of(&error, &self.target.full(reference)))?;
        Ok((entry.unwrap_or_else(|| raw.descriptor()), raw))
    }

    /// Returns a manifest by its descriptor.
    pub(super) async fn manifest(&self, descriptor: &Descriptor) -> anyhow::Result<RawManifest> {
        let wanted = Reference::Digest(descriptor.digest.clone());
        let found = self.read().fetch_manifest(&wanted, DEFAULT_MAX_MANIFEST_BYTES).await;
        Ok(found.map_err(|error| self.told_of(&error, descriptor.digest.as_str()))?)
    }

    /// Returns the whole of a small blob.
    pub(super) async fn blob(&self, descriptor: &Descriptor) -> anyhow::Result<bytes::Bytes> {
        let read = async {
            let stream = self.read().fetch_blob(descriptor, 0).await?;
            let stream = wharf_content::verified(stream, descriptor);
            wharf_content::collect(stream, DEFAULT_MAX_MANIFEST_BYTES).await
        };
        Ok(read.await.map_err(|error| self.told_of(&error, descriptor.digest.as_str()))?)
    }

    /// Returns the descriptor of a blob, or of a manifest in a layout.
    pub(super) async fn resolve_blob(&self, reference: &str) -> anyhow::Result<Descriptor> {
        match &self.inner {
            Inner::Remote(repository) => {
                let digest: Digest = reference.parse()?;
                let found = repository.resolve_blob(&digest).await;
                Ok(found.map_err(|error| self.told_of(&error, &self.target.full(reference)))?)
            }
            Inner::Folder(_) | Inner::Tar(_) => {
                if let Some(entry) = self.entry(reference).await? {
                    return Ok(entry);
                }
                let Ok(digest) = reference.parse::<Digest>() else {
                    return Err(Fault::missing("not found", false).into());
                };
                let size = match &self.inner {
                    Inner::Folder(layout) => {
                        std::fs::metadata(layout.blob_path(&digest)?).ok().map(|about| about.len())
                    }
                    Inner::Tar(tar) => tar.size_of(&digest),
                    Inner::Remote(_) => None,
                };
                match size {
                    Some(size) => Ok(Descriptor::new("application/octet-stream", digest, size)),
                    None => Err(Fault::missing("not found", false).into()),
                }
            }
        }
    }

    /// Returns the referrers of a manifest.
    pub(super) async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> anyhow::Result<Vec<Descriptor>> {
        let found = self.read().referrers(subject, artifact_type).await;
        Ok(found.map_err(|error| self.told(&error))?)
    }

    /// Stores a manifest and gives it a name, unless that is a digest or empty.
    pub(super) async fn push(&self, manifest: &RawManifest, name: &str) -> anyhow::Result<()> {
        let told = |error: Error| self.told(&error);
        match &self.inner {
            Inner::Remote(_) if !name.is_empty() && !is_digest(name) => {
                Ok(self.write().push_manifest(manifest, &[name.parse()?]).await.map_err(told)?)
            }
            _ => {
                self.write().push_manifest(manifest, &[]).await.map_err(told)?;
                self.name(&manifest.descriptor(), name).await
            }
        }
    }

    /// Gives a manifest of a layout a name, unless that is a digest or empty.
    pub(super) async fn name(&self, descriptor: &Descriptor, name: &str) -> anyhow::Result<()> {
        if name.is_empty() || is_digest(name) {
            return Ok(());
        }
        let named = match &self.inner {
            Inner::Folder(layout) => layout.name_manifest(descriptor, name).await,
            Inner::Remote(_) | Inner::Tar(_) => self.write().tag(&descriptor.digest, &name.parse()?).await,
        };
        Ok(named.map_err(|error| self.told(&error))?)
    }

    /// Returns all tags, or names, in their order.
    pub(super) async fn names(&self) -> anyhow::Result<Vec<String>> {
        if let Inner::Remote(repository) = &self.inner {
            let tags = all_tags(repository, MAX_TAGS).await.map_err(|error| self.told(&error))?;
            return Ok(tags.iter().map(ToString::to_string).collect());
        }
        let mut names: Vec<String> = self.entries().await?.into_iter().filter_map(ref_name).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn entries(&self) -> anyhow::Result<Vec<Descriptor>> {
        Ok(match &self.inner {
            Inner::Remote(_) => Vec::new(),
            Inner::Folder(layout) => layout.entries().await?,
            Inner::Tar(tar) => tar.entries()?,
        })
    }

    /// Returns the entry of a layout that has exactly this name.
    async fn entry(&self, name: &str) -> anyhow::Result<Option<Descriptor>> {
        let named = |entry: &Descriptor| entry.annotations.get(REF_NAME).is_some_and(|own| own == name);
        Ok(self.entries().await?.into_iter().find(named))
    }

    fn wanted(&self, reference: &str) -> anyhow::Result<Reference> {
        reference.parse().map_err(|_| {
            let remote = self.target.kind == Kind::Registry;
            let name = if remote { self.target.full(reference) } else { String::new() };
            let text = if remote { format!("{name}: not found") } else { "not found".to_owned() };
            Fault::missing(text, remote).into()
        })
    }
}

fn ref_name(mut entry: Descriptor) -> Option<String> {
    entry.annotations.remove(REF_NAME)
}
