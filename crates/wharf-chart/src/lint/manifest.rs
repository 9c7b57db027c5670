//! Rules about rendered documents.

use std::sync::LazyLock;

use regex::Regex;
use wharf_yaml::{Json, Numbers, Reader, Value, split_documents};

use super::{Report, Severity, deprecated};
use crate::Error;
use crate::fields::Decoder;
use crate::quote::Quoted;

/// What the rules look at in a Kubernetes object.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) api_version: String,
    pub(super) kind: String,
    namespace: String,
    name: String,
}

/// Reads the heads of all documents up to the first that cannot be read, and says what is wrong with that. Empty documents
/// have none, and JSON may stand directly behind JSON.
pub(super) fn heads(text: &[u8]) -> (Vec<Head>, Result<(), String>) {
    let mut heads = Vec::new();
    let mut rest = text;
    // What is no JSON after all may be YAML; if it is not either, JSON's error counts.
    let mut json_error = None;
    while json_error.is_none() && rest.trim_ascii_start().starts_with(b"{") {
        match json_head(rest) {
            Ok((head, size)) => {
                heads.push(head);
                rest = &rest[size..];
            }
            Err((error, at)) => {
                json_error = Some(with_offset(error, at.map(|at| text.len() - rest.len() + at)))
            }
        }
    }
    if json_error.is_none() && rest.len() < text.len() && !rest.trim_ascii().is_empty() {
        let (error, at) = json_head(rest).err().unwrap_or_default();
        json_error = Some(with_offset(error, at.map(|at| text.len() - rest.len() + at)));
    }
    let documents = match split_documents(rest) {
        Ok(documents) => documents,
        Err(error) => return (heads, Err(json_error.unwrap_or_else(|| error.to_string()))),
    };
    for (number, document) in documents.iter().enumerate() {
        match yaml_head(document) {
            Ok(head) => heads.extend(head),
            Err(error) => return (heads, Err(json_error.filter(|_| number == 0).unwrap_or(error))),
        }
    }
    (heads, Ok(()))
}

fn yaml_head(document: &[u8]) -> Result<Option<Head>, String> {
    let value = Reader::new().numbers(Numbers::AsWritten).read(document);
    let value = value.map_err(|error| format!("error converting YAML to JSON: {error}"))?;
    Head::of(&value).map_err(|error| error.to_string())
}

/// Reads one JSON value at the start and returns how many bytes it took. An error comes with the place where it shows.
fn json_head(text: &[u8]) -> Result<(Head, usize), (String, Option<usize>)> {
    let (json, size) = Json::read_first(text).map_err(|error| {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let before: usize = lines.take(error.line().unwrap_or(1) - 1).map(<[u8]>::len).sum();
        (error.to_string(), error.column().map(|column| before + column))
    })?;
    match Head::of(&json.into_value().0) {
        Ok(head) => Ok((head.unwrap_or_default(), size)),
        Err(error) => {
            let error = error.to_string();
            Err((error.replacen("error unmarshaling JSON: while decoding JSON: ", "", 1), None))
        }
    }
}

fn with_offset(error: String, at: Option<usize>) -> String {
    match at {
        Some(at) if error != "unexpected EOF" => format!("json: offset {at}: {error}"),
        _ => error,
    }
}

impl Head {
    fn of(value: &Value) -> Result<Option<Self>, Error> {
        if value.is_null() {
            return Ok(None);
        }
        let mut head = Self::default();
        let mut decoder = Decoder::new("k8sYamlStruct", false);
        head.decode(value, &mut decoder);
        decoder.finish()?;
        Ok(Some(head))
    }

    fn decode(&mut self, value: &Value, d: &mut Decoder) {
        d.object(
            value,
            "rules.k8sYamlStruct",
            |d, field, value| {
                match field {
                    "apiVersion" => d.text(value, &mut self.api_version),
                    "Kind" => d.text(value, &mut self.kind),
                    _ => d.object(
                        value,
                        "rules.k8sYamlMetadata",
                        |d, field, value| {
                            if field == "Name" {
                                d.text(value, &mut self.name)
                            } else {
                                d.text(value, &mut self.namespace)
                            }
                            true
                        },
                        &["Namespace", "Name"],
                    ),
                }
                true
            },
            &["apiVersion", "Kind", "Metadata"],
        );
    }
}

