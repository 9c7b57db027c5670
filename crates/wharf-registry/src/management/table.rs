//! The routes of the management API: one table.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use http::Method;
use serde_json::Value;
use wharf_access::{Action, Permission, Resource};
use wharf_storage::catalog::AuditOperation;

use super::call::{Call, Reply};
use super::shape::{Schemas, Shape};
use super::{
    artifacts, audit_logs, collection, members, openapi, policies, projects, quotas, repositories, robots,
    system, users,
};
use crate::error::Error;

/// One route.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path below `/api/v2.0`, with parameters in braces.
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) tag: &'static str,
    /// One line for the document.
    pub(super) summary: &'static str,
    /// Query parameters; lists also take `page`, `page_size` and `sort`.
    pub(super) query: &'static [&'static str],
    pub(super) request: Body,
    pub(super) status: u16,
    pub(super) answer: Body,
    /// What a refusal is noted as.
    pub(super) audit: Option<AuditOperation>,
    pub(super) handler: Handler,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Everyone; the answer shows each caller what that caller may see.
    Everyone,
    /// Every account with its own credentials; the catalog decides the rest.
    Account,
    /// Those with this permission at the system level.
    System(Permission),
    /// Those with this permission in the project of the path.
    Project(Permission),
    /// Those with this permission on the repository of the path.
    Repository(Permission),
}

/// What a body holds.
pub(super) enum Body {
    Empty,
    Json(Describe),
    /// A page of a list.
    Page(Describe),
    Text(&'static str),
    /// The same as plain text or inside JSON.
    TextOrJson(Describe),
}

pub(super) type Describe = fn(&mut Schemas) -> Value;
pub(super) type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

fn json<T: Shape>() -> Body {
    Body::Json(T::describe)
}

fn page<T: Shape>() -> Body {
    Body::Page(T::describe)
}

const fn on(resource: Resource, action: Action) -> Permission {
    Permission::new(resource, action)
}

/// A route to fill in.
fn route(method: Method, path: &'static str, access: Access, handler: Handler) -> Route {
    Route {
        method,
        path,
        access,
        tag: "",
        summary: "",
        query: &[],
        request: Body::Empty,
        status: 200,
        answer: Body::Empty,
        audit: None,
        handler,
    }
}

macro_rules! routes {
    ($( $tag:literal { $(
        $method:ident $path:literal, $access:expr, $handler:path, $summary:literal
        $(, $field:ident: $value:expr)* ;
    )* } )*) => {
        /// Every route, by subject.
        pub(super) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| vec![$($(
            Route {
                tag: $tag,
                summary: $summary,
                $($field: $value,)*
                ..route(Method::$method, $path, $access, |call| Box::pin($handler(call)))
            },
        )*)*]);
    };
}

use Access::{Account, Everyone, Project, Repository, System};
use Action::{Create, Delete, List, Read, Update};

