//! `helm version`

use std::io::Write;
use std::rc::Rc;

use wharf_engine::BuildInfo;
use wharf_template::Value;

use super::expand::expand;
use crate::cobra::Command;
use crate::cobra::flags::Kind::{IgnoredSwitch, Switch, Text};
use crate::cobra::flags::{Given, flag};

pub(super) const COMMAND: Command = Command {
    path: &["helm", "version"],
    usage: "[flags]",
    about: "tell the version of Helm that wharf follows",
    flags: &[&[
        flag("short", Switch, "the version alone"),
        flag("template", Text, "a Go template for the output"),
        flag("client", IgnoredSwitch, ""),
    ]],
    run,
};

/// The state of the source tree tells who really ran, for reports of bugs.
const BUILD: BuildInfo =
    BuildInfo { git_tree_state: concat!("wharf-", env!("CARGO_PKG_VERSION")), go_version: "" };

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        return COMMAND.wrong_arguments("accepts no arguments");
    }
    if let Some(template) = given.text("template").filter(|template| !template.is_empty()) {
        out.write_all(expand("_", template, &Value::Object(Rc::new(BUILD)))?.as_bytes())?;
    } else if given.is_on("short") {
        writeln!(out, "{}", BuildInfo::VERSION)?;
    } else {
        writeln!(
            out,
            "version.BuildInfo{{Version:\"{}\", GitCommit:\"\", GitTreeState:\"{}\", GoVersion:\"{}\", \
             KubeClientVersion:\"{}\"}}",
            BuildInfo::VERSION,
            BUILD.git_tree_state,
            BUILD.go_version,
            BuildInfo::KUBE_CLIENT_VERSION
        )?;
    }
    Ok(())
}
