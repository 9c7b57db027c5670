//! Images that the chart's author lists: annotations and lock files.

use wharf_chart::Chart;
use wharf_yaml::{Value, from_yaml};

use super::name::ImageName;
use super::{Mention, Origin};
use crate::walk::text;

/// The annotations that list images: the proposal HIP-15, Artifact Hub's, Bitnami's.
const ANNOTATIONS: &[&str] = &["helm.sh/images", "artifacthub.io/images", "images"];
/// The files that list images: of distribution tooling for Helm, and of Carvel's imgpkg.
const LOCK_FILES: &[&str] = &["Images.lock", "images.lock", ".imgpkg/images.yml"];

/// Returns every image that a chart or one of its dependencies lists.
pub(super) fn mentions(chart: &Chart) -> Vec<Mention> {
    let mut found = Vec::new();
    of_chart(chart, chart.name(), &mut found);
    found
}

fn of_chart(chart: &Chart, path: &str, found: &mut Vec<Mention>) {
    for name in ANNOTATIONS {
        if let Some(list) = chart.metadata.annotations.get(*name) {
            let origin = Origin::Annotation { chart: path.to_owned(), name: (*name).to_owned() };
            read(list.as_bytes(), &origin, found);
        }
    }
    for name in LOCK_FILES {
        if let Some(file) = chart.raw_file(name) {
            read(&file.data, &Origin::LockFile { file: format!("{path}/{name}") }, found);
        }
    }
    for dependency in &chart.dependencies {
        of_chart(dependency, &format!("{path}/charts/{}", dependency.name()), found);
    }
}

/// Reads a list of images: texts or maps with `image`, at the top or under `images`.
fn read(list: &[u8], origin: &Origin, found: &mut Vec<Mention>) {
    let Ok(value) = from_yaml(list) else { return };
    let items = value.at("images").and_then(Value::as_list).or_else(|| value.as_list()).unwrap_or_default();
    let images = items.iter().filter_map(|item| item.as_str().or_else(|| text(item, "image")));
    found.extend(
        images
            .filter(|image| ImageName::parse(image).is_some())
            .map(|image| Mention::new(image, origin.clone())),
    );
}
