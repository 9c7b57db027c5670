//! The project of the destination, which is created where it is absent and the caller may.

use anyhow::Context;
use serde::Serialize;
use serde_json::json;
use wharf_client::Registry;
use wharf_content::{Error, ErrorKind};

/// What is known about the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Project {
    /// It was there.
    Exists,
    /// It was created, private.
    Created,
    /// It would be created.
    WouldCreate,
    /// The registry has no projects, or does not say.
    Unknown,
}

/// Asks for the project through the management API that Harbor and Wharf have.
pub(super) async fn find(registry: &Registry, name: &str) -> anyhow::Result<Project> {
    let path = format!("api/v2.0/projects?project_name={name}");
    let answer =
        registry.api(reqwest::Method::HEAD, &path, None).await.context("cannot ask for the project")?;
    Ok(match answer.status.as_u16() {
        200 => Project::Exists,
        404 => Project::WouldCreate,
        _ => Project::Unknown,
    })
}

/// Creates the project, private.
pub(crate) async fn create(registry: &Registry, name: &str) -> anyhow::Result<Project> {
    let body = json!({ "project_name": name, "public": false });
    let answer = registry
        .api(reqwest::Method::POST, "api/v2.0/projects", Some(&body))
        .await
        .with_context(|| format!("cannot create project {name}"))?;
    let origin = registry.origin();
    match answer.status.as_u16() {
        201 => Ok(Project::Created),
        409 => Ok(Project::Exists),
        // No management API: what is pushed decides.
        404 | 405 | 501 => Ok(Project::Unknown),
        401 => Err(Error::new(
            ErrorKind::Unauthorized,
            format!("project {name} is not at {origin}, and creating it needs a login"),
        )
        .into()),
        403 => Err(Error::new(
            ErrorKind::Denied,
            format!("project {name} is not at {origin}, and you may not create it"),
        )
        .into()),
        status => {
            let text: String =
                String::from_utf8_lossy(&answer.body).chars().filter(|c| !c.is_control()).take(300).collect();
            Err(Error::new(
                ErrorKind::Peer,
                format!("{origin} answered {status} to the creation of project {name}: {text}"),
            )
            .into())
        }
    }
}
