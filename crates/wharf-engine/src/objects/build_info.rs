use std::any::Any;

use wharf_template::{Map, Object, Value};

/// What a Helm tells of its own build: `.Capabilities.HelmVersion`, and what `helm version` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// The state of the source tree; Helm's releases say `clean`, and nothing where `go install` built it.
    pub git_tree_state: &'static str,
    /// The Go release that compiled it: `go1.26.8`.
    pub go_version: &'static str,
}

impl BuildInfo {
    /// The version of Helm that is followed.
    pub const VERSION: &'static str = "v4.2.4";
    /// The version of the client library for Kubernetes that this Helm has.
    pub const KUBE_CLIENT_VERSION: &'static str = "v1.36";
    /// What Helm's own build says to templates.
    pub const HELM: Self = Self { git_tree_state: "", go_version: "go1.26.8" };
}

impl Object for BuildInfo {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", Self::VERSION.into()),
            ("GitCommit", "".into()),
            ("GitTreeState", self.git_tree_state.into()),
            ("GoVersion", self.go_version.into()),
            ("KubeClientVersion", Self::KUBE_CLIENT_VERSION.into()),
        ]
    }

    fn to_plain(&self) -> Value {
        let present = [
            ("version", Self::VERSION),
            ("git_tree_state", self.git_tree_state),
            ("go_version", self.go_version),
            ("kube_client_version", Self::KUBE_CLIENT_VERSION),
        ];
        let present = present.into_iter().filter(|(_, value)| !value.is_empty());
        Value::Map(Map::of(present.map(|(name, value)| (name, value.into()))))
    }
}
