//! `wharf images` and `wharf diff` on the example chart.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn storefront() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront")
}

fn wharf(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg(words[0]).arg(storefront()).args(&words[1..]).env("NO_COLOR", "1").output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn the_images_of_the_chart_and_its_dependency_are_listed_with_their_places() {
    let output = wharf(&["images", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    let images = report["images"].as_array().unwrap();
    let web = images
        .iter()
        .find(|image| image["repository"].as_str().unwrap().ends_with("storefront/web"))
        .unwrap();
    assert_eq!(web["verdict"], "found-not-declared");
    let places: Vec<&str> =
        web["mentions"].as_array().unwrap().iter().map(|mention| mention["kind"].as_str().unwrap()).collect();
    assert!(places.contains(&"container") && places.contains(&"values"), "{places:?}");
    assert!(images.iter().any(|image| image["mentions"].to_string().contains("session-cache")), "{report:#}");
    assert!(report["renders"].as_u64() > Some(2), "switches are tried: {report:#}");
}

#[test]
fn an_image_that_the_author_does_not_list_fails_the_check() {
    assert_eq!(wharf(&["images", "--complete"]).status.code(), Some(10));
}

#[test]
fn other_values_show_up_as_changed_fields_and_nothing_else_does() {
    let same = wharf(&["diff", "--exit-code"]);
    assert_eq!(
        (same.status.code(), String::from_utf8_lossy(&same.stdout).trim()),
        (Some(0), "0 added, 0 changed, 0 removed")
    );

    let folder = tempfile::TempDir::new().unwrap();
    let values = folder.path().join("more.yaml");
    std::fs::write(&values, "replicaCount: 5\ningress: {enabled: true}\n").unwrap();
    let output =
        wharf(&["diff", "--new-values", values.to_str().unwrap(), "--exit-code", "--output", "json"]);
    assert_eq!(output.status.code(), Some(10));
    let changes = json(&output);
    let of = |kind: &str| {
        let found = changes["changes"].as_array().unwrap().iter().find(|change| change["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {changes:#}")).clone()
    };
    assert_eq!(of("Ingress")["change"], "added");
    let deployment = of("Deployment");
    assert_eq!(deployment["fields"][0]["path"], "spec.replicas");
    assert_eq!((&deployment["fields"][0]["old"], &deployment["fields"][0]["new"]), (&2.into(), &5.into()));
}
