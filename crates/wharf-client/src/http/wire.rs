//! What users are shown: every request and answer where they look for a fault, and what a registry has to say.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::header::WARNING;
use ::http::{HeaderMap, Method, StatusCode};
use url::Url;
use wharf_oci::distribution::warning_text;

/// Is shown what goes over the wire, without bodies.
///
/// Headers and queries hold secrets: `Authorization`, cookies, signed URLs. Whoever writes them down leaves those out.
pub trait WireLog: Debug + Send + Sync {
    /// A request goes out. Returns a number by which its answer is told.
    fn request(&self, method: &Method, url: &Url, headers: &HeaderMap) -> u64;
    /// The answer's head is here.
    fn response(&self, request: u64, status: StatusCode, headers: &HeaderMap);
    /// There is no answer.
    fn failure(&self, request: u64, error: &str);
}

/// The longest text of a registry that is shown, in bytes; all warnings of an answer together are no longer by the
/// specification.
const MAX_WARNING_BYTES: usize = 4096;
/// How many different texts of one registry are shown.
const MAX_WARNINGS: usize = 32;

/// Is told what a registry wants its users to read (distribution-spec v1.1, "Warnings").
pub trait Warnings: Debug + Send + Sync {
    /// A text that this registry, `scheme://host[:port]`, has not sent before.
    fn warning(&self, origin: &str, text: &str);
}

/// The warnings of one registry, each told once.
pub(crate) struct Told {
    listener: Option<Arc<dyn Warnings>>,
    texts: Mutex<HashSet<String>>,
}

impl Told {
    pub(crate) fn new(listener: Option<Arc<dyn Warnings>>) -> Self {
        Self { listener, texts: Mutex::default() }
    }

    /// Passes on what is new in an answer of the registry at `origin`. It goes to a terminal: control characters are left
    /// out, and there is an end to it.
    pub(super) fn hear(&self, origin: &Url, headers: &HeaderMap) {
        let Some(listener) = &self.listener else { return };
        for value in headers.get_all(WARNING) {
            let Some(text) = value.to_str().ok().filter(|text| text.len() <= MAX_WARNING_BYTES) else {
                continue;
            };
            let Some(text) = warning_text(text) else { continue };
            let text: String = text.chars().filter(|character| !character.is_control()).collect();
            let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            if texts.len() < MAX_WARNINGS && texts.insert(text.clone()) {
                listener.warning(&crate::origin::origin_of(origin), &text);
            }
        }
    }
}
