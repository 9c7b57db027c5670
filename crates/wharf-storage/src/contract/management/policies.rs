//! Trust policies of projects, and what a decision by them rests on.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use bytes::Bytes;
use wharf_access::{Action, Caller, Resource, Role};
use wharf_oci::distribution::Scope;
use wharf_oci::{Algorithm, Digest, Reference, media_type};

use super::town::*;
use crate::Catalog;
use crate::catalog::{
    AuditFilter, AuditOperation, BlobPlace, Gate, MAX_POLICY_BYTES, NewBlob, NewProjectPolicy, PaperState,
};

const TEXT: &str = "version: 1\ndefault: deny\nrules: []\n";

fn policy(text: &str) -> NewProjectPolicy {
    NewProjectPolicy { host: "registry.example".to_owned(), text: Bytes::from(text.to_owned()) }
}

async fn gate(town: &Town<impl Catalog>, caller: &Caller, repository: &str) -> Gate {
    let record = town.catalog.manifest(caller, &name(repository), &by_tag("1.0")).await.unwrap();
    let blob = Algorithm::Sha256.digest(b"content");
    let blob = town.catalog.blob(caller, &name(repository), &blob).await.unwrap();
    assert_eq!(record.gate, blob.gate, "{} in {repository}", caller.name);
    record.gate
}

pub(super) async fn a_policy_is_kept_as_it_came_and_every_change_is_noted(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let pia = town.member("pia", "shop", Role::ProjectAdmin).await;
    assert_eq!(catalog.project_policy(&pia, "shop").await.unwrap(), None);
    assert_absent(catalog.remove_project_policy(&pia, "shop").await, "policy");
    let set = catalog.set_project_policy(&pia, "shop", policy(TEXT)).await.unwrap();
    assert_eq!(
        (&set.text, set.host.as_str(), set.set_by.as_str(), set.set_at),
        (&Bytes::from(TEXT), "registry.example", "pia", town.now())
    );
    assert_eq!(set.digest, Algorithm::Sha256.digest(TEXT.as_bytes()));
    assert_eq!(catalog.project_policy(&pia, "shop").await.unwrap(), Some(set.clone()));
    assert!(catalog.is_gated("shop").await.unwrap() && !catalog.is_gated("bank").await.unwrap());

    town.pass(9);
    let long = "x".repeat(MAX_POLICY_BYTES + 1);
    assert_invalid(catalog.set_project_policy(&pia, "shop", policy(&long)).await, "policy");
    assert_eq!(catalog.project_policy(&pia, "shop").await.unwrap(), Some(set.clone()));
    let other = catalog.set_project_policy(&pia, "shop", policy("other")).await.unwrap();
    town.agrees().await;
    catalog.remove_project_policy(&pia, "shop").await.unwrap();
    assert!(!catalog.is_gated("shop").await.unwrap());
    town.agrees().await;

    let filter = AuditFilter { operation: Some(AuditOperation::UpdatePolicy), ..AuditFilter::default() };
    let noted = catalog.audit_entries(&Caller::system(), &filter, newest(9)).await.unwrap();
    let noted: Vec<_> = noted
        .iter()
        .map(|noted| {
            (
                noted.entry.actor.as_str(),
                noted.entry.digest.clone().unwrap(),
                noted.entry.detail.clone().unwrap(),
            )
        })
        .collect();
    let in_place = format!("set for registry.example, in place of {}", set.digest);
    assert_eq!(
        noted,
        [
            ("pia", other.digest.to_string(), "removed".to_owned()),
            ("pia", other.digest.to_string(), in_place),
            ("pia", set.digest.to_string(), "set for registry.example".to_owned()),
        ]
    );
}

pub(super) async fn a_policy_goes_with_its_project(town: &Town<impl Catalog>) {
    let (catalog, system) = (&town.catalog, Caller::system());
    catalog.set_project_policy(&system, "bank", policy(TEXT)).await.unwrap();
    catalog.delete_project(&system, "bank").await.unwrap();
    town.project("bank", false).await;
    assert_eq!(catalog.project_policy(&system, "bank").await.unwrap(), None);
    assert!(!catalog.is_gated("bank").await.unwrap());
    town.agrees().await;
}

