use wharf_chart::{Chart, Metadata};
use wharf_template::{Map, MapType, Value};
use wharf_yaml::Value as Plain;

/// A chart in the tree that is rendered: what is read from the chart, and what the render decides about it.
#[derive(Clone, Debug)]
pub(crate) struct Node<'c> {
    pub(crate) chart: &'c Chart,
    /// The chart's, with the alias as its name.
    pub(crate) metadata: Metadata,
    /// Defaults, after the import of values also those of the dependencies.
    pub(crate) values: Map,
    /// The dependencies that Chart.yaml names, as far as they take part.
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) dependencies: Vec<Self>,
    pub(crate) is_root: bool,
}

/// A dependency that Chart.yaml names.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The name, or the alias once it is applied.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repository: String,
    pub(crate) condition: String,
    pub(crate) tags: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) import_values: Vec<Plain>,
    pub(crate) alias: String,
    /// What `import_values` comes to: from the child's path to the parent's.
    pub(crate) imported: Vec<(String, String)>,
}

impl<'c> Node<'c> {
    /// Makes the tree of a chart with all its dependencies.
    pub(crate) fn root(chart: &'c Chart) -> Self {
        Self::new(chart, true)
    }

    fn new(chart: &'c Chart, is_root: bool) -> Self {
        let values = match wharf_sprig::from_plain(&chart.values) {
            Value::Map(map) => map,
            _ => Map::new(MapType::ANY),
        };
        let wanted = chart.metadata.wanted().map(|dependency| Wanted {
            name: dependency.name.clone(),
            version: dependency.version.clone(),
            repository: dependency.repository.clone(),
            condition: dependency.condition.clone(),
            tags: dependency.tags.clone(),
            enabled: dependency.enabled,
            import_values: dependency.import_values.clone(),
            alias: dependency.alias.clone(),
            imported: Vec::new(),
        });
        Self {
            chart,
            metadata: chart.metadata.clone(),
            values,
            wanted: wanted.collect(),
            dependencies: chart.dependencies.iter().map(|dependency| Self::new(dependency, false)).collect(),
            is_root,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn is_library(&self) -> bool {
        self.metadata.chart_type.eq_ignore_ascii_case("library")
    }

    /// Returns the definitions under `crds/`, this chart's first, with their paths from the outermost chart's name.
    pub(crate) fn crds(&self) -> Vec<(String, &'c wharf_chart::File)> {
        let mut found = Vec::new();
        self.collect_crds(self.name(), &mut found);
        found
    }

    fn collect_crds(&self, path: &str, found: &mut Vec<(String, &'c wharf_chart::File)>) {
        for file in &self.chart.files {
            let extension = file.name.rsplit_once('.').map_or("", |(_, extension)| extension);
            let is_definition =
                ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known));
            if file.name.starts_with("crds/") && is_definition {
                found.push((format!("{path}/{}", file.name), file));
            }
        }
        for dependency in &self.dependencies {
            dependency.collect_crds(&format!("{path}/charts/{}", dependency.name()), found);
        }
    }
}
