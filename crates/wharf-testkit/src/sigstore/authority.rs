//! A certificate authority that issues what Fulcio issues, and the log of certificates that sees them first.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use serde_json::Value;
use wharf_trust::{Certificate, KeyAlgorithm, KeyKind, PrivateKey, PublicKey};

use super::{Fault, clock, der};

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) chain: Vec<Certificate>,
    pub(super) expired_chain: Vec<Certificate>,
    /// The key of the log of certificates.
    pub(super) log: PrivateKey,
}

/// Below 1.3.6.1.4.1.57264.1, Fulcio's extensions.
fn fulcio(last: u64, value: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, last], value)
}

/// 1.3.6.1.4.1.11129.2.4.2
const SCT_LIST: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];

pub(super) fn authority_params(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "fake.example");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

pub(super) fn read(made: &rcgen::Certificate) -> Certificate {
    Certificate::from_der(made.der()).unwrap()
}

impl Authority {
    pub(super) fn new() -> Self {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root_params = authority_params("fake root", 2100);
        let root = read(&root_params.self_signed(&root_key).unwrap());
        let root_issuer = Issuer::from_params(&root_params, &root_key);
        let intermediate = |until| {
            let mut params = authority_params("fake intermediate", until);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
            params
        };
        let chain =
            |until| vec![read(&intermediate(until).signed_by(&key, &root_issuer).unwrap()), root.clone()];
        Self {
            chain: chain(2100),
            expired_chain: chain(2024),
            issuer: Issuer::new(intermediate(2100), key),
            log: PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
        }
    }

    /// Issues a certificate for a key to whom the claims are about.
    pub(super) fn issue(&self, key: &PublicKey, claims: &Value, fault: Option<Fault>) -> Certificate {
        let mut params = self.params(claims, fault);
        let key = match fault {
            Some(Fault::OtherKey) => PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap().public().clone(),
            _ => key.clone(),
        };
        let before = params.signed_by(&Key(&key), &self.issuer).unwrap();
        if fault != Some(Fault::NoSct) {
            let signed = der::elements(der::elements(before.der()).unwrap()[0].contents).unwrap()[0].whole;
            let list = self.sct_list(signed, fault);
            // Behind all others, so that what the log saw is what is left without it.
            params.custom_extensions.push(CustomExtension::from_oid_content(&SCT_LIST, list));
        }
        read(&params.signed_by(&Key(&key), &self.issuer).unwrap())
    }

    fn params(&self, claims: &Value, fault: Option<Fault>) -> CertificateParams {
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(SerialNumber::from(u64::from(rand_u32()) | 1 << 40));
        let start = clock(fault) - if fault == Some(Fault::ExpiredCertificate) { 3600 } else { 5 };
        let start = date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(start).unwrap());
        (params.not_before, params.not_after) = (start, start + Duration::from_secs(600));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.use_authority_key_identifier_extension = true;
        let workflow = text("job_workflow_ref");
        let name = if !workflow.is_empty() {
            SanType::URI(format!("https://github.com/{workflow}").try_into().unwrap())
        } else if claims["email"].is_string() {
            SanType::Rfc822Name(text("email").try_into().unwrap())
        } else {
            SanType::URI(text("sub").try_into().unwrap())
        };
        params.subject_alt_names = vec![name];
        let utf8 = |text: &str| der::wrap(der::UTF8, &[text.as_bytes()]);
        let extensions = &mut params.custom_extensions;
        extensions.push(fulcio(1, text("iss").into_bytes()));
        extensions.push(fulcio(8, utf8(&text("iss"))));
        if !workflow.is_empty() {
            let old = ["event_name", "sha", "workflow", "repository", "ref"];
            extensions.extend((2..).zip(old).map(|(last, name)| fulcio(last, text(name).into_bytes())));
            let page = |name: &str| format!("https://github.com/{}", text(name));
            let run = format!(
                "{}/actions/runs/{}/attempts/{}",
                page("repository"),
                text("run_id"),
                text("run_attempt")
            );
            let new = [
                page("job_workflow_ref"),
                text("job_workflow_sha"),
                text("runner_environment"),
                page("repository"),
                text("sha"),
                text("ref"),
                text("repository_id"),
                page("repository_owner"),
                text("repository_owner_id"),
                page("workflow_ref"),
                text("workflow_sha"),
                text("event_name"),
                run,
                text("repository_visibility"),
            ];
            extensions.extend((9..).zip(new).map(|(last, value)| fulcio(last, utf8(&value))));
        }
        params
    }

    /// A list with one signed certificate timestamp, RFC 6962 section 3.3.
    fn sct_list(&self, signed: &[u8], fault: Option<Fault>) -> Vec<u8> {
        let milliseconds = u64::try_from(clock(fault) * 1000).unwrap().to_be_bytes();
        let length = u32::try_from(signed.len()).unwrap().to_be_bytes();
        let issuer = self.chain[0].public_key().fingerprint();
        let mut message =
            [&[0, 0][..], &milliseconds, &[0, 1], &issuer, &length[1..], signed, &[0, 0]].concat();
        if fault == Some(Fault::WrongSct) {
            message.push(0);
        }
        let signature = self.log.sign(self.log.public().default_scheme(), &message).unwrap();
        let id = self.log.public().fingerprint();
        let one = [&[0][..], &id, &milliseconds, &[0, 0], &[4, 3], &sized(&signature)].concat();
        der::wrap(der::OCTET_STRING, &[&sized(&sized(&one))])
    }
}

/// The bytes behind their length in two bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn rand_u32() -> u32 {
    use std::hash::{BuildHasher as _, Hasher as _};
    // A new state is keyed at random.
    let chance = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(chance >> 32).unwrap()
}

/// A key of which only the public half is here.
struct Key<'a>(&'a PublicKey);

impl PublicKeyData for Key<'_> {
    fn der_bytes(&self) -> &[u8] {
        // The bit string is the last element, and starts with how many bits are not used: none.
        let parts = der::elements(der::elements(self.0.as_der()).unwrap()[0].contents).unwrap();
        &parts[1].contents[1..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.0.kind() {
            KeyKind::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}
