//! A freshly started `wharf serve` on a free loopback port, with its own empty data folder.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, root, succeeds};

/// The administrator of a server started here.
pub(crate) const USER: &str = "admin";
/// The administrator's secret; the server listens on loopback and lives for one run.
pub(crate) const PASSWORD: &str = "Conformance-12345";

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running server; dropped, it is killed and its data is removed.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the program and waits until it answers `GET /v2/`. `name` keeps the folders of several apart.
    pub(crate) fn start(program: &Path, name: &str, accept_missing_blobs: bool) -> Result<Self> {
        let folder = root().join("target").join("xtask").join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let address = free_address()?;
        let log = File::create(folder.join("server.log"))?;
        let child = Command::new(program)
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(folder.join("data"))
            .env("WHARF_ADMIN_PASSWORD", PASSWORD)
            .env("WHARF_ACCEPT_MISSING_BLOBS", accept_missing_blobs.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut server = Self { child, folder, address };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Creates a public project; the answer "exists already" is as good.
    pub(crate) fn create_project(&self, project: &str) -> Result<()> {
        let body = format!(r#"{{"project_name":"{project}","metadata":{{"public":"true"}}}}"#);
        let status = self.request("POST", "/api/v2.0/projects", Some(&body))?;
        ensure!(
            status == 201 || status == 409 || std::env::var_os("WHARF_PROGRAM").is_some(),
            "creating the project {project}: HTTP status {status}"
        );
        Ok(())
    }

    /// Asks the server to stop and expects it to leave with success.
    pub(crate) fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(asked.success(), "could not send SIGTERM to the server");
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status} on SIGTERM:\n{}", self.log());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the server was still running {} s after SIGTERM", STOP_LIMIT.as_secs())
    }

    /// Returns what the server wrote on its terminal.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} before it answered:\n{}", self.log());
            }
            if self.request("GET", "/v2/", None).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "no answer from the server in time:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends one request as the administrator and returns the status.
    fn request(&self, method: &str, path: &str, body: Option<&str>) -> Result<u16> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let body = body.unwrap_or_default();
        let credentials = base64(format!("{USER}:{PASSWORD}").as_bytes());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {credentials}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        answer.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer is not HTTP")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when there is nothing left to kill or to remove.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Builds `wharf` and returns the program; `WHARF_PROGRAM` names another build of it to take instead.
pub(crate) fn build(profile: &str) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("WHARF_PROGRAM") {
        return Ok(program.into());
    }
    let mut build =
        cargo(&["build", "--quiet", "--package", "wharf", "--bin", "wharf", "--profile", profile]);
    ensure!(succeeds(&mut build)?, "wharf does not compile");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(folder).join("wharf"))
}

/// Returns a loopback address with a port that is free now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Base64 with padding (RFC 4648, section 4); a whole crate for one header would be too much.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_examples_of_rfc_4648() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
