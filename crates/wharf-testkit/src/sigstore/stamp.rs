//! A timestamp authority (RFC 3161, RFC 5652 and RFC 5816).

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use wharf_trust::{Certificate, HashAlgorithm, PrivateKey, SignatureScheme};

use super::authority::{authority_params, read};
use super::{Fault, clock, der};

/// Object identifiers, as their encoded contents.
mod oid {
    pub(super) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    pub(super) const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
    pub(super) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
    pub(super) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
    pub(super) const SIGNING_CERTIFICATE_V2: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
    pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    pub(super) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub(super) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];
    /// 1.3.6.1.4.1.57264.2
    pub(super) const POLICY: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x02];
}

pub(super) struct Stamper {
    key: PrivateKey,
    pub(super) chain: Vec<Certificate>,
}

impl Stamper {
    pub(super) fn new() -> Self {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root_params = authority_params("fake timestamp root", 2100);
        let root = read(&root_params.self_signed(&root_key).unwrap());
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "fake timestamps");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
        // The one use must be named as critical, RFC 3161 section 2.3.
        let uses = der::wrap(der::SEQUENCE, &[&der::wrap(der::OID, &[oid::TIME_STAMPING])]);
        let mut usage = CustomExtension::from_oid_content(&[2, 5, 29, 37], uses);
        usage.set_criticality(true);
        params.custom_extensions = vec![usage];
        let leaf = read(&params.signed_by(&key, &Issuer::from_params(&root_params, &root_key)).unwrap());
        let key = PrivateKey::from_pkcs8(&key.serialize_der()).unwrap();
        Self { key, chain: vec![leaf, root] }
    }

    /// Answers a `TimeStampReq`; `None` where it is none.
    pub(super) fn stamp(&self, request: &[u8], fault: Option<Fault>) -> Option<Vec<u8>> {
        let request = der::elements(der::elements(request)?.first()?.contents)?;
        let imprint = request.get(1).filter(|found| found.tag == der::SEQUENCE)?;
        let nonce = request.iter().skip(2).find(|found| found.tag == der::INTEGER);
        let other;
        let imprint = if fault == Some(Fault::OtherStamp) {
            let digest = der::wrap(der::OCTET_STRING, &[&[7; 32]]);
            other = der::wrap(der::SEQUENCE, &[&algorithm(oid::SHA256), &digest]);
            &other
        } else {
            imprint.whole
        };
        let now = jiff::Timestamp::from_second(clock(fault)).unwrap();
        let now = now.strftime("%Y%m%d%H%M%SZ").to_string();
        let info = der::wrap(
            der::SEQUENCE,
            &[
                &integer(1),
                &der::wrap(der::OID, &[oid::POLICY]),
                imprint,
                &integer(7),
                &der::wrap(der::GENERALIZED_TIME, &[now.as_bytes()]),
                nonce.map_or(&[], |nonce| nonce.whole),
            ],
        );
        let content = [
            integer(3),
            der::wrap(der::SET, &[&algorithm(oid::SHA256)]),
            der::wrap(
                der::SEQUENCE,
                &[
                    &der::wrap(der::OID, &[oid::TST_INFO]),
                    &der::wrap(der::FIRST, &[&der::wrap(der::OCTET_STRING, &[&info])]),
                ],
            ),
            der::wrap(der::SET, &[&self.signer_info(&info)?]),
        ]
        .concat();
        let token = der::wrap(
            der::SEQUENCE,
            &[
                &der::wrap(der::OID, &[oid::SIGNED_DATA]),
                &der::wrap(der::FIRST, &[&der::wrap(der::SEQUENCE, &[&content])]),
            ],
        );
        let granted = der::wrap(der::SEQUENCE, &[&integer(0)]);
        Some(der::wrap(der::SEQUENCE, &[&granted, &token]))
    }

    fn signer_info(&self, info: &[u8]) -> Option<Vec<u8>> {
        let leaf = self.chain[0].as_der();
        let digest = |bytes: &[u8]| der::wrap(der::OCTET_STRING, &[&HashAlgorithm::Sha256.digest(bytes)]);
        // SHA-256 is the default of this attribute and therefore not named.
        let named = der::wrap(der::SEQUENCE, &[&digest(leaf)]);
        let named = der::wrap(der::SEQUENCE, &[&der::wrap(der::SEQUENCE, &[&named])]);
        let mut attributes = [
            attribute(oid::CONTENT_TYPE, &der::wrap(der::OID, &[oid::TST_INFO])),
            attribute(oid::MESSAGE_DIGEST, &digest(info)),
            attribute(oid::SIGNING_CERTIFICATE_V2, &named),
        ];
        attributes.sort();
        let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
        let signed = der::wrap(der::SET, &attributes);
        let signature = self.key.sign(SignatureScheme::EcdsaSha256, &signed).ok()?;
        let tbs = der::elements(der::elements(der::elements(leaf)?[0].contents)?[0].contents)?;
        // Version, serial number, algorithm, issuer.
        let issued = der::wrap(der::SEQUENCE, &[tbs[3].whole, tbs[1].whole]);
        Some(der::wrap(
            der::SEQUENCE,
            &[
                &integer(1),
                &issued,
                &algorithm(oid::SHA256),
                &der::wrap(der::FIRST, &attributes),
                &der::wrap(der::SEQUENCE, &[&der::wrap(der::OID, &[oid::ECDSA_SHA256])]),
                &der::wrap(der::OCTET_STRING, &[&signature]),
            ],
        ))
    }
}

fn integer(small: u8) -> Vec<u8> {
    der::wrap(der::INTEGER, &[&[small]])
}

fn algorithm(oid: &[u8]) -> Vec<u8> {
    der::wrap(der::SEQUENCE, &[&der::wrap(der::OID, &[oid]), &der::wrap(der::NULL, &[])])
}

fn attribute(kind: &[u8], value: &[u8]) -> Vec<u8> {
    der::wrap(der::SEQUENCE, &[&der::wrap(der::OID, &[kind]), &der::wrap(der::SET, &[value])])
}
