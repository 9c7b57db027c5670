//! The templates of a tree of charts: collected with the objects they see, parsed, executed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wharf_chart::Chart;
use wharf_sprig::Surroundings;
use wharf_template::{
    Function, FunctionTable, Limits, Map, MissingKey, Origin, Runtime, Str, TemplateSet, Type, Value,
};

use crate::ahead::Ahead;
use crate::error::{Error, ErrorKind};
use crate::failure::{execution_failure, parse_failure};
use crate::objects::{self, VALUES, chart_object, files_object};
use crate::render::RenderOptions;
use crate::values::table;

/// What templates said that does not end the render.
pub(crate) type Told = Rc<RefCell<Vec<String>>>;

struct Renderable<'c> {
    path: String,
    /// How many folders the path goes through.
    depth: usize,
    text: &'c Arc<[u8]>,
    objects: Map,
    base_path: String,
}

/// The output of templates by path.
pub(crate) type Files = BTreeMap<String, Arc<String>>;

/// How templates are rendered.
pub(crate) struct Job<'j> {
    pub(crate) surroundings: &'j Rc<dyn Surroundings>,
    pub(crate) options: &'j RenderOptions,
    pub(crate) limits: Limits,
    /// The template that is asked where its output comes from.
    pub(crate) traced: Option<&'j str>,
    pub(crate) told: &'j Told,
}

