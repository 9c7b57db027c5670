//! Rules about Chart.yaml.

use wharf_yaml::from_yaml;

use super::address::{is_mail_address, is_request_url, is_url};
use super::{Place, Report, Severity};
use crate::Metadata;
use crate::metadata::is_base_name;
use crate::quote::Quoted;
use crate::semver::{Constraint, Version};

const PATH: &str = "Chart.yaml";

pub(super) fn check(chart_folder: &str, description: &Place, report: &mut Report) {
    let Place::File(data) = description else {
        report.rule(Severity::Error, PATH, Err("should be a file, not a directory".to_owned()));
        let text = format!("unable to parse YAML\n\tread {chart_folder}/{PATH}: is a directory");
        report.rule(Severity::Error, PATH, Err(text));
        return;
    };
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let metadata = match Metadata::from_yaml(text) {
        Ok(metadata) => metadata,
        Err(error) => {
            report.rule(Severity::Error, PATH, Err(format!("unable to parse YAML\n\t{error}")));
            return;
        }
    };
    let strict = Metadata::from_yaml_strict(text).map(|_| ());
    let strict = strict.map_err(|error| format!("failed to strictly parse chart metadata file\n\t{error}"));
    report.rule(Severity::Warning, PATH, strict);
    report.rule(Severity::Error, PATH, name(&metadata));
    report.rule(Severity::Error, PATH, api_version(&metadata));
    report.rule(Severity::Error, PATH, is_text(text, "version"));
    report.rule(Severity::Error, PATH, version(&metadata));
    report.rule(Severity::Error, PATH, is_text(text, "appVersion"));
    report.rule(Severity::Error, PATH, maintainers(&metadata));
    report.rule(Severity::Error, PATH, sources(&metadata));
    report.rule(Severity::Info, PATH, demand(!metadata.icon.is_empty(), || "icon is recommended".to_owned()));
    let icon_fits = metadata.icon.is_empty() || is_request_url(&metadata.icon);
    report.rule(Severity::Error, PATH, demand(icon_fits, || format!("invalid icon URL '{}'", metadata.icon)));
    let (api, is_v2) = (&metadata.api_version, metadata.api_version == "v2");
    report.rule(
        Severity::Error,
        PATH,
        demand(metadata.chart_type.is_empty() || is_v2, || {
            format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'")
        }),
    );
    report.rule(Severity::Error, PATH, demand(metadata.dependencies.is_empty() || is_v2, || {
        format!(
            "dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion 'v2'"
        )
    }));
    let is_strict = Version::parse_strict(&metadata.version).is_ok();
    report.rule(
        Severity::Warning,
        PATH,
        demand(is_strict, || format!("version '{}' is not a valid SemVerV2", metadata.version)),
    );
}

fn demand(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

fn name(metadata: &Metadata) -> Result<(), String> {
    demand(!metadata.name.is_empty(), || "name is required".to_owned())?;
    demand(is_base_name(&metadata.name), || format!("chart name {} is invalid", Quoted(&metadata.name)))
}

fn api_version(metadata: &Metadata) -> Result<(), String> {
    let rule = "The value must be either \"v1\" or \"v2\"";
    match metadata.api_version.as_str() {
        "v1" | "v2" => Ok(()),
        "" => Err(format!("apiVersion is required. {rule}")),
        other => Err(format!("apiVersion '{other}' is not valid. {rule}")),
    }
}

/// Numbers are turned into text when loaded, but `1.10` has become `1.1` by then.
fn is_text(yaml: &[u8], key: &str) -> Result<(), String> {
    let Ok(value) = from_yaml(yaml) else { return Ok(()) };
    match value.at(key) {
        None | Some(wharf_yaml::Value::String(_)) => Ok(()),
        Some(other) => Err(format!("{key} should be of type string but it's of type {}", other.go_type())),
    }
}

fn version(metadata: &Metadata) -> Result<(), String> {
    demand(!metadata.version.is_empty(), || "version is required".to_owned())?;
    let not_semver = |_| format!("version '{}' is not a valid SemVer", metadata.version);
    let version = Version::parse(&metadata.version).map_err(not_semver)?;
    let above_nothing = Constraint::parse(">0.0.0-0").map_err(|error| error.to_string())?;
    above_nothing
        .explain(&version)
        .map_err(|reasons| format!("version {}", reasons.first().map_or("", String::as_str)))
}

fn maintainers(metadata: &Metadata) -> Result<(), String> {
    for maintainer in &metadata.maintainers {
        let Some(maintainer) = maintainer else { return Err("a maintainer entry is empty".to_owned()) };
        let (name, email, url) = (&maintainer.name, &maintainer.email, &maintainer.url);
        demand(!name.is_empty(), || "each maintainer requires a name".to_owned())?;
        let mail_fits = email.is_empty() || is_mail_address(email);
        demand(mail_fits, || format!("invalid email '{email}' for maintainer '{name}'"))?;
        demand(url.is_empty() || is_url(url), || format!("invalid url '{url}' for maintainer '{name}'"))?;
    }
    Ok(())
}

fn sources(metadata: &Metadata) -> Result<(), String> {
    let bad = metadata.sources.iter().find(|source| !is_request_url(source));
    bad.map_or(Ok(()), |source| Err(format!("invalid source URL '{source}'")))
}
