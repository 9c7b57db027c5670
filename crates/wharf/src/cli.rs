//! The commands, as they are written on the command line.

use clap::{Parser, Subcommand};

use crate::commands;

/// Carries software from the build to the cluster with its papers.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the registry.
    Serve(commands::serve::Serve),
    /// Compare catalog and disk of a registry, and repair.
    Doctor(commands::doctor::Doctor),
}
