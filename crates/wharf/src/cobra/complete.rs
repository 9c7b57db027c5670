//! Completion in shells: scripts that ask the program itself, and its answers.
//!
//! The question is `NAME __complete WORDS…`, the last word being the one to complete; the answer is a line for each way to go
//! on, with its description after a tab, and at the end a line `:4` where no file can stand, else `:0`.

use std::io::Write;

use super::flags::Flag;
use super::{Command, HELP, Program, first_name};

/// The hidden words that ask for completions: with descriptions, and without.
pub(super) const WORDS: [&str; 2] = ["__complete", "__completeNoDesc"];

/// A shell that has a script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Power,
}

/// Returns the script for a shell, for a program of that name on its search path.
pub(crate) fn script(shell: Shell, name: &str, with_descriptions: bool) -> String {
    let text = match shell {
        Shell::Bash => include_str!("complete/bash.sh"),
        Shell::Zsh => include_str!("complete/zsh.sh"),
        Shell::Fish => include_str!("complete/fish.fish"),
        Shell::Power => include_str!("complete/powershell.ps1"),
    };
    // Bash shows names only.
    let with_descriptions = with_descriptions && !matches!(shell, Shell::Bash);
    text.replace("NAME", name).replace("QUESTION", WORDS[usize::from(!with_descriptions)])
}

/// Writes the ways to go on after `words`, of which the last is to be completed.
pub(super) fn answer(
    program: &Program,
    words: &[String],
    with_descriptions: bool,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let (begun, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let path: Vec<String> = before.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let (known, command) = found(program, &path);
    let mut lines: Vec<(String, String)> = Vec::new();
    if begun.starts_with('-') {
        let own = command.map_or(&[][..], |command| command.flags);
        for flag in own.iter().copied().chain([program.global, HELP]).flatten() {
            lines.push((format!("--{}", flag.name), about(flag)));
        }
    } else if command.is_none() && known.len() == path.len() {
        for command in program.group(known) {
            let name = first_name(command.words()[known.len()]).to_owned();
            let is_group = command.words().len() > known.len() + 1;
            let text = if is_group { String::new() } else { first_line(command.about) };
            lines.push((name, text));
        }
    }
    let only_these = command.is_none() || begun.starts_with('-');
    lines.retain(|(name, _)| name.starts_with(begun));
    lines.sort();
    lines.dedup_by(|a, b| a.0 == b.0);
    for (name, text) in lines {
        match with_descriptions && !text.is_empty() {
            true => writeln!(out, "{name}\t{text}")?,
            false => writeln!(out, "{name}")?,
        }
    }
    writeln!(out, ":{}", if only_these { 4 } else { 0 })
}

/// Returns the words that are a group or a command, and the command.
fn found<'w>(program: &Program, path: &'w [String]) -> (&'w [String], Option<&'static Command>) {
    for end in 1..=path.len() {
        if let Some(command) = program.command(&path[..end]) {
            return (&path[..end], Some(command));
        }
        if program.group(&path[..end]).next().is_none() {
            return (&path[..end - 1], None);
        }
    }
    (path, None)
}

fn about(flag: &Flag) -> String {
    first_line(flag.about)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
