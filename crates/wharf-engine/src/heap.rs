//! A word to the allocator before much work begins.

use std::hint::black_box;

/// What the heap of a thread is given at once; only what is used is ever taken from the system.
const STEP_BYTES: usize = 4 << 20;

/// Makes the C library's allocator work in large steps on this thread.
///
/// The heap of any thread but the first otherwise grows by a page or a few at a time, a system call for each; and blocks over
/// 128 KiB are mapped and unmapped one by one. glibc learns from the size of what is freed: blocks of that size then come
/// from the heap, and the heap is given back only beyond twice of it. Elsewhere this costs nothing.
pub(crate) fn prepare() {
    // The first block is mapped on its own, and its end is the lesson; the second one grows the heap, and leaves it so.
    for _ in 0..2 {
        drop(black_box(Vec::<u8>::with_capacity(STEP_BYTES)));
    }
}
