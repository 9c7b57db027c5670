//! Carries software from the build to the cluster with its papers.

fn main() {}
