use wharf_testkit::TestServer;

#[tokio::test]
async fn a_remote_repository_fulfils_the_contract() {
    wharf_content::contract::run(|| async { Box::new(TestServer::start().await.repository()) as _ }).await;
}

#[tokio::test]
async fn so_it_does_with_chunked_uploads() {
    wharf_content::contract::run(|| async { Box::new(TestServer::start().await.chunked(100_000)) as _ })
        .await;
}

#[tokio::test]
async fn so_it_does_where_the_referrers_api_is_missing() {
    wharf_content::contract::run(|| async {
        Box::new(TestServer::start().await.without_referrers().repository()) as _
    })
    .await;
}
