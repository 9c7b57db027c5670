//! No text from outside causes a panic, and what is accepted is what the grammar says.

use proptest::prelude::*;
use wharf_oci::distribution::{ByteRange, Challenge, ChunkRange, ErrorBody, Scope, TagList, next_link};
use wharf_oci::{Digest, ImageReference, Manifest, Reference, RepositoryName, Tag};

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _ = text.parse::<Digest>();
        let _ = text.parse::<RepositoryName>();
        let _ = text.parse::<Tag>();
        let _ = text.parse::<Reference>();
        let _ = text.parse::<ImageReference>();
        let _ = text.parse::<Scope>();
        let _ = text.parse::<ChunkRange>();
        let _ = ByteRange::parse(&text);
        let _ = Challenge::parse_all(&text);
        let _ = next_link(&text);
    }

    #[test]
    fn any_bytes_are_a_manifest_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::parse(&bytes, None);
        let _ = serde_json::from_slice::<ErrorBody>(&bytes);
        let _ = serde_json::from_slice::<TagList>(&bytes);
    }

    #[test]
    fn an_accepted_name_is_safe_as_a_relative_path(text in "[a-z0-9._/-]{1,40}") {
        if let Ok(name) = text.parse::<RepositoryName>() {
            prop_assert!(name.as_str().split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
        }
    }

    #[test]
    fn a_served_range_lies_within_the_content(header in "bytes=[0-9]{0,4}-[0-9]{0,4}", size in 0u64..3000) {
        if let Ok(range) = ByteRange::parse(&header)
            && let Some((first, last)) = range.within(size)
        {
            prop_assert!(first <= last && last < size);
        }
    }
}

#[test]
fn a_header_of_the_greatest_size_is_read_in_linear_time() {
    let header = "a=\"".repeat(20_000);
    assert!(Challenge::parse_all(&header).is_empty());
    assert_eq!(next_link(&"<".repeat(60_000)), None);
}

#[test]
fn deep_json_does_not_overflow_the_stack() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    // In a field that Wharf does not know it is passed over, as unknown fields must survive; in a known one it is refused.
    assert!(
        Manifest::parse(format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":{deep}}}").as_bytes(), None)
            .is_ok()
    );
    assert!(
        Manifest::parse(format!("{{\"schemaVersion\":2,\"manifests\":{deep}}}").as_bytes(), None).is_err()
    );
}
