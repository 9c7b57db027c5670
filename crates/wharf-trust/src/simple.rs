//! Simple signing: what cosign 1 and 2 sign for an image (containers/image, `atomic-signature.md`, as cosign uses it).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// Media type of the payload as a layer.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const TYPE: &str = "cosign container image signature";

/// The payload: which manifest is signed, and what the signer noted.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleSigning {
    /// The repository that the signer saw; it binds nothing.
    pub docker_reference: String,
    /// The signed manifest.
    pub digest: String,
    /// What the signer noted.
    pub optional: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    critical: Critical,
    optional: Option<Map<String, Value>>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: IdentityPart,
    image: ImagePart,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct IdentityPart {
    #[serde(rename = "docker-reference", default)]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
struct ImagePart {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl SimpleSigning {
    /// Reads the payload; names are read whatever their case, as older writers need.
    ///
    /// # Errors
    /// Not such a document, or of another type.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let mut document: Value = crate::json::read("simple signing payload", text)?;
        for path in ["", "/critical", "/critical/identity", "/critical/image"] {
            if let Some(Value::Object(object)) = document.pointer_mut(path) {
                lower_names(object)?;
            }
        }
        let wire: Wire = serde_json::from_value(document)
            .map_err(|error| Error::malformed(format!("simple signing payload: {error}")))?;
        if wire.critical.kind != TYPE {
            let found = wire.critical.kind.escape_default();
            return Err(Error::new(
                ErrorKind::Content,
                format!("simple signing payload of type `{found}`, not `{TYPE}`"),
            ));
        }
        Ok(Self {
            docker_reference: wire.critical.identity.docker_reference,
            digest: wire.critical.image.digest,
            optional: wire.optional.unwrap_or_default(),
        })
    }

    /// Returns the bytes that are signed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            critical: Critical {
                identity: IdentityPart { docker_reference: self.docker_reference.clone() },
                image: ImagePart { digest: self.digest.clone() },
                kind: TYPE.to_owned(),
            },
            optional: Some(self.optional.clone()).filter(|notes| !notes.is_empty()),
        };
        serde_json::to_vec(&wire).expect("plain data always has a JSON form")
    }
}

/// Renames what is not lower case; a document that then has a name twice is refused.
fn lower_names(object: &mut Map<String, Value>) -> Result<()> {
    let mixed: Vec<String> =
        object.keys().filter(|name| name.chars().any(char::is_uppercase)).cloned().collect();
    for name in mixed {
        let value = object.remove(&name).unwrap_or_default();
        if object.insert(name.to_lowercase(), value).is_some() {
            return Err(Error::malformed(format!(
                "simple signing payload: `{}` comes twice",
                name.escape_default()
            )));
        }
    }
    Ok(())
}
