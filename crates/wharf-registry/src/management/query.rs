//! Query parameters: pages, and filters by named fields only.

use std::collections::BTreeMap;
use std::future::Future;

use http::HeaderValue;
use http::header::{HeaderName, LINK};
use serde::Serialize;
use url::form_urlencoded;
use wharf_storage::catalog::{Listed, Slice, Sort, SortField, TextFilter};

use super::call::{BASE, Reply, bad_request, json};
use crate::apart::apart;
use crate::error::Error;

/// The most entries of a page, as in Harbor.
const MAX_PAGE_SIZE: usize = 100;
/// The highest number of a page: far beyond any list, and well within every number.
const MAX_PAGE: usize = 1_000_000_000;

/// The fields that a list can be sorted by, under Harbor's names.
pub(super) type Sortable = &'static [(&'static str, SortField)];

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
        Ok(Paging { number: number("page", 1, MAX_PAGE)?, size: number("page_size", 10, MAX_PAGE_SIZE)? })
    }

    /// Returns the page asked for in the order asked for: Harbor's `sort=field,-field`, of the fields in `sortable` and no
    /// others.
    pub(super) fn slice(&self, sortable: Sortable) -> Result<Slice, Error> {
        let Paging { number, size } = self.paging()?;
        let mut sort: Vec<Sort> = Vec::new();
        for wanted in self.value("sort").into_iter().flat_map(|sort| sort.split(',')) {
            let (name, descending) = wanted.strip_prefix('-').map_or((wanted, false), |name| (name, true));
            let known = sortable.iter().find(|(known, _)| *known == name);
            let (_, field) = known.ok_or_else(|| {
                let known: Vec<_> = sortable.iter().map(|(name, _)| *name).collect();
                bad_request(format!(
                    "sort {wanted:?}: this list cannot be sorted by it; expected some of: {}, each with or without '-' \
                     before it",
                    known.join(", ")
                ))
            })?;
            // Once more by the same field changes nothing.
            if sort.iter().all(|sort| sort.field != *field) {
                sort.push(Sort { field: *field, descending });
            }
        }
        Ok(Slice { sort, offset: (number - 1).saturating_mul(size), limit: size })
    }

    /// Returns the texts that one field is filtered by.
    pub(super) fn text_filter(&self, field: &'static str) -> Result<Option<TextFilter>, Error> {
        self.filters(&[field])?.remove(field).map(|filter| filter.text(field)).transpose()
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

impl Filter {
    /// Returns the filter of a field that is a text.
    pub(super) fn text(self, field: &str) -> Result<TextFilter, Error> {
        match self {
            Self::Exact(text) => Ok(TextFilter::Is(text)),
            Self::Contains(part) => Ok(TextFilter::Contains(part)),
            Self::Range(..) => {
                Err(bad_request(format!("q: {field} is no range; expected {field}=text or {field}=~part")))
            }
        }
    }
}

/// Reads a list of the catalog off the threads that serve everybody: it counts all that it finds.
pub(super) async fn listed<T>(
    read: impl Future<Output = wharf_storage::Result<Listed<T>>>,
) -> Result<Listed<T>, Error> {
    Ok(apart(read).await?)
}

/// Answers a page with `X-Total-Count` and a relative `Link`.
pub(super) fn page<T, S: Serialize>(
    listed: Listed<T>,
    path: &str,
    query: &Query,
    show: impl FnMut(T) -> S,
) -> Result<Reply, Error> {
    let Paging { number, size } = query.paging()?;
    let mut reply = json(&listed.entries.into_iter().map(show).collect::<Vec<_>>())?;
    let headers = reply.headers_mut();
    headers.insert(HeaderName::from_static("x-total-count"), HeaderValue::from(listed.total));
    let mut links = Vec::new();
    let mut link = |number, relation| {
        links.push(format!("<{BASE}{path}?{}>; rel=\"{relation}\"", query.with_page(number)));
    };
    if number > 1 {
        link(number - 1, "prev");
    }
    if listed.total > (number as u64).saturating_mul(size as u64) {
        link(number + 1, "next");
    }
    if let Ok(links) = HeaderValue::from_str(&links.join(", "))
        && !links.is_empty()
    {
        headers.insert(LINK, links);
    }
    Ok(reply)
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
        for hidden in ["q=password=~a", "q=salt=x", "q=user__password_hash=~a"] {
            let error = Query::parse(hidden).filters(&["name"]).unwrap_err().to_string();
            assert!(error.contains("cannot be filtered by"), "{error}");
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

    #[test]
    fn lists_are_sorted_by_named_fields_only() {
        const SORTABLE: Sortable = &[("name", SortField::Name), ("creation_time", SortField::CreatedAt)];
        let slice =
            Query::parse("sort=-creation_time,name,-name&page=3&page_size=20").slice(SORTABLE).unwrap();
        assert_eq!((slice.offset, slice.limit), (40, 20));
        assert_eq!(
            slice.sort,
            [
                Sort { field: SortField::CreatedAt, descending: true },
                Sort { field: SortField::Name, descending: false }
            ]
        );
        for hidden in ["sort=password", "sort=name,-salt", "sort=name%20desc", "sort=--name", "sort=,name"] {
            let error = Query::parse(hidden).slice(SORTABLE).unwrap_err().to_string();
            assert!(error.contains("cannot be sorted") && error.contains("name, creation_time"), "{error}");
        }
    }

    #[test]
    fn pages_tell_the_total_and_their_neighbours() {
        let query = Query::parse("a=b+c&page=2&page_size=100");
        let reply = page(Listed { entries: vec![1, 2], total: 451 }, "/things", &query, |n| n).unwrap();
        assert_eq!(reply.headers()["x-total-count"], "451");
        assert_eq!(
            reply.headers()[LINK],
            "</api/v2.0/things?a=b+c&page_size=100&page=1>; rel=\"prev\", \
             </api/v2.0/things?a=b+c&page_size=100&page=3>; rel=\"next\""
        );
        let query = Query::parse("page=5&page_size=100");
        let reply = page(Listed { entries: vec![1], total: 451 }, "/things", &query, |n| n).unwrap();
        assert!(!reply.headers()[LINK].to_str().unwrap().contains("next"));
    }
}
