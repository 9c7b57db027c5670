//! Items in, trees out. Follows the grammar and the error texts of Go's `text/template/parse`.

pub(crate) mod ast;
pub(crate) mod number;
pub(crate) mod quoted;

use std::collections::HashMap;
use std::sync::Arc;

use ast::{
    Branch, Command, File, Item, List, Nodes, Operand, OperandKind, Pipe, Run, Span, Template, Tree,
    Variable, position,
};
use number::Number;

use crate::error::ParseError;
use crate::function::FunctionNames;
use crate::lexer::{Item as Token, ItemKind, Lexer};
use crate::stack::StackGuard;
use crate::value::Str;

/// How deep parenthesised expressions and blocks may nest, as far as the stack allows.
const MAX_DEPTH: usize = 10_000;

/// How much stack the parser may use; half of what a thread has by default.
const MAX_STACK_BYTES: usize = 1 << 20;

/// The templates of one file, parsed while nobody has said yet what the file is called.
///
/// Only errors and the file's own template bear its name, so it may come last.
#[derive(Debug)]
pub struct Draft {
    text: Arc<[u8]>,
    nodes: Nodes,
    main: Definition,
    definitions: HashMap<Str, Definition>,
    /// Where the last item of the text begins.
    last_start: usize,
}

impl Draft {
    /// Parses a text; `name` is for errors only.
    ///
    /// # Errors
    /// Fails with Go's message when the text does not parse.
    pub fn new(
        name: &str,
        text: impl Into<Arc<[u8]>>,
        functions: &FunctionNames,
    ) -> Result<Self, ParseError> {
        let (name, text) = (Arc::from(name), text.into());
        if u32::try_from(text.len()).is_err() {
            return Err(ParseError::new(name, 1, "template is larger than 4 GiB".to_owned()));
        }
        let mut parser = Parser {
            lexer: Lexer::new(&text),
            file: &name,
            functions,
            tokens: Vec::with_capacity(3),
            last_start: 0,
            action_start: None,
            depth: 0,
            stack: StackGuard::new(MAX_STACK_BYTES),
            open: Nodes::default(),
            done: Nodes::with_room(memchr::memmem::find_iter(&text, b"{{").count()),
            definitions: HashMap::new(),
        };
        let main = parser.parse_file()?;
        let Parser { done: mut nodes, definitions, last_start, .. } = parser;
        nodes.shrink();
        Ok(Self { text, nodes, main, definitions, last_start })
    }

    /// Returns all templates under their names, the file itself included.
    pub(crate) fn trees(mut self, name: &str) -> Result<HashMap<Str, Arc<Tree>>, ParseError> {
        if !define(&mut self.definitions, Str::from(name), self.main) {
            let line = Lexer::new(&self.text).line(self.last_start);
            return Err(ParseError::new(name.into(), line, defined_twice(name.as_bytes()))
                .at(&self.text, self.last_start));
        }
        let file = Arc::new(File { name: name.into(), text: self.text, nodes: self.nodes });
        let tree = |(name, Definition { root, slots, is_empty }): (Str, Definition)| {
            (name.clone(), Arc::new(Tree { name, file: Arc::clone(&file), root, slots, is_empty }))
        };
        Ok(self.definitions.into_iter().map(tree).collect())
    }
}

/// Adds a template, unless that takes the place of another one that has content.
fn define(definitions: &mut HashMap<Str, Definition>, name: Str, definition: Definition) -> bool {
    if definitions.get(&name).is_some_and(|old| !old.is_empty) {
        return definition.is_empty;
    }
    definitions.insert(name, definition);
    true
}

fn defined_twice(name: &[u8]) -> String {
    format!("template: multiple definition of template {}", crate::printf::quote(name))
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    file: &'s Arc<str>,
    functions: &'s FunctionNames,
    /// Items taken from the lexer and given back; the last one comes next.
    tokens: Vec<Token<'s>>,
    /// Where the item most recently taken from the lexer begins, whose line errors name.
    last_start: usize,
    /// Where the action being parsed begins.
    action_start: Option<usize>,
    depth: usize,
    stack: StackGuard,
    /// Nodes of lists that are not complete, the innermost list last.
    open: Nodes,
    /// Nodes of complete lists.
    done: Nodes,
    definitions: HashMap<Str, Definition>,
}

/// A template before its file is complete.
#[derive(Debug)]
struct Definition {
    root: List,
    slots: usize,
    is_empty: bool,
}

