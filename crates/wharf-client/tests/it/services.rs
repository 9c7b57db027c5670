//! The services of a sigstore instance, good and bad, as the client meets them.

use std::time::{Duration, Instant};

use wharf_client::{RetryPolicy, Secret, ServiceOptions, ServiceRefused, SigningService};
use wharf_content::ErrorKind;
use wharf_testkit::TestServer;
use wharf_testkit::sigstore::{Answering, FakeSigstore, Fault};

fn impatient() -> ServiceOptions {
    ServiceOptions {
        idle_timeout: Duration::from_millis(300),
        retry: RetryPolicy { max_retries: 1, first_wait: Duration::from_millis(1), ..RetryPolicy::default() },
        ..ServiceOptions::default()
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let fake = FakeSigstore::start();
    let service = SigningService::new(&fake.url(), &impatient()).unwrap();
    fake.misbehave(Fault::Silent(Answering::Log));
    let start = Instant::now();
    let error = service.log_entry_v2(b"{}".to_vec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{error}");
}

#[tokio::test]
async fn a_broken_service_is_asked_once_more_and_says_why_it_refuses() {
    let fake = FakeSigstore::start();
    let service = SigningService::new(&fake.url(), &impatient()).unwrap();
    fake.misbehave(Fault::Broken(Answering::Log));
    let error = service.log_entry_v1(b"{}".to_vec()).await.unwrap_err();
    assert!(
        error.to_string().contains("500 Internal Server Error") && error.to_string().contains("is broken")
    );
    assert_eq!(error.cause::<ServiceRefused>().unwrap().path, "/api/v1/log/entries");
    assert_eq!(fake.seen().len(), 2);
    fake.misbehave(None);
    let error = service.log_entry_v1(b"{}".to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("is not taken here"), "{error}");
    assert_eq!(fake.seen().len(), 3, "a refusal stands");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let fake = FakeSigstore::start();
    let service = SigningService::new(&fake.timestamp_url(), &impatient()).unwrap();
    fake.misbehave(Fault::Huge(Answering::Timestamps));
    assert_eq!(service.timestamp(b"x".to_vec()).await.unwrap_err().kind(), ErrorKind::Limit);
}

/// A redirect of a request that carries a token would carry it to another host.
#[tokio::test]
async fn a_token_goes_to_the_authority_and_nowhere_else() {
    let (authority, other) = (TestServer::start().await, TestServer::start().await);
    let target = other.url("/api/v2/signingCert");
    authority.bend(move |_, _| {
        let response = http::Response::builder().status(307).header("location", &target);
        Some(response.body(axum::body::Body::empty()).unwrap())
    });
    let service = SigningService::new(&authority.url(""), &impatient()).unwrap();
    let error = service.certificate(&Secret::new("token"), b"{}".to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
    assert_eq!(authority.seen()[0].authorization(), Some("Bearer token"));
    assert!(other.seen().is_empty());
    let document = service.document("where", Some(&Secret::new("token"))).await;
    assert!(document.is_err());
    assert!(other.seen().iter().all(|seen| seen.authorization().is_none()));
}

/// Its answer got lost, and it was asked again.
#[tokio::test]
async fn an_entry_that_the_log_has_already_is_fetched() {
    let log = TestServer::start().await;
    log.bend(|seen, _| {
        let response = http::Response::builder();
        let (response, body) = match seen.method.as_str() {
            "POST" => (response.status(409).header("location", "/api/v1/log/entries/17"), "{}"),
            _ => (response.status(200), "the entry"),
        };
        Some(response.body(axum::body::Body::from(body)).unwrap())
    });
    let service = SigningService::new(&log.url(""), &impatient()).unwrap();
    assert_eq!(&service.log_entry_v1(b"{}".to_vec()).await.unwrap()[..], b"the entry");
    assert!(SigningService::new("ftp://log.example", &impatient()).is_err());
}
