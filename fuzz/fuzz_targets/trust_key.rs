//! Any bytes are a key, or are refused; what was read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::{Password, PrivateKey, PublicKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PublicKey::from_pem(bytes).or_else(|_| PublicKey::from_der(bytes)) {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes()).unwrap(), key);
    }
    let _ = PrivateKey::from_pem(bytes);
    let _ = PrivateKey::from_pkcs8(bytes);
    let _ = PrivateKey::from_encrypted_pem(bytes, &Password::default());
});
