//! `helm repo remove`

use std::io::Write;

use anyhow::bail;

use crate::cobra::Command;
use crate::cobra::flags::Given;
use crate::helm::files::write_private;
use crate::helm::places::Places;
use crate::helm::repositories;

pub(in crate::helm) const COMMAND: Command = Command {
    path: &["helm", "repo", "remove|rm"],
    usage: "[REPO1 [REPO2 ...]] [flags]",
    about: "remove chart repositories",
    flags: &[],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    if arguments.is_empty() {
        return COMMAND.wrong_arguments("requires at least 1 argument");
    }
    let places = Places::of(given);
    let mut file = repositories::read(&places)?;
    if file.repositories.is_empty() {
        bail!("no repositories configured");
    }
    for name in arguments {
        if !file.remove(name) {
            bail!("no repo named {name:?} found");
        }
        write_private(&places.repository_config, file.to_yaml()?.as_bytes())?;
        for path in [
            repositories::charts_path(&places.repository_cache, name),
            repositories::index_path(&places.repository_cache, name),
        ] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    bail!("can't remove index file {}: {error}", path.display())
                }
                _ => {}
            }
        }
        writeln!(out, "{name:?} has been removed from your repositories")?;
    }
    Ok(())
}
