//! Finds the client programs that `cargo xtask setup` installed.

use std::path::{Path, PathBuf};

/// Returns the program, or prints why the test is skipped. In CI a missing program fails the test.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let pinned = folder().join("bin").join(name);
    if pinned.is_file() {
        return Some(pinned);
    }
    if DEBIAN.contains(&name) {
        let path = std::env::var_os("PATH")?;
        if let Some(found) =
            std::env::split_paths(&path).map(|place| place.join(name)).find(|file| file.is_file())
        {
            return Some(found);
        }
    }
    missing(name);
    None
}

/// Says that the client is missing: a skip on a developer's machine, a failure in CI.
pub(crate) fn missing(name: &str) {
    let note =
        std::fs::read_to_string(folder().join("stamp").join(format!("{name}.missing"))).unwrap_or_default();
    let reason = note.lines().nth(1).unwrap_or("not installed; run `cargo xtask setup`");
    assert!(std::env::var("CI").is_err(), "{name} is missing, and CI may not skip its tests: {reason}");
    println!("skipped: {name}: {reason}");
}

/// These come with the distribution, in its version; the others are pinned and only taken from the peers' folder.
const DEBIAN: &[&str] = &["skopeo", "podman", "buildah", "openssl"];

fn folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("WHARF_PEERS").unwrap_or_else(|| {
        set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))).map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.peers"),
            |cache| cache.join("wharf").join("peers"),
        )
    })
}
