//! Runs a client with a home folder of its own, so that it neither reads nor changes the user's settings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::{Registry, Transport};

/// A client program and its home.
pub(crate) struct Sandbox {
    program: PathBuf,
    home: Arc<TempDir>,
    authority: Option<PathBuf>,
}

impl Sandbox {
    pub(crate) fn new(program: PathBuf, registry: &Registry) -> Self {
        let authority = (registry.transport() == Transport::Tls).then(|| registry.authority());
        Self { program, home: Arc::new(TempDir::new().unwrap()), authority }
    }

    /// Another program in the same home.
    pub(crate) fn with_program(&self, program: PathBuf) -> Self {
        Self { program, home: Arc::clone(&self.home), authority: self.authority.clone() }
    }

    /// A place for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    /// An empty folder or a file name that no earlier call returned.
    pub(crate) fn fresh(&self, stem: &str) -> PathBuf {
        (0..).map(|n| self.home.path().join(format!("{stem}-{n}"))).find(|path| !path.exists()).unwrap()
    }

    /// Runs the client and returns its standard output; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.attempt(arguments).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Runs the client and returns its standard output, or the command line with what it complained of.
    pub(crate) fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let name = self.program.file_name().unwrap().display();
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("{name} {}: {}\n{text}{complaint}", arguments.join(" "), output.status))
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(home).stdin(Stdio::null()).env_clear();
        // Programs of the test's own come first.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(home.join("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("HOME", home).env("DOCKER_CONFIG", home.join(".docker")).env("XDG_RUNTIME_DIR", home);
        command.env("COSIGN_PASSWORD", "key-password");
        command.env("TMPDIR", home);
        if let Some(authority) = &self.authority {
            // What programs written in Go read; those with a flag for it are given the flag as well.
            command.env("SSL_CERT_FILE", authority);
        }
        command.output().unwrap()
    }
}
