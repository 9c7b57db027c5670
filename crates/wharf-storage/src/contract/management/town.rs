//! A catalog with people and two projects, and the words the cases are told in.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use wharf_access::{Action, Caller, Denied, Principal, RepositoryPattern, Resource, RobotGrant, Role};
use wharf_oci::{Algorithm, Descriptor, Digest, Manifest, Reference, RepositoryName, Tag, media_type};

use super::super::{CatalogPlace, TestClock};
use crate::catalog::{
    ArtifactFilter, BlobPlace, Collection, NewBlob, NewManifest, NewProject, NewRobot, NewUser, Page, Robot,
    Slice,
};
use crate::{Catalog, Error, Result};

/// A hash such as a robot's secret has.
pub(super) const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Another one.
pub(super) const OTHER_HASH: &str = "ffffffffffffffff0123456789abcdef0123456789abcdef0123456789abcdef";

/// A catalog with the private projects `shop` and `bank` and the public project `open`.
pub(super) struct Town<C> {
    pub(super) catalog: C,
    now_millis: Arc<AtomicI64>,
}

impl<C: Catalog> Town<C> {
    pub(super) async fn open<P: CatalogPlace<Catalog = C>>(place: &P) -> Self {
        let now_millis = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock: TestClock = {
            let now_millis = Arc::clone(&now_millis);
            Arc::new(move || now_millis.load(Ordering::SeqCst))
        };
        let town = Self { catalog: place.open(clock).await, now_millis };
        for (name, public) in [("shop", false), ("bank", false), ("open", true)] {
            town.project(name, public).await;
        }
        town
    }

    pub(super) fn now(&self) -> i64 {
        self.now_millis.load(Ordering::SeqCst) / 1000
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.now_millis.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(super) async fn project(&self, name: &str, public: bool) {
        let project = NewProject { name: name.to_owned(), public, quota_bytes: None };
        self.catalog.create_project(&Caller::system(), project, false).await.unwrap();
    }

    /// Makes a user without any role.
    pub(super) async fn user(&self, name: &str) -> Caller {
        let user = self.catalog.create_user(&Caller::system(), new_user(name)).await.unwrap();
        Caller::named(Principal::User(user.id), name)
    }

    /// Makes a user with a role in a project.
    pub(super) async fn member(&self, name: &str, project: &str, role: Role) -> Caller {
        let user = self.user(name).await;
        self.catalog.add_member(&Caller::system(), project, name, role).await.unwrap();
        user
    }

    /// Makes a system administrator.
    pub(super) async fn admin(&self, name: &str) -> Caller {
        let user = NewUser { admin: true, ..new_user(name) };
        let user = self.catalog.create_user(&Caller::system(), user).await.unwrap();
        Caller::named(Principal::User(user.id), name)
    }

    /// Makes a robot of a project (`None`: of the system) with these grants.
    pub(super) async fn robot(
        &self,
        project: Option<&str>,
        name: &str,
        grants: Vec<RobotGrant>,
    ) -> (Caller, Robot) {
        let robot = new_robot(project, name, grants);
        let robot = self.catalog.create_robot(&Caller::system(), robot).await.unwrap();
        (Caller::named(Principal::Robot(robot.id), robot.name.clone()), robot)
    }

    /// Pushes a manifest made of one layer with `content`, and returns its digest.
    pub(super) async fn push(&self, repository: &str, content: &str, tags: &[&str]) -> Digest {
        let layer = self.blob(repository, content).await;
        let document = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": "example/thing",
            "config": layer, "layers": [layer], "annotations": { "made of": content },
        });
        self.put(repository, &document, tags).await
    }

    /// Pushes a manifest without blobs of its own.
    pub(super) async fn put(&self, repository: &str, document: &serde_json::Value, tags: &[&str]) -> Digest {
        let content = Bytes::from(document.to_string());
        let digest = Algorithm::Sha256.digest(&content);
        let new = NewManifest {
            digest: digest.clone(),
            manifest: Manifest::parse(&content, None).unwrap(),
            content,
            tags: tags.iter().map(|text| tag(text)).collect(),
            condition: None,
            force_reason: None,
            accept_missing_blobs: false,
        };
        self.catalog.put_manifest(&Caller::system(), &name(repository), new).await.unwrap();
        digest
    }

    async fn blob(&self, repository: &str, content: &str) -> Descriptor {
        let bytes = Bytes::from(content.to_owned());
        let digest = Algorithm::Sha256.digest(&bytes);
        let size = bytes.len() as u64;
        let blob = NewBlob { digest: digest.clone(), size, place: BlobPlace::Inline(bytes) };
        self.catalog.commit_blob(&Caller::system(), &name(repository), blob).await.unwrap();
        Descriptor::new("application/vnd.example.layer", digest, size)
    }

    /// Asserts that counters agree with the rows they are computed from.
    pub(super) async fn agrees(&self) {
        assert_eq!(Collection::check_counters(&self.catalog, false).await.unwrap(), Vec::<String>::new());
    }
}

