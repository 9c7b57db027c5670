//! Promotions that one asks for and others approve.

use serde_json::Value;

use crate::promote::{PROMOTION, promote, tags, world};
use crate::signing::{ALICE, WATCHED};
use crate::support::World;

const FOUR_EYES: &str = r#"
version: 1
default: deny
signers:
  release: { key: { file: release.pub } }
  ann: { key: { file: ann.pub } }
  bob: { key: { file: bob.pub } }
  again: { key: { file: ann.pub } }
rules:
- name: production
  match: { repositories: ["*/prod/**"], kinds: [chart] }
  signatures: { of: [release] }
  promotion: { approvals: 1, of: [ann, bob, again] }
"#;

#[test]
fn what_needs_four_eyes_is_promoted_once_another_key_has_approved() {
    let (world, from, to) = world();
    ["ann", "bob", "eve"].iter().for_each(|name| world.make_key(name));
    std::fs::write(world.path("policy.yaml"), FOUR_EYES).unwrap();
    let channel = ["--channel", "stable"];
    let ask = |what: &str, key: &str, more: &[&str]| {
        promote(&world, &from, &to, &[&channel[..], &[what, "--key", key], more].concat())
    };
    // Nobody asks for what the policy refuses anyway.
    ask("--request", "ann.key", &[]).fails(5, "");
    world.sign(&from);
    promote(&world, &from, &to, &channel).fails(5, "");
    let nobody = ask("--approve", "bob.key", &[]).fails(5, "").json();
    assert!(nobody["note"].as_str().unwrap().contains("nobody asked"), "{nobody}");
    let stranger = ask("--request", "eve.key", &[]).fails(5, "").json();
    assert!(stranger["note"].as_str().unwrap().contains("lets nobody ask with"), "{stranger}");
    assert_eq!(ask("--request", "ann.key", &["--dry-run"]).ok().json()["outcome"], "would-request");

    let asked = ask("--request", "ann.key", &[]).ok().json();
    assert_eq!((&asked["outcome"], &asked["request"]["attached"]), (&"requested".into(), &true.into()));
    let again = ask("--request", "ann.key", &[]).ok().json();
    assert_eq!(again["request"]["digest"], asked["request"]["digest"], "it is asked once");
    promote(&world, &from, &to, &channel).fails(5, "");
    let own = ask("--approve", "ann.key", &[]).fails(5, "").json();
    assert!(own["note"].as_str().unwrap().contains("somebody else must agree"), "{own}");
    let stranger = ask("--approve", "eve.key", &[]).fails(5, "").json();
    assert!(stranger["note"].as_str().unwrap().contains("lets nobody approve with"), "{stranger}");
    // What was asked for is what is approved: another channel is another promotion.
    promote(&world, &from, &to, &["--channel", "beta", "--approve", "--key", "bob.key"]).fails(5, "");
    assert_eq!(ask("--approve", "bob.key", &["--dry-run"]).ok().json()["outcome"], "would-promote");
    assert_eq!(tags(&world), Value::Null);

    let done = ask("--approve", "bob.key", &["--by", "bob", "--receipt", "receipt.json"]).ok().json();
    assert_eq!((&done["outcome"], &done["approval"]["attached"]), (&"promoted".into(), &true.into()));
    assert_eq!(tags(&world), serde_json::json!(["1.4.0", "stable"]));
    let approvals = &done["verified"]["destination"]["approvals"];
    assert_eq!(approvals["request"]["signer"], "ann");
    assert_eq!(approvals["approvals"][0]["signer"], "bob");
    assert_eq!(approvals["request"]["paper"], asked["request"]["digest"]);
    assert_ne!(approvals["request"]["key"], approvals["approvals"][0]["key"]);
    let receipt: Value = serde_json::from_slice(&std::fs::read(world.path("receipt.json")).unwrap()).unwrap();
    assert_eq!(receipt, done);
    let stable = format!("{to}:stable");
    let line = ["verify-attestation", "--key", "bob.pub", "--insecure-ignore-tlog", "--type", PROMOTION];
    let said = world.cosign(&[&line[..], &[&stable]].concat()).ok().json();
    let payload = data_encoding(said["payload"].as_str().unwrap());
    assert_eq!(payload["predicate"]["requestedBy"]["signer"], "ann");
    assert_eq!(payload["predicate"]["approvedBy"][0]["signer"], "bob");
    // Once both have signed, anybody may carry it out, and again.
    let later = promote(&world, &from, &to, &channel).ok().json();
    assert_eq!(later["outcome"], "already-there");
}

