//! Schema documents: what they are, which addresses and anchors are in them, and what references lead to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use wharf_yaml::Json;

use super::compile::Compiler;
use super::draft::{Dialect, Draft, metaschema, published};
use super::place::{self, Address};
use super::validate::Validator;
use crate::quote::Quoted;

/// A schema with an address of its own; the root of a document is always one.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) address: String,
    pub(super) dialect: Dialect,
    pub(super) anchors: BTreeMap<String, String>,
    pub(super) dynamic_anchors: Vec<String>,
}

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) content: Arc<Json>,
    /// By pointer.
    pub(super) resources: BTreeMap<String, Resource>,
    /// The pointers of resources, by address.
    by_address: HashMap<String, String>,
    /// Pointers of schemas already looked through.
    seen: HashSet<String>,
    /// Whether nothing is wrong with any schema inside, and none has an address or an anchor.
    is_ordinary: bool,
}

/// The documents of one compilation, by address.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// Read, but perhaps not looked through.
    contents: HashMap<String, Arc<Json>>,
    known: HashMap<String, Document>,
    /// Addresses of ordinary schemas.
    ordinary: HashSet<String>,
}

impl Document {
    /// Returns the pointer of the resource in which a pointer lies, and the resource.
    pub(super) fn resource(&self, pointer: &str) -> (&str, &Resource) {
        let mut outer = if self.is_ordinary { "" } else { pointer };
        loop {
            if let Some((pointer, resource)) = self.resources.get_key_value(outer) {
                return (pointer, resource);
            }
            let Some(slash) = outer.rfind('/') else { break };
            outer = &outer[..slash];
        }
        let (pointer, resource) = self.resources.get_key_value("").expect("the root is a resource");
        (pointer, resource)
    }

    /// Returns the pointer that a fragment stands for in a resource.
    fn fragment(&self, address: &str, fragment: &str, within: &str) -> Result<String, String> {
        if fragment.is_empty() || fragment.starts_with('/') {
            return Ok(format!("{within}{fragment}"));
        }
        let resource = &self.resources[within];
        resource.anchors.get(fragment).cloned().ok_or_else(|| {
            let reference = place::shown(&resource.address, fragment);
            format!("anchor in {} not found in schema {}", Quoted(&reference), Quoted(address))
        })
    }

    /// Returns the pointer of a reference that stays in this document.
    pub(super) fn resolve(&self, own: &str, address: &str, fragment: &str) -> Result<Option<String>, String> {
        let within = if address == own { Some("") } else { self.by_address.get(address).map(String::as_str) };
        within.map(|within| self.fragment(own, fragment, within)).transpose()
    }
}

impl Documents {
    /// Adds a document that was read.
    pub(super) fn add(&mut self, address: &str, content: Json) {
        self.contents.insert(address.to_owned(), Arc::new(content));
    }

    /// Says that a document added before is an ordinary schema ([`super::ordinary`]).
    pub(super) fn set_ordinary(&mut self, address: &str) {
        self.ordinary.insert(address.to_owned());
    }

    /// Returns a document that was looked through.
    pub(super) fn get(&self, address: &str) -> &Document {
        &self.known[address]
    }

    /// Returns the pointer that an address with a fragment stands for, reading the document if it is new.
    pub(super) fn locate(&mut self, address: &str, fragment: &str) -> Result<String, String> {
        self.ensure(address)?;
        self.known[address].fragment(address, fragment, "")
    }

    /// Looks through a document, and a schema in it that no known word leads to.
    pub(super) fn ensure_schema(&mut self, address: &str, pointer: &str) -> Result<(), String> {
        self.ensure(address)?;
        let document = &self.known[address];
        if document.is_ordinary || document.seen.contains(pointer) {
            return Ok(());
        }
        let content = Arc::clone(&document.content);
        let schema = place::look_up(address, pointer, &content)?;
        let (_, base) = document.resource(pointer);
        let (base_address, dialect) = (base.address.clone(), base.dialect.clone());
        let mut document = self.known.remove(address).expect("it was just looked at");
        let collected = self.collect(&mut document, address, schema, &base_address, pointer, &dialect);
        let checked = collected.and_then(|()| {
            if !document.resources.contains_key(pointer) {
                let within = document.resource(pointer).0.to_owned();
                anchors(&mut document, address, schema, pointer, &within)?;
            }
            if published(address).is_none() { check(&document, address, schema, pointer) } else { Ok(()) }
        });
        self.known.insert(address.to_owned(), document);
        checked
    }

