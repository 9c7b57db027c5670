//! Installs one peer through its ordinary client: the Go command, or Debian's package manager.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Peer, Source, folder};
use crate::shell;

/// Installs the peer; the error says why it cannot be had here.
pub(crate) fn install(peer: &Peer) -> Result<()> {
    match &peer.source {
        Source::Go { module, package, ldflags, environment } => {
            let mut build = go_command(peer, module)?;
            build.args(["build", "-trimpath"]).arg(format!("-ldflags=-s -w {ldflags}"));
            build.envs(environment.iter().copied());
            finish(build, peer, &format!("{module}{package}"))
        }
        Source::GoTest { module, package } => {
            let mut build = go_command(peer, module)?;
            build.args(["test", "-c", "-trimpath"]);
            finish(build, peer, package)
        }
        Source::Debian { package } => debian(package),
    }
}

/// Returns a `go` command inside a throw-away module that requires the peer's module.
///
/// `go install NAME@VERSION` would be shorter, but it refuses modules with replacements and cannot compile tests.
fn go_command(peer: &Peer, module: &str) -> Result<Command> {
    let go = shell::on_path("go").context("Go is not installed")?;
    let version = shell::capture(Command::new(&go).args(["env", "GOVERSION"]))?;
    let language = version.trim().trim_start_matches("go");
    let place = folder().join("build").join(peer.name);
    fs::create_dir_all(&place)?;
    let manifest = format!("module peer\n\ngo {language}\n\nrequire {module} {}\n", peer.version);
    fs::write(place.join("go.mod"), manifest)?;
    let mut command = Command::new(go);
    // The peers run on this machine only, so they need no C library; the toolchain is the one that is here.
    command
        .current_dir(&place)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod");
    Ok(command)
}

fn finish(mut build: Command, peer: &Peer, package: &str) -> Result<()> {
    let bin = folder().join("bin");
    fs::create_dir_all(&bin)?;
    build.arg("-o").arg(bin.join(peer.name)).arg(package);
    shell::capture(&mut build)?;
    fs::remove_dir_all(folder().join("build").join(peer.name)).context("removing a build folder")
}

fn debian(package: &str) -> Result<()> {
    let Some(apt) = shell::on_path("apt-get") else {
        bail!("not a Debian system; install {package} yourself")
    };
    let is_root = shell::capture(Command::new("id").arg("-u"))?.trim() == "0";
    let install = |apt: &std::path::Path| {
        let mut command = if is_root {
            Command::new(apt)
        } else {
            let mut sudo = Command::new("sudo");
            sudo.arg("-n").arg(apt);
            sudo
        };
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let arguments = ["install", "-y", "-qq", "--no-install-recommends", package];
    if shell::capture(install(&apt).args(arguments)).is_ok() {
        return Ok(());
    }
    // A fresh machine has no package lists yet.
    shell::capture(install(&apt).args(["update", "-qq"]))?;
    shell::capture(install(&apt).args(arguments)).map(|_| ())
}
