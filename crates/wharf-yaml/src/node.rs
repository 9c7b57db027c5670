//! The first document of a text as a tree of nodes, before anything is resolved.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Parser};

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
    Scalar { text: String, tag: Option<String>, plain: bool },
    List(Vec<NodeId>),
    Map(Vec<(NodeId, NodeId)>),
    Alias { anchor: String, target: NodeId },
}

/// One parsed document.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

/// Reads the first document; `None` for a text without any.
pub(crate) fn read(text: &[u8], limits: &Limits) -> Result<Option<Document>, Error> {
    if text.len() > limits.max_bytes {
        let text = format!(
            "yaml: document of {} bytes is larger than the limit of {}",
            text.len(),
            limits.max_bytes
        );
        return Err(Error::new(ErrorKind::Limit, text, None));
    }
    let mut input = text;
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut builder = Builder { parser, limits, nodes: Vec::new(), anchors: HashMap::new() };
    loop {
        let event = builder.parser.parse()?;
        match event.data {
            EventData::StreamStart { .. } => {}
            EventData::DocumentStart { .. } => break,
            _ => return Ok(None),
        }
    }
    let event = builder.parser.parse()?;
    let root = builder.node(event, 0)?;
    // The document must end properly, but nothing behind it is looked at.
    builder.parser.parse()?;
    Ok(Some(Document { nodes: builder.nodes, root }))
}

struct Builder<'a, 'r, 'b> {
    parser: Parser<&'a mut &'b [u8]>,
    limits: &'r Limits,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
}

impl Builder<'_, '_, '_> {
    fn node(&mut self, event: Event, depth: usize) -> Result<NodeId, Error> {
        let place = place_of(&event);
        if depth > self.limits.max_depth {
            let text = format!("yaml: line {}: exceeded max depth of {}", place.0 + 1, self.limits.max_depth);
            return Err(Error::new(ErrorKind::Limit, text, Some(place)));
        }
        if self.nodes.len() >= self.limits.max_nodes {
            let text = format!("yaml: line {}: more than {} nodes", place.0 + 1, self.limits.max_nodes);
            return Err(Error::new(ErrorKind::Limit, text, Some(place)));
        }
        match event.data {
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let kind = NodeKind::Scalar { text: value, tag, plain: plain_implicit };
                Ok(self.add(kind, place, anchor))
            }
            EventData::Alias { anchor } => {
                let Some(&target) = self.anchors.get(&anchor) else {
                    let text = format!("yaml: unknown anchor '{anchor}' referenced");
                    return Err(Error::new(ErrorKind::Content, text, Some(place)));
                };
                Ok(self.add(NodeKind::Alias { anchor, target }, place, None))
            }
            EventData::SequenceStart { anchor, .. } => {
                // Registered before its items, so that an alias to itself is found and refused when decoded.
                let id = self.add(NodeKind::List(Vec::new()), place, anchor);
                let mut items = Vec::new();
                while let Some(event) = self.next_child()? {
                    items.push(self.node(event, depth + 1)?);
                }
                self.nodes[id].kind = NodeKind::List(items);
                Ok(id)
            }
            EventData::MappingStart { anchor, .. } => {
                let id = self.add(NodeKind::Map(Vec::new()), place, anchor);
                let mut entries = Vec::new();
                while let Some(event) = self.next_child()? {
                    let key = self.node(event, depth + 1)?;
                    let event = self.parser.parse()?;
                    entries.push((key, self.node(event, depth + 1)?));
                }
                self.nodes[id].kind = NodeKind::Map(entries);
                Ok(id)
            }
            _ => Err(Error::new(ErrorKind::Syntax, "yaml: unexpected end of document", Some(place))),
        }
    }

    fn next_child(&mut self) -> Result<Option<Event>, Error> {
        let event = self.parser.parse()?;
        Ok(match event.data {
            EventData::SequenceEnd | EventData::MappingEnd => None,
            _ => Some(event),
        })
    }

    fn add(&mut self, kind: NodeKind, place: (usize, usize), anchor: Option<String>) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(Node { kind, place });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, id);
        }
        id
    }
}

fn place_of(event: &Event) -> (usize, usize) {
    let clip = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    (clip(event.start_mark.line), clip(event.start_mark.column))
}
