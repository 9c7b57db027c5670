//! The command line: every command with its arguments, and where it is run.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::commands::{
    attach, audit, channel, completion, cp, demo, diff, doctor, gc, images, inspect, login, logout, ls,
    policy, project, promote, publish, pull, push, repo, rm, robot, serve, sync, tag, user, verify,
};
use crate::exit::{self, Status};
use crate::log_filter::log_filter;
use crate::{cosign, helm, oras, waiting};

/// Carries software from the build to the cluster with its papers.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, styles = STYLES, max_term_width = 110, after_help = exit::TABLE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    logging: Logging,
}

/// What a command that talks to others tells on standard error while it runs.
#[derive(Debug, clap::Args)]
struct Logging {
    /// Show on standard error what is done; twice shows more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
    Login(login::Args),
    Logout(logout::Args),
    Publish(publish::Args),
    Promote(Box<promote::Args>),
    Channel(channel::Args),
    Verify(verify::Args),
    Policy(policy::Args),
    Cp(cp::Args),
    Sync(sync::Args),
    Push(push::Args),
    Pull(pull::Args),
    Attach(attach::Args),
    Inspect(inspect::Args),
    Ls(ls::Args),
    Tag(tag::Args),
    Rm(rm::Args),
    Demo(demo::Args),
    Project(project::Args),
    User(user::Args),
    Robot(robot::Args),
    Repo(repo::Args),
    Gc(gc::Args),
    Audit(audit::Args),
    Images(images::Args),
    Diff(diff::Args),
    Completion(completion::Args),
    /// Helm's command line, as far as it needs no cluster.
    Helm(Tool),
    /// cosign's command line: sign and verify, offline unless told otherwise.
    Cosign(Tool),
    /// ORAS's command line.
    Oras(Tool),
}

/// The command line of a tool that people already know.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct Tool {
    /// A command of the tool's with its flags; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// How a result is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let logging = self.logging;
        let status = match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Policy(args) => policy::run(&args),
            Command::Completion(args) => completion::run(&args),
            Command::Helm(tool) => return Ok(helm::PROGRAM.run(tool.words)),
            Command::Cosign(tool) => return Ok(cosign::PROGRAM.run(tool.words)),
            Command::Images(args) => images::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Oras(tool) => return Ok(oras::PROGRAM.run(tool.words)),
            Command::Login(args) => logging.block_on(login::run(args)),
            Command::Logout(args) => logging.block_on(logout::run(args)),
            Command::Channel(args) => logging.block_on(channel::run(args)),
            Command::Verify(args) => logging.block_on_here(verify::run(args)),
            Command::Promote(args) => logging.block_on(promote::run(*args)),
            Command::Publish(args) => logging.block_on(publish::run(args)),
            Command::Cp(args) => logging.block_on(cp::run(args)),
            Command::Sync(args) => logging.block_on(sync::run(args)),
            Command::Push(args) => logging.block_on(push::run(args)),
            Command::Pull(args) => logging.block_on(pull::run(args)),
            Command::Attach(args) => logging.block_on(attach::run(args)),
            Command::Inspect(args) => logging.block_on(inspect::run(args)),
            Command::Ls(args) => logging.block_on(ls::run(args)),
            Command::Tag(args) => logging.block_on(tag::run(args)),
            Command::Rm(args) => logging.block_on(rm::run(args)),
            Command::Project(args) => logging.block_on(project::run(args)),
            Command::User(args) => logging.block_on(user::run(args)),
            Command::Robot(args) => logging.block_on(robot::run(args)),
            Command::Repo(args) => logging.block_on(repo::run(args)),
            Command::Gc(args) => logging.block_on(gc::run(args)),
            Command::Audit(args) => logging.block_on(audit::run(args)),
            Command::Demo(args) => logging.block_on(demo::run(args)),
        };
        status.map(ExitCode::from)
    }
}

impl Logging {
    /// Runs a command that waits for others, with its log on standard error.
    fn block_on(&self, command: impl Future<Output = anyhow::Result<Status>>) -> anyhow::Result<Status> {
        self.start();
        waiting::block_on(command)
    }

    /// As [`Logging::block_on`], on this thread alone.
    fn block_on_here(&self, command: impl Future<Output = anyhow::Result<Status>>) -> anyhow::Result<Status> {
        self.start();
        waiting::block_on_here(command)
    }

    /// Lets the log go to standard error. `WHARF_LOG` overrides the level, in the form `level` or `crate=level,…`.
    fn start(&self) {
        let level = match self.verbose {
            0 => LevelFilter::ERROR,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        tracing_subscriber::registry().with(log_filter(level)).with(lines).init();
    }
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
