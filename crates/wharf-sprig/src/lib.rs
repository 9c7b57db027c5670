//! Template functions of Sprig and Helm: names and arguments in, values out.
//!
//! The functions are those that charts see in Helm 4.2.4: Sprig 3.3.0 without `env` and `expandenv`, and Helm's own.
//! `semver` and `semverCompare` are added by the engine, which knows version ranges.
//! What depends on more than the arguments (clock, randomness, keys, cluster) comes from [`Surroundings`].
//!
//! Where Helm goes through a map in random order (`keys`, `values`), the order here is that of the keys.

mod args;
mod cases;
mod cast;
mod certificates;
mod data;
mod dates;
mod decimal;
mod dicts;
mod encodings;
mod equal;
mod helm;
#[cfg(feature = "keys")]
mod keys;
mod lists;
mod merge;
mod numbers;
mod passwords;
mod paths;
mod plain;
mod pretty;
mod random;
mod regexes;
mod strings;
mod surroundings;
mod tomls;
mod urls;
mod values;

use std::rc::Rc;

use wharf_template::FunctionTable;

pub use helm::{FAILURE_END, FAILURE_START, remove_no_value};
#[cfg(feature = "keys")]
pub use keys::LibraryKeys;
pub use plain::{from_plain, to_plain};
pub use surroundings::{Certificate, CertificateRequest, Keys, Surroundings};

/// Adds all functions to a table.
pub fn add_functions(table: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    certificates::add(table, surroundings);
    data::add(table);
    dates::add(table, surroundings);
    dicts::add(table);
    encodings::add(table);
    helm::add(table, surroundings);
    lists::add(table);
    numbers::add(table);
    passwords::add(table);
    paths::add(table);
    random::add(table, surroundings);
    regexes::add(table);
    strings::add(table);
    tomls::add(table);
    urls::add(table);
    values::add(table);
}
