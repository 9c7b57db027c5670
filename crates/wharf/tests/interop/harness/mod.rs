//! What every client's test needs: the registry, the client's surroundings, an image, the journey.

mod cosigns;
mod image;
mod journey;
mod peer;
mod registry;
mod sandbox;

pub(crate) use cosigns::{COSIGN2_BUNDLES, Cosigns, Layout, Tool};
pub(crate) use image::{Image, blobs_of_layout};
pub(crate) use journey::{Client, Content, walk};
pub(crate) use peer::{missing, peer};
pub(crate) use registry::{PASSWORD, Registry, Transport, USER};
pub(crate) use sandbox::Sandbox;
