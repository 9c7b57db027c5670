//! What was just signed, before anybody sees it: everything that a service answered is checked as a verifier would.

use jiff::Timestamp;

use crate::bundle::{Bundle, Content};
use crate::cert::{Identity, IdentityRule, TextRule};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Artifact;
use crate::key::PublicKey;
use crate::root::TrustedRoot;
use crate::verify::{ExpectedSigner, Proof, TimeSource, Verifier};

/// What a bundle that was just made must hold.
#[derive(Debug)]
pub struct Fresh<'a> {
    /// The key that signed; with a certificate, the one that it must be for.
    pub key: &'a PublicKey,
    /// What was signed, unless the bundle holds it.
    pub artifact: Option<&'a Artifact>,
    /// Which authorities and logs are believed. Without it nothing of theirs can be proved, and only what they say is
    /// held against what was asked.
    pub root: Option<&'a TrustedRoot>,
    /// How many logs were asked.
    pub logs: usize,
    /// How many timestamp authorities were asked.
    pub timestamps: usize,
    /// Whether a certificate transparency log must have seen the certificate.
    pub require_sct: bool,
    /// The moment.
    pub now: Timestamp,
}

impl Fresh<'_> {
    /// Checks the bundle.
    ///
    /// # Errors
    /// A service answered what a verifier would refuse, or said less than it was asked.
    pub fn check(&self, bundle: &Bundle) -> Result<()> {
        let certificate = bundle.unverified_certificate()?;
        if let Some(certificate) = certificate.as_ref().filter(|found| found.public_key() != self.key) {
            return Err(Error::new(
                ErrorKind::Certificate,
                format!(
                    "the certificate is for key {}, not for {} which signed",
                    certificate.public_key().hint(),
                    self.key.hint()
                ),
            ));
        }
        self.check_asked(bundle)?;
        let Some(root) = self.root else {
            return self.check_unproved(bundle);
        };
        // Whoever the authority says it is: who signs is about to read it, and verifiers demand what they want.
        let rules = match certificate.as_ref().map(Identity::of).transpose()? {
            Some(identity) => {
                vec![IdentityRule::new(TextRule::exact(identity.subject), TextRule::exact(identity.issuer))?]
            }
            None => Vec::new(),
        };
        let signer = match certificate {
            Some(_) => ExpectedSigner::Identity(&rules),
            None => ExpectedSigner::Key(self.key),
        };
        let verifier = Verifier {
            signer,
            root: Some(root),
            require_log: self.logs > 0,
            require_timestamp: self.timestamps > 0,
            require_sct: self.require_sct,
            allow_chain: true,
            now: self.now,
        };
        let proof = match self.artifact {
            Some(artifact) => verifier.verify_artifact(bundle, artifact)?.into_parts().1,
            None => verifier.verify_statement(bundle)?.into_parts().1,
        };
        self.check_all(&proof)
    }

    fn check_asked(&self, bundle: &Bundle) -> Result<()> {
        let (entries, timestamps) = (bundle.log_entries().len(), bundle.timestamps().count());
        if entries == self.logs && timestamps == self.timestamps {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Misuse,
            format!(
                "{entries} log entries and {timestamps} timestamps, where {} and {} were asked for",
                self.logs, self.timestamps
            ),
        ))
    }

    /// Every log and authority that was asked must be one that is believed, not one of them alone.
    fn check_all(&self, proof: &Proof) -> Result<()> {
        let why = || match proof.notes.as_slice() {
            [] => String::new(),
            notes => format!(": {}", notes.join("; ")),
        };
        if proof.logged.len() < self.logs {
            let text = format!(
                "not enough verified log entries from transparency log: {} < {}{}",
                proof.logged.len(),
                self.logs,
                why()
            );
            return Err(Error::new(ErrorKind::Log, text));
        }
        let vouched = proof.times.iter().filter(|time| matches!(time.by, TimeSource::Authority(_))).count();
        if vouched < self.timestamps {
            let text = format!(
                "threshold not met for verified signed timestamps: {vouched} < {}{}",
                self.timestamps,
                why()
            );
            return Err(Error::new(ErrorKind::Timestamp, text));
        }
        Ok(())
    }

    /// Nobody is trusted: the entries must at least be about this signature.
    fn check_unproved(&self, bundle: &Bundle) -> Result<()> {
        let signature = Verifier::key_only(self.key);
        let by_key = bundle.clone().by_key_of(self.key);
        match (bundle.content()?, self.artifact) {
            (Content::Message(_), Some(artifact)) => drop(signature.verify_artifact(&by_key, artifact)?),
            _ => drop(signature.verify_statement(&by_key)?),
        }
        let certificate = bundle.unverified_certificate()?;
        let verifier = certificate.as_ref().map_or_else(|| self.key.as_der(), |found| found.as_der());
        for entry in bundle.log_entries() {
            crate::verify::check_entry_content(entry, bundle, verifier, self.artifact)?;
        }
        Ok(())
    }
}
