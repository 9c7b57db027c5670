//! Trees and a value in, bytes out. Follows Go's `text/template/exec.go`, error texts included.

mod builtins;
mod call;
mod compare;
mod escape;
mod walk;

use std::sync::Arc;

pub(crate) use builtins::builtins;

use crate::error::{ExecError, FuncError};
use crate::parser::ast::Tree;
use crate::set::{Parsed, TemplateSet};
use crate::stack::StackGuard;
use crate::value::{Str, Value};

/// What a template may use before it is stopped with an error.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands executed in one render.
    pub max_steps: u64,
    /// Templates calling each other, as in Go.
    pub max_depth: u32,
    /// Bytes of output, and of any string made on the way.
    pub max_bytes: usize,
    /// Bytes of stack that evaluation may use; must fit the thread that renders.
    pub max_stack_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_steps: 1_000_000_000, max_depth: 100_000, max_bytes: 1 << 30, max_stack_bytes: 1 << 20 }
    }
}

/// What the lack of a map key does; Go's option `missingkey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// Gives no value.
    #[default]
    Invalid,
    /// Gives the zero value of the map's element type.
    Zero,
    /// Stops with an error.
    Error,
}

/// Executes templates. One runtime serves one render: its limits count over all executions.
#[derive(Debug)]
pub struct Runtime {
    out: Vec<u8>,
    vars: Vec<Var>,
    steps_left: u64,
    missing_key: MissingKey,
    limits: Limits,
    stack: StackGuard,
    /// Where the output comes from, if somebody asked.
    trace: Option<Vec<Origin>>,
}

/// From where a stretch of output comes: from here on, up to the next origin.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Where in the output it begins.
    pub at: usize,
    /// The name of the template file.
    pub file: Arc<str>,
    /// The text of that file.
    pub text: Arc<[u8]>,
    /// The byte of the text.
    pub offset: usize,
    /// Whether the output is that text itself, and not what an action there printed.
    pub is_text: bool,
}

/// A variable's value, and whether Go would hold it as an interface, which some errors tell.
#[derive(Clone, Debug)]
struct Var {
    value: Value,
    is_interface: bool,
}

impl Runtime {
    /// Makes a runtime.
    pub fn new(missing_key: MissingKey, limits: Limits) -> Self {
        Self {
            out: Vec::new(),
            vars: Vec::new(),
            steps_left: limits.max_steps,
            missing_key,
            limits,
            stack: StackGuard::new(limits.max_stack_bytes),
            trace: None,
        }
    }

    /// Executes a template as [`execute`](Self::execute) does, and tells where its output comes from.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_traced(
        &mut self,
        set: &TemplateSet,
        name: &str,
        data: &Value,
    ) -> Result<(Vec<u8>, Vec<Origin>), ExecError> {
        self.trace = Some(Vec::new());
        let out = self.execute_to_end(set, name, data, |out| out.to_vec());
        let trace = self.trace.take().unwrap_or_default();
        Ok((out?, trace))
    }

    /// Executes the named template of a set and returns its output.
    ///
    /// # Errors
    /// Fails with Go's message, and the place, when there is no such template or it fails.
    pub fn execute(&mut self, set: &TemplateSet, name: &str, data: &Value) -> Result<Vec<u8>, ExecError> {
        self.execute_to_end(set, name, data, |out| out.to_vec())
    }

    fn execute_to_end<T>(
        &mut self,
        set: &TemplateSet,
        name: &str,
        data: &Value,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ExecError> {
        let Some(tree) = set.find(name.as_bytes()) else {
            let quoted = crate::printf::quote(name.as_bytes());
            let message = format!("template: no template {quoted} associated with template \"gotpl\"");
            return Err(ExecError::new(None, message, None));
        };
        self.execute_tree(set, &tree, data, take)
    }

    fn execute_tree<T>(
        &mut self,
        set: &TemplateSet,
        tree: &Arc<Tree>,
        data: &Value,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ExecError> {
        let start = self.out.len();
        let data = if data.is_nil() { Value::Invalid } else { data.clone() };
        let result = self.run(set, tree, data, false, 0);
        let taken = result.map(|()| take(&self.out[start..]));
        self.out.truncate(start);
        taken
    }

    fn run(
        &mut self,
        set: &TemplateSet,
        tree: &Arc<Tree>,
        data: Value,
        is_interface: bool,
        depth: u32,
    ) -> Result<(), ExecError> {
        let base = self.vars.len();
        self.vars.resize(base + tree.slots, Var { value: Value::Invalid, is_interface: false });
        self.vars[base] = Var { value: data.clone(), is_interface };
        let mut frame = walk::Frame::new(self, set, tree, base, depth);
        let result = frame.walk(walk::Dot { value: &data, is_interface }, tree.root);
        self.vars.truncate(base);
        result.map(|_| ())
    }
}

/// What a function sees of the execution that calls it.
#[derive(Debug)]
pub struct Call<'a> {
    runtime: &'a mut Runtime,
    set: &'a TemplateSet,
    file: &'a str,
}

impl Call<'_> {
    /// Returns the set of the template that calls.
    pub fn set(&self) -> &TemplateSet {
        self.set
    }

    /// Returns the name of the file whose template calls.
    pub fn file(&self) -> &str {
        self.file
    }

    /// Executes a template of the calling set and returns its output.
    ///
    /// # Errors
    /// Fails as the template fails.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Str, ExecError> {
        self.untraced(|runtime, own| runtime.execute_to_end(own, name, data, |out| Str::from(out)))
    }

    /// Executes a file just parsed, with the templates of a set at hand, and returns its output.
    ///
    /// # Errors
    /// Fails as the template fails.
    pub fn execute_parsed(
        &mut self,
        set: &TemplateSet,
        parsed: &Parsed,
        data: &Value,
    ) -> Result<Str, ExecError> {
        self.untraced(|runtime, _| runtime.execute_tree(set, parsed.main(), data, |out| Str::from(out)))
    }

    /// What a function makes comes from the action that calls it.
    fn untraced<T>(&mut self, work: impl FnOnce(&mut Runtime, &TemplateSet) -> T) -> T {
        let trace = self.runtime.trace.take();
        let made = work(self.runtime, self.set);
        self.runtime.trace = trace;
        made
    }

    /// Checks that a string about to be made is not too long.
    ///
    /// # Errors
    /// Fails with both sizes when it is.
    pub fn check_size(&self, bytes: usize) -> Result<(), FuncError> {
        let limit = self.runtime.limits.max_bytes;
        if bytes > limit {
            return Err(FuncError::Message(format!(
                "result of {bytes} bytes is over the limit of {limit} bytes"
            )));
        }
        Ok(())
    }

    /// Counts work done inside a function against the limit of steps.
    ///
    /// # Errors
    /// Fails when the limit is reached.
    pub fn charge(&mut self, steps: u64) -> Result<(), FuncError> {
        self.runtime.charge(steps).map_err(FuncError::Message)
    }
}

impl Runtime {
    fn charge(&mut self, steps: u64) -> Result<(), String> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(format!("exceeded maximum of {} template steps", self.limits.max_steps)),
        }
    }
}
