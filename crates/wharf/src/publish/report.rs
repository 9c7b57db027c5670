//! What a publish did, for people and for programs.

use serde::Serialize;
use wharf_oci::{Digest, RepositoryName, Tag};

use crate::papers::Attested;
use crate::publish::project::Project;
use crate::publish::{Differences, Plan, PublishedPaper};
use crate::terminal::{self, NAME, styled};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is there now.
    Published,
    /// It was there.
    AlreadyThere,
    /// It is there now, in place of other content.
    Replaced,
    /// It would be published.
    WouldPublish,
    /// It would be published in place of other content.
    WouldReplace,
    /// Other content is there.
    Refused,
    /// A plan was written, nothing else.
    Planned,
}

/// What a publish did; its JSON is what `--output json` prints.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// `HOST/REPOSITORY:TAG`.
    pub(crate) reference: String,
    /// The manifest under the tag, when all went well.
    pub(crate) digest: Digest,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) app_version: String,
    /// The packed chart.
    pub(crate) chart_digest: Digest,
    pub(crate) chart_size: u64,
    pub(crate) provenance: bool,
    pub(crate) project: Project,
    /// The signature of this publish, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Attested>,
    /// What was attached beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) papers: Vec<PublishedPaper>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) carried_bytes: u64,
    pub(crate) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differences: Option<Differences>,
    /// The chart's file name, for the text.
    #[serde(skip)]
    file_name: String,
}

/// A channel and where it points.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Channel {
    pub(crate) name: Tag,
    pub(crate) from: Option<Digest>,
    pub(crate) to: Digest,
    /// Whether it was, or in a dry run would be, moved.
    pub(crate) moved: bool,
}

impl Report {
    pub(super) fn new(plan: &Plan, host: &str, repository: &RepositoryName) -> Self {
        let mut report = Self::of_plan(plan);
        report.reference = format!("{host}/{repository}:{}", plan.tag);
        report
    }

    /// Returns the report of a plan that has not met a registry.
    pub(crate) fn of_plan(plan: &Plan) -> Self {
        Self {
            outcome: Outcome::Planned,
            reference: format!("{}:{}", plan.metadata.name, plan.tag),
            digest: plan.manifest.digest.clone(),
            name: plan.metadata.name.clone(),
            version: plan.metadata.version.clone(),
            app_version: plan.metadata.app_version.clone(),
            chart_digest: plan.chart.descriptor.digest.clone(),
            chart_size: plan.chart.descriptor.size,
            provenance: plan.provenance.is_some(),
            project: Project::Unknown,
            signature: None,
            papers: Vec::new(),
            channels: Vec::new(),
            carried_bytes: 0,
            warnings: plan.warnings.clone(),
            differences: None,
            file_name: plan.file_name.clone(),
        }
    }

    /// Writes the report for people.
    pub(crate) fn print(&self) {
        let provenance = if self.provenance { ", with its provenance file" } else { "" };
        terminal::step(
            "Packed",
            format_args!("{} ({}{provenance})", self.file_name, terminal::size(self.chart_size)),
        );
        terminal::more(&self.chart_digest);
        let project = self.reference.split('/').nth(1).unwrap_or_default();
        match self.project {
            Project::Created => terminal::step("Created", format_args!("project {project}, private")),
            Project::WouldCreate => terminal::step("Would make", format_args!("project {project}, private")),
            Project::Exists | Project::Unknown => {}
        }
        let reference = styled(NAME, &self.reference);
        match self.outcome {
            Outcome::Published => terminal::step(
                "Published",
                format_args!("{reference} ({} sent)", terminal::size(self.carried_bytes)),
            ),
            Outcome::AlreadyThere => {
                terminal::step("Is there", format_args!("{reference}, with this content"))
            }
            Outcome::Replaced => terminal::step("Replaced", format_args!("{reference}, by force")),
            Outcome::WouldPublish => terminal::step("Would send", &reference),
            Outcome::WouldReplace => terminal::step("Would force", &reference),
            Outcome::Planned | Outcome::Refused => {}
        }
        if !matches!(self.outcome, Outcome::Planned | Outcome::Refused) {
            terminal::more(&self.digest);
        }
        if let Some(differences) = self.differences.as_ref().filter(|_| self.outcome != Outcome::Refused) {
            for line in differences.lines() {
                terminal::more(line);
            }
        }
        if let Some(signature) = &self.signature {
            let what = if signature.attached { "with the key" } else { "already, with this key" };
            terminal::step("Signed", what);
            terminal::more(&signature.digest);
        }
        for paper in &self.papers {
            let verb = match (&paper.digest, paper.attached) {
                (None, _) => "Would add",
                (Some(_), true) => "Attached",
                (Some(_), false) => "Is there",
            };
            let how = if paper.signed { "" } else { ", unsigned" };
            terminal::step(verb, format_args!("{} ({}{how})", styled(NAME, &paper.file), paper.r#type));
            if let Some(digest) = &paper.digest {
                terminal::more(digest);
            }
        }
        for channel in &self.channels {
            let name = styled(NAME, &channel.name);
            match (&channel.from, channel.moved) {
                (_, false) => terminal::step("Channel", format_args!("{name} points at it already")),
                (None, true) => terminal::step("Channel", format_args!("{name} is new and points at it")),
                (Some(from), true) => {
                    terminal::step("Channel", format_args!("{name} points at it now"));
                    terminal::more(format_args!("before: {from}"));
                }
            }
        }
    }
}

impl Differences {
    /// Returns the lines that tell a person what differs.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(remote) = &self.remote {
            lines.push(format!("there:   {}", remote.digest));
        }
        if let Some(version) = &self.remote_version {
            lines.push(format!("version: the Chart.yaml there says {version}"));
        }
        let state = |size: u64, digest: &Digest| format!("{size} B {:.19}", digest.as_str());
        for file in &self.added {
            lines.push(format!("added:   {} ({})", file.path, state(file.size, &file.digest)));
        }
        for file in &self.removed {
            lines.push(format!("removed: {} ({})", file.path, state(file.size, &file.digest)));
        }
        for change in &self.changed {
            lines.push(format!(
                "changed: {} ({} there, {} here)",
                change.path,
                state(change.remote.size, &change.remote.digest),
                state(change.local.size, &change.local.digest)
            ));
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }
}
