//! An image layout in a tar: opened, listed, its manifests read; and the same bytes as what a run that was cut off left.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wharf_content::{ReadTarget, TarTarget};
use wharf_oci::Reference;

struct Place {
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| Place {
    runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
    folder: tempfile::tempdir_in("/dev/shm").unwrap(),
});

fuzz_target!(|bytes: &[u8]| {
    let Place { runtime, folder } = &*PLACE;
    let (whole, target) = (folder.path().join("a.tar"), folder.path().join("b.tar"));
    std::fs::write(&whole, bytes).unwrap();
    std::fs::write(folder.path().join("b.tar.partial"), bytes).unwrap();
    runtime.block_on(async {
        if let Ok(tar) = TarTarget::open(&whole).await {
            for entry in tar.entries().unwrap_or_default() {
                if let Ok(manifest) = tar.fetch_manifest(&Reference::Digest(entry.digest), 1 << 20).await {
                    let _ = manifest.parse();
                }
            }
        }
        let _ = TarTarget::create(&target).await;
    });
});
