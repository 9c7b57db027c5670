use std::any::Any;
use std::rc::Rc;

use wharf_template::{Kind, List, ListType, Method, Object, Type, Value};

use super::BuildInfo;

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As given, with a `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without what vendors add, for ranges: `v1.33.4`.
    pub normalized: String,
    /// `1`
    pub major: String,
    /// `33`
    pub minor: String,
}

impl Default for KubeVersion {
    /// Returns the version that Helm 4.2.4 assumes without a cluster.
    fn default() -> Self {
        Self {
            version: "v1.36.0".to_owned(),
            normalized: "v1.36.0".to_owned(),
            major: "1".to_owned(),
            minor: "36".to_owned(),
        }
    }
}

impl KubeVersion {
    /// Reads a version: two or three numbers, perhaps a `v` before and a vendor's words after.
    ///
    /// # Errors
    /// Says what is wrong with the text in the words of Kubernetes' own parser.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = text.trim().strip_prefix('v').unwrap_or_else(|| text.trim());
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        // A dot without a number behind it belongs to the vendor's words, and so does all that follows.
        let numbers: Vec<&str> = bare[..end].split('.').take_while(|number| !number.is_empty()).collect();
        let quoted = wharf_template::quote(text.as_bytes());
        match numbers.as_slice() {
            [] => return Err(format!("could not parse {quoted} as version")),
            [_] => return Err(format!("illegal version string {quoted}")),
            [major, ..] if major.len() > 1 && major.starts_with('0') => {
                return Err(format!("illegal zero-prefixed version component \"{major}\" in {quoted}"));
            }
            _ => {}
        }
        let number = |text: &str| {
            text.parse::<u64>().map_err(|_| {
                format!(
                    "illegal non-numeric version component \"{text}\" in {quoted}: strconv.ParseUint: parsing \"{text}\": \
                     value out of range"
                )
            })
        };
        let numbers = numbers.into_iter().map(number).collect::<Result<Vec<u64>, _>>()?;
        let patch = numbers.get(2).copied().unwrap_or_default();
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            normalized: format!("v{}.{}.{patch}", numbers[0], numbers[1]),
            major: numbers[0].to_string(),
            minor: numbers[1].to_string(),
        })
    }
}

/// Returns the group versions that Helm 4.2.4 assumes without a cluster.
pub fn default_api_versions() -> impl Iterator<Item = &'static str> {
    include_str!("api_versions.txt").lines()
}

/// `.Capabilities`
#[derive(Debug)]
pub(crate) struct Capabilities {
    pub(crate) kube_version: KubeVersion,
    pub(crate) api_versions: Vec<String>,
}

static VERSION_SET: ListType = ListType {
    name: "common.VersionSet",
    elem: "string",
    methods: &[Method {
        name: "Has",
        params: &[Type::String],
        variadic: false,
        call: |_, versions, args| {
            let wanted = args[0].as_str();
            let found = versions
                .as_list()
                .is_some_and(|list| list.items().iter().any(|item| item.as_str() == wanted));
            Ok(found.into())
        },
    }],
};

impl Object for Capabilities {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Rc::new(self.kube_version.clone())),
            "APIVersions" => {
                let items = self.api_versions.iter().map(|version| version.as_str().into()).collect();
                Value::List(List::new(&VERSION_SET, items))
            }
            "HelmVersion" => Value::Object(Rc::new(BuildInfo::HELM)),
            _ => return None,
        })
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let names = ["KubeVersion", "APIVersions", "HelmVersion"];
        names.into_iter().filter_map(|name| Some((name, self.field(name)?))).collect()
    }
}

/// A field that templates cannot reach, but that is printed with the others.
const NORMALIZED: &str = "normalizedVersion";

impl Object for KubeVersion {
    fn type_name(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        let exported = self.fields().into_iter().filter(|(field, _)| *field != NORMALIZED);
        exported.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.version.as_str().into()),
            (NORMALIZED, self.normalized.as_str().into()),
            ("Major", self.major.as_str().into()),
            ("Minor", self.minor.as_str().into()),
        ]
    }

    fn methods(&self) -> &'static [Method] {
        const fn method(name: &'static str, pick: MethodCode) -> Method {
            Method { name, params: &[], variadic: false, call: pick }
        }
        type MethodCode =
            fn(&mut wharf_template::Call<'_>, &Value, &[Value]) -> Result<Value, wharf_template::FuncError>;
        static METHODS: &[Method] = &[
            method("String", |_, version, _| match version {
                Value::Object(object) => Ok(object.text_in_place().unwrap_or_default().as_str().into()),
                _ => Ok(Value::Nil),
            }),
            method("GitVersion", |_, version, _| match version {
                Value::Object(object) => Ok(object.field("Version").unwrap_or(Value::Nil)),
                _ => Ok(Value::Nil),
            }),
        ];
        METHODS
    }

    /// Go's method has a pointer for its receiver, so anything but an action that names the field shows the struct.
    fn text_in_place(&self) -> Option<String> {
        Some(self.normalized.clone())
    }

    fn to_plain(&self) -> Value {
        Value::Map(wharf_template::Map::of(self.fields().into_iter().filter(|(name, _)| *name != NORMALIZED)))
    }
}
