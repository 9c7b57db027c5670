//! The verifier of bundles.

use std::collections::HashSet;

use jiff::Timestamp;

use super::proof::{Proof, ProvenTime, Signer, TimeSource, Verified};
use crate::bundle::{Bundle, Content, MessageSignature, check_hint};
use crate::cert::{CODE_SIGNING, Certificate, Identity, IdentityRule, verify_sct};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Artifact, HashAlgorithm};
use crate::key::{KeyKind, PublicKey, SignatureScheme};
use crate::rekor::{Claimed, ClaimedContent, LogEntry};
use crate::root::TrustedRoot;
use crate::statement::Statement;
use crate::timestamp;

/// Who must have signed.
#[derive(Debug, Clone, Copy)]
pub enum ExpectedSigner<'a> {
    /// The holder of this key.
    Key(&'a PublicKey),
    /// Somebody with a certificate whose identity satisfies one of the rules.
    Identity(&'a [IdentityRule]),
}

/// What is demanded of a bundle.
///
/// With a key, neither log nor timestamp is needed unless demanded. With a certificate, something must tell when the
/// signature was made: the log, a timestamp authority, or, when neither is demanded, the caller's clock.
#[derive(Debug, Clone)]
pub struct Verifier<'a> {
    /// Who must have signed.
    pub signer: ExpectedSigner<'a>,
    /// Which logs and authorities are believed; not needed with a key alone.
    pub root: Option<&'a TrustedRoot>,
    /// Whether a trusted log must hold the signature.
    pub require_log: bool,
    /// Whether a trusted authority must vouch for the time.
    pub require_timestamp: bool,
    /// Whether a certificate must have been seen by a certificate transparency log.
    pub require_sct: bool,
    /// Whether a bundle of version 0.3 may bring a certificate chain, which its format has no place for; what is in it then
    /// helps to find the way to a trusted authority.
    pub allow_chain: bool,
    /// The moment at which certificates must be valid when neither log nor timestamp is required.
    pub now: Timestamp,
}

/// Who signed, before it is known whether that is true.
enum Material<'a> {
    Key(&'a PublicKey),
    Certificate {
        certificate: Box<Certificate>,
        identity: Box<Identity>,
        /// What came along.
        along: Vec<Certificate>,
    },
}

impl<'a> Verifier<'a> {
    /// Demands everything: a log, and for certificates a certificate transparency log.
    #[must_use]
    pub fn new(signer: ExpectedSigner<'a>, root: Option<&'a TrustedRoot>, now: Timestamp) -> Self {
        Self {
            signer,
            root,
            require_log: true,
            require_timestamp: false,
            require_sct: true,
            allow_chain: false,
            now,
        }
    }

