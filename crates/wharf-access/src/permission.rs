//! What can be asked for: an action on a resource, in Harbor's words.

use std::fmt;
use std::str::FromStr;

/// A kind of thing that access is decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words are Harbor's resource names")]
pub enum Resource {
    Project,
    Member,
    Metadata,
    Log,
    Label,
    Quota,
    Repository,
    TagRetention,
    ImmutableTag,
    Configuration,
    Robot,
    NotificationPolicy,
    Scan,
    Sbom,
    Scanner,
    Artifact,
    ArtifactAddition,
    Tag,
    Accessory,
    ArtifactLabel,
    PreheatPolicy,
    ExportCve,
    /// System level from here on: no project role reaches these.
    User,
    Registry,
    GarbageCollection,
    AuditLog,
    Catalog,
    SystemInfo,
}

/// What is done to a [`Resource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words are Harbor's action names")]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    List,
    Operate,
    Stop,
    Push,
    Pull,
}

/// An action on a resource, written `resource:action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    /// The thing.
    pub resource: Resource,
    /// What is done to it.
    pub action: Action,
}

impl Permission {
    /// To read content of a repository.
    pub const PULL: Self = Self::new(Resource::Repository, Action::Pull);
    /// To add content to a repository, and to set tags.
    pub const PUSH: Self = Self::new(Resource::Repository, Action::Push);
    /// To delete a manifest or a blob.
    pub const DELETE_ARTIFACT: Self = Self::new(Resource::Artifact, Action::Delete);
    /// To delete a tag.
    pub const DELETE_TAG: Self = Self::new(Resource::Tag, Action::Delete);

    /// Returns the permission for `action` on `resource`.
    pub const fn new(resource: Resource, action: Action) -> Self {
        Self { resource, action }
    }
}

const RESOURCES: &[(Resource, &str)] = &[
    (Resource::Project, "project"),
    (Resource::Member, "member"),
    (Resource::Metadata, "metadata"),
    (Resource::Log, "log"),
    (Resource::Label, "label"),
    (Resource::Quota, "quota"),
    (Resource::Repository, "repository"),
    (Resource::TagRetention, "tag-retention"),
    (Resource::ImmutableTag, "immutable-tag"),
    (Resource::Configuration, "configuration"),
    (Resource::Robot, "robot"),
    (Resource::NotificationPolicy, "notification-policy"),
    (Resource::Scan, "scan"),
    (Resource::Sbom, "sbom"),
    (Resource::Scanner, "scanner"),
    (Resource::Artifact, "artifact"),
    (Resource::ArtifactAddition, "artifact-addition"),
    (Resource::Tag, "tag"),
    (Resource::Accessory, "accessory"),
    (Resource::ArtifactLabel, "artifact-label"),
    (Resource::PreheatPolicy, "preheat-policy"),
    (Resource::ExportCve, "export-cve"),
    (Resource::User, "user"),
    (Resource::Registry, "registry"),
    (Resource::GarbageCollection, "garbage-collection"),
    (Resource::AuditLog, "audit-log"),
    (Resource::Catalog, "catalog"),
    (Resource::SystemInfo, "system-info"),
];

const ACTIONS: &[(Action, &str)] = &[
    (Action::Create, "create"),
    (Action::Read, "read"),
    (Action::Update, "update"),
    (Action::Delete, "delete"),
    (Action::List, "list"),
    (Action::Operate, "operate"),
    (Action::Stop, "stop"),
    (Action::Push, "push"),
    (Action::Pull, "pull"),
];

impl Resource {
    /// Returns every resource.
    pub fn all() -> impl Iterator<Item = Self> {
        RESOURCES.iter().map(|&(resource, _)| resource)
    }
}

impl Action {
    /// Returns every action.
    pub fn all() -> impl Iterator<Item = Self> {
        ACTIONS.iter().map(|&(action, _)| action)
    }
}

/// A word that is no resource or action. The caller must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is unknown")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
}

macro_rules! words {
    ($name:ident, $table:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($table.iter().find(|(known, _)| known == self).map_or("", |(_, text)| text))
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                $table
                    .iter()
                    .find(|(_, known)| *known == text)
                    .map(|&(word, _)| word)
                    .ok_or_else(|| UnknownWord { what: $what, text: text.to_owned() })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str>>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

words!(Resource, RESOURCES, "resource");
words!(Action, ACTIONS, "action");

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}
