//! Paths under `/v2`. Repository names hold slashes, so a path is read from its end.

use std::borrow::Cow;

/// The resource that a path names; its parts are not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Ping,
    Catalog,
    Tags { name: &'a str },
    Referrers { name: &'a str, digest: &'a str },
    Manifest { name: &'a str, reference: &'a str },
    Blob { name: &'a str, digest: &'a str },
    Uploads { name: &'a str },
    Upload { name: &'a str, id: &'a str },
    Unknown,
}

impl<'a> Route<'a> {
    /// Reads a decoded path.
    pub(super) fn parse(path: &'a str) -> Self {
        let Some(path) = path.strip_prefix("/v2") else { return Self::Unknown };
        if path.is_empty() || path == "/" {
            return Self::Ping;
        }
        let Some(path) = path.strip_prefix('/') else { return Self::Unknown };
        if path == "_catalog" {
            return Self::Catalog;
        }
        if let Some(name) = path.strip_suffix("/tags/list") {
            return Self::Tags { name };
        }
        // The Docker API writes a slash at the end here; some clients leave it out.
        if let Some(name) =
            path.strip_suffix("/blobs/uploads/").or_else(|| path.strip_suffix("/blobs/uploads"))
        {
            return Self::Uploads { name };
        }
        let Some((rest, last)) = path.rsplit_once('/') else { return Self::Unknown };
        if let Some(name) = rest.strip_suffix("/manifests") {
            Self::Manifest { name, reference: last }
        } else if let Some(name) = rest.strip_suffix("/blobs") {
            Self::Blob { name, digest: last }
        } else if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            Self::Upload { name, id: last }
        } else if let Some(name) = rest.strip_suffix("/referrers") {
            Self::Referrers { name, digest: last }
        } else {
            Self::Unknown
        }
    }

    /// Returns the kind of resource, for the metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ping => "base",
            Self::Catalog => "catalog",
            Self::Tags { .. } => "tags",
            Self::Referrers { .. } => "referrers",
            Self::Manifest { .. } => "manifest",
            Self::Blob { .. } => "blob",
            Self::Uploads { .. } => "blob_upload",
            Self::Upload { .. } => "blob_upload_chunk",
            Self::Unknown => "unknown",
        }
    }
}

/// Undoes percent-encoding: some clients write the colon of a digest as `%3A`. What does not decode stays as it is, and no
/// name, tag or digest then parses.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%'
            && let [high, low, tail @ ..] = tail
            && let Ok(decoded) = data_encoding::HEXLOWER_PERMISSIVE.decode(&[*high, *low])
        {
            bytes.extend(decoded);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_their_end() {
        let digest = "sha256:44136fa3";
        for (path, route) in [
            ("/v2", Route::Ping),
            ("/v2/", Route::Ping),
            ("/v2x", Route::Unknown),
            ("/v2/_catalog", Route::Catalog),
            ("/v2/a/b/tags/list", Route::Tags { name: "a/b" }),
            ("/v2/tags/list/tags/list", Route::Tags { name: "tags/list" }),
            ("/v2/a/manifests/list", Route::Manifest { name: "a", reference: "list" }),
            ("/v2/a/tags/manifests/list", Route::Manifest { name: "a/tags", reference: "list" }),
            ("/v2/a/blobs/uploads/manifests/x", Route::Manifest { name: "a/blobs/uploads", reference: "x" }),
            ("/v2/a/blobs/sha256:44136fa3", Route::Blob { name: "a", digest }),
            ("/v2/a/referrers/sha256:44136fa3", Route::Referrers { name: "a", digest }),
            ("/v2/a/blobs/uploads/", Route::Uploads { name: "a" }),
            ("/v2/a/blobs/uploads", Route::Uploads { name: "a" }),
            ("/v2/a/blobs/uploads/0f-1", Route::Upload { name: "a", id: "0f-1" }),
            ("/v2/a", Route::Unknown),
            ("/v2/a/b/", Route::Unknown),
            ("/v2/manifests/x", Route::Unknown),
        ] {
            assert_eq!(Route::parse(path), route, "{path}");
        }
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decode("/v2/a/blobs/sha256%3Aab"), "/v2/a/blobs/sha256:ab");
        assert_eq!(decode("a%2fb%zz%4"), "a/b%zz%4");
        assert_eq!(decode("%ff"), "%ff");
    }
}
