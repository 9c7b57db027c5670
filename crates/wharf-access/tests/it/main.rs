//! Who may do what, as users of a registry meet it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod decision;
mod robots;
mod roles;
mod tokens;
