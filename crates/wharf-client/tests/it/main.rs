//! What a user of the client gets, against registries in this process: good ones, lame ones and hostile ones.
#![expect(clippy::unwrap_used, reason = "tests")]

mod advisories;
mod auth;
mod contract;
mod credentials;
mod hostile;
mod routes;
mod services;
mod transfers;
