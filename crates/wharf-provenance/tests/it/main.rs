//! Keyrings and signatures made by GnuPG and Helm are read, and what is made here is verified again.
#![expect(clippy::unwrap_used, reason = "tests")]

use wharf_provenance::{ErrorKind, Keyring, sign, verify};

/// A moment after all keys were made.
const NOW: u32 = 1_900_000_000;

const TEST: &str = "Wharf Test <test@example.com>";
const LOCKED: &str = "Locked Key <locked@example.com>";

const PUBLIC: &[u8] = include_bytes!("../testdata/pub.gpg");
const ARMOURED: &[u8] = include_bytes!("../testdata/pub.asc");
const KEYBOX: &[u8] = include_bytes!("../testdata/pubring.kbx");
const SECRET: &[u8] = include_bytes!("../testdata/sec.gpg");
const LOCKED_SECRET: &[u8] = include_bytes!("../testdata/locked.gpg");
const OTHER: &[u8] = include_bytes!("../testdata/other.gpg");
const BY_HELM: &str = include_str!("../testdata/helm.prov");
const BY_GPG: &str = include_str!("../testdata/gpg.asc");

fn ring(bytes: &[u8]) -> Keyring {
    Keyring::read(bytes).unwrap()
}

#[test]
fn binary_and_armoured_keyrings_and_keyboxes_hold_the_same_keys() {
    for bytes in [PUBLIC, ARMOURED, KEYBOX] {
        let ring = ring(bytes);
        let names: Vec<String> = ring.keys().iter().flat_map(|key| key.names()).collect();
        assert!(names.contains(&TEST.to_owned()) && names.contains(&LOCKED.to_owned()), "{names:?}");
        assert_eq!(ring.find("test@").unwrap().unwrap().fingerprint().len(), 40);
    }
}

#[test]
fn a_name_is_found_whole_or_in_part_but_never_by_luck() {
    let ring = ring(PUBLIC);
    assert_eq!(ring.find(TEST).unwrap().unwrap().names(), [TEST]);
    assert_eq!(ring.find("locked").unwrap().unwrap().names(), [LOCKED]);
    assert!(ring.find("nobody").unwrap().is_none());
    assert_eq!(
        ring.find("example.com").unwrap_err().to_string(),
        "more than one key contain the id \"example.com\""
    );
}

#[test]
fn signatures_by_helm_and_gpg_are_verified() {
    for (text, begins) in [(BY_HELM, "apiVersion: v2\n"), (BY_GPG, "- dashed\nplain\n--- end\n")] {
        for keys in [PUBLIC, ARMOURED, KEYBOX, SECRET] {
            let ring = ring(keys);
            let signed = verify(text.as_bytes(), &ring, NOW).unwrap();
            assert!(signed.text.starts_with(begins), "{}", signed.text);
            assert_eq!(signed.by.names(), [TEST]);
        }
        // The line ends of another system are the same text.
        assert!(verify(text.replace('\n', "\r\n").as_bytes(), &ring(PUBLIC), NOW).is_ok());
    }
}

#[test]
fn a_changed_text_or_another_key_is_refused() {
    let refused = |text: &str, keys: &[u8]| {
        let error = verify(text.as_bytes(), &ring(keys), NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature, "{error}");
        error.to_string()
    };
    assert!(refused(&BY_HELM.replace("dash", "dish"), PUBLIC).starts_with("openpgp: invalid signature: "));
    assert_eq!(refused(BY_HELM, OTHER), "openpgp: signature made by unknown entity");
    assert_eq!(refused(BY_HELM, LOCKED_SECRET), "openpgp: signature made by unknown entity");
    assert_eq!(
        verify(BY_HELM.as_bytes(), &Keyring::default(), NOW).unwrap_err().to_string(),
        "openpgp: signature made by unknown entity"
    );
    for text in ["", "nothing", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\ntext\n"] {
        let error = verify(text.as_bytes(), &ring(PUBLIC), NOW).unwrap_err();
        assert_eq!(error.to_string(), "signature block not found");
    }
}

#[test]
fn text_before_the_signed_message_is_no_part_of_it() {
    let text = format!("files:\n  other: sha256:00\n{BY_HELM}");
    assert!(!verify(text.as_bytes(), &ring(PUBLIC), NOW).unwrap().text.contains("other"));
    // A header that is not `Hash` could smuggle text that looks signed.
    let smuggled = BY_HELM.replace("Hash: ", "files: x\nHash: ");
    assert!(verify(smuggled.as_bytes(), &ring(PUBLIC), NOW).is_err());
}

#[test]
fn what_is_signed_here_is_verified_again() {
    for (keys, name, passphrase) in [(SECRET, "test", ""), (LOCKED_SECRET, "locked", "hush")] {
        let keys = ring(keys);
        let key = keys.find(name).unwrap().unwrap();
        assert_eq!(key.needs_passphrase(), !passphrase.is_empty());
        let text = "a: b \n- c\n\n...\nfiles:\n  d: e\n";
        let signed = sign(text, key, passphrase.as_bytes(), NOW).unwrap();
        assert!(
            signed.starts_with("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na: b\n- - c\n"),
            "{signed}"
        );
        let ring = ring(PUBLIC);
        assert_eq!(verify(signed.as_bytes(), &ring, NOW).unwrap().text, "a: b\n- c\n\n...\nfiles:\n  d: e\n");
    }
    let locked = ring(LOCKED_SECRET);
    assert!(sign("x", &locked.keys()[0], b"wrong", NOW).is_err());
    assert!(
        sign("x", &ring(PUBLIC).keys()[0], b"", NOW).unwrap_err().to_string().contains("not a private key")
    );
}

#[test]
fn broken_keyrings_are_refused_and_never_panic() {
    for bytes in [&b"nothing"[..], b"\x99\x00", b"\x00\x00\x00\x20\x01\x01\x00\x00KBXf"] {
        assert!(Keyring::read(bytes).is_err(), "{bytes:?}");
    }
    for bytes in [PUBLIC, ARMOURED, KEYBOX, SECRET] {
        for end in (0..bytes.len()).step_by(7) {
            let _ = Keyring::read(&bytes[..end]);
        }
    }
    assert!(Keyring::read(b"").unwrap().keys().is_empty());
}
