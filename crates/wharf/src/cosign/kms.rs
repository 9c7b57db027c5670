//! Keys that a key-management system keeps: sigstore's plug-in protocol, version 1 (`pkg/signature/kms/cliplugin`).
//!
//! `SCHEME://KEY` is what the program `sigstore-kms-SCHEME` on the search path makes of it. It is run once for each question,
//! with the version and a JSON document as arguments and the message on standard input, and answers with JSON on standard
//! output. Its exit status says nothing; what it writes to standard error is for the user.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use wharf_trust::{Base64, Error, HashAlgorithm, PublicKey, SignatureScheme, SigningKey};

const PROTOCOL: &str = "v1";
/// A key or a signature is a few kilobytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// What no plug-in is asked about: where a key in the form of a file is read from.
const OTHERS: [&str; 3] = ["env", "http", "https"];

/// A plug-in, and what it calls the key.
pub(super) struct Plugin {
    program: PathBuf,
    /// As the user wrote it.
    reference: String,
    key: String,
}

/// A key that a plug-in keeps; each signature is asked for, and checked before it is used.
pub(super) struct PluginKey {
    plugin: Plugin,
    public: PublicKey,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    error_message: String,
    default_algorithm: Option<Algorithm>,
    create_key: Option<Key>,
    public_key: Option<Key>,
    sign_message: Option<Signature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Algorithm {
    default_algorithm: String,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "publicKeyPEM")]
    pem: Base64,
}

#[derive(Deserialize)]
struct Signature {
    signature: Base64,
}

/// Returns the public half of a key that a key-management system keeps, by its `SCHEME://KEY`.
pub(crate) fn public_key(reference: &str) -> anyhow::Result<PublicKey> {
    let plugin = Plugin::of(reference)?;
    plugin.with_context(|| format!("{reference} is no key of a key-management system"))?.public()
}

impl Plugin {
    /// Returns the plug-in for a reference, or none where it is not of the form `SCHEME://KEY`.
    ///
    /// # Errors
    /// There is no such program on the search path.
    pub(super) fn of(reference: &str) -> anyhow::Result<Option<Self>> {
        let Some((scheme, key)) = reference.split_once("://").filter(|(scheme, _)| !OTHERS.contains(scheme))
        else {
            return Ok(None);
        };
        // The scheme becomes the name of a file, so it must not be a path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        ensure!(!scheme.is_empty() && scheme.bytes().all(plain), "{reference}: {scheme:?} is not a scheme");
        let name = format!("sigstore-kms-{scheme}");
        let Some(program) = on_the_search_path(&name) else {
            bail!(
                "{reference}: no such key-management system: {name} is not on the PATH; wharf reaches all of them by plug-ins"
            );
        };
        Ok(Some(Self { program, reference: reference.to_owned(), key: key.to_owned() }))
    }

    /// Makes the key, of the kind that the plug-in prefers, and returns its public half.
    pub(super) fn create(&self) -> anyhow::Result<PublicKey> {
        let preferred = self.ask("defaultAlgorithm", &json!({}), HashAlgorithm::Sha256, &[])?;
        let preferred = preferred.default_algorithm.with_context(|| self.silent("the default algorithm"))?;
        let arguments = json!({ "algorithm": preferred.default_algorithm });
        let made = self.ask("createKey", &arguments, HashAlgorithm::Sha256, &[]).context("creating key")?;
        self.read(made.create_key)
    }

    /// Asks for the public half.
    pub(super) fn public(&self) -> anyhow::Result<PublicKey> {
        let arguments = json!({ "publicKeyOptions": { "rpcOptions": rpc_options() } });
        let answer = self.ask("publicKey", &arguments, HashAlgorithm::Sha256, &[])?;
        self.read(answer.public_key)
    }

