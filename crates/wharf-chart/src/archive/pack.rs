//! From a chart to its archive.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use wharf_yaml::Json;

use super::tar_writer;
use crate::metadata::check_name;
use crate::semver::Version;
use crate::{Chart, Error, ErrorKind};

/// The time of every entry unless told otherwise: the start of 1980, the earliest that every archive format can hold.
pub const DEFAULT_PACK_TIME: u64 = 315_532_800;

/// The extra field Helm puts into the gzip header: two letters, a length, and 40 bytes of text.
const GZIP_EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

/// How to pack a chart.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// Packs under this version instead of the one in Chart.yaml.
    pub version: Option<String>,
    /// Packs under this application version instead of the one in Chart.yaml.
    pub app_version: Option<String>,
    /// Time of every entry, in seconds since 1970. A caller that honours `SOURCE_DATE_EPOCH` puts it here.
    pub modified: u64,
    /// Packs although wanted dependencies are not under `charts/`, as Helm does with charts that are dependencies
    /// themselves.
    pub allow_missing: bool,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { version: None, app_version: None, modified: DEFAULT_PACK_TIME, allow_missing: false }
    }
}

/// A packed chart.
#[derive(Debug, Clone)]
pub struct Packed {
    /// `NAME-VERSION.tgz`.
    pub file_name: String,
    /// The archive.
    pub bytes: Vec<u8>,
    /// The metadata that loading the archive gives: overrides applied, and without the dependencies that version 1
    /// charts lose when their Chart.yaml is rewritten.
    pub metadata: crate::Metadata,
}

/// Packs a chart as `helm package` does, reproducibly.
///
/// The tar inside has Helm's entries and bytes (Chart.yaml and Chart.lock are rewritten, subcharts unpacked under
/// `charts/`), except that every time is [`PackOptions::modified`]. The same chart and options give the same bytes.
///
/// # Errors
/// An overriding version that is none, wanted dependencies that are not there, a schema that is not JSON, and names that
/// would lead out of the archive's folder.
pub fn pack(chart: &Chart, options: &PackOptions) -> Result<Packed, Error> {
    let mut metadata = chart.metadata.clone();
    if let Some(version) = options.version.as_ref().filter(|version| !version.is_empty()) {
        metadata.version.clone_from(version);
    }
    if let Err(error) = Version::parse(&metadata.version) {
        return Err(Error::new(ErrorKind::Misuse, error.to_string()));
    }
    if let Some(version) = options.app_version.as_ref().filter(|version| !version.is_empty()) {
        metadata.app_version.clone_from(version);
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() && !options.allow_missing {
        let text = format!("found in Chart.yaml, but missing in charts/ directory: {}", missing.join(", "));
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    metadata.validate().map_err(|error| error.within("chart validation"))?;
    // The version becomes part of a file name.
    check_name(&format!("{}-{}.tgz", metadata.name, metadata.version))?;
    let mut tar = Vec::new();
    append_chart(&mut tar, chart, &metadata, "", options.modified)?;
    tar_writer::finish(&mut tar);
    let bytes =
        gzip(&tar).map_err(|error| Error::malformed(format!("chart cannot be compressed: {error}")))?;
    if metadata.api_version == "v1" && chart.raw_file("requirements.yaml").is_none() {
        metadata.dependencies.clear();
    }
    Ok(Packed { file_name: format!("{}-{}.tgz", metadata.name, metadata.version), bytes, metadata })
}

fn gzip(tar: &[u8]) -> std::io::Result<Vec<u8>> {
    // 255 is "unknown operating system", which Go writes too.
    let builder = GzBuilder::new().extra(GZIP_EXTRA).comment("Helm").operating_system(255);
    let mut writer = builder.write(Vec::new(), Compression::default());
    writer.write_all(tar)?;
    writer.finish()
}

fn append_chart(
    tar: &mut Vec<u8>,
    chart: &Chart,
    metadata: &crate::Metadata,
    prefix: &str,
    modified: u64,
) -> Result<(), Error> {
    check_name(&metadata.name)?;
    let base = format!("{prefix}{}", metadata.name);
    let mut add =
        |name: &str, data: &[u8]| tar_writer::append(tar, &format!("{base}/{name}"), data, modified);
    add("Chart.yaml", metadata.to_yaml()?.as_bytes());
    if metadata.api_version == "v2"
        && let Some(lock) = &chart.lock
    {
        add("Chart.lock", lock.to_yaml()?.as_bytes());
    }
    if let Some(values) = chart.raw_file("values.yaml") {
        add("values.yaml", &values.data);
    }
    if let Some(schema) = &chart.schema {
        if Json::read(&schema.data).is_err() {
            return Err(Error::malformed("invalid JSON in values.schema.json"));
        }
        add("values.schema.json", &schema.data);
    }
    for file in chart.templates.iter().chain(&chart.files) {
        add(&file.name, &file.data);
    }
    for dependency in &chart.dependencies {
        append_chart(tar, dependency, &dependency.metadata, &format!("{base}/charts/"), modified)?;
    }
    Ok(())
}
