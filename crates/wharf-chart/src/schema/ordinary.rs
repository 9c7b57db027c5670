//! Ordinary schemas: those that are seen to be schemas in one look, without holding them against their metaschema.
//!
//! Nearly all schemas of charts are. They use only words whose form is checked here, refer only to definitions of their own,
//! and state no addresses or anchors inside. Nothing is wrong with any part of them, so only the parts that the values reach
//! need to be compiled. What is not ordinary is no worse for it: it goes the long way.

use std::collections::HashSet;
use std::sync::Arc;

use wharf_yaml::{Json, JsonMap};

use super::draft::Draft;
use super::validate::{equal, type_bit};

/// Deeper ones are not ordinary; far below what bounds the long way.
const MAX_DEPTH: usize = 100;

/// Whether a document is an ordinary schema.
pub(super) fn is_ordinary(document: &Json) -> bool {
    let Json::Map(words) = document else { return false };
    let draft = match words.get("$schema") {
        None => Draft::LATEST,
        Some(Json::String(stated)) => match Draft::named(stated) {
            Some(draft) => draft,
            None => return false,
        },
        Some(_) => return false,
    };
    Look { root: words, draft, patterns: HashSet::new() }.words(words, 0)
}

struct Look<'d> {
    root: &'d JsonMap,
    draft: Draft,
    /// Expressions found good.
    patterns: HashSet<&'d str>,
}

impl<'d> Look<'d> {
    fn schema(&mut self, schema: &'d Json, depth: usize) -> bool {
        match schema {
            Json::Bool(_) => self.draft > Draft::D4,
            Json::Map(words) => depth < MAX_DEPTH && self.words(words, depth + 1),
            _ => false,
        }
    }

    fn words(&mut self, words: &'d JsonMap, depth: usize) -> bool {
        words.iter().all(|(word, value)| self.word(word, value, depth))
    }

    /// Whether a word has a form that every draft which knows it allows.
    fn word(&mut self, word: &str, value: &'d Json, depth: usize) -> bool {
        match word {
            "$schema" => depth == 0,
            "title" | "description" | "$comment" | "format" | "contentEncoding" | "contentMediaType" => {
                matches!(value, Json::String(_))
            }
            "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => matches!(value, Json::Bool(_)),
            "examples" => matches!(value, Json::List(_)),
            "type" => match value {
                Json::String(name) => type_bit(name) != 0,
                _ => distinct_texts(value)
                    .is_some_and(|names| !names.is_empty() && names.iter().all(|name| type_bit(name) != 0)),
            },
            "enum" => self.enumeration(value),
            "required" => {
                distinct_texts(value).is_some_and(|names| self.draft > Draft::D4 || !names.is_empty())
            }
            "minimum" | "maximum" => matches!(value, Json::Number(_)),
            "exclusiveMinimum" | "exclusiveMaximum" => {
                self.draft > Draft::D4 && matches!(value, Json::Number(_))
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
            | "minContains" | "maxContains" => {
                matches!(value, Json::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()))
            }
            "pattern" => matches!(value, Json::String(pattern) if self.pattern(pattern)),
            "properties" | "definitions" | "$defs" | "dependentSchemas" => self.each_value(value, depth),
            "patternProperties" => {
                matches!(value, Json::Map(map) if map.keys().all(|pattern| self.pattern(pattern)))
                    && self.each_value(value, depth)
            }
            "additionalProperties" | "additionalItems" if matches!(value, Json::Bool(_)) => true,
            "additionalProperties"
            | "additionalItems"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "contentSchema" => self.schema(value, depth),
            "items" if self.draft < Draft::D2020 && matches!(value, Json::List(_)) => {
                self.each_item(value, depth)
            }
            "items" => self.schema(value, depth),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => self.each_item(value, depth),
            "$ref" => matches!(value, Json::String(reference) if self.is_own_definition(reference)),
            // Addresses and anchors, and words too rare to be looked at.
            "$id" if depth == 0 && self.draft > Draft::D4 => {
                matches!(value, Json::String(address) if is_plain_address(address))
            }
            "id" | "$id" | "$anchor" | "$recursiveRef" | "$recursiveAnchor" | "$dynamicRef"
            | "$dynamicAnchor" | "$vocabulary" | "multipleOf" | "dependencies" | "dependentRequired" => false,
            // `default` and `const` may be anything, and nothing is known of other words.
            _ => true,
        }
    }

    fn each_value(&mut self, value: &'d Json, depth: usize) -> bool {
        matches!(value, Json::Map(map) if map.iter().all(|(_, schema)| self.schema(schema, depth)))
    }

