//! The rules, each with its reason.

use std::collections::BTreeMap;

use super::graph::{Graph, Package};
use super::licence;

/// Which crates of the workspace each one may use. Arrows point down only, so a cycle cannot be written here.
const EDGES: &[(&str, &[&str])] = &[
    // Ground floor: values in, values out.
    ("wharf-oci", &[]),
    ("wharf-yaml", &[]),
    ("wharf-regexp", &[]),
    ("wharf-access", &["wharf-oci"]),
    ("wharf-template", &[]),
    ("wharf-sprig", &["wharf-template", "wharf-yaml", "wharf-regexp"]),
    ("wharf-chart", &["wharf-yaml", "wharf-regexp"]),
    ("wharf-provenance", &[]),
    ("wharf-engine", &["wharf-template", "wharf-sprig", "wharf-chart", "wharf-yaml"]),
    ("wharf-manifests", &["wharf-engine", "wharf-chart", "wharf-yaml"]),
    ("wharf-trust", &["wharf-oci"]),
    // Middle.
    ("wharf-content", &["wharf-oci"]),
    (
        "wharf-papers",
        &["wharf-content", "wharf-trust", "wharf-provenance", "wharf-chart", "wharf-yaml", "wharf-oci"],
    ),
    // Edges: sockets, disks, clusters.
    ("wharf-storage", &["wharf-oci", "wharf-access"]),
    ("wharf-client", &["wharf-content", "wharf-oci"]),
    (
        "wharf-registry",
        &["wharf-storage", "wharf-content", "wharf-papers", "wharf-trust", "wharf-access", "wharf-oci"],
    ),
    ("wharf-cluster", &["wharf-engine", "wharf-chart", "wharf-yaml"]),
];

/// The crates that join everything, and may therefore use everything.
const JOINTS: &[&str] = &["wharf", "wharf-testkit", "xtask"];

/// Crates without sockets, async runtimes or databases anywhere below them, so that they are tested exactly.
const GROUND: &[&str] = &[
    "wharf-oci",
    "wharf-yaml",
    "wharf-regexp",
    "wharf-access",
    "wharf-template",
    "wharf-sprig",
    "wharf-chart",
    "wharf-provenance",
    "wharf-engine",
    "wharf-manifests",
    "wharf-trust",
];

/// What the ground floor may not reach.
const NOT_ON_GROUND: &[&str] = &["tokio", "mio", "hyper", "reqwest", "axum", "rusqlite", "rustls"];

/// Crates that may not come in, and why.
const BANNED: &[(&str, &str)] = &[
    ("ring", "aws-lc-rs is the one cryptographic provider"),
    ("openssl", "rustls is the one TLS library; the system's OpenSSL would tie the binary to a distribution"),
    (
        "openssl-sys",
        "rustls is the one TLS library; the system's OpenSSL would tie the binary to a distribution",
    ),
    ("native-tls", "rustls is the one TLS library"),
    ("serde_yaml", "no longer maintained; YAML as Helm reads it is wharf-yaml's"),
    ("chrono", "jiff is the one time library"),
];

/// Crates that one other may use and nobody else, and why.
const FENCED: &[(&str, &str, &str)] = &[
    (
        "rsa",
        "pgp",
        "RUSTSEC-2023-0071, its private operations give the key away by the time they take; keys of sigstore sign by aws-lc-rs",
    ),
    ("pgp", "wharf-provenance", "it brings `rsa` along, see there; what serves others only verifies with it"),
];

/// Crates of which two versions at once would be a defect: two TLS stacks, two runtimes, two databases.
const ONCE: &[&str] =
    &["rustls", "aws-lc-rs", "aws-lc-sys", "tokio", "hyper", "libsqlite3-sys", "webpki-roots"];

/// Crates whose manifest names a licence file only, and the licence that was read in it.
const FILE_ONLY: &[(&str, &str)] = &[("libyaml-safer", "MIT")];

/// Returns every breach as a sentence naming the edge or the crate, and the reason.
pub(super) fn breaches(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for member in graph.members.iter().filter_map(|id| graph.packages.get(id)) {
        found.extend(wrong_edges(graph, member));
        found.extend(wrong_floor(graph, member));
    }
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in graph.packages.values() {
        versions.entry(&package.name).or_default().push(&package.version);
        found.extend(unwelcome(graph, package));
        found.extend(fenced(graph, package));
    }
    for name in ONCE {
        if let Some(several) = versions.get(name).filter(|several| several.len() > 1) {
            found.push(format!(
                "{name} comes in {} versions ({}): one is enough",
                several.len(),
                several.join(", ")
            ));
        }
    }
    found
}

fn wrong_edges(graph: &Graph, member: &Package) -> Vec<String> {
    if JOINTS.contains(&member.name.as_str()) {
        return Vec::new();
    }
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
        return vec![format!(
            "{} has no place in the house: give it a line in EDGES of the policy",
            member.name
        )];
    };
    let inside = graph.direct(&member.id).filter(|package| graph.members.contains(&package.id));
    let wrong = inside.filter(|package| !allowed.contains(&package.name.as_str()));
    wrong
        .map(|package| {
            format!(
                "{} -> {}: not an allowed edge; {} may use {}, because arrows point down only",
                member.name,
                package.name,
                member.name,
                if allowed.is_empty() { "no crate of the workspace".to_owned() } else { allowed.join(", ") }
            )
        })
        .collect()
}

fn wrong_floor(graph: &Graph, member: &Package) -> Vec<String> {
    if !GROUND.contains(&member.name.as_str()) {
        return Vec::new();
    }
    let reached = NOT_ON_GROUND.iter().filter_map(|name| graph.path(&member.id, name));
    reached
        .map(|chain| {
            format!("{}: the ground floor has no sockets, runtimes or databases", chain.join(" -> "))
        })
        .collect()
}

fn fenced(graph: &Graph, package: &Package) -> Vec<String> {
    let fences = graph
        .direct(&package.id)
        .filter_map(|used| FENCED.iter().find(|(name, user, _)| *name == used.name && *user != package.name));
    fences
        .map(|(name, user, reason)| format!("{} -> {name}: only {user} may use it: {reason}", package.name))
        .collect()
}

fn unwelcome(graph: &Graph, package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((_, reason)) = BANNED.iter().find(|(name, _)| *name == package.name) {
        let chain =
            graph.members.iter().find_map(|member| graph.path(member, &package.name)).unwrap_or_default();
        found.push(format!("{}: {} is banned: {reason}", chain.join(" -> "), package.name));
    }
    match package.license.as_deref() {
        Some(expression) if licence::is_permitted(expression) => {}
        Some(expression) => found.push(format!(
            "{} {}: licence `{expression}` is not permitted; see the list in the policy",
            package.name, package.version
        )),
        None if FILE_ONLY.iter().any(|(name, _)| *name == package.name) => {}
        None => found.push(format!("{} {}: names no licence", package.name, package.version)),
    }
    match package.source.as_deref() {
        None if !graph.members.contains(&package.id) => {
            found.push(format!(
                "{}: a path outside the workspace; nobody else could build that",
                package.name
            ));
        }
        Some(source) if !source.starts_with("registry+") => {
            found.push(format!("{}: from {source}; dependencies come from the registry only", package.name));
        }
        _ => {}
    }
    found
}
