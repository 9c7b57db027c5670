/// Bounds on what [`Reader`](crate::Reader) accepts.
///
/// The alias rule of go-yaml (at most 99 % of the decoded nodes from aliases, falling to 10 % for large documents)
/// always applies and is no setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest accepted text, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of lists and maps. Go accepts 10000; no real file comes near either figure.
    pub max_depth: usize,
    /// Most nodes (scalars, lists, maps, aliases) of one document as written.
    pub max_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_depth: 500, max_nodes: 4_000_000 }
    }
}
