//! The images that a chart refers to.

mod declared;
mod name;
mod rendered;
mod values;

use std::collections::BTreeSet;

use wharf_chart::Chart;
use wharf_engine::Rendered;

pub use name::ImageName;

/// Where an image is mentioned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A container or image volume of a kind that runs pods.
    Container {
        /// Path of the template, from the outermost chart's name.
        template: String,
        /// `KIND/NAME`
        resource: String,
        /// Path of the field.
        path: String,
        /// Whether it is part of a test hook.
        is_test: bool,
    },
    /// A field of any resource that is called like an image.
    Key {
        /// Path of the template.
        template: String,
        /// `KIND/NAME`
        resource: String,
        /// Path of the field.
        path: String,
        /// Whether it is part of a test hook.
        is_test: bool,
    },
    /// A word in some text of a resource that looks like an image: an argument, a variable, a file.
    Text {
        /// Path of the template.
        template: String,
        /// `KIND/NAME`
        resource: String,
        /// Path of the field.
        path: String,
        /// Whether it is part of a test hook.
        is_test: bool,
    },
    /// The chart's values.
    Values {
        /// Path of the value.
        path: String,
    },
    /// An annotation in Chart.yaml.
    Annotation {
        /// Path of the chart.
        chart: String,
        /// Name of the annotation.
        name: String,
    },
    /// A lock file in the chart.
    LockFile {
        /// Path of the file.
        file: String,
    },
}

impl Origin {
    /// A word for the kind of place.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Container { .. } => "container",
            Self::Key { .. } => "key",
            Self::Text { .. } => "text",
            Self::Values { .. } => "values",
            Self::Annotation { .. } => "annotation",
            Self::LockFile { .. } => "lock-file",
        }
    }

    fn is_found(&self) -> bool {
        matches!(self, Self::Container { .. } | Self::Key { .. })
    }

    fn is_declared(&self) -> bool {
        matches!(self, Self::Annotation { .. } | Self::LockFile { .. })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container { resource, path, is_test, .. }
            | Self::Key { resource, path, is_test, .. }
            | Self::Text { resource, path, is_test, .. } => {
                write!(f, "{resource} {path}{}", if *is_test { " (test)" } else { "" })
            }
            Self::Values { path } => write!(f, "values {path}"),
            Self::Annotation { chart, name } => write!(f, "annotation {name} of {chart}"),
            Self::LockFile { file } => write!(f, "{file}"),
        }
    }
}

/// An image in one place.
#[derive(Clone, Debug)]
pub struct Mention {
    /// As it is written there.
    pub text: String,
    /// The place.
    pub origin: Origin,
    /// The render in which it stands, for places in manifests: the first that has it.
    pub render: Option<String>,
    /// Whether the tag was guessed from the chart's `appVersion`.
    pub is_guess: bool,
}

impl Mention {
    fn new(text: &str, origin: Origin) -> Self {
        Self { text: text.to_owned(), origin, render: None, is_guess: false }
    }

    fn path(&self) -> Option<&str> {
        match &self.origin {
            Origin::Container { path, .. } | Origin::Key { path, .. } | Origin::Text { path, .. } => {
                Some(path)
            }
            _ => None,
        }
    }
}

/// What is known about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The manifests use it and the author lists it.
    DeclaredAndFound,
    /// The manifests use it and the author does not list it.
    FoundNotDeclared,
    /// The author lists it and no render uses it.
    DeclaredNotFound,
    /// Only values or some text mention it.
    Potential,
}

impl Verdict {
    /// The word for it, such as `found-not-declared`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeclaredAndFound => "declared-and-found",
            Self::FoundNotDeclared => "found-not-declared",
            Self::DeclaredNotFound => "declared-not-found",
            Self::Potential => "potential",
        }
    }
}

/// One image with every place that mentions it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The full name.
    pub name: ImageName,
    /// What is known about it.
    pub verdict: Verdict,
    /// The places, each once.
    pub mentions: Vec<Mention>,
}

/// What an [`ImageSearch`] found.
#[derive(Clone, Debug, Default)]
pub struct ImageReport {
    /// The images, by name.
    pub images: Vec<Image>,
    /// Whether the author lists images at all.
    pub declares: bool,
    /// Templates with a line `image:` that no render made use of.
    pub unreached: Vec<String>,
}

impl ImageReport {
    /// Returns the images with a verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Image> {
        self.images.iter().filter(move |image| image.verdict == verdict)
    }

    /// Whether nothing is open: every image that was found is listed, and every template that names one was reached.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.with(Verdict::FoundNotDeclared).next().is_none() && self.unreached.is_empty()
    }
}

