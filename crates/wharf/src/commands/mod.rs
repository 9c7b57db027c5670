//! One file per command.

pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod images;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod policy;
pub(crate) mod project;
pub(crate) mod publish;
pub(crate) mod repo;
pub(crate) mod robot;
pub(crate) mod serve;
pub(crate) mod user;
pub(crate) mod verify;
