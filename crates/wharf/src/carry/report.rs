//! What came of a copy, for people and for programs.

use serde::Serialize;
use wharf_content::{CopyItem, CopyReport, Outcome, Role};
use wharf_oci::{Digest, Tag};

use crate::place::Place;
use crate::terminal::{self, NAME, styled};

/// Beyond so many manifests of one artifact only their number is told, and what is wrong.
const MAX_LINES: usize = 40;

/// What came of everything that was to be carried.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) dry_run: bool,
    pub(crate) artifacts: Vec<Artifact>,
}

/// What came of one artifact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    pub(crate) reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Digest>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) carried_bytes: u64,
    pub(crate) items: Vec<Item>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<Digest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<Ignored>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip)]
    is_dry: bool,
}

/// What came of one blob or manifest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    digest: Digest,
    media_type: String,
    size: u64,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Something that the source lists as a referrer and that is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ignored {
    digest: Digest,
    subject: Digest,
    reason: &'static str,
}

impl Report {
    /// Returns a report about nothing yet.
    pub(crate) fn new(from: &Place, to: &Place, dry_run: bool) -> Self {
        Self { source: from.to_string(), destination: to.to_string(), dry_run, artifacts: Vec::new() }
    }

    /// Writes it for people.
    pub(crate) fn print(&self) {
        self.artifacts.iter().for_each(Artifact::print);
        if self.artifacts.is_empty() {
            terminal::step("Nothing", format_args!("of {} was chosen", self.source));
        }
    }
}

impl Artifact {
    /// Returns what came of a copy that succeeded.
    pub(crate) fn new(from: Place, report: &CopyReport, is_dry: bool) -> Self {
        Self {
            reference: from.to_string(),
            digest: Some(report.root.digest.clone()),
            tags: report.tags.clone(),
            carried_bytes: report.carried_bytes(),
            items: report.items.iter().map(Item::new).collect(),
            left_out: report.left_out.iter().map(|left| left.digest.clone()).collect(),
            ignored: report
                .ignored
                .iter()
                .map(|ignored| Ignored {
                    digest: ignored.descriptor.digest.clone(),
                    subject: ignored.subject.clone(),
                    reason: ignored.reason,
                })
                .collect(),
            error: None,
            is_dry,
        }
    }

    /// Returns what came of a copy in which something did not arrive.
    pub(crate) fn incomplete(from: Place, report: &CopyReport, error: &wharf_content::Error) -> Self {
        Self { error: Some(error.to_string()), ..Self::new(from, report, false) }
    }

    /// Returns what came of a copy that failed.
    pub(crate) fn failed(from: &Place, error: String) -> Self {
        Self {
            reference: from.to_string(),
            digest: None,
            tags: Vec::new(),
            carried_bytes: 0,
            items: Vec::new(),
            left_out: Vec::new(),
            ignored: Vec::new(),
            error: Some(error),
            is_dry: false,
        }
    }

    /// Writes it for people.
    pub(crate) fn print(&self) {
        let papers = self.items.iter().filter(|item| item.is_paper()).count();
        let papers = match papers {
            0 => String::new(),
            1 => ", 1 paper".to_owned(),
            papers => format!(", {papers} papers"),
        };
        let reference = styled(NAME, &self.reference);
        let there = self.items.iter().filter(|item| item.outcome == "already there").count();
        match &self.error {
            Some(error) => terminal::step_noted("Failed", format_args!("{reference}: {error}")),
            None if there == self.items.len() => {
                terminal::step("Is there", format_args!("{reference}{papers}"));
            }
            None => {
                let verb = if self.is_dry { "Would send" } else { "Copied" };
                let size = match self.is_dry {
                    true => {
                        self.items.iter().filter(|item| item.outcome == "planned").map(|item| item.size).sum()
                    }
                    false => self.carried_bytes,
                };
                let size = terminal::size(size);
                terminal::step(
                    verb,
                    format_args!("{reference} ({size}{papers}; {there} of {} were there)", self.items.len()),
                );
            }
        }
        if let Some(digest) = &self.digest {
            terminal::more(digest);
        }
        let manifests = self.items.iter().filter(|item| item.role != "blob" && item.role != "root");
        let told: Vec<&Item> = match manifests.clone().count() {
            ..=MAX_LINES => manifests.collect(),
            _ => Vec::new(),
        };
        for item in told
            .into_iter()
            .filter(|item| !item.is_loss())
            .chain(self.items.iter().filter(|item| item.is_loss()))
        {
            let reason = item.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let tag = item.tag.as_ref().map(|_| " by tag").unwrap_or_default();
            terminal::more(format_args!(
                "{:13} {:.19} {}{tag}{reason}",
                item.outcome,
                item.digest.as_str(),
                item.role
            ));
        }
        for ignored in &self.ignored {
            terminal::more(format_args!(
                "{:13} {:.19} {}",
                "left out",
                ignored.digest.as_str(),
                ignored.reason
            ));
        }
        if !self.left_out.is_empty() {
            terminal::more(format_args!("{} for other platforms stayed behind", self.left_out.len()));
        }
    }
}

impl Item {
    fn new(item: &CopyItem) -> Self {
        Self {
            digest: item.descriptor.digest.clone(),
            media_type: item.descriptor.media_type.clone(),
            size: item.descriptor.size,
            role: match item.role {
                Role::Blob => "blob",
                Role::Root => "root",
                Role::Child => "child",
                Role::Attestation => "attestation",
                Role::Referrer => "referrer",
                Role::Sibling => "sibling",
                _ => "other",
            },
            of: item.of.clone(),
            tag: item.tag.clone(),
            outcome: match item.outcome {
                Outcome::Carried => "carried",
                Outcome::AlreadyThere => "already there",
                Outcome::Mounted => "mounted",
                Outcome::Planned => "planned",
                Outcome::Refused => "refused",
                Outcome::Missing => "missing",
                _ => "other",
            },
            reason: item.reason.clone(),
        }
    }

    fn is_paper(&self) -> bool {
        matches!(self.role, "attestation" | "referrer" | "sibling")
    }

    fn is_loss(&self) -> bool {
        matches!(self.outcome, "refused" | "missing")
    }
}
