//! Signing, with or without the services of a sigstore instance: who signs is a key or an identity, and what others say
//! about the signature (a certificate, log entries, timestamps) is verified before anybody gets to see it.

mod ambient;
mod args;
mod identity;
mod login;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use wharf_client::{Secret, ServiceOptions, SigningService};
use wharf_trust::policy::Principal;
use wharf_trust::{
    Artifact, Bundle, Certificate, CertificateRequest, Envelope, ExpectedSigner, Fresh, IN_TOTO_PAYLOAD,
    Identity, IdentityRule, IdentityToken, KeyAlgorithm, LogApi, PrivateKey, SignatureScheme, SigningConfig,
    SigningKey, Statement, TextRule, TrustedRoot, Verifier, timestamp_request,
};

use identity::eprintln_note;

pub(crate) use args::{SIGNER, SigningArgs};
pub(crate) use identity::IdentitySource;

/// How things are to be signed.
pub(crate) struct Plan {
    /// The key; without one, a fresh key that a certificate authority certifies for whoever signs.
    pub(crate) key: Option<Box<dyn SigningKey>>,
    /// The key's own certificate, if it has one, and the authority's behind it that are to go along.
    pub(crate) certificates: Vec<Certificate>,
    /// Ask for a certificate for the key, too.
    pub(crate) certify: bool,
    /// The services to ask.
    pub(crate) config: SigningConfig,
    /// What is believed. Where there is none, a key signs without anything to verify the services' answers by.
    pub(crate) root: Option<TrustedRoot>,
    /// Who signs, when it is no key alone.
    pub(crate) identity: IdentitySource,
    /// Whether a certificate transparency log must have seen the certificate.
    pub(crate) require_sct: bool,
    /// How timestamp authorities are spoken to.
    pub(crate) timestamps: ServiceOptions,
    /// The kind of a fresh key.
    pub(crate) algorithm: KeyAlgorithm,
}

/// Signs. All that is signed by one value has the same key and, with an identity, the same certificate.
pub(crate) struct Signer {
    key: Box<dyn SigningKey>,
    /// The certificate and the authority's behind it; empty with a key alone.
    chain: Vec<Certificate>,
    /// Whether the authority's certificates go along with the signer's.
    brings_chain: bool,
    logs: Vec<(LogApi, SigningService)>,
    authorities: Vec<SigningService>,
    root: Option<TrustedRoot>,
    require_sct: bool,
}

impl Signer {
    /// Chooses the services and, for an identity, gets a certificate. A key without services contacts nobody.
    pub(crate) async fn open(plan: Plan) -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let mut chance = by_chance;
        let logs = plan.config.logs(now, &mut chance)?;
        let logs = logs.into_iter().map(|log| {
            let api = LogApi::of_version(log.major_api_version)?;
            anyhow::Ok((api, SigningService::new(&log.url, &ServiceOptions::default())?))
        });
        let logs: Vec<_> = logs.collect::<Result<_, _>>()?;
        let authorities = plan.config.timestamp_authorities(now, &mut chance)?;
        let authorities =
            authorities.into_iter().map(|service| SigningService::new(&service.url, &plan.timestamps));
        let authorities: Vec<_> = authorities.collect::<Result<_, _>>()?;

