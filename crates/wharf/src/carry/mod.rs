//! Carrying artifacts from one place to another: which tags, how, and what came of it.

mod report;
mod tags;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use wharf_content::{Common, CopyOptions, ErrorKind, Incomplete, ReadTarget, Target, all_tags, copy};
use wharf_oci::{Reference, Tag};

pub(crate) use report::{Artifact, Report};
pub(crate) use tags::{TagArgs, TagPatterns, is_version, names_a_digest};

use crate::place::Place;

/// How many tags of a repository are looked at.
const MAX_TAGS: usize = 1_000_000;

/// What goes where.
pub(crate) struct Carriage<'a> {
    pub(crate) source: &'a dyn ReadTarget,
    pub(crate) destination: &'a dyn Target,
    pub(crate) from: &'a Place,
    pub(crate) to: &'a Place,
}

impl Carriage<'_> {
    /// Carries one artifact.
    pub(crate) async fn one(
        &self,
        reference: &Reference,
        options: &CopyOptions,
    ) -> wharf_content::Result<Artifact> {
        let report = copy(self.source, reference, self.destination, options).await?;
        Ok(Artifact::new(self.from.with(reference.clone()), &report, options.dry_run))
    }

    /// Carries every tag that is chosen; one that fails does not hold up the others. Returns the first error with what
    /// came of all.
    pub(crate) async fn many(
        &self,
        patterns: &TagPatterns,
        options: &CopyOptions,
    ) -> wharf_content::Result<(Report, Option<wharf_content::Error>)> {
        let tags = all_tags(self.source, MAX_TAGS).await?;
        let mut report = Report::new(self.from, self.to, options.dry_run);
        let mut first_error = None;
        let common = Some(Arc::new(Common::new(options.concurrency)));
        let options = &CopyOptions { common, ..options.clone() };
        // While one artifact waits for an answer another goes on. In a tar the order of blobs is that of the copies.
        let at_once = match self.to {
            Place::Tar(..) => 1,
            Place::Registry(_) | Place::Layout(..) => options.concurrency.get() * 2,
        };
        let copies = stream::iter(patterns.choose(&tags)).map(|tag| async move {
            let reference = Reference::Tag(tag);
            let carried = self.one(&reference, options).await;
            (reference, carried)
        });
        let mut copies = Box::pin(copies.buffered(at_once));
        while let Some((reference, carried)) = copies.next().await {
            match carried {
                Ok(artifact) => report.artifacts.push(artifact),
                // Without the other side nothing more can be done.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Network | ErrorKind::Unauthorized | ErrorKind::Io
                    ) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    let from = self.from.with(reference);
                    report.artifacts.push(match error.cause::<Incomplete>() {
                        Some(incomplete) => Artifact::incomplete(from, &incomplete.report, &error),
                        None => Artifact::failed(&from, error.to_string()),
                    });
                    first_error = first_error.or(Some(error));
                }
            }
        }
        Ok((report, first_error))
    }
}

/// Returns the tags to set where one artifact is carried: that of the destination, else that of the source.
pub(crate) fn destination_tags(from: &Place, to: &Place) -> Vec<Tag> {
    to.tag().or_else(|| from.tag()).cloned().into_iter().collect()
}
