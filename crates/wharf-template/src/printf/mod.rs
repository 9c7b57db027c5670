//! Values to text as Go's `fmt` prints them.

mod flags;
mod float;
mod printer;
mod quote;

pub use float::format_float;
pub(crate) use quote::truncate_runes;
pub use quote::{is_print, quote};

use crate::value::Value;
use printer::Printer;

/// Longer texts are cut, so that a value that contains itself cannot print for ever.
const MAX_BYTES: usize = 1 << 30;

/// Formats values by a format string, as `fmt.Sprintf`. Mistakes show in the text, as `%!d(string=x)`.
pub fn sprintf(format: &[u8], args: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(format.len() + 16);
    Printer::new(&mut out, MAX_BYTES).printf(format, args);
    out
}

/// Prints values, with a space between two that are both no strings, as `fmt.Sprint`.
pub fn sprint(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, MAX_BYTES);
    let mut previous_is_string = false;
    for (index, arg) in args.iter().enumerate() {
        let is_string = matches!(arg, Value::Str(_));
        if index > 0 && !is_string && !previous_is_string {
            printer.write(b" ");
        }
        printer.print_arg(arg, 'v');
        previous_is_string = is_string;
    }
    out
}

/// Prints values with spaces between them and a newline at the end, as `fmt.Sprintln`.
pub(crate) fn sprintln(args: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, MAX_BYTES);
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            printer.write(b" ");
        }
        printer.print_arg(arg, 'v');
    }
    printer.write(b"\n");
    out
}

/// Prints one value as `%v`.
pub(crate) fn sprint_one(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    print_value(&mut out, value, MAX_BYTES);
    out
}

/// Appends one value as `%v`; stops soon after `limit` bytes.
pub(crate) fn print_value(out: &mut Vec<u8>, value: &Value, limit: usize) {
    match value {
        Value::Str(text) => out.extend_from_slice(text),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Int(_, value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Float(value) => out.extend_from_slice(format_float(*value, 'g', None).as_bytes()),
        other => Printer::new(out, limit).print_arg(other, 'v'),
    }
}
