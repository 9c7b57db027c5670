//! `wharf serve` and `wharf doctor` on a data folder of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

fn wharf(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHARF_")) {
        command.env_remove(name);
    }
    command.env("HOME", home).env_remove("XDG_DATA_HOME").stdin(Stdio::null());
    command
}

/// A server that was started and stopped; dropped in between, it is killed.
struct Server {
    child: Child,
    address: String,
    shown: String,
}

impl Server {
    /// Starts on a free port and serves until it is dropped.
    fn start(home: &Path) -> Self {
        Self::start_and_read(home).0
    }

    fn start_and_read(home: &Path) -> (Self, BufReader<std::process::ChildStdout>) {
        let mut child = wharf(home)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let address = first.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        (Self { child, address, shown: first }, lines)
    }

    /// Starts on a free port, stops as soon as it serves, and keeps what was shown.
    fn run_once(home: &Path) -> Self {
        let (mut server, lines) = Self::start_and_read(home);
        let rest = server.stop_and_read(lines);
        server.shown.push_str(&rest);
        server
    }

    fn stop_and_read(&mut self, mut lines: BufReader<std::process::ChildStdout>) -> String {
        let terminated = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(terminated.success());
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "SIGTERM is an orderly end");
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_first_start_shows_the_secret_once_and_stores_its_hash() {
    let home = TempDir::new().unwrap();
    let first = Server::run_once(home.path());
    let secret = first.shown.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
    assert!(secret.len() >= 32, "{secret:?}");
    assert!(!first.address.ends_with(":0"));
    let folder = home.path().join(".local/share/wharf");
    for file in
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let content = std::fs::read(&file).unwrap();
        assert!(!content.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", file.display());
    }
    let second = Server::run_once(home.path());
    assert_eq!(second.shown.lines().count(), 1, "{}", second.shown);
}

/// The administrator was stored before the password was shown, and nobody could ever log in.
#[test]
fn a_first_start_that_cannot_show_the_secret_makes_nobody() {
    let home = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = wharf(home.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("no user was made"), "{}", text(&output));
    assert!(Server::run_once(home.path()).shown.contains("password"));
}

#[test]
fn a_lost_password_is_reset_in_the_folder_of_a_stopped_registry() {
    let home = TempDir::new().unwrap();
    let reset = |name: &str| wharf(home.path()).args(["user", "reset-password", name]).output().unwrap();
    assert!(text(&reset("admin")).contains("no registry"), "{}", text(&reset("admin")));
    drop(Server::run_once(home.path()));
    assert!(text(&reset("nobody")).contains("there is no user \"nobody\""), "{}", text(&reset("nobody")));

    let output = reset("admin");
    assert!(output.status.success(), "{}", text(&output));
    let shown = text(&output);
    let secret = shown.lines().find_map(|line| line.strip_prefix("    ")).unwrap().to_owned();
    let server = Server::start(home.path());
    let login = |password: &str| {
        let mut child = wharf(home.path())
            .args(["login", &server.address, "-u", "admin", "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait().unwrap().success()
    };
    assert!(login(&secret) && !login("another-1"));
    let output = reset("admin");
    assert!(!output.status.success(), "a running registry is left alone: {}", text(&output));
    assert!(login(&secret));
}

#[test]
fn the_configuration_is_shown_with_its_sources() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("wharf.toml");
    std::fs::write(&file, "[gc]\ngrace = \"2h\"\n").unwrap();
    let output = wharf(home.path())
        .args(["serve", "--print-config", "--listen", "127.0.0.1:6000", "--config"])
        .arg(&file)
        .env("WHARF_LIMITS_PAGE", "7")
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = text(&output);
    for line in [
        "listen = \"127.0.0.1:6000\"  # --listen (WHARF_LISTEN)".to_owned(),
        "limits.page = \"7\"  # WHARF_LIMITS_PAGE (WHARF_LIMITS_PAGE)".to_owned(),
        format!("gc.grace = \"2h\"  # {} (WHARF_GC_GRACE)", file.display()),
        "gc.untagged = \"false\"  # default (WHARF_GC_UNTAGGED)".to_owned(),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
    }
    assert!(!home.path().join(".local").exists(), "showing makes nothing");
}

#[test]
fn a_flag_with_a_bad_value_is_a_wrong_command_line() {
    let home = TempDir::new().unwrap();
    let output = wharf(home.path()).args(["serve", "--listen", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("--listen = \"nowhere\": expected ADDRESS:PORT"), "{}", text(&output));
    // The same in the environment is no matter of the command line.
    let output = wharf(home.path()).arg("serve").env("WHARF_LISTEN", "nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn what_hinders_a_start_is_named_and_no_secret_is_lost() {
    let home = TempDir::new().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = wharf(home.path()).args(["serve", "--listen", &address]).output().unwrap();
    assert!(!output.status.success());
    let shown = text(&output);
    assert!(shown.contains(&address) && shown.contains("another program"), "{shown}");
    assert!(!shown.contains("password"), "{shown}");
    // The administrator was not made by the start that failed.
    assert!(Server::run_once(home.path()).shown.contains("password"));

    for (variable, value) in [("WHARF_LISTEN", "nowhere"), ("WHARF_GC_GRACE", "soon")] {
        let output = wharf(home.path()).arg("serve").env(variable, value).output().unwrap();
        assert!(!output.status.success());
        assert!(text(&output).contains(variable) && text(&output).contains(value), "{}", text(&output));
    }
    std::fs::write(home.path().join("file"), "").unwrap();
    let folder = home.path().join("file/data");
    let output = wharf(home.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains(&folder.display().to_string()), "{}", text(&output));
}

#[test]
fn the_doctor_finds_and_removes_what_nobody_names() {
    let home = TempDir::new().unwrap();
    let doctor = |arguments: &[&str]| wharf(home.path()).arg("doctor").args(arguments).output().unwrap();
    let output = doctor(&[]);
    assert!(!output.status.success());
    assert!(text(&output).contains("no registry"), "{}", text(&output));

    drop(Server::run_once(home.path()));
    let output = doctor(&["--scrub"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("catalog and disk agree"));

    let digest = "ab".repeat(32);
    let blobs = home.path().join(".local/share/wharf/blobs/sha256/ab");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(format!("{digest}.0f-1")), "orphan").unwrap();
    let output = doctor(&[]);
    assert_eq!(output.status.code(), Some(10), "{}", text(&output));
    assert!(text(&output).contains(&digest), "{}", text(&output));
    let output = doctor(&["--repair", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["repaired"], true);
    assert_eq!(doctor(&[]).status.code(), Some(0));
}
