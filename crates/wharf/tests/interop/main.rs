//! Real clients against a real `wharf serve`: one file per client.
//!
//! Each client walks the same journey (`harness/journey.rs`): push, list, pull by tag and by digest, delete; over
//! plain HTTP and over TLS; logged in and anonymous. A client that is not installed is skipped with a line that
//! starts `skipped: `; in CI that is a failure. `cargo xtask setup` installs them all.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod copy;
mod cosign;
mod cosign_blob;
mod cosign_guides;
mod cosign_image;
mod cosign_keyless;
mod cosign_kms;
mod cosign_matrix;
mod crane;
mod gate;
mod harness;
mod helm;
mod helm_same;
mod notation;
mod oras;
#[path = "../it/pki.rs"]
mod pki;
mod podman_or_buildah;
mod promote;
mod publish;
mod regctl;
mod skopeo;
