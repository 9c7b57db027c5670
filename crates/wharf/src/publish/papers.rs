//! What is published along with a chart: statements about it, and what it is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wharf_client::RemoteRepository;
use wharf_content::ReadTarget;
use wharf_oci::{Algorithm, Descriptor, Digest, Reference};

use crate::exit::Usage;
use crate::papers::{attach_file, attest_once, predicate};
use crate::publish::{PushOptions, Report};

/// The folder of a plan in which they lie.
const FOLDER: &str = "papers";
/// The longest paper, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// A paper to be, as it came from a file.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    kind: Kind,
    /// The name of the file that it came from.
    name: String,
    bytes: Bytes,
}

/// What is done with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// It is the predicate of a statement of this type, as `cosign attest --type` takes it.
    Attest(String),
    /// It says what the chart is made of.
    Sbom(Format),
}

/// The formats of SBOMs that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Spdx,
    CycloneDx,
}

impl Format {
    /// Tells the format by what the document says of itself.
    fn of(name: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        let document: Value =
            serde_json::from_slice(bytes).with_context(|| format!("SBOM {name} is not JSON"))?;
        let said = |member: &str| document.get(member).and_then(Value::as_str).unwrap_or_default();
        let is_spdx = said("spdxVersion").starts_with("SPDX-") || said("@context").contains("spdx.org");
        match (said("bomFormat") == "CycloneDX", is_spdx) {
            (true, false) => Ok(Self::CycloneDx),
            (false, true) => Ok(Self::Spdx),
            _ => Err(Usage(format!(
                "{name} is no SBOM that is known: neither \"bomFormat\": \"CycloneDX\" nor an \"spdxVersion\" is in it"
            ))
            .into()),
        }
    }

    /// The type that cosign calls it by.
    fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => "spdxjson",
            Self::CycloneDx => "cyclonedx",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }
}

/// A paper in `plan.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlannedPaper {
    /// Where it lies in the plan.
    file: PathBuf,
    name: String,
    kind: Kind,
    digest: Digest,
}

/// A paper in the report.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublishedPaper {
    /// The file that it came from.
    pub(crate) file: String,
    /// The predicate type of the statement, or the artifact type where nothing is signed.
    pub(crate) r#type: String,
    pub(crate) signed: bool,
    /// The manifest that attaches it; none in a dry run.
    pub(crate) digest: Option<Digest>,
    /// Whether it was attached now; otherwise one that says the same was there, or nothing is written.
    pub(crate) attached: bool,
}

impl Paper {
    /// Reads `TYPE=FILE`: the predicate of a statement.
    pub(crate) fn attestation(text: &str) -> anyhow::Result<Self> {
        let missing = || Usage(format!("--attest {text:?} is not TYPE=FILE"));
        let (kind, file) = text
            .split_once('=')
            .filter(|(kind, file)| !kind.is_empty() && !file.is_empty())
            .ok_or_else(missing)?;
        let (name, bytes) = read(Path::new(file))?;
        // What cannot be a predicate is told before anything is sent.
        predicate(kind, &name, &bytes, "").map_err(|error| Usage(format!("--attest {text}: {error:#}")))?;
        Ok(Self { kind: Kind::Attest(kind.to_owned()), name, bytes })
    }

    /// Reads an SBOM.
    pub(crate) fn sbom(file: &Path) -> anyhow::Result<Self> {
        let (name, bytes) = read(file)?;
        Ok(Self { kind: Kind::Sbom(Format::of(&name, &bytes)?), name, bytes })
    }

