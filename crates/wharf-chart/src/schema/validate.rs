//! Values held against compiled schemas.
//!
//! The order of the faults is that of Helm's library, where that has one: properties come in the order of their names, which
//! Go visits in a random order.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use wharf_yaml::{Json, JsonMap};

use super::compile::{Additional, Bound, Compiler, Dependency, Items, Node, NodeId, Schemas};
use super::decimal::Decimal;
use super::documents::Resource;
use super::draft::Draft;
use super::fault::{Fault, Kind, all_quoted, english, grouped, quoted};
use super::place;
use crate::quote::Quoted;

/// How many schemas may be applied within each other to reach a value.
const MAX_DEPTH: u32 = 400;
/// How often schemas may be applied in one check.
const MAX_STEPS: u64 = 5_000_000;

/// The names of types, in the order in which they are listed; the position is the bit.
const TYPES: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];
const NUMBER: usize = 2;
const INTEGER: u8 = 1 << 3;

/// Returns the bit of a type; none for what is no type.
pub(super) fn type_bit(name: &str) -> u8 {
    TYPES.iter().position(|known| *known == name).map_or(0, |at| 1 << at)
}

fn type_of(value: &Json) -> usize {
    match value {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(_) => NUMBER,
        Json::String(_) => 4,
        Json::List(_) => 5,
        Json::Map(_) => 6,
    }
}

/// Holds values against one set of schemas.
pub(super) struct Validator<'s> {
    schemas: &'s Schemas,
    /// Where the value is itself a schema: its parts with addresses of their own, which may follow other drafts.
    resources: Option<&'s BTreeMap<String, Resource>>,
    steps: Cell<u64>,
    /// Why the check was given up.
    stopped: Cell<Option<&'static str>>,
}

/// One application of a schema to a value.
#[derive(Clone, Copy)]
struct Frame<'f> {
    schemas: &'f Schemas,
    id: NodeId,
    value: &'f Json,
    path: &'f Path<'f>,
    scope: &'f Scope<'f>,
    /// Only whether the value fits is wanted, not why not.
    quiet: bool,
}

/// The way to a value, from its end.
struct Path<'f>(Option<(&'f Self, Token<'f>)>);

#[derive(Clone, Copy)]
enum Token<'f> {
    Name(&'f str),
    Index(usize),
}

impl Path<'_> {
    fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        let mut path = self;
        while let Some((outer, token)) = &path.0 {
            tokens.push(match token {
                Token::Name(name) => (*name).to_owned(),
                Token::Index(index) => index.to_string(),
            });
            path = outer;
        }
        tokens.reverse();
        tokens
    }
}

/// The schemas that led here.
struct Scope<'f> {
    schemas: &'f Schemas,
    id: NodeId,
    /// The word of the reference that led here, if it was one.
    keyword: &'static str,
    /// How deep in the value; the same for schemas of the same value.
    level: u32,
    depth: u32,
    outer: Option<&'f Self>,
}

impl Scope<'_> {
    fn node(&self) -> &Node {
        &self.schemas.nodes[self.id]
    }

    /// Returns the outer scope in which the same schema is applied to the same value.
    fn circle(&self) -> Option<&Self> {
        let mut scope = self.outer;
        while let Some(outer) = scope.filter(|outer| outer.level == self.level) {
            if outer.id == self.id && std::ptr::eq(outer.schemas, self.schemas) {
                return Some(outer);
            }
            scope = outer.outer;
        }
        None
    }

    /// Returns the words that led here from the outermost schema.
    fn words(&self) -> String {
        let mut parts = Vec::new();
        let mut scope = self;
        while let Some(outer) = scope.outer {
            if scope.keyword.is_empty() {
                let (own, before) = (scope.node().location(), outer.node().location());
                parts.push(own.get(before.len()..).unwrap_or_default().to_owned());
            } else {
                parts.push(format!("/{}", place::escape(scope.keyword)));
            }
            scope = outer;
        }
        parts.reverse();
        parts.concat()
    }
}

/// What no schema has looked at yet, where someone wants to know.
#[derive(Default)]
struct Unseen {
    names: BTreeSet<Arc<str>>,
    indices: BTreeSet<usize>,
}

