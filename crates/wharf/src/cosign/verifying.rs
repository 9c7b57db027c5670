//! Who must have signed and what must vouch for it, as the flags say.

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use wharf_trust::{
    Base64, Bundle, Certificate, Claim, ExpectedSigner, IdentityRule, PublicKey, TextRule, TrustedRoot,
    Verifier,
};

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
    allow_chain: bool,
    /// The signer's certificate, where signatures carry none.
    certificate: Option<Certificate>,
    /// Why bundles are not verified with these flags, in cosign's words.
    not_with_bundles: Option<&'static str>,
}

/// Flags for signatures of the older forms; a bundle and a trusted root hold what they name.
const OLD: [(&str, &str); 7] = [
    ("certificate", "certificate must be in bundle and may not be provided using --certificate"),
    (
        "certificate-chain",
        "certificate chain must be in bundle and may not be provided using --certificate-chain",
    ),
    ("ca-roots", "CA roots/intermediates must be provided using --trusted-root"),
    ("ca-intermediates", "CA roots/intermediates must be provided using --trusted-root"),
    ("timestamp-certificate-chain", "TSA certificate chain path may only be provided using --trusted-root"),
    ("rfc3161-timestamp", "RFC3161 timestamp may not be provided using --rfc3161-timestamp"),
    ("sct", "SCT may not be provided using --sct"),
];

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
        let timestamps =
            given.is_on("use-signed-timestamps") || text(given, "timestamp-certificate-chain").is_some();
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
        let root = match root {
            Some(root) => Some(with_authorities(given, root)?),
            None => None,
        };
        let certificate = match text(given, "certificate") {
            Some(path) => {
                Some(certificates(path).context("loading verifier from key opts: loading cert")?.remove(0))
            }
            None => None,
        };
        let not_with_bundles =
            OLD.iter().find(|(name, _)| text(given, name).is_some()).map(|(_, reason)| *reason);
        Ok(Self {
            key,
            rules,
            root,
            ignore_log,
            ignore_sct: given.is_on("insecure-ignore-sct"),
            timestamps,
            allow_chain: given.is_on("allow-certificate-chain"),
            certificate,
            not_with_bundles,
        })
    }

    /// Names the signer of an older signature by the certificate of the flags.
    pub(super) fn complete(&self, bundle: Bundle) -> anyhow::Result<Bundle> {
        Ok(match &self.certificate {
            Some(certificate) if self.key.is_none() => bundle.with_certificate(certificate),
            _ => bundle,
        })
    }

    /// Fails when a bundle was found and flags were given that are for older signatures only.
    pub(super) fn refuse_old_flags(&self) -> anyhow::Result<()> {
        match self.not_with_bundles {
            Some(reason) => bail!("unsupported: {reason} when using --new-bundle-format"),
            None => Ok(()),
        }
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
            allow_chain: self.allow_chain,
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

/// Reads certificates: PEM, or base64 of PEM as cosign wrote it; at least one.
pub(super) fn certificates(reference: &str) -> anyhow::Result<Vec<Certificate>> {
    let mut bytes = blob::key_file(reference)?;
    if let Ok(decoded) = String::from_utf8_lossy(&bytes).trim().parse::<Base64>() {
        bytes = decoded.0;
    }
    let found = Certificate::all_from_pem(&bytes).with_context(|| reference.to_owned())?;
    ensure!(!found.is_empty(), "no certs found in pem file {reference}");
    Ok(found)
}

/// Puts the authorities of the flags in the place of those of the trusted root.
fn with_authorities(given: &Given, mut root: TrustedRoot) -> anyhow::Result<TrustedRoot> {
    let (chain, roots) = (text(given, "certificate-chain"), text(given, "ca-roots"));
    let between = text(given, "ca-intermediates");
    for other in ["ca-roots", "ca-intermediates"] {
        ensure!(
            chain.is_none() || text(given, other).is_none(),
            "if any flags in the group [{other} certificate-chain] are set none of the others can be; [{other} certificate-chain] were all set"
        );
    }
    ensure!(between.is_none() || roots.is_some(), "--ca-intermediates needs --ca-roots");
    if let Some(path) = chain {
        root = root.with_certificate_authorities(vec![certificates(path)?]);
    }
    if let Some(path) = roots {
        let between = between.map(certificates).transpose()?.unwrap_or_default();
        let below = |authority: Certificate| between.iter().cloned().chain([authority]).collect();
        root = root.with_certificate_authorities(certificates(path)?.into_iter().map(below).collect());
    }
    if let Some(path) = text(given, "timestamp-certificate-chain") {
        root = root.with_timestamp_authorities(vec![certificates(path)?]);
    }
    Ok(root)
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
