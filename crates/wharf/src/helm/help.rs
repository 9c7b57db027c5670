//! Help texts, made from the tables of commands and flags.

use super::flags::help as flag_lines;
use super::{COMMANDS, Command, HELM_VERSION, MISSING, tables};

pub(super) fn overview() -> String {
    let mut text = format!(
        "Helm's command line, carried out by wharf as Helm {HELM_VERSION} would.\n\nUsage:\n  helm [command]\n\n\
         Available Commands:\n"
    );
    for command in COMMANDS {
        text.push_str(&line(command));
    }
    text.push_str(&format!(
        "\nNot built yet (they fail and say so):\n  {}\n\nGlobal Flags:\n{}\n\
         Use \"helm [command] --help\" for more information about a command.\n",
        MISSING.join(", "),
        flag_lines(tables::GLOBAL)
    ));
    text
}

/// Returns the help about a group of commands, such as `show`.
pub(super) fn group(name: &str) -> String {
    let mut text = format!("Usage:\n  helm {name} [command]\n\nAvailable Commands:\n");
    for command in COMMANDS.iter().filter(|command| command.path[0] == name) {
        text.push_str(&line(command));
    }
    text.push_str(&format!("\nUse \"helm {name} [command] --help\" for more information about a command.\n"));
    text
}

pub(super) fn command(command: &Command) -> String {
    let own: String = command.flags.iter().map(|table| flag_lines(table)).collect();
    format!(
        "{}\n\nUsage:\n  {} {}\n\nFlags:\n{own}{}\nGlobal Flags:\n{}",
        command.about,
        command.name(),
        command.usage,
        flag_lines(tables::HELP),
        flag_lines(tables::GLOBAL)
    )
}

/// Returns the help about what stands behind `help`.
pub(super) fn topic(words: &[&str]) -> String {
    if let Some(found) = COMMANDS.iter().find(|command| command.path == words) {
        return command(found);
    }
    match words {
        [] => overview(),
        [name] if COMMANDS.iter().any(|command| command.path[0] == *name) => group(name),
        _ => format!("Unknown help topic [`{}`]\n{}", words.join(" "), overview()),
    }
}

fn line(command: &Command) -> String {
    format!("  {:13}{}\n", command.path.join(" "), command.about)
}
