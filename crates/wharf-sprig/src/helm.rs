//! Helm's own functions: templates in templates, required values, failing, look-ups.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use wharf_template::{FuncError, FunctionTable, Parsed, Str, Value};

use crate::args::{Add, T, text};
use crate::surroundings::Surroundings;

/// Marks the message of `fail` and `required` inside the long text of a template error.
pub const FAILURE_START: &str = "HELM_ERR_START";
/// Ends the message that [`FAILURE_START`] begins.
pub const FAILURE_END: &str = "HELM_ERR_END";

/// How often one template may be included inside itself.
const MAX_INCLUDES: u32 = 1000;
/// How many texts given to `tpl` are kept parsed.
const MAX_KEPT: usize = 4096;
/// The name of templates that `tpl` parses, which errors show.
const TPL_NAME: &str = "gotpl";

pub(crate) fn add(table: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    let running: RefCell<HashMap<Str, u32>> = RefCell::default();
    table.with("include", &[T::String, T::Any], move |call, args| {
        let name = args[0].as_str().cloned().unwrap_or_else(|| "".into());
        {
            let mut running = running.borrow_mut();
            let count = running.entry(name.clone()).or_insert(0);
            if *count > MAX_INCLUDES {
                let message = format!(
                    "rendering template has a nested reference name: {name}: unable to execute template"
                );
                return Err(message.into());
            }
            *count += 1;
        }
        let result = call.execute(&name.to_text(), &args[1]);
        if let Some(count) = running.borrow_mut().get_mut(&name) {
            *count -= 1;
        }
        Ok(Value::Str(result?))
    });

    let kept: RefCell<HashMap<Str, Parsed>> = RefCell::default();
    table.with("tpl", &[T::String, T::Any], move |call, args| {
        let source = args[0].as_str().cloned().unwrap_or_else(|| "".into());
        let cached = kept.borrow().get(&source).cloned();
        let parsed = match cached {
            Some(parsed) => parsed,
            None => {
                let parsed = Parsed::new(TPL_NAME, source.clone(), &call.set().functions().function_names())
                    .map_err(|error| {
                        let prefix = format!("cannot parse template {}: ", wharf_template::quote(&source));
                        FuncError::Parse(error).wrapped(prefix)
                    })?;
                let mut kept = kept.borrow_mut();
                if kept.len() >= MAX_KEPT {
                    kept.clear();
                }
                kept.insert(source.clone(), parsed.clone());
                parsed
            }
        };
        let set = call.set().child();
        set.add(&parsed);
        let out = call.execute_parsed(&set, &parsed, &args[1]).map_err(|error| {
            let prefix =
                format!("error during tpl function execution for {}: ", wharf_template::quote(&source));
            FuncError::Exec(error).wrapped(prefix)
        })?;
        Ok(Value::Str(without_no_value(out)))
    });
    table.plain("required", &[T::String, T::Any], |args| {
        let is_missing = args[1].is_nil() || args[1].as_str().is_some_and(|text| text.is_empty());
        if is_missing { Err(failure(&text(&args[0]))) } else { Ok(args[1].clone()) }
    });
    table.plain("fail", &[T::String], |args| Err(failure(&text(&args[0]))));
    let cluster = Rc::clone(surroundings);
    table.with("lookup", &[T::String, T::String, T::String, T::String], move |_, args| {
        cluster.lookup(&text(&args[0]), &text(&args[1]), &text(&args[2]), &text(&args[3]))
    });
    let hosts = Rc::clone(surroundings);
    table.with("getHostByName", &[T::String], move |_, args| Ok(hosts.host_address(&text(&args[0])).into()));
}

fn failure(message: &str) -> FuncError {
    FuncError::Message(format!("{FAILURE_START}{message}{FAILURE_END}"))
}

/// Takes every `<no value>` out, as Helm does, wherever it came from.
fn without_no_value(out: Str) -> Str {
    match remove_no_value(&out) {
        Some(cleaned) => cleaned.into(),
        None => out,
    }
}

/// Takes every `<no value>` out of rendered text; nothing if there is none.
pub fn remove_no_value(out: &[u8]) -> Option<Vec<u8>> {
    const NO_VALUE: &[u8] = b"<no value>";
    crate::strings::find(out, NO_VALUE)?;
    Some(crate::strings::replace(out, NO_VALUE, b""))
}