    fn ensure(&mut self, address: &str) -> Result<(), String> {
        if self.known.contains_key(address) {
            return Ok(());
        }
        let content = self.load(address)?;
        let mut document = Document {
            content: Arc::clone(&content),
            resources: BTreeMap::new(),
            by_address: HashMap::new(),
            seen: HashSet::new(),
            is_ordinary: self.ordinary.contains(address),
        };
        let usual = Dialect { draft: Draft::LATEST, vocabularies: None };
        self.collect(&mut document, address, &content, address, "", &usual)?;
        if !document.is_ordinary && published(address).is_none() {
            check(&document, address, &content, "")?;
        }
        self.known.insert(address.to_owned(), document);
        Ok(())
    }

    /// Returns the content of a document. Nothing is fetched and no file is read.
    fn load(&mut self, address: &str) -> Result<Arc<Json>, String> {
        if let Some(content) = self.contents.get(address) {
            return Ok(Arc::clone(content));
        }
        let failed = |problem: String| format!("failing loading {}: {problem}", Quoted(address));
        let content = match metaschema(address) {
            Some(content) => content,
            None => match Address::parse(address).map_err(failed)?.scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => {
                    return Err(failed(format!(
                        "HTTP request failed for {address}: schemas are not fetched from the network; \
                         --skip-schema-validation goes on without them"
                    )));
                }
                "file" => {
                    return Err(failed("a chart's schema may not read files of this machine".to_owned()));
                }
                // Helm says so in its log and goes on.
                "urn" => Json::Bool(true),
                _ => return Err(failed(format!("no URLLoader registered for {}", Quoted(address)))),
            },
        };
        let content = Arc::new(content);
        self.contents.insert(address.to_owned(), Arc::clone(&content));
        Ok(content)
    }

    /// Finds the resources and anchors of a schema and of all inside it.
    fn collect(
        &mut self,
        document: &mut Document,
        own: &str,
        schema: &Json,
        base: &str,
        pointer: &str,
        fallback: &Dialect,
    ) -> Result<(), String> {
        if document.seen.contains(pointer) {
            return Ok(());
        }
        let Json::Map(words) = schema else {
            if pointer.is_empty() {
                let resource = Resource::new(base, fallback.clone());
                document.by_address.insert(base.to_owned(), String::new());
                document.resources.insert(String::new(), resource);
            }
            document.seen.insert(pointer.to_owned());
            return Ok(());
        };
        let mut stated = match words.get("$schema") {
            Some(Json::String(stated)) => Some(&**stated),
            _ => None,
        };
        let mut draft = self.draft(own, pointer, schema, fallback.draft, &mut HashSet::new())?;
        let mut id = draft.id(words);
        if id.is_none() && !pointer.is_empty() {
            (draft, stated) = (fallback.draft, None);
            id = draft.id(words);
        }
        let mut base = base.to_owned();
        if let Some(id) = id {
            (base, _) = place::join(&base, id)
                .map_err(|_| format!("error in parsing id at {}", Quoted(&place::shown(own, pointer))))?;
        }
        if id.is_some() || pointer.is_empty() {
            match document.by_address.get(&base) {
                Some(other) if other != pointer => {
                    return Err(format!(
                        "duplicate id {} in {} at {} and {}",
                        Quoted(&base),
                        Quoted(own),
                        Quoted(pointer),
                        Quoted(other)
                    ));
                }
                Some(_) => {}
                None => {
                    let dialect = match stated {
                        Some(stated) => Dialect { draft, vocabularies: self.vocabularies(stated, draft)? },
                        None => fallback.clone(),
                    };
                    document.by_address.insert(base.clone(), pointer.to_owned());
                    document.resources.insert(pointer.to_owned(), Resource::new(&base, dialect));
                }
            }
        }
        let within = document.by_address.get(&base).cloned().unwrap_or_default();
        anchors(document, own, schema, pointer, &within)?;
        if document.is_ordinary {
            return Ok(());
        }
        let dialect = document.resources[&within].dialect.clone();
        for (pointer, inner) in draft.inner(schema, pointer) {
            self.collect(document, own, inner, &base, &pointer, &dialect)?;
        }
        document.seen.insert(pointer.to_owned());
        Ok(())
    }

    /// Returns the draft of a schema, through the metaschemas that `$schema` names.
    fn draft(
        &mut self,
        own: &str,
        pointer: &str,
        schema: &Json,
        usual: Draft,
        circle: &mut HashSet<String>,
    ) -> Result<Draft, String> {
        let Json::Map(words) = schema else { return Ok(usual) };
        let Some(Json::String(stated)) = words.get("$schema") else { return Ok(usual) };
        if let Some(draft) = Draft::named(stated) {
            return Ok(draft);
        }
        let (address, _) = place::split(stated);
        if let Err(problem) = Address::parse(address) {
            return Err(format!("invalid $schema in {}: {problem}", Quoted(&place::shown(own, pointer))));
        }
        if pointer.is_empty() && address == own {
            return Err(format!("draft {} is not supported", Quoted(address)));
        }
        if !circle.insert(address.to_owned()) {
            return Err(format!("cycle in resolving $schema in {}", Quoted(address)));
        }
        let content = self.load(address)?;
        self.draft(address, "", &content, usual, circle)
    }

    /// Returns the vocabularies that a custom metaschema asks for.
    fn vocabularies(&mut self, stated: &str, draft: Draft) -> Result<Option<Vec<String>>, String> {
        if Draft::named(stated).is_some() || draft < Draft::D2019 {
            return Ok(None);
        }
        let (address, _) = place::split(stated);
        let content = self.load(address)?;
        let Json::Map(words) = &*content else { return Ok(None) };
        let Some(Json::Map(wanted)) = words.get("$vocabulary") else { return Ok(None) };
        let prefix = draft.address().replace("/schema", "/vocab/");
        let mut names = Vec::new();
        for (vocabulary, needed) in wanted.iter() {
            if *needed != Json::Bool(true) {
                continue;
            }
            match vocabulary.strip_prefix(prefix.as_str()) {
                Some(name) => names.push(name.to_owned()),
                None => {
                    return Err(format!(
                        "unsupported vocabulary {} in {}",
                        Quoted(vocabulary),
                        Quoted(address)
                    ));
                }
            }
        }
        if !names.iter().any(|name| name == "core") {
            names.push("core".to_owned());
        }
        Ok(Some(names))
    }
}