    /// Demands a signature by the key and nothing more: what works offline without any service.
    #[must_use]
    pub fn key_only(key: &'a PublicKey) -> Self {
        Self {
            signer: ExpectedSigner::Key(key),
            root: None,
            require_log: false,
            require_timestamp: false,
            require_sct: false,
            allow_chain: false,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Verifies that the bundle signs the artifact: by a message signature over it, or by a statement about it.
    ///
    /// # Errors
    /// The first demand that is not met.
    pub fn verify_artifact(
        &self,
        bundle: &Bundle,
        artifact: &Artifact,
    ) -> Result<Verified<Option<Statement>>> {
        let (statement, proof) = self.verify(bundle, Some(artifact))?;
        if let Some(statement) = &statement {
            statement.check_subject(artifact)?;
        }
        Ok(Verified::new(statement, proof))
    }

    /// Verifies the statement in the bundle, whatever it is about.
    ///
    /// # Errors
    /// The first demand that is not met, or the bundle holds no statement.
    pub fn verify_statement(&self, bundle: &Bundle) -> Result<Verified<Statement>> {
        let (statement, proof) = self.verify(bundle, None)?;
        let statement =
            statement.ok_or_else(|| Error::new(ErrorKind::Content, "the bundle holds no statement"))?;
        Ok(Verified::new(statement, proof))
    }

    fn verify(&self, bundle: &Bundle, artifact: Option<&Artifact>) -> Result<(Option<Statement>, Proof)> {
        let material = self.material(bundle)?;
        let (key, signer) = match &material {
            Material::Key(key) => (*key, Signer::Key(key.hint())),
            Material::Certificate { certificate, identity, .. } => {
                (certificate.public_key(), Signer::Certificate(identity.clone()))
            }
        };
        let content = bundle.content()?;
        let signature: &[u8] = match content {
            Content::Message(message) => &message.signature,
            Content::Envelope(envelope) => envelope.only_signature()?,
        };

        let mut proof = Proof {
            signer,
            scheme: key.default_scheme(),
            times: Vec::new(),
            logged: Vec::new(),
            notes: Vec::new(),
        };
        self.check_log(bundle, &material, content, signature, artifact, &mut proof)?;
        self.check_timestamps(bundle, signature, &mut proof)?;
        if let Material::Certificate { certificate, identity, along } = &material {
            self.check_certificate(certificate, along, &mut proof)?;
            self.check_identity(identity)?;
        }
        match content {
            Content::Message(message) => {
                let artifact = artifact.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Content,
                        "a message signature cannot be verified without the artifact",
                    )
                })?;
                check_hint(&message.message_digest, artifact)?;
                proof.scheme = verify_message(key, message, artifact)?;
                Ok((None, proof))
            }
            Content::Envelope(envelope) => {
                proof.scheme = envelope.verify(key)?;
                // Only now is the payload looked at.
                Statement::in_envelope(envelope).map(|statement| (Some(statement), proof))
            }
        }
    }

    fn material(&self, bundle: &Bundle) -> Result<Material<'a>> {
        match (self.signer, bundle.certificate_der()) {
            (ExpectedSigner::Key(key), None) => Ok(Material::Key(key)),
            (ExpectedSigner::Key(_), Some(_)) => {
                Err(Error::new(ErrorKind::Identity, "expected key signature, not certificate"))
            }
            (ExpectedSigner::Identity(_), None) => Err(Error::new(
                ErrorKind::Identity,
                "the bundle is signed with a key, and an identity is expected: no certificate to check",
            )),
            (ExpectedSigner::Identity(_), Some(der)) => {
                if bundle.has_unforeseen_chain() && !self.allow_chain {
                    return Err(Error::malformed(
                        "bundle: a certificate chain, which version 0.3 does not permit",
                    ));
                }
                let along = bundle.further_certificates().map(Certificate::from_der);
                let mut along: Vec<Certificate> = along.collect::<Result<_>>()?;
                if along.iter().any(Certificate::is_self_issued) {
                    return Err(Error::malformed(
                        "bundle: a root certificate, which a signer must not bring along",
                    ));
                }
                if !self.allow_chain {
                    along.clear();
                }
                let certificate = Box::new(Certificate::from_der(der)?);
                let identity = Box::new(Identity::of(&certificate)?);
                Ok(Material::Certificate { certificate, identity, along })
            }
        }
    }

    /// Checks every entry of a known log. An entry that contradicts the bundle fails it, whatever else is there.
    fn check_log(
        &self,
        bundle: &Bundle,
        material: &Material<'_>,
        content: Content<'_>,
        signature: &[u8],
        artifact: Option<&Artifact>,
        proof: &mut Proof,
    ) -> Result<()> {
        if !self.require_log {
            return Ok(());
        }
        let root = self.root.ok_or_else(no_root)?;
        let digest = |algorithm| digest_of(artifact, algorithm);
        let claimed = Claimed {
            signature,
            verifier: match material {
                Material::Key(key) => key.as_der(),
                Material::Certificate { certificate, .. } => certificate.as_der(),
            },
            content: match content {
                Content::Message(_) => ClaimedContent::Message(&digest),
                Content::Envelope(envelope) => ClaimedContent::Envelope(envelope),
            },
        };
        let mut seen = HashSet::new();
        for entry in bundle.log_entries() {
            if !seen.insert((&entry.log_id.key_id, entry.log_index)) {
                return Err(Error::new(ErrorKind::Log, format!("log entry {} comes twice", entry.log_index)));
            }
            self.check_entry(entry, root, material, &claimed, proof)?;
        }
        if proof.logged.is_empty() {
            let why = proof.notes.join("; ");
            let found = bundle.log_entries().len();
            return Err(Error::new(
                ErrorKind::Log,
                format!(
                    "not enough verified log entries from transparency log: 0 < 1 (of {found} in the bundle){}{why}",
                    if why.is_empty() { "" } else { ": " }
                ),
            ));
        }
        Ok(())
    }

    fn check_entry(
        &self,
        entry: &LogEntry,
        root: &TrustedRoot,
        material: &Material<'_>,
        claimed: &Claimed<'_>,
        proof: &mut Proof,
    ) -> Result<()> {
        let body = entry.body()?;
        let Some(log) = root.log(&entry.log_id.key_id) else {
            let id = crate::encoding::to_hex(&entry.log_id.key_id);
            proof.notes.push(format!("log {id} is not in the trusted root"));
            return Ok(());
        };
        if entry.inclusion_promise.is_none() && entry.inclusion_proof.is_none() {
            return Err(Error::new(
                ErrorKind::Log,
                format!("log entry {}: neither promise nor proof", entry.log_index),
            ));
        }
        let promised =
            entry.inclusion_promise.as_ref().map(|promise| entry.verify_promise(promise, log)).transpose();
        let promised = match promised {
            Ok(promised) => promised,
            Err(error) => {
                proof.notes.push(error.to_string());
                return Ok(());
            }
        };
        if let Some(inclusion) = &entry.inclusion_proof {
            entry.verify_proof(inclusion, log)?;
        }
        body.check(claimed)?;
        if let (Some(at), Material::Certificate { certificate, .. }) = (entry.integrated_at(), material)
            && !certificate.is_valid_at(at)
        {
            let (from, to) = certificate.validity();
            return Err(Error::new(
                ErrorKind::Certificate,
                format!("logged at {at}, the certificate is valid from {from} to {to}"),
            ));
        }
        proof.logged.push((log.base_url.clone(), entry.log_index));
        // A time that stands beside a proof alone is not signed.
        if let Some(at) = promised {
            proof.times.push(ProvenTime { at, by: TimeSource::Log(log.base_url.clone()) });
        }
        Ok(())
    }

    fn check_timestamps(&self, bundle: &Bundle, signature: &[u8], proof: &mut Proof) -> Result<()> {
        let authorities = self.root.map(TrustedRoot::timestamp_authorities).unwrap_or_default();
        let mut vouched = 0;
        for response in bundle.timestamps() {
            let mut reasons = Vec::new();
            let good = authorities.iter().find_map(|authority| {
                timestamp::verify(response, signature, authority)
                    .map_err(|error| reasons.push(with_causes(&error)))
                    .ok()
                    .map(|at| ProvenTime { at, by: TimeSource::Authority(authority.uri().to_owned()) })
            });
            match good {
                Some(time) if proof.times.iter().any(|known| known.by == time.by) => {
                    proof.notes.push("a second timestamp by the same authority".to_owned());
                }
                Some(time) => {
                    vouched += 1;
                    proof.times.push(time);
                }
                None if authorities.is_empty() => {
                    proof.notes.push("no timestamp authority is trusted".to_owned())
                }
                None => proof.notes.push(reasons.join("; ")),
            }
        }
        if self.require_timestamp && vouched == 0 {
            return Err(Error::new(
                ErrorKind::Timestamp,
                format!(
                    "threshold not met for verified signed timestamps: 0 < 1; error: {}",
                    proof.notes.join("; ")
                ),
            ));
        }
        Ok(())
    }

    /// Checks the certificate's path at every proven time.
    fn check_certificate(
        &self,
        certificate: &Certificate,
        along: &[Certificate],
        proof: &mut Proof,
    ) -> Result<()> {
        let root = self.root.ok_or_else(no_root)?;
        if proof.times.is_empty() {
            if self.require_log || self.require_timestamp {
                let why = if proof.notes.is_empty() {
                    String::new()
                } else {
                    format!(": {}", proof.notes.join("; "))
                };
                return Err(Error::new(
                    ErrorKind::Timestamp,
                    format!(
                        "nothing vouches for the time of the signature, neither a log's promise nor a timestamp authority{why}"
                    ),
                ));
            }
            proof.times.push(ProvenTime { at: self.now, by: TimeSource::Clock });
        }
        let mut reasons = Vec::new();
        for authority in root.certificate_authorities() {
            let mut times = proof.times.iter();
            match times.try_for_each(|time| authority.verify(certificate, along, time.at, CODE_SIGNING)) {
                Ok(()) if self.require_sct => {
                    return verify_sct(certificate, authority, &root.certificate_logs);
                }
                Ok(()) => return Ok(()),
                Err(error) => reasons.push(with_causes(&error)),
            }
        }
        let why = if reasons.is_empty() { "no authority is trusted".to_owned() } else { reasons.join("; ") };
        Err(Error::new(ErrorKind::Certificate, format!("failed to verify leaf certificate: {why}")))
    }

    fn check_identity(&self, identity: &Identity) -> Result<()> {
        let ExpectedSigner::Identity(rules) = self.signer else { return Ok(()) };
        let mut last = Error::new(ErrorKind::Misuse, "no identity is expected, so none can be right");
        for rule in rules {
            match rule.check(identity) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Checks that an entry is about the bundle's signature by that signer, whatever proves it.
pub(crate) fn check_entry_content(
    entry: &LogEntry,
    bundle: &Bundle,
    verifier: &[u8],
    artifact: Option<&Artifact>,
) -> Result<()> {
    let digest = |algorithm| digest_of(artifact, algorithm);
    let content = match bundle.content()? {
        Content::Message(_) => ClaimedContent::Message(&digest),
        Content::Envelope(envelope) => ClaimedContent::Envelope(envelope),
    };
    entry.body()?.check(&Claimed { signature: bundle.signature()?, verifier, content })
}

fn digest_of(artifact: Option<&Artifact>, algorithm: HashAlgorithm) -> Result<Vec<u8>> {
    let artifact = artifact.ok_or_else(|| Error::new(ErrorKind::Content, "the artifact is not at hand"))?;
    artifact.wanted(algorithm).map(<[u8]>::to_vec)
}

/// Verifies a signature over an artifact by its digest, or over its bytes where the scheme signs those.
fn verify_message(
    key: &PublicKey,
    message: &MessageSignature,
    artifact: &Artifact,
) -> Result<SignatureScheme> {
    let hinted = HashAlgorithm::named(&message.message_digest.algorithm).ok();
    let schemes = key.accepted_schemes().iter().copied();
    // A hint at the digest picks the scheme; Ed25519 over the bytes has no digest.
    let fits = |scheme: &SignatureScheme| match (hinted, scheme.hash()) {
        (Some(hinted), Some(hash)) => hinted == hash || key.kind() == KeyKind::Ed25519,
        _ => true,
    };
    let mut last = Error::new(
        ErrorKind::Signature,
        format!(
            "a key of kind {:?} does not sign {} digests",
            key.kind(),
            hinted.map_or("such", HashAlgorithm::name)
        ),
    );
    for scheme in schemes.filter(fits) {
        let result = match (scheme.hash(), artifact.bytes()) {
            (Some(hash), _) => {
                artifact.wanted(hash).and_then(|digest| key.verify_digest(scheme, digest, &message.signature))
            }
            (None, Some(bytes)) => key.verify(scheme, bytes, &message.signature),
            (None, None) => Err(Error::new(
                ErrorKind::Misuse,
                "an Ed25519 signature needs the bytes, a digest is not enough",
            )),
        };
        match result {
            Ok(()) => return Ok(scheme),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn no_root() -> Error {
    Error::new(ErrorKind::Misuse, "a trusted root is needed to verify logs, timestamps and certificates")
}

/// The error and what caused it, in one line.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
