//! Manifests: read with their digest verified, written as their bytes.

use ::http::{HeaderValue, Method};
use reqwest::Response;
use wharf_content::{
    DEFAULT_MAX_MANIFEST_BYTES, Error, ErrorKind, RawManifest, ReadTarget, Result, media_type_of,
};
use wharf_oci::distribution::{DOCKER_CONTENT_DIGEST, OCI_SUBJECT};
use wharf_oci::{Descriptor, Digest, Reference, Tag, media_type};

use crate::http::{Call, CallBody};
use crate::repository::{PULL, PUSH, RemoteRepository};

/// The types that are asked for. A registry answers with what it has, whatever the order.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                      application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";

impl RemoteRepository {
    pub(super) async fn resolve_manifest(&self, reference: &Reference) -> Result<Descriptor> {
        let (call, response) = self.ask(Method::HEAD, reference).await?;
        if !response.status().is_success() {
            return Err(self.no_manifest(&call, response, reference).await);
        }
        let announced = announced_digest(&self.name(), &response)?;
        let media_type = content_type(&response);
        // Not `Response::content_length`: that is the size of the body, and HEAD has none.
        let size: Option<u64> = response
            .headers()
            .get(::http::header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        match (announced.or_else(|| reference.digest().cloned()), size) {
            (Some(digest), Some(size)) if !media_type.is_empty() => {
                if let Some(asked) = reference.digest().filter(|asked| **asked != digest) {
                    return Err(Error::new(
                        ErrorKind::Peer,
                        format!("{} answered with {digest} when asked for {asked}", self.name()),
                    ));
                }
                Ok(Descriptor::new(media_type, digest, size))
            }
            // The headers do not say enough: the manifest itself does.
            _ => Ok(self.get_manifest(reference, DEFAULT_MAX_MANIFEST_BYTES).await?.descriptor()),
        }
    }

    pub(super) async fn get_manifest(&self, reference: &Reference, max_bytes: u64) -> Result<RawManifest> {
        Ok(self.get_manifest_tagged(reference, max_bytes).await?.0)
    }

    /// Returns a manifest with its entity tag, if the registry gave one.
    pub(super) async fn get_manifest_tagged(
        &self,
        reference: &Reference,
        max_bytes: u64,
    ) -> Result<(RawManifest, Option<HeaderValue>)> {
        let (call, response) = self.ask(Method::GET, reference).await?;
        if !response.status().is_success() {
            return Err(self.no_manifest(&call, response, reference).await);
        }
        let announced = announced_digest(&self.name(), &response)?;
        let media_type = content_type(&response);
        let entity_tag = response.headers().get(::http::header::ETAG).cloned();
        let what = self.what(format_args!("manifest {reference}"));
        let bytes = self.registry.http.read(response, max_bytes, &what).await?;
        let manifest = match reference.digest().cloned().or(announced) {
            Some(digest) => RawManifest::verified(media_type, bytes, &digest)?,
            None => RawManifest::new(media_type, bytes),
        };
        if manifest.media_type.is_empty() {
            let media_type = media_type_of(&manifest.digest, &manifest.bytes)?;
            return Ok((RawManifest { media_type, ..manifest }, entity_tag));
        }
        Ok((manifest, entity_tag))
    }

    async fn ask(&self, method: Method, reference: &Reference) -> Result<(Call<'static>, Response)> {
        let call = self.call(method, &format!("manifests/{reference}"), PULL)?.header("accept", ACCEPT);
        let response = self.registry.http.send(&call).await?;
        Ok((call, response))
    }

    async fn no_manifest(&self, call: &Call<'_>, response: Response, reference: &Reference) -> Error {
        let what = self.what(format_args!("manifest {reference}"));
        self.registry.http.refused(call, response, &what).await
    }

    /// Pushes a manifest under each tag, or by its digest where there is none.
    pub(super) async fn put_manifest(&self, manifest: &RawManifest, tags: &[Tag]) -> Result<()> {
        let subject = manifest.parse()?.subject;
        let mut references: Vec<Reference> = tags.iter().cloned().map(Reference::Tag).collect();
        // Of a manifest that is not addressed by SHA-256 a push by tag would lose the digest.
        if references.is_empty() || manifest.digest.algorithm_name() != "sha256" {
            references.insert(0, Reference::Digest(manifest.digest.clone()));
        }
        let mut is_announced = false;
        for reference in &references {
            is_announced |= self.put_manifest_as(manifest, reference).await?;
        }
        match subject {
            Some(subject) => self.list_under(manifest, &subject.digest, is_announced).await,
            None => Ok(()),
        }
    }

    /// Pushes a manifest under one reference; returns whether the registry says that it processed the subject.
    pub(super) async fn put_manifest_as(
        &self,
        manifest: &RawManifest,
        reference: &Reference,
    ) -> Result<bool> {
        let mut call = self
            .call(Method::PUT, &format!("manifests/{reference}"), PUSH)?
            .header("content-type", &manifest.media_type)
            .body(CallBody::Bytes(manifest.bytes.clone()));
        for (name, value) in &self.push_headers {
            call.headers.insert(name.clone(), value.clone());
        }
        let response = self.registry.http.send(&call).await?;
        if !response.status().is_success() {
            let what = self.what(format_args!("the push of manifest {reference}"));
            return Err(self.registry.http.refused(&call, response, &what).await);
        }
        match announced_digest(&self.name(), &response)? {
            Some(stored)
                if stored != manifest.digest && stored.algorithm() == manifest.digest.algorithm() =>
            {
                Err(Error::new(
                    ErrorKind::Peer,
                    format!("{} stored {stored} when {} was pushed", self.name(), manifest.digest),
                ))
            }
            _ => Ok(response.headers().contains_key(OCI_SUBJECT)),
        }
    }
}

/// Returns the digest that the registry states, if it states one.
fn announced_digest(name: &str, response: &Response) -> Result<Option<Digest>> {
    let Some(value) = response.headers().get(DOCKER_CONTENT_DIGEST) else { return Ok(None) };
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| Error::new(ErrorKind::Peer, format!("{name} states the malformed digest {value:?}")))
}

/// Returns the media type without parameters; a generic one says nothing.
fn content_type(response: &Response) -> String {
    let value = response.headers().get(::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if media_type::is_manifest(value) || value.starts_with("application/vnd.") { value } else { "" }
        .to_owned()
}
