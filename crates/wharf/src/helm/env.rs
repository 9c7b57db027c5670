//! `helm env`

use std::io::Write;

use super::namespace::{namespace, variable};
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

/// Returns the settings in the order of their names.
fn settings(given: &Given) -> Vec<(&'static str, String)> {
    let home = variable("HOME").unwrap_or_default();
    let place = |helm: &str, shared: &str, default: &str| {
        variable(helm)
            .or_else(|| variable(shared).map(|folder| format!("{folder}/helm")))
            .unwrap_or_else(|| format!("{home}/{default}/helm"))
    };
    let cache = place("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache");
    let config = place("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config");
    let data = place("HELM_DATA_HOME", "XDG_DATA_HOME", ".local/share");
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
        ("HELM_CACHE_HOME", cache.clone()),
        ("HELM_CONFIG_HOME", config.clone()),
        ("HELM_CONTENT_CACHE", of("content-cache", "HELM_CONTENT_CACHE", format!("{cache}/content"))),
        ("HELM_DATA_HOME", data.clone()),
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
        ("HELM_PLUGINS", variable("HELM_PLUGINS").unwrap_or_else(|| format!("{data}/plugins"))),
        ("HELM_QPS", of("qps", "HELM_QPS", "0.00".to_owned())),
        (
            "HELM_REGISTRY_CONFIG",
            of("registry-config", "HELM_REGISTRY_CONFIG", format!("{config}/registry/config.json")),
        ),
        (
            "HELM_REPOSITORY_CACHE",
            of("repository-cache", "HELM_REPOSITORY_CACHE", format!("{cache}/repository")),
        ),
        (
            "HELM_REPOSITORY_CONFIG",
            of("repository-config", "HELM_REPOSITORY_CONFIG", format!("{config}/repositories.yaml")),
        ),
    ]
}
