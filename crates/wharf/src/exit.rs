//! Exit statuses and hints: the one place that turns an error into what a shell and a person get.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use wharf_client::RegistryError;
use wharf_content::ErrorKind;
use wharf_oci::distribution::ErrorEntry;

use crate::promote::Taken;
use crate::publish::{Differences, Refused};
use crate::{pointing, terminal};

/// The table of exit statuses, as shown by `wharf --help`.
pub(crate) const TABLE: &str = "\
Exit status:
  0  done, or already there and identical
  1  failed for another reason
  2  the command line is wrong
  3  the version exists with other content
  4  refused by a policy of the other side (quota, immutability, trust policy)
  5  a signature is missing or wrong
  6  what was asked for is not there
  7  not logged in, or not allowed
  8  the network or the other side does not answer
  9  a copy was done, and not everything arrived
 10  a check found something: the doctor, images --complete, diff --exit-code";

/// How a command ended; see [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done, or there was nothing to do.
    Done = 0,
    /// Failed for a reason that has no status of its own.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The version exists with other content.
    Differs = 3,
    /// Refused by a policy.
    Policy = 4,
    /// A signature or attestation that is demanded is missing or wrong.
    Signature = 5,
    /// What was asked for is not there.
    NotFound = 6,
    /// Not logged in, or not allowed.
    Auth = 7,
    /// No answer.
    Network = 8,
    /// Not everything arrived.
    Incomplete = 9,
    /// A check found something.
    Findings = 10,
}

impl From<Status> for ExitCode {
    fn from(exit: Status) -> Self {
        Self::from(exit as u8)
    }
}

/// A command line that cannot be carried out as it is written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Writes an error with its causes and, where something can be done, what.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let texts = texts(error);
    terminal::error(&texts);
    pointing::show(error);
    if let Some(Refused { report }) = find(error) {
        terminal::note(format_args!("  here:    {}", report.digest));
        for line in report.differences.iter().flat_map(Differences::lines) {
            terminal::note(format_args!("  {line}"));
        }
    }
    if let Some(hint) = hint(error) {
        terminal::hint(&hint);
    }
    status(error).into()
}

/// Returns the exit status of an error.
pub(crate) fn status(error: &anyhow::Error) -> Status {
    if find::<Usage>(error).is_some() {
        return Status::Usage;
    }
    if find::<Refused>(error).is_some() || find::<Taken>(error).is_some() {
        return Status::Differs;
    }
    let Some(content) = find::<wharf_content::Error>(error) else { return Status::Failed };
    match content.kind() {
        ErrorKind::Usage => Status::Usage,
        ErrorKind::NotFound => Status::NotFound,
        ErrorKind::Unauthorized => Status::Auth,
        ErrorKind::Denied if content.cause().is_some_and(is_policy) => Status::Policy,
        ErrorKind::Denied => Status::Auth,
        ErrorKind::Busy | ErrorKind::Network => Status::Network,
        ErrorKind::Incomplete => Status::Incomplete,
        _ => Status::Failed,
    }
}

/// Returns whether a refusal is about the content or the time and not about the caller. A full quota is answered with
/// 403 as a missing right is, by Harbor as by Wharf, and so is what a trust policy refuses; only the sentence tells them apart.
fn is_policy(answer: &RegistryError) -> bool {
    let says = |entry: &ErrorEntry| {
        let message = entry.message.to_ascii_lowercase();
        ["quota", "upper limit", "trust policy"].iter().any(|word| message.contains(word))
    };
    answer.status.as_u16() != 403 || answer.entries.iter().any(says)
}

