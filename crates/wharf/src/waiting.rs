//! Where the commands, which are written one step after the other, wait for work that is not.

use std::pin::{Pin, pin};

use anyhow::Context as _;

/// Waits for work that talks to others.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut answer = None;
    drive(pin!(async { answer = Some(work.await) }))?;
    answer.context("the work ended without an answer")?
}

/// Not generic: the runtime is compiled once, and not three times around every command.
fn drive(work: Pin<&mut dyn Future<Output = ()>>) -> anyhow::Result<()> {
    if std::env::var_os("WHARF_RT").is_some() {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start")?
            .block_on(work);
        return Ok(());
    }
    tokio::runtime::Runtime::new().context("cannot start")?.block_on(work);
    Ok(())
}
