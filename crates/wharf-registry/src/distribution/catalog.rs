//! `GET /v2/_catalog`: Docker's list of repositories, of those that the caller may pull from.

use wharf_oci::distribution::Catalog;

use super::page::{self, Asked};
use super::{Answer, Context};
use crate::apart::apart;

pub(super) async fn list(context: Context<'_>) -> Answer {
    let asked = Asked::of(context.query, context.app.config.page_size)?;
    let mut repositories = apart(context.app.catalog.repositories(&context.caller, asked.to_read())).await?;
    let more = asked.cut(&mut repositories);
    let link = repositories.last().filter(|_| more).map(|last| {
        let n = asked.size.to_string();
        page::next("/v2/_catalog", &[("n", n.as_str()), ("last", last.as_str())])
    });
    page::json("application/json", &Catalog { repositories }, link)
}
