//! The commands as a user runs them, and the client as they use it, against a registry of this build.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod bad_input;
mod channel;
mod compare;
mod completion;
mod copy;
mod cosign;
mod cosign_certificates;
mod cosign_kms;
mod cosign_more;
mod demo;
mod four_eyes;
mod gate;
mod helm;
mod helm_advisories;
mod helm_flags;
mod helm_more;
mod helm_oci;
mod helm_recorded;
mod helm_render;
mod helm_repo;
mod helm_site;
mod keyless;
mod login;
mod manage;
mod oras;
mod pki;
mod pointing;
mod promote;
mod promote_unit;
mod publish;
mod requests;
mod serve;
mod signing;
mod support;
mod sync;
mod target;
mod verify;
mod verify_notation;
mod verify_pgp;