impl Unseen {
    fn new(frame: &Frame<'_>, is_wanted: bool) -> Self {
        let node = &frame.schemas.nodes[frame.id];
        let mut unseen = Self::default();
        match frame.value {
            Json::Map(map)
                if !node.all_properties_evaluated && (is_wanted || node.unevaluated_properties.is_some()) =>
            {
                unseen.names = map.keys().cloned().collect();
            }
            Json::List(items)
                if !node.all_items_evaluated && (is_wanted || node.unevaluated_items.is_some()) =>
            {
                unseen.indices = (node.items_evaluated..items.len()).collect();
            }
            _ => {}
        }
        unseen
    }

    fn merge(&mut self, other: &Self) {
        self.names.retain(|name| other.names.contains(name));
        self.indices.retain(|index| other.indices.contains(index));
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.indices.is_empty()
    }
}

type Outcome = Result<Unseen, Fault>;

impl<'s> Validator<'s> {
    pub(super) fn new(schemas: &'s Schemas) -> Self {
        Self { schemas, resources: None, steps: Cell::new(0), stopped: Cell::new(None) }
    }

    /// Says that the values are schemas, with these parts.
    pub(super) fn of_schema(self, resources: &'s BTreeMap<String, Resource>) -> Self {
        Self { resources: Some(resources), ..self }
    }

    /// Returns what does not fit, if anything.
    ///
    /// # Errors
    /// The check is too deep or takes too many steps.
    pub(super) fn run(&self, value: &Json) -> Result<Option<Fault>, String> {
        let fault = self.whole(self.schemas, self.schemas.root, value, 0);
        match self.stopped.get() {
            Some(words) => Err(words.to_owned()),
            None => Ok(fault),
        }
    }

    /// Holds a value against a schema as if nothing led to either.
    fn whole(&self, schemas: &Schemas, id: NodeId, value: &Json, depth: u32) -> Option<Fault> {
        let scope = Scope { schemas, id, keyword: "", level: 0, depth, outer: None };
        let frame = Frame { schemas, id, value, path: &Path(None), scope: &scope, quiet: false };
        let fault = self.apply(frame, false).err()?;
        let causes = match fault.kind {
            Kind::Group => fault.causes,
            _ => vec![fault],
        };
        let kind = Kind::Schema(schemas.nodes[id].location());
        Some(Fault { location: Vec::new(), kind, causes })
    }

    fn apply(&self, frame: Frame<'_>, is_unseen_wanted: bool) -> Outcome {
        let unseen = Unseen::new(&frame, is_unseen_wanted);
        if self.stopped.get().is_some() {
            return Ok(unseen);
        }
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            self.stopped.set(Some("holding the values against the schema takes more than 5000000 steps"));
        }
        if frame.scope.depth > MAX_DEPTH {
            self.stopped.set(Some("the schema is applied more than 400 levels deep"));
        }
        let node = &frame.schemas.nodes[frame.id];
        match node.boolean {
            Some(true) => return Ok(unseen),
            Some(false) => return Err(frame.fault(|| "false schema".into())),
            None => {}
        }
        if let Some(circle) = frame.scope.circle() {
            return Err(frame.fault(|| {
                let (one, two) = (frame.scope.words(), circle.words());
                format!(
                    "both {one} and {two} resolve to {} causing reference cycle",
                    Quoted(&node.location())
                )
            }));
        }
        frame.simple(node)?;
        let mut check = Check { validator: self, frame, node, unseen, faults: Vec::new() };
        if let Some(target) = node.reference {
            let outcome = check.reference(frame.schemas, target, "$ref");
            if node.draft < Some(Draft::D2019) {
                return outcome.map(|()| check.unseen);
            }
            check.add(outcome);
        }
        match frame.value {
            Json::Map(map) => check.map(map),
            Json::List(items) => check.list(items),
            Json::String(text) => check.text(text),
            Json::Number(text) => check.number(text),
            Json::Null | Json::Bool(_) => {}
        }
        if check.faults.is_empty() || !frame.quiet {
            let is_new = node.draft >= Some(Draft::D2019);
            if is_new {
                check.moving_references();
            }
            check.conditions();
            if is_new {
                check.unevaluated();
            }
        }
        let mut faults = check.faults;
        match faults.len() {
            0 => Ok(check.unseen),
            1 => Err(faults.remove(0)),
            _ => Err(Fault { causes: faults, ..frame.fault_of(Kind::Group) }),
        }
    }

    /// Returns the schema that stands for the metaschema where the part of a schema follows another draft.
    fn replaced<'f>(&'f self, schemas: &'f Schemas, id: NodeId, path: &Path<'_>) -> (&'f Schemas, NodeId) {
        if let Some(resources) = self.resources
            && id == schemas.root
        {
            let pointer: String =
                path.tokens().iter().map(|token| format!("/{}", place::escape(token))).collect();
            if let Some(resource) = resources.get(&pointer) {
                let metaschema = Compiler::metaschema(resource.dialect.draft);
                return (metaschema, metaschema.root);
            }
        }
        (schemas, id)
    }
}

