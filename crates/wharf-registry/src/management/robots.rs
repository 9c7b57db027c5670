//! Robot accounts, of the system and of projects.

use http::StatusCode;
use wharf_access::{Action, RepositoryPattern, Resource, RobotGrant};
use wharf_storage::catalog::{self, NewRobot, RobotUpdate as Update, SortField};

use super::call::{Call, Reply, bad_request, created, done, json, with_status};
use super::query::{Filter, Sortable, listed, page};
use super::shape::{Time, shapes};
use crate::auth::Secret;
use crate::error::Error;

const DAY: i64 = 86_400;
/// How long a robot lives when nothing is said, in days; as in Harbor.
const DEFAULT_DAYS: i64 = 30;
/// The longest time that an old secret stays valid beside a new one, in seconds.
const MAX_OVERLAP: i64 = 30 * DAY;

const SORTABLE: Sortable = &[
    ("id", SortField::Id),
    ("name", SortField::Name),
    ("expires_at", SortField::ExpiresAt),
    ("creation_time", SortField::CreatedAt),
    ("update_time", SortField::UpdatedAt),
];

shapes! {
    /// A robot account to make. Its secret is always generated.
    request RobotCreate {
        /// Lower-case letters, digits, '.', '_', '-'; without prefix.
        name: String,
        description: Option<String>,
        /// "system" or "project"; not needed where the path names the project.
        level: Option<String>,
        /// Days until it ends, -1 for never, 30 when absent.
        duration: Option<i64>,
        permissions: Vec<RobotPermission>,
        /// Must be empty: secrets are generated.
        secret: Option<Secret>,
    }

    /// What to change of a robot.
    request RobotUpdate {
        description: Option<String>,
        /// Whether it may not log in.
        disable: Option<bool>,
        /// Days from its making until it ends, -1 for never.
        duration: Option<i64>,
        permissions: Option<Vec<RobotPermission>>,
    }

    /// A new secret for a robot.
    request RobotRotation {
        /// Must be empty: secrets are generated.
        secret: Option<Secret>,
        /// For how many seconds the old secret stays valid, at most 2592000; none when absent.
        overlap_seconds: Option<i64>,
    }

    /// What a robot may do in one place.
    both RobotPermission {
        /// "project", or "system" for what belongs to no project.
        kind: String,
        /// The project; "*" for every project, "/" with kind "system".
        namespace: String,
        /// Repositories inside the project: '*' within a component, '**' any number; "**" when absent.
        repositories: Option<String>,
        access: Vec<RobotAccess>,
    }

    /// An action on a resource.
    both RobotAccess {
        resource: Resource,
        action: Action,
    }

    /// A robot account.
    answer Robot {
        id: i64,
        /// The login name: robot$NAME, or robot$PROJECT+NAME.
        name: String,
        description: String,
        /// "system" or "project".
        level: &'static str,
        /// Days from its making to its end, -1 for never.
        duration: i64,
        editable: bool,
        disable: bool,
        /// Unix seconds, -1 for never.
        expires_at: i64,
        permissions: Vec<RobotPermission>,
        creation_time: Time,
        update_time: Time,
    }

    /// A robot account that was made. The secret is shown this once.
    answer RobotCreated {
        id: i64,
        name: String,
        secret: String,
        creation_time: Time,
        /// Unix seconds, -1 for never.
        expires_at: i64,
    }

    /// A new secret, shown this once.
    answer RobotSec {
        secret: String,
    }
}

impl From<catalog::Robot> for Robot {
    fn from(robot: catalog::Robot) -> Self {
        Self {
            id: robot.id,
            level: if robot.project.is_some() { "project" } else { "system" },
            duration: robot.expires_at.map_or(-1, |end| (end - robot.created_at) / DAY),
            editable: true,
            disable: robot.disabled,
            expires_at: robot.expires_at.unwrap_or(-1),
            permissions: robot.grants.into_iter().map(RobotPermission::from).collect(),
            creation_time: Time::seconds(robot.created_at),
            update_time: Time::seconds(robot.updated_at),
            name: robot.name,
            description: robot.description,
        }
    }
}

