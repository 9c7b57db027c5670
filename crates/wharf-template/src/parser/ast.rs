//! The parsed form of a template, and the text that errors print for each part of it.
//!
//! All nodes of a file stand in a few tables, and lists of nodes are runs of these; names and texts are spans of the file.
//! So a file costs a few allocations, not several for each action. Variables are resolved to slots and functions to
//! table indexes while parsing, so evaluation looks neither up by name.

use std::marker::PhantomData;
use std::sync::Arc;

use super::number::Number;
use crate::function::FuncId;
use crate::value::Str;

/// A byte offset in the template file.
pub(crate) type Pos = u32;

/// A stretch of the template file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: Pos,
    pub(crate) end: Pos,
}

/// Nodes that stand beside each other in a table.
#[derive(Debug)]
pub(crate) struct Run<T> {
    start: u32,
    end: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Run<T> {
    /// Moves the nodes from `base` on to the end of a table.
    pub(super) fn settle(open: &mut Vec<T>, base: usize, table: &mut Vec<T>) -> Self {
        let start = position(table.len());
        if open.len() == base + 1 {
            table.extend(open.pop());
        } else {
            table.extend(open.drain(base..));
        }
        Self { start, end: position(table.len()), of: PhantomData }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(super) fn of(self, table: &[T]) -> &[T] {
        &table[self.start as usize..self.end as usize]
    }
}

impl<T> Clone for Run<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Run<T> {}

/// The place of one node in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperandId(u32);

/// Files are shorter than 4 GiB, and so are tables of what was made of them.
pub(super) fn position(pos: usize) -> Pos {
    Pos::try_from(pos).unwrap_or(Pos::MAX)
}

/// One parsed file, shared by all templates defined in it.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<[u8]>,
    pub(super) nodes: Nodes,
}

/// The tables of nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) items: Vec<Item>,
    pub(super) commands: Vec<Command>,
    pub(super) operands: Vec<Operand>,
    pub(super) variables: Vec<Variable>,
}

impl Nodes {
    /// Makes tables with room for what a text with so many actions usually needs.
    pub(super) fn with_room(actions: usize) -> Self {
        Self {
            items: Vec::with_capacity(actions + actions / 2 + 1),
            commands: Vec::with_capacity(actions),
            operands: Vec::with_capacity(actions * 2),
            variables: Vec::new(),
        }
    }

    /// Gives back the room that was not needed.
    pub(super) fn shrink(&mut self) {
        self.items.shrink_to_fit();
        self.commands.shrink_to_fit();
        self.operands.shrink_to_fit();
        self.variables.shrink_to_fit();
    }

    pub(super) fn add_operand(&mut self, operand: Operand) -> OperandId {
        self.operands.push(operand);
        OperandId(position(self.operands.len() - 1))
    }
}

impl File {
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    pub(crate) fn items(&self, list: List) -> &[Item] {
        list.of(&self.nodes.items)
    }

    pub(crate) fn commands(&self, pipe: &Pipe) -> &[Command] {
        pipe.cmds.of(&self.nodes.commands)
    }

    pub(crate) fn variables(&self, pipe: &Pipe) -> &[Variable] {
        pipe.decl.of(&self.nodes.variables)
    }

    /// The operands of a command, of which there is at least one.
    pub(crate) fn args(&self, command: &Command) -> &[Operand] {
        command.args.of(&self.nodes.operands)
    }

    pub(crate) fn operand(&self, id: OperandId) -> &Operand {
        &self.nodes.operands[id.0 as usize]
    }

    pub(crate) fn name(&self, variable: &Variable) -> String {
        String::from_utf8_lossy(self.bytes(variable.name)).into_owned()
    }

