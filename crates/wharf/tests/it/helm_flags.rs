//! `testdata/helm/flags.txt` holds the flags of the real Helm, with the command that made the list.

use std::collections::BTreeMap;

use crate::support::World;

const FLAGS: &str = include_str!("../testdata/helm/flags.txt");

/// A flag: its long name, its letter, a value for it if one follows.
type Flag = (&'static str, Option<&'static str>, Option<&'static str>);

/// Returns the flags of every command.
fn commands() -> BTreeMap<&'static str, Vec<Flag>> {
    let mut commands: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in FLAGS.lines().filter(|line| !line.starts_with('#')) {
        let (command, flag) = line.split_once('\t').unwrap();
        let (letter, long) = match flag.split_once(", ") {
            Some((letter, long)) => (Some(letter), long),
            None => (None, flag),
        };
        let name = long.split([' ', '[']).next().unwrap();
        let value = match long[name.len()..].trim_start() {
            "" => None,
            kind if kind.contains("[=") => None,
            "duration" => Some("1s"),
            _ if name.starts_with("--colo") => Some("never"),
            "stringToString" => Some("a=b"),
            _ => Some("1"),
        };
        commands.entry(command).or_default().push((name, letter, value));
    }
    commands
}

#[test]
fn every_flag_of_helm_is_known() {
    let world = World::without_registry();
    let mut unknown = Vec::new();
    let mut count = 0;
    for (command, flags) in commands() {
        // A flag that nobody knows is noticed before the others are acted on.
        let mut words: Vec<String> =
            std::iter::once("helm").chain(command.split(' ')).map(str::to_owned).collect();
        for (name, letter, value) in flags {
            // Its value is looked at by the command only, and this one ends with its help.
            for form in std::iter::once(name).chain(letter).filter(|form| !["-h", "--help"].contains(form)) {
                count += 1;
                words.push(form.to_owned());
                words.extend(value.map(str::to_owned));
            }
        }
        words.push("--help".to_owned());
        let run = world.wharf(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if run.status != 0 || !run.stdout.contains("Usage:") {
            unknown.push(format!("{command}: {}", run.stderr));
        }
    }
    assert!(count > 700, "only {count} flags were read");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn a_flag_that_helm_does_not_have_is_refused_everywhere() {
    let world = World::without_registry();
    for command in commands().into_keys() {
        let words: Vec<&str> =
            std::iter::once("helm").chain(command.split(' ')).chain(["--nosuch", "--help"]).collect();
        world.wharf(&words).fails(1, "Error: unknown flag: --nosuch\n");
    }
}
