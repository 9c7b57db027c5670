//! The first document of a text as a tree of nodes, before anything is resolved.

use std::collections::HashMap;

use crate::scan::{Mark, Placed, Scanner, Token, decode};
use crate::{Error, ErrorKind, Limits};

/// A node by its place in [`Document::nodes`].
pub(crate) type NodeId = usize;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// Zero-based line and column of its start.
    pub(crate) place: (usize, usize),
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// `plain` is written without quotes and without a tag that would fix its kind.
    Scalar {
        text: String,
        tag: Option<String>,
        plain: bool,
    },
    List(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
    Alias {
        anchor: String,
        target: NodeId,
    },
}

/// One parsed document.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

/// Reads the first document; `None` for a text without any. What follows the document is not looked at.
pub(crate) fn read(text: &[u8], limits: &Limits) -> Result<Option<Document>, Error> {
    if text.len() > limits.max_bytes {
        let text = format!(
            "yaml: document of {} bytes is larger than the limit of {}",
            text.len(),
            limits.max_bytes
        );
        return Err(Error::new(ErrorKind::Limit, text, None));
    }
    let text = decode(text)?;
    let mut parser = Parser {
        scanner: Scanner::new(&text),
        limits,
        nodes: Vec::new(),
        anchors: HashMap::new(),
        tag_prefixes: Vec::new(),
    };
    let Some(root) = parser.document()? else { return Ok(None) };
    Ok(Some(Document { nodes: parser.nodes, root }))
}

struct Parser<'a, 'r> {
    scanner: Scanner<'a>,
    limits: &'r Limits,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    /// Handles and what they stand for.
    tag_prefixes: Vec<(String, String)>,
}

/// What may stand before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

