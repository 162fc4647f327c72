//! Pages of an edge.

use sahut_domain::channel::Ailment;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::{Url, form_urlencoded};

use super::usage;
use crate::http::without_words;
use crate::{Answer, Ask, BadItem, Page, Trouble, reading};

/// What the parameters that lead to another page are called. No other parameter of a `next` address is taken over: it
/// also holds the token.
const PAGING: [&str; 4] = ["after", "until", "offset", "__paging_token"];

/// One page of an edge, its items unread: one that is malformed must not spoil its neighbours.
#[derive(Deserialize, Default)]
pub(crate) struct List<'a> {
    #[serde(borrow)]
    pub(crate) data: Vec<&'a RawValue>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

impl<'a> List<'a> {
    /// A list of one, for what Graph does not list but tells alone.
    pub(crate) fn of(raw: &'a RawValue) -> Self {
        Self { data: vec![raw], paging: None }
    }

    /// Whether there is more than this page.
    pub(crate) fn goes_on(&self) -> bool {
        self.paging.as_ref().is_some_and(|paging| paging.next.is_some())
    }

    /// Where the list goes on, in the form of a query. Only the presence of `paging.next` says that it does; an empty
    /// page may have one.
    fn next(&self) -> Result<Option<String>, Trouble> {
        let Some(paging) = &self.paging else { return Ok(None) };
        let Some(next) = &paging.next else { return Ok(None) };
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(after) = paging.cursors.as_ref().and_then(|cursors| cursors.after.as_ref()) {
            return Ok(Some(query.append_pair("after", after).finish()));
        }
        if let Ok(url) = Url::parse(next) {
            query.extend_pairs(url.query_pairs().filter(|(name, _)| PAGING.contains(&&**name)));
        }
        let query = query.finish();
        if query.is_empty() {
            let detail = "a list goes on, but does not say where".to_owned();
            return Err(Trouble::Again { ailment: Ailment::Parser, detail });
        }
        Ok(Some(query))
    }
}

/// Begins the page that answers to a list.
pub(crate) fn page_of(answer: &Answer, list: &List<'_>) -> Result<Page, Trouble> {
    Ok(Page { next: list.next()?, usage: usage::of(answer), ..Page::default() })
}

/// Where a walk stands: the parameters that lead to its next page.
pub(crate) struct Next(Vec<(String, String)>);

impl Next {
    /// Reads what [`page_of`] left in [`Page::next`].
    pub(crate) fn new(page: Option<&str>) -> Self {
        Self(form_urlencoded::parse(page.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// As parameters of a call to the edge.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As arguments of an edge inside a selection of fields: `.after(abc)`.
    pub(crate) fn arguments(&self) -> String {
        self.0.iter().flat_map(|(name, value)| [".", name, "(", value, ")"]).collect()
    }
}

/// As many posts are looked at in a deep walk: Graph shows about 600 of a year.
/// <https://developers.facebook.com/docs/graph-api/reference/page/feed/>
const DEEPEST: usize = 600;

/// A walk over the newest posts, which ends when so many were seen. Where it stands is written as the number seen, a
/// slash, and Graph's own cursor.
pub(crate) struct Watch {
    seen: usize,
    most: usize,
    pub(crate) next: Next,
}

impl Watch {
    /// Goes on from what [`Watch::further`] left in [`Page::next`]. `watched`: how far every walk goes.
    pub(crate) fn new(ask: &Ask<'_>, watched: usize) -> Self {
        let (seen, next) = ask.page.and_then(|page| page.split_once('/')).unwrap_or(("0", ""));
        let most = if ask.deep { watched.max(DEEPEST) } else { watched };
        Self { seen: seen.parse().unwrap_or(0), most, next: Next::new(Some(next)) }
    }

    /// How many to ask for; Graph gives at most a hundred at once.
    pub(crate) fn limit(&self) -> String {
        self.most.saturating_sub(self.seen).clamp(1, 100).to_string()
    }

    /// Where the walk goes on after so many more.
    pub(crate) fn further(&self, more: usize, next: Option<String>) -> Option<String> {
        let seen = self.seen.saturating_add(more);
        next.filter(|_| seen < self.most).map(|next| format!("{seen}/{next}"))
    }
}

/// Reads the items of a list one by one with `read`, which puts what it found into the page. What cannot be read is
/// put aside.
pub(crate) fn gather<'a, T: Deserialize<'a>>(
    page: &mut Page,
    list: &List<'a>,
    mut read: impl FnMut(T, &'a RawValue, &mut Page),
) {
    for raw in &list.data {
        match serde_json::from_str(raw.get()) {
            Ok(value) => read(value, raw, page),
            Err(error) => page.bad.push(bad(raw, without_words(&error))),
        }
    }
}

/// Puts an item aside that cannot be read.
pub(crate) fn bad(raw: &RawValue, error: String) -> BadItem {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let named = serde_json::from_str::<Named>(raw.get()).ok().filter(|named| !named.id.is_empty());
    reading::bad(named.map(|named| named.id), error, raw.get().as_bytes())
}
