//! The one function that answers every question of access.

use crate::{Action, Caller, Permission, Principal, Resource, RobotGrant, Role};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action on the resource.
    pub permission: Permission,
    /// The project concerned; `None` for the system level.
    pub project: Option<&'a str>,
    /// The path of the repository inside its project, where one is concerned.
    pub repository: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Returns the request for `permission` on the repository named `name`, such as `shop/charts/web`.
    pub fn on_repository(permission: Permission, name: &'a wharf_oci::RepositoryName) -> Self {
        Self {
            permission,
            project: Some(name.project()),
            repository: Some(name.path_in_project().unwrap_or_default()),
        }
    }

    /// Returns the request for `permission` in `project`, no repository concerned.
    pub const fn in_project(permission: Permission, project: &'a str) -> Self {
        Self { permission, project: Some(project), repository: None }
    }

    /// Returns the request for `permission` at the system level.
    pub const fn on_system(permission: Permission) -> Self {
        Self { permission, project: None, repository: None }
    }
}

/// What the catalog says of caller and project at the moment of deciding.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether the account exists, is enabled and has not expired. Anonymous callers are active.
    pub active: bool,
    /// Whether the account administers the whole system.
    pub system_admin: bool,
    /// Whether the project exists.
    pub project_exists: bool,
    /// Whether the project is public.
    pub project_public: bool,
    /// The caller's role in the project.
    pub role: Option<Role>,
    /// The grants, if the caller is a robot.
    pub robot_grants: Vec<RobotGrant>,
}

/// Why access is denied; the two are answered differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller may not even learn whether the project exists: it is answered as absent. A caller without
    /// credentials is asked for some.
    #[error("not found, or not visible to this account")]
    Hidden,
    /// The caller sees the thing but may not do this with it.
    #[error("the account has no permission for this")]
    Forbidden,
}

/// Decides whether `caller`, standing as the catalog says, may do what `request` asks.
///
/// Default deny. A token narrows the rights of its account, down to those of everyone, and never widens them.
///
/// # Errors
/// [`Denied`], which says how much the answer may reveal.
pub fn decide(caller: &Caller, standing: &Standing, request: &Request<'_>) -> Result<(), Denied> {
    if caller.principal == Principal::System {
        return Ok(());
    }
    // An administrator may know that a project is absent.
    if !(sees_project(standing, request) || (standing.active && standing.system_admin)) {
        return Err(Denied::Hidden);
    }
    // What everyone may do needs no token, so a token that says nothing of it takes nothing away.
    let for_everyone = standing.project_public && public_permits(request.permission);
    if !standing.active || !(for_everyone || within_token(caller, request)) {
        return Err(Denied::Forbidden);
    }
    let allowed = match caller.principal {
        Principal::System => true,
        Principal::Anonymous => for_everyone,
        Principal::Robot(_) => {
            standing
                .robot_grants
                .iter()
                .any(|grant| grant.permits(request.permission, request.project, request.repository))
                || for_everyone
        }
        Principal::User(_) => {
            standing.system_admin
                || (request.project.is_some()
                    && (standing.role.is_some_and(|role| role.permits(request.permission)) || for_everyone))
        }
    };
    if allowed { Ok(()) } else { Err(Denied::Forbidden) }
}

/// Returns whether the caller may know that the project exists.
fn sees_project(standing: &Standing, request: &Request<'_>) -> bool {
    let Some(project) = request.project else { return true };
    let belongs = || {
        standing.system_admin
            || standing.role.is_some()
            || standing.robot_grants.iter().any(|grant| grant.project == "*" || grant.project == project)
    };
    standing.project_exists && (standing.project_public || (standing.active && belongs()))
}

/// What everyone may do in a public project.
const fn public_permits(permission: Permission) -> bool {
    matches!(
        (permission.resource, permission.action),
        (Resource::Repository, Action::Pull | Action::Read | Action::List)
            | (Resource::Artifact | Resource::Tag | Resource::Accessory, Action::Read | Action::List)
            | (Resource::ArtifactAddition | Resource::Project, Action::Read)
    )
}

/// Returns whether the presented token, if any, covers the request. Tokens speak of repositories only.
fn within_token(caller: &Caller, request: &Request<'_>) -> bool {
    let Some(scopes) = &caller.token_scopes else { return true };
    let (Some(project), Some(path)) = (request.project, request.repository) else {
        let catalog = request.permission.resource == Resource::Catalog;
        return catalog && scopes.iter().any(|scope| scope.kind == "registry" && scope.name == "catalog");
    };
    let needed = match request.permission {
        Permission { resource: Resource::Repository, action: Action::Push } => "push",
        Permission { action: Action::Delete, .. } => "delete",
        Permission { action: Action::Pull | Action::Read | Action::List, .. } => "pull",
        _ => return false,
    };
    scopes.iter().any(|scope| {
        scope.kind == "repository"
            && scope.name.strip_prefix(project).is_some_and(|rest| match rest.strip_prefix('/') {
                Some(rest) => rest == path && !path.is_empty(),
                None => rest.is_empty() && path.is_empty(),
            })
            && (scope.actions.contains(needed) || scope.actions.contains("*"))
    })
}
