//! The registries that are compared, each started with the settings its users run in production.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::connection::{Body, Connection};
use super::process::{self, Memory};
use crate::server::{PASSWORD, USER, base64, free_address};
use crate::shell::root;

const START_LIMIT: Duration = Duration::from_secs(300);

/// A kind of registry and its program.
pub(super) enum Kind {
    Wharf(PathBuf),
    Zot(PathBuf),
    Distribution(PathBuf),
}

/// What a subject is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuning {
    Production,
    /// Collects garbage every few seconds instead of every hour, so that collection can be seen.
    Collecting,
}

/// A running registry with a folder of its own; dropped, it is stopped and the folder is removed.
pub(super) struct Subject {
    pub(super) address: SocketAddr,
    folder: PathBuf,
    child: Child,
    credentials: Option<String>,
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Wharf(_) => "Wharf",
            Self::Zot(_) => "zot",
            Self::Distribution(_) => "Distribution",
        }
    }

    /// How it is run, as it stands below the table.
    pub(super) fn settings(&self) -> &'static str {
        match self {
            Self::Wharf(_) => {
                "defaults, log level error; every acknowledged write is on disk (fsync of file, folder and catalog); writes \
                 authenticate with Basic, reads are anonymous from a public project; audit on"
            }
            Self::Zot(_) => {
                "minimal build; `commit: true` (fsync of files, not of folders; its default is no fsync), \
                 deduplication and garbage collection as by default; no authentication; log level error"
            }
            Self::Distribution(_) => {
                "file system driver (fsync of files), deletion on, in-memory descriptor cache, no access log; no \
                 authentication; log level error"
            }
        }
    }

    /// Starts it on an empty folder.
    pub(super) fn start(&self) -> Result<Subject> {
        self.start_on(&self.new_folder()?, Tuning::Production)
    }

    /// Returns an empty folder for a subject of this kind.
    pub(super) fn new_folder(&self) -> Result<PathBuf> {
        let stem = format!("bench-{}-{}", self.name().to_lowercase(), std::process::id());
        let place = root().join("target").join("xtask");
        let folder = (0..).map(|n| place.join(format!("{stem}-{n}"))).find(|folder| !folder.exists());
        let folder = folder.context("no free name for a folder")?;
        fs::create_dir_all(folder.join("data"))?;
        Ok(folder)
    }

    /// Starts it on a folder that has its data already, and waits until it answers.
    pub(super) fn start_on(&self, folder: &Path, tuning: Tuning) -> Result<Subject> {
        let address = free_address()?;
        let data = folder.join("data");
        let mut command = match self {
            Self::Wharf(program) => {
                let mut command = Command::new(program);
                command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(&data);
                command.env("WHARF_ADMIN_PASSWORD", PASSWORD).env("WHARF_LOG", "error");
                if tuning == Tuning::Collecting {
                    command.env("WHARF_GC_GRACE", "1s").env("WHARF_GC_INTERVAL", "2s");
                }
                command
            }
            Self::Zot(program) => {
                let config = folder.join("zot.json");
                fs::write(&config, zot(address, &data, tuning).to_string())?;
                let mut command = Command::new(program);
                command.arg("serve").arg(config);
                command
            }
            Self::Distribution(program) => {
                let config = folder.join("distribution.yaml");
                fs::write(&config, distribution(address, &data).to_string())?;
                let mut command = Command::new(program);
                // Its own tracing would look for a collector on the network.
                command.arg("serve").arg(config).env("OTEL_TRACES_EXPORTER", "none");
                command
            }
        };
        let log = File::create(folder.join("log"))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("starting {}", self.name()))?;
        let wants_login = matches!(self, Self::Wharf(_));
        let credentials =
            wants_login.then(|| format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes())));
        let mut subject = Subject { address, folder: folder.to_path_buf(), child, credentials };
        subject.wait_until_it_answers()?;
        Ok(subject)
    }
}

impl Subject {
    pub(super) fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    pub(super) fn memory(&self) -> Result<Memory> {
        process::memory(&self.child)
    }

    /// Returns how long its threads have computed so far, in the program and in the system.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        process::processor_seconds(&self.child)
    }

    /// Opens a connection that may write.
    pub(super) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, self.credentials())
    }

    /// Makes the public project `load`, where the registry has projects.
    pub(super) fn prepare(&self) -> Result<()> {
        if self.credentials.is_some() {
            let body = json!({"project_name": "load", "metadata": {"public": "true"}}).to_string();
            let kind = "Content-Type: application/json\r\n";
            let answer =
                self.connect()?.send("POST", "/api/v2.0/projects", kind, &Body::Bytes(body.as_bytes()))?;
            ensure!(matches!(answer.status, 201 | 409), "creating a project: HTTP status {}", answer.status);
        }
        Ok(())
    }

    /// Stops it and leaves the folder.
    pub(super) fn stop(mut self) -> Result<()> {
        let folder = std::mem::take(&mut self.folder);
        process::stop(&mut self.child)
            .with_context(|| format!("stopping the registry in {}", folder.display()))
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let answered = Connection::open(self.address, None)
                .and_then(|mut connection| connection.send("GET", "/v2/", "", &Body::Empty));
            if answered.is_ok_and(|answer| matches!(answer.status, 200 | 401)) {
                return Ok(());
            }
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "the registry ended with {ended:?}:\n{}", log());
            ensure!(Instant::now() < deadline, "the registry does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.folder.as_os_str().is_empty() {
            return;
        }
        // All fail only when there is nothing left to stop or to remove.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn zot(address: SocketAddr, data: &Path, tuning: Tuning) -> serde_json::Value {
    let (delay, interval) = if tuning == Tuning::Collecting { ("1s", "2s") } else { ("1h", "1h") };
    json!({
        "distSpecVersion": "1.1.1",
        "storage": {"rootDirectory": data, "commit": true, "gc": true, "gcDelay": delay, "gcInterval": interval},
        "http": {"address": address.ip().to_string(), "port": address.port().to_string()},
        "log": {"level": "error"},
    })
}

/// JSON is YAML, so the configuration is written as JSON.
fn distribution(address: SocketAddr, data: &Path) -> serde_json::Value {
    json!({
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": data},
            "delete": {"enabled": true},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": address.to_string(), "secret": "one process, so any secret will do"},
    })
}
