//! The programs that Wharf is tested with and measured against, at pinned versions.
//!
//! They live outside the repository in one folder: `bin/NAME`, and `stamp/NAME` with the version of what is
//! there, or `stamp/NAME.missing` with the reason why it is not.

mod install;
mod table;

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

pub(crate) use install::install;
pub(crate) use table::TABLE;

/// One program.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) scope: Scope,
    pub(crate) source: Source,
}

/// What needs a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `cargo xtask test`.
    Tests,
    /// `cargo xtask bench` only.
    Bench,
    /// Both: as a question, not in the table.
    All,
}

/// Where a peer comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A main package of a Go module.
    Go {
        module: &'static str,
        package: &'static str,
        ldflags: &'static str,
        environment: &'static [(&'static str, &'static str)],
    },
    /// The tests of a Go package, compiled to a program.
    GoTest { module: &'static str, package: &'static str },
    /// A Debian package; the version is the distribution's.
    Debian { package: &'static str },
}

/// Whether a peer can be used.
#[derive(Debug)]
pub(crate) enum State {
    Ready(PathBuf),
    /// Set-up tried and remembered why it failed.
    Missing(Absence),
    /// Set-up has not tried this version yet.
    Unknown,
}

/// Why a peer is not there.
#[derive(Debug)]
pub(crate) struct Absence {
    pub(crate) reason: String,
}

impl Absence {
    /// Whether the source itself said no: it does not hand this version out to this machine, and trying again will not
    /// help. Everything else (no network, a full disk, a program that does not compile) can be mended here.
    pub(crate) fn is_refusal(&self) -> bool {
        ["403 Forbidden", "404 Not Found", "410 Gone"].iter().any(|answer| self.reason.contains(answer))
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Peer {
    /// Returns whether the peer is there, from its stamp; programs of Debian are looked up on `PATH`.
    pub(crate) fn state(&self) -> State {
        if matches!(self.source, Source::Debian { .. }) {
            if let Some(program) = shell::on_path(self.name) {
                return State::Ready(program);
            }
        } else {
            let program = folder().join("bin").join(self.name);
            let stamped =
                fs::read_to_string(self.stamp()).is_ok_and(|version| version.trim() == self.version);
            if stamped && program.is_file() {
                return State::Ready(program);
            }
        }
        match fs::read_to_string(self.missing_stamp()) {
            Ok(note) => match note.split_once('\n') {
                Some((version, reason)) if version == self.version => {
                    State::Missing(Absence { reason: reason.trim().to_owned() })
                }
                _ => State::Unknown,
            },
            Err(_) => State::Unknown,
        }
    }

    /// Remembers that the peer is installed.
    pub(crate) fn remember_ready(&self) -> Result<()> {
        fs::create_dir_all(folder().join("stamp"))?;
        fs::write(self.stamp(), format!("{}\n", self.version)).context("writing a peer's stamp")?;
        match fs::remove_file(self.missing_stamp()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Remembers why the peer is not there.
    pub(crate) fn remember_missing(&self, reason: &str) -> Result<()> {
        fs::create_dir_all(folder().join("stamp"))?;
        fs::write(self.missing_stamp(), format!("{}\n{reason}\n", self.version))
            .context("writing a peer's stamp")
    }

    fn stamp(&self) -> PathBuf {
        folder().join("stamp").join(self.name)
    }

    fn missing_stamp(&self) -> PathBuf {
        folder().join("stamp").join(format!("{}.missing", self.name))
    }
}

impl Scope {
    /// Whether a question with this scope covers a peer of scope `other`.
    pub(crate) fn covers(self, other: Self) -> bool {
        self == Self::All || self == other
    }
}

/// Returns the folder of the peers: `WHARF_PEERS`, else `wharf/peers` in the user's cache, which all checkouts share.
pub(crate) fn folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("WHARF_PEERS").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map_or_else(|| shell::root().join(".peers"), |cache| cache.join("wharf").join("peers"))
    })
}

/// Returns an installed peer's program, or why there is none.
pub(crate) fn program(name: &str) -> Result<PathBuf, Absence> {
    let absent = |reason: String| Absence { reason };
    let Some(peer) = TABLE.iter().find(|peer| peer.name == name) else {
        return Err(absent(format!("{name} is not in the table of peers")));
    };
    match peer.state() {
        State::Ready(program) => Ok(program),
        State::Missing(absence) => Err(absence),
        State::Unknown => Err(absent("not installed; run `cargo xtask setup`".to_owned())),
    }
}
