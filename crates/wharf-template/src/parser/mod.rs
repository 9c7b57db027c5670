//! Items in, trees out. Follows the grammar and the error texts of Go's `text/template/parse`.

pub(crate) mod ast;
pub(crate) mod number;
pub(crate) mod quoted;

use std::collections::HashMap;
use std::sync::Arc;

use ast::{Branch, Command, Item, List, Operand, OperandKind, Pipe, Pos, Source, Template, Tree, Variable};
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

/// Parses the text of one file into the templates that it defines, the file itself included.
pub(crate) fn parse(
    name: &str,
    text: Arc<[u8]>,
    functions: &FunctionNames,
) -> Result<HashMap<Str, Arc<Tree>>, ParseError> {
    let source = Arc::new(Source { name: name.into(), text: Arc::clone(&text) });
    let mut parser = Parser {
        lexer: Lexer::new(&text),
        source,
        functions,
        tokens: Vec::with_capacity(3),
        last_line: 1,
        action_line: 0,
        depth: 0,
        stack: StackGuard::new(MAX_STACK_BYTES),
        trees: HashMap::new(),
    };
    parser.parse_file(name)?;
    Ok(parser.trees)
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    source: Arc<Source>,
    functions: &'s FunctionNames,
    /// Items taken from the lexer and given back; the last one comes next.
    tokens: Vec<Token<'s>>,
    /// The line of the item most recently taken from the lexer, which errors name.
    last_line: u32,
    action_line: u32,
    depth: usize,
    stack: StackGuard,
    trees: HashMap<Str, Arc<Tree>>,
}

/// What belongs to one template while it is parsed.
#[derive(Default)]
struct Scope {
    /// Names that Go's parser lets pass as variables.
    known: Vec<Box<str>>,
    /// Names in scope when the code runs, by slot. Differs from `known` after an `else`.
    live: Vec<Box<str>>,
    max_live: usize,
    range_depth: usize,
}

impl Scope {
    fn new() -> Self {
        Self { known: vec!["$".into()], live: vec!["$".into()], max_live: 1, range_depth: 0 }
    }

    fn declare(&mut self, name: &str) -> usize {
        self.live.push(name.into());
        self.max_live = self.max_live.max(self.live.len());
        self.live.len() - 1
    }