pub(super) fn new_user(name: &str) -> NewUser {
    NewUser { name: name.to_owned(), password_hash: "hash".to_owned(), ..NewUser::default() }
}

pub(super) fn new_robot(project: Option<&str>, name: &str, grants: Vec<RobotGrant>) -> NewRobot {
    NewRobot {
        name: name.to_owned(),
        project: project.map(str::to_owned),
        grants,
        secret_hash: HASH.to_owned(),
        ..NewRobot::default()
    }
}

pub(super) fn grant(project: &str, repositories: &str, access: &[(Resource, Action)]) -> RobotGrant {
    RobotGrant {
        project: project.to_owned(),
        repositories: RepositoryPattern::new(repositories),
        access: access.to_vec(),
    }
}

pub(super) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(super) fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

pub(super) fn first(limit: usize) -> Slice {
    Slice { limit, ..Slice::default() }
}

pub(super) fn newest(limit: usize) -> Page {
    Page { after: None, limit }
}

pub(super) fn everything(all: bool) -> ArtifactFilter {
    ArtifactFilter { all, ..ArtifactFilter::default() }
}

pub(super) fn after(last: impl ToString, limit: usize) -> Page {
    Page { after: Some(last.to_string()), limit }
}

/// What a caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Done, or refused for a reason other than access.
    Allowed,
    Hidden,
    Forbidden,
}

pub(super) fn told<T>(result: Result<T>) -> Told {
    match result {
        Ok(_) | Err(Error::NotFound { .. } | Error::Conflict { .. } | Error::Invalid { .. }) => Told::Allowed,
        Err(Error::Denied(Denied::Hidden)) => Told::Hidden,
        Err(Error::Denied(Denied::Forbidden)) => Told::Forbidden,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
pub(super) fn assert_forbidden<T>(result: Result<T>) {
    assert_eq!(told(result), Told::Forbidden);
}

#[track_caller]
pub(super) fn assert_hidden<T>(result: Result<T>) {
    assert_eq!(told(result), Told::Hidden);
}

#[track_caller]
pub(super) fn assert_absent<T>(result: Result<T>, what: &str) {
    match result {
        Err(Error::NotFound { what: found, .. }) => assert_eq!(found, what),
        other => panic!("the {what} is absent, got {:?}", other.err()),
    }
}

#[track_caller]
pub(super) fn assert_conflict<T>(result: Result<T>, problem: &str) {
    match result {
        Err(error @ Error::Conflict { .. }) => assert!(error.to_string().contains(problem), "{error}"),
        other => panic!("a conflict: {problem}, got {:?}", other.err()),
    }
}

#[track_caller]
pub(super) fn assert_invalid<T>(result: Result<T>, problem: &str) {
    match result {
        Err(error @ Error::Invalid { .. }) => assert!(error.to_string().contains(problem), "{error}"),
        other => panic!("invalid: {problem}, got {:?}", other.err()),
    }
}

pub(super) fn listed(child: &Digest) -> Descriptor {
    Descriptor::new(media_type::OCI_MANIFEST, child.clone(), 1)
}
