//! Images in rendered manifests.

use wharf_engine::Rendered;
use wharf_yaml::{Value, from_yaml};

use super::name::ImageName;
use super::{Mention, Origin};
use crate::walk::{Path, at, text, walk};

/// Where the kinds that run containers keep the description of a pod.
const POD_SPECS: &[(&str, &[&str])] = &[
    ("Pod", &["spec"]),
    ("PodTemplate", &["template", "spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("ReplicationController", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

/// Returns every mention of an image in a render.
pub(super) fn mentions(rendered: &Rendered) -> Vec<Mention> {
    let mut found = Vec::new();
    for manifest in &rendered.manifests {
        document(&manifest.path, &manifest.content, false, &mut found);
    }
    for hook in &rendered.hooks {
        document(&hook.manifest.path, &hook.manifest.content, hook.is_test(), &mut found);
    }
    found
}

fn document(template: &str, content: &str, is_test: bool, found: &mut Vec<Mention>) {
    let Ok(value) = from_yaml(content.as_bytes()) else { return };
    let mut place = Place { template, resource: String::new(), is_test, found };
    match (text(&value, "kind"), value.at("items").and_then(Value::as_list)) {
        (Some(kind), Some(items)) if kind.ends_with("List") => {
            items.iter().for_each(|item| place.resource(item))
        }
        _ => place.resource(&value),
    }
}

struct Place<'a> {
    template: &'a str,
    resource: String,
    is_test: bool,
    found: &'a mut Vec<Mention>,
}

impl Place<'_> {
    fn resource(&mut self, value: &Value) {
        let kind = text(value, "kind").unwrap_or("?");
        let name = at(value, &["metadata", "name"]).and_then(Value::as_str).unwrap_or("?");
        self.resource = format!("{kind}/{name}");
        let start = self.found.len();
        if let Some((_, keys)) = POD_SPECS.iter().find(|(known, _)| *known == kind)
            && let Some(spec) = at(value, keys)
        {
            let path = keys.iter().fold(Path::default(), |path, key| path.key(key));
            self.pod(spec, &path);
        }
        let typed: Vec<String> =
            self.found[start..].iter().filter_map(|mention| mention.path().map(str::to_owned)).collect();
        walk(value, &Path::default(), &mut |path, value| {
            if !typed.iter().any(|known| known == path.as_str()) {
                self.untyped(path, value);
            }
        });
    }

    fn pod(&mut self, spec: &Value, path: &Path) {
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            let path = path.key(list);
            for (at, container) in
                spec.at(list).and_then(Value::as_list).unwrap_or_default().iter().enumerate()
            {
                if let Some(image) = text(container, "image") {
                    self.add(image, &path.item(at).key("image"), Certainty::Typed);
                }
            }
        }
        let path = path.key("volumes");
        for (number, volume) in
            spec.at("volumes").and_then(Value::as_list).unwrap_or_default().iter().enumerate()
        {
            if let Some(image) = at(volume, &["image", "reference"]).and_then(Value::as_str) {
                self.add(image, &path.item(number).key("image").key("reference"), Certainty::Typed);
            }
        }
    }

    fn untyped(&mut self, path: &Path, value: &Value) {
        match value {
            Value::String(word) => {
                let key = path.as_str().rsplit(['.', '[']).next().unwrap_or_default();
                let is_image_key = key == "image" || key.ends_with("Image");
                match ImageName::parse(word) {
                    // `image: auto` or `image: true` name nothing; a place or a version does.
                    Some(_) if is_image_key && word.contains(['/', ':', '@']) => {
                        self.add(word, path, Certainty::Key)
                    }
                    _ => self.words(word, path),
                }
            }
            Value::Map(_) => {
                if let Some(image) = super::values::pair(value).filter(|image| image.has_version) {
                    self.add(&image.text, path, Certainty::Key);
                }
            }
            _ => {}
        }
    }

    /// Looks for images inside a text: an argument, a script, a configuration file.
    fn words(&mut self, all: &str, path: &Path) {
        let splits = |c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '"' | '\''
                        | ','
                        | '='
                        | '`'
                        | '('
                        | ')'
                        | '['
                        | ']'
                        | '{'
                        | '}'
                        | ';'
                        | '<'
                        | '>'
                        | '|'
                        | '\\'
                )
        };
        let mut seen: Vec<&str> = Vec::new();
        for word in all.split(splits) {
            // An address is no image, though it may look like one behind its scheme.
            if word.contains("://") || seen.contains(&word) {
                continue;
            }
            if ImageName::parse_explicit(word).is_some() {
                seen.push(word);
                self.add(word, path, Certainty::Text);
            }
        }
    }

    fn add(&mut self, image: &str, path: &Path, certainty: Certainty) {
        let (resource, template, path) =
            (self.resource.clone(), self.template.to_owned(), path.as_str().to_owned());
        let is_test = self.is_test;
        let origin = match certainty {
            Certainty::Typed => Origin::Container { template, resource, path, is_test },
            Certainty::Key => Origin::Key { template, resource, path, is_test },
            Certainty::Text => Origin::Text { template, resource, path, is_test },
        };
        self.found.push(Mention::new(image, origin));
    }
}

enum Certainty {
    Typed,
    Key,
    Text,
}
