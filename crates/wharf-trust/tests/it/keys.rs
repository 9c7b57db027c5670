//! Keys of every kind, in every form that people keep them.

use wharf_trust::{ErrorKind, KeyAlgorithm, Password, PrivateKey, PublicKey, Salt, SignatureScheme};

use crate::data;

const ALL: [KeyAlgorithm; 5] = [
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
    KeyAlgorithm::EcdsaP521,
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Ed25519,
];

fn password(text: &str) -> Password {
    Password::new(text.into())
}

fn salt() -> Salt {
    Salt { derivation: [1; 32], nonce: [2; 24] }
}

#[test]
fn a_signature_verifies_with_the_key_that_made_it_and_with_no_other() {
    for algorithm in ALL {
        let (key, other) =
            (PrivateKey::generate(algorithm).unwrap(), PrivateKey::generate(algorithm).unwrap());
        let scheme = key.public().default_scheme();
        let signature = key.sign(scheme, b"message").unwrap();
        key.public().verify(scheme, b"message", &signature).unwrap();
        for (public, message) in [(other.public(), &b"message"[..]), (key.public(), b"massage")] {
            let error = public.verify(scheme, message, &signature).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Signature, "{algorithm:?}");
        }
        if let Some(hash) = scheme.hash() {
            key.public().verify_digest(scheme, &hash.digest(b"message"), &signature).unwrap();
            assert!(key.public().verify_digest(scheme, &hash.digest(b"massage"), &signature).is_err());
            assert!(key.public().verify_digest(scheme, b"short", &signature).is_err());
        }
    }
}

#[test]
fn ed25519_over_the_digest_is_another_signature_than_over_the_bytes() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let prehashed = key.sign(SignatureScheme::Ed25519ph, b"message").unwrap();
    key.public().verify(SignatureScheme::Ed25519ph, b"message", &prehashed).unwrap();
    let digest = SignatureScheme::Ed25519ph.hash().unwrap().digest(b"message");
    key.public().verify_digest(SignatureScheme::Ed25519ph, &digest, &prehashed).unwrap();
    assert!(key.public().verify(SignatureScheme::Ed25519, b"message", &prehashed).is_err());
    assert!(key.public().verify_digest(SignatureScheme::Ed25519, &digest, &prehashed).is_err());
}

#[test]
fn rsa_signs_with_both_paddings() {
    let key = PrivateKey::from_pem(&data("openssl-rsa.pem")).unwrap();
    for scheme in
        [SignatureScheme::RsaPssSha256, SignatureScheme::RsaPssSha512, SignatureScheme::RsaPkcs1Sha384]
    {
        let signature = key.sign(scheme, b"message").unwrap();
        key.public().verify(scheme, b"message", &signature).unwrap();
        assert!(key.public().verify(SignatureScheme::RsaPkcs1Sha256, b"message", &signature).is_err());
    }
}

#[test]
fn keys_that_openssl_wrote_are_read_and_their_public_half_is_what_cosign_says() {
    for name in ["p384", "p521", "ed", "rsa", "rsa1"] {
        let key = PrivateKey::from_pem(&data(&format!("openssl-{name}.pem"))).unwrap();
        let public = data(&format!("openssl-{name}.pub"));
        assert_eq!(key.public().to_pem().as_bytes(), public, "{name}");
        assert_eq!(PublicKey::from_pem(&public).unwrap(), *key.public());
        let again = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
    }
}

#[test]
fn an_encrypted_key_opens_with_its_password_only() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let key = PrivateKey::generate(algorithm).unwrap();
        for secret in ["", "correct horse"] {
            let text = key.to_encrypted_pem(&password(secret), &salt());
            assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
            assert!(PrivateKey::is_encrypted_pem(text.as_bytes()));
            let opened = PrivateKey::from_encrypted_pem(text.as_bytes(), &password(secret)).unwrap();
            assert_eq!(opened.public(), key.public());
            let error = PrivateKey::from_encrypted_pem(text.as_bytes(), &password("wrong")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Password);
        }
    }
}

#[test]
fn a_key_that_cosign_wrote_is_read() {
    let key = PrivateKey::from_encrypted_pem(&data("cosign-3.1.3.key"), &password("pw")).unwrap();
    assert_eq!(key.public().to_pem().as_bytes(), data("cosign-3.1.3.pub"));
    let old = String::from_utf8(data("cosign-3.1.3.key")).unwrap().replace("SIGSTORE", "COSIGN");
    PrivateKey::from_encrypted_pem(old.as_bytes(), &password("pw")).unwrap();
}

/// A key file names how much memory its password costs; a hostile one would name all there is.
#[test]
fn a_key_that_asks_for_too_much_memory_is_refused_before_any_is_taken() {
    let text = |n: u64, r: u64, p: u64| {
        let json = format!(
            r#"{{"kdf":{{"name":"scrypt","params":{{"N":{n},"r":{r},"p":{p}}},"salt":"AAAA"}},"cipher":{{"name":"nacl/secretbox","nonce":"{}"}},"ciphertext":"AAAA"}}"#,
            "A".repeat(32)
        );
        let body = data_encoding::BASE64.encode(json.as_bytes());
        format!(
            "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"
        )
    };
    for (n, r, p) in [
        (1 << 31, 8, 1),
        (65536, 4_294_967_295, 1),
        (65536, 8, 4_294_967_295),
        (3, 8, 1),
        (0, 8, 1),
        (65536, 0, 1),
    ] {
        let error = PrivateKey::from_encrypted_pem(text(n, r, p).as_bytes(), &password("")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "N={n} r={r} p={p}: {error}");
    }
}

#[test]
fn secrets_do_not_print() {
    let key = PrivateKey::from_pem(&data("openssl-p384.pem")).unwrap();
    let pem = key.to_pem();
    let printed = format!("{key:?} {:?}", password("secret"));
    assert!(!printed.contains("secret"));
    assert!(pem.lines().filter(|line| !line.starts_with('-')).all(|line| !printed.contains(line)));
}

#[test]
fn weak_and_unknown_keys_are_refused_by_name() {
    let short = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALfqZqiSVhhrrGHZVDNRJ3kbmsk8vXCL\nzvlvCzDhDUXIkZlTxZxDHFcGzzsyFy4Wm1J+xw3xEZP5eXMSvQyXHY0CAwEAAQ==\n-----END PUBLIC KEY-----\n";
    let error = PublicKey::from_pem(short.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("512 bits"), "{error}");
    for text in
        ["", "nothing", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
    {
        assert!(PublicKey::from_pem(text.as_bytes()).is_err());
        assert!(PrivateKey::from_pem(text.as_bytes()).is_err());
    }
}
