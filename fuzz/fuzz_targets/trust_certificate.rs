//! Any bytes are a certificate, or certificates in PEM, or are refused; what was read is written and read again, and who it
//! was issued to is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::{Certificate, Identity};

fuzz_target!(|bytes: &[u8]| {
    let found = Certificate::all_from_pem(bytes).unwrap_or_default();
    for certificate in found.into_iter().chain(Certificate::from_der(bytes)) {
        let (from, to) = certificate.validity();
        assert!(!certificate.is_valid_at(from) || from <= to);
        let again = Certificate::all_from_pem(certificate.to_pem().as_bytes()).unwrap();
        assert_eq!(again[0].as_der(), certificate.as_der());
        let _ = Identity::of(&certificate);
    }
});
