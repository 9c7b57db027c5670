//! Names of images, as container runtimes read them.

use std::fmt;

/// The host that is meant where a name has none.
const DEFAULT_HOST: &str = "docker.io";

/// The name of an image in its full form: two spellings of the same image are equal.
///
/// A name without a host means the runtimes' default one, there a name of one part is below `library`, and a name without
/// tag and digest has the tag `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    /// Host and path.
    pub repository: String,
    /// The tag, if the name has one or has no digest either.
    pub tag: Option<String>,
    /// The digest, `ALGORITHM:HEX`.
    pub digest: Option<String>,
}

impl ImageName {
    /// Reads a name such as `nginx`, `quay.io/prometheus/node-exporter:v1.9` or `host:5000/a@sha256:…`. `None`: it is
    /// none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match rest[last..].split_once(':') {
            Some((name, tag)) if is_tag(tag) => (&rest[..last + name.len()], Some(tag.to_owned())),
            Some(_) => return None,
            None => (rest, None),
        };
        let repository = match path.split_once('/') {
            Some((host, path)) if is_host(host) => {
                let is_short = host == DEFAULT_HOST && !path.contains('/');
                is_path(path).then(|| format!("{host}/{}{path}", if is_short { "library/" } else { "" }))?
            }
            Some(_) => is_path(path).then(|| format!("{DEFAULT_HOST}/{path}"))?,
            None => is_path(path).then(|| format!("{DEFAULT_HOST}/library/{path}"))?,
        };
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Some(Self { repository, tag, digest })
    }

    /// Reads a text that is an image only if it says so: host with a dot or a port, path, and a tag or digest.
    pub(super) fn parse_explicit(text: &str) -> Option<Self> {
        let (host, path) = text.split_once('/')?;
        let name = Self::parse(text)?;
        let says_which = name.digest.is_some() || path.contains(':');
        (is_host(host) && host != "localhost" && says_which).then_some(name)
    }

    /// Whether both name the same content, as far as that can be said: the same repository, and the same tag or digest.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        self.repository == other.repository
            && match (&self.digest, &other.digest) {
                (Some(_), Some(_)) => same(&self.digest, &other.digest),
                _ => same(&self.tag, &other.tag),
            }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let is_name = !name.is_empty()
        && name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
        });
    let is_port =
        port.is_none_or(|port| (1..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit()));
    is_name && is_port && (name.contains('.') || port.is_some() || name == "localhost")
}

fn is_path(text: &str) -> bool {
    text.len() <= 255
        && text.split('/').all(|part| {
            let is_good =
                |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-');
            let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
            part.bytes().all(is_good) && ends(part.as_bytes().first()) && ends(part.as_bytes().last())
        })
}

fn is_tag(text: &str) -> bool {
    let is_good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(is_good) && !text.starts_with(['.', '-'])
}

fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", hex)) => (hex, 64),
        Some(("sha512", hex)) => (hex, 128),
        _ => return false,
    };
    length.0.len() == length.1 && length.0.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::ImageName;

    fn full(text: &str) -> Option<String> {
        ImageName::parse(text).map(|name| name.to_string())
    }

    #[test]
    fn every_spelling_of_an_image_is_the_same_name() {
        for spelling in ["nginx", "library/nginx", "docker.io/nginx", "docker.io/library/nginx:latest"] {
            assert_eq!(full(spelling).as_deref(), Some("docker.io/library/nginx:latest"), "{spelling}");
        }
        assert_eq!(full("grafana/loki:3.5").as_deref(), Some("docker.io/grafana/loki:3.5"));
        assert_eq!(full("localhost:5000/a/b:1").as_deref(), Some("localhost:5000/a/b:1"));
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(full(&format!("quay.io/a/b@{digest}")), Some(format!("quay.io/a/b@{digest}")));
    }

    #[test]
    fn what_no_runtime_would_pull_is_no_image() {
        for text in
            ["", "Nginx", "a//b", "a:b:c", "quay.io/a/b@sha256:12", "-a", "a/-b", "a b", "quay.io/:1", "a:"]
        {
            assert_eq!(full(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_an_image_only_with_host_and_tag() {
        let explicit = |text| ImageName::parse_explicit(text).is_some();
        assert!(explicit("quay.io/prometheus-operator/prometheus-config-reloader:v0.86.1"));
        assert!(explicit("registry.local:5000/a:1"));
        for text in ["a/b:1", "quay.io/a/b", "nginx:1", "api.example.com/v1", "web.shop.svc:8080"] {
            assert!(!explicit(text), "{text}");
        }
    }

    #[test]
    fn a_digest_decides_where_both_have_one() {
        let name = |text: &str| ImageName::parse(text).expect("an image");
        let (one, two) = (format!("@sha256:{}", "1".repeat(64)), format!("@sha256:{}", "2".repeat(64)));
        assert!(name("a:1").is_same(&name(&format!("a:1{one}"))));
        assert!(name(&format!("a:1{one}")).is_same(&name(&format!("a{one}"))));
        assert!(!name(&format!("a:1{one}")).is_same(&name(&format!("a:1{two}"))));
        assert!(!name("a:1").is_same(&name("b:1")));
    }
}