/// The search for the images of one chart: [`new`](Self::new), [`add`](Self::add) for each render, [`report`](Self::report).
#[derive(Debug)]
pub struct ImageSearch<'c> {
    chart: &'c Chart,
    mentions: Vec<Mention>,
    seen: BTreeSet<(String, Origin)>,
    unreached: BTreeSet<String>,
}

impl<'c> ImageSearch<'c> {
    /// Begins a search.
    #[must_use]
    pub fn new(chart: &'c Chart) -> Self {
        let mut unreached = BTreeSet::new();
        with_images(chart, chart.name(), &mut unreached);
        Self { chart, mentions: Vec::new(), seen: BTreeSet::new(), unreached }
    }

    /// Looks through one render; `label` says what distinguishes it, such as `metrics.enabled=true`.
    pub fn add(&mut self, label: &str, rendered: &Rendered) {
        for mut mention in rendered::mentions(rendered) {
            if self.seen.insert((mention.text.clone(), mention.origin.clone())) {
                mention.render = Some(label.to_owned());
                self.mentions.push(mention);
            }
        }
        let hooks = rendered.hooks.iter().map(|hook| &hook.manifest);
        for manifest in rendered.manifests.iter().chain(hooks) {
            self.unreached.remove(&manifest.path);
        }
    }

    /// Returns what was found in the renders, and in values, annotations and lock files.
    #[must_use]
    pub fn report(self) -> ImageReport {
        let mut mentions = self.mentions;
        let declared = declared::mentions(self.chart);
        let declares = !declared.is_empty();
        mentions.extend(declared);
        mentions.extend(of_values(self.chart));
        // What is certain comes first, so that a guess joins it.
        mentions.sort_by_key(|mention| (mention.is_guess, !mention.origin.is_found()));
        let mut images: Vec<(ImageName, Vec<Mention>)> = Vec::new();
        for mention in mentions {
            let Some(name) = ImageName::parse(&mention.text) else { continue };
            let known = images.iter_mut().find(|(known, _)| {
                known.is_same(&name) || (mention.is_guess && known.repository == name.repository)
            });
            match known {
                Some((known, places)) => {
                    if known.digest.is_none() && !mention.is_guess {
                        known.digest = name.digest;
                    }
                    places.push(mention);
                }
                None => images.push((name, vec![mention])),
            }
        }
        let mut images: Vec<Image> =
            images.into_iter().map(|(name, mentions)| Image::new(name, mentions)).collect();
        images.sort_by(|a, b| a.name.cmp(&b.name));
        ImageReport { images, declares, unreached: self.unreached.into_iter().collect() }
    }
}

impl Image {
    fn new(name: ImageName, mentions: Vec<Mention>) -> Self {
        let any = |is: fn(&Origin) -> bool| mentions.iter().any(|mention| is(&mention.origin));
        let verdict = match (any(Origin::is_declared), any(Origin::is_found)) {
            (true, true) => Verdict::DeclaredAndFound,
            (false, true) => Verdict::FoundNotDeclared,
            (true, false) => Verdict::DeclaredNotFound,
            (false, false) => Verdict::Potential,
        };
        Self { name, verdict, mentions }
    }
}

/// The values of the chart, and those of its dependencies under their names.
fn of_values(chart: &Chart) -> Vec<Mention> {
    let mut found = values::mentions(&chart.values, &chart.metadata.app_version);
    for dependency in &chart.dependencies {
        found.extend(of_values(dependency).into_iter().map(|mut mention| {
            if let Origin::Values { path } = &mut mention.origin {
                *path = format!("{}.{path}", dependency.name());
            }
            mention
        }));
    }
    found
}

/// Collects the paths of the templates that name an image.
fn with_images(chart: &Chart, path: &str, templates: &mut BTreeSet<String>) {
    for template in &chart.templates {
        let base = template.name.rsplit('/').next().unwrap_or_default();
        let text = String::from_utf8_lossy(&template.data);
        let names_image = |line: &str| {
            let line = line.trim_start().trim_start_matches("- ").trim_start_matches('"');
            line.strip_prefix("image").is_some_and(|rest| rest.trim_start_matches('"').starts_with(':'))
        };
        if !base.starts_with('_') && base != "NOTES.txt" && text.lines().any(names_image) {
            templates.insert(format!("{path}/{}", template.name));
        }
    }
    for dependency in &chart.dependencies {
        with_images(dependency, &format!("{path}/charts/{}", dependency.name()), templates);
    }
}
