//! The built-in objects that templates see.

mod build_info;
mod capabilities;
mod chart;
mod files;
mod values;
mod version;

pub use build_info::BuildInfo;
pub(crate) use capabilities::Capabilities;
pub use capabilities::{KubeVersion, default_api_versions};
pub(crate) use chart::chart_object;
pub(crate) use files::files_object;
pub(crate) use values::VALUES;
pub(crate) use version::add_functions;