/// Renders all templates of a tree of charts; `made` hears of each as soon as it is rendered. Returns the output, and
/// where that of the traced template comes from.
pub(crate) fn render(
    root: &Chart,
    top: &Map,
    ahead: &mut Ahead,
    job: &Job<'_>,
    mut made: impl FnMut(&mut Ahead, &str, &Arc<String>),
) -> Result<(Files, Vec<Origin>), Error> {
    let Job { surroundings, options, limits, traced, told } = *job;
    let mut found = Vec::new();
    collect(root, "", top, &mut found);
    // Of two charts with one name, the later one's files hide those of the other.
    found.reverse();
    // Deep ones first, so that what a parent defines hides what its dependencies define.
    found.sort_by(|a: &Renderable<'_>, b| b.depth.cmp(&a.depth).then_with(|| b.path.cmp(&a.path)));
    found.dedup_by(|later, earlier| later.path == earlier.path);
    let mut functions = FunctionTable::default();
    add_functions(&mut functions, surroundings);
    if options.lint {
        add_lenient_functions(&mut functions, told);
    }
    let set = TemplateSet::new(Rc::new(functions));
    let names = set.functions().function_names();
    ahead.hold_against(&names);
    for template in &found {
        let parsed = ahead
            .take(&template.path, template.text, &names)
            .map_err(|error| parse_failure(&template.path, error))?;
        set.add(&parsed);
        if options.is_last {
            std::mem::forget(parsed);
        }
    }
    let missing_key = if options.strict { MissingKey::Error } else { MissingKey::Zero };
    let mut runtime = Runtime::new(missing_key, limits);
    let mut rendered = BTreeMap::new();
    let mut origins = Vec::new();
    for template in &found {
        if base_name(&template.path).starts_with('_') {
            continue;
        }
        let about = Map::of([
            ("Name", Value::from(template.path.as_str())),
            ("BasePath", template.base_path.as_str().into()),
        ]);
        template.objects.insert("Template".into(), Value::Map(about.with_type(&VALUES)));
        let data = Value::Map(template.objects.with_type(&VALUES));
        let failed = |error| execution_failure(&template.path, error);
        let out = if traced == Some(template.path.as_str()) {
            let out;
            (out, origins) = runtime.execute_traced(&set, &template.path, &data).map_err(failed)?;
            without_no_value(&out, &mut origins);
            out
        } else {
            runtime.execute(&set, &template.path, &data).map_err(failed)?
        };
        let out = wharf_sprig::remove_no_value(&out).unwrap_or(out);
        let text = String::from_utf8(out).map_err(|error| {
            let path = &template.path;
            let text = match wharf_yaml::from_yaml(error.as_bytes()) {
                Err(error) => format!("YAML parse error on {path}: error converting YAML to JSON: {error}"),
                // Other encodings than UTF-8 are YAML, too.
                Ok(_) => format!("{path}: output is not UTF-8 at byte {}", error.utf8_error().valid_up_to()),
            };
            Error::new(ErrorKind::Manifest, text)
        })?;
        let text = Arc::new(text);
        made(ahead, &template.path, &text);
        rendered.insert(template.path.clone(), text);
    }
    if options.is_last {
        std::mem::forget((found, set, runtime));
    }
    Ok((rendered, origins))
}

/// Moves origins to where they are once every `<no value>` is taken out of the output.
fn without_no_value(out: &[u8], origins: &mut [Origin]) {
    const NO_VALUE: &[u8] = b"<no value>";
    let ends: Vec<usize> = out
        .windows(NO_VALUE.len())
        .enumerate()
        .filter(|(_, text)| *text == NO_VALUE)
        .map(|(start, _)| start + NO_VALUE.len())
        .collect();
    for origin in origins {
        origin.at -= ends.partition_point(|end| *end <= origin.at) * NO_VALUE.len();
    }
}

/// Adds everything that templates can call besides the language's own functions.
pub(crate) fn add_functions(functions: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    wharf_sprig::add_functions(functions, surroundings);
    objects::add_functions(functions);
}

/// Puts functions that only tell over those that end a render, as `helm lint` does.
fn add_lenient_functions(functions: &mut FunctionTable, told: &Told) {
    let (required, failed) = (Rc::clone(told), Rc::clone(told));
    functions.add(Function::new("required", &[Type::String, Type::Any], false, move |_, args| {
        let what = match &args[1] {
            value if value.is_nil() => "missing required value",
            Value::Str(text) if text.is_empty() => "missing required values",
            value => return Ok(value.clone()),
        };
        required.borrow_mut().push(format!("{what}: {}", args[0]));
        Ok("".into())
    }));
    functions.add(Function::new("fail", &[Type::String], false, move |_, args| {
        failed.borrow_mut().push(format!("funcMap fail: {}", args[0]));
        Ok("".into())
    }));
}

/// Collects the templates of a chart and those below, and returns the objects that the chart's templates see.
fn collect<'c>(chart: &'c Chart, parent_path: &str, parent: &Map, found: &mut Vec<Renderable<'c>>) -> Map {
    let is_root = parent_path.is_empty();
    let values = if is_root {
        parent.get(b"Values")
    } else {
        table(parent, &format!("Values.{}", chart.name())).map(Value::Map)
    };
    let values = match values {
        Some(Value::Map(values)) => values,
        _ => Map::new(&VALUES),
    };
    let subcharts = Map::of::<Str>([]);
    let shared = |name: &[u8]| parent.get(name).unwrap_or(Value::Nil);
    let objects = Map::of([
        ("Chart", chart_object(chart, is_root)),
        ("Files", files_object(&chart.files)),
        ("Release", shared(b"Release")),
        ("Capabilities", shared(b"Capabilities")),
        ("Values", Value::Map(values.with_type(&VALUES))),
        ("Subcharts", Value::Map(subcharts.clone())),
    ]);
    let path =
        if is_root { chart.name().to_owned() } else { format!("{parent_path}/charts/{}", chart.name()) };
    for dependency in &chart.dependencies {
        let below = collect(dependency, &path, &objects, found);
        subcharts.insert(dependency.name().into(), Value::Map(below));
    }
    let is_library = chart.metadata.chart_type.eq_ignore_ascii_case("library");
    for file in &chart.templates {
        if is_library && !base_name(&file.name).starts_with('_') {
            continue;
        }
        let path_of_file = format!("{path}/{}", file.name);
        found.push(Renderable {
            depth: path_of_file.bytes().filter(|byte| *byte == b'/').count(),
            path: path_of_file,
            text: &file.data,
            objects: objects.clone(),
            base_path: format!("{path}/templates"),
        });
    }
    objects
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
