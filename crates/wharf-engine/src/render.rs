use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wharf_chart::semver::{Constraint, Version};
use wharf_chart::{Chart, check_values, coalesce_values, process_dependencies, value_faults};
use wharf_sprig::Surroundings;
use wharf_template::{Limits, Map, Origin, Value};
use wharf_yaml::Value as Plain;

use crate::ahead::Ahead;
use crate::error::{Error, ErrorKind};
use crate::heap;
use crate::manifests::{BadManifest, Documents, Hook, Manifest, sort};
use crate::objects::{Capabilities, KubeVersion, default_api_versions};
use crate::templates::{Files, Job, Told};
use crate::values::live_values;
use crate::{pointing, templates};

/// How much stack a render may use, and a little more that its thread has.
const STACK_BYTES: usize = 256 << 20;
const SPARE_STACK_BYTES: usize = 16 << 20;

/// What a render is for. The defaults are those of `helm template`.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// `.Release.Name`
    pub release_name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Release.IsUpgrade`; `.Release.IsInstall` is the opposite.
    pub is_upgrade: bool,
    /// `.Capabilities.KubeVersion`
    pub kube_version: KubeVersion,
    /// Group versions beyond those assumed without a cluster.
    pub api_versions: Vec<String>,
    /// Whether the notes of dependencies are rendered too.
    pub subchart_notes: bool,
    /// Whether values go unchecked by the charts' `values.schema.json`.
    pub skip_schema_validation: bool,
    /// Whether a missing key is an error.
    pub strict: bool,
    /// Whether the render is for a check, as `helm lint` makes it: `required` and `fail` only tell, and the release is neither
    /// an installation nor an upgrade.
    pub lint: bool,
    /// Whether the process ends soon after: what was used is then left to the system, which is faster than freeing it.
    pub is_last: bool,
    /// Commands executed at most.
    pub max_steps: u64,
    /// Bytes of output of one template, and of any string made on the way, at most.
    pub max_bytes: usize,
}

impl Default for RenderOptions {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            release_name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            is_upgrade: false,
            kube_version: KubeVersion::default(),
            api_versions: Vec::new(),
            subchart_notes: false,
            skip_schema_validation: false,
            strict: false,
            lint: false,
            is_last: false,
            max_steps: limits.max_steps,
            max_bytes: limits.max_bytes,
        }
    }
}

/// What a chart rendered to.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The documents in install order.
    pub manifests: Vec<Manifest>,
    /// The hooks in the order of their kinds.
    pub hooks: Vec<Hook>,
    /// The text of `templates/NOTES.txt`.
    pub notes: String,
    /// The files under `crds/`, with their paths from the outermost chart's name.
    pub crds: Vec<(String, String)>,
    /// What was passed over while values were merged and hooks were told apart, in Helm's words.
    pub warnings: Vec<String>,
}

/// Renders a chart.
///
/// `user` holds the user's values, a map. `surroundings` is called once, on the thread that renders: values and templates
/// stay there, and it has the stack that deep templates need.
///
/// # Errors
/// Fails in Helm's words when values do not fit, a template does not parse or fails, or its output is no YAML.
pub fn render(
    chart: &Chart,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &(dyn Fn() -> Rc<dyn Surroundings> + Sync),
) -> Result<Rendered, Error> {
    render_begun(chart, Ahead::default(), user, options, surroundings)
}

/// As [`render`], where the templates that were parsed ahead are not parsed again.
///
/// # Errors
/// As [`render`].
pub fn render_begun(
    chart: &Chart,
    mut ahead: Ahead,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &(dyn Fn() -> Rc<dyn Surroundings> + Sync),
) -> Result<Rendered, Error> {
    on_own_stack(move || render_here(chart, &mut ahead, user, options, &surroundings()))
}

/// Renders the templates of a chart and returns their output by path, neither split nor sorted nor read as YAML.
///
/// # Errors
/// As [`render`], except that the output may be anything.
pub fn render_files(
    chart: &Chart,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &(dyn Fn() -> Rc<dyn Surroundings> + Sync),
) -> Result<BTreeMap<String, String>, Error> {
    Ok(render_telling(chart, user, options, surroundings)?.0)
}

/// As [`render_files`], and also returns what was passed over, as [`Rendered::warnings`].
///
/// # Errors
/// As [`render_files`].
pub fn render_telling(
    chart: &Chart,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &(dyn Fn() -> Rc<dyn Surroundings> + Sync),
) -> Result<(BTreeMap<String, String>, Vec<String>), Error> {
    on_own_stack(|| {
        let made = render_templates(
            chart,
            &mut Ahead::default(),
            user,
            options,
            &surroundings(),
            None,
            |_, _, _| {},
        )?;
        let owned = |text: Arc<String>| Arc::try_unwrap(text).unwrap_or_else(|shared| (*shared).clone());
        Ok((made.files.into_iter().map(|(path, text)| (path, owned(text))).collect(), made.warnings))
    })
}

fn on_own_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("render".to_owned())
            .stack_size(STACK_BYTES + SPARE_STACK_BYTES)
            .spawn_scoped(scope, || {
                heap::prepare();
                work()
            })
            .map_err(|error| Error::new(ErrorKind::Surroundings, format!("no thread to render on: {error}")))?
            .join()
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Surroundings, "rendering template failed")))
    })
}

/// The output of the templates, and what they were rendered with.
struct Made {
    /// The chart with the dependencies that take part.
    chart: Chart,
    files: Files,
    warnings: Vec<String>,
    /// Where the output of the template that was asked about comes from.
    origins: Vec<Origin>,
}

fn render_templates(
    chart: &Chart,
    ahead: &mut Ahead,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &Rc<dyn Surroundings>,
    traced: Option<&str>,
    made: impl FnMut(&mut Ahead, &str, &Arc<String>),
) -> Result<Made, Error> {
    if !matches!(user, Plain::Map(_) | Plain::Null) {
        return Err(Error::values(format!("values must be a map, not {}", user.go_type())));
    }
    parse(chart, ahead);
    let mut chart = chart.clone();
    let mut warnings = process_dependencies(&mut chart, user).map_err(|error| {
        Error::values(format!("chart dependencies processing failed: {error}")).after(error.warnings())
    })?;
    let mut merged = |values: &Plain| {
        let (values, more) = coalesce_values(&chart, values)
            .map_err(|error| Error::values(error.to_string()).after(&warnings).after(error.warnings()))?;
        warnings.extend(more);
        Ok(values)
    };
    let mut values = merged(user)?;
    if options.lint {
        // Twice, as in Helm: defaults that the user's nulls took away are back.
        values = merged(&values)?;
    }
    if !options.skip_schema_validation {
        check_values(&chart, &values).map_err(|error| {
            Error::schema(error.to_string(), value_faults(&chart, &values)).after(&warnings)
        })?;
    }
    let live = live_values(&values);
    if options.is_last {
        std::mem::forget(values);
    }
    let mut api_versions: Vec<String> = default_api_versions().map(str::to_owned).collect();
    api_versions.extend(options.api_versions.iter().cloned());
    let top = Map::of([
        (
            "Capabilities",
            Value::Object(Rc::new(Capabilities { kube_version: options.kube_version.clone(), api_versions })),
        ),
        (
            "Release",
            Value::Map(Map::of([
                ("Name", Value::from(options.release_name.as_str())),
                ("Namespace", options.namespace.as_str().into()),
                ("IsUpgrade", options.is_upgrade.into()),
                ("IsInstall", (!options.is_upgrade && !options.lint).into()),
                ("Revision", Value::int(if options.lint { 0 } else { options.revision })),
                ("Service", "Helm".into()),
            ])),
        ),
    ]);
    top.insert("Values".into(), Value::Map(live));
    let wanted = &chart.metadata.kube_version;
    // Helm's lint passes over it.
    if !options.lint && !wanted.is_empty() && !is_compatible(wanted, &options.kube_version.normalized) {
        let text = format!(
            "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
            options.kube_version.version
        );
        return Err(Error::new(ErrorKind::KubeVersion, text));
    }
    let limits = Limits {
        max_steps: options.max_steps,
        max_bytes: options.max_bytes,
        max_stack_bytes: STACK_BYTES,
        ..Limits::default()
    };
    let told = Told::default();
    let job = Job { surroundings, options, limits, traced, told: &told };
    let rendered = templates::render(&chart, &top, ahead, &job, made);
    warnings.append(&mut told.borrow_mut());
    let (files, origins) = rendered.map_err(|error| error.after(&warnings))?;
    if options.is_last {
        std::mem::forget(top);
    }
    Ok(Made { chart, files, warnings, origins })
}

/// Has all templates of a tree of charts parsed, while values are merged and checked.
fn parse(chart: &Chart, ahead: &mut Ahead) {
    chart.templates.iter().for_each(|file| ahead.parse(&file.data));
    chart.dependencies.iter().for_each(|dependency| parse(dependency, ahead));
}

/// Whether a version satisfies a range; what does not parse does not.
fn is_compatible(range: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(range)) {
        (Ok(version), Ok(range)) => range.matches(&version),
        _ => false,
    }
}

fn render_here(
    chart: &Chart,
    ahead: &mut Ahead,
    user: &Plain,
    options: &RenderOptions,
    surroundings: &Rc<dyn Surroundings>,
) -> Result<Rendered, Error> {
    let mut documents = Vec::new();
    let read = |ahead: &mut Ahead, path: &str, text: &Arc<String>| {
        documents.extend(Documents::of(&mut ahead.helper, path, text));
    };
    let Made { chart: with_dependencies, files, mut warnings, .. } =
        render_templates(chart, ahead, user, options, surroundings, None, read)?;
    let own_notes = format!("{}/templates/NOTES.txt", with_dependencies.name());
    let mut notes = String::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with("NOTES.txt")) {
        if options.subchart_notes || *path == own_notes {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(text);
        }
    }
    let (manifests, hooks) = match sort(documents, &mut warnings) {
        Ok(sorted) => sorted,
        Err(BadManifest { mut error, path, at }) => {
            // Rendered once more, now with the origin of everything noted.
            if let Ok(again) =
                render_templates(chart, ahead, user, options, surroundings, Some(&path), |_, _, _| {})
                && again.files.get(&path) == files.get(&path)
                && let Some(spot) = pointing::of_output(&again.origins, at)
            {
                error.spots_mut().push(spot.noted("this made it"));
            }
            return Err(error.after(&warnings));
        }
    };
    let crds = with_dependencies
        .crds()
        .into_iter()
        .map(|crd| (crd.path, String::from_utf8_lossy(&crd.file.data).into_owned()))
        .collect();
    if options.is_last {
        std::mem::forget((with_dependencies, files));
    }
    Ok(Rendered { manifests, hooks, notes, crds, warnings })
}

impl Rendered {
    /// Returns what `helm template` prints: with the files under `crds/` first if wanted, then the manifests, then
    /// the hooks unless unwanted, tests among them unless unwanted.
    pub fn text(&self, include_crds: bool, include_hooks: bool, include_tests: bool) -> String {
        let crds = self.crds.iter().filter(|_| include_crds).map(|(path, content)| (path, content));
        let manifests = self.manifests.iter().map(|manifest| (&manifest.path, &manifest.content));
        let hooks = self.hooks.iter().filter(|hook| include_hooks && (include_tests || !hook.is_test()));
        let hooks = hooks.map(|hook| (&hook.manifest.path, &hook.manifest.content));
        let first = crds.chain(manifests);
        let length = |(path, content): (&String, &String)| path.len() + content.len() + 32;
        let mut out = String::with_capacity(first.clone().chain(hooks.clone()).map(length).sum());
        let push = |out: &mut String, (path, content): (&String, &String)| {
            out.extend(["---\n# Source: ", path, "\n", content, "\n"]);
        };
        first.for_each(|document| push(&mut out, document));
        out.truncate(out.trim_end().len());
        out.push('\n');
        hooks.for_each(|document| push(&mut out, document));
        out
    }
}