impl Resource {
    fn new(address: &str, dialect: Dialect) -> Self {
        Self { address: address.to_owned(), dialect, anchors: BTreeMap::new(), dynamic_anchors: Vec::new() }
    }
}

/// Adds the anchors that a schema states to the resource it lies in.
fn anchors(
    document: &mut Document,
    own: &str,
    schema: &Json,
    pointer: &str,
    within: &str,
) -> Result<(), String> {
    let Json::Map(words) = schema else { return Ok(()) };
    let resource = document.resources.get_mut(within).expect("schemas lie in resources");
    let draft = resource.dialect.draft;
    let text = |word: &str| match words.get(word) {
        Some(Json::String(text)) => Some(text.to_string()),
        _ => None,
    };
    let mut add = |anchor: String| match resource.anchors.get(&anchor) {
        Some(other) if other != pointer => Err(format!(
            "duplicate anchor {} in {} at {} and {}",
            Quoted(&anchor),
            Quoted(own),
            Quoted(other),
            Quoted(pointer)
        )),
        Some(_) => Ok(()),
        None => {
            resource.anchors.insert(anchor, pointer.to_owned());
            Ok(())
        }
    };
    if draft < Draft::D2019 {
        if words.contains_key("$ref") {
            return Ok(());
        }
        if let Some(id) = text(draft.id_word()) {
            let (_, fragment) = place::split_decoded(&id)
                .map_err(|_| format!("error in parsing anchor at {}", Quoted(&place::shown(own, pointer))))?;
            if !fragment.is_empty() && !fragment.starts_with('/') {
                add(fragment)?;
            }
        }
        return Ok(());
    }
    if let Some(anchor) = text("$anchor") {
        add(anchor)?;
    }
    if draft >= Draft::D2020
        && let Some(anchor) = text("$dynamicAnchor")
    {
        add(anchor.clone())?;
        resource.dynamic_anchors.push(anchor);
    }
    Ok(())
}

/// Holds a schema against the metaschema of its draft.
fn check(document: &Document, own: &str, schema: &Json, pointer: &str) -> Result<(), String> {
    let (_, resource) = document.resource(pointer);
    let metaschema = Compiler::metaschema(resource.dialect.draft);
    let validator = Validator::new(metaschema).of_schema(&document.resources);
    match validator.run(schema)? {
        None => Ok(()),
        Some(fault) => Err(format!(
            "{} is not valid against metaschema: {}",
            Quoted(&place::shown(own, pointer)),
            fault.text()
        )),
    }
}
