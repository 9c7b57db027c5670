//! Carries software from the build to the cluster with its papers.

mod cli;
mod commands;
mod exit;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Doctor(doctor) => doctor.run(),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(error) => exit::report(&error),
    }
}
