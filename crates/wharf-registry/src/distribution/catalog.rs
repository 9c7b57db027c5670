//! `GET /v2/_catalog`: Docker's list of repositories, of those that the caller may pull from.

use http::header::AUTHORIZATION;
use wharf_access::{Denied, Principal};
use wharf_oci::distribution::Catalog;

use super::page::{self, Asked};
use super::{Answer, Context};
use crate::apart::apart;

/// Whoever comes without credentials is asked for them, since clients send theirs only when asked and would take the
/// public repositories for all there is. Those are for whoever then comes with an anonymous token.
pub(super) async fn list(context: Context<'_>) -> Answer {
    let is_anonymous = context.caller.principal == Principal::Anonymous;
    let hidden = || Err(wharf_storage::Error::Denied(Denied::Hidden).into());
    if is_anonymous && !context.parts.headers.contains_key(AUTHORIZATION) {
        return hidden();
    }
    let asked = Asked::of(context.query, context.app.config.page_size)?;
    let mut repositories = apart(context.app.catalog.repositories(&context.caller, asked.to_read())).await?;
    if is_anonymous && repositories.is_empty() {
        return hidden();
    }
    let more = asked.cut(&mut repositories);
    let link = repositories.last().filter(|_| more).map(|last| {
        let n = asked.size.to_string();
        page::next("/v2/_catalog", &[("n", n.as_str()), ("last", last.as_str())])
    });
    page::json("application/json", &Catalog { repositories }, link)
}
