//! Docker's credential helper protocol: a program `docker-credential-NAME` with the actions `get`, `store`, `erase`.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wharf_content::Result;
use zeroize::Zeroizing;

use crate::Secret;
use crate::credential::{Credential, basic, broken, broken_by, file_key};

/// A helper may ask its user to unlock something, but not for ever.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const MAX_BYTES: u64 = 128 * 1024;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    #[serde(rename = "Username")]
    username: &'a str,
    #[serde(rename = "Secret")]
    secret: &'a str,
}

/// A helper program: its name, and the folder to look in instead of `PATH`.
#[derive(Clone, Copy)]
pub(super) struct Helper<'a> {
    pub(super) name: &'a str,
    pub(super) folder: Option<&'a Path>,
}

/// Asks a helper for the credential of a host.
pub(super) async fn find(helper: Helper<'_>, host: &str) -> Result<Option<Credential>> {
    let (success, text) = run(helper, "get", Zeroizing::new(file_key(host).to_owned())).await?;
    if !success {
        // The protocol knows no codes; this is the sentence of its reference implementation.
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(helper, "get", &text));
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|_| {
        broken(format!("credential helper {:?} did not answer with the JSON it should", helper.name))
    })?;
    let secret = Secret::new(answer.secret);
    match answer.username.as_str() {
        "<token>" => Ok(Some(Credential::IdentityToken(secret))),
        "" => Ok(None),
        username => basic(username, secret, &format!("credential helper {:?}", helper.name)).map(Some),
    }
}

/// Gives a helper the credential of a host to keep.
pub(super) async fn store(helper: Helper<'_>, host: &str, credential: &Credential) -> Result<()> {
    let (username, secret) = match credential {
        Credential::Basic { username, password } => (username.as_str(), password),
        Credential::IdentityToken(token) | Credential::RegistryToken(token) => ("<token>", token),
        Credential::Anonymous => return Ok(()),
    };
    let entry = Entry { server_url: file_key(host), username, secret: secret.expose() };
    let text = serde_json::to_string(&entry)
        .map_err(|error| broken_by(format!("cannot write to credential helper {:?}", helper.name), error))?;
    match run(helper, "store", Zeroizing::new(text)).await? {
        (true, _) => Ok(()),
        (false, text) => Err(failed(helper, "store", &text)),
    }
}

/// Has a helper forget a host; returns whether it knew it.
pub(super) async fn erase(helper: Helper<'_>, host: &str) -> Result<bool> {
    match run(helper, "erase", Zeroizing::new(file_key(host).to_owned())).await? {
        (true, _) => Ok(true),
        (false, text) if text.contains("credentials not found") => Ok(false),
        (false, text) => Err(failed(helper, "erase", &text)),
    }
}

fn failed(helper: Helper<'_>, action: &str, text: &str) -> wharf_content::Error {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    broken(format!("credential helper {:?} failed to {action}: {text}", helper.name))
}

/// Runs a helper; returns whether it succeeded and what it wrote.
async fn run(
    helper: Helper<'_>,
    action: &'static str,
    input: Zeroizing<String>,
) -> Result<(bool, Zeroizing<String>)> {
    // The name comes from a file and becomes part of a program's name, not a path.
    if !helper.name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(broken(format!("the name of credential helper {:?} is invalid", helper.name)));
    }
    let program = format!("docker-credential-{}", helper.name);
    let path = helper.folder.map_or_else(|| program.clone().into(), |folder| folder.join(&program));
    let mut child = Command::new(&path)
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| broken_by(format!("cannot run credential helper {program:?}"), error))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait at its end for a blocking task that hangs in a helper.
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let mut done = true;
        if let Some(mut stdin) = stdin {
            // A helper that does not read its input says why in its answer.
            let _ = stdin.write_all(input.as_bytes());
        }
        if let Some(stdout) = stdout {
            done = stdout.take(MAX_BYTES).read_to_string(&mut text).is_ok();
        }
        let _ = sender.send(done.then_some(text));
    });
    let answer = tokio::time::timeout(TIMEOUT, receiver).await;
    if !matches!(answer, Ok(Ok(_))) {
        let _ = child.kill();
    }
    let status =
        child.wait().map_err(|error| broken_by(format!("credential helper {program:?} is lost"), error))?;
    match answer {
        Ok(Ok(Some(text))) => Ok((status.success(), text)),
        Ok(_) => Err(broken(format!("credential helper {program:?} did not answer with text"))),
        Err(_) => Err(broken(format!(
            "credential helper {program:?} did not answer within {} seconds",
            TIMEOUT.as_secs()
        ))),
    }
}
