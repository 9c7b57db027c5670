//! What the destination has under the version's tag.

use wharf_content::{ErrorKind, ReadTarget};
use wharf_oci::{Descriptor, Digest, Reference, Tag};

use crate::publish::differences::MAX_MANIFEST;
use crate::publish::{Differences, Plan};

/// What stands under the tag.
#[derive(Debug)]
pub(super) enum Presence {
    /// Nothing.
    Absent,
    /// The same manifest, or one of another tool over the same files, whose digest this is.
    Same(Digest),
    /// Something else.
    Differs(Box<Differences>),
}

/// Asks the repository.
pub(super) async fn probe(plan: &Plan, there: &dyn ReadTarget) -> wharf_content::Result<Presence> {
    let reference = Reference::Tag(plan.tag.clone());
    let Some(found) = resolve(there, &plan.tag).await? else { return Ok(Presence::Absent) };
    if found.digest == plan.manifest.digest {
        return Ok(Presence::Same(found.digest));
    }
    let manifest = match there.fetch_manifest(&reference, MAX_MANIFEST).await {
        Ok(manifest) => manifest,
        Err(error) if matches!(error.kind(), ErrorKind::Content | ErrorKind::Limit) => {
            let note = format!("what is there cannot be compared: {error}");
            let differences =
                Differences { remote: Some(found), notes: vec![note], ..Differences::default() };
            return Ok(Presence::Differs(Box::new(differences)));
        }
        Err(error) => return Err(error),
    };
    let differences = Differences::find(plan, there, &manifest).await?;
    if differences.is_empty() {
        return Ok(Presence::Same(manifest.digest));
    }
    Ok(Presence::Differs(Box::new(differences)))
}

/// Returns what a tag points at, if it is there.
pub(crate) async fn resolve(there: &dyn ReadTarget, tag: &Tag) -> wharf_content::Result<Option<Descriptor>> {
    match there.resolve(&Reference::Tag(tag.clone())).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
