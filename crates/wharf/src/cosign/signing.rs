//! With what is signed: the key and its password, or an identity, and the services that are asked.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::Timestamp;
use wharf_client::ServiceOptions;
use wharf_trust::{
    Certificate, KeyAlgorithm, Password, PrivateKey, Salt, Selector, Service, SigningConfig, SigningKey,
    TrustedRoot,
};

use super::verifying::{self, text};
use super::{blob, kms, note};
use crate::cobra::flags::Given;
use crate::sigstore::{IdentitySource, Plan};

/// Reads from the flags what signs: a key, or whoever an identity provider vouches for, with the services that are asked.
pub(super) fn plan(given: &Given) -> anyhow::Result<Plan> {
    let reference = text(given, "key");
    let services = services(given)?;
    let key = reference.map(load).transpose().context("getting signer: reading key")?;
    let certificates = certificates(given, key.as_deref()).context("getting signer")?;
    let certify = given.is_on("issue-certificate");
    let files = (text(given, "timestamp-client-cert"), text(given, "timestamp-client-key"));
    if key.is_none() {
        note("Generating ephemeral keys...");
    }
    let secret = text(given, "oidc-client-secret-file");
    ensure!(
        secret.is_none(),
        "clients with a secret of their own are not built in wharf: --oidc-client-secret-file"
    );
    Ok(Plan {
        root: root(given, key.is_none() || certify, &certificates, &services)?,
        // Only certificates of an identity are watched by certificate transparency logs.
        require_sct: !given.is_on("insecure-skip-verify") && certificates.is_empty(),
        key,
        certificates,
        certify,
        config: services.config,
        identity: IdentitySource {
            token: text(given, "identity-token").map(str::to_owned),
            ambient: !given.is_on("oidc-disable-ambient-providers"),
            provider: text(given, "oidc-provider").map(str::to_owned),
            flow: text(given, "fulcio-auth-flow").map(str::to_owned),
            client_id: text(given, "oidc-client-id").unwrap_or("sigstore").to_owned(),
        },
        timestamps: ServiceOptions {
            ca_file: text(given, "timestamp-client-cacert").map(PathBuf::from),
            client_certificate: match files {
                (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
                _ => None,
            },
            ..ServiceOptions::default()
        },
        algorithm: algorithm(text(given, "signing-algorithm").unwrap_or("ecdsa-sha2-256-nistp256"))?,
    })
}

fn algorithm(name: &str) -> anyhow::Result<KeyAlgorithm> {
    Ok(match name {
        "ecdsa-sha2-256-nistp256" => KeyAlgorithm::EcdsaP256,
        "ecdsa-sha2-384-nistp384" => KeyAlgorithm::EcdsaP384,
        "ecdsa-sha2-512-nistp521" => KeyAlgorithm::EcdsaP521,
        "rsa-sign-pkcs1-2048-sha256" => KeyAlgorithm::Rsa2048,
        "rsa-sign-pkcs1-3072-sha256" => KeyAlgorithm::Rsa3072,
        "rsa-sign-pkcs1-4096-sha256" => KeyAlgorithm::Rsa4096,
        other => bail!("unknown signature algorithm: {other}"),
    })
}

/// The services that the flags name.
struct Services {
    config: SigningConfig,
    /// They are those of the public instance.
    are_public: bool,
}

/// Where the public instance answers, as the older flags have it by default.
const FULCIO: &str = "https://fulcio.sigstore.dev";
const REKOR: &str = "https://rekor.sigstore.dev";
const OIDC: &str = "https://oauth2.sigstore.dev/auth";

fn services(given: &Given) -> anyhow::Result<Services> {
    let (file, by_config) = (text(given, "signing-config"), given.is_on("use-signing-config"));
    ensure!(
        file.is_none() || !given.is_given("use-signing-config"),
        "if any flags in the group [use-signing-config signing-config] are set none of the others can be; [signing-config use-signing-config] were all set"
    );
    let url = |name: &str, otherwise: &'static str| text(given, name).unwrap_or(otherwise).to_owned();
    let (fulcio, rekor, oidc) =
        (url("fulcio-url", FULCIO), url("rekor-url", REKOR), url("oidc-issuer", OIDC));
    let stamps = text(given, "timestamp-server-url");
    let are_public = (fulcio.as_str(), rekor.as_str(), oidc.as_str()) == (FULCIO, REKOR, OIDC);
    if by_config || file.is_some() {
        ensure!(are_public && stamps.is_none(), "cannot specify service URLs and use signing config");
        ensure!(given.is_on("tlog-upload"), "{UPLOAD_WITH_CONFIG}");
        ensure!(
            given.is_on("new-bundle-format"),
            "must provide --new-bundle-format or --bundle where applicable with --signing-config or --use-signing-config"
        );
    }
    if let Some(path) = file {
        let text = blob::read(path).context("error reading signing config from file")?;
        let config = SigningConfig::from_json(&text)
            .with_context(|| format!("error reading signing config from file {path}"))?;
        return Ok(Services { config, are_public: false });
    }
    if by_config {
        return Ok(Services { config: SigningConfig::public_good(), are_public: true });
    }
    let mut config = SigningConfig::default();
    config.ca_urls.push(Service::new(fulcio, 1));
    config.oidc_urls.push(Service::new(oidc, 1));
    if given.is_on("tlog-upload") {
        consent(given)?;
        config.rekor_tlog_urls = vec![Service::new(rekor, 1)];
        config.rekor_tlog_config = Selector::Any;
    }
    if let Some(url) = stamps {
        config.tsa_urls = vec![Service::new(url, 1)];
        config.tsa_config = Selector::Any;
    }
    Ok(Services { config, are_public: are_public && stamps.is_none() })
}

/// What is uploaded stays: asks once whether that is meant, unless `--yes` says so.
fn consent(given: &Given) -> anyhow::Result<()> {
    note(
        "\n\tWhat is written to a transparency log cannot be removed from it again, and may be read by everybody.\n\
         \tIt holds the digest of what is signed, the signature, and who signed: a key, or a certificate with an e-mail address\n\
         \tor the name of a workflow. The terms of the public sigstore instance are at\n\
         \thttps://lfprojects.org/policies/hosted-project-tools-terms-of-use/ and\n\
         \thttps://lfprojects.org/policies/hosted-project-tools-immutable-records/.\n",
    );
    if given.is_on("yes") {
        return Ok(());
    }
    super::keys::confirm().context("upload to tlog")
}

/// Reads the certificate of the key, and those of the authority that go along. The last of them is the one that the
/// certificate must lead to; whether a verifier believes it is another question.
fn certificates(given: &Given, key: Option<&dyn SigningKey>) -> anyhow::Result<Vec<Certificate>> {
    let (leaf, chain) = (text(given, "certificate"), text(given, "certificate-chain"));
    let Some(leaf) = leaf else {
        ensure!(chain.is_none(), "no leaf certificate found or provided while specifying chain");
        return Ok(Vec::new());
    };
    let key = key.context("--certificate is of a key: give it by --key")?;
    let leaf = verifying::certificates(leaf)?.remove(0);
    ensure!(
        leaf.public_key() == key.public(),
        "public key in certificate does not match the provided public key"
    );
    let Some(chain) = chain else { return Ok(vec![leaf]) };
    let chain = verifying::certificates(chain)?;
    let authority = TrustedRoot::default().with_certificate_authorities(vec![chain.clone()]);
    for authority in authority.certificate_authorities() {
        authority.certifies(&leaf, Timestamp::now()).context("unable to validate certificate chain")?;
    }
    Ok(std::iter::once(leaf).chain(chain).collect())
}

/// Who is believed about what the services answer.
fn root(
    given: &Given,
    certified: bool,
    certificates: &[Certificate],
    services: &Services,
) -> anyhow::Result<Option<TrustedRoot>> {
    let root = believed(given, certified, services)?;
    // The authority of a key's own certificate is nobody's business but the verifier's.
    Ok(match certificates {
        [] | [_] => root.filter(|_| certificates.is_empty() || text(given, "trusted-root").is_some()),
        [_, chain @ ..] => root.map(|root| root.with_certificate_authorities(vec![chain.to_vec()])),
    })
}

fn believed(given: &Given, certified: bool, services: &Services) -> anyhow::Result<Option<TrustedRoot>> {
    if let Some(path) = text(given, "trusted-root") {
        let text = blob::read(path).context("loading trusted root")?;
        return Ok(Some(TrustedRoot::from_json(&text).context("loading trusted root")?));
    }
    let asks = !services.config.rekor_tlog_urls.is_empty() || !services.config.tsa_urls.is_empty();
    let by_config = given.is_on("use-signing-config") || text(given, "signing-config").is_some();
    // With a key, and services of one's own named one by one, cosign believes them, and so must this.
    if certified || (asks && (by_config || services.are_public)) {
        return Ok(Some(TrustedRoot::public_good()));
    }
    if asks {
        super::warning(
            "What the transparency log and the timestamp authority answer is not verified: no --trusted-root says who they are.",
        );
    }
    Ok(None)
}

const UPLOAD_WITH_CONFIG: &str = "--tlog-upload=false is not supported with --signing-config or --use-signing-config. Provide a signing config with --signing-config without a transparency log service, which can be created with `cosign signing-config create` or `curl https://raw.githubusercontent.com/sigstore/root-signing/refs/heads/main/targets/signing_config.v0.2.json | jq 'del(.rekorTlogUrls)'` for the public instance";

/// Returns the key of a reference: an encrypted file, a variable or a download, or a key that a plug-in keeps.
pub(crate) fn load(reference: &str) -> anyhow::Result<Box<dyn SigningKey>> {
    if let Some(plugin) = kms::Plugin::of(reference)? {
        return Ok(Box::new(plugin.into_key()?));
    }
    let text = blob::key_file(reference)?;
    if PrivateKey::is_encrypted_pem(&text) {
        let key = PrivateKey::from_encrypted_pem(&text, &password(Ask::Once)?).context("decrypt")?;
        return Ok(Box::new(key));
    }
    // cosign opens encrypted keys only; the plain ones of other tools are imported first.
    let label = String::from_utf8_lossy(&text);
    let label = label
        .lines()
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----").map(str::to_owned));
    match label {
        Some(label) => bail!("unsupported pem type: {label}"),
        None => bail!("invalid pem block"),
    }
}

/// Whether a password is new, and typed twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Once,
    Twice,
}

/// Returns the password: from `COSIGN_PASSWORD`, from the terminal, or all of standard input.
pub(super) fn password(ask: Ask) -> anyhow::Result<Password> {
    use std::io::IsTerminal as _;
    if let Some(set) = std::env::var_os("COSIGN_PASSWORD") {
        return Ok(Password::new(set.into_encoded_bytes()));
    }
    if !std::io::stdin().is_terminal() {
        let mut piped = Vec::new();
        std::io::stdin().read_to_end(&mut piped)?;
        return Ok(Password::new(piped));
    }
    let typed = Password::new(rpassword::prompt_password("Enter password for private key: ")?.into_bytes());
    if ask == Ask::Twice {
        let again =
            Password::new(rpassword::prompt_password("Enter password for private key again: ")?.into_bytes());
        ensure!(typed.is(&again), "passwords do not match");
    }
    Ok(typed)
}

/// Returns fresh randomness for one sealing.
pub(super) fn salt() -> anyhow::Result<Salt> {
    let mut salt = Salt { derivation: [0; 32], nonce: [0; 24] };
    getrandom::fill(&mut salt.derivation).map_err(|error| anyhow!("no randomness: {error}"))?;
    getrandom::fill(&mut salt.nonce).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(salt)
}
