//! The first generation, as of distribution-spec 1.1.1: four workflows, all of them on.

use std::path::Path;
use std::process::Command;

use crate::server::{PASSWORD, Server, USER};

/// Half of some pairs of checks, of which every server can run one only.
pub(super) const OTHER_WAY: &[&str] = &[
    // These read content that was pushed beforehand; the suite pushes its own.
    "Get tag name from environment",
    "Populate registry with test tags (no push)",
    // These are for servers that answer a mount with an upload session.
    "Cross-mounting of nonexistent blob should yield session id",
    "Cross-mounting without from, and automatic content discovery disabled should return a 202",
];

pub(super) fn configure(command: &mut Command, server: &Server, results: &Path) {
    command
        .env("OCI_ROOT_URL", format!("http://{}", server.address))
        .env("OCI_NAMESPACE", "conformance/repo1")
        .env("OCI_CROSSMOUNT_NAMESPACE", "conformance/repo2")
        .env("OCI_USERNAME", USER)
        .env("OCI_PASSWORD", PASSWORD)
        .env("OCI_TEST_PULL", "1")
        .env("OCI_TEST_PUSH", "1")
        .env("OCI_TEST_CONTENT_DISCOVERY", "1")
        .env("OCI_TEST_CONTENT_MANAGEMENT", "1")
        // This suite asks for a token once; a mount that names no source needs one for both repositories.
        .env(
            "OCI_AUTH_SCOPE",
            "repository:conformance/repo1:pull,push,delete repository:conformance/repo2:pull,push,delete",
        )
        // Wharf finds a blob by itself when a mount names no source repository.
        .env("OCI_AUTOMATIC_CROSSMOUNT", "1")
        .env("OCI_HIDE_SKIPPED_WORKFLOWS", "0")
        .env("OCI_REPORT_DIR", results);
}
