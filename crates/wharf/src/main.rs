//! Carries software from the build to the cluster with its papers.
//!
//! The binary is thin: [`cli`] reads the command line, each file of `commands` runs one command, [`exit`] turns what
//! came of it into an exit status and a hint. What a command does beyond calling the library crates lives in a module
//! of its own, such as `publish`.

mod api;
mod cli;
mod commands;
mod exit;
mod progress;
mod publish;
mod remote;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(status) => status.into(),
        Err(error) => exit::report(&error),
    }
}
