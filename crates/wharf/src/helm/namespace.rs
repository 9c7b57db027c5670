//! The namespace of a release, from the places where Helm looks.

use std::path::PathBuf;

use wharf_yaml::{Value, from_yaml};

use crate::cobra::flags::Given;

/// Returns `--namespace`, else `HELM_NAMESPACE`, else that of the kubeconfig's context, else `default`.
pub(super) fn namespace(given: &Given) -> String {
    given
        .text("namespace")
        .map(str::to_owned)
        .filter(|name| !name.is_empty())
        .or_else(|| variable("HELM_NAMESPACE"))
        .or_else(|| of_context(given))
        .unwrap_or_else(|| "default".to_owned())
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A kubeconfig that cannot be read has no say: nothing here talks to a cluster.
fn of_context(given: &Given) -> Option<String> {
    let paths: Vec<PathBuf> = match given.text("kubeconfig").filter(|path| !path.is_empty()) {
        Some(path) => vec![path.into()],
        None => match std::env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
            Some(paths) => std::env::split_paths(&paths).collect(),
            None => vec![PathBuf::from(variable("HOME")?).join(".kube/config")],
        },
    };
    let configs: Vec<Value> =
        paths.iter().filter_map(|path| from_yaml(&std::fs::read(path).ok()?).ok()).collect();
    let stated = given.text("kube-context").map(str::to_owned).or_else(|| variable("HELM_KUBECONTEXT"));
    let context = stated.or_else(|| configs.iter().find_map(|config| text(config, "current-context")))?;
    configs.iter().find_map(|config| {
        let Value::List(contexts) = config.as_map()?.get("contexts")? else { return None };
        let found = contexts.iter().find(|entry| text(entry, "name").as_ref() == Some(&context))?;
        text(found.as_map()?.get("context")?, "namespace")
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    match value.as_map()?.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.to_string()),
        _ => None,
    }
}
