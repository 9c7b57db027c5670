//! Long reads of the catalog, kept off the threads that serve everybody.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// How many run at a time; more wait. Each holds a thread and a connection of the catalog.
static PLACES: Semaphore = Semaphore::const_new(8);

/// Runs work that may compute for long before it yields: the runtime's other tasks go on meanwhile.
///
/// On a runtime of one thread there is no other; the work runs there.
pub(crate) async fn apart<T>(work: impl Future<Output = T>) -> T {
    let _place = PLACES.acquire().await.expect("nobody closes it");
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| runtime.block_on(work)),
        _ => work.await,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_read_does_not_stop_the_others() {
        let (begun, long_read_began) = tokio::sync::oneshot::channel();
        let (answer, answered) = mpsc::channel();
        let long_read = tokio::spawn(apart(async move {
            begun.send(()).unwrap();
            answered.recv_timeout(Duration::from_secs(20))
        }));
        long_read_began.await.unwrap();
        let other = tokio::spawn(async move { answer.send("served").unwrap() });
        assert_eq!(long_read.await.unwrap(), Ok("served"));
        other.await.unwrap();
    }
}
