//! A registry for one test, and `wharf` run in a home of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "Publish-12345";

/// A home, and perhaps a registry to talk to.
pub(crate) struct World {
    pub(crate) home: TempDir,
    address: SocketAddr,
    server: Option<Child>,
}

/// How a run of `wharf` ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, status: i32, text: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.stderr.contains(text), "{text:?} is not in {self:?}");
        self
    }
}

impl World {
    /// A home and an address where nobody listens.
    pub(crate) fn without_registry() -> Self {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        Self { home: TempDir::new().unwrap(), address, server: None }
    }

    /// A home and a running registry, nobody logged in.
    pub(crate) fn new() -> Self {
        Self::with_settings(&[])
    }

    /// The same, with variables set for the registry.
    pub(crate) fn with_settings(settings: &[(&str, &str)]) -> Self {
        let mut world = Self::without_registry();
        world.serve((Ipv4Addr::LOCALHOST, 0).into(), settings);
        world
    }

    fn serve(&mut self, listen: SocketAddr, settings: &[(&str, &str)]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command.args(["serve", "--data"]).arg(self.home.path().join("data"));
        command.env("WHARF_ADMIN_PASSWORD", PASSWORD).envs(settings.iter().copied());
        let (server, address) =
            wharf_testkit::serve(&mut command, listen, &self.home.path().join("server.log"));
        (self.server, self.address) = (Some(server), address);
    }

    /// Kills the registry and starts it again.
    pub(crate) fn kill_and_serve(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
        self.serve(self.address, &[]);
    }

    /// Starts `wharf` and does not wait for it.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(arguments, &[])
    }

    /// The same, with variables.
    pub(crate) fn spawn_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The same, with the administrator logged in.
    pub(crate) fn logged_in() -> Self {
        let world = Self::new();
        let host = world.host();
        world.wharf_with(&["login", &host, "-u", "admin", "--password-stdin"], PASSWORD, &[]).ok();
        world
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn oci(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.address)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A copy of the example chart that may be changed.
    pub(crate) fn chart(&self) -> PathBuf {
        let chart = self.path("storefront");
        if !chart.exists() {
            let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
            let copied = Command::new("cp").arg("-r").arg(example).arg(&chart).status().unwrap();
            assert!(copied.success());
        }
        chart
    }

    pub(crate) fn wharf(&self, arguments: &[&str]) -> Run {
        self.wharf_with(arguments, "", &[])
    }

    pub(crate) fn wharf_with(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        Run {
            status: status.code().unwrap(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Publishes the chart to the project `shop` and returns the report.
    pub(crate) fn publish(&self, more: &[&str]) -> Run {
        let (chart, place) = (self.chart(), self.oci("shop"));
        let mut arguments = vec!["publish", chart.to_str().unwrap(), &place, "--output", "json"];
        arguments.extend(more);
        self.wharf(&arguments)
    }

    /// Logs the administrator in at another address of the registry: whatever is sent there goes on to the registry, and
    /// right before the first request that starts with `line` does, `act` runs.
    pub(crate) fn interrupted(&self, line: &'static str, act: impl FnOnce() + Send + 'static) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (host, registry) = (listener.local_addr().unwrap().to_string(), self.address);
        let act = Arc::new(Mutex::new(Some(act)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, act) = (client.unwrap(), Arc::clone(&act));
                let mut server = TcpStream::connect(registry).unwrap();
                let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                // Either side may go away at any time: the test sees what came of it.
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut answers, &mut back);
                    let _ = back.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 1 << 16];
                    while let Ok(count @ 1..) = client.read(&mut buffer) {
                        if buffer[..count].starts_with(line.as_bytes())
                            && let Some(act) = act.lock().unwrap().take()
                        {
                            act();
                        }
                        if server.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = server.shutdown(Shutdown::Write);
                });
            }
        });
        self.wharf_with(&["login", &host, "-u", "admin", "--password-stdin"], PASSWORD, &[]).ok();
        host
    }

    /// Logs the administrator in at another address of the registry, where what goes through is counted: bytes to the registry,
    /// and bytes from it.
    pub(crate) fn metered(&self) -> (String, Arc<[AtomicU64; 2]>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (host, registry) = (listener.local_addr().unwrap().to_string(), self.address);
        let counts: Arc<[AtomicU64; 2]> = Arc::default();
        let counted = Arc::clone(&counts);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                // The registry may be gone at this moment: then so is the connection.
                let Ok(server) = TcpStream::connect(registry) else { continue };
                let ways = [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
                for (at, (mut from, mut to)) in ways.into_iter().enumerate() {
                    let counts = Arc::clone(&counted);
                    std::thread::spawn(move || {
                        let mut buffer = vec![0; 1 << 16];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            counts[at].fetch_add(count as u64, Ordering::Relaxed);
                            if to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        self.wharf_with(&["login", &host, "-u", "admin", "--password-stdin"], PASSWORD, &[]).ok();
        (host, counts)
    }

    /// Asks the registry as the administrator: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).basic_auth("admin", Some(PASSWORD)).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // Both fail only when it is gone already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