pub(super) async fn content_under_a_policy_is_judged_but_for_those_who_may_push(town: &Town<impl Catalog>) {
    let (catalog, system) = (&town.catalog, Caller::system());
    for repository in ["shop/web", "open/web", "bank/web"] {
        town.push(repository, "content", &["1.0"]).await;
    }
    let guest = town.member("gina", "shop", Role::Guest).await;
    let developer = town.member("dana", "shop", Role::Developer).await;
    let pull = (Resource::Repository, Action::Pull);
    let push = (Resource::Repository, Action::Push);
    let (puller, _) = town.robot(Some("shop"), "pull", vec![grant("shop", "**", &[pull])]).await;
    let (pusher, _) = town.robot(Some("shop"), "push", vec![grant("shop", "**", &[pull, push])]).await;
    let (elsewhere, _) = town
        .robot(Some("shop"), "half", vec![grant("shop", "**", &[pull]), grant("shop", "other/**", &[push])])
        .await;
    let narrowed = |caller: &Caller, actions: &[&str]| {
        let scope = Scope::repository("shop/web", actions.iter().copied());
        Caller { token_scopes: Some(vec![scope]), ..caller.clone() }
    };
    for caller in [&guest, &developer, &puller, &pusher] {
        assert_eq!(gate(town, caller, "shop/web").await, Gate::Open);
    }
    catalog.set_project_policy(&system, "shop", policy(TEXT)).await.unwrap();
    for (caller, expected) in [
        (guest.clone(), Gate::Shut),
        (puller, Gate::Shut),
        (elsewhere, Gate::Shut),
        (developer.clone(), Gate::Passed),
        (pusher, Gate::Passed),
        // Who signs reads with a token to pull.
        (narrowed(&developer, &["pull"]), Gate::Passed),
        // And a token never widens what its account may.
        (narrowed(&guest, &["pull", "push"]), Gate::Shut),
        (system.clone(), Gate::Passed),
    ] {
        assert_eq!(gate(town, &caller, "shop/web").await, expected, "{}", caller.name);
    }
    // A public project is shut for everyone else.
    assert_eq!(gate(town, &Caller::anonymous(), "open/web").await, Gate::Open);
    catalog.set_project_policy(&system, "open", policy(TEXT)).await.unwrap();
    assert_eq!(gate(town, &Caller::anonymous(), "open/web").await, Gate::Shut);
    assert_eq!(gate(town, &system, "bank/web").await, Gate::Open, "another project is as it was");
    catalog.remove_project_policy(&system, "shop").await.unwrap();
    assert_eq!(gate(town, &guest, "shop/web").await, Gate::Open);
}

pub(super) async fn a_mount_does_not_lead_around_the_gate(town: &Town<impl Catalog>) {
    let (catalog, system) = (&town.catalog, Caller::system());
    town.push("shop/web", "content", &["1.0"]).await;
    let blob = Algorithm::Sha256.digest(b"content");
    let gina = town.member("gina", "shop", Role::Guest).await;
    catalog.add_member(&system, "bank", "gina", Role::Developer).await.unwrap();
    let set = catalog.set_project_policy(&system, "shop", policy(TEXT)).await.unwrap();
    let (from, to) = (name("shop/web"), name("bank/copy"));
    for source in [Some(&from), None] {
        assert!(!catalog.mount_blob(&gina, source, &to, &blob).await.unwrap());
        assert_eq!(catalog.mount_source(&gina, source, &to, &blob).await.unwrap(), None);
    }
    let other = Algorithm::Sha256.digest(b"another policy");
    assert!(!catalog.mount_past_gate(&gina, &from, &to, &blob, &other).await.unwrap());
    assert_absent(catalog.blob(&gina, &to, &blob).await, "repository");
    // Let through by the very policy that holds.
    assert!(catalog.mount_past_gate(&gina, &from, &to, &blob, &set.digest).await.unwrap());
    catalog.blob(&gina, &to, &blob).await.unwrap();
    let otto = town.user("otto").await;
    catalog.add_member(&system, "bank", "otto", Role::Developer).await.unwrap();
    assert!(!catalog.mount_past_gate(&otto, &from, &to, &blob, &set.digest).await.unwrap());
    // Whoever may push there may take it along.
    let dana = town.member("dana", "shop", Role::Developer).await;
    catalog.add_member(&system, "bank", "dana", Role::Developer).await.unwrap();
    assert!(catalog.mount_blob(&dana, Some(&from), &name("bank/other"), &blob).await.unwrap());
}

