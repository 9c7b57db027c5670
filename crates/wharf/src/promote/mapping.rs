//! Where the images of a chart go, and where they are looked for.

use std::fmt::Write as _;
use std::str::FromStr;

use wharf_manifests::ImageName;
use wharf_oci::{Algorithm, ImageReference, Reference, Tag};

use crate::exit::Usage;
use crate::place::Place;

/// `FROM=TO`: images below one repository go below another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    from: String,
    to: String,
}

impl FromStr for Map {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || Usage(format!("{text:?} is not FROM=TO, both HOST[/PATH]"));
        let (from, to) = text.split_once('=').ok_or_else(wrong)?;
        let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
        if from.is_empty() || to.is_empty() {
            return Err(wrong().into());
        }
        Ok(Self { from: from.to_owned(), to: to.to_owned() })
    }
}

/// Which way images go.
#[derive(Clone, Debug)]
pub(super) struct Mapping<'a> {
    /// The folder of the chart's repository at the source, `HOST[/PATH]`; none where the source has no name.
    pub(super) source: Option<&'a str>,
    /// The same at the destination, or of the name by which the policy judges.
    pub(super) destination: &'a str,
    /// What the user said; the longest that fits goes first.
    pub(super) maps: &'a [Map],
}

impl Mapping<'_> {
    /// Returns the repository in which an image lies at the destination: as a map says; else beside the chart, an image
    /// that lies beside it already under the same path, any other under its path without the host.
    pub(super) fn repository(&self, image: &ImageName) -> String {
        let below = |folder: &str| below(&image.repository, folder).map(str::to_owned);
        let fitting = self.maps.iter().filter_map(|map| Some((map, below(&map.from)?)));
        if let Some((map, rest)) = fitting.max_by_key(|(map, _)| map.from.len()) {
            return format!("{}{rest}", map.to);
        }
        if let Some(rest) = self.source.and_then(below) {
            return format!("{}{rest}", self.destination);
        }
        format!("{}/{}", self.destination, path(image))
    }

    /// Returns the repositories in which an image may lie at the source, in the order in which they are asked: beside the
    /// chart, where an earlier promotion put it, then where its name says.
    pub(super) fn candidates(&self, image: &ImageName) -> Vec<String> {
        let own = image.repository.clone();
        match self.source {
            Some(folder) if below(&own, folder).is_none() => vec![format!("{folder}/{}", path(image)), own],
            _ => vec![own],
        }
    }
}

/// The folder of a repository: what is before its last part.
pub(super) fn folder(repository: &str) -> &str {
    repository.rsplit_once('/').map_or(repository, |(folder, _)| folder)
}

/// Returns what an image is called in its repository: by its digest, where it has one.
pub(super) fn reference(image: &ImageName) -> anyhow::Result<Reference> {
    Ok(match (&image.digest, &image.tag) {
        (Some(digest), _) => Reference::Digest(digest.parse()?),
        (None, Some(tag)) => Reference::Tag(tag.parse()?),
        (None, None) => Reference::Tag("latest".parse()?),
    })
}

/// Returns a repository of a registry as a place, with what is meant there.
pub(super) fn place(repository: &str, reference: Reference) -> anyhow::Result<Place> {
    let parsed: ImageReference = repository.parse().map_err(|error| Usage(format!("{error}")))?;
    Ok(Place::Registry(parsed.with_reference(reference)))
}

/// Returns the tag of an image in a layout, which has no repositories: its name with what no tag may have as `-`, and
/// enough of its digest that no two are the same.
pub(super) fn layout_tag(image: &ImageName) -> anyhow::Result<Tag> {
    let name = image.to_string();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let mut tag: String = name.chars().map(plain).take(100).collect();
    let hash = Algorithm::Sha256.digest(name.as_bytes());
    write!(tag, "-{:.12}", hash.encoded())?;
    Ok(tag.parse()?)
}

/// Returns what follows `folder` in a repository that is it or lies below: nothing, or `/…`.
fn below<'r>(repository: &'r str, folder: &str) -> Option<&'r str> {
    repository.strip_prefix(folder).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An image's repository without the host, which no path could hold.
fn path(image: &ImageName) -> &str {
    image.repository.split_once('/').map_or(image.repository.as_str(), |(_, path)| path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn image(text: &str) -> ImageName {
        ImageName::parse(text).unwrap()
    }

    #[test]
    fn images_go_beside_the_chart_and_are_looked_for_there_first() {
        let maps: Vec<Map> = ["quay.io=r.example/mirror", "quay.io/acme=r.example/acme/"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let mapping = Mapping { source: Some("s.example/shop"), destination: "r.example/prod", maps: &maps };
        for (name, goes, lies) in [
            (
                "nginx",
                "r.example/prod/library/nginx",
                &["s.example/shop/library/nginx", "docker.io/library/nginx"][..],
            ),
            ("ghcr.io/a/b:1", "r.example/prod/a/b", &["s.example/shop/a/b", "ghcr.io/a/b"]),
            ("s.example/shop/web:1", "r.example/prod/web", &["s.example/shop/web"]),
            (
                "s.example/shopping/web:1",
                "r.example/prod/shopping/web",
                &["s.example/shop/shopping/web", "s.example/shopping/web"],
            ),
            ("quay.io/x/y:1", "r.example/mirror/x/y", &["s.example/shop/x/y", "quay.io/x/y"]),
            ("quay.io/acme/y:1", "r.example/acme/y", &["s.example/shop/acme/y", "quay.io/acme/y"]),
        ] {
            assert_eq!(mapping.repository(&image(name)), goes, "{name}");
            assert_eq!(mapping.candidates(&image(name)), lies, "{name}");
        }
        for bad in ["quay.io", "=a", "a="] {
            assert!(bad.parse::<Map>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_two_images_have_the_same_tag_in_a_layout() {
        let tags: Vec<Tag> = ["r.io/a/b:1", "r.io/a-b:1", "r.io/a/b:2"]
            .iter()
            .map(|name| layout_tag(&image(name)).unwrap())
            .collect();
        assert!(tags[0].as_str().starts_with("r.io-a-b-1-"), "{tags:?}");
        assert!(tags[0] != tags[1] && tags[0] != tags[2], "{tags:?}");
        let long = image(&format!("r.io/{}:{}", "a".repeat(200), "1".repeat(128)));
        assert!(layout_tag(&long).unwrap().as_str().len() <= 128);
    }
}
