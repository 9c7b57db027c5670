use wharf_template::{Map, MapElem, MapType, Method, Type, Value};

use crate::values::{path_value, table};

/// The type of `.Values`: a map with methods, which hide keys of the same name.
pub(crate) static VALUES: MapType = MapType {
    name: "common.Values",
    elem: MapElem::Any,
    is_nil: false,
    methods: &[
        Method {
            name: "YAML",
            params: &[],
            variadic: false,
            call: |_, values, _| {
                let plain = wharf_sprig::to_plain(values)?;
                Ok(wharf_yaml::to_yaml(&plain).map_err(|error| error.to_string())?.into())
            },
        },
        Method {
            name: "AsMap",
            params: &[],
            variadic: false,
            call: |_, values, _| Ok(Value::Map(receiver(values).with_type(MapType::ANY))),
        },
        Method {
            name: "Table",
            params: &[Type::String],
            variadic: false,
            call: |_, values, args| {
                let path = args[0].to_string();
                match table(receiver(values), &path) {
                    Some(table) => Ok(Value::Map(table.with_type(&VALUES))),
                    None => Err(format!("{} is not a table", quote(missing(receiver(values), &path))).into()),
                }
            },
        },
        Method {
            name: "PathValue",
            params: &[Type::String],
            variadic: false,
            call: |_, values, args| {
                let path = args[0].to_string();
                if path.is_empty() {
                    return Err("YAML path cannot be empty".into());
                }
                path_value(receiver(values), &path).ok_or_else(|| {
                    format!("{} is not a value", quote(path.rsplit('.').next().unwrap_or_default())).into()
                })
            },
        },
    ],
};

fn receiver(values: &Value) -> &Map {
    values.as_map().expect("methods of a map type are called on maps")
}

fn quote(name: &str) -> String {
    wharf_template::quote(name.as_bytes())
}

/// Returns the first name of a path that leads to no table.
fn missing<'p>(values: &Map, path: &'p str) -> &'p str {
    let mut current = values.clone();
    for name in path.split('.') {
        match current.get(name.as_bytes()) {
            Some(Value::Map(inner)) => current = inner,
            _ => return name,
        }
    }
    path
}
