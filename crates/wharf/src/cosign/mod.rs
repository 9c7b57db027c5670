//! `wharf cosign COMMAND`, and the same under the name `cosign`: cosign's command line. Verification is offline; signing asks the services that it is told to.
//!
//! One file per command; [`tables`] lists the flags that commands share, [`signing`] and [`verifying`] turn them into what
//! `wharf-trust` needs. Texts, exit statuses and files follow cosign 3.1.3; docs/COMPATIBILITY.md lists every difference.

mod attach;
mod attest;
mod attest_blob;
mod blob;
mod bundle;
mod completion;
mod copy;
mod duration;
mod env;
mod image;
mod keys;
mod kms;
mod login;
mod saved;
mod show;
mod sign;
mod sign_blob;
mod signing;
mod signing_config;
mod specs;
mod tables;
mod trusted_root;
mod verify;
mod verify_attestation;
mod verify_blob;
mod verify_blob_attestation;
mod verifying;
mod version;

use std::io::Write;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, stream};

use crate::cobra::flags::Given;
use crate::cobra::{Command, Program, Variables};
use crate::waiting::{block_on, block_on_here};

pub(crate) use kms::public_key as public_key_of_plugin;
pub(crate) use signing::load as load_private_key;

/// The version of cosign that is followed.
const COSIGN_VERSION: &str = "v3.1.3";

const COMMANDS: &[Command] = &[
    attach::ATTESTATION,
    attach::SBOM,
    attach::SIGNATURE,
    attest::COMMAND,
    attest_blob::COMMAND,
    bundle::CREATE,
    bundle::INSPECT,
    bundle::UPGRADE,
    completion::BASH,
    completion::FISH,
    completion::POWERSHELL,
    completion::ZSH,
    show::CLEAN,
    copy::COMMAND,
    show::DOWNLOAD_ATTESTATION,
    show::DOWNLOAD_SBOM,
    show::DOWNLOAD_SIGNATURE,
    env::COMMAND,
    keys::GENERATE,
    keys::IMPORT,
    saved::LOAD,
    login::COMMAND,
    keys::PUBLIC,
    saved::SAVE,
    sign::COMMAND,
    sign_blob::COMMAND,
    signing_config::COMMAND,
    show::TREE,
    show::TRIANGULATE,
    trusted_root::COMMAND,
    verify::COMMAND,
    verify_attestation::COMMAND,
    verify_blob::COMMAND,
    verify_blob_attestation::COMMAND,
    version::COMMAND,
];

/// cosign's commands that are not built.
const MISSING: &[&str] =
    &["dockerfile", "generate", "initialize", "manifest", "piv-tool", "pkcs11-tool", "upload"];

/// cosign's command line.
pub(crate) const PROGRAM: Program = Program {
    name: "cosign",
    about: "cosign's command line, carried out by wharf as cosign v3.1.3 would.",
    commands: COMMANDS,
    missing: MISSING,
    global: tables::GLOBAL,
    variables: Some(Variables {
        prefix: "COSIGN",
        not_for: &["bundle", "completion", "env", "login", "signing-config", "trusted-root", "version"],
    }),
    report: |error| {
        note(&format!("Error: {error:#}\nerror during command execution: {error:#}"));
        error.downcast_ref::<Exit>().map_or(1, |exit| exit.status)
    },
};

/// A failure with an exit status of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Exit {
    status: u8,
    text: String,
}

/// Writes a line to standard error. Nobody to tell is no failure.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn warning(text: &str) {
    note(&format!("WARNING: {text}"));
}

/// Waits for a command that talks to others, for as long as `--timeout` allows.
fn waiting<T>(given: &Given, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    block_on_here(within_limit(given, work)?)
}

/// As [`waiting`], for work that carries whole blobs.
fn waiting_for_blobs<T>(given: &Given, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    block_on(within_limit(given, work)?)
}

fn within_limit<T>(
    given: &Given,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<impl Future<Output = anyhow::Result<T>>> {
    let limit = given.text("timeout").unwrap_or_default();
    let limit = duration::read(limit)
        .with_context(|| format!("invalid argument {limit:?} for \"-t, --timeout\" flag"))?;
    Ok(async move {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => bail!("context deadline exceeded: not done within {limit:?}"),
        }
    })
}

/// How many artifacts are worked on at once.
const AT_ONCE: usize = 8;

/// Works on many artifacts, up to `at_once` at a time, and shows what comes of each in the order of the arguments; the first
/// failure in that order ends it.
async fn in_order<'a, T, F: Future<Output = anyhow::Result<T>>>(
    arguments: &'a [String],
    at_once: usize,
    work: impl Fn(&'a str) -> F,
    mut show: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some((first, rest)) = arguments.split_first() else { return Ok(()) };
    // The first alone opens the connection, fetches the token and learns what the registry can; the others find it known.
    show(work(first).await?)?;
    let mut rest = std::pin::pin!(stream::iter(rest).map(|written| work(written)).buffered(at_once));
    while let Some(done) = rest.next().await {
        show(done?)?;
    }
    Ok(())
}

/// Fails unless there is exactly one argument.
fn one(arguments: &[String]) -> anyhow::Result<&str> {
    match arguments {
        [one] => Ok(one),
        all => anyhow::bail!("accepts 1 arg(s), received {}", all.len()),
    }
}
