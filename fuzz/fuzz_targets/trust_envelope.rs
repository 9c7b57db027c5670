//! Any bytes are an envelope, a statement or a simple-signing payload, or are refused; what was read is written and read
//! again, and an envelope is not signed by a key that did not sign it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::{Envelope, PublicKey, SimpleSigning, Statement};

const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW1WcsAoGVZsSvgkm6omnLbzIbmAH
bUuJcgPd36tmz53qSdYXZZE7bPuYz9ExcvbvyBhVmdcD6YXDeQqTrx27vw==
-----END PUBLIC KEY-----
";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(payload) = SimpleSigning::from_json(bytes) {
        assert_eq!(SimpleSigning::from_json(&payload.to_json()).unwrap(), payload);
    }
    if let Ok(statement) = Statement::from_json(bytes) {
        let again = Statement::from_json(&statement.to_json()).unwrap();
        assert_eq!(again.predicate_type, statement.predicate_type);
    }
    let Ok(envelope) = Envelope::from_json(bytes) else { return };
    let key = PublicKey::from_pem(KEY).unwrap();
    assert!(envelope.verify(&key).is_err());
    let _ = Statement::from_json(&envelope.payload);
});
