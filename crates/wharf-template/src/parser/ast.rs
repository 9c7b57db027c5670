//! The parsed form of a template, and the text that errors print for each part of it.
//!
//! Variables are resolved to slots and functions to table indexes while parsing, so evaluation
//! looks nothing up by name.

use std::sync::Arc;

use super::number::Number;
use crate::function::FuncId;
use crate::value::Str;

/// A byte offset in the template file.
pub(crate) type Pos = u32;

/// The text of one parsed file, shared by all templates defined in it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<[u8]>,
}

impl Source {
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
    pub(crate) source: Arc<Source>,
    pub(crate) root: List,
    /// How many variables are alive at the same time at most, `$` included.
    pub(crate) slots: usize,
    pub(crate) is_empty: bool,
}

pub(crate) type List = Box<[Item]>;

#[derive(Debug)]
pub(crate) enum Item {
    Text(Box<[u8]>),
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
    pub(crate) decl: Box<[Variable]>,
    pub(crate) cmds: Box<[Command]>,
}

/// A variable; without a slot, one that Go's parser lets pass but that is not in scope.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Box<str>,
    pub(crate) slot: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: Pos,
    pub(crate) args: Box<[Operand]>,
}

#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) pos: Pos,
    pub(crate) kind: OperandKind,
}

#[derive(Debug)]
pub(crate) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    String { quoted: Box<[u8]>, text: Str },
    Field(Box<[Str]>),
    Variable(Variable, Box<[Str]>),
    Chain(Box<Operand>, Box<[Str]>),
    Pipe(Box<Pipe>),
    Function(Box<str>, FuncId),
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
    pub(crate) fn text(self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Pipe(pipe) => pipe.write(&mut out),
            Self::Action(pipe) => {
                out.extend_from_slice(b"{{");
                pipe.write(&mut out);
                out.extend_from_slice(b"}}");
            }
            Self::Command(command) => command.write(&mut out),
            Self::Operand(operand) => operand.write(&mut out),
            Self::Template(template) => {
                out.extend_from_slice(b"{{template ");
                out.extend_from_slice(crate::printf::quote(&template.name).as_bytes());
                if let Some(pipe) = &template.pipe {
                    out.push(b' ');
                    pipe.write(&mut out);
                }
                out.extend_from_slice(b"}}");
            }
        }
        out
    }
}

impl Pipe {
    fn write(&self, out: &mut Vec<u8>) {
        for (index, variable) in self.decl.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(variable.name.as_bytes());
        }
        if !self.decl.is_empty() {
            out.extend_from_slice(if self.is_assign { b" = " } else { b" := " });
        }
        for (index, command) in self.cmds.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b" | ");
            }
            command.write(out);
        }
    }
}

impl Command {
    fn write(&self, out: &mut Vec<u8>) {
        for (index, operand) in self.args.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            operand.write_grouped(out);
        }
    }
}

impl Operand {
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write_grouped(&self, out: &mut Vec<u8>) {
        if matches!(self.kind, OperandKind::Pipe(_)) {
            out.push(b'(');
            self.write(out);
            out.push(b')');
        } else {
            self.write(out);
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match &self.kind {
            OperandKind::Dot => out.push(b'.'),
            OperandKind::Nil => out.extend_from_slice(b"nil"),
            OperandKind::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            OperandKind::Number(number) => out.extend_from_slice(number.text.as_bytes()),
            OperandKind::String { quoted, .. } => out.extend_from_slice(quoted),
            OperandKind::Field(names) => write_names(names, out),
            OperandKind::Variable(variable, names) => {
                out.extend_from_slice(variable.name.as_bytes());
                write_names(names, out);
            }
            OperandKind::Chain(operand, names) => {
                operand.write_grouped(out);
                write_names(names, out);
            }
            OperandKind::Pipe(pipe) => pipe.write(out),
            OperandKind::Function(name, _) => out.extend_from_slice(name.as_bytes()),
        }
    }
}

fn write_names(names: &[Str], out: &mut Vec<u8>) {
    for name in names {
        out.push(b'.');
        out.extend_from_slice(name);
    }
}