impl Frame<'_> {
    fn fault_of(&self, kind: Kind) -> Fault {
        if self.quiet {
            return Fault::default();
        }
        Fault { location: self.path.tokens(), kind, causes: Vec::new() }
    }

    fn fault(&self, text: impl FnOnce() -> String) -> Fault {
        if self.quiet { Fault::default() } else { self.fault_of(Kind::Text(text().into())) }
    }

    /// The words after which, if they do not fit, nothing else is looked at.
    fn simple(&self, node: &Node) -> Result<(), Fault> {
        let found = type_of(self.value);
        if node.types != 0 && node.types & (1 << found) == 0 {
            let is_integer = || matches!(self.value, Json::Number(text) if Decimal::parse(text).is_some_and(|n| n.is_integer()));
            if found != NUMBER || node.types & INTEGER == 0 || !is_integer() {
                return Err(self.fault(|| {
                    let wanted = TYPES.iter().enumerate().filter(|(at, _)| node.types & (1 << at) != 0);
                    let wanted: Vec<&str> = wanted.map(|(_, name)| *name).collect();
                    format!("got {}, want {}", TYPES[found], wanted.join(" or "))
                }));
            }
        }
        if let Some(constant) = &node.constant
            && !equal(self.value, constant)
        {
            return Err(self.fault(|| match constant {
                Json::List(_) | Json::Map(_) => "'const' failed".to_owned(),
                other => format!("value must be {}", shown(other)),
            }));
        }
        if let Some(values) = &node.one_of_values
            && !values.iter().any(|value| equal(self.value, value))
        {
            return Err(self.fault(|| {
                if values.iter().any(|value| matches!(value, Json::List(_) | Json::Map(_))) {
                    return "'enum' failed".to_owned();
                }
                let words = if values.len() == 1 { "" } else { "one of " };
                let values: Vec<String> = values.iter().map(shown).collect();
                format!("value must be {words}{}", values.join(", "))
            }));
        }
        if let (Some((name, format)), Json::String(text)) = (&node.format, self.value)
            && let Err(problem) = format(text)
        {
            return Err(self.fault(|| format!("{} is not valid {name}: {problem}", quoted(text))));
        }
        Ok(())
    }
}

/// One schema at work on one value.
struct Check<'c, 'f, 's> {
    validator: &'c Validator<'s>,
    frame: Frame<'f>,
    node: &'f Node,
    unseen: Unseen,
    faults: Vec<Fault>,
}

