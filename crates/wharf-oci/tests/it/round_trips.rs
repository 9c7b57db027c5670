//! What one end writes, the other end reads.

use proptest::prelude::*;
use wharf_oci::distribution::{Catalog, Challenge, ErrorBody, ErrorCode, ReferrersIndex, Scope, TagList};
use wharf_oci::{Algorithm, Descriptor, Digest, Digester, ImageReference, Manifest, media_type};

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}"
}

fn tag() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
}

fn digest() -> impl Strategy<Value = Digest> {
    (any::<Vec<u8>>(), prop::bool::ANY)
        .prop_map(|(bytes, long)| if long { Algorithm::Sha512 } else { Algorithm::Sha256 }.digest(&bytes))
}

proptest! {
    #[test]
    fn references_print_as_they_were_read(
        name in name(),
        tag in prop::option::of(tag()),
        digest in prop::option::of(digest()),
        port in prop::option::of(any::<u16>()),
    ) {
        let mut text = "registry.example.com".to_owned();
        if let Some(port) = port {
            text += &format!(":{port}");
        }
        text += &format!("/{name}");
        if let Some(tag) = &tag {
            text += &format!(":{tag}");
        }
        if let Some(digest) = &digest {
            text += &format!("@{digest}");
        }
        let reference: ImageReference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text);
        prop_assert_eq!(reference.digest, digest);
    }

    #[test]
    fn a_digest_does_not_depend_on_how_content_arrives(
        content in any::<Vec<u8>>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
            cuts.sort_unstable();
            let mut digester = Digester::new(algorithm);
            let mut start = 0;
            for cut in cuts {
                digester.update(&content[start..cut]);
                start = cut;
            }
            digester.update(&content[start..]);
            prop_assert_eq!(digester.finish(), algorithm.digest(&content));
        }
    }

    #[test]
    fn challenges_read_back(realm in "[ -~]{0,40}", service in prop::option::of("[ -~]{0,20}"), scope in prop::option::of("[ -~]{0,40}")) {
        let challenge = Challenge::Bearer { realm, service, scope };
        prop_assert_eq!(Challenge::parse_all(&challenge.to_string()), vec![challenge]);
    }

    #[test]
    fn scopes_read_back(name in name(), actions in prop::collection::btree_set("pull|push|delete", 0..3)) {
        let scope = Scope::repository(&name, actions.iter().map(String::as_str));
        prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
    }

    #[test]
    fn descriptors_read_back(digest in digest(), size in any::<u64>(), key in "[a-z.]{1,10}", value in "\\PC{0,20}") {
        let mut descriptor = Descriptor::new(media_type::OCI_MANIFEST, digest, size);
        descriptor.annotations.insert(key, value);
        descriptor.artifact_type = Some("application/vnd.example".to_owned());
        let index = ReferrersIndex::new(vec![descriptor]);
        let text = serde_json::to_vec(&index).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<ReferrersIndex>(&text).unwrap(), &index);
        // A referrers list is an index like any other.
        prop_assert_eq!(Manifest::parse(&text, Some(media_type::OCI_INDEX)).unwrap().manifests, index.manifests);
    }
}

#[test]
fn lists_and_errors_read_back() {
    let tags =
        TagList { name: "a/b".parse().unwrap(), tags: vec!["1".parse().unwrap(), "x".parse().unwrap()] };
    let text = serde_json::to_string(&tags).unwrap();
    assert_eq!(text, r#"{"name":"a/b","tags":["1","x"]}"#);
    assert_eq!(serde_json::from_str::<TagList>(&text).unwrap(), tags);
    assert!(serde_json::from_str::<TagList>(r#"{"name":"a","tags":null}"#).unwrap().tags.is_empty());

    let catalog = Catalog { repositories: vec!["a/b".parse().unwrap()] };
    assert_eq!(serde_json::from_str::<Catalog>(&serde_json::to_string(&catalog).unwrap()).unwrap(), catalog);

    let error = ErrorBody::new(ErrorCode::BlobUploadUnknown, "upload \"x\" is unknown");
    let text = serde_json::to_string(&error).unwrap();
    assert_eq!(text, r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"upload \"x\" is unknown"}]}"#);
    assert_eq!(serde_json::from_str::<ErrorBody>(&text).unwrap(), error);
}
