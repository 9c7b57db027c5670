//! Drives several connections at once, each in a thread of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::connection::{Body, Connection};
use super::subject::Subject;

/// Sends the same request over and over on each connection; returns how many began and ended well per second.
pub(super) fn rate(
    subject: &Subject,
    connections: usize,
    window: Duration,
    method: &'static str,
    path: &str,
) -> Result<f64> {
    let begin = Instant::now() + window / 5;
    let end = begin + window;
    let counts = each(connections, |_| {
        let mut connection = Connection::open(subject.address, None)?;
        let accept = "Accept: application/vnd.oci.image.manifest.v1+json, */*\r\n";
        let mut count = 0_u32;
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(count);
            }
            connection.expect(200, method, path, accept, &Body::Empty)?;
            count += u32::from(start >= begin);
        }
    })?;
    Ok(counts.into_iter().map(f64::from).sum::<f64>() / window.as_secs_f64())
}

/// Does numbered jobs on several connections with the subject's credentials; returns the seconds it took.
pub(super) fn jobs(
    subject: &Subject,
    connections: usize,
    count: usize,
    job: impl Fn(&mut Connection, usize) -> Result<()> + Sync,
) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    each(connections, |_| {
        let mut connection = Connection::open(subject.address, subject.credentials())?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            job(&mut connection, number)?;
        }
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// Runs the work once per connection, all at the same time; the first failure is returned.
pub(super) fn each<T: Send>(connections: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || work(number))).collect();
        let outcomes = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a thread of the load generator panicked"),
        });
        outcomes.collect()
    })
}