pub(super) async fn the_state_of_papers_follows_each_of_them(town: &Town<impl Catalog>) {
    let (catalog, system) = (&town.catalog, Caller::system());
    let web = name("shop/web");
    let image = town.push("shop/web", "content", &["1.0"]).await;
    let neighbour = town.push("shop/web", "neighbour", &["2.0"]).await;
    let set = catalog.set_project_policy(&system, "shop", policy(TEXT)).await.unwrap();
    let state = async |digest: &Digest| catalog.paper_state(&web, digest).await.unwrap();
    let bare = state(&image).await;
    assert_eq!(bare.policy, Some((set.digest.clone(), "registry.example".to_owned())));
    let mut seen: Vec<PaperState> = vec![bare.clone()];
    let mut changed = |now: PaperState| {
        assert!(!seen.contains(&now), "each change is another state");
        seen.push(now);
    };

    let paper = |layer: &str| {
        let layer = wharf_oci::Descriptor::new(
            "application/vnd.example.paper",
            Algorithm::Sha256.digest(layer.as_bytes()),
            layer.len() as u64,
        );
        serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": layer, "layers": [layer],
        })
    };
    let link = async |content: &str| {
        let bytes = Bytes::from(content.to_owned());
        let blob = NewBlob {
            digest: Algorithm::Sha256.digest(&bytes),
            size: bytes.len() as u64,
            place: BlobPlace::Inline(bytes),
        };
        catalog.commit_blob(&system, &web, blob).await.unwrap();
    };
    link("a signature").await;
    let mut referrer = paper("a signature");
    referrer["subject"] = serde_json::json!(listed(&image));
    let referrer = town.put("shop/web", &referrer, &[]).await;
    let signed = state(&image).await;
    changed(signed.clone());
    let sibling = |end: &str| format!("sha256-{}.{end}", image.encoded());
    town.put("shop/web", &paper("a signature"), &[&sibling("sig")]).await;
    changed(state(&image).await);
    // Of another artifact, or under another tag: nothing that a decision on this one rests on.
    let before = state(&image).await;
    town.put("shop/web", &paper("a signature"), &["other"]).await;
    town.put("shop/web", &paper("a signature"), &[&format!("sha256-{}.sig", neighbour.encoded())]).await;
    assert_eq!(state(&image).await, before);

    let papers = catalog.papers(&web, &image).await.unwrap();
    assert_eq!(papers.policy, Some(set));
    assert_eq!((&papers.state, papers.referrers.len()), (&before.state, 1));
    assert_eq!(papers.referrers[0].digest, referrer);
    assert_eq!(
        papers.siblings,
        [(tag(&sibling("sig")), Algorithm::Sha256.digest(paper("a signature").to_string().as_bytes()))]
    );
    assert_eq!(papers.manifests[0].1, image);
    assert_eq!(papers.manifests.len(), 3);
    let blob = Algorithm::Sha256.digest(b"a signature");
    assert!(papers.blobs.iter().any(|found| found.digest == blob));

    // Its blob goes, and comes back.
    catalog.delete_blob(&system, &web, &blob).await.unwrap();
    changed(state(&image).await);
    let left = catalog.papers(&web, &image).await.unwrap().blobs;
    assert!(left.iter().all(|left| left.digest != blob));
    link("a signature").await;
    assert_eq!(state(&image).await, before, "the same papers are the same state");
    catalog.delete_tag(&system, &web, &tag(&sibling("sig"))).await.unwrap();
    assert_eq!(state(&image).await, signed);
    catalog.delete_manifest(&system, &web, &referrer).await.unwrap();
    assert_eq!(state(&image).await, bare);
    let absent = Algorithm::Sha256.digest(b"absent");
    assert_absent(catalog.papers(&web, &absent).await.map(|_| ()), "manifest");
}

pub(super) async fn what_lists_and_uses_content_is_found(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let web = name("shop/web");
    let image = town.push("shop/web", "content", &["1.0"]).await;
    let blob = Algorithm::Sha256.digest(b"content");
    assert_eq!(catalog.indexes_of(&web, &image, 9).await.unwrap(), []);
    assert_eq!(catalog.users_of_blob(&web, &blob, 9).await.unwrap(), std::slice::from_ref(&image));
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed(&image)],
    });
    let index = town.put("shop/web", &index, &["all"]).await;
    town.push("shop/other", "content", &["1.0"]).await;
    assert_eq!(catalog.indexes_of(&web, &image, 9).await.unwrap(), [index]);
    assert_eq!(catalog.indexes_of(&web, &image, 0).await.unwrap(), []);
    assert_eq!(catalog.users_of_blob(&web, &blob, 9).await.unwrap(), [image]);
    assert_eq!(catalog.users_of_blob(&web, &Algorithm::Sha256.digest(b"absent"), 9).await.unwrap(), []);
    let reference = Reference::Digest(blob);
    assert_absent(catalog.manifest(&Caller::system(), &web, &reference).await, "manifest");
}
