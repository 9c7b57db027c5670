//! Digests, references, descriptors, manifests and the distribution wire types: bytes in, checked values out.
//!
//! Client and server share these types: what one end writes the other end reads. Nothing here does I/O.
//!
//! ```
//! use wharf_oci::{Algorithm, Digest, Digester};
//!
//! let mut digester = Digester::new(Algorithm::Sha256);
//! digester.update(b"{}");
//! let digest: Digest = digester.finish();
//! assert_eq!(digest.to_string(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
//! ```

mod descriptor;
mod digest;
pub mod distribution;
mod manifest;
pub mod media_type;
mod name;
mod reference;

pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestError, Digester};
pub use manifest::{Manifest, ManifestError, ManifestKind};
pub use name::{NameError, RepositoryName, Tag};
pub use reference::{ImageReference, Reference, ReferenceError};
