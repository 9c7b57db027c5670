//! Schemas made ready: references followed, expressions compiled, numbers read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use regex::Regex;
use wharf_yaml::{Json, JsonMap};

use super::decimal::Decimal;
use super::documents::Documents;
use super::draft::{Dialect, Draft};
use super::formats::{self, Format};
use super::{ordinary, place};
use crate::quote::Quoted;

/// The most schemas that one set may hold, metaschemas aside.
const MAX_NODES: usize = 200_000;

/// A schema's place among [`Schemas`].
pub(super) type NodeId = usize;

/// Compiled schemas that refer to each other.
#[derive(Debug)]
pub(super) struct Schemas {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

/// `true`, `false`, or a schema.
#[derive(Debug)]
pub(super) enum Additional {
    Bool(bool),
    Schema(NodeId),
}

/// What must be beside a property.
#[derive(Debug)]
pub(super) enum Dependency {
    Names(Vec<Arc<str>>),
    Schema(NodeId),
}

/// `items` before draft 2020-12.
#[derive(Debug)]
pub(super) enum Items {
    Every(NodeId),
    Each(Vec<NodeId>),
}

/// One compiled schema; words that are absent or of no use are `None` or empty.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) address: Arc<str>,
    pub(super) pointer: String,
    pub(super) draft: Option<Draft>,
    pub(super) resource: NodeId,
    pub(super) dynamic_anchors: BTreeMap<String, NodeId>,
    pub(super) all_properties_evaluated: bool,
    pub(super) all_items_evaluated: bool,
    pub(super) items_evaluated: usize,

    pub(super) boolean: Option<bool>,
    pub(super) reference: Option<NodeId>,
    pub(super) recursive_reference: Option<NodeId>,
    pub(super) recursive_anchor: bool,
    pub(super) dynamic_reference: Option<(NodeId, String)>,
    pub(super) dynamic_anchor: String,
    /// A bit of [`super::validate::Type`] for each name.
    pub(super) types: u8,
    pub(super) one_of_values: Option<Vec<Json>>,
    pub(super) constant: Option<Json>,
    pub(super) format: Option<(Arc<str>, Format)>,

    pub(super) not: Option<NodeId>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) condition: Option<NodeId>,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,

    pub(super) min_properties: Option<i64>,
    pub(super) max_properties: Option<i64>,
    pub(super) required: Vec<Arc<str>>,
    pub(super) properties: BTreeMap<Arc<str>, NodeId>,
    pub(super) pattern_properties: Vec<(Regex, NodeId)>,
    pub(super) additional_properties: Option<Additional>,
    pub(super) property_names: Option<NodeId>,
    pub(super) dependencies: Vec<(Arc<str>, Dependency)>,
    pub(super) dependent_schemas: Vec<(Arc<str>, NodeId)>,
    pub(super) dependent_required: Vec<(Arc<str>, Vec<Arc<str>>)>,
    pub(super) unevaluated_properties: Option<NodeId>,

    pub(super) min_items: Option<i64>,
    pub(super) max_items: Option<i64>,
    pub(super) unique_items: bool,
    pub(super) items: Option<Items>,
    pub(super) additional_items: Option<Additional>,
    pub(super) prefix_items: Vec<NodeId>,
    pub(super) rest_items: Option<NodeId>,
    pub(super) contains: Option<NodeId>,
    pub(super) min_contains: Option<i64>,
    pub(super) max_contains: Option<i64>,
    pub(super) unevaluated_items: Option<NodeId>,

    pub(super) min_length: Option<i64>,
    pub(super) max_length: Option<i64>,
    pub(super) pattern: Option<(Arc<str>, Regex)>,

    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) exclusive_minimum: Option<Bound>,
    pub(super) exclusive_maximum: Option<Bound>,
    pub(super) multiple_of: Option<Bound>,
}

/// A number, exact and as written.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) value: Decimal,
    pub(super) text: Arc<str>,
}

impl Bound {
    pub(super) fn new(text: &Arc<str>) -> Option<Self> {
        Some(Self { value: Decimal::parse(text)?, text: Arc::clone(text) })
    }
}

impl Node {
    /// Returns where the schema is, as error texts show it.
    pub(super) fn location(&self) -> String {
        place::shown(&self.address, &self.pointer)
    }
}

/// Compiles what the schema at an address leads to.
pub(super) struct Compiler {
    documents: Documents,
    nodes: Vec<Node>,
    by_place: HashMap<(Arc<str>, String), NodeId>,
    /// Expressions met before.
    patterns: HashMap<String, Regex>,
    asserts_format: bool,
    /// The names of all properties that the values have, if nothing else of the schema needs to be compiled.
    names: Option<HashSet<Arc<str>>>,
}

