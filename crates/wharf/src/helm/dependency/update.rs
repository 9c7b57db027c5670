//! `helm dependency update`

use std::io::Write;

use super::{FLAGS, Manager, Verify, chart_folder};
use crate::cobra::Command;
use crate::cobra::flags::Given;
use crate::helm::access::Access;
use crate::helm::tables;
use crate::waiting::block_on;

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "dependency|dep|dependencies", "update|up"],
    usage: "CHART [flags]",
    about: "fetch the charts that Chart.yaml wants into charts/, and write Chart.lock",
    flags: &[FLAGS, tables::ACCESS],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(chart) = chart_folder(arguments) else {
        return COMMAND.wrong_arguments("accepts at most 1 argument");
    };
    let manager = Manager {
        chart,
        access: Access::of(given),
        skip_refresh: given.is_on("skip-refresh"),
        debug: given.is_on("debug"),
        verify: if given.is_on("verify") { Verify::Always(given.clone()) } else { Verify::Never },
    };
    block_on(manager.update(out))
}
