//! Who asks, for what, and what the project says in; allowed or denied out.
//!
//! One table ([`Role::permits`]) holds what each role may do, and one function ([`decide`]) answers every question of
//! access. The catalog calls it inside the transaction that reads or changes the thing asked for, with a [`Standing`]
//! read in that same transaction, so no answer rests on anything remembered.

mod caller;
mod decision;
mod permission;
mod robot;
mod role;

pub use caller::{Caller, Principal};
pub use decision::{Denied, Request, Standing, decide};
pub use permission::{Action, Permission, Resource};
pub use robot::{RepositoryPattern, RobotGrant};
pub use role::Role;
