//! The dependency policy, checked over `cargo metadata`: which crate may use which, what the ground floor may
//! reach, which licences and which crates may come in at all.

mod graph;
mod licence;
mod rules;

use anyhow::Result;

use crate::tally::Tally;
use graph::Graph;

/// Prints every breach with its reason.
pub(crate) fn run() -> Result<Tally> {
    println!("$ dependency policy");
    let graph = Graph::load()?;
    let breaches = rules::breaches(&graph);
    for breach in &breaches {
        println!("{breach}");
    }
    Ok(Tally::one(breaches.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_the_dependency_policy() {
        let graph = Graph::load().expect("cargo metadata works where cargo test works");
        let breaches = rules::breaches(&graph);
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }
}
