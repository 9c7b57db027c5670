//! Any bytes are a keyring or a clear-signed text, or are refused; nothing is ever verified by chance.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_provenance::{Keyring, verify};

fuzz_target!(|bytes: &[u8]| {
    // One half is the keyring, the other the text.
    let middle = bytes.windows(2).position(|pair| pair == b"\0\0").unwrap_or(bytes.len());
    let (ring, text) = bytes.split_at(middle);
    if let Ok(keyring) = Keyring::read(ring) {
        for key in keyring.keys() {
            let _ = (key.names(), key.fingerprint(), key.needs_passphrase());
        }
        let _ = keyring.find("a");
        let _ = verify(text, &keyring, 1_700_000_000);
    }
});