routes! {
"project" {
    GET "/projects", Everyone, projects::list, "Lists the projects that the caller may read.",
        query: &["name", "public", "owner", "q"], answer: page::<projects::Project>();
    HEAD "/projects", Everyone, projects::exists, "Tells whether a project exists, to those who may read it.",
        query: &["project_name"];
    POST "/projects", Account, projects::create, "Makes a project.",
        request: json::<projects::ProjectReq>(), status: 201, audit: Some(AuditOperation::CreateProject);
    GET "/projects/{project_name_or_id}", Project(on(Resource::Project, Read)), projects::show,
        "Shows a project.", answer: json::<projects::Project>();
    PUT "/projects/{project_name_or_id}", Project(on(Resource::Project, Update)), projects::update,
        "Changes a project.", request: json::<projects::ProjectReq>(), audit: Some(AuditOperation::UpdateProject);
    DELETE "/projects/{project_name_or_id}", Project(on(Resource::Project, Delete)), projects::delete,
        "Removes an empty project.", audit: Some(AuditOperation::DeleteProject);
    GET "/projects/{project_name_or_id}/summary", Project(on(Resource::Quota, Read)), projects::summary,
        "Counts what is in a project.", answer: json::<projects::ProjectSummary>();
    GET "/projects/{project_name_or_id}/metadatas", Project(on(Resource::Metadata, Read)), projects::metadata,
        "Shows the settings of a project.", answer: json::<projects::ProjectMetadata>();
    PUT "/projects/{project_name_or_id}/metadatas/{metadata_name}", Project(on(Resource::Metadata, Update)),
        projects::update_metadata, "Changes a setting of a project.",
        request: json::<projects::ProjectMetadata>(), audit: Some(AuditOperation::UpdateProject);
    GET "/projects/{project_name_or_id}/policy", Project(on(Resource::Configuration, Read)), policies::show,
        "Shows the trust policy of a project.", answer: json::<policies::TrustPolicy>();
    PUT "/projects/{project_name_or_id}/policy", Project(on(Resource::Configuration, Update)), policies::set,
        "Sets the trust policy of a project: what it does not allow cannot be pulled by those who may not push.",
        request: json::<policies::TrustPolicyReq>(), answer: json::<policies::TrustPolicy>(),
        audit: Some(AuditOperation::UpdatePolicy);
    DELETE "/projects/{project_name_or_id}/policy", Project(on(Resource::Configuration, Update)),
        policies::remove, "Removes the trust policy of a project.", audit: Some(AuditOperation::UpdatePolicy);
}
"member" {
    GET "/projects/{project_name_or_id}/members", Project(on(Resource::Member, List)), members::list,
        "Lists the members of a project.", query: &["entityname"], answer: page::<members::ProjectMemberEntity>();
    POST "/projects/{project_name_or_id}/members", Project(on(Resource::Member, Create)), members::create,
        "Adds a member.", request: json::<members::ProjectMember>(), status: 201,
        audit: Some(AuditOperation::CreateMember);
    GET "/projects/{project_name_or_id}/members/{mid}", Project(on(Resource::Member, Read)), members::show,
        "Shows a member.", answer: json::<members::ProjectMemberEntity>();
    PUT "/projects/{project_name_or_id}/members/{mid}", Project(on(Resource::Member, Update)), members::update,
        "Changes the role of a member.", request: json::<members::RoleRequest>(),
        audit: Some(AuditOperation::UpdateMember);
    DELETE "/projects/{project_name_or_id}/members/{mid}", Project(on(Resource::Member, Delete)),
        members::delete, "Removes a member.", audit: Some(AuditOperation::DeleteMember);
}
"user" {
    GET "/users", System(on(Resource::User, List)), users::list, "Lists users.",
        query: &["q"], answer: page::<users::UserResp>();
    POST "/users", System(on(Resource::User, Create)), users::create, "Makes a user.",
        request: json::<users::UserCreationReq>(), status: 201, audit: Some(AuditOperation::CreateUser);
    POST "/users/htpasswd", System(on(Resource::User, Create)), users::import,
        "Makes users from an htpasswd file with bcrypt hashes; each is upgraded at the first login.",
        request: Body::TextOrJson(users::HtpasswdReq::describe), answer: json::<users::ImportReport>(),
        audit: Some(AuditOperation::CreateUser);
    GET "/users/current", Account, users::current, "Shows the calling user.", answer: json::<users::UserResp>();
    GET "/users/{user_id}", Account, users::show, "Shows a user, to themselves and to administrators.",
        answer: json::<users::UserResp>();
    PUT "/users/{user_id}", Account, users::update, "Changes a user's e-mail address and real name.",
        request: json::<users::UserProfile>(), audit: Some(AuditOperation::UpdateUser);
    DELETE "/users/{user_id}", System(on(Resource::User, Delete)), users::delete, "Removes a user.",
        audit: Some(AuditOperation::DeleteUser);
    PUT "/users/{user_id}/password", Account, users::change_password,
        "Changes a password; one's own only with the old one.", request: json::<users::PasswordReq>(),
        audit: Some(AuditOperation::UpdateUser);
    PUT "/users/{user_id}/sysadmin", System(on(Resource::User, Update)), users::set_admin,
        "Makes a user a system administrator, or no longer.", request: json::<users::UserSysAdminFlag>(),
        audit: Some(AuditOperation::UpdateUser);
    PUT "/users/{user_id}/disabled", System(on(Resource::User, Update)), users::set_disabled,
        "Bars a user from logging in, or no longer.", request: json::<users::UserDisabledFlag>(),
        audit: Some(AuditOperation::UpdateUser);
}
"robot" {
    GET "/robots", Account, robots::list,
        "Lists the robots of the system, or with q=Level=project,ProjectID=N those of a project.",
        query: &["q"], answer: page::<robots::Robot>();
    POST "/robots", Account, robots::create, "Makes a robot account and shows its secret, once.",
        request: json::<robots::RobotCreate>(), status: 201, answer: json::<robots::RobotCreated>(),
        audit: Some(AuditOperation::CreateRobot);
    GET "/robots/{robot_id}", Account, robots::show, "Shows a robot of the system or of a project.",
        answer: json::<robots::Robot>();
    PUT "/robots/{robot_id}", Account, robots::update, "Changes a robot of the system or of a project.",
        request: json::<robots::RobotUpdate>(), audit: Some(AuditOperation::UpdateRobot);
    PATCH "/robots/{robot_id}", Account, robots::rotate,
        "Gives a robot of the system or of a project a new secret and shows it, once.",
        request: json::<robots::RobotRotation>(), answer: json::<robots::RobotSec>(),
        audit: Some(AuditOperation::UpdateRobot);
    DELETE "/robots/{robot_id}", Account, robots::delete, "Removes a robot of the system or of a project.",
        audit: Some(AuditOperation::DeleteRobot);
    GET "/projects/{project_name_or_id}/robots", Project(on(Resource::Robot, List)), robots::list,
        "Lists the robots of a project.", answer: page::<robots::Robot>();
    POST "/projects/{project_name_or_id}/robots", Project(on(Resource::Robot, Create)), robots::create,
        "Makes a robot account of a project and shows its secret, once.", request: json::<robots::RobotCreate>(),
        status: 201, answer: json::<robots::RobotCreated>(), audit: Some(AuditOperation::CreateRobot);
    GET "/projects/{project_name_or_id}/robots/{robot_id}", Project(on(Resource::Robot, Read)), robots::show,
        "Shows a robot of a project.", answer: json::<robots::Robot>();
    PUT "/projects/{project_name_or_id}/robots/{robot_id}", Project(on(Resource::Robot, Update)),
        robots::update, "Changes a robot of a project.", request: json::<robots::RobotUpdate>(),
        audit: Some(AuditOperation::UpdateRobot);
    PATCH "/projects/{project_name_or_id}/robots/{robot_id}", Project(on(Resource::Robot, Update)),
        robots::rotate, "Gives a robot of a project a new secret and shows it, once.",
        request: json::<robots::RobotRotation>(), answer: json::<robots::RobotSec>(),
        audit: Some(AuditOperation::UpdateRobot);
    DELETE "/projects/{project_name_or_id}/robots/{robot_id}", Project(on(Resource::Robot, Delete)),
        robots::delete, "Removes a robot of a project.", audit: Some(AuditOperation::DeleteRobot);
}
"repository" {
    GET "/projects/{project_name_or_id}/repositories", Project(on(Resource::Repository, List)),
        repositories::list, "Lists the repositories of a project.", query: &["q"],
        answer: page::<repositories::Repository>();
    GET "/projects/{project_name_or_id}/repositories/{repository_name}",
        Repository(on(Resource::Repository, Read)), repositories::show, "Shows a repository.",
        answer: json::<repositories::Repository>();
    PUT "/projects/{project_name_or_id}/repositories/{repository_name}",
        Repository(on(Resource::Repository, Update)), repositories::update, "Describes a repository.",
        request: json::<repositories::RepositoryReq>();
    DELETE "/projects/{project_name_or_id}/repositories/{repository_name}",
        Repository(on(Resource::Repository, Delete)), repositories::delete,
        "Removes a repository with everything in it.", audit: Some(AuditOperation::DeleteRepository);
    GET "/projects/{project_name_or_id}/repositories/{repository_name}/tags",
        Repository(on(Resource::Tag, List)), repositories::tags, "Lists the tags of a repository.", query: &["q"],
        answer: page::<artifacts::Tag>();
    GET "/projects/{project_name_or_id}/repositories/{repository_name}/tags/{tag_name}/history",
        Repository(on(Resource::Tag, List)), repositories::tag_history,
        "Shows where a tag has pointed, newest first.", answer: json::<Vec<repositories::TagPosition>>();
}
"artifact" {
    GET "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts",
        Repository(on(Resource::Artifact, List)), artifacts::list,
        "Lists artifacts, newest first; with all=true also children of an index and referrers.",
        query: &["all", "q"], answer: page::<artifacts::Artifact>();
    GET "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts/{reference}",
        Repository(on(Resource::Artifact, Read)), artifacts::show, "Shows an artifact.",
        answer: json::<artifacts::Artifact>();
    DELETE "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts/{reference}",
        Repository(on(Resource::Artifact, Delete)), artifacts::delete,
        "Removes an artifact with its tags and referrers.", audit: Some(AuditOperation::DeleteArtifact);
    GET "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts/{reference}/tags",
        Repository(on(Resource::Tag, List)), artifacts::tags, "Lists the tags of an artifact.", query: &["q"],
        answer: page::<artifacts::Tag>();
    POST "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts/{reference}/tags",
        Repository(on(Resource::Tag, Create)), artifacts::create_tag, "Sets a tag on an artifact.",
        request: json::<artifacts::TagReq>(), status: 201, audit: Some(AuditOperation::CreateTag);
    DELETE "/projects/{project_name_or_id}/repositories/{repository_name}/artifacts/{reference}/tags/{tag_name}",
        Repository(on(Resource::Tag, Delete)), artifacts::delete_tag, "Removes a tag.",
        audit: Some(AuditOperation::DeleteTag);
}
"auditlog" {
    GET "/audit-logs", System(on(Resource::AuditLog, List)), audit_logs::list,
        "Lists the audit log, newest first.", query: audit_logs::QUERY, answer: page::<audit_logs::AuditLog>();
    GET "/audit-logs/export", System(on(Resource::AuditLog, List)), audit_logs::export,
        "Streams the audit log as JSON lines, newest first.", query: audit_logs::QUERY,
        answer: Body::Text("application/x-ndjson");
    GET "/projects/{project_name_or_id}/logs", Project(on(Resource::Log, List)), audit_logs::list,
        "Lists the audit log of a project, newest first.", query: audit_logs::QUERY,
        answer: page::<audit_logs::AuditLog>();
    GET "/projects/{project_name_or_id}/logs/export", Project(on(Resource::Log, List)), audit_logs::export,
        "Streams the audit log of a project as JSON lines, newest first.", query: audit_logs::QUERY,
        answer: Body::Text("application/x-ndjson");
}
"quota" {
    GET "/quotas", System(on(Resource::Quota, List)), quotas::list, "Lists the storage quotas of projects.",
        answer: page::<quotas::Quota>();
    GET "/quotas/{project_name_or_id}", Project(on(Resource::Quota, Read)), quotas::show,
        "Shows the storage quota of a project; the number of a quota is that of its project.",
        answer: json::<quotas::Quota>();
}
"gc" {
    POST "/system/gc", System(on(Resource::GarbageCollection, Create)), collection::run,
        "Collects garbage now and tells what went; with dry_run, what would go.",
        request: json::<collection::GCRequest>(), answer: json::<collection::GCHistory>(),
        audit: Some(AuditOperation::CollectGarbage);
    POST "/system/gc/schedule", System(on(Resource::GarbageCollection, Create)), collection::start,
        "Starts a collection in the background (schedule type Manual).", request: json::<collection::Schedule>(),
        status: 201, audit: Some(AuditOperation::CollectGarbage);
    GET "/system/gc", System(on(Resource::GarbageCollection, List)), collection::list,
        "Lists the last collections, newest first.", answer: page::<collection::GCHistory>();
    GET "/system/gc/{gc_id}", System(on(Resource::GarbageCollection, Read)), collection::show,
        "Shows a collection.", answer: json::<collection::GCHistory>();
}
"system" {
    GET "/ping", Everyone, system::ping, "Answers Pong.", answer: Body::Text("text/plain");
    GET "/health", Everyone, system::health, "Tells whether catalog and blob store answer.",
        answer: json::<system::OverallHealthStatus>();
    GET "/systeminfo", Everyone, system::info, "Tells what this registry is.",
        answer: json::<system::GeneralInfo>();
    GET "/statistics", Account, system::statistics, "Counts what the caller may see.",
        answer: json::<system::Statistic>();
    GET "/openapi.json", Everyone, openapi::serve, "Serves this document.",
        answer: Body::Text("application/json");
}
}
