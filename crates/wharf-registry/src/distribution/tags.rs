//! `GET /v2/<name>/tags/list` (distribution-spec v1.1, "Listing tags").

use wharf_oci::RepositoryName;
use wharf_oci::distribution::TagList;

use super::page::{self, Asked};
use super::{Answer, Context};

pub(super) async fn list(context: Context<'_>, name: &RepositoryName) -> Answer {
    let asked = Asked::of(context.query, context.app.config.page_size)?;
    let mut tags = context.app.catalog.tags(&context.caller, name, asked.to_read()).await?;
    let more = asked.cut(&mut tags);
    let link = tags.last().filter(|_| more).map(|last| {
        let n = asked.size.to_string();
        page::next(&format!("/v2/{name}/tags/list"), &[("n", n.as_str()), ("last", last.as_str())])
    });
    page::json("application/json", &TagList { name: name.clone(), tags }, link)
}