impl Check<'_, '_, '_> {
    fn add(&mut self, outcome: Result<(), Fault>) {
        self.faults.extend(outcome.err());
    }

    fn say(&mut self, text: impl FnOnce() -> String) {
        let fault = self.frame.fault(text);
        self.faults.push(fault);
    }

    fn say_with(&mut self, causes: Vec<Fault>, text: impl FnOnce() -> String) {
        let fault = Fault { causes, ..self.frame.fault(text) };
        self.faults.push(fault);
    }

    /// Whether enough is known where only the answer is wanted.
    fn is_done(&self) -> bool {
        self.frame.quiet && !self.faults.is_empty()
    }

    /// Applies another schema to the same value.
    fn same(&mut self, id: NodeId, quiet: bool) -> Result<(), Fault> {
        self.same_in(self.frame.schemas, id, "", quiet)
    }

    fn same_in(
        &mut self,
        schemas: &Schemas,
        id: NodeId,
        keyword: &'static str,
        quiet: bool,
    ) -> Result<(), Fault> {
        let outer = self.frame.scope;
        let quiet = self.frame.quiet || quiet;
        let (real, real_id) = self.validator.replaced(schemas, id, self.frame.path);
        let scope =
            Scope { schemas, id, keyword, level: outer.level, depth: outer.depth + 1, outer: Some(outer) };
        let frame = Frame { schemas: real, id: real_id, scope: &scope, quiet, ..self.frame };
        let seen = self.validator.apply(frame, !self.unseen.is_empty())?;
        self.unseen.merge(&seen);
        Ok(())
    }

    /// Applies a schema to a part of the value.
    fn part(&self, id: NodeId, value: &Json, token: Token<'_>) -> Result<(), Fault> {
        let outer = self.frame.scope;
        let path = Path(Some((self.frame.path, token)));
        let (schemas, real_id) = self.validator.replaced(self.frame.schemas, id, &path);
        let scope = Scope {
            schemas: self.frame.schemas,
            id,
            keyword: "",
            level: outer.level + 1,
            depth: outer.depth + 1,
            outer: Some(outer),
        };
        let frame =
            Frame { schemas, id: real_id, value, path: &path, scope: &scope, quiet: self.frame.quiet };
        self.validator.apply(frame, false).map(drop)
    }

    fn reference(&mut self, schemas: &Schemas, target: NodeId, keyword: &'static str) -> Result<(), Fault> {
        self.same_in(schemas, target, keyword, false).map_err(|fault| {
            let causes = match fault.kind {
                Kind::Group => fault.causes,
                _ => vec![fault],
            };
            Fault { causes, ..self.frame.fault_of(Kind::Reference) }
        })
    }

    fn missing<'n>(map: &JsonMap, names: &'n [Arc<str>]) -> Vec<&'n str> {
        names.iter().filter(|name| !map.contains_key(name)).map(|name| &**name).collect()
    }

    fn at_least(&mut self, word: &str, found: usize, wanted: Option<i64>) {
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        if let Some(wanted) = wanted.filter(|wanted| found < *wanted) {
            self.say(|| format!("{word}: got {}, want {}", grouped(found), grouped(wanted)));
        }
    }

    fn at_most(&mut self, word: &str, found: usize, wanted: Option<i64>) {
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        if let Some(wanted) = wanted.filter(|wanted| found > *wanted) {
            self.say(|| format!("{word}: got {}, want {}", grouped(found), grouped(wanted)));
        }
    }

    fn map(&mut self, map: &JsonMap) {
        let node = self.node;
        self.at_least("minProperties", map.len(), node.min_properties);
        self.at_most("maxProperties", map.len(), node.max_properties);
        match Self::missing(map, &node.required)[..] {
            [] => {}
            [name] => self.say(|| format!("missing property {}", quoted(name))),
            ref names => self.say(|| format!("missing properties {}", all_quoted(names.iter().copied()))),
        }
        if self.is_done() {
            return;
        }
        for (name, dependency) in &node.dependencies {
            match dependency {
                _ if !map.contains_key(name) => {}
                Dependency::Names(names) => self.depends(map, name, names),
                Dependency::Schema(id) => {
                    let outcome = self.same(*id, false);
                    self.add(outcome);
                }
            }
        }
        self.properties(map);
        if node.draft == Some(Draft::D4) {
            return;
        }
        if let Some(id) = node.property_names {
            for name in map.keys() {
                self.name(id, name);
            }
        }
        if node.draft == Some(Draft::D6) {
            return;
        }
        for (name, id) in &node.dependent_schemas {
            if map.contains_key(name) {
                let outcome = self.same(*id, false);
                self.add(outcome);
            }
        }
        for (name, names) in &node.dependent_required {
            if map.contains_key(name) {
                self.depends(map, name, names);
            }
        }
    }

    fn depends(&mut self, map: &JsonMap, name: &str, names: &[Arc<str>]) {
        let missing = Self::missing(map, names);
        if !missing.is_empty() {
            self.say(|| format!("properties {} required, if {} exists", all_quoted(missing), quoted(name)));
        }
    }

    fn properties(&mut self, map: &JsonMap) {
        let node = self.node;
        let mut additional = Vec::new();
        for (name, value) in map.iter() {
            if self.is_done() {
                return;
            }
            let mut is_seen = false;
            if let Some(id) = node.properties.get(name) {
                is_seen = true;
                self.add(self.part(*id, value, Token::Name(name)));
            }
            for (regex, id) in &node.pattern_properties {
                if regex.is_match(name) {
                    is_seen = true;
                    self.add(self.part(*id, value, Token::Name(name)));
                }
            }
            match &node.additional_properties {
                _ if is_seen => {}
                None => continue,
                Some(Additional::Bool(true)) => {}
                Some(Additional::Bool(false)) => additional.push(&**name),
                Some(Additional::Schema(id)) => self.add(self.part(*id, value, Token::Name(name))),
            }
            self.unseen.names.remove(name);
        }
        if !additional.is_empty() {
            self.say(|| format!("additional properties {} not allowed", all_quoted(additional)));
        }
    }

    /// Holds the name of a property against a schema.
    fn name(&mut self, id: NodeId, name: &Arc<str>) {
        let (schemas, id) = self.validator.replaced(self.frame.schemas, id, self.frame.path);
        let value = Json::String(Arc::clone(name));
        if let Some(fault) = self.validator.whole(schemas, id, &value, self.frame.scope.depth + 1) {
            let kind = Kind::Text(format!("invalid propertyName {}", quoted(name)).into());
            self.faults.push(Fault { kind, ..fault });
        }
    }

    fn list(&mut self, items: &[Json]) {
        let node = self.node;
        self.at_least("minItems", items.len(), node.min_items);
        self.at_most("maxItems", items.len(), node.max_items);
        if node.unique_items
            && let Some((first, second)) = duplicates(items)
        {
            self.say(|| format!("items at {} and {} are equal", grouped(first), grouped(second)));
        }
        let mut seen = 0;
        if node.draft < Some(Draft::D2020) {
            match &node.items {
                None => {}
                Some(Items::Every(id)) => {
                    seen = items.len();
                    self.each(*id, items);
                }
                Some(Items::Each(ids)) => {
                    seen = ids.len().min(items.len());
                    for (at, (id, item)) in ids.iter().zip(items).enumerate() {
                        self.add(self.part(*id, item, Token::Index(at)));
                    }
                }
            }
            match &node.additional_items {
                Some(Additional::Bool(false)) if seen != items.len() => {
                    let count = i64::try_from(items.len() - seen).unwrap_or(i64::MAX);
                    self.say(|| format!("last {} additionalItem(s) not allowed", grouped(count)));
                }
                // The library counts these from zero again.
                Some(Additional::Schema(id)) => self.each(*id, &items[seen..]),
                _ => {}
            }
        } else {
            for (at, (id, item)) in node.prefix_items.iter().zip(items).enumerate() {
                seen = at + 1;
                self.add(self.part(*id, item, Token::Index(at)));
            }
            if let Some(id) = node.rest_items {
                self.each(id, &items[seen..]);
            }
        }
        if let Some(id) = node.contains {
            self.contains(id, items);
        }
    }

    fn each(&mut self, id: NodeId, items: &[Json]) {
        for (at, item) in items.iter().enumerate() {
            self.add(self.part(id, item, Token::Index(at)));
        }
    }

    fn contains(&mut self, id: NodeId, items: &[Json]) {
        let node = self.node;
        let (mut faults, mut matched) = (Vec::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            match self.part(id, item, Token::Index(at)) {
                Err(fault) => faults.push(fault),
                Ok(()) => {
                    matched.push(at.to_string());
                    if node.draft >= Some(Draft::D2020) {
                        self.unseen.indices.remove(&at);
                    }
                }
            }
        }
        let count = i64::try_from(matched.len()).unwrap_or(i64::MAX);
        match node.min_contains {
            None if matched.is_empty() => {
                self.say_with(faults, || "no items match contains schema".to_owned());
            }
            Some(least) if count < least => self.say_with(faults, || {
                let found = match count {
                    0 => "none matched".to_owned(),
                    _ => format!("matched {} items at {}", grouped(count), matched.join(" ")),
                };
                format!("min {} items required to match contains schema, but {found}", grouped(least))
            }),
            _ => {}
        }
        if let Some(most) = node.max_contains.filter(|most| count > *most) {
            self.say(|| {
                let (most, count) = (grouped(most), grouped(count));
                let places = matched.join(" ");
                format!("max {most} items required to match contains schema, but matched {count} items at {places}")
            });
        }
    }

    fn text(&mut self, text: &str) {
        let node = self.node;
        if node.min_length.is_some() || node.max_length.is_some() {
            let length = text.chars().count();
            self.at_least("minLength", length, node.min_length);
            self.at_most("maxLength", length, node.max_length);
        }
        if let Some((pattern, regex)) = &node.pattern
            && !regex.is_match(text)
        {
            self.say(|| format!("{} does not match pattern {}", quoted(text), quoted(pattern)));
        }
    }

    fn number(&mut self, text: &Arc<str>) {
        let node = self.node;
        let bounds = [&node.minimum, &node.maximum, &node.exclusive_minimum, &node.exclusive_maximum];
        if bounds.iter().all(|bound| bound.is_none()) && node.multiple_of.is_none() {
            return;
        }
        let Some(found) = Bound::new(text) else { return };
        let mut hold = |word: &str, bound: &Option<Bound>, fits: fn(&Decimal, &Decimal) -> bool| {
            if let Some(bound) = bound.as_ref().filter(|bound| !fits(&found.value, &bound.value)) {
                self.say(|| format!("{word}: got {}, want {}", english(&found.text), english(&bound.text)));
            }
        };
        hold("minimum", &node.minimum, |found, bound| found >= bound);
        hold("maximum", &node.maximum, |found, bound| found <= bound);
        hold("exclusiveMinimum", &node.exclusive_minimum, |found, bound| found > bound);
        hold("exclusiveMaximum", &node.exclusive_maximum, |found, bound| found < bound);
        hold("multipleOf", &node.multiple_of, Decimal::is_multiple_of);
    }

    /// References whose target depends on the schemas that led here.
    fn moving_references(&mut self) {
        let schemas = self.frame.schemas;
        if let Some(target) = self.node.recursive_reference {
            let mut found = (schemas, target);
            if schemas.nodes[target].recursive_anchor {
                let mut scope = Some(self.frame.scope);
                while let Some(outer) = scope {
                    if outer.schemas.nodes[outer.node().resource].recursive_anchor {
                        found = (outer.schemas, outer.id);
                    }
                    scope = outer.outer;
                }
            }
            let outcome = self.reference(found.0, found.1, "$recursiveRef");
            self.add(outcome);
        }
        if let Some((target, anchor)) = &self.node.dynamic_reference {
            let mut found = (schemas, *target);
            if !anchor.is_empty() && schemas.nodes[*target].dynamic_anchor == *anchor {
                let mut scope = Some(self.frame.scope);
                while let Some(outer) = scope {
                    let resource = &outer.schemas.nodes[outer.node().resource];
                    if let Some(id) = resource.dynamic_anchors.get(anchor) {
                        found = (outer.schemas, *id);
                    }
                    scope = outer.outer;
                }
            }
            let outcome = self.reference(found.0, found.1, "$dynamicRef");
            self.add(outcome);
        }
    }

    fn conditions(&mut self) {
        let node = self.node;
        if let Some(id) = node.not
            && self.same(id, true).is_ok()
        {
            self.say(|| "'not' failed".to_owned());
        }
        let mut faults = Vec::new();
        for id in &node.all_of {
            if let Err(fault) = self.same(*id, false) {
                faults.push(fault);
                if self.frame.quiet {
                    break;
                }
            }
        }
        if !faults.is_empty() {
            self.say_with(faults, || "'allOf' failed".to_owned());
        }
        self.any_of();
        self.one_of();
        if let Some(id) = node.condition {
            let next = if self.same(id, true).is_ok() { node.then } else { node.otherwise };
            if let Some(next) = next {
                let outcome = self.same(next, false);
                self.add(outcome);
            }
        }
    }

    fn any_of(&mut self) {
        if self.node.any_of.is_empty() {
            return;
        }
        let (mut faults, mut is_matched) = (Vec::new(), false);
        for id in &self.node.any_of {
            match self.same(*id, false) {
                Err(fault) => faults.push(fault),
                Ok(()) => {
                    is_matched = true;
                    // Who wants to know what was seen must try all of them.
                    if self.unseen.is_empty() {
                        break;
                    }
                }
            }
        }
        if !is_matched {
            self.say_with(faults, || "'anyOf' failed".to_owned());
        }
    }

    fn one_of(&mut self) {
        if self.node.one_of.is_empty() {
            return;
        }
        let (mut faults, mut matched) = (Vec::new(), None);
        for (at, id) in self.node.one_of.iter().enumerate() {
            match (self.same(*id, matched.is_some()), matched) {
                (Err(fault), None) => faults.push(fault),
                (Err(_), Some(_)) => {}
                (Ok(()), None) => matched = Some(at),
                (Ok(()), Some(first)) => {
                    self.say(|| format!("'oneOf' failed, subschemas {first}, {at} matched"));
                    break;
                }
            }
        }
        if matched.is_none() {
            self.say_with(faults, || "'oneOf' failed, none matched".to_owned());
        }
    }

    fn unevaluated(&mut self) {
        if let (Some(id), Json::Map(map)) = (self.node.unevaluated_properties, self.frame.value) {
            for name in std::mem::take(&mut self.unseen.names) {
                if let Some(value) = map.get(&name) {
                    self.add(self.part(id, value, Token::Name(&name)));
                }
            }
        }
        if let (Some(id), Json::List(items)) = (self.node.unevaluated_items, self.frame.value) {
            for at in std::mem::take(&mut self.unseen.indices) {
                self.add(self.part(id, &items[at], Token::Index(at)));
            }
        }
    }
}

