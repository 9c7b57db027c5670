//! From nodes to values: aliases, merge keys, keys made text, numbers made floats.

use std::collections::HashSet;
use std::sync::Arc;

use crate::node::{self, Children, Document, NodeId, NodeKind};
use crate::number::{format_float_g, format_float_g32};
use crate::resolve::{Scalar, resolve};
use crate::scan::decode;
use crate::{Error, ErrorKind, Limits, Map, Value};

/// How numbers are represented in the values read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Every number is a float, as after a trip through JSON into `any`. What templates see.
    #[default]
    Floats,
    /// Integers stay integers; for callers that turn them into text or typed fields.
    AsWritten,
}

/// Reads YAML with choices; [`from_yaml`] is the same without.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    strict: bool,
    numbers: Numbers,
    limits: Limits,
    only: Option<&'static [&'static str]>,
}

/// Reads the first document of `text` as `sigs.k8s.io/yaml` `Unmarshal` into an empty interface does.
///
/// An empty text gives [`Value::Null`]. Keys that are numbers, booleans or dates become text. A repeated key replaces
/// the earlier one; so does a merge key (`<<`) for the keys written above it, a property of go-yaml v2.
///
/// # Errors
/// Malformed YAML, unknown anchors, impossible tags, keys that have no text form, NaN and infinities (they cannot pass
/// through JSON), excessive aliasing, and the bounds of [`Limits`].
pub fn from_yaml(text: &[u8]) -> Result<Value, Error> {
    Reader::default().read(text)
}

impl Reader {
    /// Returns a reader that reads as [`from_yaml`] does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses repeated keys, as `UnmarshalStrict` does.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Chooses how numbers come out.
    #[must_use]
    pub fn numbers(mut self, numbers: Numbers) -> Self {
        self.numbers = numbers;
        self
    }

    /// Leaves out all but these keys of the outermost map. The rest is checked as if it were read, but costs less.
    #[must_use]
    pub fn only(mut self, keys: &'static [&'static str]) -> Self {
        self.only = Some(keys);
        self
    }

    /// Sets other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the first document of `text`.
    ///
    /// # Errors
    /// As [`from_yaml`], and repeated keys when strict.
    pub fn read(&self, text: &[u8]) -> Result<Value, Error> {
        if text.len() > self.limits.max_bytes {
            let text = format!(
                "yaml: document of {} bytes is larger than the limit of {}",
                text.len(),
                self.limits.max_bytes
            );
            return Err(Error::new(ErrorKind::Limit, text, None));
        }
        let text = decode(text)?;
        let Some(document) = node::read(&text, &self.limits)? else { return Ok(Value::Null) };
        let mut decoder = Decoder {
            document: &document,
            reader: self,
            only: self.only.filter(|_| !self.strict && cannot_fail(&document)),
            open_aliases: HashSet::new(),
            decoded: 0,
            from_aliases: 0,
            repeated: Vec::new(),
            bad_key: None,
            no_json: None,
        };
        let mut value = decoder.value(document.root, 0)?;
        if let Some((_, place)) = decoder.repeated.first() {
            let place = Some(*place);
            let lines: Vec<&str> = decoder.repeated.iter().map(|(line, _)| line.as_str()).collect();
            let text = format!("yaml: unmarshal errors:\n{}", lines.join("\n"));
            return Err(Error::new(ErrorKind::Content, text, place));
        }
        if let Some(error) = decoder.bad_key {
            return Err(error);
        }
        // A later entry may have replaced the number that JSON cannot hold.
        if let Some(place) = decoder.no_json
            && let Some(number) = find_no_json(&value)
        {
            let text = format!("json: unsupported value: {}", format_float_g(number));
            return Err(Error::new(ErrorKind::Unsupported, text, Some(place)));
        }
        if let (Some(only), Some(map)) = (self.only, value.as_map_mut()) {
            map.retain(|key, _| only.contains(&&**key));
        }
        Ok(value)
    }
}

/// Whether decoding finds nothing wrong with a document, because what could be wrong does not occur: aliases, tags, merge
/// keys, keys without a text form, numbers that JSON cannot hold.
fn cannot_fail(document: &Document<'_>) -> bool {
    let is_good_key = |id: NodeId| match &document.node(id).kind {
        NodeKind::Scalar { text, plain: true, .. } => {
            text != "<<" && !matches!(resolve(None, text), Err(_) | Ok(Scalar::Null | Scalar::Uint(_)))
        }
        NodeKind::Scalar { .. } => true,
        _ => false,
    };
    let is_good = |kind: &NodeKind<'_>| match kind {
        NodeKind::Map(children) => document.entries(*children).iter().all(|[key, _]| is_good_key(*key)),
        NodeKind::Scalar { text, plain: true, .. }
            if text.starts_with(|c: char| !c.is_ascii_alphabetic()) =>
        {
            !matches!(resolve(None, text), Ok(Scalar::Float(number)) if !number.is_finite())
        }
        _ => true,
    };
    document.is_simple && document.all().iter().all(|node| is_good(&node.kind))
}

