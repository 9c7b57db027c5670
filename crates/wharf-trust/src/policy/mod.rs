//! Trust policies: which artifacts are believed, because of whose signatures and attestations.
//!
//! One declarative file, used unchanged wherever something is verified. It is read from JSON; YAML is turned into that at the
//! edges. A name that is not known is an error, because a misspelt demand would be no demand. Rules are tried in order, and
//! the first whose `match` fits decides alone. Patterns are anchored at both ends; a bare issuer or subject is refused; an
//! attestation that is demanded and absent fails.
//!
//! ```json
//! {
//!   "version": 1,
//!   "default": "deny",
//!   "signers": {
//!     "release": { "key": { "file": "release.pub" } },
//!     "ci": { "keyless": { "issuer": { "exact": "https://token.actions.githubusercontent.com" },
//!                          "subject": { "glob": "https://github.com/acme/*" } } },
//!     "maintainers": { "pgp": { "keyring": "maintainers.gpg" } },
//!     "vendor": { "notation": { "certificates": [{ "file": "vendor-ca.pem" }],
//!                               "subjects": ["C=US, ST=WA, O=Vendor"] } }
//!   },
//!   "rules": [ {
//!     "name": "production",
//!     "match": { "repositories": ["registry.example/prod/**"] },
//!     "signatures": { "atLeast": 1, "of": ["release", "ci"] },
//!     "attestations": [ { "type": "slsaprovenance1", "by": { "of": ["ci"] },
//!                         "values": [ { "pointer": "/runDetails/builder/id", "oneOf": ["https://builder.example"] } ] } ]
//!   } ]
//! }
//! ```

mod approval;
mod decision;
mod demand;
mod evaluate;
mod facts;
mod file;
mod freshness;
mod glob;
mod import;
mod rule;
mod steady;

pub use approval::{
    Approvals, Asked, AskedImage, Endorsement, Intent, PROMOTION_APPROVAL, PROMOTION_REQUEST,
};
pub use decision::{Check, CheckOutcome, Decision, Verdict};
pub use evaluate::{Evidence, OpenPgpSigner, PaperEvidence, PaperForm, ProvenanceFile};
pub use facts::{ArtifactKind, Facts};
pub use import::{Fate, Imported, Item, import_cluster_image_policies, import_containers_policy};
pub use rule::{Policy, Principal};

use rule::read_only_text;
