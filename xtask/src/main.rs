//! The project's chores, one word per file: `cargo xtask WORD`.
//!
//! Continuous integration calls nothing else. `cargo xtask help` lists the words.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for terminals and build logs")]

mod bench;
mod charts;
mod check;
mod conformance;
mod e2e;
mod fuzz;
mod help;
mod interop;
mod junit;
mod lint;
mod peers;
mod policy;
mod server;
mod setup;
mod shell;
mod tally;
mod test;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{}", help::TEXT);
            return ExitCode::SUCCESS;
        }
        ["setup"] => setup::run(peers::Scope::All, setup::Retry::Missing).map(|()| None),
        ["check"] => check::run().map(|()| None),
        ["policy"] => policy::run().map(Some),
        ["lint"] => lint::run().map(Some),
        ["test"] => test::run().map(Some),
        ["conformance"] => {
            setup::run(peers::Scope::Tests, setup::Retry::Nothing).and_then(|()| conformance::run()).map(Some)
        }
        ["interop", "charts", words @ ..] => {
            setup::run(peers::Scope::Tests, setup::Retry::Nothing).and_then(|()| charts::run(words)).map(Some)
        }
        ["interop", "lint", names @ ..] => setup::run(peers::Scope::Tests, setup::Retry::Nothing)
            .and_then(|()| charts::lint(names))
            .map(Some),
        ["interop", "recorded"] => setup::run(peers::Scope::Tests, setup::Retry::Nothing)
            .and_then(|()| charts::recorded(false))
            .map(Some),
        ["interop", "recorded", "--record"] => setup::run(peers::Scope::Tests, setup::Retry::Nothing)
            .and_then(|()| charts::recorded(true))
            .map(Some),
        ["interop", filter @ ..] => setup::run(peers::Scope::Tests, setup::Retry::Nothing)
            .and_then(|()| interop::run(filter))
            .map(Some),
        ["e2e", "oras"] => e2e::run(None).map(Some),
        ["e2e", "oras", folder] => e2e::run(Some(folder)).map(Some),
        // What stands in front of the program under test calls this.
        ["e2e", "oras-sync", work, host] => e2e::sync(work, host).map(|()| None),
        ["fuzz", words @ ..] => fuzz::run(words).map(Some),
        ["bench", "registry", words @ ..] => bench::run(words).map(|()| None),
        ["bench", "copy", words @ ..] => bench::copy(words).map(|()| None),
        ["bench", "trust", words @ ..] => bench::trust(words).map(|()| None),
        ["bench", "render", words @ ..] => bench::render(words).map(|()| None),
        other => {
            eprintln!("xtask: unknown words `{}`\n\n{}", other.join(" "), help::TEXT);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(tally)) => {
            println!("{tally}");
            if tally.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
