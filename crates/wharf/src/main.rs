//! Carries software from the build to the cluster with its papers.
//!
//! The binary is thin: [`cli`] reads the command line, each file of `commands` runs one command, [`exit`] turns what
//! came of it into an exit status and a hint. What a command does beyond calling the library crates lives in a module
//! of its own, such as `publish`. [`helm`], [`oras`] and [`cosign`] are command lines of their own, since their words
//! are those tools'; [`cobra`] is what such command lines share.

mod api;
mod artifact;
mod carry;
mod chart;
mod cli;
mod cobra;
mod commands;
mod cosign;
mod exit;
mod files;
mod helm;
mod log_filter;
mod oras;
mod papers;
mod place;
mod pointing;
mod progress;
mod promote;
mod publish;
mod remote;
mod sigstore;
mod terminal;
mod trust_policy;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    for program in [&helm::PROGRAM, &oras::PROGRAM, &cosign::PROGRAM] {
        if let Some(words) = program.words() {
            return program.run(words);
        }
    }
    match cli::Cli::parse().run() {
        Ok(status) => status,
        Err(error) => exit::report(&error),
    }
}
