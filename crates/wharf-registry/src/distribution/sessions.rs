//! How many upload sessions are open, by account and in total: each is a file, and lives on when its client is gone.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use wharf_access::{Caller, Principal};
use wharf_oci::distribution::ErrorCode;
use wharf_storage::UploadId;

use crate::Config;
use crate::error::Error;

/// After how long a refused client may ask again, in seconds: uploads end all the time.
const RETRY_AFTER_SECONDS: u16 = 30;

/// The sessions that are open as far as this process knows; the blob store has the truth, and is asked now and then.
#[derive(Debug)]
pub(crate) struct Sessions {
    most: usize,
    most_of_account: usize,
    expiry: Duration,
    open: Mutex<HashMap<UploadId, Held>>,
}

#[derive(Debug)]
struct Held {
    /// Not known of sessions from before the start until they are used.
    owner: Option<Principal>,
    used: Instant,
}

impl Sessions {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            most: config.upload_sessions,
            most_of_account: config.upload_sessions_per_account,
            expiry: config.upload_expiry,
            open: Mutex::default(),
        }
    }

    /// Counts a session that is about to be made.
    ///
    /// # Errors
    /// 429 when the account, or all together, have as many as they may. Those that nobody continued for the time
    /// after which they are removed do not count.
    pub(super) fn open(&self, caller: &Caller, id: &UploadId) -> Result<(), Error> {
        let mut open = self.open.lock().expect("no holder panics");
        let owner = Some(caller.principal);
        let of_account =
            |open: &HashMap<UploadId, Held>| open.values().filter(|held| held.owner == owner).count();
        if open.len() >= self.most || of_account(&open) >= self.most_of_account {
            let now = Instant::now();
            open.retain(|_, held| now.duration_since(held.used) < self.expiry);
        }
        if of_account(&open) >= self.most_of_account {
            return Err(refuse(&format!(
                "this account has {} uploads under way, as many as it may; finish or cancel some, or try again later",
                self.most_of_account
            )));
        }
        if open.len() >= self.most {
            return Err(refuse("the registry has as many uploads under way as it takes; try again later"));
        }
        open.insert(id.clone(), Held { owner, used: Instant::now() });
        Ok(())
    }

    /// Notes that a session is in use.
    pub(super) fn used(&self, caller: &Caller, id: &UploadId) {
        if let Some(held) = self.open.lock().expect("no holder panics").get_mut(id) {
            *held = Held { owner: Some(caller.principal), used: Instant::now() };
        }
    }

    /// Notes that a session is over.
    pub(super) fn close(&self, id: &UploadId) {
        self.open.lock().expect("no holder panics").remove(id);
    }

    /// Takes over what the blob store has: sessions from before the start, and the end of those that expired.
    pub(crate) fn reconcile(&self, mut present: HashSet<UploadId>) {
        let mut open = self.open.lock().expect("no holder panics");
        // One that was just counted may not have its file yet.
        open.retain(|id, held| present.remove(id) || held.used.elapsed() < Duration::from_mins(1));
        open.extend(present.into_iter().map(|id| (id, Held { owner: None, used: Instant::now() })));
    }
}

fn refuse(message: &str) -> Error {
    Error::answer(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
        .with_header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
}
