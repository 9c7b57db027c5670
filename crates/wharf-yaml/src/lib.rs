//! YAML and JSON text in, values out, and back, as Helm's Go libraries read and write them.
//!
//! Helm reads every YAML file through `sigs.k8s.io/yaml` 1.6, which is `go.yaml.in/yaml` v2.4 followed by a step through
//! JSON. Charts depend on the details: `yes` is a boolean, `0777` is 511, `2024-01-01` is a string, a repeated key
//! replaces the earlier one, every number in a values file is a 64-bit float. This crate gives the same values and, on
//! the way out, the same bytes.
//!
//! | function | stands for |
//! |---|---|
//! | [`from_yaml`] | `yaml.Unmarshal(b, &any)`: every number is a float |
//! | [`Reader`] | the same with choices: strict keys, numbers as written, limits |
//! | [`split_documents`] | the document splitter of `k8s.io/apimachinery` |
//! | [`to_yaml`] | `yaml.Marshal(v)` |
//! | [`to_json`] | `json.Marshal(v)` |
//! | [`from_json`] | `json.Unmarshal(b, &any)` |
//! | [`Json`] | the same with numbers as written (`UseNumber`), or the first value only (`json.Decoder`) |
//!
//! ```
//! let values = wharf_yaml::from_yaml(b"port: 0x50\ntls: on\nhosts: [a.example, '1e3']\n")?;
//! assert_eq!(values.at("port"), Some(&wharf_yaml::Value::Float(80.0)));
//! assert_eq!(wharf_yaml::to_yaml(&values)?, "hosts:\n- a.example\n- \"1e3\"\nport: 80\ntls: true\n");
//! # Ok::<(), wharf_yaml::Error>(())
//! ```
//!
//! Input is outside data: nothing panics, and depth, size, node count and alias expansion are bounded ([`Limits`]).

mod decode;
mod documents;
mod emit;
mod error;
mod json;
mod limits;
mod locate;
mod node;
mod number;
mod resolve;
mod scan;
mod value;

pub use decode::{Numbers, Reader, from_yaml};
pub use documents::split_documents;
pub use emit::{in_key_order_of_v3, to_yaml};
pub use error::{Error, ErrorKind};
pub use json::{Json, JsonMap, from_json, to_json, to_json_pretty, to_json_raw, write_json_string};
pub use limits::Limits;
pub use locate::{Located, locate};
pub use number::{format_float_g, format_float_g32, format_float_json};
pub use value::{Map, Value};
