//! Work that a second thread does while the first one is at something else.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::Builder;

use crate::heap;

/// Room for deeply nested texts; only what is used is ever taken.
const STACK_BYTES: usize = 64 << 20;

/// A result that is worked out by the helper, or by whoever wants it before the helper came to it.
pub(crate) struct Later<T>(Arc<Slot<T>>);

struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Waiting(Box<dyn FnOnce() -> T + Send>),
    Begun { is_wanted: bool },
    Done(std::thread::Result<T>),
}

trait Task: Send + Sync {
    /// Does the work unless it is done or being done.
    fn run(&self);
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("nothing is done under the lock")
    }
}

impl<T: Send> Task for Slot<T> {
    fn run(&self) {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Begun { is_wanted: false }) {
            State::Waiting(work) => {
                drop(state);
                // Whoever wants the result has the panic, too, instead of waiting for ever.
                let result = catch_unwind(AssertUnwindSafe(work));
                let before = std::mem::replace(&mut *self.state(), State::Done(result));
                if matches!(before, State::Begun { is_wanted: true }) {
                    self.changed.notify_one();
                }
            }
            other => *state = other,
        }
    }
}

impl<T> Later<T> {
    fn new(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let state = Mutex::new(State::Waiting(Box::new(work)));
        Self(Arc::new(Slot { state, changed: Condvar::new() }))
    }

    /// Returns the result, working it out here if nobody has begun to.
    pub(crate) fn get(self) -> T {
        let mut state = self.0.state();
        loop {
            match std::mem::replace(&mut *state, State::Begun { is_wanted: true }) {
                State::Waiting(work) => {
                    drop(state);
                    return work();
                }
                State::Done(result) => return result.unwrap_or_else(|panic| resume_unwind(panic)),
                State::Begun { .. } => {
                    state = self.0.changed.wait(state).expect("nothing is done under the lock")
                }
            }
        }
    }
}

/// A thread that does what it is given, in that order, until this is dropped.
///
/// It gets work in batches, as waking it costs more than a small template; it begins with the first batch. What is in no batch
/// is done by whoever wants it.
#[derive(Default)]
pub(crate) struct Helper {
    batch: Vec<Arc<dyn Task>>,
    bytes: usize,
    thread: Option<Sender<Vec<Arc<dyn Task>>>>,
}

/// A batch is worth waking a thread, in bytes of text.
const BATCH_BYTES: usize = 32 << 10;

impl Helper {
    /// Gives the helper work about a text of so many bytes.
    pub(crate) fn give<T: Send + 'static>(
        &mut self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Later<T> {
        let later = Later::new(work);
        self.batch.push(Arc::clone(&later.0) as _);
        self.bytes += bytes;
        if self.bytes >= BATCH_BYTES {
            self.bytes = 0;
            let batch = std::mem::take(&mut self.batch);
            // Where there is no thread the work is done by whoever wants it.
            let _ = self.thread.get_or_insert_with(start).send(batch);
        }
        later
    }
}

fn start() -> Sender<Vec<Arc<dyn Task>>> {
    let (sender, batches) = channel();
    let thread = Builder::new().name("helper".to_owned()).stack_size(STACK_BYTES);
    // Where no thread can be had, its end of the channel is dropped with it.
    let _ = thread.spawn(move || help(batches));
    sender
}

fn help(batches: Receiver<Vec<Arc<dyn Task>>>) {
    heap::prepare();
    for task in batches.into_iter().flatten() {
        // Nobody else has it: nobody wants the result any more.
        if Arc::strong_count(&task) > 1 {
            task.run();
        }
    }
}
