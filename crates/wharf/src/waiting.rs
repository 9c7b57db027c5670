//! Where the commands, which are written one step after the other, wait for work that is not.

use std::pin::{Pin, pin};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

/// Waits for work that talks to others and has much to hash or to pack: it may use every processor.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    wait_on(Runtime::new(), work)
}

/// Waits for work of many short questions and answers: passing them between threads would cost more than it gains.
pub(crate) fn block_on_here<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    wait_on(Builder::new_current_thread().enable_all().build(), work)
}

fn wait_on<T>(
    runtime: std::io::Result<Runtime>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut answer = None;
    drive(&runtime.context("cannot start")?, pin!(async { answer = Some(work.await) }));
    answer.context("the work ended without an answer")?
}

/// Not generic: the runtime is compiled once, and not three times around every command.
fn drive(runtime: &Runtime, work: Pin<&mut dyn Future<Output = ()>>) {
    runtime.block_on(work);
}
