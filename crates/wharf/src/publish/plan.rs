//! What is to be published: the packed chart as an OCI artifact, made without any network.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_chart::lint::{self, Places, Severity};
use wharf_chart::{Chart, DEFAULT_PACK_TIME, File, Limits, Metadata, PackOptions, load_folder};
use wharf_content::{
    BytesSource, CopyOptions, DEFAULT_MAX_MANIFEST_BYTES, LayoutTarget, MemoryTarget, RawManifest,
    ReadTarget, Target, collect, copy, verified,
};
use wharf_oci::{Algorithm, Descriptor, Reference, Tag, media_type};

use crate::chart::{Rendering, folder};
use crate::exit::Usage;
use crate::pointing::Pointed;
use crate::publish::manifest;
use crate::publish::papers::{Paper, PlannedPaper};

/// The name of the file beside the layout.
const PLAN_FILE: &str = "plan.json";
/// The longest chart archive, in bytes.
const MAX_ARCHIVE: u64 = 128 << 20;

/// What to change on the way.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanOptions {
    /// The version instead of that in Chart.yaml.
    pub(crate) version: Option<String>,
    /// The application's version instead of that in Chart.yaml.
    pub(crate) app_version: Option<String>,
    /// `SOURCE_DATE_EPOCH`: the time of every file in the archive, and of the manifest's `created` annotation, which
    /// is absent without it.
    pub(crate) source_date_epoch: Option<u64>,
    /// What is published along with the chart.
    pub(crate) papers: Vec<Paper>,
}

/// A chart, packed and described, ready to be pushed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Chart.yaml as packed.
    pub(crate) metadata: Metadata,
    /// The tag of the version.
    pub(crate) tag: Tag,
    /// `NAME-VERSION.tgz`.
    pub(crate) file_name: String,
    pub(crate) chart: Piece,
    pub(crate) config: Piece,
    pub(crate) provenance: Option<Piece>,
    pub(crate) manifest: RawManifest,
    /// What is attached to it.
    pub(crate) papers: Vec<Paper>,
    /// What the user should look at.
    pub(crate) warnings: Vec<String>,
}

/// One blob of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Bytes,
}

impl Piece {
    fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Algorithm::Sha256.digest(&bytes);
        Self { descriptor: Descriptor::new(media_type, digest, bytes.len() as u64), bytes }
    }
}

/// `plan.json`: what the layout beside it holds, for people and for the check before the push.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanFile {
    schema_version: u32,
    name: String,
    version: String,
    app_version: String,
    tag: Tag,
    file_name: String,
    manifest: Descriptor,
    chart: Descriptor,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    papers: Vec<PlannedPaper>,
}

impl Plan {
    /// Makes the plan of a chart folder or a packed chart.
    pub(crate) fn from_path(path: &Path, options: &PlanOptions) -> anyhow::Result<Self> {
        let found =
            std::fs::metadata(path).with_context(|| format!("there is no chart at {}", path.display()))?;
        if found.is_dir() { Self::from_folder(path, options) } else { Self::from_archive(path, options) }
    }

    fn from_folder(path: &Path, options: &PlanOptions) -> anyhow::Result<Self> {
        let failed = || format!("the chart in {} cannot be published", path.display());
        let files = folder::read(path).with_context(failed)?;
        let findings = check(path, &files)?;
        let chart = load_folder(files).with_context(failed)?;
        let packed = wharf_chart::pack(&chart, &options.pack()).with_context(failed)?;
        let mut warnings = warnings(&chart);
        warnings.extend(findings);
        // A provenance file signs exact bytes: one made for another packing of this folder is of no use.
        let beside = provenance_path(&folder_name(path).with_file_name(&packed.file_name));
        let mut provenance = read_provenance(&beside)?;
        if provenance.as_ref().is_some_and(|text| !signs(text, &packed.bytes)) {
            warnings.push(format!(
                "{} signs another archive than the one packed here; it is left out",
                beside.display()
            ));
            provenance = None;
        }
        Self::new(packed.metadata, packed.bytes.into(), provenance, warnings, options)
    }