impl Parser<'_, '_> {
    fn document(&mut self) -> Result<Option<NodeId>, Error> {
        let explicit = match self.scanner.peek()?.token {
            Token::StreamEnd => return Ok(None),
            Token::VersionDirective { .. } | Token::TagDirective { .. } | Token::DocumentStart => true,
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
                    | Token::TagDirective { .. }
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
        while matches!(
            self.scanner.peek()?.token,
            Token::VersionDirective { .. } | Token::TagDirective { .. }
        ) {
            let Placed { token, start } = self.scanner.take()?;
            match token {
                Token::VersionDirective { .. } if version_seen => {
                    return Err(Error::parse("found duplicate %YAML directive", start, None));
                }
                Token::VersionDirective { major: 1, minor: 1 } => version_seen = true,
                Token::VersionDirective { .. } => {
                    return Err(Error::parse("found incompatible YAML document", start, None));
                }
                Token::TagDirective { handle, .. }
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) =>
                {
                    return Err(Error::parse("found duplicate %TAG directive", start, None));
                }
                Token::TagDirective { handle, prefix } => self.tag_prefixes.push((handle, prefix)),
                _ => {}
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tag_prefixes.iter().any(|(known, _)| known == handle) {
                self.tag_prefixes.push((handle.to_owned(), prefix.to_owned()));
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
                self.add(NodeKind::Scalar { text: String::new(), tag, plain }, start, anchor)
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
        self.add(NodeKind::Alias { anchor, target }, start, None)
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
                Token::Tag { .. } if raw_tag.is_none() => {
                    let placed = self.scanner.take()?;
                    if let Token::Tag { handle, suffix } = placed.token {
                        raw_tag = Some((handle, suffix, placed.start));
                    }
                }
                _ => break,
            }
        }
        if let Some((handle, suffix, mark)) = raw_tag {
            let tag = if handle.is_empty() {
                suffix
            } else {
                let Some((_, prefix)) = self.tag_prefixes.iter().find(|(known, _)| *known == handle) else {
                    return Err(Error::parse("found undefined tag handle", mark, Some(start)));
                };
                format!("{prefix}{suffix}")
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
        self.add(NodeKind::Scalar { text, tag, plain }, start, anchor)
    }

    fn block_sequence(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        // Registered before its items, so that an alias to itself is found and refused when decoded.
        let id = self.add(NodeKind::List(Vec::new()), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let mut items = Vec::new();
        loop {
            let next = self.scanner.take()?;
            match next.token {
                Token::BlockEntry => {
                    let behind = self.scanner.peek()?;
                    let at = after(next.start);
                    items.push(match behind.token {
                        Token::BlockEntry | Token::BlockEnd => self.empty(at)?,
                        _ => self.node(true, false, depth + 1)?,
                    });
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
        self.nodes[id].kind = NodeKind::List(items);
        Ok(id)
    }

    fn indentless_sequence(
        &mut self,
        start: Mark,
        anchor: Option<String>,
        depth: usize,
    ) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::List(Vec::new()), start, anchor)?;
        let mut items = Vec::new();
        while self.scanner.peek()?.token == Token::BlockEntry {
            let at = after(self.scanner.take()?.start);
            items.push(match self.scanner.peek()?.token {
                Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd => self.empty(at)?,
                _ => self.node(true, false, depth + 1)?,
            });
        }
        self.nodes[id].kind = NodeKind::List(items);
        Ok(id)
    }

    fn block_mapping(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::Map(Vec::new()), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let mut entries = Vec::new();
        loop {
            let next = self.scanner.peek()?;
            let at = next.start;
            match next.token {
                Token::Key => {
                    self.scanner.take()?;
                    let key = self.block_part(after(at), depth)?;
                    entries.push((key, self.block_value(depth)?));
                }
                Token::BlockEnd => {
                    self.scanner.take()?;
                    break;
                }
                _ => return Err(Error::parse("did not find expected key", at, Some(opened))),
            }
        }
        self.nodes[id].kind = NodeKind::Map(entries);
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
        let id = self.add(NodeKind::List(Vec::new()), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let mut items = Vec::new();
        while self.flow_continues(
            Token::FlowSequenceEnd,
            items.is_empty(),
            "did not find expected ',' or ']'",
            opened,
        )? {
            items.push(match self.scanner.peek()?.token {
                Token::Key => self.single_pair(depth)?,
                _ => self.node(false, false, depth + 1)?,
            });
        }
        self.nodes[id].kind = NodeKind::List(items);
        Ok(id)
    }

    /// `key: value` as an item of a flow sequence: a mapping of its own.
    fn single_pair(&mut self, depth: usize) -> Result<NodeId, Error> {
        let start = self.scanner.take()?.start;
        let id = self.add(NodeKind::Map(Vec::new()), start, None)?;
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
        self.nodes[id].kind = NodeKind::Map(vec![(key, value)]);
        Ok(id)
    }

    fn flow_mapping(&mut self, start: Mark, anchor: Option<String>, depth: usize) -> Result<NodeId, Error> {
        let id = self.add(NodeKind::Map(Vec::new()), start, anchor)?;
        let opened = self.scanner.take()?.start;
        let mut entries = Vec::new();
        while self.flow_continues(
            Token::FlowMappingEnd,
            entries.is_empty(),
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
                (key, self.flow_value(Token::FlowMappingEnd, depth)?)
            } else {
                let key = self.node(false, false, depth + 1)?;
                let at = self.scanner.peek()?.start;
                (key, self.empty(at)?)
            };
            entries.push(pair);
        }
        self.nodes[id].kind = NodeKind::Map(entries);
        Ok(id)
    }

    /// Whether another entry follows; takes the comma before it or the closing token.
    fn flow_continues(
        &mut self,
        end: Token,
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

    fn flow_value(&mut self, end: Token, depth: usize) -> Result<NodeId, Error> {
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

    /// A value that is not there.
    fn empty(&mut self, at: Mark) -> Result<NodeId, Error> {
        self.add(NodeKind::Scalar { text: String::new(), tag: None, plain: true }, at, None)
    }

    fn add(&mut self, kind: NodeKind, start: Mark, anchor: Option<String>) -> Result<NodeId, Error> {
        let place = (start.line, start.column);
        let id = self.nodes.len();
        if id >= self.limits.max_nodes {
            let text = format!("yaml: line {}: more than {} nodes", start.line + 1, self.limits.max_nodes);
            return Err(Error::new(ErrorKind::Limit, text, Some(place)));
        }
        self.nodes.push(Node { kind, place });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }
}

/// The place behind a one-character token.
fn after(mark: Mark) -> Mark {
    Mark { column: mark.column + 1, index: mark.index + 1, ..mark }
}
