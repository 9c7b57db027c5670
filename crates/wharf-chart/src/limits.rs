/// Bounds on the charts that are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of an unpacked chart, archives inside it included. Helm's bound is the same for one archive.
    pub max_chart_bytes: u64,
    /// Most bytes of one file. Helm's bound.
    pub max_file_bytes: u64,
    /// Most files of a chart, archives inside it included.
    pub max_files: usize,
    /// Deepest nesting of charts in charts.
    pub max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_chart_bytes: 100 << 20, max_file_bytes: 5 << 20, max_files: 50_000, max_depth: 32 }
    }
}
