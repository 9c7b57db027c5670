//! Digests, references, descriptors, manifests and the distribution wire types: bytes in, checked values out.