impl From<RobotGrant> for RobotPermission {
    fn from(grant: RobotGrant) -> Self {
        let all = grant.repositories == RepositoryPattern::default();
        Self {
            kind: if grant.project == "/" { "system" } else { "project" }.to_owned(),
            repositories: (!all).then(|| grant.repositories.as_str().to_owned()),
            access: grant.access.iter().map(|&(resource, action)| RobotAccess { resource, action }).collect(),
            namespace: grant.project,
        }
    }
}

impl RobotPermission {
    fn into_grant(self) -> Result<RobotGrant, Error> {
        match (self.kind.as_str(), self.namespace.as_str()) {
            ("project", "/") | ("system", _) if self.namespace != "/" || self.kind != "system" => {
                return Err(bad_request(format!(
                    "permission of kind {:?} with namespace {:?}: kind \"system\" goes with \"/\", kind \"project\" with \
                     a project or \"*\"",
                    self.kind, self.namespace
                )));
            }
            ("project" | "system", _) => {}
            (kind, _) => {
                return Err(bad_request(format!("kind {kind:?}: expected \"project\" or \"system\"")));
            }
        }
        Ok(RobotGrant {
            project: self.namespace,
            repositories: self.repositories.map_or_else(RepositoryPattern::default, RepositoryPattern::new),
            access: self.access.iter().map(|access| (access.resource, access.action)).collect(),
        })
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let filters = call.query.filters(&["Level", "ProjectID", "name"])?;
    let exactly = |field: &str| match filters.get(field) {
        None => Ok(None),
        Some(Filter::Exact(value)) => Ok(Some(value.as_str())),
        Some(other) => Err(bad_request(format!("q: {field} cannot be filtered by {other:?}"))),
    };
    let project = match (path_project(&call).await?, exactly("ProjectID")?) {
        (Some(project), _) => Some(project),
        (None, Some(id)) => {
            let id = id.parse().map_err(|_| bad_request(format!("q: ProjectID {id:?} is no number")))?;
            Some(call.catalog().project_name(&call.caller, id).await?)
        }
        (None, None) if exactly("Level")? == Some("project") => {
            return Err(bad_request("q: Level=project needs ProjectID as well"));
        }
        (None, None) => None,
    };
    let name = filters.get("name").cloned().map(|filter| filter.text("name")).transpose()?;
    let slice = call.query.slice(SORTABLE)?;
    let robots =
        listed(call.catalog().robots(&call.caller, project.as_deref(), name.as_ref(), &slice)).await?;
    let path = path_project(&call).await?;
    page(robots, &self::path(path.as_deref()), &call.query, Robot::from)
}

pub(super) async fn create(call: Call) -> Result<Reply, Error> {
    let wanted: RobotCreate = call.json()?;
    refuse_chosen(wanted.secret.as_ref())?;
    let project = match (path_project(&call).await?, wanted.level.as_deref()) {
        (Some(project), None | Some("project")) => Some(project),
        (None, None | Some("system")) => None,
        // As Harbor's clients do it: the project stands in the one permission.
        (None, Some("project")) => match wanted.permissions.as_slice() {
            [only] => Some(only.namespace.clone()),
            others => {
                return Err(bad_request(format!(
                    "a robot of level project needs one permission, for its project; {} were given",
                    others.len()
                )));
            }
        },
        (_, Some(level)) => return Err(bad_request(format!("level {level:?} does not fit this path"))),
    };
    let secret = generate()?;
    let robot = NewRobot {
        name: wanted.name,
        project: project.clone(),
        description: wanted.description.unwrap_or_default(),
        grants: grants(wanted.permissions)?,
        expires_at: end(wanted.duration, jiff::Timestamp::now().as_second())?,
        secret_hash: secret.sha256_hex(),
    };
    let robot = call.catalog().create_robot(&call.caller, robot).await?;
    let location = format!("{}/{}", path(project.as_deref()), robot.id);
    let answer = RobotCreated {
        id: robot.id,
        name: robot.name,
        secret: secret.expose().to_owned(),
        creation_time: Time::seconds(robot.created_at),
        expires_at: robot.expires_at.unwrap_or(-1),
    };
    Ok(created(with_status(StatusCode::CREATED, &answer)?, &location))
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let project = path_project(&call).await?;
    let robot = call.catalog().robot(&call.caller, project.as_deref(), call.id("robot_id")?).await?;
    json(&Robot::from(robot))
}

pub(super) async fn update(call: Call) -> Result<Reply, Error> {
    let project = path_project(&call).await?;
    let id = call.id("robot_id")?;
    let wanted: RobotUpdate = call.json()?;
    let expires_at = match wanted.duration {
        None => None,
        Some(days) => {
            let robot = call.catalog().robot(&call.caller, project.as_deref(), id).await?;
            Some(end(Some(days), robot.created_at)?)
        }
    };
    let update = Update {
        description: wanted.description,
        grants: wanted.permissions.map(grants).transpose()?,
        expires_at,
        disabled: wanted.disable,
        rotate: None,
    };
    call.catalog().update_robot(&call.caller, project.as_deref(), id, update).await?;
    Ok(done())
}

pub(super) async fn rotate(call: Call) -> Result<Reply, Error> {
    let project = path_project(&call).await?;
    let id = call.id("robot_id")?;
    let wanted: RobotRotation = call.json()?;
    refuse_chosen(wanted.secret.as_ref())?;
    let overlap = wanted.overlap_seconds.unwrap_or(0);
    if !(0..=MAX_OVERLAP).contains(&overlap) {
        return Err(bad_request(format!("overlap_seconds {overlap}: expected 0 to {MAX_OVERLAP}")));
    }
    let secret = generate()?;
    let until = jiff::Timestamp::now().as_second() + overlap;
    let update = Update { rotate: Some((secret.sha256_hex(), until)), ..Update::default() };
    call.catalog().update_robot(&call.caller, project.as_deref(), id, update).await?;
    json(&RobotSec { secret: secret.expose().to_owned() })
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    let project = path_project(&call).await?;
    call.catalog().delete_robot(&call.caller, project.as_deref(), call.id("robot_id")?).await?;
    Ok(done())
}

/// Returns the project of the path, if the path has one.
async fn path_project(call: &Call) -> Result<Option<String>, Error> {
    if call.parameter("project_name_or_id").is_empty() { Ok(None) } else { call.project().await.map(Some) }
}

fn path(project: Option<&str>) -> String {
    project.map_or_else(|| "/robots".to_owned(), |project| format!("/projects/{project}/robots"))
}

fn grants(permissions: Vec<RobotPermission>) -> Result<Vec<RobotGrant>, Error> {
    permissions.into_iter().map(RobotPermission::into_grant).collect()
}

/// Returns when a robot made at `from` ends.
fn end(days: Option<i64>, from: i64) -> Result<Option<i64>, Error> {
    match days {
        Some(-1) => Ok(None),
        // Harbor's clients send 0 where nothing was chosen.
        None | Some(0) => Ok(Some(from + DEFAULT_DAYS * DAY)),
        Some(days @ 1..=36_500) => Ok(Some(from + days * DAY)),
        Some(days) => Err(bad_request(format!("duration {days}: expected 1 to 36500 days, or -1 for never"))),
    }
}

/// Refuses secrets that a person chose: they are stored under a fast hash, which only random ones bear.
fn refuse_chosen(secret: Option<&Secret>) -> Result<(), Error> {
    match secret {
        Some(secret) if !secret.expose().is_empty() => {
            Err(bad_request("secret: it cannot be chosen; leave it empty and take the generated one"))
        }
        _ => Ok(()),
    }
}

fn generate() -> Result<Secret, Error> {
    Secret::generate().map_err(|error| {
        Error::answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            wharf_oci::distribution::ErrorCode::Unknown,
            format!("no randomness: {error}"),
        )
    })
}