    fn from_archive(path: &Path, options: &PlanOptions) -> anyhow::Result<Self> {
        let failed = || format!("{} cannot be published", path.display());
        let size = std::fs::metadata(path).with_context(failed)?.len();
        if size > MAX_ARCHIVE {
            bail!("{} has {size} bytes, a chart may have {MAX_ARCHIVE}", path.display());
        }
        let bytes = std::fs::read(path).with_context(failed)?;
        let chart = wharf_chart::load_archive(&bytes).with_context(failed)?;
        let files = wharf_chart::unpack_archive(&bytes, &Limits::default()).with_context(failed)?;
        let mut warnings = warnings(&chart);
        warnings.extend(check(path, &files)?);
        let beside = provenance_path(path);
        let provenance = read_provenance(&beside)?;
        if options.version.is_none() && options.app_version.is_none() {
            if provenance.as_ref().is_some_and(|text| !signs(text, &bytes)) {
                bail!(
                    "{} does not sign {}: it does not hold the archive's digest {}",
                    beside.display(),
                    path.display(),
                    Algorithm::Sha256.digest(&bytes)
                );
            }
            return Self::new(chart.metadata, bytes.into(), provenance, warnings, options);
        }
        if provenance.is_some() {
            let text = format!(
                "{} signs the archive as it is; --version and --app-version would change it",
                beside.display()
            );
            return Err(Usage(text).into());
        }
        let packed = wharf_chart::pack(&chart, &options.pack()).with_context(failed)?;
        Self::new(packed.metadata, packed.bytes.into(), None, warnings, options)
    }

    fn new(
        metadata: Metadata,
        archive: Bytes,
        provenance: Option<Vec<u8>>,
        warnings: Vec<String>,
        options: &PlanOptions,
    ) -> anyhow::Result<Self> {
        let tag = version_tag(&metadata)?;
        let created = match options.source_date_epoch {
            Some(seconds) => Some(
                i64::try_from(seconds)
                    .ok()
                    .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
                    .with_context(|| format!("SOURCE_DATE_EPOCH {seconds} is beyond all calendars"))?
                    .to_string(),
            ),
            None => None,
        };
        let config = Piece::new(media_type::HELM_CONFIG, wharf_chart::config_json(&metadata));
        let chart = Piece::new(media_type::HELM_CHART, archive);
        let provenance = provenance.map(|text| Piece::new(media_type::HELM_PROVENANCE, text));
        let layers = std::iter::once(&chart).chain(&provenance).map(|piece| piece.descriptor.clone());
        let annotations = wharf_chart::oci_annotations(&metadata, created.as_deref());
        let manifest = manifest::manifest(&config.descriptor, layers, annotations)?;
        Ok(Self {
            file_name: file_name(&metadata),
            metadata,
            tag,
            chart,
            config,
            provenance,
            manifest,
            papers: options.papers.clone(),
            warnings,
        })
    }

    /// Returns the blobs: config, chart, provenance file.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        [&self.config, &self.chart].into_iter().chain(&self.provenance)
    }

    /// Returns the plan as a content target, from which it is copied.
    pub(crate) async fn target(&self) -> anyhow::Result<MemoryTarget> {
        let target = MemoryTarget::new();
        for piece in self.pieces() {
            target.push_blob(&piece.descriptor, &BytesSource(piece.bytes.clone())).await?;
        }
        target.push_manifest(&self.manifest, &[]).await?;
        Ok(target)
    }

    /// Writes the plan to a folder: an OCI layout and `plan.json`. The same plan gives the same files.
    pub(crate) async fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let strange = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
            && !folder.join("oci-layout").exists();
        if strange {
            return Err(Usage(format!(
                "{} has files and is no OCI layout: give an empty folder",
                folder.display()
            )))?;
        }
        let layout = LayoutTarget::create(folder).await?;
        let options = CopyOptions { tags: Some(vec![self.tag.clone()]), ..CopyOptions::default() };
        copy(&self.target().await?, &self.reference(), &layout, &options).await?;
        let papers = self.papers.iter().enumerate().map(|(number, paper)| paper.write(folder, number));
        let file = PlanFile {
            papers: papers.collect::<anyhow::Result<_>>()?,
            schema_version: 1,
            name: self.metadata.name.clone(),
            version: self.metadata.version.clone(),
            app_version: self.metadata.app_version.clone(),
            tag: self.tag.clone(),
            file_name: self.file_name.clone(),
            manifest: self.manifest.descriptor(),
            chart: self.chart.descriptor.clone(),
        };
        let path = folder.join(PLAN_FILE);
        std::fs::write(&path, serde_json::to_string_pretty(&file)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a plan back, with every digest computed anew.
    pub(crate) async fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(PLAN_FILE);
        let text =
            std::fs::read(&path).with_context(|| format!("there is no plan in {}", folder.display()))?;
        let file: PlanFile =
            serde_json::from_slice(&text).with_context(|| format!("{} is not a plan", path.display()))?;
        if file.schema_version != 1 {
            bail!("{} has schemaVersion {}, expected 1", path.display(), file.schema_version);
        }
        let layout = LayoutTarget::open(folder).await?;
        let reference = Reference::Digest(file.manifest.digest.clone());
        let manifest = layout.fetch_manifest(&reference, DEFAULT_MAX_MANIFEST_BYTES).await?;
        let parsed = manifest.parse()?;
        let mut pieces = Vec::new();
        for descriptor in parsed.blobs() {
            let stream = verified(layout.fetch_blob(descriptor, 0).await?, descriptor);
            pieces.push(Piece { bytes: collect(stream, MAX_ARCHIVE).await?, descriptor: descriptor.clone() });
        }
        let mut take = |media_type: &str| {
            let at = pieces.iter().position(|piece| piece.descriptor.media_type == media_type)?;
            Some(pieces.swap_remove(at))
        };
        let (Some(config), Some(chart)) = (take(media_type::HELM_CONFIG), take(media_type::HELM_CHART))
        else {
            bail!("manifest {} in {} is not that of a chart", manifest.digest, folder.display());
        };
        let provenance = take(media_type::HELM_PROVENANCE);
        let loaded = wharf_chart::load_archive(&chart.bytes)
            .with_context(|| format!("the chart in {} cannot be read", folder.display()))?;
        let found = (&loaded.metadata.name, &loaded.metadata.version);
        if found != (&file.name, &file.version) || chart.descriptor.digest != file.chart.digest {
            bail!(
                "{} says {} {}, but the archive beside it is {} {} ({})",
                path.display(),
                file.name,
                file.version,
                found.0,
                found.1,
                chart.descriptor.digest
            );
        }
        let tag = version_tag(&loaded.metadata)?;
        if tag != file.tag {
            bail!("{} says tag {}, but version {} has the tag {tag}", path.display(), file.tag, file.version);
        }
        let papers = file.papers.into_iter().map(|paper| Paper::of_plan(folder, paper));
        Ok(Self {
            papers: papers.collect::<anyhow::Result<_>>()?,
            tag,
            file_name: file_name(&loaded.metadata),
            warnings: Vec::new(),
            metadata: loaded.metadata,
            chart,
            config,
            provenance,
            manifest,
        })
    }

    /// Returns the reference by digest.
    pub(crate) fn reference(&self) -> Reference {
        Reference::Digest(self.manifest.digest.clone())
    }
}

