//! Registries and a home folder for clients that are measured: the same for all of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::subject::{Kind, Subject};
use crate::server::{PASSWORD, USER, base64};
use crate::shell::root;

/// Where clients keep their settings and what they pull; removed when it is dropped.
pub(super) struct Lab {
    pub(super) registries: Vec<Subject>,
    folder: PathBuf,
}

impl Lab {
    /// Starts so many registries of the same program, each with the public project `load`, and logs all clients in.
    pub(super) fn start(wharf: &Path, count: usize) -> Result<Self> {
        let kind = Kind::Wharf(wharf.to_owned());
        let mut registries = Vec::new();
        for _ in 0..count {
            let registry = kind.start()?;
            registry.prepare()?;
            registries.push(registry);
        }
        let folder = root().join("target/xtask").join(format!("bench-clients-{}", std::process::id()));
        fs::create_dir_all(folder.join(".docker"))?;
        let login = json!({ "auth": base64(format!("{USER}:{PASSWORD}").as_bytes()) });
        let logins: serde_json::Map<_, _> =
            registries.iter().map(|registry| (registry.address.to_string(), login.clone())).collect();
        fs::write(folder.join(".docker/config.json"), json!({ "auths": logins }).to_string())?;
        fs::create_dir_all(folder.join("policy"))?;
        fs::write(
            folder.join("policy.json"),
            json!({"default": [{"type": "insecureAcceptAnything"}]}).to_string(),
        )?;
        Ok(Self { registries, folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn host(&self, place: usize) -> String {
        self.registries[place].address.to_string()
    }

    /// Returns a command in the home folder, silent, with the logins where each client looks for them.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.folder)
            .env("DOCKER_CONFIG", self.folder.join(".docker"))
            .env("REGISTRY_AUTH_FILE", self.folder.join(".docker/config.json"))
            .env("COSIGN_PASSWORD", "");
        command
    }

    /// Runs a command that is not measured, and returns what it wrote.
    pub(super) fn run(&self, program: &Path, words: &[&str]) -> Result<String> {
        let output = self.command(program).args(words).stdout(Stdio::piped()).output()?;
        ensure!(
            output.status.success(),
            "{} {}: {}\n{}",
            program.display(),
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns how many requests the registries have answered.
    pub(super) fn requests(&self) -> Result<u64> {
        self.registries.iter().map(|registry| requests(registry.address)).sum()
    }

    /// Sends a GET as the administrator; returns status and body.
    pub(super) fn get(&self, place: usize, path: &str, accept: &str) -> Result<(u16, Vec<u8>)> {
        get(self.registries[place].address, path, accept)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // It fails only when there is nothing left to remove.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Counts from the registry's metrics, without the questions for the metrics themselves.
fn requests(address: SocketAddr) -> Result<u64> {
    let (status, body) = get(address, "/metrics", "*/*")?;
    ensure!(status == 200, "the metrics of {address}: HTTP status {status}");
    let text = String::from_utf8_lossy(&body);
    let lines = text.lines().filter(|line| line.starts_with("registry_http_requests_total{"));
    let counted = lines.filter(|line| !line.contains("metrics"));
    let counts = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    Ok(counts.sum())
}

fn get(address: SocketAddr, path: &str, accept: &str) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let credentials = base64(format!("{USER}:{PASSWORD}").as_bytes());
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Basic {credentials}\r\nAccept: {accept}\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer is not HTTP")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer is not HTTP")?;
    Ok((status, answer.split_off(end + 4)))
}
