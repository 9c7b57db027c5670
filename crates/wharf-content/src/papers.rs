//! Papers: everything attached to a manifest, whichever way it was attached.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use wharf_oci::{Descriptor, Digest, ManifestKind, Reference, Tag};

use crate::target::ReadTarget;
use crate::{DEFAULT_MAX_MANIFEST_BYTES, ErrorKind, Result};

/// The ends of the sibling tags that cosign up to version 2 writes.
const SIBLINGS: [&str; 3] = ["sig", "att", "sbom"];
/// How many pages of tags are read before siblings are asked for one by one.
const MAX_TAG_PAGES: usize = 10;
const ATTESTATION: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");
const ATTESTED: &str = "vnd.docker.reference.digest";

/// Which papers are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperOptions {
    /// Referrers, by the API or the list of the target, and by the fallback tag.
    pub referrers: bool,
    /// Tags named after the digest: `sha256-<hex>.sig`, `.att`, `.sbom`.
    pub sibling_tags: bool,
    /// Of the referrers, those of these artifact types only; all, where there is none here.
    pub artifact_types: Vec<String>,
}

impl PaperOptions {
    /// Everything.
    pub const ALL: Self = Self { referrers: true, sibling_tags: true, artifact_types: Vec::new() };
    /// Referrers only.
    pub const REFERRERS: Self = Self { referrers: true, sibling_tags: false, artifact_types: Vec::new() };
    /// Nothing.
    pub const NONE: Self = Self { referrers: false, sibling_tags: false, artifact_types: Vec::new() };

    fn wants(&self, referrer: &Descriptor) -> bool {
        let is = |wanted: &String| referrer.artifact_type.as_ref() == Some(wanted);
        self.artifact_types.is_empty() || self.artifact_types.iter().any(is)
    }
}

impl Default for PaperOptions {
    fn default() -> Self {
        Self::ALL
    }
}

/// The way a paper is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaperKind {
    /// The target lists it as a referrer (distribution-spec v1.1, "Listing Referrers").
    Referrer,
    /// The index under the fallback tag lists it, and the target itself does not (distribution-spec v1.1, "Referrers
    /// Tag Schema").
    FallbackReferrer,
    /// A tag is named after the digest, as cosign up to version 2 does.
    SiblingTag,
    /// It stands beside what it is about in an index, as BuildKit's attestations do.
    Attestation,
}

/// Something attached to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// How.
    pub kind: PaperKind,
    /// To what.
    pub subject: Digest,
    /// The manifest that is attached, as it is listed: artifact type and annotations where the list has them.
    pub descriptor: Descriptor,
    /// The sibling tag.
    pub tag: Option<Tag>,
}

/// Returns what is attached to a manifest directly; to what is attached in turn, ask again. Where the digest is that of
/// an index, the attestations in it are listed too, each with what it is about as its subject.
///
/// The lists are the target's word: whether a referrer really names its subject shows when it is read.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such manifest; else only when the question could not be answered.
pub async fn papers(target: &dyn ReadTarget, digest: &Digest, options: &PaperOptions) -> Result<Vec<Paper>> {
    let reference = Reference::Digest(digest.clone());
    let manifest = target.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?.parse()?;
    let mut found = Finder::with_tags(target, options, Arc::new(Tags::Unknown)).of(digest).await?;
    found.extend(manifest.manifests.into_iter().filter(is_attestation).map(|descriptor| {
        let attested = descriptor.annotations.get(ATTESTED).and_then(|text| text.parse().ok());
        let subject = attested.unwrap_or_else(|| digest.clone());
        Paper { kind: PaperKind::Attestation, subject, descriptor, tag: None }
    }));
    Ok(found)
}

/// Returns what is listed as attached to a digest under its fallback tag, whether or not the target has an API for that;
/// nothing where there is no such tag.
///
/// # Errors
/// The question could not be answered.
pub async fn fallback_referrers(target: &dyn ReadTarget, subject: &Digest) -> Result<Vec<Descriptor>> {
    Finder::with_tags(target, &PaperOptions::REFERRERS, Arc::new(Tags::Unknown))
        .by_fallback_tag(subject)
        .await
}

/// Returns the tag under which the referrers of a digest are listed where there is no API: algorithm and encoded part,
/// cut to 32 and 64 characters, with `-` for what no tag may have.
pub fn referrers_tag(subject: &Digest) -> Option<Tag> {
    let cut = |text: &str, max: usize| -> String {
        let fitting =
            |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '-' };
        text.chars().take(max).map(fitting).collect()
    };
    format!("{}-{}", cut(subject.algorithm_name(), 32), cut(subject.encoded(), 64)).parse().ok()
}

/// Returns cosign's tag for something attached to a digest, such as `sha256-<hex>.sig`; `None` where the digest is too
/// long for a tag.
pub fn sibling_tag(subject: &Digest, end: &str) -> Option<Tag> {
    format!("{}-{}.{end}", subject.algorithm_name(), subject.encoded()).parse().ok()
}

/// Returns whether an entry of an index is an attestation about another entry.
pub(crate) fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotations.get(ATTESTATION.0).is_some_and(|kind| kind == ATTESTATION.1)
}

/// Returns what an attestation in an index is about.
pub(crate) fn attested(entry: &Descriptor) -> Option<&str> {
    is_attestation(entry).then(|| entry.annotations.get(ATTESTED).map(String::as_str))?
}

