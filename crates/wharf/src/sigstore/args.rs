//! How Wharf's own commands are told with what to sign.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wharf_client::ServiceOptions;
use wharf_trust::{KeyAlgorithm, PrivateKey, SigningConfig, TrustedRoot};

use super::{IdentitySource, Plan, Signer};
use crate::cosign;

/// What stands in place of a key for those who sign without one.
const KEYLESS: &str = "keyless";

/// What a command calls its flag that names the signer, for the flags here that mean nothing without it.
pub(crate) const SIGNER: &str = "signer";

/// Flags about signing, beside the one that names the signer: a key or [`KEYLESS`].
#[derive(Debug, clap::Args)]
pub(crate) struct SigningArgs {
    /// The services to ask: certificate authority, logs, timestamp authorities. Without, a key signs offline, and keyless asks
    /// the public sigstore instance.
    #[arg(long, value_name = "FILE", requires = SIGNER)]
    signing_config: Option<PathBuf>,

    /// Whose answers are believed; without, the public sigstore instance's as this version knows it.
    #[arg(long, value_name = "FILE", requires = SIGNER)]
    trusted_root: Option<PathBuf>,

    /// The identity token for keyless, or a file that holds it; without, SIGSTORE_ID_TOKEN or what a GitHub Actions job offers,
    /// else you sign in.
    #[arg(long, value_name = "TOKEN|FILE", requires = SIGNER)]
    identity_token: Option<String>,
}

impl SigningArgs {
    /// Reads the signer's key and the files. Nobody is asked yet.
    pub(crate) fn plan(&self, signer: &str) -> anyhow::Result<Plan> {
        let is_keyless = signer == KEYLESS;
        let key = match is_keyless {
            true => None,
            false => {
                let opened = cosign::load_private_key(signer);
                Some(opened.with_context(|| format!("cannot open key {signer}"))?)
            }
        };
        let config = match &self.signing_config {
            Some(path) => SigningConfig::from_json(&read(path)?)
                .with_context(|| format!("signing config {}", path.display()))?,
            None if is_keyless => SigningConfig::public_good(),
            None => SigningConfig::default(),
        };
        let root = match &self.trusted_root {
            Some(path) => TrustedRoot::from_json(&read(path)?)
                .with_context(|| format!("trusted root {}", path.display()))?,
            None => TrustedRoot::public_good(),
        };
        Ok(Plan {
            key,
            certificates: Vec::new(),
            certify: false,
            config,
            root: Some(root),
            identity: IdentitySource { token: self.identity_token.clone(), ..IdentitySource::default() },
            require_sct: true,
            timestamps: ServiceOptions::default(),
            algorithm: KeyAlgorithm::EcdsaP256,
        })
    }
}

impl Plan {
    /// Opens what signs; in a dry run, which signs nothing, without asking anybody.
    pub(crate) async fn open(self, dry_run: bool) -> anyhow::Result<Signer> {
        if !dry_run {
            return Signer::open(self).await.context("cannot sign");
        }
        let key = match self.key {
            Some(key) => key,
            None => Box::new(PrivateKey::generate(self.algorithm)?),
        };
        Ok(Signer::by_key(key))
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
