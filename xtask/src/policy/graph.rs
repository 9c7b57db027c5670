//! The resolved dependency graph, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell::{self, cargo};

/// The packages that end up in a build (not those of tests), by id, and the edges between them.
pub(super) struct Graph {
    pub(super) packages: BTreeMap<String, Package>,
    pub(super) members: BTreeSet<String>,
    edges: BTreeMap<String, Vec<Edge>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    /// Absent for packages of the workspace.
    pub(super) source: Option<String>,
}

struct Edge {
    to: String,
    only_for_tests: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Graph {
    /// Asks cargo, for the platform it runs on.
    pub(super) fn load() -> Result<Self> {
        let host = shell::capture(Command::new("rustc").arg("-vV"))?;
        let host =
            host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let text =
            shell::capture(&mut cargo(&["metadata", "--format-version=1", "--filter-platform", host]))?;
        let metadata: Metadata = serde_json::from_str(&text).context("reading cargo metadata")?;
        let mut edges = BTreeMap::new();
        for node in metadata.resolve.nodes {
            let out = node.deps.into_iter().map(|dependency| Edge {
                to: dependency.pkg,
                only_for_tests: dependency.dep_kinds.iter().all(|kind| kind.kind.as_deref() == Some("dev")),
            });
            edges.insert(node.id, out.collect());
        }
        let built = built()?;
        let packages = metadata
            .packages
            .into_iter()
            .filter(|package| built.contains(&format!("{} v{}", package.name, package.version)));
        Ok(Self {
            packages: packages.map(|package| (package.id.clone(), package)).collect(),
            members: metadata.workspace_members.into_iter().collect(),
            edges,
        })
    }

    /// Returns the direct dependencies of a package, without those of its tests.
    pub(super) fn direct<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Package> {
        let edges = self.edges.get(id).map(Vec::as_slice).unwrap_or_default();
        edges.iter().filter(|edge| !edge.only_for_tests).filter_map(|edge| self.packages.get(&edge.to))
    }

    /// Returns a shortest chain of names from a package to one with the given name, if it is reached at all.
    pub(super) fn path(&self, from: &str, name: &str) -> Option<Vec<&str>> {
        let start = self.packages.get(from)?;
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut front = vec![(from.to_owned(), vec![start.name.as_str()])];
        while !front.is_empty() {
            let mut next = Vec::new();
            for (id, chain) in front {
                for package in self.direct(&id) {
                    let mut longer = chain.clone();
                    longer.push(&package.name);
                    if package.name == name {
                        return Some(longer);
                    }
                    if seen.insert(package.id.clone()) {
                        next.push((package.id.clone(), longer));
                    }
                }
            }
            front = next;
        }
        None
    }
}

/// Returns `NAME vVERSION` of everything that goes into a build.
///
/// The metadata alone would name more: they count optional crates that only a weak feature mentions.
fn built() -> Result<BTreeSet<String>> {
    let arguments = ["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let text = shell::capture(&mut cargo(&arguments))?;
    let names = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    Ok(names.collect())
}
