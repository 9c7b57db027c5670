//! Any bytes are an answer of a service, a signing config or an identity token, or are refused; a signing config is written as
//! it was read, and no answer certifies a key that nobody asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_trust::{CertificateRequest, IdentityToken, LogApi, SigningConfig, TrustedRoot};

fuzz_target!(|bytes: &[u8]| {
    let root = TrustedRoot::public_good();
    let request = CertificateRequest::new(root.logs()[0].key());
    assert!(request.read(bytes).is_err());
    for api in [LogApi::V1, LogApi::V2] {
        let _ = api.read(bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = IdentityToken::parse(text);
    }
    let Ok(config) = SigningConfig::from_json(bytes) else { return };
    assert_eq!(SigningConfig::from_json(&config.to_json()).unwrap(), config);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let _ = config.logs(now, &mut |count| count / 2);
    let _ = config.timestamp_authorities(now, &mut |count| count);
    let _ = config.certificate_authority(now);
});
