//! Small templates given on the command line.

use std::rc::Rc;

use anyhow::anyhow;
use wharf_template::{FunctionTable, Limits, MissingKey, Runtime, TemplateSet, Value};

use crate::chart::machine;

/// Expands a template with the functions that charts have.
pub(super) fn expand(name: &str, text: &str, data: &Value) -> anyhow::Result<String> {
    let mut functions = FunctionTable::default();
    wharf_sprig::add_functions(&mut functions, &machine());
    let set = TemplateSet::new(Rc::new(functions));
    set.parse(name, text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let out = Runtime::new(MissingKey::Zero, Limits::default())
        .execute(&set, name, data)
        .map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
