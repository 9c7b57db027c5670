//! Keys, signatures, bundles, trusted roots and policies in; a verdict with its reasons out.
//!
//! Nothing here opens a file or a socket or reads a clock. What came from outside is parsed into unverified values
//! ([`Bundle`], [`Envelope`], [`Certificate`]); only [`Verifier`] turns them into a [`Verified`] value with its [`Proof`].
//!
//! Signing and verifying with a key, without any service:
//!
//! ```
//! use wharf_trust::{Artifact, Bundle, KeyAlgorithm, PrivateKey, Verifier};
//!
//! let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
//! let json = Bundle::sign_artifact(b"hello", &key)?.to_json();
//!
//! let bundle = Bundle::from_json(&json)?;
//! let verifier = Verifier::key_only(key.public());
//! verifier.verify_artifact(&bundle, &Artifact::from_bytes(b"hello".to_vec()))?;
//! assert!(verifier.verify_artifact(&bundle, &Artifact::from_bytes(b"other".to_vec())).is_err());
//! # Ok::<(), wharf_trust::Error>(())
//! ```
//!
//! Everything else needs a [`TrustedRoot`], which names the authorities and logs that are believed, and is handed in.

mod bundle;
mod cert;
mod der;
mod dsse;
mod encoding;
mod error;
mod hash;
mod json;
mod key;
mod legacy;
mod notation;
pub mod policy;
mod rekor;
mod root;
mod services;
mod simple;
mod statement;
mod timestamp;
mod verify;

pub use bundle::{BUNDLE_V03, Bundle};
pub use cert::{Certificate, CertificateAuthority, Claim, Identity, IdentityRule, TextRule};
pub use dsse::{Envelope, EnvelopeSignature, IN_TOTO_PAYLOAD};
pub use encoding::Base64;
pub use error::{Error, ErrorKind, Result};
pub use hash::{Artifact, ArtifactHasher, HashAlgorithm};
pub use key::{KeyAlgorithm, KeyKind, Password, PrivateKey, PublicKey, Salt, SignatureScheme, SigningKey};
pub use legacy::{
    CERTIFICATE_ANNOTATION, CHAIN_ANNOTATION, LOG_ANNOTATION, SIGNATURE_ANNOTATION, TIMESTAMP_ANNOTATION,
};
pub use notation::NotationSignature;
pub use rekor::{Checkpoint, InclusionPromise, InclusionProof, KindVersion, LogEntry, LogId};
pub use root::{LogKind, Period, RootBuilder, TransparencyLog, TrustedRoot};
pub use services::{
    CertificateRequest, Fresh, IdentityToken, LogApi, Selector, Service, SigningConfig, timestamp_request,
};
pub use simple::{SIMPLE_SIGNING, SimpleSigning};
pub use statement::{COSIGN_SIGN, STATEMENT_V01, STATEMENT_V1, Statement, Subject, predicate_type};
pub use verify::{ExpectedSigner, Proof, ProvenTime, Signer, TimeSource, Verified, Verifier};
