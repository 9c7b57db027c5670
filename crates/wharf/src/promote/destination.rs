//! Where it goes: content first, and each tag only if it still points where it was seen.

use std::sync::Arc;

use wharf_client::RemoteRepository;
use wharf_content::Target;
use wharf_oci::{Digest, Tag};

use crate::place::Place;
use crate::publish::{Channel, move_tag, resolve};
use crate::remote::{Connection, Identity};

/// The place that is written.
#[derive(Clone)]
pub(super) struct Destination {
    pub(super) target: Arc<dyn Target>,
    /// The same, where it is a registry: only there others may move a tag at the same time.
    remote: Option<RemoteRepository>,
    dry_run: bool,
}

impl Destination {
    /// Opens it; a layout or a tar is made where there is none, unless nothing is to be written.
    pub(super) async fn open(place: &Place, connection: &Connection, dry_run: bool) -> anyhow::Result<Self> {
        let identity = Identity::default();
        if let Place::Registry(reference) = place {
            let at = format!("{}/{}", reference.host, reference.repository);
            let registry = connection.registry(&at, &identity).await?;
            let remote = registry.repository(reference.repository.clone());
            return Ok(Self { target: Arc::new(remote.clone()), remote: Some(remote), dry_run });
        }
        let target = match dry_run {
            true => place.create_dry(connection, &identity).await?,
            false => place.create(connection, &identity).await?,
        };
        Ok(Self { target, remote: None, dry_run })
    }

    /// Looks where tags point, and says which must move to point at `digest`.
    pub(super) async fn look(&self, tags: &[Tag], digest: &Digest) -> anyhow::Result<Vec<Channel>> {
        let mut seen = Vec::new();
        for name in tags {
            let from = match resolve(&*self.target, name).await {
                Ok(found) => found.map(|found| found.digest),
                // In a dry run the project may be absent, and the registry hide that.
                Err(_) if self.dry_run => None,
                Err(error) => return Err(error.into()),
            };
            let moved = from.as_ref() != Some(digest);
            seen.push(Channel { name: name.clone(), from, to: digest.clone(), moved });
        }
        Ok(seen)
    }

    /// Moves a tag from where it was seen.
    pub(super) async fn point(&self, tag: &Channel) -> anyhow::Result<()> {
        match &self.remote {
            Some(remote) => move_tag(remote, &tag.name, tag.from.as_ref(), &tag.to).await,
            None => Ok(self.target.tag(&tag.to, &tag.name).await?),
        }
    }
}
