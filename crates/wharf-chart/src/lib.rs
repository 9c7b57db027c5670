//! Chart folders and archives in, checked charts and reproducible archives out.
//!
//! Files go in as a list ([`load_folder`]) or as archive bytes ([`load_archive`]); this crate never touches a disk.
//! A [`Chart`] comes out by Helm's rules and with Helm's error texts. [`pack`] turns it into an archive whose tar is what
//! `helm package` writes, except that all times are one constant: the same folder gives the same bytes anywhere.
//! [`config_json`], [`oci_annotations`] and [`tag_for_version`] give the parts of its OCI form.
//!
//! ```
//! use wharf_chart::{File, PackOptions, load_folder, pack};
//!
//! let chart = load_folder([
//!     File::new("Chart.yaml", &b"apiVersion: v2\nname: hello\nversion: 1.0.0\n"[..]),
//!     File::new("templates/greeting.yaml", &b"kind: ConfigMap\n"[..]),
//! ])?;
//! let packed = pack(&chart, &PackOptions::default())?;
//! assert_eq!(packed.file_name, "hello-1.0.0.tgz");
//! # Ok::<(), wharf_chart::Error>(())
//! ```

mod archive;
mod chart;
mod error;
mod fields;
mod ignore;
mod limits;
pub mod lint;
mod load;
mod lock;
mod metadata;
mod oci;
mod provenance;
mod quote;
mod repository;
mod schema;
pub mod semver;
mod spot;
mod values;

pub use archive::{DEFAULT_PACK_TIME, PackOptions, Packed, pack, unpack_archive};
pub use chart::{Chart, CrdFile, File};
pub use error::{Error, ErrorKind};
pub use ignore::{IgnoreRules, glob_matches};
pub use limits::Limits;
pub use load::{load_archive, load_archive_within, load_folder, load_folder_within, merge_maps, read_values};
pub use lock::{Lock, lock_digest, lock_digest_v2};
pub use metadata::{Dependency, Maintainer, Metadata};
pub use oci::{
    CHART_LAYER_MEDIA_TYPE, CONFIG_MEDIA_TYPE, LEGACY_CHART_LAYER_MEDIA_TYPE, PROVENANCE_LAYER_MEDIA_TYPE,
    config_json, oci_annotations, tag_for_version, version_for_tag,
};
pub use provenance::Provenance;
pub use repository::{
    Found, Index, IndexEntry, MAX_INDEX_BYTES, RepositoryEntry, RepositoryFile, join_url, resolve_url,
    same_url,
};
pub use schema::{ValueFault, check_against, check_values, value_faults};
pub use spot::Spot;
pub use values::{
    coalesce_tables, coalesce_values, merge_tables, merge_values, process_dependencies, set_files, set_json,
    set_literal, set_strings, set_values,
};

/// Lower-case hexadecimal text of bytes.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