/// What belongs to one template while it is parsed.
struct Scope<'s> {
    /// Names that Go's parser lets pass as variables.
    known: Vec<&'s [u8]>,
    /// Names in scope when the code runs, by slot. Differs from `known` after an `else`.
    live: Vec<&'s [u8]>,
    max_live: usize,
    range_depth: usize,
}

impl<'s> Scope<'s> {
    fn new() -> Self {
        Self { known: vec![b"$"], live: vec![b"$"], max_live: 1, range_depth: 0 }
    }

    fn declare(&mut self, name: &'s [u8]) -> u32 {
        self.live.push(name);
        self.max_live = self.max_live.max(self.live.len());
        position(self.live.len() - 1)
    }

    fn slot(&self, name: &[u8]) -> Option<u32> {
        self.live.iter().rposition(|live| *live == name).map(position)
    }
}

enum Node {
    Item(Item),
    End,
    Else,
}

impl Node {
    fn text(&self) -> String {
        match self {
            Self::End => "{{end}}".to_owned(),
            Self::Else | Self::Item(_) => "{{else}}".to_owned(),
        }
    }
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

impl<'s> Parser<'s> {
    /// Parses the whole text; returns the template that it is itself.
    fn parse_file(&mut self) -> Result<Definition> {
        let mut scope = Scope::new();
        let base = self.open.items.len();
        while self.peek().kind != ItemKind::Eof {
            if self.peek().kind == ItemKind::LeftDelim {
                let delim = self.next();
                let token = self.next_non_space();
                if token.kind == ItemKind::Define {
                    self.definition()?;
                    continue;
                }
                self.tokens.push(token);
                self.tokens.push(delim);
            }
            match self.text_or_action(&mut scope)? {
                Node::Item(item) => self.open.items.push(item),
                other => return Err(self.error(format!("unexpected {}", other.text()))),
            }
        }
        Ok(self.close(base, &scope))
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        if !matches!(token.kind, ItemKind::String | ItemKind::RawString) {
            return Err(self.unexpected(&token, CONTEXT));
        }
        let name = self.unquote(&token)?;
        self.expect(ItemKind::RightDelim, CONTEXT)?;
        let mut scope = Scope::new();
        let base = self.open.items.len();
        let end = self.open_list(&mut scope)?;
        if !matches!(end, Node::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.text())));
        }
        self.add(name, base, &scope)
    }

    /// Adds the template whose items are open from `base` on.
    fn add(&mut self, name: Str, base: usize, scope: &Scope<'s>) -> Result<()> {
        let definition = self.close(base, scope);
        let is_added = define(&mut self.definitions, name.clone(), definition);
        if is_added { Ok(()) } else { Err(self.error(defined_twice(&name))) }
    }

    /// Makes a template of the items that are open from `base` on.
    fn close(&mut self, base: usize, scope: &Scope<'s>) -> Definition {
        let is_empty = self.is_blank(&self.open.items[base..]);
        Definition { root: self.items(base), slots: scope.max_live, is_empty }
    }

    /// Makes a list of the items that are open from `base` on.
    fn items(&mut self, base: usize) -> List {
        Run::settle(&mut self.open.items, base, &mut self.done.items)
    }

    fn item_list(&mut self, scope: &mut Scope<'s>) -> Result<(List, Node)> {
        let base = self.open.items.len();
        let end = self.open_list(scope)?;
        Ok((self.items(base), end))
    }

    /// Parses items up to what ends their list, and leaves them open.
    fn open_list(&mut self, scope: &mut Scope<'s>) -> Result<Node> {
        self.enter("max block depth exceeded")?;
        while self.peek_non_space().kind != ItemKind::Eof {
            match self.text_or_action(scope)? {
                Node::Item(item) => self.open.items.push(item),
                end => {
                    self.depth -= 1;
                    return Ok(end);
                }
            }
        }
        Err(self.error("unexpected EOF".to_owned()))
    }

    /// Tells whether a template has nothing but white space, so that it does not replace another one.
    fn is_blank(&self, list: &[Item]) -> bool {
        let text = self.lexer.input();
        list.iter().all(|item| {
            matches!(item, Item::Text(span) if trim_space(&text[span.start as usize..span.end as usize]).is_empty())
        })
    }

    fn text_or_action(&mut self, scope: &mut Scope<'s>) -> Result<Node> {
        let token = self.next_non_space();
        match token.kind {
            ItemKind::Text => Ok(Node::Item(Item::Text(span(&token)))),
            ItemKind::LeftDelim => {
                self.action_start = Some(token.pos);
                let node = self.action(scope)?;
                self.action_start = None;
                Ok(node)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self, scope: &mut Scope<'s>) -> Result<Node> {
        let token = self.next_non_space();
        Ok(Node::Item(match token.kind {
            ItemKind::Block => self.block(scope)?,
            ItemKind::Break => {
                self.loop_control(scope, "{{break}}")?;
                Item::Break
            }
            ItemKind::Continue => {
                self.loop_control(scope, "{{continue}}")?;
                Item::Continue
            }
            ItemKind::Else => {
                if !matches!(self.peek_non_space().kind, ItemKind::If | ItemKind::With) {
                    self.expect(ItemKind::RightDelim, "else")?;
                }
                return Ok(Node::Else);
            }
            ItemKind::End => {
                self.expect(ItemKind::RightDelim, "end")?;
                return Ok(Node::End);
            }
            ItemKind::If => Item::If(self.control(scope, Context::If)?),
            ItemKind::Range => Item::Range(self.control(scope, Context::Range)?),
            ItemKind::With => Item::With(self.control(scope, Context::With)?),
            ItemKind::Template => self.template(scope)?,
            _ => {
                self.tokens.push(token);
                Item::Action(self.pipeline(scope, "command", ItemKind::RightDelim)?)
            }
        }))
    }

    fn loop_control(&mut self, scope: &Scope<'s>, name: &str) -> Result<()> {
        let token = self.next_non_space();
        if token.kind != ItemKind::RightDelim {
            return Err(self.unexpected(&token, name));
        }
        if scope.range_depth == 0 {
            return Err(self.error(format!("{name} outside {{{{range}}}}")));
        }
        Ok(())
    }

    fn control(&mut self, scope: &mut Scope<'s>, context: Context) -> Result<Branch> {
        let (known, live) = (scope.known.len(), scope.live.len());
        let pipe = self.pipeline(scope, context.name(), ItemKind::RightDelim)?;
        let live_in_lists = scope.live.len();
        scope.range_depth += usize::from(context == Context::Range);
        let (list, next) = self.item_list(scope)?;
        scope.range_depth -= usize::from(context == Context::Range);
        // What the first list declared is gone when the second one runs, though Go's parser still lets it pass.
        scope.live.truncate(live_in_lists);
        let mut else_list = None;
        if matches!(next, Node::Else) {
            let chained = match (context, self.peek().kind) {
                (Context::If, ItemKind::If) => Some(Context::If),
                (Context::With, ItemKind::With) => Some(Context::With),
                _ => None,
            };
            else_list = Some(if let Some(chained) = chained {
                self.next();
                self.enter("max block depth exceeded")?;
                let branch = self.control(scope, chained)?;
                self.depth -= 1;
                let base = self.open.items.len();
                self.open.items.push(if chained == Context::If {
                    Item::If(branch)
                } else {
                    Item::With(branch)
                });
                self.items(base)
            } else {
                let (list, next) = self.item_list(scope)?;
                if !matches!(next, Node::End) {
                    return Err(self.error(format!("expected end; found {}", next.text())));
                }
                list
            });
        }
        scope.known.truncate(known);
        scope.live.truncate(live);
        Ok(Branch { pipe, list, else_list })
    }

    fn block(&mut self, scope: &mut Scope<'s>) -> Result<Item> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(scope, CONTEXT, ItemKind::RightDelim)?;
        let mut inner = Scope::new();
        let base = self.open.items.len();
        let end = self.open_list(&mut inner)?;
        if !matches!(end, Node::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.text())));
        }
        self.add(name.clone(), base, &inner)?;
        Ok(Item::Template(Template { pos: position(token.pos), name, pipe: Some(pipe) }))
    }

    fn template(&mut self, scope: &mut Scope<'s>) -> Result<Item> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let next = self.next_non_space();
        let pipe = if next.kind == ItemKind::RightDelim {
            None
        } else {
            self.tokens.push(next);
            Some(self.pipeline(scope, CONTEXT, ItemKind::RightDelim)?)
        };
        Ok(Item::Template(Template { pos: position(token.pos), name, pipe }))
    }

    fn template_name(&self, token: &Token<'s>, context: &str) -> Result<Str> {
        match token.kind {
            ItemKind::String | ItemKind::RawString => self.unquote(token),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn pipeline(&mut self, scope: &mut Scope<'s>, context: &str, end: ItemKind) -> Result<Pipe> {
        let pos = position(self.peek_non_space().pos);
        let mut names: Vec<Token<'s>> = Vec::new();
        let mut is_assign = false;
        loop {
            if self.peek_non_space().kind != ItemKind::Variable {
                break;
            }
            let variable = self.next();
            let after = self.next();
            let mut space = None;
            let next = if after.kind == ItemKind::Space {
                space = Some(after);
                self.next_non_space()
            } else {
                after
            };
            match next.kind {
                ItemKind::Assign | ItemKind::Declare => {
                    is_assign = next.kind == ItemKind::Assign;
                    scope.known.push(variable.val);
                    names.push(variable);
                }
                ItemKind::Char if next.val == b"," => {
                    scope.known.push(variable.val);
                    names.push(variable);
                    if context == "range" && names.len() < 2 {
                        match self.peek_non_space().kind {
                            ItemKind::Variable | ItemKind::RightDelim | ItemKind::RightParen => continue,
                            _ => return Err(self.error("range can only initialize variables".to_owned())),
                        }
                    }
                    return Err(self.error(format!("too many declarations in {context}")));
                }
                _ => {
                    self.tokens.push(next);
                    self.tokens.extend(space);
                    self.tokens.push(variable);
                }
            }
            break;
        }
        let base = self.open.commands.len();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                ItemKind::Bool
                | ItemKind::CharConstant
                | ItemKind::Complex
                | ItemKind::Dot
                | ItemKind::Field
                | ItemKind::Identifier
                | ItemKind::Number
                | ItemKind::Nil
                | ItemKind::RawString
                | ItemKind::String
                | ItemKind::Variable
                | ItemKind::LeftParen => {
                    self.tokens.push(token);
                    let command = self.command(scope)?;
                    self.open.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
        let cmds = &self.open.commands[base..];
        if cmds.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (index, command) in cmds.iter().enumerate().skip(1) {
            if matches!(
                command.args.of(&self.done.operands)[0].kind,
                OperandKind::Bool(_)
                    | OperandKind::Dot
                    | OperandKind::Nil
                    | OperandKind::Number(_)
                    | OperandKind::String { .. }
            ) {
                return Err(self.error(format!("non executable command in pipeline stage {}", index + 1)));
            }
        }
        let cmds = Run::settle(&mut self.open.commands, base, &mut self.done.commands);
        // A variable comes to life when its pipeline has run, so the commands above do not see it.
        let base = self.open.variables.len();
        for token in names {
            let slot = if is_assign { scope.slot(token.val) } else { Some(scope.declare(token.val)) };
            self.open.variables.push(Variable { name: span(&token), slot });
        }
        let decl = Run::settle(&mut self.open.variables, base, &mut self.done.variables);
        Ok(Pipe { pos, is_assign, decl, cmds })
    }

    fn command(&mut self, scope: &mut Scope<'s>) -> Result<Command> {
        let pos = position(self.peek_non_space().pos);
        let base = self.open.operands.len();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand(scope)? {
                self.open.operands.push(operand);
            }
            let token = self.next();
            match token.kind {
                ItemKind::Space => continue,
                ItemKind::RightDelim | ItemKind::RightParen => self.tokens.push(token),
                ItemKind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if self.open.operands.len() == base {
            return Err(self.error("empty command".to_owned()));
        }
        let args = Run::settle(&mut self.open.operands, base, &mut self.done.operands);
        Ok(Command { pos, args })
    }

    fn operand(&mut self, scope: &mut Scope<'s>) -> Result<Option<Operand>> {
        let Some(operand) = self.term(scope)? else {
            return Ok(None);
        };
        let first = *self.peek();
        if first.kind != ItemKind::Field {
            return Ok(Some(operand));
        }
        // Fields follow each other without anything between, so their names are one span.
        let mut names = span(&first);
        while self.peek().kind == ItemKind::Field {
            names.end = span(&self.next()).end;
        }
        // Go reports a chain at its first dot, not at its beginning.
        let pos = names.start;
        let kind = match operand.kind {
            OperandKind::Field(before) => OperandKind::Field(Span { start: before.start, end: names.end }),
            OperandKind::Variable(variable, _) => OperandKind::Variable(variable, names),
            OperandKind::Bool(_)
            | OperandKind::String { .. }
            | OperandKind::Number(_)
            | OperandKind::Nil
            | OperandKind::Dot => {
                let term = crate::printf::quote(&self.lexer.input()[operand.pos as usize..first.pos]);
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => OperandKind::Chain(self.done.add_operand(operand), names),
        };
        Ok(Some(Operand { pos, kind }))
    }

    fn term(&mut self, scope: &mut Scope<'s>) -> Result<Option<Operand>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            ItemKind::Identifier => {
                let Some(id) = self.functions.find(token.val) else {
                    return Err(
                        self.error(format!("function {} not defined", crate::printf::quote(token.val)))
                    );
                };
                OperandKind::Function(span(&token), id)
            }
            ItemKind::Dot => OperandKind::Dot,
            ItemKind::Nil => OperandKind::Nil,
            ItemKind::Variable => {
                if !scope.known.contains(&token.val) {
                    return Err(self.error(format!("undefined variable {}", crate::printf::quote(token.val))));
                }
                let (name, slot) = (span(&token), scope.slot(token.val));
                OperandKind::Variable(Variable { name, slot }, Span { start: name.end, end: name.end })
            }
            ItemKind::Field => OperandKind::Field(span(&token)),
            ItemKind::Bool => OperandKind::Bool(token.val == b"true"),
            ItemKind::CharConstant => {
                let number = Number::from_char(&lossy(token.val)).map_err(|text| self.error(text))?;
                OperandKind::Number(Box::new(number))
            }
            ItemKind::Complex | ItemKind::Number => {
                let is_complex = token.kind == ItemKind::Complex;
                let number = Number::parse(&lossy(token.val), is_complex).map_err(|text| self.error(text))?;
                OperandKind::Number(Box::new(number))
            }
            ItemKind::LeftParen => {
                self.enter("max expression depth exceeded")?;
                let pipe = self.pipeline(scope, "parenthesized pipeline", ItemKind::RightParen)?;
                self.depth -= 1;
                // Go positions the pipeline at its first item, inside the parenthesis.
                return Ok(Some(Operand { pos: pipe.pos, kind: OperandKind::Pipe(pipe) }));
            }
            ItemKind::String | ItemKind::RawString => {
                OperandKind::String { quoted: span(&token), text: self.unquote(&token)? }
            }
            _ => {
                self.tokens.push(token);
                return Ok(None);
            }
        };
        Ok(Some(Operand { pos: position(token.pos), kind }))
    }

    fn enter(&mut self, too_deep: &str) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH || self.stack.is_exhausted() {
            return Err(self.error(too_deep.to_owned()));
        }
        Ok(())
    }

    fn unquote(&self, token: &Token<'s>) -> Result<Str> {
        quoted::unquote(token.val)
            .map(|text| Str::from(&*text))
            .ok_or_else(|| self.error("invalid syntax".to_owned()))
    }

    fn expect(&mut self, kind: ItemKind, context: &str) -> Result<()> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(()) } else { Err(self.unexpected(&token, context)) }
    }

    fn unexpected(&self, token: &Token<'s>, context: &str) -> ParseError {
        if token.kind != ItemKind::Error {
            return self.error(format!("unexpected {} in {context}", token.describe()));
        }
        let mut text = self.lexer.failure().to_owned();
        if let Some(line) = self.action_start.map(|start| self.lexer.line(start))
            && line != self.lexer.line(token.pos)
        {
            let extra = format!(" in action started at {}:{line}", self.file);
            // Avoids "unclosed action in action".
            text += if text.ends_with(" action") { &extra[" in action".len()..] } else { &extra };
        }
        self.error(text)
    }

    fn error(&self, message: String) -> ParseError {
        ParseError::new(Arc::clone(self.file), self.lexer.line(self.last_start), message)
            .at(self.lexer.input(), self.last_start)
    }

    fn next(&mut self) -> Token<'s> {
        if let Some(token) = self.tokens.pop() {
            return token;
        }
        let token = self.lexer.next_item();
        self.last_start = token.pos;
        token
    }

    fn next_non_space(&mut self) -> Token<'s> {
        loop {
            let token = self.next();
            if token.kind != ItemKind::Space {
                return token;
            }
        }
    }

    fn peek(&mut self) -> &Token<'s> {
        if self.tokens.is_empty() {
            let token = self.next();
            self.tokens.push(token);
        }
        self.tokens.last().expect("one was pushed if there was none")
    }

    /// Looks at the next item that is no space, and drops the spaces before it.
    fn peek_non_space(&mut self) -> &Token<'s> {
        let token = self.next_non_space();
        self.tokens.push(token);
        self.tokens.last().expect("one was just pushed")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    If,
    Range,
    With,
}

impl Context {
    fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

fn span(token: &Token<'_>) -> Span {
    Span { start: position(token.pos), end: position(token.pos + token.val.len()) }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Cuts Unicode white space off both ends.
fn trim_space(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}
