//! Values and dependencies, against results recorded from Helm's packages (`tests/testdata/README.md`).

use std::fs;
use std::path::{Path, PathBuf};

use wharf_chart::{Chart, Dependency, Metadata, coalesce_values, process_dependencies};
use wharf_yaml::{Value, from_json, to_json};

fn text(value: &Value, key: &str) -> String {
    value.at(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.at(key).and_then(Value::as_list).unwrap_or_default()
}

fn chart(value: &Value) -> Chart {
    let dependencies = list(value, "deps").iter().map(|dep| {
        Some(Dependency {
            name: text(dep, "name"),
            version: text(dep, "version"),
            alias: text(dep, "alias"),
            condition: text(dep, "condition"),
            tags: list(dep, "tags").iter().filter_map(|tag| tag.as_str().map(ToOwned::to_owned)).collect(),
            import_values: list(dep, "import-values").to_vec(),
            ..Dependency::default()
        })
    });
    Chart {
        metadata: Metadata {
            name: text(value, "name"),
            version: text(value, "version"),
            dependencies: dependencies.collect(),
            ..Metadata::default()
        },
        values: value.at("values").cloned().unwrap_or_default(),
        dependencies: list(value, "charts").iter().map(chart).collect(),
        ..Chart::default()
    }
}

fn tree(chart: &Chart) -> Value {
    let charts = match chart.dependencies.as_slice() {
        [] => Value::Null,
        charts => charts.iter().map(tree).collect(),
    };
    Value::from([("name", chart.name().into()), ("values", chart.values.clone()), ("charts", charts)])
}

fn outcome(case: &Value) -> Value {
    let mut chart = chart(case.at("chart").unwrap());
    let user = case.at("user").unwrap();
    let failed = |error: wharf_chart::Error| Value::from([("err", error.to_string().into())]);
    if let Err(error) = process_dependencies(&mut chart, user) {
        return failed(error);
    }
    let tree = tree(&chart);
    match coalesce_values(&chart, user) {
        Ok((values, _)) => Value::from([("tree", tree), ("values", values)]),
        Err(error) => failed(error),
    }
}

#[test]
fn values_and_dependencies_come_out_as_with_helm() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/values.jsonl");
    let more = std::env::var_os("WHARF_VALUES_CASES").map(PathBuf::from);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in [Some(committed), more].into_iter().flatten() {
        for line in fs::read_to_string(file).unwrap().lines() {
            count += 1;
            let case = from_json(line.as_bytes()).unwrap();
            let (expected, got) =
                (to_json(case.at("out").unwrap()).unwrap(), to_json(&outcome(&case)).unwrap());
            if got != expected {
                wrong.push(format!("{line}\n  helm {expected}\n  ours {got}"));
            }
        }
    }
    wrong.sort_by_key(String::len);
    assert!(wrong.is_empty(), "{} of {count} differ; the shortest:\n{}", wrong.len(), wrong[0]);
}
