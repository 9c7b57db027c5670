//! One credential file: Docker's `config.json`, Podman's `auth.json`, Helm's `registry/config.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::{Map, Value, json};
use wharf_content::Result;
use zeroize::Zeroizing;

use crate::Secret;
use crate::credential::{Credential, basic, broken, broken_by, file_key, keys_of, normal_key};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The JSON of one file. What this code does not know is kept when it is written again.
pub(super) struct ConfigFile {
    path: PathBuf,
    document: Map<String, Value>,
}

impl ConfigFile {
    /// Reads the file; one that is absent or empty has no entries.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = match fs::metadata(path) {
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(broken(format!(
                    "{name} has {} bytes, at most {MAX_BYTES} are read",
                    metadata.len()
                )));
            }
            Ok(_) => Zeroizing::new(
                fs::read_to_string(path).map_err(|error| broken_by(format!("cannot read {name}"), error))?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
            Err(error) => return Err(broken_by(format!("cannot read {name}"), error)),
        };
        let document = if text.trim().is_empty() {
            Map::new()
        } else {
            serde_json::from_str(&text).map_err(|error| {
                // The position only: the parser's message might quote a secret.
                broken(format!(
                    "{name} is not a JSON object (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            })?
        };
        Ok(Self { path: path.to_owned(), document })
    }

    /// Returns the helper program for a host: of that host, else of the whole file.
    pub(super) fn helper(&self, host: &str) -> Option<&str> {
        let of_host = self.document.get("credHelpers").and_then(Value::as_object).and_then(|helpers| {
            helpers.iter().find(|(key, _)| normal_key(key) == normal_key(host)).map(|(_, helper)| helper)
        });
        of_host
            .or_else(|| self.document.get("credsStore"))
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
    }

    /// Returns the entry for a place, `host[/path]`, by the longest prefix.
    pub(super) fn entry(&self, place: &str) -> Result<Option<Credential>> {
        let Some(entries) = self.document.get("auths").and_then(Value::as_object) else { return Ok(None) };
        for key in keys_of(place) {
            let found = entries.iter().find(|(name, _)| normal_key(name) == normal_key(key));
            if let Some((name, entry)) = found
                && let Some(credential) = self.credential(name, entry)?
            {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn credential(&self, key: &str, entry: &Value) -> Result<Option<Credential>> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Ok(Some(Credential::IdentityToken(Secret::new(token))));
        }
        if let Some(token) = text("registrytoken") {
            return Ok(Some(Credential::RegistryToken(Secret::new(token))));
        }
        let origin = || format!("{} under {key:?}", self.path.display());
        if let Some(auth) = text("auth") {
            let auth = auth.trim_end_matches('\0');
            let decoded = BASE64
                .decode(auth.as_bytes())
                .or_else(|_| BASE64_NOPAD.decode(auth.as_bytes()))
                .ok()
                .map(Zeroizing::new);
            let pair = decoded.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            let Some((username, password)) = pair.and_then(|pair| pair.split_once(':')) else {
                return Err(broken(format!(
                    "the field \"auth\" in {} is not base64 of user:password",
                    origin()
                )));
            };
            return basic(username, Secret::new(password.trim_end_matches('\0')), &origin()).map(Some);
        }
        match (text("username"), text("password")) {
            (Some(username), Some(password)) => basic(username, Secret::new(password), &origin()).map(Some),
            _ => Ok(None),
        }
    }

    /// Sets the entry of a host.
    pub(super) fn set(&mut self, host: &str, credential: &Credential) {
        self.remove(host);
        let entry = match credential {
            Credential::Anonymous => return,
            Credential::Basic { username, password } => {
                let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
                json!({ "auth": BASE64.encode(pair.as_bytes()) })
            }
            Credential::IdentityToken(token) => json!({ "identitytoken": token.expose() }),
            Credential::RegistryToken(token) => json!({ "registrytoken": token.expose() }),
        };
        let auths = self.document.entry("auths").or_insert_with(|| json!({}));
        if !auths.is_object() {
            *auths = json!({});
        }
        if let Some(auths) = auths.as_object_mut() {
            auths.insert(file_key(host).to_owned(), entry);
        }
    }

    /// Takes every entry of a host away; returns whether there was one.
    pub(super) fn remove(&mut self, host: &str) -> bool {
        let Some(auths) = self.document.get_mut("auths").and_then(Value::as_object_mut) else { return false };
        let before = auths.len();
        auths.retain(|key, _| normal_key(key) != normal_key(host));
        auths.len() != before
    }

    /// Writes the file: readable by its owner only, and replaced at once, so that no reader sees a part of it.
    pub(super) fn write(&self) -> Result<()> {
        // A link, as in a folder of settings under version control, stays a link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let failed = |error| broken_by(format!("cannot write {}", path.display()), error);
        fs::create_dir_all(folder).map_err(failed)?;
        let mut text = Zeroizing::new(
            serde_json::to_string_pretty(&self.document)
                .map_err(|error| broken_by(format!("cannot write {}", path.display()), error))?,
        );
        text.push('\n');
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("config.json");
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        let _ = fs::remove_file(&beside);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written.map_err(failed)
    }
}
