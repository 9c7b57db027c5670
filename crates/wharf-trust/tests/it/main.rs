//! Behaviour through the public surface.
#![expect(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod keys;
mod logs;
mod offline;
mod policy;
mod vectors;

fn data(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