/// Shows a value that is neither list nor map.
fn shown(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(text) => text.to_string(),
        Json::String(text) => quoted(text),
        Json::List(_) | Json::Map(_) => "value".to_owned(),
    }
}

/// Whether two values are the same; numbers by what they mean.
pub(super) fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            a == b || matches!((Decimal::parse(a), Decimal::parse(b)), (Some(a), Some(b)) if a == b)
        }
        (Json::List(a), Json::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Json::Map(a), Json::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && equal(a, b))
        }
        (a, b) => a == b,
    }
}

/// Returns the places of the first two equal items.
fn duplicates(items: &[Json]) -> Option<(i64, i64)> {
    let mut known: HashMap<String, usize> = HashMap::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let mut key = String::new();
        write_key(item, &mut key);
        if let Some(first) = known.get(&key) {
            return Some((i64::try_from(*first).ok()?, i64::try_from(at).ok()?));
        }
        known.insert(key, at);
    }
    None
}

/// Writes text that is the same for equal values only.
fn write_key(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push('n'),
        Json::Bool(value) => out.push(if *value { 't' } else { 'f' }),
        Json::Number(text) => match Decimal::parse(text) {
            Some(number) => out.push_str(&format!("{number:?}")),
            None => out.push_str(text),
        },
        Json::String(text) => out.push_str(&format!("{}:{text}", text.len())),
        Json::List(items) => {
            out.push('[');
            items.iter().for_each(|item| write_key(item, out));
            out.push(']');
        }
        Json::Map(map) => {
            out.push('{');
            for (key, value) in map.iter() {
                out.push_str(&format!("{}:{key}", key.len()));
                write_key(value, out);
            }
            out.push('}');
        }
    }
}
