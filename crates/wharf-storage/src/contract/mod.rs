//! What every implementation has to do, as test suites: a back end runs all of them and adds only its own cases.
//!
//! Each suite panics at the first behaviour that differs, with the behaviour in the message.

mod blobs;
mod catalog;
mod management;

pub use blobs::{StoreFolder, blobs};
pub use catalog::{CatalogPlace, TestClock, catalog};
pub use management::management;
