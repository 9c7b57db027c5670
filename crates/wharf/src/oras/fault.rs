//! What went wrong, in ORAS's words.

use std::io::Write;

use wharf_client::RegistryError;
use wharf_content::{Error, ErrorKind, Side};

use super::target::Target;
use crate::cobra::Command;

/// What stands before an error that the registry told.
const REGISTRY: &str = "Error response from registry:";

/// An error with what else ORAS says about it.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", self.whole())]
pub(super) struct Fault {
    pub(super) text: String,
    /// The usage line of the command.
    pub(super) usage: Option<String>,
    /// What to do.
    pub(super) advice: Option<String>,
    /// Whether the registry said so.
    pub(super) from_registry: bool,
    /// Whether it is about the reference on the command line, which was not understood.
    pub(super) is_reference: bool,
    /// Whether something is not there.
    pub(super) is_missing: bool,
    /// The end of a copy at which it happened.
    pub(super) side: Option<Side>,
}

impl Fault {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Something is not there.
    pub(super) fn missing(text: impl Into<String>, from_registry: bool) -> Self {
        Self { is_missing: true, from_registry, ..Self::new(text) }
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(super) fn usage(mut self, command: &Command) -> Self {
        self.usage = Some(format!("{} {}", command.name(), command.usage));
        self
    }

    fn whole(&self) -> String {
        let mut whole = self.text.clone();
        if let Some(usage) = &self.usage {
            whole.push_str(&format!("\nUsage: {usage}"));
        }
        if let Some(advice) = &self.advice {
            whole.push_str(&format!("\n{advice}"));
        }
        whole
    }
}

/// An error under a heading of its own.
#[derive(Debug, thiserror::Error)]
#[error("{inner:#}")]
struct Headed {
    heading: String,
    inner: anyhow::Error,
}

/// Writes an error as ORAS does, and returns the exit status.
pub(super) fn report(error: &anyhow::Error) -> u8 {
    let text = match error.downcast_ref::<Headed>() {
        Some(Headed { heading, inner }) => format!("{heading} {inner:#}"),
        None if is_from_registry(error) => format!("{REGISTRY} {error:#}"),
        None => format!("Error: {error:#}"),
    };
    // Nobody to tell is no failure.
    let _ = writeln!(std::io::stderr(), "{text}");
    1
}

fn find(error: &anyhow::Error) -> Option<&Fault> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

fn is_from_registry(error: &anyhow::Error) -> bool {
    find(error).is_some_and(|fault| fault.from_registry)
}

/// Returns whether the error says that something is not there.
pub(super) fn is_missing(error: &anyhow::Error) -> bool {
    find(error).is_some_and(|fault| fault.is_missing)
}

/// Returns whether the error is about a reference that was not understood.
pub(super) fn is_reference(error: &anyhow::Error) -> bool {
    find(error).is_some_and(|fault| fault.is_reference)
}

/// Puts an error of a copy under a heading that names the end at which it happened.
pub(super) fn at_an_end(error: anyhow::Error, from: &Target, to: &Target) -> anyhow::Error {
    let (name, target) = match find(&error).and_then(|fault| fault.side) {
        Some(Side::Source) => ("source", from),
        Some(Side::Destination) => ("destination", to),
        None => return error,
    };
    let heading = format!("Error from {name} {} for {:?}:", target.kind.name(), target.raw);
    Headed { heading, inner: error }.into()
}

/// Takes the word of the registry from an error about something that is not there, as ORAS's commands for whole
/// repositories do.
pub(super) fn missing_is_own(error: anyhow::Error) -> anyhow::Error {
    match find(&error) {
        Some(fault) if fault.is_missing && fault.from_registry => {
            Headed { heading: "Error:".to_owned(), inner: error }.into()
        }
        _ => error,
    }
}

/// Says what a target's error is. `config` is the file in which logins are looked up, if nobody is logged in.
pub(super) fn told(error: &Error, config: Option<&str>) -> Fault {
    let answer = error.cause::<RegistryError>();
    let mut fault = match (error.kind(), answer, config) {
        (ErrorKind::Unauthorized, _, Some(config)) => {
            Fault::new("basic credential not found").advice(format!(
                "Please check whether the registry credential stored in the authentication file at {config:?} is correct"
            ))
        }
        (_, Some(answer), _) => Fault { from_registry: true, ..Fault::new(answer_text(answer)) },
        (ErrorKind::Unauthorized, None, _) => {
            let text = format!("{error}: response status code 401: Unauthorized");
            Fault { from_registry: true, ..Fault::new(text) }
        }
        (ErrorKind::Denied | ErrorKind::Busy, None, _) => {
            Fault { from_registry: true, ..Fault::new(error.to_string()) }
        }
        _ => Fault::new(error.to_string()),
    };
    fault.is_missing = error.kind() == ErrorKind::NotFound;
    fault.side = error.side();
    fault
}

fn answer_text(answer: &RegistryError) -> String {
    if answer.entries.is_empty() {
        let status = answer.status;
        return format!(
            "{} {:?}: response status code {}: {}",
            answer.method,
            format!("{}{}", answer.origin, answer.path),
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        );
    }
    let entries = answer.entries.iter().map(|entry| {
        let mut text = entry.code.to_lowercase().replace('_', " ");
        if !entry.message.is_empty() {
            text = format!("{text}: {}", entry.message);
            if let Some(detail) = &entry.detail {
                text = format!("{text}: {detail}");
            }
        }
        text.chars().filter(|c| !c.is_control()).collect::<String>()
    });
    entries.collect::<Vec<_>>().join("; ")
}

/// Checks the number of arguments; `meaning` is what they are.
pub(super) fn arguments(
    command: &Command,
    given: &[String],
    wanted: std::ops::RangeInclusive<usize>,
    meaning: &str,
) -> anyhow::Result<()> {
    if wanted.contains(&given.len()) {
        return Ok(());
    }
    let count = *wanted.start();
    let text = if *wanted.end() == count {
        format!("exactly {count} argument")
    } else {
        format!("at least {count} argument")
    };
    let name = command.name();
    Err(Fault::new(format!("{name:?} requires {text} but got {}", given.len()))
        .usage(command)
        .advice(format!(
            "Please specify {text} as {meaning}. Run \"{name} -h\" for more options and examples"
        ))
        .into())
}

/// The error about a reference without tag or digest.
pub(super) fn no_reference(command: &Command, raw: &str, tag_would_do: bool) -> anyhow::Error {
    let (text, form) = if tag_would_do {
        ("no tag or digest specified", "\"<name>:<tag>\" or \"<name>@<digest>\"")
    } else {
        ("no digest specified", "\"<name>@<digest>\"")
    };
    let fault = Fault::new(format!("\"{raw}\": {text}")).usage(command).advice(format!(
        "Please specify a reference in the form of {form}. Run \"{} -h\" for more options and examples",
        command.name()
    ));
    Fault { is_reference: true, ..fault }.into()
}