    /// Writes it to a plan.
    pub(super) fn write(&self, plan: &Path, number: usize) -> anyhow::Result<PlannedPaper> {
        let file = Path::new(FOLDER).join(format!("{number}.json"));
        let path = plan.join(&file);
        std::fs::create_dir_all(plan.join(FOLDER))
            .and_then(|()| std::fs::write(&path, &self.bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let digest = Algorithm::Sha256.digest(&self.bytes);
        Ok(PlannedPaper { file, name: self.name.clone(), kind: self.kind.clone(), digest })
    }

    /// Reads it back from a plan.
    pub(super) fn of_plan(plan: &Path, planned: PlannedPaper) -> anyhow::Result<Self> {
        let PlannedPaper { file, name, kind, digest } = planned;
        let is_inside = file.parent() == Some(Path::new(FOLDER)) && file.file_name().is_some();
        ensure!(is_inside, "the plan in {} names {} as a paper", plan.display(), file.display());
        let (_, bytes) = read(&plan.join(&file))?;
        let found = Algorithm::Sha256.digest(&bytes);
        if found != digest {
            bail!("{} in {} is {found}, and the plan says {digest}", file.display(), plan.display());
        }
        if let Kind::Sbom(said) = kind {
            let found = Format::of(&name, &bytes)?;
            ensure!(found == said, "{} in {} is {found:?}, not {said:?}", file.display(), plan.display());
        }
        Ok(Self { kind, name, bytes })
    }

    /// Whether it cannot be published without a signature: whoever says something must be known.
    pub(crate) fn needs_signer(&self) -> bool {
        matches!(self.kind, Kind::Attest(_))
    }

    /// Says what will be published.
    pub(crate) fn planned(&self, is_signed: bool) -> anyhow::Result<PublishedPaper> {
        let kind = match &self.kind {
            Kind::Attest(kind) => wharf_trust::predicate_type(kind)?,
            Kind::Sbom(format) if is_signed => wharf_trust::predicate_type(format.predicate_type())?,
            Kind::Sbom(format) => format.media_type(),
        };
        Ok(PublishedPaper {
            file: self.name.clone(),
            r#type: kind.to_owned(),
            signed: is_signed,
            digest: None,
            attached: false,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<(String, Bytes)> {
    let failed = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(failed)?.len();
    ensure!(size <= MAX_BYTES, "{} has {size} bytes, a paper may have {MAX_BYTES}", path.display());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.with_context(|| format!("{} is no file", path.display()))?;
    Ok((name, std::fs::read(path).with_context(failed)?.into()))
}

/// Attaches the papers of a plan to what was published, each once, and says so in the report.
pub(super) async fn attach(
    papers: &[Paper],
    repository: &RemoteRepository,
    options: &PushOptions,
    report: &mut Report,
) -> anyhow::Result<()> {
    if papers.is_empty() {
        return Ok(());
    }
    let signer = options.signer.as_deref();
    let subject = match options.dry_run {
        true => None,
        false => Some(repository.resolve(&Reference::Digest(report.digest.clone())).await?),
    };
    for paper in papers {
        let mut published = paper.planned(signer.is_some())?;
        if let Some(subject) = &subject {
            let failed =
                || format!("{} is published, but paper {} is not attached", report.reference, paper.name);
            let attached = one(paper, repository, subject, options).await.with_context(failed)?;
            (published.digest, published.attached) = (Some(attached.digest), attached.attached);
        }
        report.papers.push(published);
    }
    Ok(())
}

async fn one(
    paper: &Paper,
    repository: &RemoteRepository,
    subject: &Descriptor,
    options: &PushOptions,
) -> anyhow::Result<crate::papers::Attested> {
    let kind = match (&paper.kind, &options.signer) {
        (Kind::Attest(kind), _) => kind.as_str(),
        (Kind::Sbom(format), Some(_)) => format.predicate_type(),
        (Kind::Sbom(format), None) => {
            let file = (paper.name.as_str(), paper.bytes.clone());
            return attach_file(repository, subject, format.media_type(), file, &options.at).await;
        }
    };
    let Some(signer) = &options.signer else { bail!(Usage(unsigned(paper))) };
    let (uri, stated) = predicate(kind, &paper.name, &paper.bytes, &options.at)?;
    // The time at which cosign's own wrapper was made differs each time, and says nothing else.
    let without_time = |said: &Value| {
        let mut said = said.clone();
        if said.get("Data").is_some()
            && let Some(members) = said.as_object_mut()
        {
            members.remove("Timestamp");
        }
        said
    };
    let wanted = without_time(&stated);
    let says_the_same = move |said: &Value| without_time(said) == wanted;
    attest_once(repository, subject, signer, (&uri, stated), &says_the_same, &options.at).await
}

/// What to say where a statement has nobody who makes it.
pub(crate) fn unsigned(paper: &Paper) -> String {
    format!("attestation {} needs --sign: a statement that nobody signs proves nothing", paper.name)
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn an_sbom_is_told_by_its_content() {
        for (text, format) in [
            (r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#, Some(Format::CycloneDx)),
            (r#"{"spdxVersion":"SPDX-2.3"}"#, Some(Format::Spdx)),
            (r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#, Some(Format::Spdx)),
            (r#"{"spdxVersion":"SPDX-2.3","bomFormat":"CycloneDX"}"#, None),
            (r#"{"spdxVersion":2}"#, None),
            ("[]", None),
            ("SPDXVersion: SPDX-2.3", None),
        ] {
            assert_eq!(Format::of("sbom", text.as_bytes()).ok(), format, "{text}");
        }
    }
}
