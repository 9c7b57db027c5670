//! The text that provenance files sign.

use proptest::prelude::*;
use wharf_chart::{PackOptions, Provenance, pack};

use crate::support::chart_with;

#[test]
fn the_text_is_helms_and_reads_back() {
    let packed = pack(&chart_with(&[]), &PackOptions::default()).unwrap();
    let provenance = Provenance::of_archive(&packed.metadata, &packed.file_name, &packed.bytes);
    let text = provenance.to_text().unwrap();
    let digest = &provenance.files["demo-1.2.3.tgz"];
    assert_eq!(
        text,
        format!("apiVersion: v2\nname: demo\nversion: 1.2.3\n\n...\nfiles:\n  demo-1.2.3.tgz: {digest}\n")
    );
    assert_eq!(Provenance::parse(&text).unwrap(), provenance);
    assert_eq!(provenance.check_archive("demo-1.2.3.tgz", &packed.bytes).as_ref(), Ok(digest));
}

#[test]
fn another_archive_or_name_is_refused() {
    let packed = pack(&chart_with(&[]), &PackOptions::default()).unwrap();
    let provenance = Provenance::of_archive(&packed.metadata, &packed.file_name, &packed.bytes);
    let error = provenance.check_archive("demo-1.2.3.tgz", b"other").unwrap_err().to_string();
    assert!(error.starts_with("sha256 sum does not match for demo-1.2.3.tgz: \"sha256:"), "{error}");
    let error = provenance.check_archive("other.tgz", &packed.bytes).unwrap_err().to_string();
    assert_eq!(error, "provenance does not contain a SHA for a file named \"other.tgz\"");
    let error = Provenance::parse("name: demo\n").unwrap_err().to_string();
    assert_eq!(error, "message block must have at least two parts");
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "(name: |files:|\n|\\.\\.\\.|a|  b: |- |:|\\{){0,20}") {
        let _ = Provenance::parse(&text);
    }
}
