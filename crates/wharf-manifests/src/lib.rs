//! Rendered manifests in; the images they refer to, and what changes between two of them, out.
//!
//! [`ImageSearch`] looks for images in everything a chart has to say: the typed places of the manifests of several
//! renders, keys and texts that look like an image, the shapes of the values, annotations and lock files. Each finding keeps
//! its origin, and every image gets a [`Verdict`].
//!
//! [`changes`] compares two renders by resource and field.

mod changes;
mod images;
mod walk;

pub use changes::{Change, FieldChange, Resource, changes};
pub use images::{Image, ImageName, ImageReport, ImageSearch, Mention, Origin, Verdict};
