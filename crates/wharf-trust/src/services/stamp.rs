//! Asking for a signed timestamp (RFC 3161 section 2.4.1).

use crate::der;
use crate::hash::sha256;

/// 2.16.840.1.101.3.4.2.1
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// Returns the `TimeStampReq`, DER, for a signature. It has no nonce: the signature itself was never there before.
#[must_use]
pub fn timestamp_request(signature: &[u8]) -> Vec<u8> {
    let algorithm = der::wrap(der::SEQUENCE, &[&der::write(der::OID, SHA256), &der::write(der::NULL, &[])]);
    let digest = der::write(der::OCTET_STRING, &sha256(signature));
    let imprint = der::wrap(der::SEQUENCE, &[&algorithm, &digest]);
    der::wrap(der::SEQUENCE, &[&der::write(der::INTEGER, &[1]), &imprint])
}
