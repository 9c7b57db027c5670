//! Query parameters: pages, and filters by named fields only.

use std::collections::BTreeMap;
use std::pin::Pin;

use http::HeaderValue;
use http::header::{HeaderName, LINK};
use serde::Serialize;
use url::form_urlencoded;
use wharf_storage::catalog::Page;

use super::call::{BASE, Reply, bad_request, json};
use crate::apart::apart;
use crate::error::Error;

/// The most entries of a page, as in Harbor.
const MAX_PAGE_SIZE: usize = 100;
/// Up to how many entries a list is walked to tell how many there are.
const COUNTED: usize = 1000;
/// The most entries that a list is walked for a page; what lies beyond is reached with narrower filters.
const MAX_WALK: usize = 10_000;
/// Entries read from the catalog at a time.
const STEP: usize = 500;

/// The query of a request, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// What a field is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Exactly this.
    Exact(String),
    /// Something that contains this.
    Contains(String),
    /// Between two values, each optional.
    Range(Option<String>, Option<String>),
}

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    number: usize,
    size: usize,
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Returns a parameter, if it is there and not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Returns a switch.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(bad_request(format!("{name} {other:?}: expected true or false"))),
        }
    }

    /// Returns the page asked for: `page` from 1, `page_size` up to 100.
    pub(super) fn paging(&self) -> Result<Paging, Error> {
        let number = |name: &str, default: usize, most: usize| match self.value(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(bad_request(format!("{name} {text:?}: expected a number from 1 to {most}"))),
            },
        };
        Ok(Paging { number: number("page", 1, MAX_WALK)?, size: number("page_size", 10, MAX_PAGE_SIZE)? })
    }

    /// Returns Harbor's `q=field=value,field=~part,field=[from~to]`, of the fields in `allowed` and no others: what is
    /// not named there can be neither matched nor sorted by, so no hidden column can be guessed out.
    pub(super) fn filters(&self, allowed: &[&'static str]) -> Result<BTreeMap<&'static str, Filter>, Error> {
        let known = |field: &str| {
            allowed.iter().copied().find(|known| *known == field).ok_or_else(|| {
                bad_request(format!(
                    "field {field:?} cannot be filtered by; expected one of: {}",
                    allowed.join(", ")
                ))
            })
        };
        let mut filters = BTreeMap::new();
        if let Some(sort) = self.value("sort") {
            return Err(bad_request(format!(
                "sort {sort:?}: lists have one order and cannot be sorted otherwise"
            )));
        }
        for condition in self.value("q").into_iter().flat_map(|q| q.split(',')).filter(|c| !c.is_empty()) {
            let (field, value) = condition
                .split_once('=')
                .ok_or_else(|| bad_request(format!("q {condition:?}: expected field=value")))?;
            let filter = if let Some(part) = value.strip_prefix('~') {
                Filter::Contains(part.to_owned())
            } else if let Some(range) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                let (from, to) = range
                    .split_once('~')
                    .ok_or_else(|| bad_request(format!("q {condition:?}: expected [from~to]")))?;
                let bound = |text: &str| (!text.is_empty()).then(|| text.trim_matches('"').to_owned());
                Filter::Range(bound(from), bound(to))
            } else if value.starts_with(['{', '(']) {
                return Err(bad_request(format!("q {condition:?}: lists of values are not offered")));
            } else {
                Filter::Exact(value.trim_matches('"').to_owned())
            };
            filters.insert(known(field)?, filter);
        }
        Ok(filters)
    }

    /// Returns the query for what comes after an entry.
    pub(super) fn after(&self, id: i64) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.0.iter().filter(|(name, _)| name != "page" && name != "after") {
            text.append_pair(name, value);
        }
        text.append_pair("after", &id.to_string());
        text.finish()
    }

    /// Returns the query with another page number.
    fn with_page(&self, number: usize) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.0.iter().filter(|(name, _)| name != "page") {
            text.append_pair(name, value);
        }
        text.append_pair("page", &number.to_string());
        text.finish()
    }
}

impl Paging {
    /// Returns how many entries come before the page, and how many are in it.
    pub(super) const fn offset_and_size(self) -> (usize, usize) {
        ((self.number - 1).saturating_mul(self.size), self.size)
    }
}

/// One page of a list, and what is around it.
#[derive(Debug)]
pub(super) struct Paged<T> {
    pub(super) entries: Vec<T>,
    /// How many there are in all, unless the walk ended early.
    total: Option<usize>,
    paging: Paging,
}

/// One step of a list in the catalog.
pub(super) type Step<'a, T> = Pin<Box<dyn Future<Output = wharf_storage::Result<Vec<T>>> + Send + 'a>>;

/// Walks a list of the catalog and cuts out a page.
///
/// Harbor's pages are numbered and come with a total, the catalog's lists go on from an entry: so all is walked, in
/// steps, up to the page or to the greatest total that is told, whichever is further.
pub(super) async fn paged<'a, T: Send>(
    paging: Paging,
    fetch: impl Fn(Page) -> Step<'a, T> + Send + Sync,
    key: impl Fn(&T) -> String + Send + Sync,
    keep: impl Fn(&T) -> bool + Send + Sync,
) -> Result<Paged<T>, Error> {
    let (first, size) = paging.offset_and_size();
    if first >= MAX_WALK {
        return Err(bad_request(format!(
            "page {} begins at entry {first}: numbered pages reach {MAX_WALK} entries; narrow the search",
            paging.number
        )));
    }
    apart(async {
        let mut entries = Vec::new();
        let (mut walked, mut kept) = (0, 0);
        let mut after = None;
        loop {
            let step = fetch(Page { after, limit: STEP }).await?;
            walked += step.len();
            let last = step.len() < STEP;
            after = step.last().map(&key);
            for entry in step.into_iter().filter(&keep) {
                if kept >= first && entries.len() < size {
                    entries.push(entry);
                }
                kept += 1;
            }
            let shown = walked >= COUNTED && kept > first + size;
            if last || shown || walked >= MAX_WALK {
                return Ok(Paged { entries, total: last.then_some(kept), paging });
            }
        }
    })
    .await
}

