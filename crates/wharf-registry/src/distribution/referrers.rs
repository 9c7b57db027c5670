//! `GET /v2/<name>/referrers/<digest>` (distribution-spec v1.1, "Listing referrers").

use http::StatusCode;
use http::header::HeaderValue;
use wharf_oci::distribution::{ErrorCode, OCI_FILTERS_APPLIED, ReferrersIndex};
use wharf_oci::{Descriptor, Digest, RepositoryName, media_type};

use super::page::{self, Asked};
use super::{Answer, Context};
use crate::error::Error;

/// Clients read the list as they read a manifest, and refuse a larger one.
const MAX_BYTES: usize = 4 << 20;

pub(super) async fn list(context: Context<'_>, name: &RepositoryName, subject: &Digest) -> Answer {
    if !context.app.config.referrers_api {
        let message = "the referrers API is switched off; referrers are kept under fallback tags";
        return Err(Error::answer(StatusCode::NOT_FOUND, ErrorCode::Unsupported, message));
    }
    let asked = Asked::of(context.query, context.app.config.page_size)?;
    let filter = context.query.first("artifactType").filter(|text| !text.is_empty());
    let found = context
        .app
        .catalog
        .referrers(&context.caller, name, subject, filter.as_deref(), asked.to_read())
        .await
        .map_err(Error::from);
    let mut referrers = match found {
        Ok(referrers) => referrers,
        // Never 404 where the API is served: nothing refers to what is not there.
        Err(error) if error.is_not_found("repository") || error.is_not_found("project") => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut more = asked.cut(&mut referrers);
    more |= cut_to_size(&mut referrers);
    let link = referrers.last().filter(|_| more).map(|last| {
        let n = asked.size.to_string();
        let mut parameters = vec![("n", n.as_str()), ("last", last.digest.as_str())];
        parameters.extend(filter.as_deref().map(|filter| ("artifactType", filter)));
        page::next(&format!("/v2/{name}/referrers/{subject}"), &parameters)
    });
    let mut response = page::json(media_type::OCI_INDEX, &ReferrersIndex::new(referrers), link)?;
    if filter.is_some() {
        let applied = HeaderValue::from_static("artifactType");
        response.headers_mut().insert(OCI_FILTERS_APPLIED, applied);
    }
    Ok(response)
}

/// Cuts the list where its JSON would outgrow [`MAX_BYTES`], after one entry at the earliest; returns whether it did.
fn cut_to_size(referrers: &mut Vec<Descriptor>) -> bool {
    let mut total = 0;
    let fits = referrers.iter().take_while(|descriptor| {
        let text = |text: &String| text.len() + 6;
        total +=
            400 + descriptor.annotations.iter().map(|(key, value)| text(key) + text(value)).sum::<usize>();
        total <= MAX_BYTES
    });
    let keep = fits.count().max(1);
    let cut = keep < referrers.len();
    referrers.truncate(keep);
    cut
}
