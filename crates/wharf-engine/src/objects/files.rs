use std::collections::BTreeMap;

use wharf_chart::File;
use wharf_template::{List, Map, MapElem, MapType, Method, Str, Type, Value};

use crate::glob::Glob;

/// The type of `.Files`: file contents by path, with Helm's methods.
static FILES: MapType = MapType {
    name: "engine.files",
    elem: MapElem::Bytes,
    is_nil: false,
    methods: &[
        Method {
            name: "Get",
            params: &[Type::String],
            variadic: false,
            call: |_, files, args| Ok(Value::Str(get(files, &args[0]))),
        },
        Method {
            name: "GetBytes",
            params: &[Type::String],
            variadic: false,
            call: |_, files, args| Ok(Value::Bytes(get(files, &args[0]))),
        },
        Method {
            name: "Glob",
            params: &[Type::String],
            variadic: false,
            call: |_, files, args| {
                let glob = Glob::new(&args[0].to_string()).ok_or("the pattern is too large")?;
                let found = map(files).entries().into_iter().filter(|(path, _)| glob.matches(path)).collect();
                Ok(Value::Map(Map::with_entries(&FILES, found)))
            },
        },
        Method {
            name: "AsConfig",
            params: &[],
            variadic: false,
            call: |_, files, _| by_base_name(files, false),
        },
        Method {
            name: "AsSecrets",
            params: &[],
            variadic: false,
            call: |_, files, _| by_base_name(files, true),
        },
        Method {
            name: "Lines",
            params: &[Type::String],
            variadic: false,
            call: |_, files, args| {
                let text = get(files, &args[0]);
                let is_there = args[0].as_str().is_some_and(|path| map(files).contains_key(path));
                if !is_there {
                    return Ok(Value::List(List::strings::<&str>([])));
                }
                if text.is_empty() {
                    return Err("runtime error: index out of range [-1]".into());
                }
                let text = text.strip_suffix(b"\n").unwrap_or(&text);
                Ok(Value::List(List::strings(text.split(|byte| *byte == b'\n'))))
            },
        },
    ],
};

/// Makes `.Files` of a chart's files that are no templates.
pub(crate) fn files_object(files: &[File]) -> Value {
    let entries =
        files.iter().map(|file| (file.name.as_str().into(), Value::Bytes(file.data.clone().into())));
    Value::Map(Map::with_entries(&FILES, entries.collect()))
}

fn map(files: &Value) -> &Map {
    files.as_map().expect("methods of a map type are called on maps")
}

fn get(files: &Value, path: &Value) -> Str {
    match path.as_str().and_then(|path| map(files).get(path)) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => "".into(),
    }
}

/// YAML of the contents by base name, as text or as base64.
fn by_base_name(files: &Value, encode: bool) -> Result<Value, wharf_template::FuncError> {
    let mut contents: BTreeMap<Str, Value> = BTreeMap::new();
    for (path, content) in map(files).entries() {
        let Value::Bytes(content) = content else {
            continue;
        };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        // Bytes are written as base64 by the conversion itself.
        contents.insert(name.into(), if encode { Value::Bytes(content) } else { Value::Str(content) });
    }
    let plain = wharf_sprig::to_plain(&Value::Map(Map::with_entries(MapType::ANY, contents)));
    let text = plain.ok().and_then(|plain| wharf_yaml::to_yaml(&plain).ok()).unwrap_or_default();
    Ok(text.strip_suffix('\n').unwrap_or(&text).into())
}
