//! Which log lines are written.
//!
//! The filter knows targets and levels only. That of `tracing-subscriber` with more words brings a part of the regular
//! expression crates with it that makes every expression of a template slower to compile than to use.

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Returns the filter that `WHARF_LOG` gives, in the form `level` or `crate=level,…`, or else one for this level.
pub(crate) fn log_filter(level: LevelFilter) -> Targets {
    let given = std::env::var("WHARF_LOG").ok().filter(|text| !text.is_empty());
    given.and_then(|text| text.parse().ok()).unwrap_or_else(|| Targets::new().with_default(level))
}