/// Returns an infinity or NaN inside the value.
fn find_no_json(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) if !number.is_finite() => Some(*number),
        Value::List(items) => items.iter().find_map(find_no_json),
        Value::Map(map) => map.values().find_map(find_no_json),
        _ => None,
    }
}

struct Decoder<'a> {
    document: &'a Document<'a>,
    reader: &'a Reader,
    /// The keys of the outermost map that are wanted, if the others need no look.
    only: Option<&'static [&'static str]>,
    /// Alias nodes being expanded right now.
    open_aliases: HashSet<NodeId>,
    decoded: u64,
    from_aliases: u64,
    /// Repeated keys found in strict mode.
    repeated: Vec<(String, (usize, usize))>,
    /// Where the first infinity or NaN stands.
    no_json: Option<(usize, usize)>,
    /// What the step to JSON will say about a key, unless reading fails before.
    bad_key: Option<Error>,
}

/// A map key before it is text; different kinds may share a text (`1` and `"1"`).
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
enum Key {
    Text(Arc<str>),
    Bool(bool),
    Int(i64),
    /// The bits of the float.
    Float(u64),
    /// Without a text form, so that no JSON comes of it.
    Null,
    /// As `Null`.
    Uint(u64),
}

impl Decoder<'_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, Error> {
        self.count(id)?;
        self.check_depth(id, depth)?;
        let document = self.document;
        match &document.node(id).kind {
            NodeKind::Scalar { text, tag, plain } => self.scalar(id, text, tag.as_deref(), *plain),
            NodeKind::Alias { target, .. } => self.through_alias(id, |this| this.value(*target, depth + 1)),
            NodeKind::List(items) => {
                let items = document.items(*items);
                let mut values = Vec::with_capacity(items.len());
                for &item in items {
                    values.push(self.value(item, depth + 1)?);
                }
                Ok(values.into())
            }
            NodeKind::Map(entries) => {
                let mut map = Map::new();
                let mut seen = HashSet::new();
                self.entries(*entries, &mut map, &mut seen, depth)?;
                Ok(map.into())
            }
        }
    }

    fn entries(
        &mut self,
        entries: Children,
        map: &mut Map,
        seen: &mut HashSet<Key>,
        depth: usize,
    ) -> Result<(), Error> {
        let document = self.document;
        for &[key_id, value_id] in document.entries(entries) {
            if self.is_merge(key_id) {
                self.merge(value_id, map, seen, depth + 1)?;
                continue;
            }
            let key = self.key(key_id, depth + 1)?;
            if depth == 0
                && let Some(only) = self.only
                && !key.is_one_of(only)
            {
                continue;
            }
            let value = self.value(value_id, depth + 1)?;
            if let Some(kind) = key.without_text() {
                let text = format!("unsupported map key of type: {kind}, value: {}", go_syntax(&value));
                let place = document.node(key_id).place();
                self.bad_key.get_or_insert_with(|| Error::new(ErrorKind::Content, text, Some(place)));
                continue;
            }
            if self.reader.strict && !seen.insert(key.clone()) {
                let place = self.document.node(value_id).place();
                self.repeated.push((format!("  line {}: key {key} already set in map", place.0 + 1), place));
                continue;
            }
            map.insert(key.into_text(), value);
        }
        Ok(())
    }

    fn is_merge(&self, id: NodeId) -> bool {
        match &self.document.node(id).kind {
            NodeKind::Scalar { text, tag, plain } => {
                text == "<<" && (*plain || tag.as_deref() == Some("tag:yaml.org,2002:merge"))
            }
            _ => false,
        }
    }

    fn merge(
        &mut self,
        id: NodeId,
        map: &mut Map,
        seen: &mut HashSet<Key>,
        depth: usize,
    ) -> Result<(), Error> {
        let document = self.document;
        match &document.node(id).kind {
            NodeKind::List(items) => {
                // From the last to the first, since earlier ones take precedence.
                for &item in document.items(*items).iter().rev() {
                    if matches!(document.node(item).kind, NodeKind::List(_)) {
                        return Err(self.wants_map(item));
                    }
                    self.merge_one(item, map, seen, depth + 1)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, map, seen, depth),
        }
    }

    fn merge_one(
        &mut self,
        id: NodeId,
        map: &mut Map,
        seen: &mut HashSet<Key>,
        depth: usize,
    ) -> Result<(), Error> {
        self.check_depth(id, depth)?;
        let document = self.document;
        match &document.node(id).kind {
            NodeKind::Map(entries) => {
                self.count(id)?;
                self.entries(*entries, map, seen, depth)
            }
            NodeKind::Alias { target, .. } => {
                let NodeKind::Map(entries) = &document.node(*target).kind else {
                    return Err(self.wants_map(id));
                };
                self.count(id)?;
                self.through_alias(id, |this| {
                    this.count(*target)?;
                    this.entries(*entries, map, seen, depth)
                })
            }
            _ => Err(self.wants_map(id)),
        }
    }

    fn wants_map(&self, id: NodeId) -> Error {
        let text = "yaml: map merge requires map or sequence of maps as the value";
        Error::new(ErrorKind::Content, text, Some(self.document.node(id).place()))
    }

    fn through_alias<T>(
        &mut self,
        id: NodeId,
        expand: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !self.open_aliases.insert(id) {
            let node = self.document.node(id);
            let name = if let NodeKind::Alias { anchor, .. } = &node.kind { anchor } else { "" };
            let text = format!("yaml: anchor '{name}' value contains itself");
            return Err(Error::new(ErrorKind::Content, text, Some(node.place())));
        }
        let result = expand(self);
        self.open_aliases.remove(&id);
        result
    }

    /// Counts one step and stops documents that are mostly alias expansion (the rule of go-yaml).
    fn count(&mut self, id: NodeId) -> Result<(), Error> {
        self.decoded += 1;
        self.from_aliases += u64::from(!self.open_aliases.is_empty());
        if self.from_aliases > 100 && self.decoded > 1000 {
            #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
            let (share, decoded) = (self.from_aliases as f64 / self.decoded as f64, self.decoded as f64);
            let allowed = (0.99 - 0.89 * ((decoded - 400_000.0) / 3_600_000.0)).clamp(0.10, 0.99);
            if share > allowed {
                let text = "yaml: document contains excessive aliasing";
                return Err(Error::new(ErrorKind::Limit, text, Some(self.document.node(id).place())));
            }
        }
        Ok(())
    }

    /// Aliases can nest deeper than the text does.
    fn check_depth(&self, id: NodeId, depth: usize) -> Result<(), Error> {
        if depth <= self.reader.limits.max_depth * 2 {
            return Ok(());
        }
        let text = format!("yaml: exceeded max depth of {}", self.reader.limits.max_depth * 2);
        Err(Error::new(ErrorKind::Limit, text, Some(self.document.node(id).place())))
    }

    fn scalar(&mut self, id: NodeId, text: &str, tag: Option<&str>, plain: bool) -> Result<Value, Error> {
        let place = Some(self.document.node(id).place());
        if tag.is_none() && !plain {
            return Ok(text.into());
        }
        let scalar = resolve(tag, text)
            .map_err(|text| Error::new(ErrorKind::Content, format!("yaml: {text}"), place))?;
        Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => self.number(Value::Int(value)),
            Scalar::Uint(value) => self.number(Value::Uint(value)),
            Scalar::Float(value) => {
                if !value.is_finite() {
                    self.no_json.get_or_insert_with(|| self.document.node(id).place());
                }
                Value::Float(value)
            }
            Scalar::Timestamp | Scalar::Text => text.into(),
            Scalar::Binary => match decode_base64(text) {
                Some(bytes) => utf8_or_replaced(&bytes).into(),
                None => {
                    let text = "yaml: !!binary value contains invalid base64 data";
                    return Err(Error::new(ErrorKind::Content, text, place));
                }
            },
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "the loss above 2^53 is what Helm's users see")]
    fn number(&self, value: Value) -> Value {
        match (self.reader.numbers, value) {
            (Numbers::Floats, Value::Int(value)) => Value::Float(value as f64),
            (Numbers::Floats, Value::Uint(value)) => Value::Float(value as f64),
            (_, value) => value,
        }
    }

    /// Decodes a map key; only scalars that have a text form are keys.
    fn key(&mut self, id: NodeId, depth: usize) -> Result<Key, Error> {
        self.count(id)?;
        self.check_depth(id, depth)?;
        let document = self.document;
        let node = document.node(id);
        match &node.kind {
            NodeKind::Alias { target, .. } => self.through_alias(id, |this| this.key(*target, depth + 1)),
            NodeKind::List(_) | NodeKind::Map(_) => {
                // Usually a template expression (`{{ x }}`) in a file that is no template.
                let mut shown = String::new();
                write_go_syntax(&self.value(id, depth)?, &mut shown);
                let text = format!("yaml: invalid map key: {shown}");
                Err(Error::new(ErrorKind::Content, text, Some(node.place())))
            }
            NodeKind::Scalar { text, tag, plain } => {
                if tag.is_none() && !*plain {
                    return Ok(Key::Text((&**text).into()));
                }
                let place = Some(node.place());
                let scalar = resolve(tag.as_deref(), text)
                    .map_err(|text| Error::new(ErrorKind::Content, format!("yaml: {text}"), place))?;
                match scalar {
                    Scalar::Bool(value) => Ok(Key::Bool(value)),
                    Scalar::Int(value) => Ok(Key::Int(value)),
                    Scalar::Float(value) => Ok(Key::Float(value.to_bits())),
                    Scalar::Timestamp | Scalar::Text => Ok(Key::Text((&**text).into())),
                    Scalar::Binary => decode_base64(text)
                        .map(|bytes| Key::Text(utf8_or_replaced(&bytes).into()))
                        .ok_or_else(|| {
                            let text = "yaml: !!binary value contains invalid base64 data";
                            Error::new(ErrorKind::Content, text, place)
                        }),
                    Scalar::Null => Ok(Key::Null),
                    Scalar::Uint(value) => Ok(Key::Uint(value)),
                }
            }
        }
    }
}

