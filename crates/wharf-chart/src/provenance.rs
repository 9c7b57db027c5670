//! The text inside a provenance file (`.prov`): what the PGP clear signature is made over.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use wharf_yaml::{Numbers, Reader};

use crate::fields::{self, JsonObject};
use crate::quote::Quoted;
use crate::{Error, ErrorKind, Metadata, hex};

/// A line that ends a YAML document, between the two halves. (`---` has a meaning of its own in PGP.)
const SEPARATOR: &str = "\n...\n";

/// What a provenance file says.
///
/// Text form: Chart.yaml as Helm writes it, an empty line, `...`, then `files:` with the name and `sha256:` digest of the
/// archive. Only the digests are ever compared; Helm does not look at the metadata again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// The chart's metadata when it was signed.
    pub metadata: Metadata,
    /// Digests by file name, each with its algorithm in front.
    pub files: BTreeMap<String, String>,
    /// Digests by image reference; Helm writes none.
    pub images: BTreeMap<String, String>,
}

impl Provenance {
    /// Returns the statement about one packed chart.
    #[must_use]
    pub fn of_archive(metadata: &Metadata, file_name: &str, archive: &[u8]) -> Self {
        let files = BTreeMap::from([(file_name.to_owned(), digest(archive))]);
        Self { metadata: metadata.clone(), files, images: BTreeMap::new() }
    }

    /// Reads the text that was signed, dash escaping already undone.
    ///
    /// # Errors
    /// Text without both halves, or with halves that are not what they must be.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut halves = text.split(SEPARATOR);
        let (Some(metadata), Some(sums)) = (halves.next(), halves.next()) else {
            return Err(Error::malformed("message block must have at least two parts"));
        };
        let mut provenance = Self { metadata: Metadata::from_yaml(metadata.as_bytes())?, ..Self::default() };
        let sums = Reader::new()
            .numbers(Numbers::AsWritten)
            .read(sums.as_bytes())
            .map_err(|error| Error::malformed(format!("error converting YAML to JSON: {error}")))?;
        let mut decoder = fields::Decoder::new("SumCollection", false);
        decoder.object(
            &sums,
            "provenance.SumCollection",
            |d, field, value| {
                match field {
                    "files" => d.text_map(value, &mut provenance.files),
                    _ => d.text_map(value, &mut provenance.images),
                }
                true
            },
            &["files", "images"],
        );
        decoder.finish()?;
        Ok(provenance)
    }

    /// Returns the text to sign.
    ///
    /// # Errors
    /// Metadata that YAML cannot hold.
    pub fn to_text(&self) -> Result<String, Error> {
        let mut sums = JsonObject::new();
        let files: Vec<(&str, &str)> = self.files.iter().map(|(name, digest)| (&**name, &**digest)).collect();
        let mut inner = JsonObject::new();
        files.iter().for_each(|(name, digest)| inner.always(name, digest));
        sums.raw("files", &inner.finish());
        sums.text_map("images", &self.images);
        Ok(format!("{}{SEPARATOR}{}", self.metadata.to_full_yaml()?, fields::json_to_yaml(&sums.finish())?))
    }

    /// Checks an archive against the statement and returns its digest.
    ///
    /// `file_name` is the archive's name without folders. The signature must have been verified before.
    ///
    /// # Errors
    /// The statement does not name the file, or gives another digest.
    pub fn check_archive(&self, file_name: &str, archive: &[u8]) -> Result<String, Error> {
        let actual = digest(archive);
        let Some(stated) = self.files.get(file_name) else {
            let text = format!("provenance does not contain a SHA for a file named {}", Quoted(file_name));
            return Err(Error::new(ErrorKind::Invalid, text));
        };
        if *stated != actual {
            let text = format!(
                "sha256 sum does not match for {file_name}: {} != {}",
                Quoted(stated),
                Quoted(&actual)
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Ok(actual)
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}
