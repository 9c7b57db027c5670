//! The second generation, on the specification's main branch: one program, configured by switches.

use std::path::Path;
use std::process::Command;

use crate::server::{PASSWORD, Server, USER};

/// The switches that are off by default, at either version of the specification or at both.
const EXTRA: &[&str] = &[
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    SPARSE,
];

const SPARSE: &str = "OCI_DATA_SPARSE";
/// The ends of the names of what the suite reports as skipped while [`SPARSE`] is off.
pub(super) const SPARSE_ONLY: &[&str] = &[];

pub(super) fn configure_stable(command: &mut Command, server: &Server, results: &Path) {
    configure(command, server, results, "1.1");
}

pub(super) fn configure_dev(command: &mut Command, server: &Server, results: &Path) {
    configure(command, server, results, "dev");
}

pub(super) fn configure_dev_without_sparse(command: &mut Command, server: &Server, results: &Path) {
    configure(command, server, results, "dev");
    command.env(SPARSE, "false");
}

fn configure(command: &mut Command, server: &Server, results: &Path, version: &str) {
    command
        .env("OCI_REGISTRY", server.address.to_string())
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/repo1")
        .env("OCI_REPO2", "conformance/repo2")
        .env("OCI_USERNAME", USER)
        .env("OCI_PASSWORD", PASSWORD)
        .env("OCI_VERSION", version)
        .env("OCI_RESULTS_DIR", results);
    for switch in EXTRA {
        command.env(switch, "true");
    }
}
