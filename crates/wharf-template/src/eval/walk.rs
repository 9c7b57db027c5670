use std::sync::Arc;

use super::{Origin, Runtime, Var};
use crate::error::{ExecError, FuncError, Place};
use crate::parser::ast::{
    Branch, Command, File, Item, List, NodeRef, Operand, OperandKind, Pipe, Span, Template, Tree, Variable,
};
use crate::set::TemplateSet;
use crate::value::{Kind, MapElem, Value};

pub(super) type Result<T, E = ExecError> = std::result::Result<T, E>;

/// The value of `.`, and whether Go would hold it as an interface.
#[derive(Clone, Copy)]
pub(super) struct Dot<'v> {
    pub(super) value: &'v Value,
    pub(super) is_interface: bool,
}

/// One template being executed.
pub(super) struct Frame<'r, 't> {
    pub(super) runtime: &'r mut Runtime,
    pub(super) set: &'t TemplateSet,
    pub(super) tree: &'t Tree,
    pub(super) file: &'t File,
    /// The node that an error would be about.
    pub(super) node: Option<NodeRef<'t>>,
    base: usize,
    depth: u32,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'r, 't> Frame<'r, 't> {
    pub(super) fn new(
        runtime: &'r mut Runtime,
        set: &'t TemplateSet,
        tree: &'t Tree,
        base: usize,
        depth: u32,
    ) -> Self {
        Self { runtime, set, tree, file: &tree.file, node: None, base, depth }
    }

    pub(super) fn walk(&mut self, dot: Dot<'_>, list: List) -> Result<Flow> {
        for item in self.file.items(list) {
            if self.runtime.trace.is_some() {
                self.note_origin(item);
            }
            match item {
                Item::Text(text) => self.write(self.file.bytes(*text))?,
                Item::Action(pipe) => {
                    let value = self.pipeline(dot, pipe)?;
                    if pipe.decl.is_empty() {
                        self.print(pipe, &value)?;
                    }
                }
                Item::If(branch) => {
                    let value = self.pipeline(dot, &branch.pipe)?;
                    let flow = if value.is_true() {
                        self.walk(dot, branch.list)?
                    } else {
                        self.walk_else(dot, branch)?
                    };
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Item::With(branch) => {
                    let value = self.pipeline(dot, &branch.pipe)?;
                    let flow = if value.is_true() {
                        self.walk(Dot { value: &value, is_interface: false }, branch.list)?
                    } else {
                        self.walk_else(dot, branch)?
                    };
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Item::Range(branch) => {
                    let flow = self.range(dot, branch)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Item::Template(template) => self.template(dot, template)?,
                Item::Break => return Ok(Flow::Break),
                Item::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Next)
    }

    /// Notes from where what is written next comes.
    #[cold]
    fn note_origin(&mut self, item: &Item) {
        let (offset, is_text) = match item {
            Item::Text(span) => (span.start, true),
            Item::Action(pipe) => (NodeRef::Action(pipe).pos(), false),
            _ => return,
        };
        let origin = Origin {
            at: self.runtime.out.len(),
            file: Arc::clone(&self.file.name),
            text: Arc::clone(&self.file.text),
            offset: offset as usize,
            is_text,
        };
        self.runtime.trace.get_or_insert_default().push(origin);
    }

    fn walk_else(&mut self, dot: Dot<'_>, branch: &'t Branch) -> Result<Flow> {
        match branch.else_list {
            Some(list) => self.walk(dot, list),
            None => Ok(Flow::Next),
        }
    }

    /// Goes over a value. `break` and `continue` end here, except in the else list, which belongs to the loop around.
    fn range(&mut self, dot: Dot<'_>, branch: &'t Branch) -> Result<Flow> {
        let value = self.pipeline(dot, &branch.pipe)?;
        let pipe = &branch.pipe;
        let one_variable = |frame: &Self| -> Result<()> {
            if frame.file.variables(pipe).len() > 1 {
                return Err(frame.error(format!("can't use {value} to iterate over more than one variable")));
            }
            Ok(())
        };
        let mut ran = false;
        match &value {
            Value::Int(ty, end) => {
                one_variable(self)?;
                for index in 0..*end {
                    ran = true;
                    if self.iterate(pipe, Value::Invalid, Value::Int(*ty, index), false, branch)?
                        == Flow::Break
                    {
                        break;
                    }
                }
            }
            Value::Uint(ty, end) => {
                one_variable(self)?;
                for index in 0..*end {
                    ran = true;
                    if self.iterate(pipe, Value::Invalid, Value::Uint(*ty, index), false, branch)?
                        == Flow::Break
                    {
                        break;
                    }
                }
            }
            Value::List(list) => {
                let is_interface = list.ty().holds_interfaces();
                for (index, item) in list.items().iter().enumerate() {
                    ran = true;
                    let index = Value::int(index as i64);
                    if self.iterate(pipe, index, item.clone(), is_interface, branch)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    ran = true;
                    let item = Value::Uint(crate::value::UintType::Uint8, u64::from(*byte));
                    if self.iterate(pipe, Value::int(index as i64), item, false, branch)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let is_interface = map.ty().elem == MapElem::Any;
                for (key, item) in map.entries() {
                    ran = true;
                    if self.iterate(pipe, Value::Str(key), item, is_interface, branch)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Invalid | Value::Nil => {}
            other => return Err(self.error(format!("range can't iterate over {other}"))),
        }
        if ran { Ok(Flow::Next) } else { self.walk_else(dot, branch) }
    }

    fn iterate(
        &mut self,
        pipe: &'t Pipe,
        index: Value,
        item: Value,
        is_interface: bool,
        branch: &'t Branch,
    ) -> Result<Flow> {
        self.charge()?;
        match self.file.variables(pipe) {
            [] => {}
            [variable] => self.set_variable(variable, item.clone(), is_interface)?,
            [key, variable, ..] => {
                self.set_variable(key, index, false)?;
                self.set_variable(variable, item.clone(), is_interface)?;
            }
        }
        self.walk(Dot { value: &item, is_interface }, branch.list)
    }

    fn template(&mut self, dot: Dot<'_>, template: &'t Template) -> Result<()> {
        self.node = Some(NodeRef::Template(template));
        let Some(tree) = self.set.find(&template.name) else {
            let name = crate::printf::quote(&template.name);
            return Err(self.error(format!("template {name} not defined")));
        };
        if self.depth == self.runtime.limits.max_depth {
            return Err(self.error(format!("exceeded maximum template depth ({})", self.depth)));
        }
        let data = match &template.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Invalid,
        };
        let (set, depth) = (self.set, self.depth + 1);
        self.check_stack()?;
        self.runtime.run(set, &tree, data, false, depth)
    }

    /// Evaluates a pipeline and sets its variables.
    pub(super) fn pipeline(&mut self, dot: Dot<'_>, pipe: &'t Pipe) -> Result<Value> {
        self.node = Some(NodeRef::Pipe(pipe));
        let mut value: Option<Value> = None;
        for command in self.file.commands(pipe) {
            self.charge()?;
            let result = self.command(dot, command, value)?;
            // A nil interface becomes no value, as reflect's Elem makes it.
            value = Some(if matches!(result, Value::Nil) { Value::Invalid } else { result });
        }
        let value = value.unwrap_or(Value::Invalid);
        for variable in self.file.variables(pipe) {
            self.set_variable(variable, value.clone(), false)?;
        }
        Ok(value)
    }

    fn command(&mut self, dot: Dot<'_>, command: &'t Command, last: Option<Value>) -> Result<Value> {
        let args = self.file.args(command);
        let first = &args[0];
        match &first.kind {
            OperandKind::Field(names) => {
                self.node = Some(NodeRef::Operand(first));
                return self.field_chain(dot, dot.value.clone(), dot.is_interface, first, *names, args, last);
            }
            OperandKind::Chain(operand, names) => {
                return self.chain(dot, first, self.file.operand(*operand), *names, args, last);
            }
            OperandKind::Function(_, id) => {
                self.node = Some(NodeRef::Operand(first));
                return self.call_function(dot, *id, NodeRef::Command(command), &args[1..], last);
            }
            OperandKind::Pipe(pipe) => {
                self.not_a_function(args, last.as_ref())?;
                return self.pipeline(dot, pipe);
            }
            OperandKind::Variable(variable, names) => {
                return self.variable(dot, first, variable, *names, args, last);
            }
            _ => {}
        }
        self.node = Some(NodeRef::Operand(first));
        self.not_a_function(args, last.as_ref())?;
        match &first.kind {
            OperandKind::Dot => Ok(dot.value.clone()),
            OperandKind::Nil => Err(self.error("nil is not a command".to_owned())),
            _ => self.constant(first),
        }
    }

    /// Returns the value that a constant has where no type is asked for.
    pub(super) fn constant(&mut self, operand: &'t Operand) -> Result<Value> {
        self.node = Some(NodeRef::Operand(operand));
        match &operand.kind {
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::String { text, .. } => Ok(Value::Str(text.clone())),
            OperandKind::Number(number) => {
                if number.is_complex {
                    return Err(self.error("complex constants are not supported".to_owned()));
                }
                if let Some(float) = number.written_as_float() {
                    return Ok(Value::Float(float));
                }
                match number.int {
                    Some(int) => Ok(Value::int(int)),
                    None => Err(self.error(format!("{} overflows int", number.text))),
                }
            }
            _ => {
                let text = String::from_utf8_lossy(&self.text(operand)).into_owned();
                Err(self.error(format!("can't handle assignment of {text} to empty interface argument")))
            }
        }
    }

    pub(super) fn chain(
        &mut self,
        dot: Dot<'_>,
        node: &'t Operand,
        operand: &'t Operand,
        names: Span,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        self.node = Some(NodeRef::Operand(node));
        if matches!(operand.kind, OperandKind::Nil) {
            let text = String::from_utf8_lossy(&self.text(node)).into_owned();
            return Err(self.error(format!("indirection through explicit nil in {text}")));
        }
        let receiver = self.argument(dot, None, operand)?;
        let receiver = if receiver.is_nil() { Value::Invalid } else { receiver };
        self.field_chain(dot, receiver, false, node, names, args, last)
    }

    pub(super) fn variable(
        &mut self,
        dot: Dot<'_>,
        node: &'t Operand,
        variable: &'t Variable,
        names: Span,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        self.node = Some(NodeRef::Operand(node));
        let Some(slot) = variable.slot else {
            return Err(self.error(format!("undefined variable: {}", self.file.name(variable))));
        };
        let Var { value, is_interface } = self.runtime.vars[self.base + slot as usize].clone();
        if names.start == names.end {
            self.not_a_function(args, last.as_ref())?;
            return Ok(value);
        }
        self.field_chain(dot, value, is_interface, node, names, args, last)
    }

    /// Follows names from a value; the last one may be a method that takes the arguments.
    #[expect(clippy::too_many_arguments, reason = "as many things as Go's evaluation has at hand here")]
    pub(super) fn field_chain(
        &mut self,
        dot: Dot<'_>,
        mut receiver: Value,
        mut is_interface: bool,
        node: &'t Operand,
        names: Span,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let mut names = self.file.bytes(names).split(|byte| *byte == b'.').skip(1).peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                return self.field(dot, &receiver, is_interface, node, name, args, last);
            }
            let holds_interfaces = matches!(&receiver, Value::Map(map) if map.ty().elem == MapElem::Any);
            receiver = self.field(dot, &receiver, is_interface, node, name, &[], None)?;
            is_interface = holds_interfaces;
        }
        Ok(receiver)
    }

    #[expect(clippy::too_many_arguments, reason = "as many things as Go's evaluation has at hand here")]
    fn field(
        &mut self,
        dot: Dot<'_>,
        receiver: &Value,
        is_interface: bool,
        node: &'t Operand,
        name: &'t [u8],
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let has_args = args.len() > 1 || last.is_some();
        match receiver {
            Value::Invalid => {
                if self.runtime.missing_key == super::MissingKey::Error {
                    let name = crate::printf::quote(name);
                    return Err(self.error(format!("nil data; no entry for key {name}")));
                }
                return Ok(Value::Invalid);
            }
            Value::Nil => {
                let name = String::from_utf8_lossy(name);
                return Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")));
            }
            _ => {}
        }
        if let Some(method) = receiver.methods().iter().find(|method| method.name.as_bytes() == name) {
            return self.call_method(
                dot,
                method,
                receiver,
                NodeRef::Operand(node),
                args.get(1..).unwrap_or(&[]),
                last,
            );
        }
        match receiver {
            Value::Map(map) => {
                if has_args {
                    let name = String::from_utf8_lossy(name);
                    return Err(self.error(format!("{name} is not a method but has arguments")));
                }
                if let Some(value) = map.get(name) {
                    return Ok(value);
                }
                match self.runtime.missing_key {
                    super::MissingKey::Invalid => Ok(Value::Invalid),
                    super::MissingKey::Zero => Ok(map.ty().elem.zero()),
                    super::MissingKey::Error => {
                        let name = crate::printf::quote(name);
                        Err(self.error(format!("map has no entry for key {name}")))
                    }
                }
            }
            Value::Object(object) => match object.field(&String::from_utf8_lossy(name)) {
                Some(_) if has_args => {
                    let name = String::from_utf8_lossy(name);
                    Err(self.error(format!("{name} has arguments but cannot be invoked as function")))
                }
                Some(value) => Ok(value),
                None => Err(self.no_field(receiver, is_interface, name)),
            },
            _ => Err(self.no_field(receiver, is_interface, name)),
        }
    }

    fn no_field(&self, receiver: &Value, is_interface: bool, name: &[u8]) -> ExecError {
        let name = String::from_utf8_lossy(name);
        let ty = if is_interface { "interface {}" } else { receiver.type_name() };
        self.error(format!("can't evaluate field {name} in type {ty}"))
    }

    pub(super) fn not_a_function(&self, args: &[Operand], last: Option<&Value>) -> Result<()> {
        if args.len() > 1 || last.is_some() {
            let text = args.first().map(|operand| self.text(operand)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            return Err(self.error(format!("can't give argument to non-function {text}")));
        }
        Ok(())
    }

    fn set_variable(&mut self, variable: &Variable, value: Value, is_interface: bool) -> Result<()> {
        let Some(slot) = variable.slot else {
            return Err(self.error(format!("undefined variable: {}", self.file.name(variable))));
        };
        self.runtime.vars[self.base + slot as usize] = Var { value, is_interface };
        Ok(())
    }

    fn print(&mut self, pipe: &'t Pipe, value: &Value) -> Result<()> {
        match value {
            Value::Str(text) => return self.write(text),
            Value::Invalid => return self.write(b"<no value>"),
            other if other.kind() == Kind::Func => {
                self.node = Some(NodeRef::Action(pipe));
                let text = String::from_utf8_lossy(&NodeRef::Action(pipe).text(self.file)).into_owned();
                return Err(self.error(format!("can't print {text} of type {}", other.type_name())));
            }
            Value::Object(object) if self.names_a_place(pipe) && object.text_in_place().is_some() => {
                return self.write(object.text_in_place().unwrap_or_default().as_bytes());
            }
            other => {
                let limit = self.runtime.limits.max_bytes;
                crate::printf::print_value(&mut self.runtime.out, other, limit);
            }
        }
        self.write(b"")
    }

    /// Whether the value of a pipeline is what a field or variable holds, and not what a function returned.
    fn names_a_place(&self, pipe: &Pipe) -> bool {
        let operands = match self.file.commands(pipe) {
            [only] => self.file.args(only),
            _ => return false,
        };
        let is_place = |kind: &OperandKind| {
            matches!(
                kind,
                OperandKind::Dot | OperandKind::Field(_) | OperandKind::Variable(..) | OperandKind::Chain(..)
            )
        };
        matches!(operands, [only] if is_place(&only.kind))
    }

    fn write(&mut self, text: &[u8]) -> Result<()> {
        if self.runtime.out.len() + text.len() > self.runtime.limits.max_bytes {
            let limit = self.runtime.limits.max_bytes;
            return Err(self.error(format!("output is over the limit of {limit} bytes")));
        }
        self.runtime.out.extend_from_slice(text);
        Ok(())
    }

    pub(super) fn charge(&mut self) -> Result<()> {
        self.runtime.charge(1).map_err(|text| self.error(text))
    }

    pub(super) fn check_stack(&self) -> Result<()> {
        if self.runtime.stack.is_exhausted() {
            return Err(self.error("templates call each other too deeply".to_owned()));
        }
        Ok(())
    }

    /// Returns an operand as Go prints it.
    pub(super) fn text(&self, operand: &Operand) -> Vec<u8> {
        NodeRef::Operand(operand).text(self.file)
    }

    /// Makes an error about the current node.
    pub(super) fn error(&self, message: String) -> ExecError {
        self.error_with(message, None)
    }

    pub(super) fn error_with(&self, message: String, cause: Option<FuncError>) -> ExecError {
        let template = self.tree.name.to_string();
        let Some(node) = self.node else {
            return ExecError::new(None, format!("template: {template}: {message}"), cause);
        };
        let (pos, text) = (node.pos(), node.text(self.file));
        let (line, column) = self.file.line_column(pos);
        let start = pos as usize;
        let place = Place {
            file: Arc::clone(&self.file.name),
            text: Arc::clone(&self.file.text),
            line,
            column,
            span: start..(start + text.len()).min(self.file.text.len()),
            template,
            expression: String::from_utf8_lossy(&text).into_owned(),
        };
        ExecError::new(Some(place), message, cause)
    }
}
