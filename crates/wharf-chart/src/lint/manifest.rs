//! Rules about rendered documents.

use std::sync::LazyLock;

use regex::Regex;
use wharf_yaml::{Numbers, Reader, Value, split_documents};

use super::{Report, Severity, deprecated};
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

/// Reads the heads of all documents; empty ones have none.
pub(super) fn heads(text: &[u8]) -> Result<Vec<Head>, String> {
    let mut heads = Vec::new();
    for document in split_documents(text).map_err(|error| format!("unable to parse YAML: {error}"))? {
        let value = Reader::new().numbers(Numbers::AsWritten).read(&document);
        let value =
            value.map_err(|error| format!("unable to parse YAML: error converting YAML to JSON: {error}"))?;
        if value.is_null() {
            continue;
        }
        let mut head = Head::default();
        let mut decoder = Decoder::new("k8sYamlStruct", false);
        head.decode(&value, &mut decoder);
        decoder.finish().map_err(|error| format!("unable to parse YAML: {error}"))?;
        heads.push(head);
    }
    Ok(heads)
}

impl Head {
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

/// Checks a rendered template; `false` if it is not even YAML, which ends the checks of all templates.
pub(super) fn check(name: &str, text: &str, kube_version: (u32, u32), report: &mut Report) -> bool {
    report.rule(Severity::Warning, name, top_indent(text));
    let heads = match heads(text.as_bytes()) {
        Ok(heads) => heads,
        Err(error) => {
            report.rule(Severity::Error, name, Err(error));
            return false;
        }
    };
    for head in heads {
        report.rule(Severity::Warning, name, object_name(&head));
        report.rule(Severity::Warning, name, deprecated::check(&head.api_version, &head.kind, kube_version));
        report.rule(Severity::Error, name, selector(&head, text));
        report.rule(Severity::Error, name, list_annotations(&head, text));
    }
    true
}

fn top_indent(text: &str) -> Result<(), String> {
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
    let items = value.at("items").and_then(Value::as_list).unwrap_or_default();
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
        found.push(format!("must be no more than {longest} bytes"));
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