    /// Returns the key as one that signs.
    pub(super) fn into_key(self) -> anyhow::Result<PluginKey> {
        let public = self.public()?;
        Ok(PluginKey { plugin: self, public })
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        // The digest goes with the message, as cosign sends it; what is signed without one gets the message only.
        let digest = scheme.hash().map(|hash| Base64(hash.digest(message)));
        let arguments = json!({
            "signOptions": { "rpcOptions": rpc_options(), "messageOptions": { "digest": digest } },
        });
        let hash = scheme.hash().unwrap_or(HashAlgorithm::Sha256);
        let answer = self.ask("signMessage", &arguments, hash, message)?;
        let signature = answer.sign_message.with_context(|| self.silent("the signature"))?;
        Ok(signature.signature.0)
    }

    fn read(&self, key: Option<Key>) -> anyhow::Result<PublicKey> {
        let key = key.with_context(|| self.silent("the public key"))?;
        PublicKey::from_pem(&key.pem).with_context(|| format!("{}: the plug-in's public key", self.reference))
    }

    /// Runs the plug-in for one method.
    fn ask(
        &self,
        method: &str,
        arguments: &Value,
        hash: HashAlgorithm,
        input: &[u8],
    ) -> anyhow::Result<Answer> {
        let question = json!({
            "initOptions": {
                "protocolVersion": PROTOCOL,
                "keyResourceID": self.key,
                "hashFunc": go_hash(hash),
                "rpcOptions": rpc_options(),
            },
            "methodName": method,
            method: arguments,
        });
        let name = self.program.display();
        let mut child = Command::new(&self.program)
            .args([PROTOCOL, &question.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("error executing plugin program: {name}"))?;
        let answer = exchange(&mut child, input);
        if answer.is_err() {
            // It may still be writing; nobody reads on.
            let _ = child.kill();
        }
        let status = child.wait()?;
        let text = answer.with_context(|| format!("error executing plugin program: {name}"))?;
        ensure!(status.code().is_some(), "error executing plugin program: {name}: {status}");
        let answer: Answer = serde_json::from_slice(&text)
            .with_context(|| format!("parsing plugin response: {name} {method}"))?;
        ensure!(answer.error_message.is_empty(), "plugin returned error: {}", answer.error_message);
        Ok(answer)
    }

    fn silent(&self, what: &str) -> String {
        format!("{} answered without {what}", self.program.display())
    }
}

impl SigningKey for PluginKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> wharf_trust::Result<Vec<u8>> {
        let failed = |reason: String| Error::key_holder(format!("{}: {reason}", self.plugin.reference));
        let signature = self.plugin.sign(scheme, message).map_err(|error| failed(format!("{error:#}")))?;
        self.public.verify(scheme, message, &signature).map_err(|_| {
            failed(format!(
                "the plug-in's signature is not one by its key {} in {scheme:?}",
                self.public.hint()
            ))
        })?;
        Ok(signature)
    }
}

/// Sends the message and reads the answer, both at once: neither side waits for the other.
fn exchange(child: &mut Child, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input has what it needs.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        let mut text = Vec::new();
        let mut stdout = stdout.context("no standard output")?.take(MAX_ANSWER_BYTES + 1);
        stdout.read_to_end(&mut text)?;
        ensure!(text.len() as u64 <= MAX_ANSWER_BYTES, "the answer is longer than {MAX_ANSWER_BYTES} bytes");
        Ok(text)
    })
}

/// The options that cosign sends with every call: the newest version of the key.
fn rpc_options() -> Value {
    json!({ "keyVersion": "", "remoteVerification": false })
}

/// Go's number of a hash function.
fn go_hash(hash: HashAlgorithm) -> u8 {
    match hash {
        HashAlgorithm::Sha256 => 5,
        HashAlgorithm::Sha384 => 6,
        HashAlgorithm::Sha512 => 7,
    }
}

/// Looks in the absolute folders of `PATH`; a program in the current folder is not run by chance.
fn on_the_search_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::var_os("PATH")?;
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(runs)
}
