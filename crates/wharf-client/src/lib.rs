//! A remote OCI registry as a content target.
