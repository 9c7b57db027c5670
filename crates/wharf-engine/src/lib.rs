//! A chart, values and capabilities in, Kubernetes manifests out, byte for byte as Helm 4.2.4 renders them.
//!
//! [`render`] selects the dependencies, merges the values down through them, renders the templates of the whole tree
//! and sorts what they made.
//!
//! ```
//! use std::rc::Rc;
//! use wharf_chart::{File, load_folder};
//! use wharf_engine::{RenderOptions, Surroundings, render};
//!
//! struct Fixed;
//! impl Surroundings for Fixed {
//!     fn now_nanoseconds(&self) -> i128 {
//!         0
//!     }
//!     fn fill_random(&self, buffer: &mut [u8]) {
//!         buffer.fill(4);
//!     }
//! }
//!
//! let chart = load_folder([
//!     File::new("Chart.yaml", &b"apiVersion: v2\nname: hello\nversion: 1.0.0\n"[..]),
//!     File::new("values.yaml", &b"greeting: Hello\n"[..]),
//!     File::new("templates/a.yaml", &b"kind: ConfigMap\ndata: {text: {{ .Values.greeting }}}\n"[..]),
//! ])?;
//! let values = wharf_yaml::from_yaml(b"greeting: Ahoy\n")?;
//! let rendered = render(&chart, &values, &RenderOptions::default(), &|| Rc::new(Fixed))?;
//! assert_eq!(rendered.manifests[0].content, "kind: ConfigMap\ndata: {text: Ahoy}\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ahead;
mod error;
mod failure;
mod glob;
mod heap;
mod later;
mod manifests;
mod objects;
mod pointing;
mod render;
mod templates;
mod values;

pub use ahead::Ahead;
pub use error::{Error, ErrorKind};
pub use manifests::{Hook, Manifest, split as split_manifests};
pub use objects::{BuildInfo, KubeVersion, default_api_versions};
pub use render::{RenderOptions, Rendered, render, render_begun, render_files, render_telling};
pub use wharf_sprig::Surroundings;