    fn each_item(&mut self, value: &'d Json, depth: usize) -> bool {
        matches!(value, Json::List(items)
            if !items.is_empty() && items.iter().all(|schema| self.schema(schema, depth)))
    }

    /// Some drafts want the values of an enumeration to differ.
    fn enumeration(&self, value: &Json) -> bool {
        const MAX_COMPARED: usize = 64;
        let Json::List(items) = value else { return false };
        !items.is_empty()
            && (self.draft > Draft::D7
                || distinct_texts(value).is_some()
                || items.len() <= MAX_COMPARED
                    && items
                        .iter()
                        .enumerate()
                        .all(|(at, item)| !items[..at].iter().any(|other| equal(item, other))))
    }

    fn pattern(&mut self, pattern: &'d str) -> bool {
        self.patterns.contains(pattern)
            || wharf_regexp::compile(pattern).is_ok() && self.patterns.insert(pattern)
    }

    /// Whether a reference is one to the whole or to a definition of the root, which then is looked at as well.
    fn is_own_definition(&self, reference: &str) -> bool {
        if reference == "#" {
            return true;
        }
        let Some((word, name)) = reference.strip_prefix("#/").and_then(|pointer| pointer.split_once('/'))
        else {
            return false;
        };
        let is_plain =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let has_name = || matches!(self.root.get(word), Some(Json::Map(known)) if known.contains_key(name));
        is_plain && matches!(word, "definitions" | "$defs") && has_name()
    }
}

/// Whether a text is an address that nobody could object to.
fn is_plain_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric()) && rest.bytes().all(is_plain)
    })
}

/// Returns the texts of a list that has nothing else, and none twice.
fn distinct_texts(value: &Json) -> Option<Vec<&str>> {
    let Json::List(items) = value else { return None };
    let texts: Vec<&str> = items
        .iter()
        .map(|item| match item {
            Json::String(text) => Some(&**text),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let mut known = HashSet::with_capacity(texts.len());
    texts.iter().all(|text| known.insert(*text)).then_some(texts)
}

/// Collects the names of all properties in a value, however deep: a schema for another property never gets to see a value.
pub(super) fn names(value: &Json, found: &mut HashSet<Arc<str>>) {
    match value {
        Json::Map(map) => {
            for (name, inner) in map.iter() {
                if !found.contains(name) {
                    found.insert(Arc::clone(name));
                }
                names(inner, found);
            }
        }
        Json::List(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::ADDRESS;
    use super::super::compile::Compiler;
    use super::super::validate::Validator;
    use super::*;

    #[test]
    fn the_short_way_ends_where_the_long_one_does() {
        let (mut ordinary, mut others) = (0, 0);
        for line in include_str!("../../tests/testdata/schema.jsonl").lines() {
            let case = wharf_yaml::from_json(line.as_bytes()).unwrap();
            let part = |name: &str| case.at(name).unwrap().as_str().unwrap();
            let Ok(schema) = Json::read(part("schema").as_bytes()) else { continue };
            if !is_ordinary(&schema) {
                others += 1;
                continue;
            }
            ordinary += 1;
            let values = Json::from(&wharf_yaml::from_yaml(part("values").as_bytes()).unwrap());
            let whole =
                Compiler::compile_whole(ADDRESS, schema.clone()).expect("ordinary schemas are schemas");
            let part = Compiler::compile(ADDRESS, schema, &values).expect("ordinary schemas are schemas");
            let [whole, part] = [whole, part].map(|schemas| {
                Validator::new(&schemas).run(&values).map(|fault| fault.map(|fault| fault.text()))
            });
            assert_eq!(part, whole, "{line}");
        }
        assert!(ordinary > 300 && others > 100, "{ordinary} ordinary schemas, {others} others");
    }

    #[test]
    fn what_a_metaschema_refuses_is_not_ordinary() {
        for schema in [
            r#"{"type": "text"}"#,
            r#"{"type": ["string", "string"]}"#,
            r#"{"properties": {"a": 1}}"#,
            r#"{"required": ["a", "a"]}"#,
            r#"{"minLength": -1}"#,
            r#"{"pattern": "("}"#,
            r#"{"allOf": []}"#,
            r#"{"title": 1}"#,
            r##"{"$ref": "#/$defs/a"}"##,
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "required": []}"#,
            r#"{"$schema": "http://json-schema.org/draft-07/schema#", "enum": [1, 1.0]}"#,
            r#"{"$schema": "https://schemas.example/own"}"#,
        ] {
            assert!(!is_ordinary(&Json::read(schema.as_bytes()).unwrap()), "{schema}");
        }
    }
}
