//! `helm env`

use std::io::Write;
use std::path::Path;

use super::namespace::{namespace, variable};
use super::places::Places;
use crate::cobra::Command;
use crate::cobra::flags::Given;

pub(super) const COMMAND: Command = Command {
    path: &["helm", "env"],
    usage: "[flags]",
    about: "show the settings that come from the environment",
    flags: &[],
    run,
};

fn run(given: &Given, arguments: &[String], out: &mut dyn Write) -> anyhow::Result<()> {
    let settings = settings(given);
    match arguments {
        [] => {
            for (name, value) in settings {
                writeln!(out, "{name}=\"{value}\"")?;
            }
        }
        [wanted] => {
            let found = settings.into_iter().find(|(name, _)| name == wanted);
            writeln!(out, "{}", found.map(|(_, value)| value).unwrap_or_default())?;
        }
        _ => return COMMAND.wrong_arguments("accepts at most 1 argument"),
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns the settings in the order of their names.
fn settings(given: &Given) -> Vec<(&'static str, String)> {
    let places = Places::of(given);
    let of = |flag: &str, name: &str, default: String| {
        given.text(flag).map(str::to_owned).or_else(|| variable(name)).unwrap_or(default)
    };
    let empty = |flag: &str, name: &str| of(flag, name, String::new());
    let program = std::env::args().next().unwrap_or_default();
    let debug =
        given.is_on("debug") || variable("HELM_DEBUG").is_some_and(|value| value == "true" || value == "1");
    let insecure = given.is_on("kube-insecure-skip-tls-verify")
        || variable("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").is_some_and(|value| value == "true" || value == "1");
    vec![
        ("HELM_BIN", program),
        ("HELM_BURST_LIMIT", of("burst-limit", "HELM_BURST_LIMIT", "100".to_owned())),
        ("HELM_CACHE_HOME", shown(&places.cache)),
        ("HELM_CONFIG_HOME", shown(&places.config)),
        ("HELM_CONTENT_CACHE", shown(&places.content_cache)),
        ("HELM_DATA_HOME", shown(&places.data)),
        ("HELM_DEBUG", debug.to_string()),
        ("HELM_KUBEAPISERVER", empty("kube-apiserver", "HELM_KUBEAPISERVER")),
        ("HELM_KUBEASGROUPS", empty("kube-as-group", "HELM_KUBEASGROUPS")),
        ("HELM_KUBEASUSER", empty("kube-as-user", "HELM_KUBEASUSER")),
        ("HELM_KUBECAFILE", empty("kube-ca-file", "HELM_KUBECAFILE")),
        ("HELM_KUBECONTEXT", empty("kube-context", "HELM_KUBECONTEXT")),
        ("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", insecure.to_string()),
        ("HELM_KUBETLS_SERVER_NAME", empty("kube-tls-server-name", "HELM_KUBETLS_SERVER_NAME")),
        ("HELM_KUBETOKEN", empty("kube-token", "HELM_KUBETOKEN")),
        ("HELM_MAX_HISTORY", variable("HELM_MAX_HISTORY").unwrap_or_else(|| "10".to_owned())),
        ("HELM_NAMESPACE", namespace(given)),
        ("HELM_PLUGINS", variable("HELM_PLUGINS").unwrap_or_else(|| shown(&places.data.join("plugins")))),
        ("HELM_QPS", of("qps", "HELM_QPS", "0.00".to_owned())),
        ("HELM_REGISTRY_CONFIG", shown(&places.registry_config)),
        ("HELM_REPOSITORY_CACHE", shown(&places.repository_cache)),
        ("HELM_REPOSITORY_CONFIG", shown(&places.repository_config)),
    ]
}