        let certified = plan.certify || plan.key.is_none();
        ensure!(
            !certified || !authorities.is_empty() || logs.iter().all(|(api, _)| *api == LogApi::V1),
            "a timestamp authority must be provided to request a short-lived certificate that will be logged to Rekor"
        );
        let key: Box<dyn SigningKey> = match plan.key {
            Some(key) => key,
            None => Box::new(PrivateKey::generate(plan.algorithm)?),
        };
        let mut chain = plan.certificates;
        let brings_chain = chain.len() > 1;
        if certified {
            let token = plan.identity.token(&plan.config).await.context("retrieving ID token")?;
            chain = certificate(&plan.config, &token, &*key, now).await?;
        }
        Ok(Self {
            key,
            chain,
            brings_chain,
            logs,
            authorities,
            root: plan.root,
            require_sct: plan.require_sct,
        })
    }

    /// Returns who signs with a key alone, and contacts nobody.
    pub(crate) fn by_key(key: Box<dyn SigningKey>) -> Self {
        Self {
            key,
            chain: Vec::new(),
            brings_chain: false,
            logs: Vec::new(),
            authorities: Vec::new(),
            root: None,
            require_sct: true,
        }
    }

    /// Returns the key that signs.
    pub(crate) fn key(&self) -> &dyn SigningKey {
        &*self.key
    }

    /// Returns the certificate, when there is one, and the authority's behind it.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Signs an artifact by its digest.
    pub(crate) async fn artifact(&self, bytes: &[u8]) -> anyhow::Result<Bundle> {
        // A log takes digests only, which one kind of key does not sign unless told to.
        let scheme = match self.logs.as_slice() {
            [] => self.key.public().default_scheme(),
            _ => self.key.public().logged_scheme(),
        };
        let bundle = Bundle::sign_artifact_by(bytes, &*self.key, scheme)?;
        if self.is_alone() {
            return Ok(bundle);
        }
        let artifact = match scheme.hash() {
            Some(hash) => Artifact::from_digest(hash, &hash.digest(bytes))?,
            None => Artifact::from_bytes(bytes.to_vec()),
        };
        self.complete(bundle, Some(artifact)).await
    }

    /// Signs a statement.
    pub(crate) async fn statement(&self, payload: &[u8]) -> anyhow::Result<Bundle> {
        let scheme = self.envelope_scheme();
        let envelope = Envelope::sign_by(IN_TOTO_PAYLOAD, payload, &*self.key, scheme)?;
        let bundle = Bundle::of_envelope(envelope, self.key.public());
        if self.is_alone() {
            return Ok(bundle);
        }
        self.complete(bundle, None).await
    }

    /// Whether the key signs and nobody else says anything about it: then nothing is to be verified.
    fn is_alone(&self) -> bool {
        self.chain.is_empty() && self.logs.is_empty() && self.authorities.is_empty()
    }

    fn envelope_scheme(&self) -> SignatureScheme {
        match self.logs.iter().any(|(api, _)| *api == LogApi::V2) {
            true => self.key.public().logged_scheme(),
            false => self.key.public().default_scheme(),
        }
    }

    /// Adds what the services say about a signature, and verifies it.
    async fn complete(&self, mut bundle: Bundle, artifact: Option<Artifact>) -> anyhow::Result<Bundle> {
        if let Some(leaf) = self.chain.first() {
            bundle = match self.brings_chain {
                true => bundle.with_certificate_chain(&self.chain),
                false => bundle.with_certificate(leaf),
            };
        }
        let signature = bundle.signature()?.to_vec();
        for authority in &self.authorities {
            bundle.add_timestamp(authority.timestamp(timestamp_request(&signature)).await?.to_vec());
        }
        for (api, log) in &self.logs {
            let request = api.request(&bundle, self.key.public())?;
            let answer = match api {
                LogApi::V1 => log.log_entry_v1(request).await?,
                LogApi::V2 => log.log_entry_v2(request).await?,
            };
            bundle.add_log_entry(api.read(&answer).with_context(|| format!("log {}", log.origin()))?);
        }
        let fresh = Fresh {
            key: self.key.public(),
            artifact: artifact.as_ref(),
            root: self.root.as_ref(),
            logs: self.logs.len(),
            timestamps: self.authorities.len(),
            require_sct: self.require_sct,
            now: Timestamp::now(),
        };
        fresh.check(&bundle).context("error signing bundle: what the services answered does not verify")?;
        Ok(bundle)
    }

    /// Returns who signs, as trust policies tell signers apart.
    ///
    /// # Errors
    /// The certificate names nobody.
    pub(crate) fn principal(&self) -> anyhow::Result<Principal> {
        let Some(leaf) = self.chain.first() else {
            return Ok(Principal::Key { key: self.key.public().hint() });
        };
        let Identity { subject, issuer, .. } = Identity::of(leaf)?;
        Ok(Principal::Identity { subject, issuer })
    }

    /// Returns the statement in the bundle, if this signer made it.
    pub(crate) fn own(&self, bundle: &Bundle) -> Option<Statement> {
        let rules: Vec<IdentityRule> = match self.principal().ok()? {
            Principal::Identity { subject, issuer } => {
                vec![IdentityRule::new(TextRule::exact(subject), TextRule::exact(issuer)).ok()?]
            }
            _ => Vec::new(),
        };
        let signer = match rules.as_slice() {
            [] => ExpectedSigner::Key(self.key.public()),
            rules => ExpectedSigner::Identity(rules),
        };
        let verifier = Verifier {
            require_log: !self.logs.is_empty() && self.root.is_some(),
            require_timestamp: !self.authorities.is_empty() && self.root.is_some(),
            require_sct: self.require_sct,
            ..Verifier::new(signer, self.root.as_ref(), Timestamp::now())
        };
        Some(verifier.verify_statement(bundle).ok()?.into_parts().0)
    }
}

/// Asks the certificate authority for a certificate of the key.
async fn certificate(
    config: &SigningConfig,
    token: &IdentityToken,
    key: &dyn SigningKey,
    now: Timestamp,
) -> anyhow::Result<Vec<Certificate>> {
    if config.ca_urls.is_empty() {
        bail!("no fulcio URLs provided in signing config");
    }
    let authority = &config.certificate_authority(now)?.url;
    let service = SigningService::new(authority, &ServiceOptions::default())?;
    if service.is_readable_on_the_way() {
        eprintln_note(&format!(
            "WARNING: the identity token goes to {authority} in the clear: whoever reads it on the way can sign by it"
        ));
    }
    let request = CertificateRequest::new(key.public());
    let proof = key.sign(key.public().default_scheme(), request.to_sign(token))?;
    let answer = service.certificate(&Secret::new(token.expose()), request.body(proof)).await?;
    Ok(request.read(&answer)?)
}

/// One of so many, at random.
fn by_chance(count: usize) -> usize {
    use std::hash::{BuildHasher as _, Hasher as _};
    // A new state is keyed at random.
    let chance = std::hash::RandomState::new().build_hasher().finish();
    usize::try_from(chance % (count.max(1) as u64)).unwrap_or_default()
}
