//! Any text is a name, reference or header value, and prints as it was read, or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_oci::distribution::{ByteRange, Challenge, ChunkRange, Scope, next_link};
use wharf_oci::{Digest, ImageReference, Reference, RepositoryName, Tag};

fuzz_target!(|text: &str| {
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert!(!name.as_str().contains("..") && !name.as_str().starts_with('/'));
    }
    let _ = text.parse::<Tag>();
    let _ = text.parse::<Reference>();
    if let Ok(reference) = text.parse::<ImageReference>() {
        assert_eq!(reference.to_string(), text.strip_prefix("oci://").unwrap_or(text));
    }
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
    }
    if let Ok(range) = text.parse::<ChunkRange>() {
        assert_eq!(range.to_string().parse::<ChunkRange>().unwrap(), range);
    }
    if let Ok(range) = ByteRange::parse(text)
        && let Some((first, last)) = range.within(1000)
    {
        assert!(first <= last && last < 1000);
    }
    for challenge in Challenge::parse_all(text) {
        assert_eq!(Challenge::parse_all(&challenge.to_string()), [challenge]);
    }
    let _ = next_link(text);
});
