//! Behaviour through the public surface.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests read their data and say what they skip"
)]

mod hostile;
mod import;
mod keys;
mod logs;
mod notation;
mod offline;
mod paper;
mod policy;
mod vectors;

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
