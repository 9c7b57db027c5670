//! The image that a command is about, and the repository where its papers lie.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use wharf_client::{Credential, ReferrersApi, Registry, RegistryOptions, RemoteRepository, Secret};
use wharf_content::{ErrorKind, ReadTarget as _};
use wharf_oci::{Descriptor, Digest, ImageReference, Reference};

use super::Exit;
use super::verifying::text;
use crate::cobra::flags::Given;
use crate::remote::credential_store;

/// An image, resolved once: from here on its digest counts, whatever happens to the tag.
pub(super) struct Image {
    /// As the user wrote it.
    pub(super) written: String,
    pub(super) reference: ImageReference,
    pub(super) target: RemoteRepository,
    /// Where papers are read and written: the image's repository, or that of `COSIGN_REPOSITORY`.
    pub(super) papers: RemoteRepository,
    pub(super) descriptor: Descriptor,
}

/// An image that the user named by its digest.
pub(super) struct Pinned {
    pub(super) digest: Digest,
    pub(super) target: RemoteRepository,
    pub(super) papers: RemoteRepository,
}

/// A tag that does not exist.
const TAG_MISSING: u8 = 11;

impl Image {
    /// Names an image by its digest without asking for it; `None` where only the registry knows the digest.
    pub(super) async fn pinned(given: &Given, written: &str) -> anyhow::Result<Option<Pinned>> {
        let reference: ImageReference = written.parse().context("parsing reference")?;
        let Some(digest) = reference.digest.clone() else { return Ok(None) };
        let target = registry(given, &reference).await?.repository(reference.repository.clone());
        let papers = papers_place(given, &target).await?;
        Ok(Some(Pinned { digest, target, papers }))
    }

    /// Resolves an image.
    ///
    /// # Errors
    /// With exit status 11 when there is no such tag.
    pub(super) async fn resolve(given: &Given, written: &str) -> anyhow::Result<Self> {
        let mut reference: ImageReference = written.parse().context("parsing reference")?;
        if reference.reference().is_none() {
            reference.tag = Some("latest".parse().expect("`latest` is a tag"));
        }
        let asked = reference.reference().expect("a tag or a digest, set above");
        let target = registry(given, &reference).await?.repository(reference.repository.clone());
        let papers = papers_place(given, &target).await?;
        let descriptor = match target.resolve(&asked).await {
            Ok(descriptor) => descriptor,
            Err(error) if error.kind() == ErrorKind::NotFound && matches!(asked, Reference::Tag(_)) => {
                return Err(
                    Exit { status: TAG_MISSING, text: format!("image tag not found: {error}") }.into()
                );
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { written: written.to_owned(), reference, target, papers, descriptor })
    }

    pub(super) fn digest(&self) -> &Digest {
        &self.descriptor.digest
    }

    /// `HOST/REPOSITORY`, without tag and digest.
    pub(super) fn repository(&self) -> String {
        format!("{}/{}", self.reference.host, self.reference.repository)
    }

    /// `HOST/REPOSITORY` where papers lie.
    pub(super) fn papers_repository(&self) -> String {
        format!("{}/{}", self.papers.registry().host(), self.papers.repository())
    }
}

/// Returns where the papers of what lies at `image` are kept: there, or where `COSIGN_REPOSITORY` says.
pub(super) async fn papers_place(
    given: &Given,
    image: &RemoteRepository,
) -> anyhow::Result<RemoteRepository> {
    match std::env::var("COSIGN_REPOSITORY").ok().filter(|place| !place.is_empty()) {
        None => Ok(image.clone()),
        Some(place) => {
            let place: ImageReference = place.parse().context("COSIGN_REPOSITORY")?;
            Ok(registry(given, &place).await?.repository(place.repository.clone()))
        }
    }
}

/// Returns a place that something is written to, which need not exist.
pub(super) async fn place(
    given: &Given,
    written: &str,
) -> anyhow::Result<(ImageReference, RemoteRepository)> {
    let mut reference: ImageReference = written.parse().context("parsing reference")?;
    if reference.reference().is_none() {
        reference.tag = Some("latest".parse().expect("`latest` is a tag"));
    }
    let repository = registry(given, &reference).await?.repository(reference.repository.clone());
    Ok((reference, repository))
}

/// Returns the registry of a reference as the flags and the stored logins say.
async fn registry(given: &Given, reference: &ImageReference) -> anyhow::Result<Registry> {
    // The flags are the same throughout a run: the login of a place is looked up once.
    let place = format!("{}/{}", reference.host, reference.repository);
    if let Some((_, _, registry)) = opened().iter().find(|(known, _, _)| *known == place) {
        return Ok(registry.clone());
    }
    let credential = match (text(given, "registry-username"), text(given, "registry-password")) {
        (Some(username), password) => Credential::Basic {
            username: username.to_owned(),
            password: Secret::new(password.unwrap_or_default()),
        },
        (None, Some(_)) => bail!("--registry-password needs --registry-username"),
        (None, None) if text(given, "registry-token").is_some() => {
            Credential::RegistryToken(Secret::new(text(given, "registry-token").unwrap_or_default()))
        }
        (None, None) => {
            let found = credential_store().find(&place).await.context("cannot look up the login")?;
            found.map(|found| found.credential).unwrap_or_default()
        }
    };
    // Host and login tell one registry from another.
    let same = |(known, login, _): &&(String, Credential, Registry)| {
        *login == credential && known.split('/').next() == Some(reference.host.as_str())
    };
    let known = opened().iter().find(same).map(|(_, _, registry)| registry.clone());
    let registry = match known {
        Some(registry) => registry,
        None => connect(given, reference, credential.clone()).await?,
    };
    opened().push((place, credential, registry.clone()));
    Ok(registry)
}

/// The registries of this run, by `HOST/REPOSITORY` and login: many images share connections and tokens.
fn opened() -> MutexGuard<'static, Vec<(String, Credential, Registry)>> {
    static OPENED: Mutex<Vec<(String, Credential, Registry)>> = Mutex::new(Vec::new());
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(
    given: &Given,
    reference: &ImageReference,
    credential: Credential,
) -> anyhow::Result<Registry> {
    let path = |name: &str| text(given, name).map(PathBuf::from);
    let options = RegistryOptions {
        credential,
        insecure: given.is_on("allow-insecure-registry"),
        ca_file: path("registry-cacert"),
        client_certificate: path("registry-client-cert").zip(path("registry-client-key")),
        referrers: ReferrersApi::Detect,
        ..RegistryOptions::default()
    };
    let secure = Registry::new(&reference.host, options.clone())?;
    // HTTP is permitted, not demanded: it is spoken only where nobody speaks TLS.
    if given.is_on("allow-http-registry")
        && secure.origin().starts_with("https")
        && secure.ping().await.is_err_and(|error| error.kind() == ErrorKind::Network)
    {
        return Ok(Registry::new(&reference.host, RegistryOptions { plain_http: true, ..options })?);
    }
    Ok(secure)
}
