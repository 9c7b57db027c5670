//! One file per command.

pub(crate) mod completion;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod publish;
pub(crate) mod serve;
