//! Keys with certificates of one's own authority: what goes along with a signature, and who believes it.

use serde_json::Value;

use crate::pki::{self, RELEASE};
use crate::signing::OFFLINE;
use crate::support::{Run, World};

/// A home with a blob, a key with its certificate, another key, and trusted roots of the whole chain and of the root alone.
fn world() -> World {
    let world = World::without_registry();
    pki::write(world.home.path());
    world.cosign(&["import-key-pair", "--key", "pki.pem", "--output-key-prefix", "release"]).ok();
    world.make_key("other");
    std::fs::write(world.path("blob"), "hello").unwrap();
    world.cosign(&["signing-config", "create", "--out", "nobody.json"]).ok();
    for name in ["chain", "root"] {
        let authority = format!("url=https://ca.acme.example,certificate-chain={name}.pem");
        let out = format!("{name}.json");
        world.cosign(&["trusted-root", "create", "--fulcio", &authority, "--out", &out]).ok();
    }
    world
}

fn sign(world: &World, more: &[&str]) -> Run {
    let line = ["sign-blob", "--signing-config", "nobody.json", "--bundle", "b.json"];
    world.cosign(&[&line[..], more, &["blob"]].concat())
}

fn verify(world: &World, root: &str, more: &[&str]) -> Run {
    let line =
        ["verify-blob", "--bundle", "b.json", "--trusted-root", root, "--certificate-identity", RELEASE];
    let own = ["--certificate-oidc-issuer-regexp", ".*", "--insecure-ignore-tlog", "--insecure-ignore-sct"];
    world.cosign(&[&line[..], &own, more, &["blob"]].concat())
}

#[test]
fn a_certificate_goes_along_alone_or_with_what_leads_to_the_root() {
    let world = world();
    let material = || -> Value {
        let bundle = std::fs::read(world.path("b.json")).unwrap();
        serde_json::from_slice::<Value>(&bundle).unwrap()["verificationMaterial"].clone()
    };
    let with = ["--key", "release.key", "--certificate", "leaf.pem"];
    sign(&world, &with).ok();
    assert!(material()["certificate"].is_object(), "{}", material());
    verify(&world, "chain.json", &[]).ok();
    verify(&world, "root.json", &[]).fails(1, "failed to verify leaf certificate");
    let other = ["--certificate-identity", "other@acme.example"];
    verify(&world, "chain.json", &other).fails(1, "expected SAN value");

    sign(&world, &[&with[..], &["--certificate-chain", "chain.pem"]].concat()).ok();
    let brought = material()["x509CertificateChain"]["certificates"].as_array().map_or(0, Vec::len);
    assert_eq!(brought, 2, "the signer's and the authority's, not the root's: {}", material());
    verify(&world, "root.json", &[]).fails(1, "which version 0.3 does not permit");
    verify(&world, "root.json", &["--allow-certificate-chain"]).ok();
    verify(&world, "chain.json", &["--allow-certificate-chain"]).ok();
    std::fs::write(world.path("blob"), "hallo").unwrap();
    verify(&world, "root.json", &["--allow-certificate-chain"]).fails(1, "");
}

#[test]
fn a_certificate_that_is_not_the_key_s_or_leads_elsewhere_signs_nothing() {
    let world = world();
    let certificate = ["--certificate", "leaf.pem"];
    for (more, why) in [
        (&["--key", "other.key"][..], "public key in certificate does not match the provided public key"),
        (
            &["--key", "release.key", "--certificate-chain", "root.pem"],
            "unable to validate certificate chain",
        ),
        (&["--identity-token", "nobody"], "give it by --key"),
    ] {
        sign(&world, &[&certificate[..], more].concat()).fails(1, why);
    }
    let chain = ["--key", "release.key", "--certificate-chain", "chain.pem"];
    sign(&world, &chain).fails(1, "no leaf certificate found or provided while specifying chain");
    assert!(!world.path("b.json").exists());
}

#[test]
fn an_image_is_signed_with_a_certificate_in_both_layouts() {
    let world = World::logged_in();
    pki::write(world.home.path());
    world.cosign(&["import-key-pair", "--key", "pki.pem", "--output-key-prefix", "release"]).ok();
    world.publish(&[]).ok();
    let image = format!("{}/shop/storefront:1.4.0", world.host());
    let root = "url=https://ca.acme.example,certificate-chain=chain.pem";
    world.cosign(&["trusted-root", "create", "--fulcio", root, "--out", "chain.json"]).ok();
    let who = ["--certificate-identity", RELEASE, "--certificate-oidc-issuer-regexp", ".*"];
    let own = ["--insecure-ignore-tlog", "--insecure-ignore-sct"];
    for (layout, root) in [
        ("--new-bundle-format=false", &["--ca-roots", "root.pem", "--ca-intermediates", "chain.pem"][..]),
        ("--new-bundle-format=true", &["--trusted-root", "chain.json", "--allow-certificate-chain"]),
    ] {
        let with = ["sign", "--key", "release.key", "--certificate", "leaf.pem", layout];
        let chain = ["--certificate-chain", "chain.pem"];
        world.cosign(&[&with[..], &chain, &OFFLINE, &[&image]].concat()).ok();
        world.cosign(&[&["verify", layout], root, &who, &own, &[&image]].concat()).ok();
    }
}
