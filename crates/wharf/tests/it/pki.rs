//! A company's own certificate authority: a root, an authority below it, and a certificate for a key that signs.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// Whom the certificate names.
pub(crate) const RELEASE: &str = "release@acme.example";

/// Writes `pki.pem`, the private key that is to be imported, its certificate `leaf.pem`, `chain.pem` (the authority and the
/// root) and `root.pem`.
pub(crate) fn write(folder: &Path) {
    let params = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let authority = |name: &str| {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    };
    let [root_key, between_key, key] = [(); 3].map(|()| KeyPair::generate().unwrap());
    let (root, between) = (authority("root"), authority("between"));
    let mut leaf = params("release");
    leaf.subject_alt_names = vec![SanType::Rfc822Name(RELEASE.try_into().unwrap())];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let signed = between.signed_by(&between_key, &Issuer::from_params(&root, &root_key)).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&between, &between_key)).unwrap();
    for (name, text) in [
        ("pki.pem", key.serialize_pem()),
        ("leaf.pem", leaf.pem()),
        ("chain.pem", signed.pem() + &root_pem),
        ("root.pem", root_pem),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}
