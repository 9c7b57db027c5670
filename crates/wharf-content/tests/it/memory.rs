use wharf_content::MemoryTarget;

#[tokio::test]
async fn memory_fulfils_the_contract() {
    wharf_content::contract::run(|| async { Box::new(MemoryTarget::new()) as _ }).await;
}
