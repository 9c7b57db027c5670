//! Template text and a value in, rendered bytes out, as Go's `text/template` does it.
//!
//! The behaviour followed is that of Go 1.26: which values are true, how `range` orders a map, how
//! `printf` reports a wrong verb, and the text of every parse and execution error. A pipeline of
//! folders: `lexer` makes items of the text, `parser` trees of the items, `eval` runs a tree on a
//! [`Value`], and `printf` turns values into text.
//!
//! ```
//! use std::rc::Rc;
//! use wharf_template::{FunctionTable, Limits, Map, MissingKey, Runtime, TemplateSet, Value};
//!
//! let set = TemplateSet::new(Rc::new(FunctionTable::default()));
//! set.parse("hello", b"{{ range .names }}Hello {{ . }}. {{ end }}")?;
//! let names = Value::list(vec!["Ada".into(), "Grace".into()]);
//! let data = Value::Map(Map::of([("names", names)]));
//! let out = Runtime::new(MissingKey::Error, Limits::default()).execute(&set, "hello", &data)?;
//! assert_eq!(out, b"Hello Ada. Hello Grace. ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Limits count steps, output, string sizes, call depth and stack, so that no template runs for ever
//! or ends the process.

mod error;
mod eval;
mod function;
mod lexer;
mod numbers;
mod parser;
mod printf;
mod set;
mod stack;
mod value;

pub use error::{ExecError, FuncError, ParseError, Place};
pub use eval::{Call, Limits, MissingKey, Origin, Runtime};
pub use function::{Function, FunctionNames, FunctionTable, Type};
pub use numbers::{NumberError, parse_float, parse_int, parse_uint};
pub use parser::Draft;
pub use printf::{format_float, is_print, quote, sprint, sprintf};
pub use set::{Parsed, TemplateSet};
pub use value::{IntType, Kind, List, ListType, Map, MapElem, MapType, Method, Object, Str, UintType, Value};
