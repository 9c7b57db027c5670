//! Projects, members, repositories and artifacts on SQLite.

mod artifacts;
mod members;
pub(super) mod policies;
mod projects;
mod repositories;
mod tags;

use async_trait::async_trait;
use wharf_access::{Caller, Role};
use wharf_oci::{Reference, RepositoryName, Tag};

use super::SqliteCatalog;
use super::content::removal;
use super::content::repositories::RepositoryRow;
use crate::Result;
use crate::catalog::{
    ArtifactFilter, ArtifactRecord, Listed, Management, MemberRecord, NewProject, Project, ProjectFilter,
    ProjectUpdate, RepositoryRecord, Slice, Statistics, StorageUse, TagHistoryEntry, TagRecord, TextFilter,
};

#[async_trait]
impl Management for SqliteCatalog {
    async fn create_project(
        &self,
        caller: &Caller,
        project: NewProject,
        allow_users: bool,
    ) -> Result<Project> {
        let caller = caller.clone();
        self.write(move |tx| projects::create(tx, &caller, &project, allow_users)).await
    }

    async fn project(&self, caller: &Caller, name: &str) -> Result<Project> {
        self.read(|tx| projects::find(tx, caller, name))
    }

    async fn project_name(&self, caller: &Caller, id: i64) -> Result<String> {
        self.read(|tx| projects::name(tx, caller, id))
    }

    async fn projects(
        &self,
        caller: &Caller,
        filter: &ProjectFilter,
        slice: &Slice,
    ) -> Result<Listed<Project>> {
        self.read(|tx| projects::list(tx, caller, filter, slice))
    }

    async fn update_project(&self, caller: &Caller, name: &str, update: ProjectUpdate) -> Result<Project> {
        let (caller, name) = (caller.clone(), name.to_owned());
        self.write(move |tx| projects::update(tx, &caller, &name, &update)).await
    }

    async fn delete_project(&self, caller: &Caller, name: &str) -> Result<()> {
        let (caller, name) = (caller.clone(), name.to_owned());
        loop {
            let (caller, name) = (caller.clone(), name.clone());
            match self.write(move |tx| projects::delete(tx, &caller, &name)).await? {
                Some(repository) => self.finish_removal(repository).await?,
                None => return Ok(()),
            }
        }
    }

    async fn add_member(
        &self,
        caller: &Caller,
        project: &str,
        user: &str,
        role: Role,
    ) -> Result<MemberRecord> {
        let (caller, project, user) = (caller.clone(), project.to_owned(), user.to_owned());
        self.write(move |tx| members::add(tx, &caller, &project, &user, role)).await
    }

    async fn member(&self, caller: &Caller, project: &str, id: i64) -> Result<MemberRecord> {
        self.read(|tx| members::find(tx, caller, project, id))
    }

    async fn members(
        &self,
        caller: &Caller,
        project: &str,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<MemberRecord>> {
        self.read(|tx| members::list(tx, caller, project, name, slice))
    }

    async fn update_member(
        &self,
        caller: &Caller,
        project: &str,
        id: i64,
        role: Role,
    ) -> Result<MemberRecord> {
        let (caller, project) = (caller.clone(), project.to_owned());
        self.write(move |tx| members::update(tx, &caller, &project, id, role)).await
    }

    async fn delete_member(&self, caller: &Caller, project: &str, id: i64) -> Result<()> {
        let (caller, project) = (caller.clone(), project.to_owned());
        self.write(move |tx| members::delete(tx, &caller, &project, id)).await
    }

    async fn project_repositories(
        &self,
        caller: &Caller,
        project: &str,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<RepositoryRecord>> {
        self.read(|tx| repositories::list(tx, caller, project, name, slice))
    }

    async fn repository(&self, caller: &Caller, name: &RepositoryName) -> Result<RepositoryRecord> {
        self.read(|tx| repositories::find(tx, caller, name))
    }

    async fn describe_repository(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        description: &str,
    ) -> Result<()> {
        let (caller, name, description) = (caller.clone(), name.clone(), description.to_owned());
        self.write(move |tx| repositories::describe(tx, &caller, &name, &description)).await
    }

    async fn delete_repository(&self, caller: &Caller, name: &RepositoryName) -> Result<()> {
        let (caller, name) = (caller.clone(), name.clone());
        let repository = self.write(move |tx| repositories::delete(tx, &caller, &name)).await?;
        self.finish_removal(repository).await
    }

    async fn artifacts(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        filter: &ArtifactFilter,
        slice: &Slice,
    ) -> Result<Listed<ArtifactRecord>> {
        self.read(|tx| artifacts::list(tx, caller, repository, filter, slice))
    }

    async fn artifact(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ArtifactRecord> {
        self.read(|tx| artifacts::find(tx, caller, repository, reference))
    }

    async fn create_tag(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
        tag: &Tag,
    ) -> Result<()> {
        let (caller, repository, reference, tag) =
            (caller.clone(), repository.clone(), reference.clone(), tag.clone());
        self.write(move |tx| tags::create(tx, &caller, &repository, &reference, &tag)).await
    }

    async fn tag_records(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        reference: Option<&Reference>,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<TagRecord>> {
        self.read(|tx| tags::list(tx, caller, repository, reference, name, slice))
    }

    async fn tag_history(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
        tag: &Tag,
        limit: usize,
    ) -> Result<Vec<TagHistoryEntry>> {
        self.read(|tx| tags::history(tx, caller, repository, tag, limit))
    }

    async fn statistics(&self, caller: &Caller) -> Result<Statistics> {
        self.read(|tx| projects::statistics(tx, caller))
    }

    async fn storage_use(&self) -> Result<StorageUse> {
        self.read(repositories::storage_use)
    }
}

impl SqliteCatalog {
    /// Removes what a hidden repository holds, and last the repository; other writes come in between.
    async fn finish_removal(&self, repository: RepositoryRow) -> Result<()> {
        while self.write(move |tx| removal::step(tx, repository, removal::STEP)).await? > 0 {}
        Ok(())
    }
}
