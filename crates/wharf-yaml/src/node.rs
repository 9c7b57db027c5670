//! The first document of a text as a tree of nodes, before anything is resolved.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::scan::{Mark, Placed, Scanner, TagPrefix, Token};
use crate::{Error, ErrorKind, Limits};

/// A node by its place in [`Document::nodes`].
pub(crate) type NodeId = u32;

#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) kind: NodeKind<'a>,
    line: u32,
    column: u32,
}

impl Node<'_> {
    /// Zero-based line and column of its start.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.line as usize, self.column as usize)
    }
}

#[derive(Debug)]
pub(crate) enum NodeKind<'a> {
    /// `plain` is written without quotes and without a tag that would fix its kind.
    Scalar {
        text: Cow<'a, str>,
        tag: Option<Box<str>>,
        plain: bool,
    },
    List(Children),
    /// Keys and values in turn.
    Map(Children),
    Alias {
        anchor: Box<str>,
        target: NodeId,
    },
}

/// Nodes of one collection: a stretch of [`Document::children`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Children {
    start: u32,
    end: u32,
}

const NO_CHILDREN: Children = Children { start: 0, end: 0 };

/// One parsed document.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    nodes: Vec<Node<'a>>,
    /// The children of all collections.
    children: Vec<NodeId>,
    pub(crate) root: NodeId,
    /// Whether there are neither aliases nor tags.
    pub(crate) is_simple: bool,
}

impl<'a> Document<'a> {
    pub(crate) fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    pub(crate) fn all(&self) -> &[Node<'a>] {
        &self.nodes
    }

    pub(crate) fn items(&self, children: Children) -> &[NodeId] {
        &self.children[children.start as usize..children.end as usize]
    }

    /// The entries of a map: keys with their values.
    pub(crate) fn entries(&self, children: Children) -> &[[NodeId; 2]] {
        self.items(children).as_chunks().0
    }
}

/// Reads the first document; `None` for a text without any. What follows the document is not looked at.
pub(crate) fn read<'a>(text: &'a str, limits: &Limits) -> Result<Option<Document<'a>>, Error> {
    let mut parser = Parser {
        scanner: Scanner::new(text),
        limits,
        nodes: Vec::new(),
        open: Vec::new(),
        children: Vec::new(),
        anchors: HashMap::new(),
        tag_prefixes: Vec::new(),
        is_simple: true,
    };
    let Some(root) = parser.document()? else { return Ok(None) };
    let Parser { nodes, children, is_simple, .. } = parser;
    Ok(Some(Document { nodes, children, root, is_simple }))
}
struct Parser<'a, 'r> {
    scanner: Scanner<'a>,
    limits: &'r Limits,
    nodes: Vec<Node<'a>>,
    /// Children of collections that are not complete, the innermost last.
    open: Vec<NodeId>,
    /// Children of complete collections.
    children: Vec<NodeId>,
    anchors: HashMap<String, NodeId>,
    /// Handles and what they stand for.
    tag_prefixes: Vec<TagPrefix>,
    is_simple: bool,
}

/// What may stand before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

