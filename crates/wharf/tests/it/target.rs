//! The contract of content targets, over the wire: client and registry of this build.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use wharf_client::{Credential, Registry, RegistryOptions, Secret, UploadPolicy};
use wharf_content::contract;

use crate::support::{PASSWORD, World};

/// Runs the contract, each case in a repository of its own.
async fn fulfils_the_contract(world: &World, upload: UploadPolicy) {
    let credential = Credential::Basic { username: "admin".to_owned(), password: Secret::new(PASSWORD) };
    let options = RegistryOptions { credential, upload, ..RegistryOptions::default() };
    let registry = Registry::new(&world.host(), options).unwrap();
    let body = json!({ "project_name": "contract" });
    let made = registry.api(reqwest::Method::POST, "api/v2.0/projects", Some(&body)).await.unwrap();
    assert_eq!(made.status, 201);
    let next = AtomicUsize::new(0);
    contract::run(|| async {
        let name = format!("contract/case-{}", next.fetch_add(1, Ordering::Relaxed));
        Box::new(registry.repository(name.parse().unwrap())) as _
    })
    .await;
}

#[tokio::test]
async fn the_registry_fulfils_the_contract() {
    fulfils_the_contract(&World::new(), UploadPolicy::default()).await;
}

#[tokio::test]
async fn it_does_so_with_chunked_uploads() {
    let upload = UploadPolicy { single_up_to_bytes: 4, chunk_bytes: 100_000, ..UploadPolicy::default() };
    fulfils_the_contract(&World::new(), upload).await;
}

#[tokio::test]
async fn it_does_so_with_the_referrers_api_switched_off() {
    let world = World::with_settings(&[("WHARF_REFERRERS_API", "false")]);
    fulfils_the_contract(&world, UploadPolicy::default()).await;
}
