//! Blobs and the catalog of a registry on durable storage.
