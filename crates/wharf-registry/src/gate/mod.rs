//! The pull gate: what a project's trust policy does not allow is not handed out.
//!
//! The catalog says whether the policy has to be asked at all ([`wharf_storage::catalog::Gate`]): not where a project has
//! none, and not for callers who may push to the repository, as what is not approved yet must be read to be signed. Else
//! [`Gate::admit`] answers for a manifest and [`Gate::admit_blob`] for a blob. ADR 13 tells the rules and their reasons.

mod judge;
mod refusal;
mod shape;
mod stored;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use quick_cache::sync::Cache;
use wharf_access::Caller;
use wharf_oci::{Descriptor, Digest, Manifest, ManifestKind, Reference, RepositoryName};
use wharf_storage::catalog::{BlobPlace, Gate as Asked, ManifestRecord};
use wharf_trust::policy::Verdict;

use self::judge::{Judge, Judged};
use crate::App;
use crate::error::Error;

pub(crate) use judge::parse;
pub(crate) use refusal::{Refusal, header, warning};

/// How far indexes in indexes, and papers of papers, are followed.
const DEPTH: usize = 4;
/// How many indexes that list one manifest are looked at.
const INDEXES: usize = 32;
/// How many manifests that use one blob are looked at: in what is remembered, and anew.
const USERS: usize = 500;
const USERS_ANEW: usize = 32;
/// How large what claims to be a signature may be to be read, in bytes: one of its blobs, and all.
const PAPER_BYTES: u64 = 32 << 20;
const PAPERS_BYTES: u64 = 64 << 20;
/// Manifests of which it is remembered whether they are signatures. They never change.
const SHAPES: usize = 8192;

/// Why something was let through.
#[derive(Clone, Debug)]
pub(crate) enum Admission {
    /// The project has no policy.
    Open,
    /// The caller may push there.
    MayPush,
    /// The policy allows it, perhaps with a warning.
    Allowed(Arc<Judged>),
    /// An index that the policy allows lists it.
    Listed { index: Digest, judged: Arc<Judged> },
    /// It is a signature or an attestation, without which nothing could be verified.
    Signature,
    /// It hangs on something that the policy allows, and cannot be run.
    Attached { subject: Digest, judged: Arc<Judged> },
    /// It lists what is attached to something, where there is no API for it.
    List,
}

impl Admission {
    /// Returns the word for it in metrics.
    fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::MayPush => "may-push",
            Self::Allowed(judged) if judged.decision.verdict == Verdict::Warn => "warn",
            Self::Allowed(_) => "allow",
            Self::Listed { .. } => "listed",
            Self::Signature => "signature",
            Self::Attached { .. } => "attached",
            Self::List => "list",
        }
    }

    /// Returns what the audit log says of it; nothing where the project has no policy.
    pub(crate) fn note(&self) -> Option<String> {
        let by = |judged: &Judged| {
            let rule = judged.decision.rule.as_deref();
            let rule = rule.map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
            format!("{} by {rule} of policy {}", judged.decision.verdict, judged.policy)
        };
        Some(match self {
            Self::Open => return None,
            Self::MayPush => "policy not asked: may push".to_owned(),
            Self::Allowed(judged) => by(judged),
            Self::Listed { index, judged } => format!("listed in {index}: {}", by(judged)),
            Self::Signature => "policy not asked: a signature or attestation".to_owned(),
            Self::Attached { subject, judged } => format!("attached to {subject}: {}", by(judged)),
            Self::List => "policy not asked: a list of referrers".to_owned(),
        })
    }

    /// Returns the decision behind it.
    pub(crate) fn judged(&self) -> Option<&Judged> {
        match self {
            Self::Allowed(judged) | Self::Listed { judged, .. } | Self::Attached { judged, .. } => {
                Some(judged)
            }
            Self::Open | Self::MayPush | Self::Signature | Self::List => None,
        }
    }
}

/// The gate of a server. What it remembers only spares work: each answer is checked against the catalog.
pub(crate) struct Gate {
    judge: Judge,
    signatures: Cache<Digest, bool>,
}

