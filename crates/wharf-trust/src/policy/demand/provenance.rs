//! Where something was built, from what, and how well that is protected (SLSA provenance 0.2 and 1).

use serde::Deserialize;
use serde_json::Value;

use super::{misuse, patterns, text, unmet};
use crate::cert::TextRule;
use crate::error::Result;

pub(super) const TYPES: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];
/// Where builders of either version name the repository that was built; the first that is there counts.
const SOURCES: [&str; 6] = [
    "/buildDefinition/externalParameters/workflow/repository",
    "/buildDefinition/externalParameters/source/uri",
    "/buildDefinition/externalParameters/source",
    "/buildDefinition/externalParameters/configSource/uri",
    "/buildDefinition/resolvedDependencies/0/uri",
    "/invocation/configSource/uri",
];
const MAX_LEVEL: u8 = 3;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::policy) struct ProvenanceFile {
    builders: Vec<BuilderFile>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    min_level: u8,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BuilderFile {
    id: String,
    /// The SLSA build level that this builder is believed to reach; no builder can say that of itself.
    #[serde(default)]
    level: u8,
}

#[derive(Debug, Clone)]
pub(in crate::policy) struct Provenance {
    builders: Vec<TextRule>,
    sources: Vec<TextRule>,
    said: ProvenanceFile,
}

impl Provenance {
    pub(in crate::policy) fn read(said: ProvenanceFile) -> Result<Self> {
        if said.builders.is_empty() {
            return Err(misuse("provenance names no builder that is believed".to_owned()));
        }
        if said.min_level > MAX_LEVEL || said.builders.iter().any(|builder| builder.level > MAX_LEVEL) {
            return Err(misuse(format!("SLSA build levels go up to {MAX_LEVEL}")));
        }
        let ids: Vec<String> = said.builders.iter().map(|builder| builder.id.clone()).collect();
        Ok(Self { builders: patterns("builder", &ids)?, sources: patterns("source", &said.sources)?, said })
    }

    pub(super) fn check(&self, predicate: &Value) -> Result<()> {
        let id = text(predicate, "/runDetails/builder/id").or_else(|| text(predicate, "/builder/id"));
        let id = id.ok_or_else(|| unmet("the provenance names no builder".to_owned()))?;
        let known = self.builders.iter().zip(&self.said.builders).filter(|(pattern, _)| pattern.accepts(id));
        let level = known.map(|(_, builder)| builder.level).max();
        let level =
            level.ok_or_else(|| unmet(format!("builder `{}` is not believed", id.escape_default())))?;
        if level < self.said.min_level {
            let text = format!("builder `{}` reaches level {level}", id.escape_default());
            return Err(unmet(format!("{text}, and {} is demanded", self.said.min_level)));
        }
        if self.sources.is_empty() {
            return Ok(());
        }
        let source = SOURCES.iter().find_map(|pointer| text(predicate, pointer));
        let source = source.ok_or_else(|| unmet("the provenance names no source repository".to_owned()))?;
        let repository = repository(source);
        if self.sources.iter().any(|pattern| pattern.accepts(repository)) {
            return Ok(());
        }
        let wanted = self.said.sources.join(", ");
        Err(unmet(format!("built from `{}`, not from {wanted}", source.escape_default())))
    }

    pub(super) fn describe(&self) -> Vec<String> {
        let builder = |builder: &BuilderFile| format!("{} (level {})", builder.id, builder.level);
        let builders: Vec<String> = self.said.builders.iter().map(builder).collect();
        let mut lines = vec![format!("built by {}", builders.join(" or "))];
        if !self.sources.is_empty() {
            lines.push(format!("from {}", self.said.sources.join(" or ")));
        }
        if self.said.min_level > 0 {
            lines.push(format!("at SLSA build level {} or higher", self.said.min_level));
        }
        lines
    }
}

/// The repository in a source's URI: without `git+`, and without revision, query and fragment behind the path.
fn repository(uri: &str) -> &str {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let host = uri.find("://").map_or(0, |at| at + 3);
    let path = uri[host..].find('/').map_or(uri.len(), |at| host + at);
    let end = uri[path..].find(['@', '?', '#']).map_or(uri.len(), |at| path + at);
    let uri = uri[..end].trim_end_matches('/');
    uri.strip_suffix(".git").unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_source_is_compared_without_its_revision() {
        for uri in [
            "https://git.example/acme/web",
            "git+https://git.example/acme/web.git@refs/heads/main",
            "git+https://git.example/acme/web@refs/tags/v1",
            "https://git.example/acme/web/?ref=main#sub",
        ] {
            assert_eq!(super::repository(uri), "https://git.example/acme/web", "{uri}");
        }
        assert_eq!(super::repository("git+ssh://git@git.example/a/b@main"), "ssh://git@git.example/a/b");
    }
}
