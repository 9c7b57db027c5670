//! What a client of the registry gets, over a real socket, on SQLite and a folder.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod access;
mod auth;
mod base;
mod blobs;
mod catalog;
mod config;
mod deploy;
mod disk;
mod gate;
mod management;
mod manifests;
mod operations;
mod patience;
mod proxies;
mod referrers;
mod restart;
mod support;
mod tags;
mod uploads;
