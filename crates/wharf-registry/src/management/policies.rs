//! The trust policy of a project.

use http::StatusCode;
use http::header::HOST;
use wharf_oci::distribution::ErrorCode;
use wharf_storage::catalog::{NewProjectPolicy, ProjectPolicy};

use super::call::{Call, Reply, bad_request, done, json};
use super::shape::{Time, shapes};
use crate::error::Error;
use crate::gate;

shapes! {
    /// The trust policy of a project: what is not allowed by it cannot be pulled.
    answer TrustPolicy {
        /// Of the text.
        digest: String,
        /// The host in the names HOST/REPOSITORY by which it judges.
        host: String,
        /// The text, YAML or JSON, as it was set.
        text: String,
        /// What it demands, in words, one line each.
        explanation: Vec<String>,
        /// When it was set; absent where it was only checked.
        set_time: Option<Time>,
        /// Who set it.
        username: Option<String>,
    }

    /// A trust policy to set.
    request TrustPolicyReq {
        /// YAML or JSON; it stands alone, with keys and trusted root in it.
        text: String,
        /// The host in the names by which it is to judge; by default that of the server's external URL, else the one that
        /// this request was sent to.
        host: Option<String>,
        /// Check it and set nothing.
        dry_run: Option<bool>,
    }
}

impl TrustPolicy {
    fn new(policy: ProjectPolicy, explanation: Vec<String>) -> Self {
        Self {
            digest: policy.digest.to_string(),
            host: policy.host,
            text: String::from_utf8_lossy(&policy.text).into_owned(),
            explanation,
            set_time: Some(Time::seconds(policy.set_at)),
            username: Some(policy.set_by),
        }
    }
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    let policy = call.catalog().project_policy(&call.caller, &project).await?;
    let policy = policy.ok_or_else(|| {
        let message = format!("project {project} has no trust policy");
        Error::answer(StatusCode::NOT_FOUND, ErrorCode::Unsupported, message)
    })?;
    // One that this version cannot read is shown all the same: somebody has to replace it.
    let explanation = match gate::parse(&policy.text) {
        Ok(parsed) => parsed.explain(),
        Err(problem) => vec![format!("it cannot be read: {problem}")],
    };
    json(&TrustPolicy::new(policy, explanation))
}

pub(super) async fn set(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    let wanted: TrustPolicyReq = call.json()?;
    let host = match wanted.host {
        Some(host) => host,
        None => own_host(&call).ok_or_else(|| bad_request("host is missing, and the request names none"))?,
    };
    if !is_host(&host) {
        return Err(bad_request(format!("host {host:?} is not HOST[:PORT]")));
    }
    // Keys and signatures are read, which takes a while: not on a thread that serves others.
    let text = wanted.text;
    let (parsed, text) = tokio::task::spawn_blocking(move || (gate::parse(text.as_bytes()), text))
        .await
        .map_err(|error| bad_request(format!("policy: {error}")))?;
    let explanation = parsed.map_err(|problem| bad_request(format!("policy: {problem}")))?.explain();
    if wanted.dry_run == Some(true) {
        let digest = wharf_oci::Algorithm::Sha256.digest(text.as_bytes()).to_string();
        return json(&TrustPolicy { digest, host, text, explanation, set_time: None, username: None });
    }
    let policy = NewProjectPolicy { host, text: text.into() };
    let policy = call.catalog().set_project_policy(&call.caller, &project, policy).await?;
    tracing::info!(
        project.name = %project,
        policy.digest = %policy.digest,
        caller.name = %call.caller.name,
        "set the trust policy of {project}"
    );
    json(&TrustPolicy::new(policy, explanation))
}

pub(super) async fn remove(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    call.catalog().remove_project_policy(&call.caller, &project).await?;
    tracing::info!(project.name = %project, caller.name = %call.caller.name, "removed the trust policy of {project}");
    Ok(done())
}

/// Returns the name under which clients know this server.
fn own_host(call: &Call) -> Option<String> {
    if let Some(url) = &call.app.config.external_url {
        let (_, rest) = url.split_once("://")?;
        return rest.split('/').next().map(str::to_owned);
    }
    match call.parts.uri.authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => call.parts.headers.get(HOST)?.to_str().ok().map(str::to_owned),
    }
}

fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= 262 && text.bytes().all(allowed)
}
