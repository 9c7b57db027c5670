//! Every route × every role × own and foreign, private and public projects.
//!
//! What is expected stands here a second time, written from Harbor's matrix and from what each route is for, and never
//! read from the server's own table. A route that is added there without a line here fails the sweep.

use std::collections::BTreeMap;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use wharf_access::{Action, Caller, RepositoryPattern, Resource, RobotGrant, Role};
use wharf_oci::Digest;
use wharf_storage::catalog::{Accounts as _, Management as _, NewProject, NewRobot, NewUser, Slice};

use super::document;
use crate::support::{PASSWORD, Registry};

/// Method, path, what is needed, the status for those who have it, and what to send.
///
/// Needs: `RESOURCE:LETTER` in the project (the letters of Harbor's matrix), `system`, `account`, `users` (every account
/// but robots), or `everyone`. What is named by its number alone is refused alike wherever it lives.
const EXPECTED: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/projects", "everyone", 200, ""),
    ("HEAD", "/projects?project_name={p}", "project:R", 200, ""),
    ("POST", "/projects", "users", 201, r#"{"project_name":"new-{n}"}"#),
    ("GET", "/projects/{p}", "project:R", 200, ""),
    ("PUT", "/projects/{p}", "project:U", 200, "{}"),
    ("DELETE", "/projects/{p}", "project:D", 412, ""),
    ("GET", "/projects/{p}/summary", "quota:R", 200, ""),
    ("GET", "/projects/{p}/metadatas", "metadata:R", 200, ""),
    ("PUT", "/projects/{p}/metadatas/public", "metadata:U", 200, r#"{"public":"{public}"}"#),
    // None has one; that it is checked only keeps the projects open.
    ("GET", "/projects/{p}/policy", "configuration:R", 404, ""),
    (
        "PUT",
        "/projects/{p}/policy",
        "configuration:U",
        200,
        r#"{"text":"{version: 1, default: deny, rules: []}","host":"h","dry_run":true}"#,
    ),
    ("DELETE", "/projects/{p}/policy", "configuration:U", 404, ""),
    ("GET", "/projects/{p}/members", "member:L", 200, ""),
    (
        "POST",
        "/projects/{p}/members",
        "member:C",
        201,
        r#"{"role_id":5,"member_user":{"username":"{newcomer}"}}"#,
    ),
    ("GET", "/projects/{p}/members/{member}", "member:R", 200, ""),
    ("PUT", "/projects/{p}/members/{member}", "member:U", 200, r#"{"role_id":3}"#),
    ("DELETE", "/projects/{p}/members/{member}", "member:D", 200, ""),
    ("GET", "/users", "system", 200, ""),
    ("POST", "/users", "system", 201, r#"{"username":"made-{n}","password":"long enough"}"#),
    ("POST", "/users/htpasswd", "system", 200, "# nobody"),
    ("GET", "/users/current", "users", 200, ""),
    ("GET", "/users/{user}", "system", 200, ""),
    ("PUT", "/users/{user}", "system", 200, r#"{"email":"x@example.com"}"#),
    ("DELETE", "/users/{user}", "system", 200, ""),
    ("PUT", "/users/{user}/password", "system", 200, r#"{"new_password":"long enough"}"#),
    ("PUT", "/users/{user}/sysadmin", "system", 200, r#"{"sysadmin_flag":false}"#),
    ("PUT", "/users/{user}/disabled", "system", 200, r#"{"disabled":true}"#),
    ("GET", "/robots", "system", 200, ""),
    ("POST", "/robots", "system", 201, r#"{"name":"r{n}","permissions":[]}"#),
    ("GET", "/robots/{system_robot}", "system", 200, ""),
    ("PUT", "/robots/{system_robot}", "system", 200, r#"{"description":"x"}"#),
    ("PATCH", "/robots/{system_robot}", "system", 200, "{}"),
    ("DELETE", "/robots/{system_robot}", "system", 200, ""),
    ("GET", "/robots/{robot}", "by number robot:R", 200, ""),
    ("PUT", "/robots/{robot}", "by number robot:U", 200, r#"{"description":"x"}"#),
    ("PATCH", "/robots/{robot}", "by number robot:U", 200, "{}"),
    ("DELETE", "/robots/{robot}", "by number robot:D", 200, ""),
    ("GET", "/projects/{p}/robots", "robot:L", 200, ""),
    ("POST", "/projects/{p}/robots", "robot:C", 201, r#"{"name":"r{n}","permissions":[]}"#),
    ("GET", "/projects/{p}/robots/{robot}", "robot:R", 200, ""),
    ("PUT", "/projects/{p}/robots/{robot}", "robot:U", 200, r#"{"description":"x"}"#),
    ("PATCH", "/projects/{p}/robots/{robot}", "robot:U", 200, "{}"),
    ("DELETE", "/projects/{p}/robots/{robot}", "robot:D", 200, ""),
    ("GET", "/projects/{p}/repositories", "repository:L", 200, ""),
    ("GET", "/projects/{p}/repositories/web", "repository:R", 200, ""),
    ("PUT", "/projects/{p}/repositories/web", "repository:U", 200, r#"{"description":"x"}"#),
    ("DELETE", "/projects/{p}/repositories/{repository}", "repository:D", 200, ""),
    ("GET", "/projects/{p}/repositories/web/tags", "tag:L", 200, ""),
    ("GET", "/projects/{p}/repositories/web/tags/v1/history", "tag:L", 200, ""),
    ("GET", "/projects/{p}/repositories/web/artifacts", "artifact:L", 200, ""),
    ("GET", "/projects/{p}/repositories/web/artifacts/v1", "artifact:R", 200, ""),
    ("DELETE", "/projects/{p}/repositories/{repository}/artifacts/v1", "artifact:D", 200, ""),
    ("GET", "/projects/{p}/repositories/web/artifacts/v1/tags", "tag:L", 200, ""),
    ("POST", "/projects/{p}/repositories/web/artifacts/v1/tags", "tag:C", 201, r#"{"name":"t{n}"}"#),
    ("DELETE", "/projects/{p}/repositories/{repository}/artifacts/v1/tags/v1", "tag:D", 200, ""),
    ("GET", "/audit-logs", "system", 200, ""),
    ("GET", "/audit-logs/export", "system", 200, ""),
    ("GET", "/projects/{p}/logs", "log:L", 200, ""),
    ("GET", "/projects/{p}/logs/export", "log:L", 200, ""),
    ("GET", "/quotas", "system", 200, ""),
    ("GET", "/quotas/{p}", "quota:R", 200, ""),
    ("POST", "/system/gc", "system", 200, r#"{"dry_run":true}"#),
    (
        "POST",
        "/system/gc/schedule",
        "system",
        201,
        r#"{"schedule":{"type":"Manual"},"parameters":{"dry_run":true}}"#,
    ),
    ("GET", "/system/gc", "system", 200, ""),
    ("GET", "/system/gc/{gc}", "system", 200, ""),
    ("GET", "/ping", "everyone", 200, ""),
    ("GET", "/health", "everyone", 200, ""),
    ("GET", "/systeminfo", "everyone", 200, ""),
    ("GET", "/statistics", "account", 200, ""),
    ("GET", "/openapi.json", "everyone", 200, ""),
];

/// The distribution API; a leading `/v2`.
const DATA_PLANE: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/v2/", "account", 200, ""),
    ("GET", "/v2/{p}/web/tags/list", "repository:pull", 200, ""),
    ("GET", "/v2/{p}/web/manifests/v1", "repository:pull", 200, ""),
    ("HEAD", "/v2/{p}/web/manifests/v1", "repository:pull", 200, ""),
    ("GET", "/v2/{p}/web/manifests/{digest}", "repository:pull", 200, ""),
    ("GET", "/v2/{p}/web/blobs/{blob}", "repository:pull", 200, ""),
    ("HEAD", "/v2/{p}/web/blobs/{blob}", "repository:pull", 200, ""),
    ("GET", "/v2/{p}/web/referrers/{digest}", "repository:pull", 200, ""),
    ("POST", "/v2/{p}/web/blobs/uploads/", "repository:push", 202, ""),
    ("POST", "/v2/{p}/web/blobs/uploads/?digest={blob}", "repository:push", 201, "layer"),
    ("PUT", "/v2/{p}/web/manifests/t{n}", "repository:push", 201, "{manifest}"),
    ("DELETE", "/v2/{p}/{repository}/manifests/v1", "tag:D", 202, ""),
    ("DELETE", "/v2/{p}/{repository}/manifests/{digest}", "artifact:D", 202, ""),
    ("DELETE", "/v2/{p}/{repository}/blobs/{blob}", "artifact:D", 202, ""),
];

/// Harbor's matrix for the resources above: project admin, maintainer, developer, guest, limited guest, and what
/// everyone may do in a public project.
const MATRIX: &[(&str, [&str; 6])] = &[
    ("project", ["RUD", "R", "R", "R", "R", "R"]),
    ("member", ["CRUDL", "RL", "RL", "RL", "", ""]),
    ("metadata", ["CRUD", "R", "", "", "", ""]),
    ("log", ["L", "", "", "", "", ""]),
    ("configuration", ["RU", "R", "R", "R", "R", ""]),
    ("quota", ["R", "R", "R", "R", "R", ""]),
    ("repository", ["CRUDL+-", "CRUDL+-", "CRUL+-", "RL-", "RL-", "RL-"]),
    ("robot", ["CRUDL", "RL", "RL", "RL", "", ""]),
    ("artifact", ["CRDL", "CRDL", "CRL", "RL", "RL", "RL"]),
    ("tag", ["CDL", "CDL", "CL", "L", "L", "L"]),
];

#[derive(Clone, Debug, PartialEq)]
enum Actor {
    Anonymous,
    /// In no project.
    Stranger,
    /// With a role in the projects `mine-*`.
    Member(Role),
    Admin,
    /// Of `mine-private`: may pull, push, list artifacts and delete tags there.
    ProjectRobot,
    /// May pull and read members in every project.
    SystemRobot,
}

struct World {
    registry: Registry,
    robots: BTreeMap<&'static str, (String, String)>,
    /// Manifest, its digest and its layer, the same in every repository.
    manifest: Value,
    digest: Digest,
    blob: Digest,
    made: std::cell::Cell<u32>,
}

const PROJECTS: [(&str, bool, bool); 4] = [
    ("mine-private", false, true),
    ("mine-public", true, true),
    ("foreign-private", false, false),
    ("foreign-public", true, false),
];

impl World {
    async fn new() -> Self {
        let registry = Registry::start().await;
        let catalog = &registry.catalog;
        registry.create_user("stranger").await;
        for role in Role::ALL {
            registry.create_user(role.name()).await;
        }
        let mut built = None;
        for (name, public, mine) in PROJECTS {
            let project = NewProject { name: name.to_owned(), public, ..NewProject::default() };
            catalog.create_project(&Caller::system(), project, false).await.unwrap();
            for role in Role::ALL.into_iter().filter(|_| mine) {
                catalog.add_member(&Caller::system(), name, role.name(), role).await.unwrap();
            }
            let digest = registry.push_image(&format!("{name}/web"), "v1", b"layer").await;
            built = Some((registry.image(&format!("{name}/web"), b"layer").await, digest));
        }
        let mut robots = BTreeMap::new();
        for (kind, project, grant, access) in [
            (
                "project",
                Some("mine-private"),
                "mine-private",
                vec![
                    (Resource::Repository, Action::Pull),
                    (Resource::Repository, Action::Push),
                    (Resource::Artifact, Action::List),
                    (Resource::Tag, Action::Delete),
                ],
            ),
            (
                "system",
                None,
                "*",
                vec![(Resource::Repository, Action::Pull), (Resource::Member, Action::Read)],
            ),
        ] {
            let secret = format!("secret of the {kind} robot");
            let robot = NewRobot {
                name: "sweeper".to_owned(),
                project: project.map(str::to_owned),
                grants: vec![RobotGrant {
                    project: grant.to_owned(),
                    repositories: RepositoryPattern::default(),
                    access,
                }],
                secret_hash: wharf_oci::Algorithm::Sha256.digest(secret.as_bytes()).encoded().to_owned(),
                ..NewRobot::default()
            };
            let robot = registry.catalog.create_robot(&Caller::system(), robot).await.unwrap();
            robots.insert(kind, (robot.name, secret));
        }
        registry.request("POST", "/api/v2.0/system/gc").json(&json!({"dry_run": true})).send().await.unwrap();
        let (manifest, digest) = built.unwrap();
        let blob = wharf_oci::Algorithm::Sha256.digest(b"layer");
        Self { registry, robots, manifest, digest, blob, made: std::cell::Cell::new(0) }
    }

    fn request(&self, actor: &Actor, method: &str, path: &str) -> RequestBuilder {
        let request = self.registry.anonymous(method, path);
        let (name, secret) = match actor {
            Actor::Anonymous => return request,
            Actor::Stranger => ("stranger", PASSWORD),
            Actor::Member(role) => (role.name(), PASSWORD),
            Actor::Admin => ("admin", PASSWORD),
            Actor::ProjectRobot => (self.robots["project"].0.as_str(), self.robots["project"].1.as_str()),
            Actor::SystemRobot => (self.robots["system"].0.as_str(), self.robots["system"].1.as_str()),
        };
        request.basic_auth(name, Some(secret))
    }

    /// Fills in a text with things of `project`, making those that the request may destroy.
    async fn fill(&self, text: &str, project: &str, public: bool) -> String {
        let number = self.made.get() + 1;
        self.made.set(number);
        let catalog = &self.registry.catalog;
        let system = Caller::system();
        let mut text = text.replace("{p}", project).replace("{n}", &number.to_string());
        let user = async |name: &str| {
            let user = NewUser { name: name.to_owned(), password_hash: "x".to_owned(), ..NewUser::default() };
            catalog.create_user(&system, user).await.unwrap().id
        };
        let robot = async |project: Option<&str>| {
            let robot = NewRobot {
                name: format!("victim-{number}"),
                project: project.map(str::to_owned),
                secret_hash: "0".repeat(64),
                ..NewRobot::default()
            };
            catalog.create_robot(&system, robot).await.unwrap().id
        };
        if text.contains("{user}") {
            text = text.replace("{user}", &user(&format!("user-{number}")).await.to_string());
        }
        if text.contains("{newcomer}") {
            let name = format!("newcomer-{number}");
            user(&name).await;
            text = text.replace("{newcomer}", &name);
        }
        if text.contains("{member}") {
            let name = format!("member-{number}");
            user(&name).await;
            let member = catalog.add_member(&system, project, &name, Role::Guest).await.unwrap();
            text = text.replace("{member}", &member.id.to_string());
        }
        if text.contains("{robot}") {
            text = text.replace("{robot}", &robot(Some(project)).await.to_string());
        }
        if text.contains("{system_robot}") {
            text = text.replace("{system_robot}", &robot(None).await.to_string());
        }
        if text.contains("{repository}") {
            let name = format!("victim-{number}");
            self.registry.push_image(&format!("{project}/{name}"), "v1", b"layer").await;
            text = text.replace("{repository}", &name);
        }
        text.replace("{public}", &public.to_string())
            .replace("{digest}", self.digest.as_str())
            .replace("{blob}", self.blob.as_str())
            .replace("{gc}", "1")
            .replace("{manifest}", &serde_json::to_string(&self.manifest).unwrap())
    }

    async fn status(
        &self,
        actor: &Actor,
        row: &(&str, &str, &str, u16, &str),
        project: &str,
        public: bool,
    ) -> (u16, String) {
        let &(method, path, _, _, body) = row;
        let path = self.fill(path, project, public).await;
        let body = self.fill(body, project, public).await;
        let path = if path.starts_with("/v2") { path } else { format!("/api/v2.0{path}") };
        let mut request = self.request(actor, method, &path);
        if !body.is_empty() {
            let kind = match body.as_str() {
                text if text.contains("mediaType") => self.manifest["mediaType"].as_str().unwrap(),
                text if text.starts_with('{') => "application/json",
                _ => "text/plain",
            };
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// The status that the actor is to get.
fn expected(
    actor: &Actor,
    row: &(&str, &str, &str, u16, &str),
    project: &str,
    public: bool,
    mine: bool,
) -> u16 {
    let &(_, _, need, done, _) = row;
    let (by_number, need) = need.strip_prefix("by number ").map_or((false, need), |need| (true, need));
    let anonymous = *actor == Actor::Anonymous;
    let robot = matches!(actor, Actor::ProjectRobot | Actor::SystemRobot);
    let Some((resource, letter)) = need.split_once(':') else {
        return match need {
            "everyone" => done,
            _ if anonymous => 401,
            "account" => done,
            "users" if robot => 403,
            "users" => done,
            "system" if *actor == Actor::Admin => done,
            "system" => 403,
            other => panic!("{other}"),
        };
    };
    let letter = match letter {
        "push" => "+",
        "pull" => "-",
        letter => letter,
    };
    let columns = MATRIX.iter().find(|(known, _)| *known == resource).unwrap().1;
    let open = public && columns[5].contains(letter);
    let column = |role: Role| match role {
        Role::ProjectAdmin => 0,
        Role::Maintainer => 1,
        Role::Developer => 2,
        Role::Guest => 3,
        Role::LimitedGuest => 4,
    };
    // Whether the actor knows that the project exists, and whether it may do this there.
    let (knows, may) = match actor {
        Actor::Admin => (true, true),
        Actor::Anonymous | Actor::Stranger => (public, open),
        Actor::Member(role) => (public || mine, open || (mine && columns[column(*role)].contains(letter))),
        Actor::ProjectRobot => {
            let own = project == "mine-private";
            let granted = ["repository-", "repository+", "artifactL", "tagD"];
            (public || own, open || (own && granted.contains(&format!("{resource}{letter}").as_str())))
        }
        Actor::SystemRobot => {
            (true, open || ["repository-", "memberR"].contains(&format!("{resource}{letter}").as_str()))
        }
    };
    match (may, anonymous, knows) {
        (true, ..) => done,
        (false, true, _) => 401,
        (false, false, _) if by_number => 403,
        (false, false, true) => 403,
        (false, false, false) => 404,
    }
}

fn actors() -> Vec<Actor> {
    let mut actors =
        vec![Actor::Anonymous, Actor::Stranger, Actor::Admin, Actor::ProjectRobot, Actor::SystemRobot];
    actors.extend(Role::ALL.map(Actor::Member));
    actors
}

async fn sweep(rows: &[(&str, &str, &str, u16, &str)]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    for row in rows {
        for (project, public, mine) in PROJECTS {
            // What concerns no project is asked once.
            if !row.1.contains("{p}") && !row.1.contains("{robot}") && project != "mine-private" {
                continue;
            }
            for actor in actors() {
                let expected = expected(&actor, row, project, public, mine);
                let (status, text) = world.status(&actor, row, project, public).await;
                if status != expected {
                    let (method, path, ..) = row;
                    wrong.push(format!(
                        "{method} {path} in {project} by {actor:?}: {status}, expected {expected}: {text}"
                    ));
                }
                asked += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_management_route_answers_every_role_as_harbors_matrix_says() {
    sweep(EXPECTED).await;
}

#[tokio::test]
async fn every_distribution_route_answers_every_role_as_harbors_matrix_says() {
    sweep(DATA_PLANE).await;
}

#[tokio::test]
async fn no_route_is_left_out_of_the_sweep() {
    let registry = Registry::start().await;
    let shape = |path: &str| -> String {
        let path = path.split('?').next().unwrap();
        let parts = path.split('/').map(|part| match part {
            "web" | "v1" | "public" => "*",
            part if part.starts_with('{') => "*",
            part => part,
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let mut documented: Vec<_> = document::routes(&document::document(&registry).await)
        .into_iter()
        .map(|(method, path)| (method, shape(&path)))
        .collect();
    let mut swept: Vec<_> = EXPECTED.iter().map(|row| (row.0.to_owned(), shape(row.1))).collect();
    documented.sort();
    swept.sort();
    // One path may be asked for things of different kinds.
    swept.dedup();
    assert_eq!(documented, swept);
}

/// CVE-2022-31666 to 31671: the number of a thing in another project was accepted.
#[tokio::test]
async fn cve_2022_31667_numbers_of_another_project_are_absent_here() {
    let world = World::new().await;
    let owner = Actor::Member(Role::ProjectAdmin);
    for (method, path, body) in [
        ("GET", "/projects/{p}/members/{member}", ""),
        ("PUT", "/projects/{p}/members/{member}", r#"{"role_id":1}"#),
        ("DELETE", "/projects/{p}/members/{member}", ""),
        ("GET", "/projects/{p}/robots/{robot}", ""),
        ("PUT", "/projects/{p}/robots/{robot}", r#"{"disable":true}"#),
        ("PATCH", "/projects/{p}/robots/{robot}", "{}"),
        ("DELETE", "/projects/{p}/robots/{robot}", ""),
        ("GET", "/projects/{p}/robots/{system_robot}", ""),
        ("PATCH", "/projects/{p}/robots/{system_robot}", "{}"),
        ("DELETE", "/projects/{p}/robots/{system_robot}", ""),
        ("GET", "/projects/{p}/repositories/{repository}", ""),
        ("DELETE", "/projects/{p}/repositories/{repository}", ""),
        ("GET", "/projects/{p}/repositories/{repository}/artifacts/v1", ""),
        ("DELETE", "/projects/{p}/repositories/{repository}/artifacts/{digest}", ""),
        ("DELETE", "/projects/{p}/repositories/{repository}/artifacts/v1/tags/v1", ""),
        ("GET", "/projects/{p}/repositories/{repository}/tags/v1/history", ""),
    ] {
        for (theirs, public) in [("foreign-private", false), ("foreign-public", true), ("mine-public", true)]
        {
            // The thing is made in their project, and asked for in one where the caller administers everything.
            let path = world.fill(&path.replacen("{p}", "mine-private", 1), theirs, public).await;
            for actor in [&owner, &Actor::Admin] {
                let mut request = world.request(actor, method, &format!("/api/v2.0{path}"));
                if !body.is_empty() {
                    request = request.header("content-type", "application/json").body(body);
                }
                let answer = request.send().await.unwrap();
                let history = path.ends_with("/history") && answer.status() == 200;
                if history {
                    assert_eq!(answer.text().await.unwrap(), "[]", "{method} {path}");
                } else {
                    assert_eq!(answer.status(), 404, "{method} {path} by {actor:?}");
                }
            }
        }
    }
    // And nothing of theirs was touched.
    for theirs in ["foreign-private", "foreign-public", "mine-public"] {
        let robots = world
            .registry
            .catalog
            .robots(&Caller::system(), Some(theirs), None, &Slice { limit: 100, ..Slice::default() })
            .await
            .unwrap()
            .entries;
        assert_eq!(robots.len(), 4, "{theirs}");
        assert!(robots.iter().all(|robot| !robot.disabled));
    }
}