impl<T> Paged<T> {
    /// Answers the page with `X-Total-Count` and a relative `Link`.
    pub(super) fn reply<S: Serialize>(
        self,
        path: &str,
        query: &Query,
        show: impl FnMut(T) -> S,
    ) -> Result<Reply, Error> {
        let mut reply = json(&self.entries.into_iter().map(show).collect::<Vec<_>>())?;
        let headers = reply.headers_mut();
        let Paging { number, size } = self.paging;
        if let Some(total) = self.total {
            headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(total as u64));
        }
        let mut links = Vec::new();
        let mut link = |number, relation| {
            links.push(format!("<{BASE}{path}?{}>; rel=\"{relation}\"", query.with_page(number)));
        };
        if number > 1 {
            link(number - 1, "prev");
        }
        let next = number.saturating_mul(size);
        if self.total.map_or(next < MAX_WALK, |total| total > next) {
            link(number + 1, "next");
        }
        if let Ok(links) = HeaderValue::from_str(&links.join(", "))
            && !links.is_empty()
        {
            headers.insert(LINK, links);
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn cve_2025_30086_only_named_fields_can_be_filtered_by() {
        let query = Query::parse("q=name=~web,public=true,op_time=[2026-01-01~]");
        let filters = query.filters(&["name", "public", "op_time"]).unwrap();
        assert_eq!(filters["name"], Filter::Contains("web".to_owned()));
        assert_eq!(filters["public"], Filter::Exact("true".to_owned()));
        assert_eq!(filters["op_time"], Filter::Range(Some("2026-01-01".to_owned()), None));
        for hidden in ["q=password=~a", "q=salt=x", "q=user__password_hash=~a", "sort=password", "sort=-salt"]
        {
            let error = Query::parse(hidden).filters(&["name"]).unwrap_err().to_string();
            assert!(error.contains("cannot be"), "{error}");
        }
    }

    #[test]
    fn cve_2023_2253_pages_are_bounded() {
        for bad in
            ["page=0", "page_size=0", "page_size=101", "page_size=-1", "page=18446744073709551616", "page=x"]
        {
            assert!(Query::parse(bad).paging().is_err(), "{bad}");
        }
        let paging = Query::parse("page=3&page_size=100").paging().unwrap();
        assert_eq!((paging.number, paging.size), (3, 100));
    }

    #[tokio::test]
    async fn long_lists_are_not_walked_to_their_end() {
        let read = std::sync::atomic::AtomicUsize::new(0);
        let fetch = |page: Page| -> Step<'static, usize> {
            read.fetch_add(page.limit, std::sync::atomic::Ordering::Relaxed);
            let first = page.after.map_or(0, |after| after.parse::<usize>().unwrap() + 1);
            Box::pin(async move { Ok((first..first + page.limit).collect()) })
        };
        let query = Query::parse("page=15&page_size=100");
        let page = paged(query.paging().unwrap(), fetch, ToString::to_string, |_| true).await.unwrap();
        assert_eq!((page.entries[0], page.entries.len(), page.total), (1400, 100, None));
        let reply = page.reply("/things", &query, |n| n).unwrap();
        assert!(!reply.headers().contains_key("x-total-count"));
        assert!(reply.headers()[LINK].to_str().unwrap().ends_with("page=16>; rel=\"next\""));
        assert_eq!(read.swap(0, std::sync::atomic::Ordering::Relaxed), 2000);

        paged(Query::parse("").paging().unwrap(), fetch, ToString::to_string, |_| true).await.unwrap();
        assert_eq!(read.swap(0, std::sync::atomic::Ordering::Relaxed), 1000);

        let far = Query::parse("page=101&page_size=100").paging().unwrap();
        let error = paged(far, fetch, ToString::to_string, |_| true).await.unwrap_err().to_string();
        assert!(error.contains("10000") && error.contains("10000 entries"), "{error}");
        assert_eq!(read.into_inner(), 0);
    }

    #[tokio::test]
    async fn pages_are_cut_from_what_is_kept_and_the_total_is_exact() {
        let fetch = |page: Page| -> Step<'static, usize> {
            let first = page.after.map_or(0, |after| after.parse::<usize>().unwrap() + 1);
            Box::pin(async move { Ok((first..901.min(first + page.limit)).collect()) })
        };
        let paging = Query::parse("page=2&page_size=100").paging().unwrap();
        let page = paged(paging, fetch, ToString::to_string, |n| n % 2 == 0).await.unwrap();
        assert_eq!((page.entries[0], page.entries.len(), page.total), (200, 100, Some(451)));
        let reply = page.reply("/things", &Query::parse("a=b+c&page=2"), |n| n).unwrap();
        assert_eq!(reply.headers()["x-total-count"], "451");
        assert_eq!(
            reply.headers()[LINK],
            "</api/v2.0/things?a=b+c&page=1>; rel=\"prev\", </api/v2.0/things?a=b+c&page=3>; rel=\"next\""
        );
    }
}
