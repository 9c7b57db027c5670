use wharf_chart::{Chart, Dependency};
use wharf_template::{Map, MapType, Value};
use wharf_yaml::Value as Plain;

/// Makes `.Chart`: the metadata under the names of Go's struct fields.
pub(crate) fn chart_object(chart: &Chart, is_root: bool) -> Value {
    let metadata = &chart.metadata;
    let texts = |items: &[String]| Value::list(items.iter().map(|item| item.as_str().into()).collect());
    let maintainers = metadata.maintainers.iter().flatten().map(|maintainer| {
        Value::Map(Map::of([
            ("Name", Value::from(maintainer.name.as_str())),
            ("Email", maintainer.email.as_str().into()),
            ("URL", maintainer.url.as_str().into()),
        ]))
    });
    let annotations_type =
        if metadata.annotations.is_empty() { MapType::NIL_STRING } else { MapType::STRING };
    let annotations =
        metadata.annotations.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    Value::Map(Map::of([
        ("Name", Value::from(metadata.name.as_str())),
        ("Home", metadata.home.as_str().into()),
        ("Sources", texts(&metadata.sources)),
        ("Version", metadata.version.as_str().into()),
        ("Description", metadata.description.as_str().into()),
        ("Keywords", texts(&metadata.keywords)),
        ("Maintainers", Value::list(maintainers.collect())),
        ("Icon", metadata.icon.as_str().into()),
        ("APIVersion", metadata.api_version.as_str().into()),
        ("Condition", metadata.condition.as_str().into()),
        ("Tags", metadata.tags.as_str().into()),
        ("AppVersion", metadata.app_version.as_str().into()),
        ("Deprecated", metadata.deprecated.into()),
        ("Annotations", Value::Map(Map::with_entries(annotations_type, annotations.collect()))),
        ("KubeVersion", metadata.kube_version.as_str().into()),
        ("Dependencies", Value::list(metadata.wanted().map(dependency).collect())),
        ("Type", metadata.chart_type.as_str().into()),
        ("IsRoot", is_root.into()),
    ]))
}

fn dependency(wanted: &Dependency) -> Value {
    // Settled wishes are maps of texts; others are not looked at.
    let imported = wanted.import_values.iter().filter_map(|wish| {
        let entries = wish.as_map()?.iter().filter_map(|(key, path)| match path {
            Plain::String(path) => Some((key.as_ref().into(), path.as_ref().into())),
            _ => None,
        });
        Some(Value::Map(Map::with_entries(MapType::STRING, entries.collect())))
    });
    Value::Map(Map::of([
        ("Name", Value::from(wanted.name.as_str())),
        ("Version", wanted.version.as_str().into()),
        ("Repository", wanted.repository.as_str().into()),
        ("Condition", wanted.condition.as_str().into()),
        ("Tags", Value::list(wanted.tags.iter().map(|tag| tag.as_str().into()).collect())),
        ("Enabled", wanted.enabled.into()),
        ("ImportValues", Value::list(imported.collect())),
        ("Alias", wanted.alias.as_str().into()),
    ]))
}