impl Key {
    fn is_one_of(&self, keys: &[&str]) -> bool {
        matches!(self, Self::Text(text) if keys.contains(&&**text))
    }

    /// Returns type and form of a key that JSON cannot have.
    fn without_text(&self) -> Option<String> {
        match self {
            Self::Null => Some("%!s(<nil>), key: <nil>".to_owned()),
            Self::Uint(value) => Some(format!("uint64, key: {value:#x}")),
            _ => None,
        }
    }

    fn into_text(self) -> Arc<str> {
        match self {
            Self::Null => "null".into(),
            Self::Uint(value) => value.to_string().into(),
            Self::Text(text) => text,
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Int(value) => value.to_string().into(),
            Self::Float(bits) => match format_float_g32(f64::from_bits(bits)).as_str() {
                "+Inf" => ".inf".into(),
                "-Inf" => "-.inf".into(),
                "NaN" => ".nan".into(),
                text => text.into(),
            },
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            other => f.write_str(&other.clone().into_text()),
        }
    }
}

/// Returns a value as Go's `%#v` shows it in an error.
fn go_syntax(value: &Value) -> String {
    let mut shown = String::new();
    match value {
        Value::Null => shown.push_str("<nil>"),
        other => write_go_syntax(other, &mut shown),
    }
    shown
}