    fn slot(&self, name: &str) -> Option<usize> {
        self.live.iter().rposition(|live| &**live == name)
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
    fn parse_file(&mut self, name: &str) -> Result<()> {
        let mut scope = Scope::new();
        let mut items = Vec::new();
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
                Node::Item(item) => items.push(item),
                other => return Err(self.error(format!("unexpected {}", other.text()))),
            }
        }
        self.add(Str::from(name), items.into(), &scope)
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
        let (list, end) = self.item_list(&mut scope)?;
        if !matches!(end, Node::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.text())));
        }
        self.add(Str::from(name), list, &scope)
    }

    fn add(&mut self, name: Str, root: List, scope: &Scope) -> Result<()> {
        let is_empty = list_is_empty(&root);
        if let Some(old) = self.trees.get(&name)
            && !old.is_empty
        {
            if !is_empty {
                let text =
                    format!("template: multiple definition of template {}", crate::printf::quote(&name));
                return Err(self.error(text));
            }
            return Ok(());
        }
        let tree = Tree {
            name: name.clone(),
            source: Arc::clone(&self.source),
            root,
            slots: scope.max_live,
            is_empty,
        };
        self.trees.insert(name, Arc::new(tree));
        Ok(())
    }

    fn item_list(&mut self, scope: &mut Scope) -> Result<(List, Node)> {
        self.enter("max block depth exceeded")?;
        let mut items = Vec::new();
        while self.peek_non_space().kind != ItemKind::Eof {
            match self.text_or_action(scope)? {
                Node::Item(item) => items.push(item),
                end => {
                    self.depth -= 1;
                    return Ok((items.into(), end));
                }
            }
        }
        Err(self.error("unexpected EOF".to_owned()))
    }

    fn text_or_action(&mut self, scope: &mut Scope) -> Result<Node> {
        let token = self.next_non_space();
        match token.kind {
            ItemKind::Text => Ok(Node::Item(Item::Text(token.val.into()))),
            ItemKind::LeftDelim => {
                self.action_line = token.line;
                let node = self.action(scope)?;
                self.action_line = 0;
                Ok(node)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self, scope: &mut Scope) -> Result<Node> {
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

    fn loop_control(&mut self, scope: &Scope, name: &str) -> Result<()> {
        let token = self.next_non_space();
        if token.kind != ItemKind::RightDelim {
            return Err(self.unexpected(&token, name));
        }
        if scope.range_depth == 0 {
            return Err(self.error(format!("{name} outside {{{{range}}}}")));
        }
        Ok(())
    }

    fn control(&mut self, scope: &mut Scope, context: Context) -> Result<Branch> {
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
                let item = if chained == Context::If { Item::If(branch) } else { Item::With(branch) };
                Box::new([item]) as List
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

    fn block(&mut self, scope: &mut Scope) -> Result<Item> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(scope, CONTEXT, ItemKind::RightDelim)?;
        let mut inner = Scope::new();
        let (list, end) = self.item_list(&mut inner)?;
        if !matches!(end, Node::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.text())));
        }
        self.add(name.clone(), list, &inner)?;
        Ok(Item::Template(Template { pos: position(token.pos), name, pipe: Some(pipe) }))
    }

    fn template(&mut self, scope: &mut Scope) -> Result<Item> {
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
            ItemKind::String | ItemKind::RawString => Ok(Str::from(self.unquote(token)?)),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn pipeline(&mut self, scope: &mut Scope, context: &str, end: ItemKind) -> Result<Pipe> {
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
                    scope.known.push(lossy(variable.val).into());
                    names.push(variable);
                }
                ItemKind::Char if next.val == b"," => {
                    scope.known.push(lossy(variable.val).into());
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
        let mut cmds: Vec<Command> = Vec::new();
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
                    cmds.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
        if cmds.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (index, command) in cmds.iter().enumerate().skip(1) {
            if matches!(
                command.args[0].kind,
                OperandKind::Bool(_)
                    | OperandKind::Dot
                    | OperandKind::Nil
                    | OperandKind::Number(_)
                    | OperandKind::String { .. }
            ) {
                return Err(self.error(format!("non executable command in pipeline stage {}", index + 1)));
            }
        }
        // A variable comes to life when its pipeline has run, so the commands above do not see it.
        let decl = names
            .into_iter()
            .map(|token| {
                let name = lossy(token.val);
                let slot = if is_assign { scope.slot(&name) } else { Some(scope.declare(&name)) };
                Variable { name: name.into(), slot }
            })
            .collect();
        Ok(Pipe { pos, is_assign, decl, cmds: cmds.into() })
    }

    fn command(&mut self, scope: &mut Scope) -> Result<Command> {
        let pos = position(self.peek_non_space().pos);
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand(scope)? {
                args.push(operand);
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
        if args.is_empty() {
            return Err(self.error("empty command".to_owned()));
        }
        Ok(Command { pos, args: args.into() })
    }

    fn operand(&mut self, scope: &mut Scope) -> Result<Option<Operand>> {
        let Some(mut operand) = self.term(scope)? else {
            return Ok(None);
        };
        if self.peek().kind != ItemKind::Field {
            return Ok(Some(operand));
        }
        // Go reports a chain at its first dot, not at its beginning.
        let pos = position(self.peek().pos);
        let mut names = Vec::new();
        while self.peek().kind == ItemKind::Field {
            names.push(Str::from(&self.next().val[1..]));
        }
        operand = match operand.kind {
            OperandKind::Field(first) => {
                let names = first.into_iter().chain(names).collect();
                Operand { pos, kind: OperandKind::Field(names) }
            }
            OperandKind::Variable(variable, _) => {
                Operand { pos, kind: OperandKind::Variable(variable, names.into()) }
            }
            OperandKind::Bool(_)
            | OperandKind::String { .. }
            | OperandKind::Number(_)
            | OperandKind::Nil
            | OperandKind::Dot => {
                let term = crate::printf::quote(&operand.text());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => Operand { pos, kind: OperandKind::Chain(Box::new(operand), names.into()) },
        };
        Ok(Some(operand))
    }

    fn term(&mut self, scope: &mut Scope) -> Result<Option<Operand>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            ItemKind::Identifier => {
                let name = lossy(token.val);
                let Some(id) = self.functions.find(&name) else {
                    return Err(
                        self.error(format!("function {} not defined", crate::printf::quote(token.val)))
                    );
                };
                OperandKind::Function(name.into(), id)
            }
            ItemKind::Dot => OperandKind::Dot,
            ItemKind::Nil => OperandKind::Nil,
            ItemKind::Variable => {
                let name = lossy(token.val);
                if !scope.known.iter().any(|known| **known == *name) {
                    return Err(self.error(format!("undefined variable {}", crate::printf::quote(token.val))));
                }
                let slot = scope.slot(&name);
                OperandKind::Variable(Variable { name: name.into(), slot }, Box::default())
            }
            ItemKind::Field => OperandKind::Field(Box::new([Str::from(&token.val[1..])])),
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
                return Ok(Some(Operand { pos: pipe.pos, kind: OperandKind::Pipe(Box::new(pipe)) }));
            }
            ItemKind::String | ItemKind::RawString => {
                OperandKind::String { quoted: token.val.into(), text: Str::from(self.unquote(&token)?) }
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

    fn unquote(&self, token: &Token<'s>) -> Result<Vec<u8>> {
        quoted::unquote(token.val).ok_or_else(|| self.error("invalid syntax".to_owned()))
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
        if self.action_line != 0 && self.action_line != token.line {
            let extra = format!(" in action started at {}:{}", self.source.name, self.action_line);
            // Avoids "unclosed action in action".
            text += if text.ends_with(" action") { &extra[" in action".len()..] } else { &extra };
        }
        self.error(text)
    }

    fn error(&self, message: String) -> ParseError {
        ParseError::new(Arc::clone(&self.source.name), self.last_line, message)
    }

    fn next(&mut self) -> Token<'s> {
        if let Some(token) = self.tokens.pop() {
            return token;
        }
        let token = self.lexer.next_item();
        self.last_line = token.line;
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

fn position(pos: usize) -> Pos {
    Pos::try_from(pos).unwrap_or(Pos::MAX)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tells whether a template has nothing but white space, so that it does not replace another one.
fn list_is_empty(list: &[Item]) -> bool {
    list.iter().all(|item| matches!(item, Item::Text(text) if trim_space(text).is_empty()))
}

/// Cuts Unicode white space off both ends.
fn trim_space(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}