/// A question to the gate.
#[derive(Clone, Copy)]
struct Ask<'a> {
    app: &'a App,
    repository: &'a RepositoryName,
}

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl Gate {
    pub(crate) fn new() -> Self {
        Self { judge: Judge::new(), signatures: Cache::new(SHAPES) }
    }

    /// Returns why a caller may have a manifest that was found, and notes a refusal.
    ///
    /// # Errors
    /// [`Error::Refused`] with what the policy says.
    pub(crate) async fn admit(
        &self,
        app: &App,
        caller: &Caller,
        repository: &RepositoryName,
        reference: &Reference,
        record: &ManifestRecord,
    ) -> Result<Admission, Error> {
        let answer = match record.gate {
            Asked::Open => return Ok(Admission::Open),
            Asked::Passed => Ok(Admission::MayPush),
            Asked::Shut => self.ask(Ask { app, repository }, reference, record).await?,
        };
        match answer {
            Ok(admission) => {
                app.metrics.gate.passed(admission.word());
                Ok(admission)
            }
            Err(judged) => {
                let refusal = Refusal::of_manifest(repository, reference, &record.digest, judged);
                Err(refuse(app, caller, repository, refusal))
            }
        }
    }

    /// Returns by which policy a caller may have a blob that was found: some manifest that uses it may be had. `None` where
    /// no policy was asked.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub(crate) async fn admit_blob(
        &self,
        app: &App,
        caller: &Caller,
        repository: &RepositoryName,
        digest: &Digest,
        gate: Asked,
    ) -> Result<Option<Digest>, Error> {
        if gate != Asked::Shut {
            return Ok(None);
        }
        let users = app.catalog.users_of_blob(repository, digest, USERS).await?;
        // Whoever pulls asks for the manifest first, so that the answer is most often remembered.
        for user in &users {
            if let Some(policy) = self.judge.known_good(app, repository, user).await? {
                return Ok(Some(policy));
            }
        }
        let mut last = None;
        for user in users.iter().take(USERS_ANEW) {
            let reference = Reference::Digest(user.clone());
            let record = match app.catalog.manifest(&Caller::system(), repository, &reference).await {
                Ok(record) => record,
                Err(wharf_storage::Error::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            match self.ask(Ask { app, repository }, &reference, &record).await? {
                Ok(admission) => match admission.judged() {
                    Some(judged) => return Ok(Some(judged.policy.clone())),
                    // By any policy that the project may have.
                    None => {
                        let state = app.catalog.paper_state(repository, user).await?;
                        return Ok(state.policy.map(|(digest, _)| digest));
                    }
                },
                Err(judged) => last = last.or(Some(judged)),
            }
        }
        let refusal = Refusal::of_blob(repository, digest, last);
        Err(refuse(app, caller, repository, refusal))
    }

    /// Asks about a manifest; the inner error is the refusal.
    async fn ask(
        &self,
        ask: Ask<'_>,
        reference: &Reference,
        record: &ManifestRecord,
    ) -> Result<Result<Admission, Arc<Judged>>, Error> {
        let manifest = Manifest::parse(&record.content, Some(&record.media_type))?;
        if shape::claims_to_be_signature(&manifest)
            && self.is_signature(ask, &record.digest, &manifest).await?
        {
            return Ok(Ok(Admission::Signature));
        }
        let pinned = reference.digest().is_some();
        let judged = match self.good(ask, record.digest.clone(), pinned, DEPTH).await? {
            Ok(admission) => return Ok(Ok(admission)),
            Err(judged) => judged,
        };
        // By a tag of its own, something attached is content like any other: it could be a tag that somebody follows.
        let named = reference.tag().map(shape::named_after);
        if named.as_ref().is_some_and(Option::is_none) {
            return Ok(Err(judged));
        }
        if manifest.kind == ManifestKind::Index {
            let lists = match &named {
                Some(named) => named.as_ref().is_some_and(|(_, end)| end.is_none()),
                None => {
                    self.tags_named_after(ask, &record.digest).await?.iter().any(|(_, end)| end.is_none())
                }
            };
            return Ok(if lists { Ok(Admission::List) } else { Err(judged) });
        }
        match self.attached(ask, &record.digest, &manifest, DEPTH).await? {
            Some(admission) => Ok(Ok(admission)),
            None => Ok(Err(judged)),
        }
    }

    /// Whether the policy allows a manifest, or an index that lists it.
    fn good<'a>(
        &'a self,
        ask: Ask<'a>,
        digest: Digest,
        pinned: bool,
        depth: usize,
    ) -> Later<'a, Result<Admission, Arc<Judged>>> {
        Box::pin(async move {
            let Some(judged) = self.judge.judge(ask.app, ask.repository, &digest, pinned).await? else {
                return self.without_policy(ask).await;
            };
            if judged.decision.is_allowed() {
                return Ok(Ok(Admission::Allowed(judged)));
            }
            if depth == 0 {
                return Ok(Err(judged));
            }
            for index in ask.app.catalog.indexes_of(ask.repository, &digest, INDEXES).await? {
                let above = self.good(ask, index.clone(), true, depth - 1).await?;
                if let Ok(Admission::Allowed(judged) | Admission::Listed { judged, .. }) = above {
                    return Ok(Ok(Admission::Listed { index, judged }));
                }
            }
            Ok(Err(judged))
        })
    }

    /// The policy was there a moment ago and is not now: somebody removed it, or the catalog contradicts itself.
    async fn without_policy(&self, ask: Ask<'_>) -> Result<Result<Admission, Arc<Judged>>, Error> {
        let project = ask.repository.project();
        let gated = ask.app.catalog.is_gated(project).await?;
        if gated {
            let text =
                format!("project {project} is marked with a policy that is not there; set one, or remove it");
            return Err(wharf_storage::Error::Damaged(text).into());
        }
        Ok(Ok(Admission::Open))
    }

    /// Whether something that cannot be run hangs on something that the policy allows.
    fn attached<'a>(
        &'a self,
        ask: Ask<'a>,
        digest: &'a Digest,
        manifest: &'a Manifest,
        depth: usize,
    ) -> Later<'a, Option<Admission>> {
        Box::pin(async move {
            if depth == 0 || !shape::is_inert(manifest) {
                return Ok(None);
            }
            let mut subjects: Vec<Digest> =
                manifest.subject.iter().map(|named| named.digest.clone()).collect();
            subjects
                .extend(self.tags_named_after(ask, digest).await?.into_iter().map(|(subject, _)| subject));
            for subject in subjects {
                let reference = Reference::Digest(subject.clone());
                let found = ask.app.catalog.manifest(&Caller::system(), ask.repository, &reference).await;
                let record = match found {
                    Ok(record) => record,
                    Err(wharf_storage::Error::NotFound { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                match self.good(ask, subject.clone(), true, DEPTH).await? {
                    Ok(Admission::Allowed(judged) | Admission::Listed { judged, .. }) => {
                        return Ok(Some(Admission::Attached { subject, judged }));
                    }
                    Ok(_) => continue,
                    Err(_) => {}
                }
                let above = Manifest::parse(&record.content, Some(&record.media_type))?;
                if let Some(Admission::Attached { judged, .. }) =
                    self.attached(ask, &subject, &above, depth - 1).await?
                {
                    return Ok(Some(Admission::Attached { subject, judged }));
                }
            }
            Ok(None)
        })
    }

    /// Returns what the tags on a manifest are named after, as far as they are named after digests.
    async fn tags_named_after(
        &self,
        ask: Ask<'_>,
        digest: &Digest,
    ) -> Result<Vec<(Digest, Option<String>)>, Error> {
        let reference = Reference::Digest(digest.clone());
        let artifact = ask.app.catalog.artifact(&Caller::system(), ask.repository, &reference).await?;
        let named = artifact.tags.iter().filter_map(|tag| shape::named_after(&tag.name));
        Ok(named.map(|(digest, end)| (digest, end.map(str::to_owned))).collect())
    }

    /// Whether what claims to be signatures is: config and layers are JSON, which nothing unpacks or runs.
    async fn is_signature(&self, ask: Ask<'_>, digest: &Digest, manifest: &Manifest) -> Result<bool, Error> {
        if let Some(known) = self.signatures.get(digest) {
            return Ok(known);
        }
        let mut left_bytes = PAPERS_BYTES;
        for blob in manifest.blobs() {
            if blob.size > left_bytes.min(PAPER_BYTES) {
                return Ok(false);
            }
            left_bytes -= blob.size;
            match read(ask, blob).await? {
                None => return Ok(false),
                Some(bytes) if shape::reads_as_signature(&bytes) => {}
                Some(_) => {
                    self.signatures.insert(digest.clone(), false);
                    return Ok(false);
                }
            }
        }
        self.signatures.insert(digest.clone(), true);
        Ok(true)
    }
}

/// Returns the bytes of a blob of the repository, or `None` when they are not there.
async fn read(ask: Ask<'_>, blob: &Descriptor) -> Result<Option<Vec<u8>>, Error> {
    let record = match ask.app.catalog.blob(&Caller::system(), ask.repository, &blob.digest).await {
        Ok(record) if record.size == blob.size => record,
        Ok(_) | Err(wharf_storage::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = match record.place {
        BlobPlace::Inline(bytes) => return Ok(Some(bytes.to_vec())),
        BlobPlace::Stored(key) => key,
    };
    let mut stream = match ask.app.blobs.read(&key, 0, record.size).await {
        Ok(stream) => stream,
        Err(wharf_storage::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| wharf_storage::Error::io("reading a paper", error))?);
    }
    Ok(Some(bytes))
}

fn refuse(app: &App, caller: &Caller, repository: &RepositoryName, refusal: Refusal) -> Error {
    app.metrics.gate.refused();
    app.audit.refused_by_policy(caller, repository, &refusal);
    Error::Refused(Box::new(refusal))
}
