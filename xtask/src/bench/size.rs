//! How much of everything one run measures.

use std::time::Duration;

/// The sizes of a run; every loop of the benchmark is bounded by one of them.
pub(super) struct Size {
    /// Interleaved repetitions of the short workloads.
    pub(super) rounds: usize,
    /// The time that one rate is measured for, after a warm-up of a fifth of it.
    pub(super) window: Duration,
    pub(super) blob_bytes: u64,
    pub(super) blob_rounds: usize,
    pub(super) small_pushes: usize,
    pub(super) push_rounds: usize,
    /// Tags in the one large repository, and manifests spread over a hundred others.
    pub(super) many: usize,
    pub(super) many_rounds: usize,
    /// Requests that `zb` makes per workload, below and from 100 MB.
    pub(super) zb_requests: [usize; 2],
    pub(super) zb_rounds: usize,
}

impl Size {
    /// Half an hour on a quiet machine.
    pub(super) fn full() -> Self {
        Self {
            rounds: 3,
            window: Duration::from_secs(2),
            blob_bytes: 1 << 30,
            blob_rounds: 2,
            small_pushes: 10_000,
            push_rounds: 2,
            many: 100_000,
            many_rounds: 2,
            zb_requests: [100, 20],
            zb_rounds: 2,
        }
    }

    /// Shows within minutes whether everything works; too noisy to compare with.
    pub(super) fn quick() -> Self {
        Self {
            rounds: 3,
            window: Duration::from_millis(800),
            blob_bytes: 64 << 20,
            blob_rounds: 2,
            small_pushes: 500,
            push_rounds: 3,
            many: 2_000,
            many_rounds: 2,
            zb_requests: [20, 0],
            zb_rounds: 1,
        }
    }
}