impl<'a> Parser<'a, '_> {
    fn document(&mut self) -> Result<Option<NodeId>, Error> {
        let explicit = match self.scanner.peek()?.token {
            Token::StreamEnd => return Ok(None),
            Token::VersionDirective { .. } | Token::TagDirective(_) | Token::DocumentStart => true,
            _ => false,
        };
        self.directives()?;
        if explicit {
            let placed = self.scanner.take()?;
            if placed.token != Token::DocumentStart {
                return Err(Error::parse("did not find expected <document start>", placed.start, None));
            }
        }
        let next = self.scanner.peek()?;
        let start = next.start;
        let empty = explicit
            && matches!(
                next.token,
                Token::VersionDirective { .. }
                    | Token::TagDirective(_)
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            );
        let root = if empty { self.empty(start)? } else { self.node(true, false, 0)? };
        // The token behind the document must be one.
        self.scanner.peek()?;
        Ok(Some(root))
    }

    fn directives(&mut self) -> Result<(), Error> {
        let mut version_seen = false;
        while matches!(self.scanner.peek()?.token, Token::VersionDirective { .. } | Token::TagDirective(_)) {
            let Placed { token, start } = self.scanner.take()?;
            match token {
                Token::VersionDirective { .. } if version_seen => {
                    return Err(Error::parse("found duplicate %YAML directive", start, None));
                }
                Token::VersionDirective { major: 1, minor: 1 } => version_seen = true,
                Token::VersionDirective { .. } => {
                    return Err(Error::parse("found incompatible YAML document", start, None));
                }
                Token::TagDirective(tag)
                    if self.tag_prefixes.iter().any(|known| known.handle == tag.handle) =>
                {
                    return Err(Error::parse("found duplicate %TAG directive", start, None));
                }
                Token::TagDirective(tag) => self.tag_prefixes.push(*tag),
                _ => {}
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tag_prefixes.iter().any(|known| known.handle == handle) {
                self.tag_prefixes.push(TagPrefix { handle: handle.to_owned(), prefix: prefix.to_owned() });
            }
        }
        Ok(())
    }

    /// Parses a node. `indentless` allows a list at the column of its key.
    fn node(&mut self, block: bool, indentless: bool, depth: usize) -> Result<NodeId, Error> {
        let start = self.scanner.peek()?.start;
        if depth > self.limits.max_depth {
            let text =
                format!("yaml: line {}: exceeded max depth of {}", start.line + 1, self.limits.max_depth);
            return Err(Error::new(ErrorKind::Limit, text, Some((start.line, start.column))));
        }
        if let Token::Alias(_) = self.scanner.peek()?.token {
            return self.alias();
        }
        let Properties { anchor, tag } = self.properties(start)?;
        let next = self.scanner.peek()?;
        let next_start = next.start;
        match &next.token {
            Token::BlockEntry if indentless => self.indentless_sequence(start, anchor, depth),
            Token::Scalar { .. } => self.scalar(start, anchor, tag),
            Token::FlowSequenceStart => self.flow_sequence(start, anchor, depth),
            Token::FlowMappingStart => self.flow_mapping(start, anchor, depth),
            Token::BlockSequenceStart if block => self.block_sequence(start, anchor, depth),
            Token::BlockMappingStart if block => self.block_mapping(start, anchor, depth),
            _ if anchor.is_some() || tag.is_some() => {
                let plain = tag.is_none();
                self.add(
                    NodeKind::Scalar { text: Cow::Borrowed(""), tag: tag.map(Into::into), plain },
                    start,
                    anchor,
                )
            }
            _ => Err(Error::parse("did not find expected node content", next_start, Some(start))),
        }
    }

    fn alias(&mut self) -> Result<NodeId, Error> {
        let Placed { token, start } = self.scanner.take()?;
        let anchor = if let Token::Alias(anchor) = token { anchor } else { String::new() };
        // go-yaml looks one token ahead of an alias only when it needs to; so does this parser.
        let Some(&target) = self.anchors.get(&anchor) else {
            let text = format!("yaml: unknown anchor '{anchor}' referenced");
            return Err(Error::new(ErrorKind::Content, text, Some((start.line, start.column))));
        };
        self.is_simple = false;
        self.add(NodeKind::Alias { anchor: anchor.into(), target }, start, None)
    }

    /// Takes an anchor and a tag, in either order.
    fn properties(&mut self, start: Mark) -> Result<Properties, Error> {
        let mut found = Properties::default();
        let mut raw_tag = None;
        for _ in 0..2 {
            match self.scanner.peek()?.token {
                Token::Anchor(_) if found.anchor.is_none() => {
                    if let Token::Anchor(anchor) = self.scanner.take()?.token {
                        found.anchor = Some(anchor);
                    }
                }
                Token::Tag(_) if raw_tag.is_none() => {
                    let placed = self.scanner.take()?;
                    if let Token::Tag(tag) = placed.token {
                        raw_tag = Some((tag, placed.start));
                    }
                }
                _ => break,
            }
        }
        if let Some((raw, mark)) = raw_tag {
            self.is_simple = false;
            let tag = if raw.handle.is_empty() {
                raw.suffix
            } else {
                let Some(known) = self.tag_prefixes.iter().find(|known| known.handle == raw.handle) else {
                    return Err(Error::parse("found undefined tag handle", mark, Some(start)));
                };
                format!("{}{}", known.prefix, raw.suffix)
            };
            found.tag = (!tag.is_empty()).then_some(tag);
        }
        Ok(found)
    }

    fn scalar(&mut self, start: Mark, anchor: Option<String>, tag: Option<String>) -> Result<NodeId, Error> {
        let Token::Scalar { text, plain } = self.scanner.take()?.token else {
            return Err(Error::parse("did not find expected node content", start, None));
        };
        let plain = match tag.as_deref() {
            None => plain,
            Some(tag) => tag == "!",
        };
        self.add(NodeKind::Scalar { text, tag: tag.map(Into::into), plain }, start, anchor)
    }

    fn block_sequence(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        // Registered before its items, so that an alias to itself is found and refused when decoded.
        let id = self.add(NodeKind::List(NO_CHILDREN), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let base = self.open.len();
        loop {
            let next = self.scanner.take()?;
            match next.token {
                Token::BlockEntry => {
                    let behind = self.scanner.peek()?;
                    let at = after(next.start);
                    let item = match behind.token {
                        Token::BlockEntry | Token::BlockEnd => self.empty(at)?,
                        _ => self.node(true, false, depth + 1)?,
                    };
                    self.open.push(item);
                }
                Token::BlockEnd => break,
                _ => {
                    return Err(Error::parse(
                        "did not find expected '-' indicator",
                        next.start,
                        Some(opened),
                    ));
                }
            }
        }
        self.nodes[id as usize].kind = NodeKind::List(self.close(base));
        Ok(id)
    }

    fn indentless_sequence(
        &mut self,
        start: Mark,
        anchor: Option<String>,
        depth: usize,
    ) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::List(NO_CHILDREN), start, anchor)?;
        let base = self.open.len();
        while self.scanner.peek()?.token == Token::BlockEntry {
            let at = after(self.scanner.take()?.start);
            let item = match self.scanner.peek()?.token {
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd => self.empty(at)?,
                _ => self.node(true, false, depth + 1)?,
            };
            self.open.push(item);
        }
        self.nodes[id as usize].kind = NodeKind::List(self.close(base));
        Ok(id)
    }

    fn block_mapping(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::Map(NO_CHILDREN), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let base = self.open.len();
        loop {
            let next = self.scanner.peek()?;
            let at = next.start;
            match next.token {
                Token::Key => {
                    self.scanner.take()?;
                    let key = self.block_part(after(at), depth)?;
                    let value = self.block_value(depth)?;
                    self.open.extend([key, value]);
                }
                Token::BlockEnd => {
                    self.scanner.take()?;
                    break;
                }
                _ => return Err(Error::parse("did not find expected key", at, Some(opened))),
            }
        }
        self.nodes[id as usize].kind = NodeKind::Map(self.close(base));
        Ok(id)
    }

    fn block_value(&mut self, depth: usize) -> Result<NodeId, Error> {
        let next = self.scanner.peek()?;
        let at = next.start;
        if next.token != Token::Value {
            return self.empty(at);
        }
        self.scanner.take()?;
        self.block_part(after(at), depth)
    }

    /// A key or value of a block mapping, which may be left out.
    fn block_part(&mut self, at: Mark, depth: usize) -> Result<NodeId, Error> {
        match self.scanner.peek()?.token {
            Token::Key | Token::Value | Token::BlockEnd => self.empty(at),
            _ => self.node(true, true, depth + 1),
        }
    }

    fn flow_sequence(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::List(NO_CHILDREN), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let base = self.open.len();
        while self.flow_continues(
            Token::FlowSequenceEnd,
            self.open.len() == base,
            "did not find expected ',' or ']'",
            opened,
        )? {
            let item = match self.scanner.peek()?.token {
                Token::Key => self.single_pair(depth)?,
                _ => self.node(false, false, depth + 1)?,
            };
            self.open.push(item);
        }
        self.nodes[id as usize].kind = NodeKind::List(self.close(base));
        Ok(id)
    }

    /// `key: value` as an item of a flow sequence: a mapping of its own.
    fn single_pair(&mut self, depth: usize) -> Result<NodeId, Error> {
        let start = self.scanner.take()?.start;
        let id = self.add(NodeKind::Map(NO_CHILDREN), start, None)?;
        let next = self.scanner.peek()?;
        let at = next.start;
        let key = match next.token {
            Token::Value | Token::FlowEntry | Token::FlowSequenceEnd => {
                // go-yaml passes over this token, so that `[? : x]` is an error there and here.
                self.scanner.take()?;
                self.empty(at)?
            }
            _ => self.node(false, false, depth + 1)?,
        };
        let value = self.flow_value(Token::FlowSequenceEnd, depth)?;
        let base = self.open.len();
        self.open.extend([key, value]);
        self.nodes[id as usize].kind = NodeKind::Map(self.close(base));
        Ok(id)
    }

    fn flow_mapping(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::Map(NO_CHILDREN), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let base = self.open.len();
        while self.flow_continues(
            Token::FlowMappingEnd,
            self.open.len() == base,
            "did not find expected ',' or '}'",
            opened,
        )? {
            let pair = if self.scanner.peek()?.token == Token::Key {
                self.scanner.take()?;
                let next = self.scanner.peek()?;
                let at = next.start;
                let key = match next.token {
                    Token::Value | Token::FlowEntry | Token::FlowMappingEnd => self.empty(at)?,
                    _ => self.node(false, false, depth + 1)?,
                };
                [key, self.flow_value(Token::FlowMappingEnd, depth)?]
            } else {
                let key = self.node(false, false, depth + 1)?;
                let at = self.scanner.peek()?.start;
                [key, self.empty(at)?]
            };
            self.open.extend(pair);
        }
        self.nodes[id as usize].kind = NodeKind::Map(self.close(base));
        Ok(id)
    }

    /// Whether another entry follows; takes the comma before it or the closing token.
    fn flow_continues(
        &mut self,
        end: Token<'a>,
        first: bool,
        problem: &str,
        opened: Mark,
    ) -> Result<bool, Error> {
        if self.scanner.peek()?.token != end && !first {
            let next = self.scanner.peek()?;
            if next.token != Token::FlowEntry {
                return Err(Error::parse(problem, next.start, Some(opened)));
            }
            self.scanner.take()?;
        }
        let more = self.scanner.peek()?.token != end;
        if !more {
            self.scanner.take()?;
        }
        Ok(more)
    }

    fn flow_value(&mut self, end: Token<'a>, depth: usize) -> Result<NodeId, Error> {
        let mut next = self.scanner.peek()?;
        if next.token == Token::Value {
            self.scanner.take()?;
            next = self.scanner.peek()?;
            if next.token != Token::FlowEntry && next.token != end {
                return self.node(false, false, depth + 1);
            }
        }
        let at = next.start;
        self.empty(at)
    }

    /// Makes the children that are open from `base` on those of a collection.
    fn close(&mut self, base: usize) -> Children {
        let start = small(self.children.len());
        self.children.extend(self.open.drain(base..));
        Children { start, end: small(self.children.len()) }
    }

    /// A value that is not there.
    fn empty(&mut self, at: Mark) -> Result<NodeId, Error> {
        self.add(NodeKind::Scalar { text: Cow::Borrowed(""), tag: None, plain: true }, at, None)
    }

    fn add(&mut self, kind: NodeKind<'a>, start: Mark, anchor: Option<String>) -> Result<NodeId, Error> {
        let too_many = || {
            let text = format!("yaml: line {}: more than {} nodes", start.line + 1, self.limits.max_nodes);
            Error::new(ErrorKind::Limit, text, Some((start.line, start.column)))
        };
        let id = small(self.nodes.len());
        if self.nodes.len() >= self.limits.max_nodes || id == u32::MAX {
            return Err(too_many());
        }
        self.nodes.push(Node { kind, line: small(start.line), column: small(start.column) });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }
}

/// Lines, columns and counts of nodes; texts with more of them are refused for their length.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The place behind a one-character token.
fn after(mark: Mark) -> Mark {
    Mark { column: mark.column + 1, index: mark.index + 1, ..mark }
}
