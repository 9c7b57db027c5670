//! Trust policies of projects.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::params;
use wharf_access::{Action, Caller, Permission, Resource};
use wharf_oci::{Algorithm, Digest, RepositoryName};

use super::super::SqliteCatalog;
use super::super::access;
use super::super::content::papers;
use super::super::journal::{self, Note};
use super::super::tx::{Tx, parsed};
use crate::catalog::{
    AuditOperation, MAX_POLICY_BYTES, NewProjectPolicy, PaperState, Papers, Policies, ProjectPolicy,
};
use crate::{Error, Result};

const READ: Permission = Permission::new(Resource::Configuration, Action::Read);
const UPDATE: Permission = Permission::new(Resource::Configuration, Action::Update);

#[async_trait]
impl Policies for SqliteCatalog {
    async fn project_policy(&self, caller: &Caller, project: &str) -> Result<Option<ProjectPolicy>> {
        self.read(|tx| {
            let project = access::authorize_in_project(tx, caller, READ, project)?;
            of(tx, project.id)
        })
    }

    async fn set_project_policy(
        &self,
        caller: &Caller,
        project: &str,
        policy: NewProjectPolicy,
    ) -> Result<ProjectPolicy> {
        let (caller, project) = (caller.clone(), project.to_owned());
        self.write(move |tx| set(tx, &caller, &project, &policy)).await
    }

    async fn remove_project_policy(&self, caller: &Caller, project: &str) -> Result<()> {
        let (caller, project) = (caller.clone(), project.to_owned());
        self.write(move |tx| remove(tx, &caller, &project)).await
    }

    async fn is_gated(&self, project: &str) -> Result<bool> {
        self.read(|tx| Ok(access::project(tx, project)?.is_some_and(|project| project.gated)))
    }

    async fn paper_state(&self, repository: &RepositoryName, digest: &Digest) -> Result<PaperState> {
        self.read(|tx| papers::state(tx, repository, digest))
    }

    async fn papers(&self, repository: &RepositoryName, digest: &Digest) -> Result<Papers> {
        self.read(|tx| papers::papers(tx, repository, digest))
    }

    async fn indexes_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>> {
        self.read(|tx| papers::indexes_of(tx, repository, digest, limit))
    }

    async fn users_of_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<Digest>> {
        self.read(|tx| papers::users_of_blob(tx, repository, digest, limit))
    }
}

/// Returns the policy of a project.
pub(in crate::sqlite) fn of(tx: &Tx<'_>, project_id: i64) -> Result<Option<ProjectPolicy>> {
    tx.first(
        "SELECT digest, host, text, set_at, set_by FROM project_policies WHERE project_id = ?1",
        [project_id],
        |row| {
            Ok(ProjectPolicy {
                digest: parsed(row, 0)?,
                host: row.get(1)?,
                text: Bytes::from(row.get::<_, Vec<u8>>(2)?),
                set_at: row.get(3)?,
                set_by: row.get(4)?,
            })
        },
    )
}

/// Returns the digest and the host of the policy of a project.
pub(in crate::sqlite) fn name(tx: &Tx<'_>, project_id: i64) -> Result<Option<(Digest, String)>> {
    tx.first("SELECT digest, host FROM project_policies WHERE project_id = ?1", [project_id], |row| {
        Ok((parsed(row, 0)?, row.get(1)?))
    })
}

fn set(tx: &Tx<'_>, caller: &Caller, project: &str, new: &NewProjectPolicy) -> Result<ProjectPolicy> {
    let project = access::authorize_in_project(tx, caller, UPDATE, project)?;
    if new.text.len() > MAX_POLICY_BYTES {
        return Err(Error::Invalid {
            what: "policy",
            problem: format!("it has {} bytes, at most {MAX_POLICY_BYTES} are kept", new.text.len()),
        });
    }
    let before = name(tx, project.id)?;
    let policy = ProjectPolicy {
        digest: Algorithm::Sha256.digest(&new.text),
        host: new.host.clone(),
        text: new.text.clone(),
        set_at: tx.now(),
        set_by: caller.name.clone(),
    };
    tx.run(
        "INSERT INTO project_policies (project_id, digest, host, text, set_at, set_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (project_id) DO UPDATE SET digest = excluded.digest,
             host = excluded.host, text = excluded.text, set_at = excluded.set_at, set_by = excluded.set_by",
        params![
            project.id,
            policy.digest.as_str(),
            policy.host,
            policy.text.as_ref(),
            policy.set_at,
            policy.set_by
        ],
    )?;
    mark(tx, project.id, Some(&policy.digest))?;
    let detail = match before {
        Some((before, _)) => format!("set for {}, in place of {before}", policy.host),
        None => format!("set for {}", policy.host),
    };
    note(tx, caller, &project.name, &policy.digest, detail)?;
    Ok(policy)
}

fn remove(tx: &Tx<'_>, caller: &Caller, project: &str) -> Result<()> {
    let project = access::authorize_in_project(tx, caller, UPDATE, project)?;
    let (digest, _) = name(tx, project.id)?.ok_or_else(|| Error::not_found("policy", &project.name))?;
    tx.run("DELETE FROM project_policies WHERE project_id = ?1", [project.id])?;
    mark(tx, project.id, None)?;
    note(tx, caller, &project.name, &digest, "removed".to_owned())
}

/// Notes in the project's own row whether it has a policy.
fn mark(tx: &Tx<'_>, project_id: i64, digest: Option<&Digest>) -> Result<()> {
    tx.run(
        "UPDATE projects SET policy_digest = ?2, updated_at = ?3 WHERE id = ?1",
        params![project_id, digest.map(Digest::as_str), tx.now()],
    )?;
    Ok(())
}

fn note(tx: &Tx<'_>, caller: &Caller, project: &str, digest: &Digest, detail: String) -> Result<()> {
    journal::note(
        tx,
        caller,
        Note {
            operation: AuditOperation::UpdatePolicy,
            project: Some(project),
            resource: project,
            digest: Some(digest),
            detail: Some(detail),
        },
    )
}
