//! `cargo xtask setup`: installs the peers that are not there yet.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::peers::{self, Absence, Scope, State, TABLE};
use crate::tally::in_ci;

/// What to do about a peer that an earlier set-up could not install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Leave it, and say so.
    Nothing,
    /// Try again.
    Missing,
}

/// Installs what is not there; a peer that cannot be had is reported and remembered. In CI that is fatal, unless the
/// source itself refused it to this machine: then its tests are skipped there too, and counted.
pub(crate) fn run(scope: Scope, retry: Retry) -> Result<()> {
    let retry = if in_ci() { Retry::Missing } else { retry };
    let mut missing = Vec::new();
    for peer in TABLE.iter().filter(|peer| scope.covers(peer.scope)) {
        match peer.state() {
            State::Ready(_) => continue,
            State::Missing(absence) if retry == Retry::Nothing => {
                missing.push((peer.name, absence));
                continue;
            }
            State::Missing(_) | State::Unknown => {}
        }
        println!("installing {} {} ...", peer.name, peer.version);
        let start = Instant::now();
        match peers::install(peer) {
            Ok(()) => {
                peer.remember_ready()?;
                println!("installed {} in {} s", peer.name, start.elapsed().as_secs());
            }
            Err(error) => {
                let reason = format!("{error:#}").replace('\n', "; ");
                peer.remember_missing(&reason)?;
                missing.push((peer.name, Absence { reason }));
            }
        }
    }
    for (name, absence) in &missing {
        println!("missing peer: {name}: {absence}");
    }
    if missing.is_empty() {
        println!("peers: all installed in {}", peers::folder().display());
    } else if in_ci() && missing.iter().any(|(_, absence)| !absence.is_refusal()) {
        bail!("{} peers are missing, and CI may not skip their tests", missing.len());
    } else {
        println!("their tests are skipped; `cargo xtask setup` tries again");
    }
    Ok(())
}
