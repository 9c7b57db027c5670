//! What goes to standard error in ORAS's form: warnings of registries, and with `--debug` every request and answer, without
//! secrets.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};
use wharf_client::{Warnings, WireLog};

/// Headers whose values are not shown.
const SECRET: &[&str] = &["authorization", "set-cookie", "cookie", "proxy-authorization"];
/// Parameters whose values are shown: those of the protocol.
const PUBLIC: &[&str] =
    &["n", "last", "digest", "mount", "from", "artifactType", "scope", "service", "account"];

/// One count for all registries of a run.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes every request to standard error.
#[derive(Debug)]
pub(super) struct StderrLog;

impl WireLog for StderrLog {
    fn request(&self, method: &Method, url: &Url, headers: &HeaderMap) -> u64 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        log(
            "DEBUG",
            &format!(
                "--> Request #{number}\n> Request URL: {:?}\n> Request method: {:?}\n> Request headers:\n{}",
                shown_url(url),
                method.as_str(),
                shown_headers(headers)
            ),
        );
        number
    }

    fn response(&self, request: u64, status: StatusCode, headers: &HeaderMap) {
        log(
            "DEBUG",
            &format!(
                "<-- Response #{request}\n< Response Status: {:?}\n< Response headers:\n{}",
                status.to_string(),
                shown_headers(headers)
            ),
        );
    }

    fn failure(&self, request: u64, error: &str) {
        log("ERROR", &format!("<-- Response #{request}\nError in getting response: {error}"));
    }
}

/// What registries have to say, as ORAS tells it.
#[derive(Debug)]
pub(super) struct StderrWarnings;

impl Warnings for StderrWarnings {
    fn warning(&self, _origin: &str, text: &str) {
        log("WARNING", text);
    }
}

/// Writes one entry.
pub(super) fn log(level: &str, text: &str) {
    let now = Timestamp::now();
    // Nobody to tell is no failure.
    let _ = writeln!(std::io::stderr(), "[{now}][{level}]: {text}\n\n");
}

fn shown_headers(headers: &HeaderMap) -> String {
    if headers.is_empty() {
        return "   Empty header".to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    for name in headers.keys() {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| match SECRET.contains(&name.as_str()) {
                true => "*****".to_owned(),
                false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            })
            .collect();
        lines.push(format!("   {:?}: {:?}", canonical(name.as_str()), values.join(", ")));
    }
    lines.join("\n")
}

/// Returns a header's name as Go writes it.
fn canonical(name: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither fails for a URL that a request was sent to.
    let _ = shown.set_password(None);
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if PUBLIC.contains(&&*name) { value.into_owned() } else { "*****".to_owned() };
                (name.into_owned(), value)
            })
            .collect();
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    shown.to_string()
}
