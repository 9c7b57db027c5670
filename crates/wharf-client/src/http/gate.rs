//! How much is asked of a registry at a time.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How much is asked of a registry. Without limits, as much as there is to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many requests may wait for their answer at once; an upload waits as long as it lasts.
    pub requests_at_once: Option<NonZeroUsize>,
    /// How many requests may begin in a minute; they are spread evenly.
    pub requests_per_minute: Option<NonZeroU32>,
}

/// Lets requests through as the limits allow.
pub(crate) struct Gate {
    places: Option<Semaphore>,
    pace: Option<(Duration, Mutex<Instant>)>,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let pace = limits.requests_per_minute.map(|count| Duration::from_secs(60) / count.get());
        Self {
            places: limits.requests_at_once.map(|places| Semaphore::new(places.get())),
            pace: pace.map(|pace| (pace, Mutex::new(Instant::now()))),
        }
    }

    /// Waits for its turn; the place is taken until what is returned is dropped.
    pub(super) async fn pass(&self) -> Option<SemaphorePermit<'_>> {
        let place = match &self.places {
            // Never closed.
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        if let Some((pace, next)) = &self.pace {
            let turn = {
                let mut next = next.lock().await;
                let turn = (*next).max(Instant::now());
                *next = turn + *pace;
                turn
            };
            tokio::time::sleep_until(turn).await;
        }
        place
    }
}
