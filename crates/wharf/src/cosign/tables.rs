//! Flags that several commands share. Those that reach for a service or a device which is not built fail when given.

use crate::cobra::flags::Kind::{
    Ignored, IgnoredSwitch, List, Missing, MissingSwitch, Number, Switch, SwitchOn, Text, TextDefault,
};
use crate::cobra::flags::{Flag, flag, short};

const SERVER_NAME: &str =
    "the certificate must be for the name in the address: give that name, and lead to the host by DNS";
const TOKEN: &str = "hardware tokens are reached by a plug-in named sigstore-kms-SCHEME only";
const ONLY_FORMAT: &str = "this will be the only supported format in future versions";
const IN_BUNDLE: &str = "please use --bundle, which includes the Rekor inclusion proof";

/// What can stand for a private key.
pub(super) const PRIVATE_KEY: &str = "path to the private key file, env://VARIABLE, URL, or SCHEME://KEY of a plug-in named sigstore-kms-SCHEME";
/// What can stand for a public key.
const PUBLIC_KEY: &str = "path to the public key file, env://VARIABLE, URL, or SCHEME://KEY of a plug-in named sigstore-kms-SCHEME";

/// Flags of every command.
pub(super) const GLOBAL: &[Flag] = &[
    flag("output-file", Text, "log output to a file"),
    short('t', "timeout", TextDefault("3m0s"), "timeout for commands"),
    short('d', "verbose", IgnoredSwitch, "log debug output"),
];

/// Flags that say with what is signed.
pub(super) const SIGNING: &[Flag] = &[
    flag("key", Text, PRIVATE_KEY),
    flag(
        "signing-config",
        Text,
        "path to a signing config file, which names the services to ask; one without services signs offline",
    ),
    flag(
        "use-signing-config",
        SwitchOn,
        "whether to ask the services of the public instance; with false, those that other flags name",
    ),
    flag("tlog-upload", SwitchOn, "whether or not to upload to the tlog")
        .deprecated("prefer using a --signing-config file with no transparency log services"),
    flag("new-bundle-format", SwitchOn, "write the bundle in the new format").deprecated(ONLY_FORMAT),
    flag(
        "trusted-root",
        Text,
        "path to a TrustedRoot JSON file, which says whose answers are believed; without, the public instance as wharf knows it",
    ),
    short('y', "yes", Switch, "skip confirmation prompts for non-destructive operations"),
    flag(
        "identity-token",
        Text,
        "identity token, or the path of a file that holds it; who is vouched for signs without a key",
    ),
    flag(
        "fulcio-auth-flow",
        Text,
        "how to sign in where no token is given or found: device, token (normal is device, too)",
    ),
    flag("oidc-client-id", TextDefault("sigstore"), "OIDC client ID for application"),
    flag("oidc-client-secret-file", Text, "not built: clients with a secret"),
    flag("oidc-disable-ambient-providers", Switch, "do not look for a token in the environment"),
    flag(
        "oidc-provider",
        Text,
        "where in the environment to look for a token: github-actions, filesystem, envvar (SIGSTORE_ID_TOKEN); all, unless set",
    ),
    flag("oidc-redirect-url", Ignored, "the device flow needs none"),
    flag("oidc-issuer", Text, "").deprecated(
        "please use a signing config to specify an OIDC issuer; see `cosign signing-config --help`",
    ),
    flag("fulcio-url", Text, "").deprecated(
        "please use a signing config to specify a fulcio url; see `cosign signing-config --help`",
    ),
    flag("rekor-url", Text, "")
        .deprecated("please use a signing config to specify a rekor url; see `cosign signing-config --help`"),
    flag("timestamp-server-url", Text, "").deprecated(
        "please use a signing config to specify a timestamp server url; see `cosign signing-config --help`",
    ),
    flag(
        "insecure-skip-verify",
        Switch,
        "do not ask for a proof of a certificate transparency log; for tests only",
    ),
    flag("issue-certificate", Switch, "").deprecated("a key needs no certificate, and an identity no key"),
    flag(
        "timestamp-client-cacert",
        Text,
        "path to the certificates, PEM, by which the timestamp authority is known",
    ),
    flag("timestamp-client-cert", Text, "path to this client's certificate for the timestamp authority, PEM"),
    flag("timestamp-client-key", Text, "path to the key of --timestamp-client-cert, PEM"),
    flag("timestamp-server-name", Missing, SERVER_NAME),
    flag("sk", MissingSwitch, TOKEN),
    flag("slot", Missing, TOKEN),
    flag("certificate", Text, "path to the certificate of the --key, PEM, to go along with the signature").alias("cert"),
    flag(
        "certificate-chain",
        Text,
        "path to the certificates, PEM, that lead from the --certificate to a root, which comes last and does not go along",
    )
    .alias("cert-chain"),
];