/// Writes a value as Go's `%#v` shows it inside another.
fn write_go_syntax(value: &Value, out: &mut String) {
    let list = |out: &mut String, open: &str, items: &mut dyn Iterator<Item = (Option<&str>, &Value)>| {
        out.push_str(open);
        for (index, (key, value)) in items.enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if let Some(key) = key {
                out.push_str(&format!("{key:?}:"));
            }
            write_go_syntax(value, out);
        }
        out.push('}');
    };
    match value {
        Value::Null => out.push_str("interface {}(nil)"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Uint(value) => out.push_str(&format!("{value:#x}")),
        Value::Float(value) => out.push_str(&format_float_g(*value)),
        Value::String(text) => out.push_str(&format!("{:?}", &**text)),
        Value::List(items) => list(out, "[]interface {}{", &mut items.iter().map(|item| (None, item))),
        Value::Map(map) => {
            let mut entries = map.iter().map(|(key, value)| (Some(&**key), value));
            list(out, "map[interface {}]interface {}{", &mut entries);
        }
    }
}

/// Standard base64 with padding; line ends inside are skipped.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for byte in text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = (bits << 6) | u32::from(six);
        count += 1;
        if count.is_multiple_of(4) {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => out.push((bits >> 4) as u8),
        (3, 1) => out.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => return None,
    }
    Some(out)
}

/// Text of `bytes` with one replacement character for each byte that is not UTF-8, as Go's JSON writer has it.
fn utf8_or_replaced(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}
