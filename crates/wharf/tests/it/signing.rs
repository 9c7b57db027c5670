//! What tests about trust share: keys and signatures by `wharf cosign`, a sigstore instance, and commands that are killed.

use std::sync::mpsc;
use std::time::Duration;

use wharf_testkit::sigstore::{FakeSigstore, Services};

use crate::support::{Run, World};

/// Signs without asking any service.
pub(crate) const OFFLINE: [&str; 2] = ["--use-signing-config=false", "--tlog-upload=false"];
/// The password of every key that a test makes.
const PASSWORD: [(&str, &str); 1] = [("COSIGN_PASSWORD", "pw")];
/// Whom [`World::sigstore`]'s `token` is of.
pub(crate) const ALICE: &str = "alice@example.com";
/// Stands in arguments for the address at which requests are watched.
pub(crate) const WATCHED: &str = "WATCHED";

impl World {
    /// Runs `wharf` with the password of the keys.
    pub(crate) fn signing(&self, arguments: &[&str]) -> Run {
        self.wharf_with(arguments, "", &PASSWORD)
    }

    pub(crate) fn cosign(&self, arguments: &[&str]) -> Run {
        self.signing(&[&["cosign"], arguments].concat())
    }

    /// Makes `NAME.key` and `NAME.pub`.
    pub(crate) fn make_key(&self, name: &str) {
        self.cosign(&["generate-key-pair", "--output-key-prefix", name]).ok();
    }

    /// Signs with `release.key`.
    pub(crate) fn sign(&self, reference: &str) {
        self.cosign(&[&["sign", "--key", "release.key"], &OFFLINE[..], &[reference]].concat()).ok();
    }

    pub(crate) fn make_project(&self, name: &str) {
        self.wharf(&["project", "create", name, "--registry", &self.host()]).ok();
    }

    /// Starts a sigstore instance and writes its files: `root.json`, a `token` of Alice, and signing configs by the names
    /// `log1`, `log1-stamps`, `log2` and `stamps`.
    pub(crate) fn sigstore(&self) -> FakeSigstore {
        let fake = FakeSigstore::start();
        for (name, log, timestamps) in [
            ("log1", Some(1), false),
            ("log1-stamps", Some(1), true),
            ("log2", Some(2), true),
            ("stamps", None, true),
        ] {
            std::fs::write(self.path(name), fake.signing_config(Services { log, timestamps })).unwrap();
        }
        std::fs::write(self.path("root.json"), fake.trusted_root()).unwrap();
        std::fs::write(self.path("token"), fake.token_of(ALICE)).unwrap();
        fake
    }

    /// Kills `wharf` right before its first request that starts with `line` and goes to the registry by the address that
    /// stands in the arguments as [`WATCHED`].
    #[track_caller]
    pub(crate) fn kill_before(&self, line: &'static str, arguments: &[&str]) {
        let (send, receive) = mpsc::channel::<std::process::Child>();
        let (done, killed) = mpsc::channel();
        let host = self.interrupted(line, move || {
            let mut child = receive.recv().unwrap();
            child.kill().unwrap();
            done.send(child.wait().unwrap()).unwrap();
            // What the killed one was about to say is never said.
            loop {
                std::thread::park();
            }
        });
        let arguments: Vec<_> = arguments.iter().map(|word| word.replace(WATCHED, &host)).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        send.send(self.spawn_with(&arguments, &PASSWORD)).unwrap();
        let ended = killed.recv_timeout(Duration::from_secs(60));
        assert!(!ended.unwrap_or_else(|_| panic!("{arguments:?} never asks {line}")).success());
    }
}