/// Finds papers in one target.
pub(crate) struct Finder<'a> {
    target: &'a dyn ReadTarget,
    options: &'a PaperOptions,
    tags: Arc<Tags>,
}

/// What is known of the tags of a target.
#[derive(Debug)]
pub(crate) enum Tags {
    /// All of them, in order.
    All(BTreeSet<String>),
    /// Nothing: there are too many, or they cannot be listed.
    Unknown,
}

impl<'a> Finder<'a> {
    /// Returns a finder for many manifests: the list of tags tells at once which of them have siblings.
    pub(crate) async fn new(target: &'a dyn ReadTarget, options: &'a PaperOptions) -> Self {
        let tags = match options.referrers || options.sibling_tags {
            true => Tags::of(target).await,
            false => Tags::Unknown,
        };
        Self::with_tags(target, options, Arc::new(tags))
    }

    /// Returns a finder that knows the tags of the target.
    pub(crate) fn with_tags(target: &'a dyn ReadTarget, options: &'a PaperOptions, tags: Arc<Tags>) -> Self {
        Self { target, options, tags }
    }

    /// Returns what is attached to a manifest.
    pub(crate) async fn of(&self, subject: &Digest) -> Result<Vec<Paper>> {
        let mut found = Vec::new();
        if self.options.referrers {
            let paper = |kind, descriptor| Paper { kind, subject: subject.clone(), descriptor, tag: None };
            // Where a client keeps the list, that list is all there is, and the tags tell whether there is one.
            let listed = match self.target.lists_referrers() {
                Some(false) => self.by_fallback_tag(subject).await?,
                _ => self.target.referrers(subject, None).await?,
            };
            let also = match self.target.lists_referrers() {
                Some(false) => Vec::new(),
                _ => self.by_fallback_tag(subject).await?,
            };
            let known: HashSet<Digest> = listed.iter().map(|referrer| referrer.digest.clone()).collect();
            let also = also.into_iter().filter(|referrer| !known.contains(&referrer.digest));
            found.extend(listed.into_iter().map(|referrer| paper(PaperKind::Referrer, referrer)));
            found.extend(also.map(|referrer| paper(PaperKind::FallbackReferrer, referrer)));
            found.retain(|paper| self.options.wants(&paper.descriptor));
        }
        if self.options.sibling_tags {
            for tag in self.sibling_tags(subject) {
                let descriptor = match self.target.resolve(&Reference::Tag(tag.clone())).await {
                    Ok(descriptor) => descriptor,
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                // Some registries read such a tag as the digest that it begins with.
                if descriptor.digest != *subject {
                    let kind = PaperKind::SiblingTag;
                    found.push(Paper { kind, subject: subject.clone(), descriptor, tag: Some(tag) });
                }
            }
        }
        Ok(found)
    }

    async fn by_fallback_tag(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let Some(tag) = referrers_tag(subject).filter(|tag| self.tags.may_have(tag)) else {
            return Ok(Vec::new());
        };
        match self.target.fetch_manifest(&Reference::Tag(tag), DEFAULT_MAX_MANIFEST_BYTES).await {
            Ok(index) if index.digest != *subject => {
                let index = index.parse()?;
                Ok(if index.kind == ManifestKind::Index { index.manifests } else { Vec::new() })
            }
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn sibling_tags(&self, subject: &Digest) -> Vec<Tag> {
        match &*self.tags {
            Tags::Unknown => SIBLINGS.iter().filter_map(|end| sibling_tag(subject, end)).collect(),
            // Other tools have other ends.
            Tags::All(tags) => {
                let start = format!("{}-{}.", subject.algorithm_name(), subject.encoded());
                let from = tags.range(start.clone()..);
                from.take_while(|tag| tag.starts_with(&start)).filter_map(|tag| tag.parse().ok()).collect()
            }
        }
    }
}

impl Tags {
    fn may_have(&self, tag: &Tag) -> bool {
        match self {
            Self::All(tags) => tags.contains(tag.as_str()),
            Self::Unknown => true,
        }
    }

    pub(crate) async fn of(target: &dyn ReadTarget) -> Self {
        let mut all = BTreeSet::new();
        let mut cursor = None;
        for _ in 0..MAX_TAG_PAGES {
            let Ok(page) = target.tags(cursor.as_ref(), 1000).await else { return Self::Unknown };
            all.extend(page.tags.into_iter().map(|tag| tag.to_string()));
            match page.next {
                None => return Self::All(all),
                next => cursor = next,
            }
        }
        Self::Unknown
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use wharf_oci::Algorithm;

    #[test]
    fn tags_named_after_a_digest_follow_the_specification_and_cosign() {
        let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        assert_eq!(referrers_tag(&digest).unwrap().as_str(), format!("sha256-{hex}"));
        assert_eq!(sibling_tag(&digest, "sig").unwrap().as_str(), format!("sha256-{hex}.sig"));
        let long = Algorithm::Sha512.digest(b"");
        assert_eq!(referrers_tag(&long).unwrap().as_str().len(), "sha512-".len() + 64);
        assert_eq!(sibling_tag(&long, "sig"), None);
        // The example of the specification.
        let odd: Digest = "test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall+truncation:alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOfCharactersToExcerciseEncodedTruncation".parse().unwrap();
        assert_eq!(
            referrers_tag(&odd).unwrap().as_str(),
            "test-algorithm-using-algorithm-s-alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot"
        );
    }
}
