//! Progress bars on standard error, where that is a terminal.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use wharf_content::{NoProgress, Outcome, Progress};
use wharf_oci::{Descriptor, Digest};

/// Blobs below this size are done before a bar could be read, in bytes.
const MIN_BYTES: u64 = 4 * 1024 * 1024;

/// Returns bars for long transfers, or nothing where nobody would see them.
pub(crate) fn for_transfers() -> Arc<dyn Progress> {
    if std::io::stderr().is_terminal() { Arc::new(Bars::default()) } else { Arc::new(NoProgress) }
}

#[derive(Default)]
struct Bars {
    all: MultiProgress,
    running: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Progress for Bars {
    fn started(&self, descriptor: &Descriptor) {
        if descriptor.size < MIN_BYTES {
            return;
        }
        let style = ProgressStyle::with_template(
            "{msg:>19} [{bar:30}] {bytes:>10}/{total_bytes} {bytes_per_sec} {eta}",
        );
        let bar = ProgressBar::new(descriptor.size)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
            .with_message(format!("{:.19}", descriptor.digest.as_str()));
        let bar = self.all.add(bar);
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(descriptor.digest.clone(), bar);
    }

    fn advanced(&self, digest: &Digest, at: u64) {
        if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(digest) {
            bar.set_position(at);
        }
    }

    fn finished(&self, descriptor: &Descriptor, _outcome: Outcome) {
        let bar = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&descriptor.digest);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}