/// The JSON in a base64 text.
fn data_encoding(text: &str) -> Value {
    let bytes = text.parse::<wharf_trust::Base64>().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_promotion_that_two_must_approve_waits_for_the_second() {
    let (world, from, to) = asking();
    let policy =
        FOUR_EYES.replace("approvals: 1, of: [ann, bob, again]", "approvals: 2, of: [ann, bob, release]");
    std::fs::write(world.path("policy.yaml"), policy).unwrap();
    let ask = |what: &str, key: &str| promote(&world, &from, &to, &[what, "--key", key]).ok().json();
    ask("--request", "ann.key");
    assert_eq!(ask("--approve", "bob.key")["outcome"], "approved");
    assert_eq!(ask("--approve", "bob.key")["approval"]["attached"], false);
    assert_eq!(tags(&world), Value::Null);
    assert_eq!(ask("--approve", "release.key")["outcome"], "promoted");
}

/// Keys for those who ask and agree, and the chart signed.
fn asking() -> (World, String, String) {
    let (world, from, to) = world();
    ["ann", "bob"].iter().for_each(|name| world.make_key(name));
    std::fs::write(world.path("policy.yaml"), FOUR_EYES).unwrap();
    world.sign(&from);
    (world, from, to)
}

/// How much is attached to an artifact.
fn papers(world: &World, place: &str) -> usize {
    let seen = world.wharf(&["inspect", place, "-o", "json"]).ok().json();
    seen["papers"].as_array().unwrap().len()
}

#[test]
fn what_needs_four_eyes_completes_after_kills_and_is_never_there_too_early() {
    let (mut world, from, to) = asking();
    let watched = [format!("{WATCHED}/shop/storefront:1.4.0"), format!("{WATCHED}/prod/storefront")];
    let name = ["--as", &to];
    let line = |from: &str, to: &str, more: &[&str]| -> Vec<String> {
        let words =
            [&["promote", from, to, "--policy", "policy.yaml", "--channel", "stable"], &name[..], more];
        words.concat().into_iter().map(str::to_owned).collect()
    };
    let kill = |world: &World, before: &'static str, words: Vec<String>| {
        world.kill_before(before, &words.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let run = |world: &World, more: &[&str]| {
        promote(world, &from, &to, &[&["--channel", "stable"], &name[..], more].concat())
    };
    let (ask, agree) = (["--request", "--key", "ann.key"], ["--approve", "--key", "bob.key"]);

    let attaching = "PUT /v2/shop/storefront/manifests/sha256:";
    kill(&world, attaching, line(&watched[0], &to, &ask));
    run(&world, &agree).fails(5, "");
    let asked = run(&world, &ask).ok().json();
    assert_eq!(asked["request"]["attached"], true, "the killed one had not asked yet");

    // Between request and approval the registry dies as well.
    world.kill_and_serve();
    kill(&world, attaching, line(&watched[0], &to, &agree));
    run(&world, &[]).fails(5, "");
    assert_eq!(tags(&world), Value::Null);

    // Once the approval is attached, the copy may be cut off anywhere.
    for before in [
        "POST /v2/prod/storefront/blobs/uploads/",
        "PUT /v2/prod/storefront/manifests/sha256:",
        "PUT /v2/prod/storefront/manifests/1.4.0 ",
        "PUT /v2/prod/storefront/manifests/stable ",
    ] {
        kill(&world, before, line(&from, &watched[1], &agree));
        let found: Vec<String> = serde_json::from_value(tags(&world)).unwrap_or_default();
        let expected = if before.contains("stable") { vec!["1.4.0"] } else { Vec::new() };
        assert_eq!(found, expected, "before {before}");
    }
    let done = run(&world, &agree).ok().json();
    assert_eq!((&done["outcome"], &done["approval"]["attached"]), (&"promoted".into(), &false.into()));
    assert_eq!(tags(&world), serde_json::json!(["1.4.0", "stable"]));
    let approvals = &done["verified"]["destination"]["approvals"];
    assert_eq!(approvals["request"]["paper"], asked["request"]["digest"]);
    assert_eq!(papers(&world, &from), 3, "a signature, one request and one approval");
}

#[test]
fn four_eyes_look_at_what_lies_in_a_folder_or_a_file_and_what_goes_into_one() {
    let (world, from, to) = asking();
    for source in ["layout:stage", "tar:stage.tar"] {
        world.wharf(&["cp", &from, &format!("{source}:1.4.0")]).ok();
        let to = to.replace("storefront", source.split(':').next().unwrap());
        let run = |more: &[&str]| promote(&world, &format!("{source}:1.4.0"), &to, more);
        run(&["--approve", "--key", "bob.key"]).fails(5, "");
        run(&["--request", "--key", "ann.key"]).ok();
        run(&[]).fails(5, "");
        run(&["--approve", "--key", "ann.key"]).fails(5, "");
        let done = run(&["--approve", "--key", "bob.key"]).ok().json();
        assert_eq!(done["outcome"], "promoted", "{source}");
        assert_eq!(done["verified"]["destination"]["approvals"]["approvals"][0]["signer"], "bob");
        assert_eq!(papers(&world, &format!("{to}:1.4.0")), 4, "{source}: with bob's attestation");
    }
    for (destination, file) in [("layout:out", "out"), ("tar:out.tar", "out.tar")] {
        let name = format!("r.example/prod/{file}");
        let run = |more: &[&str]| promote(&world, &from, destination, &[&["--as", &name], more].concat());
        run(&["--request", "--key", "bob.key"]).ok();
        run(&[]).fails(5, "");
        run(&["--approve", "--key", "bob.key"]).fails(5, "");
        assert!(!world.path(file).exists(), "{destination} is not made before somebody else agrees");
        run(&["--approve", "--key", "ann.key"]).ok();
        // What lies there says by itself who asked and who agreed.
        let found = format!("{destination}:1.4.0");
        let again = promote(&world, &found, "layout:further", &["--as", &name]).ok().json();
        assert_eq!(again["verified"]["source"]["approvals"]["request"]["signer"], "bob", "{destination}");
        std::fs::remove_dir_all(world.path("further")).unwrap();
    }
}

#[test]
fn identities_ask_and_agree_and_a_new_key_makes_nobody_somebody_else() {
    let (world, from, to) = world();
    let fake = world.sigstore();
    std::fs::write(world.path("bob"), fake.token_of("bob@example.com")).unwrap();
    std::fs::write(world.path("mallory"), fake.token_of("mallory@example.com")).unwrap();
    let signer = |name: &str| {
        format!(
            "{name}: {{ keyless: {{ issuer: {{ exact: \"{}\" }}, subject: {{ exact: {name}@example.com }} }} }}",
            fake.issuer()
        )
    };
    let policy = format!(
        "version: 1\ndefault: deny\ntrustRoot: {{ file: root.json }}\nsigners: {{ {}, {} }}\nrules:\n- name: production\n  match: {{ repositories: [\"*/prod/**\"] }}\n  signatures: {{ of: [alice] }}\n  promotion: {{ of: [alice, bob] }}\n",
        signer("alice"),
        signer("bob")
    );
    std::fs::write(world.path("policy.yaml"), policy).unwrap();
    let by = ["--signing-config", "log2", "--trusted-root", "root.json", "--identity-token"];
    world.cosign(&[&["sign"], &by[..], &["token", &from]].concat()).ok();
    let run = |step: &str, token: &str| {
        promote(&world, &from, &to, &[&[step, "--key", "keyless"], &by[..], &[token]].concat())
    };
    let stranger = run("--request", "mallory").fails(5, "").json();
    assert!(stranger["note"].as_str().unwrap().contains("lets nobody ask with"), "{stranger}");
    let asked = run("--request", "token").ok().json();
    assert_eq!(run("--request", "token").ok().json()["request"]["digest"], asked["request"]["digest"]);
    // Each time another key and another certificate, and still Alice.
    let own = run("--approve", "token").fails(5, "").json();
    assert!(own["note"].as_str().unwrap().contains("somebody else must agree"), "{own}");
    run("--approve", "mallory").fails(5, "");
    assert_eq!(tags(&world), Value::Null);
    let dry = [&["--dry-run", "--approve", "--key", "keyless"], &by[..], &["bob"]].concat();
    promote(&world, &from, &to, &dry).fails(2, "a dry run asks for nowhere");

    let done = run("--approve", "bob").ok().json();
    assert_eq!(done["outcome"], "promoted");
    let approvals = &done["verified"]["destination"]["approvals"];
    assert_eq!(approvals["request"]["subject"], ALICE);
    assert_eq!(approvals["approvals"][0]["subject"], "bob@example.com");
    let (issuer, place) = (fake.issuer(), format!("{to}:1.4.0"));
    let line = ["verify-attestation", "--type", PROMOTION, "--trusted-root"];
    let who = ["root.json", "--certificate-identity", "bob@example.com", "--certificate-oidc-issuer"];
    world.cosign(&[&line[..], &who, &[&issuer, &place]].concat()).ok();
}
