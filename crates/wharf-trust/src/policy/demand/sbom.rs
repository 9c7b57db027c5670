//! What an artifact is made of: SPDX 2 and 3, CycloneDX.

use serde::Deserialize;
use serde_json::Value;

use super::{misuse, one_of, text, unmet};
use crate::error::Result;
use crate::statement::Statement;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Spdx,
    CycloneDx,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::policy) struct SbomFile {
    #[serde(default = "all")]
    formats: Vec<Format>,
    /// How many packages or components it must list.
    #[serde(default = "one")]
    min_components: usize,
}

fn all() -> Vec<Format> {
    vec![Format::Spdx, Format::CycloneDx]
}

fn one() -> usize {
    1
}

#[derive(Debug, Clone)]
pub(in crate::policy) struct Sbom(SbomFile);

impl Format {
    fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Spdx => "SPDX",
            Self::CycloneDx => "CycloneDX",
        }
    }

    /// Returns how many components a document of this format lists; `None`: it is no such document.
    fn components(self, document: &Value) -> Option<usize> {
        let list = |pointer: &str| document.pointer(pointer).and_then(Value::as_array);
        match self {
            Self::CycloneDx if document.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") => {
                Some(list("/components").map_or(0, Vec::len))
            }
            Self::Spdx
                if text(document, "/spdxVersion").is_some_and(|version| version.starts_with("SPDX-")) =>
            {
                Some(list("/packages").map_or(0, Vec::len))
            }
            Self::Spdx if text(document, "/@context").is_some_and(|context| context.contains("spdx.org")) => {
                let is_package =
                    |each: &&Value| text(each, "/type").is_some_and(|kind| kind.ends_with("Package"));
                Some(list("/@graph").map_or(0, |graph| graph.iter().filter(is_package).count()))
            }
            _ => None,
        }
    }
}

impl Sbom {
    pub(in crate::policy) fn read(said: SbomFile) -> Result<Self> {
        if said.formats.is_empty() {
            return Err(misuse("an SBOM of no format can never be".to_owned()));
        }
        Ok(Self(said))
    }

    pub(super) fn check(&self, statement: &Statement) -> Result<()> {
        let types: Vec<&str> = self.0.formats.iter().map(|format| format.predicate_type()).collect();
        one_of(statement, &types)?;
        // cosign wraps documents that it was not given as JSON.
        let inner;
        let document = match &statement.predicate {
            Value::String(written) => {
                inner = serde_json::from_str(written).unwrap_or(Value::Null);
                &inner
            }
            predicate => predicate.get("Data").filter(|data| data.is_object()).unwrap_or(predicate),
        };
        let is = |format: &&Format| statement.predicate_type.starts_with(format.predicate_type());
        let format = self.0.formats.iter().find(is).copied();
        let count = format.and_then(|format| format.components(document));
        let count = count.ok_or_else(|| unmet("what is attested as an SBOM is none".to_owned()))?;
        if count < self.0.min_components {
            return Err(unmet(format!("the SBOM lists {count} components, not {}", self.0.min_components)));
        }
        Ok(())
    }

    pub(super) fn describe(&self) -> Vec<String> {
        let formats: Vec<&str> = self.0.formats.iter().map(|format| format.name()).collect();
        vec![format!("{} with at least {} components", formats.join(" or "), self.0.min_components)]
    }
}