/// The longest line that Helm reads in search of the first that is not blank.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Checks a rendered template; `false` if it is not even YAML, which ends the checks of all templates.
pub(super) fn check(name: &str, text: &str, kube_version: (u32, u32), report: &mut Report) -> bool {
    report.rule(Severity::Warning, name, top_indent(text));
    let (heads, read) = heads(text.as_bytes());
    for head in heads {
        report.rule(Severity::Warning, name, object_name(&head));
        report.rule(Severity::Warning, name, deprecated::check(&head.api_version, &head.kind, kube_version));
        report.rule(Severity::Error, name, selector(&head, text));
        report.rule(Severity::Error, name, list_annotations(&head, text));
    }
    report.rule(Severity::Error, name, read.map_err(|error| format!("unable to parse YAML: {error}")))
}

fn top_indent(text: &str) -> Result<(), String> {
    let is_long = |line: &str| line.len() >= MAX_LINE_BYTES;
    if text.lines().take_while(|line| line.trim().is_empty() || is_long(line)).any(is_long) {
        return Err("bufio.Scanner: token too long".to_owned());
    }
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) if line.starts_with([' ', '\t']) => Err(format!(
            "document starts with an illegal indent: {}, which may cause parsing problems",
            Quoted(line)
        )),
        _ => Ok(()),
    }
}

fn selector(head: &Head, text: &str) -> Result<(), String> {
    let needs_one = matches!(head.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
    if needs_one && !text.contains("matchLabels") && !text.contains("matchExpressions") {
        let (kind, name) = (&head.kind, &head.name);
        return Err(format!(
            "a {kind} must contain matchLabels or matchExpressions, and {} does not",
            Quoted(name)
        ));
    }
    Ok(())
}

fn list_annotations(head: &Head, text: &str) -> Result<(), String> {
    if head.kind != "List" {
        return Ok(());
    }
    let Ok(value) = wharf_yaml::from_yaml(text.as_bytes()) else { return Ok(()) };
    let no_items = "[]struct { Metadata struct { Annotations map[string]string } }";
    let items = match value.at("items") {
        None | Some(Value::Null) => &[],
        Some(Value::List(items)) => items.as_slice(),
        Some(other) => {
            let found = match other {
                Value::Map(_) => "object",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            return Err(format!(
                "unable to parse YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into \
                 Go struct field .Items of type {no_items}"
            ));
        }
    };
    let keeps = |item: &Value| {
        let annotations = item.at("metadata").and_then(|metadata| metadata.at("annotations"));
        annotations.is_some_and(|annotations| annotations.at("helm.sh/resource-policy").is_some())
    };
    if items.iter().any(keeps) {
        return Err("annotation 'helm.sh/resource-policy' within List objects are ignored".to_owned());
    }
    Ok(())
}

/// Checks the object's name by the rule for its kind.
fn object_name(head: &Head) -> Result<(), String> {
    let name = head.name.as_str();
    let problems = match head.kind.to_ascii_lowercase().as_str() {
        "certificatesigningrequest" => Vec::new(),
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => path_segment(name),
        "service" => label_1035(name),
        "namespace" => label_1123(name),
        _ => subdomain(name),
    };
    if problems.is_empty() {
        return Ok(());
    }
    let problems: Vec<String> = problems
        .into_iter()
        .map(|problem| format!("metadata.name: Invalid value: {}: {problem}", Quoted(name)))
        .collect();
    let problems = match problems.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    Err(format!(
        "object name does not conform to Kubernetes naming requirements: {}: {problems}",
        Quoted(name)
    ))
}

static SUBDOMAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
        .expect("constant pattern")
});

fn subdomain(name: &str) -> Vec<String> {
    let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    problems(name, 253, SUBDOMAIN.is_match(name), rule)
}

fn label_1123(name: &str) -> Vec<String> {
    let fits = SUBDOMAIN.is_match(name);
    let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    problems(name, 63, fits && !name.contains('.'), if fits { "must not contain dots" } else { rule })
}

fn label_1035(name: &str) -> Vec<String> {
    let fits =
        SUBDOMAIN.is_match(name) && !name.contains('.') && name.starts_with(|c: char| c.is_ascii_lowercase());
    let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
                validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    problems(name, 63, fits, rule)
}

fn problems(name: &str, longest: usize, fits: bool, rule: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.len() > longest {
        found.push(format!("must be no more than {longest} characters"));
    }
    if !fits {
        found.push(rule.to_owned());
    }
    found
}

fn path_segment(name: &str) -> Vec<String> {
    match name {
        "." | ".." => vec![format!("may not be '{name}'")],
        _ => ["/", "%"]
            .iter()
            .filter(|part| name.contains(**part))
            .map(|part| format!("may not contain '{part}'"))
            .collect(),
    }
}
