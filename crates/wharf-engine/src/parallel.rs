//! Work on many things at once, where one render has enough of it.

use std::num::NonZero;

use crate::heap;

/// Less work than this (in bytes of text) is not worth a thread.
const MIN_BYTES: usize = 64 << 10;
const MAX_THREADS: usize = 8;
/// Room for deeply nested texts; only what is used is ever taken.
const STACK_BYTES: usize = 64 << 20;

/// Maps all items in order, on several threads if their texts are long enough together.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    size: impl Fn(&T) -> usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let total: usize = items.iter().map(&size).sum();
    // Asking how many processors there are reads several files, so it is not asked for little work.
    let processors = match total < MIN_BYTES {
        true => 1,
        false => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    let threads = processors.min(MAX_THREADS).min(1 + total / MIN_BYTES);
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    // Cut where the text is about equally long, so that no thread waits for another.
    let mut parts: Vec<&[T]> = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        length += size(item);
        if length * threads >= total {
            parts.push(&items[start..=index]);
            (start, length) = (index + 1, 0);
        }
    }
    parts.push(&items[start..]);
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = parts
            .into_iter()
            .map(|part| {
                let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
                let work = move || {
                    heap::prepare();
                    part.iter().map(work).collect::<Vec<R>>()
                };
                (part, thread.spawn_scoped(scope, work))
            })
            .collect();
        let finish =
            |(part, thread): (&[T], std::io::Result<std::thread::ScopedJoinHandle<'_, Vec<R>>>)| match thread
            {
                Ok(thread) => thread.join().expect("the work does not panic"),
                Err(_) => part.iter().map(work).collect(),
            };
        running.into_iter().flat_map(finish).collect()
    })
}
