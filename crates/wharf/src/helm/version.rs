//! `helm version`

use std::any::Any;
use std::io::Write;
use std::rc::Rc;

use wharf_template::{Object, Value};

use super::HELM_VERSION;
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

/// The version of the client library for Kubernetes that Helm has.
const KUBE_CLIENT_VERSION: &str = "v1.36";

/// What stands where Helm tells the state of its source tree, so that reports show who really ran.
const TREE_STATE: &str = concat!("wharf-", env!("CARGO_PKG_VERSION"));

/// What `--template` is about.
#[derive(Debug)]
struct BuildInfo;

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", HELM_VERSION.into()),
            ("GitCommit", "".into()),
            ("GitTreeState", TREE_STATE.into()),
            ("GoVersion", "".into()),
            ("KubeClientVersion", KUBE_CLIENT_VERSION.into()),
        ]
    }
}

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        return COMMAND.wrong_arguments("accepts no arguments");
    }
    if let Some(template) = given.text("template").filter(|template| !template.is_empty()) {
        out.write_all(expand("_", template, &Value::Object(Rc::new(BuildInfo)))?.as_bytes())?;
    } else if given.is_on("short") {
        writeln!(out, "{HELM_VERSION}")?;
    } else {
        writeln!(
            out,
            "version.BuildInfo{{Version:\"{HELM_VERSION}\", GitCommit:\"\", GitTreeState:\"{TREE_STATE}\", \
             GoVersion:\"\", KubeClientVersion:\"{KUBE_CLIENT_VERSION}\"}}"
        )?;
    }
    Ok(())
}
