//! Every request and answer, for those who look for a fault.

use std::fmt::Debug;

use ::http::{HeaderMap, Method, StatusCode};
use url::Url;

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
