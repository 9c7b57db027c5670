//! The management API, as Harbor's clients speak it.

mod advisories;
mod document;
mod flows;
mod sweep;
