//! Help texts, made from the tables of commands and flags.

use super::flags::help as flag_lines;
use super::{Command, HELP, Program, first_name};

/// Returns the help about a group of commands, such as `show`; without words, about the whole program.
pub(super) fn group(program: &Program, words: &[String]) -> String {
    let mut text = String::new();
    let mut name = program.name.to_owned();
    for word in words {
        name.push(' ');
        name.push_str(word);
    }
    if words.is_empty() {
        text.push_str(program.about);
        text.push_str("\n\n");
    }
    text.push_str(&format!("Usage:\n  {name} [command]\n\n"));
    if let Some(last) = words.len().checked_sub(1)
        && let Some(names) =
            program.group(words).map(|command| command.words()[last]).find(|word| word.contains('|'))
    {
        text.push_str(&format!("Aliases:\n  {}\n\n", names.replace('|', ", ")));
    }
    text.push_str("Available Commands:\n");
    for command in program.group(words) {
        let own: Vec<&str> = command.words()[words.len()..].iter().map(|word| first_name(word)).collect();
        let about = command.about.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:19}{about}\n", own.join(" ")));
    }
    if words.is_empty() && !program.missing.is_empty() {
        text.push_str(&format!(
            "\nNot built yet (they fail and say so):\n  {}\n",
            program.missing.join(", ")
        ));
    }
    text.push('\n');
    if !program.global.is_empty() {
        text.push_str(&format!("Global Flags:\n{}\n", flag_lines(&[program.global])));
    }
    text.push_str(&format!("Use \"{name} [command] --help\" for more information about a command.\n"));
    text
}

pub(super) fn command(program: &Program, command: &Command) -> String {
    let mut text = format!("{}\n\nUsage:\n  {} {}\n\n", command.about, command.name(), command.usage);
    if let Some(names) = command.path.last().filter(|word| word.contains('|')) {
        text.push_str(&format!("Aliases:\n  {}\n\n", names.replace('|', ", ")));
    }
    let mut tables = vec![HELP];
    tables.extend(command.flags);
    text.push_str(&format!("Flags:\n{}", flag_lines(&tables)));
    if !program.global.is_empty() {
        text.push_str(&format!("\nGlobal Flags:\n{}", flag_lines(&[program.global])));
    }
    text
}

/// Returns the help about what stands behind `help`.
pub(super) fn topic(program: &Program, words: &[String]) -> String {
    if let Some(found) = program.command(words) {
        return command(program, found);
    }
    if program.group(words).next().is_some() {
        return group(program, words);
    }
    format!("Unknown help topic [`{}`]\n{}", words.join(" "), group(program, &[]))
}
