//! `cosign signing-config create`, without services: what says that signing stays offline.

use std::io::Write;

use super::blob;
use super::verifying::text;
use crate::cobra::Command;
use crate::cobra::flags::Kind::{Missing, MissingSwitch, Text};
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["cosign", "signing-config", "create"],
    usage: "[flags]",
    about: "Create a Sigstore signing config that names no service",
    flags: &[&[
        flag("out", Text, "path to output signing config"),
        flag("base-config", Missing, ""),
        flag("fulcio", Missing, ""),
        flag("oidc-provider", Missing, ""),
        flag("rekor", Missing, ""),
        flag("rekor-config", Missing, ""),
        flag("tsa", Missing, ""),
        flag("tsa-config", Missing, ""),
        flag("with-default-services", MissingSwitch, ""),
        flag("with-default-rekor-v2", MissingSwitch, ""),
    ]],
    run,
};

const NO_SERVICES: &str = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;

fn run(given: &Given, _: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    match text(given, "out") {
        Some(path) => blob::write_private(path, NO_SERVICES.as_bytes()),
        None => Ok(writeln!(out, "{NO_SERVICES}")?),
    }
}
