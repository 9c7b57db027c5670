//! `wharf serve` as a process of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);

/// Starts a command that is `wharf serve`, and returns it with the address that it serves, once it does. What it writes goes
/// to the file `log`.
///
/// With port 0 the server takes a free one and tells which: a port that is looked for and left again may be another's by then.
pub fn serve(command: &mut Command, listen: SocketAddr, log: &Path) -> (Child, SocketAddr) {
    let file = File::create(log).unwrap();
    let mut child = command
        .args(["--listen", &listen.to_string()])
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let said = fs::read_to_string(log).unwrap();
        if let Some(address) = address_in(&said) {
            return (child, address);
        }
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "wharf serve ended with {ended:?}:\n{said}");
        assert!(Instant::now() < deadline, "wharf serve does not say that it serves:\n{said}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Finds `wharf serves http://ADDRESS from FOLDER`.
fn address_in(said: &str) -> Option<SocketAddr> {
    let line = said.lines().find_map(|line| line.strip_prefix("wharf serves "))?;
    let (address, _) = line.split_once("://")?.1.split_once(" from ")?;
    address.parse().ok()
}
