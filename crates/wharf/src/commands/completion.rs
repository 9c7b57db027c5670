//! `wharf completion`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Status;

/// Write the completion script of a shell to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharf completion bash > ~/.local/share/bash-completion/completions/wharf
  wharf completion zsh > \"${fpath[1]}/_wharf\"
  wharf completion fish > ~/.config/fish/completions/wharf.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wharf", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Status::Done)
}
