//! Small templates given on the command line.

use std::rc::Rc;

use anyhow::anyhow;
use wharf_sprig::{FAILURE_END, FAILURE_START};
use wharf_template::{Function, FunctionTable, Limits, MissingKey, Runtime, TemplateSet, Type, Value};

use crate::chart::machine;

/// Expands a template with the functions that charts have, and the user's environment: the template is the user's own.
pub(super) fn expand(name: &str, text: &str, data: &Value) -> anyhow::Result<String> {
    let mut functions = FunctionTable::default();
    wharf_sprig::add_functions(&mut functions, &machine());
    functions.add(Function::new("env", &[Type::String], false, |_, args| {
        Ok(std::env::var(args[0].to_string()).unwrap_or_default().as_str().into())
    }));
    let set = TemplateSet::new(Rc::new(functions));
    set.parse(name, text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let out = Runtime::new(MissingKey::Zero, Limits::default())
        .execute(&set, name, data)
        // Only charts mark what `fail` says.
        .map_err(|error| {
            anyhow!("{}", error.to_string().replace(FAILURE_START, "").replace(FAILURE_END, ""))
        })?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
