//! Who must have signed and what must vouch for it, as the flags say.

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use wharf_trust::{Claim, ExpectedSigner, IdentityRule, PublicKey, TextRule, TrustedRoot, Verifier};

use super::{blob, kms, warning};
use crate::cobra::flags::Given;

/// What the flags demand; [`Demands::verifier`] lends it out.
pub(super) struct Demands {
    key: Option<PublicKey>,
    rules: Vec<IdentityRule>,
    root: Option<TrustedRoot>,
    ignore_log: bool,
    ignore_sct: bool,
    timestamps: bool,
}

impl Demands {
    /// Reads the flags. `what` is what goes unproved when the log is ignored.
    pub(super) fn read(given: &Given, what: &str) -> anyhow::Result<Self> {
        let ignore_log = given.is_on("insecure-ignore-tlog") || given.is_on("private-infrastructure");
        if ignore_log {
            warning(&format!(
                "Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the {what}."
            ));
        }
        let key = text(given, "key");
        ensure!(
            key.is_none()
                || (text(given, "certificate-identity").is_none()
                    && text(given, "certificate-identity-regexp").is_none()),
            "exactly one of: key reference (--key) or certificate identity (--certificate-identity or --certificate-identity-regexp), must be provided. \
             To determine which to use, inspect the bundle's 'verificationMaterial' field: if 'publicKey' is present, use key reference; if 'certificate' \
             or 'x509CertificateChain' is present, use certificate identity"
        );
        let rules = if key.is_none() { vec![identity(given)?] } else { Vec::new() };
        let key =
            key.map(public_key).transpose().context("loading verifier from key opts: loading public key")?;
        let timestamps = given.is_on("use-signed-timestamps");
        let root = match text(given, "trusted-root") {
            Some(path) => {
                let text = blob::read(path).context("setting trusted material: loading trusted root")?;
                Some(
                    TrustedRoot::from_json(&text)
                        .context("setting trusted material: loading trusted root")?,
                )
            }
            // A key alone needs nobody else.
            None if key.is_some() && ignore_log && !timestamps => None,
            None => Some(TrustedRoot::public_good()),
        };
        Ok(Self { key, rules, root, ignore_log, ignore_sct: given.is_on("insecure-ignore-sct"), timestamps })
    }

    /// Returns the key that must have signed, if it is a key.
    pub(super) fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    pub(super) fn verifier(&self) -> Verifier<'_> {
        let signer = self.key.as_ref().map_or(ExpectedSigner::Identity(&self.rules), ExpectedSigner::Key);
        Verifier {
            require_log: !self.ignore_log,
            require_timestamp: self.timestamps,
            require_sct: !self.ignore_sct,
            ..Verifier::new(signer, self.root.as_ref(), Timestamp::now())
        }
    }
}

/// Returns the public key of a reference: PEM in a file, a variable or a download, or a key that a plug-in keeps.
pub(super) fn public_key(reference: &str) -> anyhow::Result<PublicKey> {
    if let Some(plugin) = kms::Plugin::of(reference)? {
        return plugin.public();
    }
    PublicKey::from_pem(&blob::key_file(reference)?).context("pem to public key")
}

fn identity(given: &Given) -> anyhow::Result<IdentityRule> {
    let rule = |exact: &str, pattern: &str| -> anyhow::Result<TextRule> {
        let rule = text(given, exact).map(TextRule::exact).unwrap_or_default();
        let pattern = text(given, pattern).map(TextRule::anywhere).transpose()?.unwrap_or_default();
        Ok(rule.and(pattern))
    };
    let subject = rule("certificate-identity", "certificate-identity-regexp")?;
    if subject.is_empty() {
        bail!(
            "--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode"
        );
    }
    let issuer = rule("certificate-oidc-issuer", "certificate-oidc-issuer-regexp")?;
    if issuer.is_empty() {
        bail!(
            "--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode"
        );
    }
    let mut rule = IdentityRule::new(subject, issuer)?;
    for (name, claim) in [
        ("certificate-github-workflow-trigger", Claim::GithubWorkflowTrigger),
        ("certificate-github-workflow-sha", Claim::GithubWorkflowSha),
        ("certificate-github-workflow-name", Claim::GithubWorkflowName),
        ("certificate-github-workflow-repository", Claim::GithubWorkflowRepository),
        ("certificate-github-workflow-ref", Claim::GithubWorkflowRef),
    ] {
        if let Some(wanted) = text(given, name) {
            rule = rule.with_claim(claim, TextRule::exact(wanted));
        }
    }
    Ok(rule)
}

/// The text of a flag, unless it is empty, which is how a script leaves one out.
pub(super) fn text<'g>(given: &'g Given, name: &str) -> Option<&'g str> {
    given.text(name).filter(|text| !text.is_empty())
}