/// Flags that say who must have signed, and what must vouch for it.
pub(super) const VERIFYING: &[Flag] = &[
    flag("key", Text, PUBLIC_KEY),
    flag("certificate-identity", Text, "the identity expected in the certificate").alias("cert-identity"),
    flag("certificate-identity-regexp", Text, "a regular expression alternative to --certificate-identity"),
    flag("certificate-oidc-issuer", Text, "the OIDC issuer expected in the certificate").alias("cert-oidc-issuer"),
    flag("certificate-oidc-issuer-regexp", Text, "a regular expression alternative to --certificate-oidc-issuer"),
    flag("certificate-github-workflow-name", Text, "the name of the workflow that ran"),
    flag("certificate-github-workflow-ref", Text, "the git ref that the workflow ran on"),
    flag("certificate-github-workflow-repository", Text, "the repository that the workflow ran in"),
    flag("certificate-github-workflow-sha", Text, "the commit that the workflow ran on"),
    flag("certificate-github-workflow-trigger", Text, "the event that started the workflow"),
    flag("trusted-root", Text, "path to a Sigstore TrustedRoot JSON file; without, the public instance as wharf knows it"),
    flag("insecure-ignore-tlog", Switch, "do not ask for a proof of a transparency log"),
    flag("insecure-ignore-sct", Switch, "do not ask for a proof of a certificate transparency log"),
    flag("use-signed-timestamps", Switch, "ask for an RFC 3161 timestamp"),
    flag("signature-digest-algorithm", Ignored, "without effect here: those that fit the key are tried"),
    flag("max-workers", Number(10), "without effect here"),
    flag("private-infrastructure", Switch, "").deprecated("please use --insecure-ignore-tlog instead"),
    flag("offline", IgnoredSwitch, "").deprecated(
        "To verify in an airgapped environment, provide a --bundle with the signature and verification material, and a --trusted-root file with the service keys and certificates",
    ),
    flag("experimental-oci11", IgnoredSwitch, "")
        .deprecated("OCI referrers will be the default behavior in future versions"),
    flag("new-bundle-format", SwitchOn, "").deprecated(ONLY_FORMAT),
    flag("rekor-url", Ignored, "").deprecated(IN_BUNDLE),
    flag(
        "allow-certificate-chain",
        Switch,
        "take a certificate chain in a bundle of version 0.3, whose certificates may lead to an authority of the trusted root",
    ),
    flag("sk", MissingSwitch, TOKEN),
    flag("slot", Missing, TOKEN),
    flag("certificate", Text, "")
        .deprecated("please use --bundle with --trusted-root to provide the public certificate")
        .alias("cert"),
    flag("certificate-chain", Text, "")
        .deprecated("please use --trusted-root to provide the certificate chain")
        .alias("cert-chain"),
    flag("ca-roots", Text, "").deprecated("please use --trusted-root to provide CA certificates"),
    flag("ca-intermediates", Text, "").deprecated("please use --trusted-root to provide CA certificates"),
    flag("sct", Missing, "a signed certificate timestamp is looked for in the certificate only, where every authority of today puts it")
        .deprecated("a Signed Certificate Timestamp is now provided via a Sigstore bundle"),
    flag("timestamp-certificate-chain", Text, "")
        .deprecated("please use --trusted-root to provide the timestamp authority certificate chain"),
];

/// A timestamp beside a blob's signature.
pub(super) const TIMESTAMP: &[Flag] = &[flag("rfc3161-timestamp", Text, "").deprecated(
    "please use --bundle to provide the output bundle location, which will include the signed timestamp",
)];

/// What is stated.
pub(super) const STATED: &[Flag] = &[
    flag("predicate", Text, "path to the predicate file"),
    flag("statement", Text, "path to the statement file"),
    flag("rekor-entry-type", Missing, "the log decides").deprecated("the log decides"),
];

/// Where parts of a signature were written before there were bundles, in commands that write bundles only.
pub(super) const OLD_OUTPUTS: &[Flag] = &[
    flag("output-signature", Missing, INSTEAD).deprecated(INSTEAD),
    flag("output-certificate", Missing, INSTEAD).deprecated(INSTEAD),
];
const INSTEAD: &str = "please use --bundle";

/// What kind of statement.
pub(super) const PREDICATE_TYPE: &[Flag] = &[flag(
    "type",
    TextDefault("custom"),
    "specify a predicate type (slsaprovenance|slsaprovenance02|slsaprovenance1|link|spdx|spdxjson|cyclonedx|vuln|openvex|custom) or an URI",
)];

/// How a registry is reached.
pub(super) const REGISTRY: &[Flag] = &[
    flag(
        "allow-http-registry",
        Switch,
        "whether to allow using HTTP protocol while connecting to registries",
    ),
    flag("allow-insecure-registry", Switch, "whether to allow insecure connections to registries"),
    flag("registry-username", Text, "registry basic auth username"),
    flag("registry-password", Text, "registry basic auth password"),
    flag("registry-cacert", Text, "path to the X.509 CA certificate file in PEM format"),
    flag("registry-client-cert", Text, "path to the X.509 certificate file in PEM format of the client"),
    flag("registry-client-key", Text, "path to the X.509 private key file in PEM format of the client"),
    flag("registry-server-name", Missing, SERVER_NAME),
    flag("registry-token", Text, "registry bearer auth token"),
    flag("registry-referrers-mode", Ignored, "the registry decides"),
    flag(
        "k8s-keychain",
        MissingSwitch,
        "logins come from the files and helpers of docker, podman and helm, or --registry-username and --registry-token",
    ),
    flag(
        "attachment-tag-prefix",
        Missing,
        "cosign 3.1 has it no more: papers lie under the digest's own tag, or where COSIGN_REPOSITORY says",
    ),
];

/// What signers and verifiers note beside the digest.
pub(super) const ANNOTATIONS: &[Flag] = &[short('a', "annotations", List, "extra key=value pairs")];