impl Compiler {
    /// Compiles a document of that address for these values.
    ///
    /// # Errors
    /// What is wrong with the schema or what it refers to, in the words of Helm's library.
    pub(super) fn compile(address: &str, content: Json, values: &Json) -> Result<Schemas, String> {
        let mut documents = Documents::default();
        let is_ordinary = ordinary::is_ordinary(&content);
        documents.add(address, content);
        let names = is_ordinary.then(|| {
            documents.set_ordinary(address);
            let mut names = HashSet::new();
            ordinary::names(values, &mut names);
            names
        });
        Self::run(documents, address, false, names)
    }

    /// Compiles all of a document, and holds it against its metaschema, even if it is ordinary.
    #[cfg(test)]
    pub(super) fn compile_whole(address: &str, content: Json) -> Result<Schemas, String> {
        let mut documents = Documents::default();
        documents.add(address, content);
        Self::run(documents, address, false, None)
    }

    /// Returns the metaschema of a draft, compiled once.
    pub(super) fn metaschema(draft: Draft) -> &'static Schemas {
        static KNOWN: [OnceLock<Schemas>; 5] = [const { OnceLock::new() }; 5];
        KNOWN[draft as usize].get_or_init(|| {
            Self::run(Documents::default(), draft.address(), true, None).expect("the metaschemas are schemas")
        })
    }

    fn run(
        documents: Documents,
        address: &str,
        asserts_format: bool,
        names: Option<HashSet<Arc<str>>>,
    ) -> Result<Schemas, String> {
        let mut compiler = Self {
            documents,
            nodes: Vec::new(),
            by_place: HashMap::new(),
            patterns: HashMap::new(),
            asserts_format,
            names,
        };
        let pointer = compiler.documents.locate(address, "")?;
        let root = compiler.queue(&address.into(), pointer);
        let mut done = 0;
        while done < compiler.nodes.len() {
            if done > MAX_NODES {
                return Err(format!("the schema has more than {MAX_NODES} parts"));
            }
            compiler.node(done)?;
            done += 1;
        }
        Ok(Schemas { nodes: compiler.nodes, root })
    }

    /// Returns the schema at a place, to be compiled later if it is new.
    fn queue(&mut self, address: &Arc<str>, pointer: String) -> NodeId {
        let key = (Arc::clone(address), pointer);
        if let Some(known) = self.by_place.get(&key) {
            return *known;
        }
        let id = self.nodes.len();
        self.nodes.push(Node { address: Arc::clone(address), pointer: key.1.clone(), ..Node::default() });
        self.by_place.insert(key, id);
        id
    }

    fn node(&mut self, id: NodeId) -> Result<(), String> {
        let (address, pointer) = (Arc::clone(&self.nodes[id].address), self.nodes[id].pointer.clone());
        self.documents.ensure_schema(&address, &pointer)?;
        let document = self.documents.get(&address);
        let content = Arc::clone(&document.content);
        let schema = place::look_up(&address, &pointer, &content)?;
        let (within, resource) = document.resource(&pointer);
        let (within, resource) = (within.to_owned(), resource.clone());
        let draft = resource.dialect.draft;
        let resource_id = self.queue(&address, within.clone());
        let mut node = Node { draft: Some(draft), resource: resource_id, ..Node::default() };
        if draft >= Draft::D2020 && within == pointer {
            for (anchor, place) in &resource.anchors {
                if resource.dynamic_anchors.contains(anchor) {
                    let target = self.queue(&address, place.clone());
                    node.dynamic_anchors.insert(anchor.clone(), target);
                }
            }
        }
        match schema {
            Json::Bool(value) => node.boolean = Some(*value),
            Json::Map(words) if words.is_empty() => node.boolean = Some(true),
            Json::Map(words) => {
                let words = Words { words, address: &address, pointer: &pointer };
                self.words(&words, &resource.address, &resource.dialect, &mut node)?;
            }
            _ => {}
        }
        node.all_properties_evaluated = node.additional_properties.is_some();
        if draft < Draft::D2020 {
            node.all_items_evaluated =
                node.additional_items.is_some() || matches!(node.items, Some(Items::Every(_)));
            if let Some(Items::Each(items)) = &node.items {
                node.items_evaluated = items.len();
            }
        } else {
            node.all_items_evaluated = node.rest_items.is_some();
            node.items_evaluated = node.prefix_items.len();
        }
        (node.address, node.pointer) = (address, pointer);
        self.nodes[id] = node;
        Ok(())
    }

    fn words(
        &mut self,
        words: &Words<'_>,
        base: &str,
        dialect: &Dialect,
        node: &mut Node,
    ) -> Result<(), String> {
        let draft = dialect.draft;
        node.reference = self.reference(words, "$ref", base)?;
        if draft < Draft::D2019 && node.reference.is_some() {
            // Beside a reference nothing counts, except in the library that Helm uses: `const` does.
            node.constant = if draft >= Draft::D6 { words.get("const").cloned() } else { None };
            return Ok(());
        }
        if dialect.has("applicator") {
            self.applicators(words, draft, node)?;
        }
        if dialect.has("validation") {
            self.validations(words, draft, node)?;
        }
        if (self.asserts_format || dialect.asserts_format())
            && let Some(name) = words.text("format")
        {
            node.format = formats::named(&name).map(|format| (name, format));
        }
        if draft >= Draft::D2019 {
            node.recursive_reference = self.reference(words, "$recursiveRef", base)?;
            node.recursive_anchor = words.is_true("$recursiveAnchor");
            let has_unevaluated =
                dialect.has(if draft == Draft::D2019 { "applicator" } else { "unevaluated" });
            if has_unevaluated {
                node.unevaluated_items = self.inner(words, "unevaluatedItems");
                node.unevaluated_properties = self.inner(words, "unevaluatedProperties");
            }
        }
        if draft >= Draft::D2020 {
            if let Some(target) = self.reference(words, "$dynamicRef", base)? {
                let text = words.text("$dynamicRef").unwrap_or_default();
                let (_, fragment) = place::split_decoded(&text)?;
                let anchor = if fragment.starts_with('/') { String::new() } else { fragment };
                node.dynamic_reference = Some((target, anchor));
            }
            node.dynamic_anchor = words.text("$dynamicAnchor").unwrap_or_default().to_string();
        }
        Ok(())
    }

    fn applicators(&mut self, words: &Words<'_>, draft: Draft, node: &mut Node) -> Result<(), String> {
        node.all_of = self.each(words, "allOf");
        node.any_of = self.each(words, "anyOf");
        node.one_of = self.each(words, "oneOf");
        node.not = self.inner(words, "not");
        if draft >= Draft::D2020 {
            node.prefix_items = self.each(words, "prefixItems");
            node.rest_items = self.inner(words, "items");
        } else if matches!(words.get("items"), Some(Json::List(_))) {
            node.items = Some(Items::Each(self.each(words, "items")));
            node.additional_items = self.additional(words, "additionalItems");
        } else {
            node.items = self.inner(words, "items").map(Items::Every);
        }
        node.properties = self.properties(words);
        for (pattern, schema) in self.by_key(words, "patternProperties") {
            let regex = self.regex(words, "patternProperties", &pattern)?;
            node.pattern_properties.push((regex, schema));
        }
        node.additional_properties = self.additional(words, "additionalProperties");
        if let Some(Json::Map(dependencies)) = words.get("dependencies") {
            for (name, value) in dependencies.iter() {
                let dependency = match value {
                    Json::List(names) => Dependency::Names(texts(names)),
                    _ => Dependency::Schema(self.below(words, "dependencies", name)),
                };
                node.dependencies.push((Arc::clone(name), dependency));
            }
        }
        if draft >= Draft::D6 {
            node.contains = self.inner(words, "contains");
            node.property_names = self.inner(words, "propertyNames");
        }
        if draft >= Draft::D7 {
            node.condition = self.inner(words, "if");
            if node.condition.is_some() {
                let fixed = match words.get("if") {
                    Some(Json::Bool(fixed)) => Some(*fixed),
                    _ => None,
                };
                if fixed != Some(false) {
                    node.then = self.inner(words, "then");
                }
                if fixed != Some(true) {
                    node.otherwise = self.inner(words, "else");
                }
            }
        }
        if draft >= Draft::D2019 {
            node.dependent_schemas = self.by_key(words, "dependentSchemas");
        }
        Ok(())
    }

    fn reference(&mut self, words: &Words<'_>, word: &str, base: &str) -> Result<Option<NodeId>, String> {
        let Some(text) = words.text(word) else { return Ok(None) };
        let (address, fragment) = place::join(base, &text)?;
        let here = self.documents.get(words.address).resolve(words.address, &address, &fragment)?;
        Ok(Some(match here {
            Some(pointer) => self.queue(words.address, pointer),
            None => {
                let pointer = self.documents.locate(&address, &fragment)?;
                self.queue(&address.into(), pointer)
            }
        }))
    }

    fn below(&mut self, words: &Words<'_>, word: &str, key: &str) -> NodeId {
        self.queue(words.address, format!("{}/{word}/{}", words.pointer, place::escape(key)))
    }

    fn inner(&mut self, words: &Words<'_>, word: &str) -> Option<NodeId> {
        words.get(word)?;
        Some(self.queue(words.address, format!("{}/{word}", words.pointer)))
    }

    fn each(&mut self, words: &Words<'_>, word: &str) -> Vec<NodeId> {
        let Some(Json::List(items)) = words.get(word) else { return Vec::new() };
        (0..items.len()).map(|index| self.below(words, word, &index.to_string())).collect()
    }

    fn by_key(&mut self, words: &Words<'_>, word: &str) -> Vec<(Arc<str>, NodeId)> {
        let Some(Json::Map(map)) = words.get(word) else { return Vec::new() };
        map.keys().map(|key| (Arc::clone(key), self.below(words, word, key))).collect()
    }

    fn properties(&mut self, words: &Words<'_>) -> BTreeMap<Arc<str>, NodeId> {
        let Some(Json::Map(map)) = words.get("properties") else { return BTreeMap::new() };
        map.keys()
            .filter_map(|name| {
                let is_reached = self.names.as_ref().is_none_or(|names| names.contains(name));
                is_reached.then(|| (Arc::clone(name), self.below(words, "properties", name)))
            })
            .collect()
    }

    fn regex(&mut self, words: &Words<'_>, word: &str, pattern: &str) -> Result<Regex, String> {
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(known.clone());
        }
        let regex = wharf_regexp::compile(pattern).map_err(|error| {
            let place = place::shown(words.address, &format!("{}/{word}", words.pointer));
            format!("invalid regex {} at {}: {error}", Quoted(pattern), Quoted(&place))
        })?;
        self.patterns.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }

    fn additional(&mut self, words: &Words<'_>, word: &str) -> Option<Additional> {
        match words.get(word)? {
            Json::Bool(value) => Some(Additional::Bool(*value)),
            _ => self.inner(words, word).map(Additional::Schema),
        }
    }

    fn validations(&mut self, words: &Words<'_>, draft: Draft, node: &mut Node) -> Result<(), String> {
        node.types = match words.get("type") {
            Some(Json::String(name)) => super::validate::type_bit(name),
            Some(Json::List(names)) => {
                texts(names).iter().fold(0, |types, name| types | super::validate::type_bit(name))
            }
            _ => 0,
        };
        if let Some(Json::List(values)) = words.get("enum") {
            node.one_of_values = Some(values.clone());
        }
        node.multiple_of = words.number("multipleOf");
        node.maximum = words.number("maximum");
        node.exclusive_maximum = match words.is_true("exclusiveMaximum") {
            true => node.maximum.take(),
            false => words.number("exclusiveMaximum"),
        };
        node.minimum = words.number("minimum");
        node.exclusive_minimum = match words.is_true("exclusiveMinimum") {
            true => node.minimum.take(),
            false => words.number("exclusiveMinimum"),
        };
        node.min_length = words.count("minLength");
        node.max_length = words.count("maxLength");
        if let Some(pattern) = words.text("pattern") {
            let regex = self.regex(words, "pattern", &pattern)?;
            node.pattern = Some((pattern, regex));
        }
        node.min_items = words.count("minItems");
        node.max_items = words.count("maxItems");
        node.unique_items = words.is_true("uniqueItems");
        node.max_properties = words.count("maxProperties");
        node.min_properties = words.count("minProperties");
        if let Some(Json::List(names)) = words.get("required") {
            node.required = texts(names);
        }
        if draft >= Draft::D6 {
            node.constant = words.get("const").cloned();
        }
        if draft >= Draft::D2019 {
            if node.contains.is_some() {
                node.min_contains = words.count("minContains");
                node.max_contains = words.count("maxContains");
            }
            if let Some(Json::Map(map)) = words.get("dependentRequired") {
                node.dependent_required = map
                    .iter()
                    .filter_map(|(name, value)| match value {
                        Json::List(names) => Some((Arc::clone(name), texts(names))),
                        _ => None,
                    })
                    .collect();
            }
        }
        Ok(())
    }
}

fn texts(values: &[Json]) -> Vec<Arc<str>> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(Arc::clone(text)),
        _ => None,
    };
    values.iter().filter_map(text).collect()
}

/// The words of one schema, and where it is.
struct Words<'s> {
    words: &'s JsonMap,
    address: &'s Arc<str>,
    pointer: &'s str,
}

impl Words<'_> {
    fn get(&self, word: &str) -> Option<&Json> {
        self.words.get(word)
    }

    fn text(&self, word: &str) -> Option<Arc<str>> {
        match self.get(word) {
            Some(Json::String(text)) => Some(Arc::clone(text)),
            _ => None,
        }
    }

    fn is_true(&self, word: &str) -> bool {
        matches!(self.get(word), Some(Json::Bool(true)))
    }

    fn number(&self, word: &str) -> Option<Bound> {
        match self.get(word) {
            Some(Json::Number(text)) => Bound::new(text),
            _ => None,
        }
    }

    fn count(&self, word: &str) -> Option<i64> {
        self.number(word)?.value.count()
    }
}
