//! Images in the shapes of values: a text under `image`, or a map of registry, repository, and tag or digest.

use wharf_yaml::Value;

use super::name::ImageName;
use super::{Mention, Origin};
use crate::walk::{Path, text, walk};

/// An image written in parts.
pub(super) struct Parts {
    pub(super) text: String,
    /// Whether a tag or digest is among them.
    pub(super) has_version: bool,
}

/// Returns the image that a map of `registry`, `repository`, `tag` or `version`, `digest` describes.
pub(super) fn pair(value: &Value) -> Option<Parts> {
    let map = value.as_map()?;
    let repository =
        text(value, "repository").or_else(|| text(value, "image").filter(|_| map.contains_key("tag")))?;
    if repository.contains("://") {
        return None;
    }
    let mut whole = String::new();
    if let Some(registry) = text(value, "registry").or_else(|| text(value, "imageRegistry")) {
        whole = format!("{}/", registry.trim_end_matches('/'));
    }
    whole.push_str(repository);
    let tag = text(value, "tag").map(str::to_owned).or_else(|| text(value, "version").map(str::to_owned));
    let digest = text(value, "digest").or_else(|| text(value, "sha"));
    if let Some(tag) = &tag {
        whole = format!("{whole}:{tag}");
    }
    if let Some(digest) = digest {
        let algorithm = if digest.contains(':') { "" } else { "sha256:" };
        whole = format!("{whole}@{algorithm}{digest}");
    }
    let looks_so = ["tag", "version", "digest", "sha", "registry", "pullPolicy", "imagePullPolicy"];
    let is_image = looks_so.iter().any(|key| map.contains_key(*key));
    ImageName::parse(&whole)?;
    is_image.then_some(Parts { has_version: tag.is_some() || digest.is_some(), text: whole })
}

/// Returns every image that values describe. Those without a tag or digest get what `app_version` says.
pub(super) fn mentions(values: &Value, app_version: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    walk(values, &Path::default(), &mut |path, value| {
        let origin = || Origin::Values { path: path.as_str().to_owned() };
        if let Some(image) = pair(value) {
            let is_guess = !image.has_version;
            let text = if is_guess && !app_version.is_empty() {
                format!("{}:{app_version}", image.text)
            } else {
                image.text
            };
            if ImageName::parse(&text).is_some() {
                found.push(Mention { is_guess, ..Mention::new(&text, origin()) });
            }
        } else if let Some(word) = value.as_str() {
            let key = path.as_str().rsplit('.').next().unwrap_or_default();
            let is_key = key == "image" || key.ends_with("Image");
            if is_key && word.contains(['/', ':']) && ImageName::parse(word).is_some() {
                found.push(Mention::new(word, origin()));
            }
        }
    });
    found
}