    /// Returns line and column of an offset: lines from one, columns in bytes from zero, as Go counts.
    pub(crate) fn line_column(&self, pos: Pos) -> (u32, u32) {
        let before = &self.text[..(pos as usize).min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        (u32::try_from(line + 1).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

/// One named template.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Str,
    pub(crate) file: Arc<File>,
    pub(crate) root: List,
    /// How many variables are alive at the same time at most, `$` included.
    pub(crate) slots: usize,
    pub(crate) is_empty: bool,
}

pub(crate) type List = Run<Item>;

#[derive(Debug)]
pub(crate) enum Item {
    Text(Span),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(Template),
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Pipe,
    pub(crate) list: List,
    pub(crate) else_list: Option<List>,
}

#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) pos: Pos,
    pub(crate) name: Str,
    pub(crate) pipe: Option<Pipe>,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    pub(crate) is_assign: bool,
    pub(crate) decl: Run<Variable>,
    pub(crate) cmds: Run<Command>,
}

/// A variable; without a slot, one that Go's parser lets pass but that is not in scope.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Span,
    pub(crate) slot: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: Pos,
    pub(crate) args: Run<Operand>,
}

#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) pos: Pos,
    pub(crate) kind: OperandKind,
}

/// Names of fields are a span such as `.a.b`, empty where there are none.
#[derive(Debug)]
pub(crate) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    String { quoted: Span, text: Str },
    Field(Span),
    Variable(Variable, Span),
    Chain(OperandId, Span),
    Pipe(Pipe),
    Function(Span, FuncId),
}

/// The node that an error is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeRef<'t> {
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Action(&'t Pipe),
    Template(&'t Template),
}

impl NodeRef<'_> {
    pub(crate) fn pos(self) -> Pos {
        match self {
            Self::Pipe(pipe) | Self::Action(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Operand(operand) => operand.pos,
            Self::Template(template) => template.pos,
        }
    }

    /// Returns the text that Go's node would print.
    pub(crate) fn text(self, file: &File) -> Vec<u8> {
        let mut writer = Writer { file, out: Vec::new() };
        match self {
            Self::Pipe(pipe) => writer.pipe(pipe),
            Self::Action(pipe) => {
                writer.out.extend_from_slice(b"{{");
                writer.pipe(pipe);
                writer.out.extend_from_slice(b"}}");
            }
            Self::Command(command) => writer.command(command),
            Self::Operand(operand) => writer.operand(operand),
            Self::Template(template) => {
                writer.out.extend_from_slice(b"{{template ");
                writer.out.extend_from_slice(crate::printf::quote(&template.name).as_bytes());
                if let Some(pipe) = &template.pipe {
                    writer.out.push(b' ');
                    writer.pipe(pipe);
                }
                writer.out.extend_from_slice(b"}}");
            }
        }
        writer.out
    }
}

/// Writes nodes as Go prints them.
struct Writer<'f> {
    file: &'f File,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn span(&mut self, span: Span) {
        self.out.extend_from_slice(self.file.bytes(span));
    }

    fn pipe(&mut self, pipe: &Pipe) {
        for (index, variable) in self.file.variables(pipe).iter().enumerate() {
            if index > 0 {
                self.out.extend_from_slice(b", ");
            }
            self.span(variable.name);
        }
        if !pipe.decl.is_empty() {
            self.out.extend_from_slice(if pipe.is_assign { b" = " } else { b" := " });
        }
        for (index, command) in self.file.commands(pipe).iter().enumerate() {
            if index > 0 {
                self.out.extend_from_slice(b" | ");
            }
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        for (index, operand) in self.file.args(command).iter().enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            self.grouped(operand);
        }
    }

    fn grouped(&mut self, operand: &Operand) {
        if matches!(operand.kind, OperandKind::Pipe(_)) {
            self.out.push(b'(');
            self.operand(operand);
            self.out.push(b')');
        } else {
            self.operand(operand);
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match &operand.kind {
            OperandKind::Dot => self.out.push(b'.'),
            OperandKind::Nil => self.out.extend_from_slice(b"nil"),
            OperandKind::Bool(value) => {
                self.out.extend_from_slice(if *value { b"true" } else { b"false" });
            }
            OperandKind::Number(number) => self.out.extend_from_slice(number.text.as_bytes()),
            OperandKind::String { quoted, .. } => self.span(*quoted),
            OperandKind::Field(names) => self.span(*names),
            OperandKind::Variable(variable, names) => {
                self.span(variable.name);
                self.span(*names);
            }
            OperandKind::Chain(operand, names) => {
                self.grouped(self.file.operand(*operand));
                self.span(*names);
            }
            OperandKind::Pipe(pipe) => self.pipe(pipe),
            OperandKind::Function(name, _) => self.span(*name),
        }
    }
}
