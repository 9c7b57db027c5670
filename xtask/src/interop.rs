//! `cargo xtask interop [NAME]`: the tests with real clients, or those whose name contains NAME.

use anyhow::Result;

use crate::peers;
use crate::shell::cargo;
use crate::tally::Tally;
use crate::test::run_tests;

pub(crate) fn run(filter: &[&str]) -> Result<Tally> {
    let mut command = cargo(&["test", "--package", "wharf", "--test", "interop", "--"]);
    command.args(filter).arg("--show-output").env("WHARF_PEERS", peers::folder());
    run_tests(command)
}
