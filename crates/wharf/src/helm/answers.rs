//! Answers of registries in the words of Helm's registry library.

use anyhow::anyhow;
use wharf_client::{Registry, RegistryError};
use wharf_content::{Error, ErrorKind};

/// Returns what a registry answered as the library puts it: method, address, status, and the registry's own words.
pub(super) fn in_words(error: Error, registry: &Registry) -> anyhow::Error {
    // The other messages name their cause themselves.
    let Some(answer) = error.cause::<RegistryError>() else { return anyhow!("{error}") };
    let reasons: Vec<String> = answer
        .entries
        .iter()
        .map(|entry| {
            let code = entry.code.replace('_', " ").to_lowercase();
            let message: String = entry.message.chars().filter(|c| !c.is_control()).collect();
            if message.is_empty() { code } else { format!("{code}: {message}") }
        })
        .collect();
    let reason = match reasons.is_empty() {
        true => answer.status.canonical_reason().unwrap_or_default().to_owned(),
        false => reasons.join("; "),
    };
    anyhow!(
        "{} \"{}{}\": response status code {}: {reason}",
        answer.method,
        registry.origin(),
        answer.path,
        answer.status.as_u16()
    )
}

/// The same for a step of a copy: `what` is the step, such as `FetchReference`, `name` what it was about.
pub(super) fn in_step(
    error: Error,
    registry: &Registry,
    what: &str,
    side: &str,
    name: &str,
) -> anyhow::Error {
    let said = match error.kind() {
        ErrorKind::NotFound => format!("{name}: not found"),
        _ => format!("{:#}", in_words(error, registry)),
    };
    anyhow!("failed to perform {what:?} on {side}: {said}")
}