/// Returns what the user can do about an error, where that is not plain from its text.
fn hint(error: &anyhow::Error) -> Option<String> {
    if find::<Refused>(error).is_some() {
        return Some(
            "raise the version in Chart.yaml (or give --version); --force replaces what is there".to_owned(),
        );
    }
    if find::<Taken>(error).is_some() {
        return Some(
            "a tag that is meant to move is given with --channel; --force moves this one".to_owned(),
        );
    }
    if find::<io::Error>(error).is_some_and(|error| is_full(error.kind())) {
        return Some("make room there, and run the same again".to_owned());
    }
    let content = find::<wharf_content::Error>(error)?;
    let text = content.to_string();
    if text.contains("cannot run credential helper") {
        return Some("install it, or take it out of the file that names it and log in again".to_owned());
    }
    match content.kind() {
        ErrorKind::Unauthorized => Some("log in with: wharf login HOST".to_owned()),
        // The latter is another authority of the same name.
        ErrorKind::Network if text.contains("UnknownIssuer") || text.contains("BadSignature") => {
            Some("trust its certificate with --ca-file FILE, or accept any with --insecure".to_owned())
        }
        // Trusting its authority would not help.
        ErrorKind::Network if text.contains("certificate") => {
            Some("whoever runs it must renew its certificate; --insecure accepts any".to_owned())
        }
        ErrorKind::Network if text.contains("cannot connect") => {
            Some("check the host and its port, and that it runs".to_owned())
        }
        ErrorKind::Busy => Some("try again later".to_owned()),
        _ if text.contains("is corrupt") => {
            Some("what is kept there is damaged: restore it there, or take it from another place".to_owned())
        }
        _ => None,
    }
}

/// Returns whether there was no room for what was to be written.
fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn find<T: StdError + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&T> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// Returns the texts of an error and its causes, without those that an outer text holds already.
fn texts(error: &anyhow::Error) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        // The texts around these were made from them.
        if cause.is::<RegistryError>() || cause.is::<reqwest::Error>() {
            break;
        }
        let text = cause.to_string();
        if !texts.iter().any(|outer| outer.contains(&text)) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_content::Error;
    use wharf_oci::distribution::{ErrorBody, ErrorCode};

    #[test]
    fn every_kind_of_error_has_its_status() {
        let of = |kind| status(&anyhow::Error::new(Error::new(kind, "x")).context("while testing"));
        assert_eq!(of(ErrorKind::NotFound), Status::NotFound);
        assert_eq!(of(ErrorKind::Unauthorized), Status::Auth);
        assert_eq!(of(ErrorKind::Network), Status::Network);
        assert_eq!(of(ErrorKind::Busy), Status::Network);
        assert_eq!(of(ErrorKind::Incomplete), Status::Incomplete);
        assert_eq!(of(ErrorKind::Content), Status::Failed);
        assert_eq!(status(&anyhow::anyhow!("x")), Status::Failed);
        assert_eq!(status(&Usage("x".to_owned()).into()), Status::Usage);
    }

    #[test]
    fn a_full_quota_is_a_policy_and_a_missing_right_is_not() {
        let of = |status: u16, message: &str| {
            let answer = RegistryError {
                status: reqwest::StatusCode::from_u16(status).expect("a status"),
                method: "PUT".to_owned(),
                origin: "http://localhost".to_owned(),
                path: "/".to_owned(),
                entries: ErrorBody::new(ErrorCode::Denied, message).errors,
            };
            status_of(Error::with_source(ErrorKind::Denied, "x", answer))
        };
        let status_403 =
            [of(403, "you may not push here"), of(403, "storage quota of project shop is exceeded")];
        assert_eq!(status_403, [Status::Auth, Status::Policy]);
        assert_eq!(of(409, "the tag is immutable"), Status::Policy);
    }

    fn status_of(error: Error) -> Status {
        status(&anyhow::Error::new(error))
    }

    #[test]
    fn the_table_names_every_status() {
        for exit in [
            Status::Done,
            Status::Failed,
            Status::Usage,
            Status::Differs,
            Status::Policy,
            Status::NotFound,
            Status::Auth,
            Status::Network,
            Status::Incomplete,
            Status::Findings,
        ] {
            assert!(TABLE.contains(&format!("\n{:>3}  ", exit as u8)), "{exit:?}");
        }
    }

    #[test]
    fn a_cause_that_the_text_holds_already_is_not_repeated() {
        let inner = Error::new(ErrorKind::Io, "the disk is full");
        let error = anyhow::Error::new(inner).context("cannot write: the disk is full").context("publish");
        assert_eq!(texts(&error), ["publish", "cannot write: the disk is full"]);
    }
}