impl PlanOptions {
    fn pack(&self) -> PackOptions {
        PackOptions {
            version: self.version.clone(),
            app_version: self.app_version.clone(),
            modified: self.source_date_epoch.unwrap_or(DEFAULT_PACK_TIME),
            ..PackOptions::default()
        }
    }
}

/// Checks a chart by the rules of `helm lint`: errors refuse it, warnings are returned.
fn check(path: &Path, files: &[File]) -> anyhow::Result<Vec<String>> {
    let rendering = Rendering::default();
    let chart = load_folder(files.iter().cloned()).map_err(|error| error.to_string());
    let shown = path.display().to_string();
    let report = lint::lint(&shown, &Places::of(files), &chart, &rendering.options(), &rendering)?;
    let of = |severity| {
        report
            .findings
            .iter()
            .filter(move |finding| finding.severity == severity)
            .map(|finding| format!("{}: {}", finding.path, finding.message))
            .collect::<Vec<_>>()
    };
    let errors = of(Severity::Error);
    if !errors.is_empty() {
        let error =
            anyhow!("the chart in {} does not pass the checks: {}", path.display(), errors.join("; "));
        return Err(Pointed::wrap(error, rendering.spots(files)));
    }
    Ok(of(Severity::Warning))
}

/// Returns the tag under which a chart of this version is published.
fn version_tag(metadata: &Metadata) -> anyhow::Result<Tag> {
    wharf_chart::tag_for_version(&metadata.version)
        .parse()
        .with_context(|| format!("version {:?} cannot be a tag", metadata.version))
}

fn file_name(metadata: &Metadata) -> String {
    format!("{}-{}.tgz", metadata.name, metadata.version)
}

/// Returns the warnings of a chart and its subcharts.
fn warnings(chart: &Chart) -> Vec<String> {
    let mut all = chart.warnings.clone();
    for subchart in &chart.dependencies {
        all.extend(warnings(subchart).into_iter().map(|warning| format!("{}: {warning}", subchart.name())));
    }
    all
}

/// `.` and `..` have no name of their own beside which a file could lie.
fn folder_name(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn provenance_path(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".prov");
    name.into()
}

fn read_provenance(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) if text.len() as u64 > DEFAULT_MAX_MANIFEST_BYTES => {
            bail!("{} has {} bytes: that is no provenance file", path.display(), text.len())
        }
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Returns whether a provenance file holds the digest of an archive. Whether the signature is good is not asked here.
fn signs(provenance: &[u8], archive: &[u8]) -> bool {
    let digest = Algorithm::Sha256.digest(archive);
    String::from_utf8_lossy(provenance).contains(digest.as_str())
}
