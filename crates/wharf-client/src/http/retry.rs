//! When a request is sent again, and after what time.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

use ::http::StatusCode;
use ::http::header::RETRY_AFTER;
use reqwest::Response;
use wharf_content::{Error, ErrorKind, Result};

/// How often and how patiently a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent again, beyond the first time.
    pub max_retries: u32,
    /// The wait before the first repetition; it doubles each time.
    pub first_wait: Duration,
    /// The longest wait that is chosen here.
    pub max_wait: Duration,
    /// The longest wait that a server may ask for by `Retry-After`; beyond it the request fails at once.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 4,
            first_wait: Duration::from_millis(250),
            max_wait: Duration::from_secs(4),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// Returns how long to wait before the request is sent again, or `None` when its result stands. `repeatable` says
    /// whether it may be sent again when nobody knows what became of it.
    pub(crate) fn wait(&self, result: &Result<Response>, attempt: u32, repeatable: bool) -> Option<Duration> {
        if attempt >= self.max_retries {
            return None;
        }
        match result {
            Ok(response) => {
                let status = response.status();
                // Refused before any work: safe for every request.
                let untouched =
                    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
                // These stay as they are, however often one asks.
                let settled = matches!(
                    status,
                    StatusCode::NOT_IMPLEMENTED
                        | StatusCode::HTTP_VERSION_NOT_SUPPORTED
                        | StatusCode::INSUFFICIENT_STORAGE
                );
                let unclear = status == StatusCode::REQUEST_TIMEOUT || (status.is_server_error() && !settled);
                let again = untouched || (unclear && repeatable);
                if !again {
                    return None;
                }
                let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                match asked.and_then(|text| retry_after(text, SystemTime::now())) {
                    Some(asked) if asked > self.max_retry_after => None,
                    Some(asked) => Some(asked.max(self.backoff(attempt))),
                    None => Some(self.backoff(attempt)),
                }
            }
            // An address where nobody listens seldom gains a listener by asking: once more is enough.
            Err(error) if is_connect(error) => (attempt == 0).then(|| self.backoff(attempt)),
            Err(error) if error.kind() == ErrorKind::Network && repeatable => Some(self.backoff(attempt)),
            Err(_) => None,
        }
    }

    /// Returns the wait before repetition number `attempt`, counted from 0: between half and all of what is due, by
    /// chance, so that many clients do not come back together.
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let due =
            self.first_wait.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.max_wait);
        // A new state is keyed at random.
        let chance = RandomState::new().build_hasher().finish();
        due / 2 + (due / 2).mul_f64(chance as f64 / u64::MAX as f64)
    }
}

/// Reads `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: SystemTime = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().into();
    // A time that is past asks for no wait.
    Some(date.duration_since(now).unwrap_or_default())
}

fn is_connect(error: &Error) -> bool {
    error.cause::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_seconds_or_name_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let after = |text| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn waits_grow_and_differ() {
        let policy = RetryPolicy::default();
        for attempt in 0..40 {
            let (wait, due) = (policy.backoff(attempt), Duration::from_millis(250 << attempt.min(10)));
            assert!(
                wait <= due.min(policy.max_wait) && wait >= due.min(policy.max_wait) / 2,
                "{attempt}: {wait:?}"
            );
        }
        let waits: std::collections::HashSet<_> = (0..20).map(|_| policy.backoff(3)).collect();
        assert!(waits.len() > 1);
    }
}
