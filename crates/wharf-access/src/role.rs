//! The five project roles and the table of what each may do.

use serde::{Deserialize, Serialize};

use crate::{Action, Permission, Resource};

/// A project role, with Harbor's name and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Role {
    /// `projectAdmin`, 1: everything in the project.
    ProjectAdmin,
    /// `developer`, 2: reads and writes content, deletes nothing.
    Developer,
    /// `guest`, 3: reads content and sees members and settings.
    Guest,
    /// `maintainer`, 4: a developer who may also delete and run scans.
    Maintainer,
    /// `limitedGuest`, 5: reads content only.
    LimitedGuest,
}

impl Role {
    /// Every role, in the order of Harbor's numbers.
    pub const ALL: [Self; 5] =
        [Self::ProjectAdmin, Self::Developer, Self::Guest, Self::Maintainer, Self::LimitedGuest];

    /// Returns Harbor's number, 1 to 5.
    pub const fn id(self) -> u8 {
        match self {
            Self::ProjectAdmin => 1,
            Self::Developer => 2,
            Self::Guest => 3,
            Self::Maintainer => 4,
            Self::LimitedGuest => 5,
        }
    }

    /// Returns Harbor's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProjectAdmin => "projectAdmin",
            Self::Developer => "developer",
            Self::Guest => "guest",
            Self::Maintainer => "maintainer",
            Self::LimitedGuest => "limitedGuest",
        }
    }

    /// Returns the role with this name or number.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(text) || role.id().to_string() == text)
    }

    /// Returns whether the role may do this: the one table of access, as Harbor's code has it
    /// (`src/common/rbac/project/rbac_role.go`), where its published table differs the code decides.
    pub fn permits(self, permission: Permission) -> bool {
        let column = match self {
            Self::ProjectAdmin => 0,
            Self::Maintainer => 1,
            Self::Developer => 2,
            Self::Guest => 3,
            Self::LimitedGuest => 4,
        };
        TABLE
            .iter()
            .find(|(resource, _)| *resource == permission.resource)
            .is_some_and(|(_, columns)| columns[column].contains(letter(permission.action)))
    }
}

impl From<Role> for u8 {
    fn from(role: Role) -> Self {
        role.id()
    }
}

impl TryFrom<u8> for Role {
    type Error = String;

    fn try_from(id: u8) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.id() == id)
            .ok_or_else(|| format!("role {id} is unknown; roles are 1 to 5"))
    }
}

/// C create, R read, U update, D delete, L list, O operate, S stop, P push, p pull.
const fn letter(action: Action) -> char {
    match action {
        Action::Create => 'C',
        Action::Read => 'R',
        Action::Update => 'U',
        Action::Delete => 'D',
        Action::List => 'L',
        Action::Operate => 'O',
        Action::Stop => 'S',
        Action::Push => 'P',
        Action::Pull => 'p',
    }
}

/// Columns: project admin, maintainer, developer, guest, limited guest. A resource without a row is for nobody.
const TABLE: &[(Resource, [&str; 5])] = &[
    (Resource::Project, ["RUD", "R", "R", "R", "R"]),
    (Resource::Member, ["CRUDL", "RL", "RL", "RL", ""]),
    (Resource::Metadata, ["CRUD", "R", "", "", ""]),
    (Resource::Log, ["L", "", "", "", ""]),
    (Resource::Label, ["CRUDL", "CRUDL", "RL", "RL", ""]),
    (Resource::Quota, ["R", "R", "R", "R", "R"]),
    (Resource::Repository, ["CRUDLPp", "CRUDLPp", "CRULPp", "RLp", "RLp"]),
    (Resource::TagRetention, ["CRUDLO", "CRUDLO", "CRUDLO", "", ""]),
    (Resource::ImmutableTag, ["CUDL", "CUDL", "", "", ""]),
    (Resource::Configuration, ["RU", "R", "R", "R", "R"]),
    (Resource::Robot, ["CRUDL", "RL", "RL", "RL", ""]),
    (Resource::NotificationPolicy, ["CRUDL", "RL", "RL", "RL", ""]),
    (Resource::Scan, ["CRS", "CRS", "R", "R", "R"]),
    (Resource::Sbom, ["CRS", "CRS", "R", "R", "R"]),
    (Resource::Scanner, ["CR", "R", "R", "R", "R"]),
    (Resource::Artifact, ["CRDL", "CRDL", "CRL", "RL", "RL"]),
    (Resource::ArtifactAddition, ["R", "R", "R", "R", "R"]),
    (Resource::Tag, ["CDL", "CDL", "CL", "L", "L"]),
    (Resource::Accessory, ["L", "L", "L", "L", "L"]),
    (Resource::ArtifactLabel, ["CD", "CD", "CD", "", ""]),
    (Resource::PreheatPolicy, ["CRUDL", "", "", "", ""]),
    (Resource::ExportCve, ["CRL", "CRL", "CRL", "", ""]),
];
