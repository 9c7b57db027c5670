//! `repositories.yaml`: the chart repositories that a user has.

use wharf_yaml::{Numbers, Reader, Value};

use crate::Error;
use crate::fields::{self, JsonObject};
use crate::lock::ZERO_TIME;

/// The contents of `repositories.yaml`.
#[derive(Clone, Debug, Default)]
pub struct RepositoryFile {
    api_version: String,
    generated: String,
    /// The repositories in the order in which they were added.
    pub repositories: Vec<RepositoryEntry>,
}

/// One chart repository of a user. It holds a password: its `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RepositoryEntry {
    /// The name by which charts refer to it.
    pub name: String,
    /// Where `index.yaml` lies.
    pub url: String,
    /// Login; empty for none.
    pub username: String,
    /// Password; empty for none.
    pub password: String,
    /// PEM file of the client's certificate.
    pub cert_file: String,
    /// PEM file of the client's key.
    pub key_file: String,
    /// PEM file of certificates to trust.
    pub ca_file: String,
    /// Accept any certificate.
    pub insecure: bool,
    /// Send the login to other hosts that the index names, too.
    pub pass_credentials: bool,
}

impl std::fmt::Debug for RepositoryEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RepositoryEntry")
            .field("name", &self.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl RepositoryFile {
    /// Reads the file; unknown fields are passed over, and so are empty entries.
    ///
    /// # Errors
    /// Malformed YAML and values of the wrong shape.
    pub fn from_yaml(text: &[u8]) -> Result<Self, Error> {
        let value = Reader::new()
            .numbers(Numbers::AsWritten)
            .read(text)
            .map_err(|error| Error::malformed(format!("error converting YAML to JSON: {error}")))?;
        let mut file = Self::default();
        let mut entries: Vec<Option<RepositoryEntry>> = Vec::new();
        let mut decoder = fields::Decoder::new("File", false);
        decoder.object(
            &value,
            "repo.File",
            |d, field, value| {
                match field {
                    "apiVersion" => d.text(value, &mut file.api_version),
                    "generated" => d.text(value, &mut file.generated),
                    _ => d.objects(value, &mut entries, "[]*repo.Entry", RepositoryEntry::decode),
                }
                true
            },
            &["apiVersion", "generated", "repositories"],
        );
        decoder.finish()?;
        file.repositories = entries.into_iter().flatten().collect();
        Ok(file)
    }

    /// Returns the file as Helm writes it.
    ///
    /// # Errors
    /// Text that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, Error> {
        let mut json = JsonObject::new();
        json.always("apiVersion", &self.api_version);
        json.always("generated", if self.generated.is_empty() { ZERO_TIME } else { &self.generated });
        let entries: Vec<String> = self.repositories.iter().map(RepositoryEntry::to_json).collect();
        json.raw("repositories", &format!("[{}]", entries.join(",")));
        fields::json_to_yaml(&json.finish())
    }

    /// Returns the repository of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&RepositoryEntry> {
        self.repositories.iter().find(|entry| entry.name == name)
    }

    /// Puts a repository in the place of that of its name, or at the end.
    pub fn set(&mut self, entry: RepositoryEntry) {
        match self.repositories.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => *known = entry,
            None => self.repositories.push(entry),
        }
    }

    /// Takes a repository away; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.repositories.len();
        self.repositories.retain(|entry| entry.name != name);
        self.repositories.len() != before
    }
}

impl RepositoryEntry {
    fn decode(&mut self, value: &Value, d: &mut fields::Decoder) {
        d.object(
            value,
            "repo.Entry",
            |d, field, value| {
                match field {
                    "name" => d.text(value, &mut self.name),
                    "url" => d.text(value, &mut self.url),
                    "username" => d.text(value, &mut self.username),
                    "password" => d.text(value, &mut self.password),
                    "certFile" => d.text(value, &mut self.cert_file),
                    "keyFile" => d.text(value, &mut self.key_file),
                    "caFile" => d.text(value, &mut self.ca_file),
                    "insecure_skip_tls_verify" => d.flag(value, &mut self.insecure),
                    _ => d.flag(value, &mut self.pass_credentials),
                }
                true
            },
            &[
                "name",
                "url",
                "username",
                "password",
                "certFile",
                "keyFile",
                "caFile",
                "insecure_skip_tls_verify",
                "pass_credentials_all",
            ],
        );
    }

    fn to_json(&self) -> String {
        let mut json = JsonObject::new();
        json.always("name", &self.name);
        json.always("url", &self.url);
        json.always("username", &self.username);
        json.always("password", &self.password);
        json.always("certFile", &self.cert_file);
        json.always("keyFile", &self.key_file);
        json.always("caFile", &self.ca_file);
        json.raw("insecure_skip_tls_verify", if self.insecure { "true" } else { "false" });
        json.raw("pass_credentials_all", if self.pass_credentials { "true" } else { "false" });
        json.finish()
    }
}
