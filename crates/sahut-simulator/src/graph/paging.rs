//! Pages of a list: `limit`, `after`, `before`, cursors, the address of the next page, and the moods of pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{Field, GraphError, Node};
use crate::moods::Mood;

/// A whole list, of which a page is shown.
pub(crate) struct Listing<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// Items on a page where nobody asks for another number, and at most.
    pub(crate) limit: (usize, usize),
    /// Fields of the items where nobody selects any; empty: as everywhere.
    pub(crate) usual: &'static str,
    /// Shown when `summary` is asked for.
    pub(crate) summary: Option<Value>,
}

impl<'a> Listing<'a> {
    /// A list of the usual shape: 25 on a page, at most 100.
    pub(crate) fn of(nodes: Vec<Node<'a>>) -> Self {
        Self { nodes, limit: (25, 100), usual: "", summary: None }
    }
}

/// Which part of a list is shown, and where the next and the previous parts begin.
pub(crate) struct Window {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    has_next: bool,
    has_previous: bool,
}

/// Cuts the part out of a list that the arguments ask for.
pub(crate) fn window(list: &Listing<'_>, field: &Field, mood: Mood) -> Result<Window, GraphError> {
    let limit = limit(list, field)?;
    let count = list.nodes.len();
    let (start, end) = if let Some(cursor) = field.arg("after") {
        let start = position(list, cursor)?;
        (start, start.saturating_add(limit).min(count))
    } else if let Some(cursor) = field.arg("before") {
        let end = position(list, cursor)?.saturating_sub(1);
        (end.saturating_sub(limit), end)
    } else {
        (0, limit.min(count))
    };
    let (end, next) = match mood {
        Mood::EmptyPage if start < end => (start, start),
        Mood::Repeat if end - start > 1 && end < count => (end, end - 1),
        Mood::Skip if end + 1 < count => (end, end + 1),
        _ => (end, end),
    };
    let shown = start < end || mood == Mood::EmptyPage;
    let id_at = |at: usize| list.nodes.get(at).map(|node| format!("i:{}", node.id()));
    // A cursor names an item and dies with it; where a mood moves it, it counts places instead.
    let place = || Some(format!("o:{next}"));
    let after = if next == end && start < end { id_at(end - 1) } else { place() };
    Ok(Window {
        start,
        end,
        before: if shown { id_at(start) } else { None }.map(encode),
        after: if shown { after } else { None }.map(encode),
        has_next: next < count && limit > 0,
        has_previous: start > 0,
    })
}

impl Window {
    /// The `paging` object; absent under an empty list, as Graph does it.
    pub(crate) fn paging(&self, address: &str, node: &str, token: &str, field: &Field) -> Option<Value> {
        let (before, after) = (self.before.as_deref()?, self.after.as_deref()?);
        let mut paging = json!({"cursors": {"before": before, "after": after}});
        let url = |direction, cursor| link(address, node, token, field, direction, cursor);
        if self.has_next {
            paging["next"] = json!(url("after", after));
        }
        if self.has_previous {
            paging["previous"] = json!(url("before", before));
        }
        Some(paging)
    }
}

fn link(address: &str, node: &str, token: &str, field: &Field, direction: &str, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("access_token", token);
    let own = ["access_token", "after", "before", "fields", "as"];
    for (name, value) in field.args.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        query.append_pair(name, value);
    }
    if !field.inner.is_empty() {
        query.append_pair("fields", &field.inner);
    }
    query.append_pair(direction, cursor);
    format!("{address}/{node}/{}?{}", field.name, query.finish())
}

fn limit(list: &Listing<'_>, field: &Field) -> Result<usize, GraphError> {
    let (usual, most) = list.limit;
    let Some(text) = field.arg("limit") else { return Ok(usual) };
    match text.parse::<usize>() {
        Ok(limit) if limit <= most => Ok(limit),
        Ok(_) => Err(GraphError::parameter(format_args!("Param limit must be at most {most}"))),
        Err(_) => Err(GraphError::parameter("Param limit must be a non-negative integer")),
    }
}

/// Where the items after a cursor begin.
fn position(list: &Listing<'_>, cursor: &str) -> Result<usize, GraphError> {
    let dead = || GraphError::parameter("Invalid cursors values");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| dead())?;
    let text = String::from_utf8(bytes).map_err(|_| dead())?;
    let place = match text.split_once(':') {
        Some(("i", id)) => list.nodes.iter().position(|node| node.id() == id).map(|at| at + 1),
        Some(("o", place)) => place.parse::<usize>().ok().map(|place| place.min(list.nodes.len())),
        _ => None,
    };
    place.ok_or_else(dead)
}

fn encode(text: String) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Makes one item of a page unreadable: its id is gone, or its time is a list.
pub(crate) fn spoil(item: &mut Value) {
    if let Value::Object(fields) = item {
        let spoilt: Map<String, Value> =
            fields.iter().map(|(name, _)| (name.clone(), json!([{"oops": null}]))).collect();
        *fields = spoilt;
    }
}
