//! The calls to a site's REST API, and what its refusals mean.
//!
//! Only WordPress itself can say that a person is needed. A page that is not its JSON comes from a firewall, a security
//! plugin or a maintenance page, and may pass by itself.

use jiff::Timestamp;
use sahut_domain::channel::Ailment;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use url::Url;

use super::comment::Comment;
use crate::{Answer, Http, HttpError, NotSent, Request, Scope, Trouble};

/// WordPress knows no such call: the API is switched off or the address is wrong.
const NO_ROUTE: &str = "rest_no_route";

/// The site has this very comment already.
pub(super) const DUPLICATE: &str = "comment_duplicate";

/// A list of posts became shorter during the walk.
pub(super) const BEYOND_LAST_PAGE: &str = "rest_post_invalid_page_number";

/// Somebody who is not a moderator writes too fast; passes within seconds.
const FLOOD: &str = "comment_flood";

/// What is read of a comment. The author's network address and browser are not asked for.
const COMMENT_FIELDS: &str = "id,post,parent,author,author_name,author_email,date_gmt,content,link,status";

/// Refusals of a reply that will not change: its post is gone, unpublished or closed.
const FINAL: [&str; 6] = [
    "rest_comment_invalid_post_id",
    "rest_comment_draft_post",
    "rest_comment_trash_post",
    "rest_comment_closed",
    "rest_post_invalid_id",
    "rest_cannot_read_post",
];

/// A site as one user sees it.
pub(super) struct Site {
    http: Http,
    root: Url,
    rest_route: bool,
    user: String,
    password: SecretString,
}

/// The user whose password we hold.
#[derive(Deserialize)]
pub(super) struct Me {
    pub(super) id: u64,
    pub(super) name: String,
}

/// One page of a list, its rows unread.
pub(super) struct List {
    pub(super) rows: Vec<Box<RawValue>>,
    /// How many pages there are, where the site says so.
    pub(super) pages: Option<u32>,
}

/// Why a call had no result.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// No answer, or one that cannot be read.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A no: WordPress's own when it has a code such as `rest_forbidden`, else of something in its place.
    #[error("{} answers {}: {}", answer.host, answer.status, meaning(answer.status, code.as_deref()))]
    Refused {
        /// What was answered.
        answer: Box<Answer>,
        /// WordPress's word for it.
        code: Option<String>,
    },
}

#[derive(Deserialize)]
struct No {
    code: String,
}

impl Site {
    pub(super) fn new(http: Http, root: Url, rest_route: bool, user: String, password: SecretString) -> Self {
        Self { http, root, rest_route, user, password }
    }

    /// Who we are. Refused when the password is wrong.
    pub(super) async fn me(&self) -> Result<Me, Failure> {
        let query = [("context", "edit"), ("_fields", "id,name")];
        Ok(self.get(&["users", "me"], &query).await?.json()?)
    }

    /// Comments in every status, with their content as it was written.
    pub(super) async fn comments(&self, query: &[(&str, &str)]) -> Result<List, Failure> {
        let every = [("status", "any"), ("context", "edit"), ("_fields", COMMENT_FIELDS)];
        self.list("comments", &[&every, query].concat()).await
    }

    /// Which comments these ones answer.
    pub(super) async fn parents(&self, comments: &str) -> Result<List, Failure> {
        let few = [("status", "any"), ("context", "edit"), ("_fields", "id,parent")];
        self.list("comments", &[&few[..], &[("include", comments), ("per_page", "100")]].concat()).await
    }

    /// One page of a list.
    pub(super) async fn list(&self, name: &str, query: &[(&str, &str)]) -> Result<List, Failure> {
        let answer = self.get(&[name], query).await?;
        let pages = answer.header("x-wp-totalpages").and_then(|pages| pages.parse().ok());
        Ok(List { rows: answer.json()?, pages })
    }

    /// One comment.
    pub(super) async fn comment(&self, id: &str) -> Result<Comment, Failure> {
        let query = [("context", "edit"), ("_fields", COMMENT_FIELDS)];
        Ok(self.get(&["comments", id], &query).await?.json()?)
    }

    /// Publishes a comment.
    pub(super) async fn publish(&self, body: &Value) -> Result<Comment, Failure> {
        Ok(self.call(self.http.post(self.url(&["comments"])).json(body)).await?.json()?)
    }

    async fn get(&self, route: &[&str], query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.call(self.http.get(self.url(route)).query(query)).await
    }

    async fn call(&self, request: Request) -> Result<Answer, Failure> {
        let answer = request.basic(&self.user, &self.password).send().await?;
        if answer.is_success() {
            return Ok(answer);
        }
        let code = answer.json().ok().map(|No { code }| word(&code));
        Err(Failure::Refused { answer: Box::new(answer), code })
    }

    fn url(&self, route: &[&str]) -> Url {
        let mut url = self.root.clone();
        let route = [&["wp", "v2"], route].concat();
        if self.rest_route {
            url.query_pairs_mut().append_pair("rest_route", &format!("/{}", route.join("/")));
        } else if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("wp-json").extend(route);
        }
        url
    }
}

/// A code as WordPress and its plugins write them; anything else in it is dropped, so that it can be logged.
fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-').take(60).collect()
}

fn meaning(status: u16, code: Option<&str>) -> String {
    let advice = match (status, code) {
        (404, None) => "a site without address rewriting needs rest_route = true",
        (_, None) => "a firewall, a security plugin or a page for maintenance stands before WordPress",
        (_, Some(code)) if FINAL.contains(&code) => "the post is gone, not public, or closed to comments",
        (401, _) => "the user name or the application password is wrong",
        (403, _) => "the user needs the role Editor",
        (404, Some(NO_ROUTE)) => "the REST API is switched off, or the address is not the site's",
        _ => "WordPress refuses",
    };
    code.map_or_else(|| advice.to_owned(), |code| format!("{advice} ({code})"))
}

impl Failure {
    /// Whether WordPress refuses for this reason.
    pub(super) fn is(&self, reason: &str) -> bool {
        matches!(self, Self::Refused { code: Some(code), .. } if code == reason)
    }

    /// The answer was longer than anything that is read.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Http(HttpError::TooLarge { .. }))
    }

    /// What was asked for by its id does not exist (any more).
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { answer, code: Some(_) } if answer.status == 404) && !self.is(NO_ROUTE)
    }

    /// What it means for reading, at the moment `now` where that is known.
    pub(super) fn trouble(self, now: Option<Timestamp>) -> Trouble {
        let detail = self.to_string();
        let (answer, code) = match self {
            Self::Http(error) => return error.into(),
            Self::Refused { answer, code } => (answer, code),
        };
        let until = now.and_then(|now| answer.retry_after(now));
        let person = |ailment| Trouble::Person { ailment, detail: detail.clone() };
        let again = |ailment| Trouble::Again { ailment, detail: detail.clone() };
        match (answer.status, code.as_deref()) {
            (429, _) | (_, Some(FLOOD)) => Trouble::Wait { until, scope: Scope::Channel, detail },
            (503, _) if until.is_some() => Trouble::Wait { until, scope: Scope::Channel, detail },
            (500.., _) | (_, None) => again(Ailment::Platform),
            (401, _) => person(Ailment::Credential),
            (403 | 404, _) => person(Ailment::Permission),
            _ => again(Ailment::Parser),
        }
    }

    /// What it means for a comment that was to be published.
    pub(super) fn not_sent(self, now: Timestamp) -> NotSent {
        let (answer, code) = match self {
            Self::Http(error) => return error.into(),
            Self::Refused { ref answer, ref code } => (answer, code.as_deref()),
        };
        match (answer.status, code) {
            (500.., _) => NotSent::Uncertain(self.to_string()),
            (400, Some(code)) if code != FLOOD => NotSent::Refused(self.to_string()),
            (_, Some(code)) if FINAL.contains(&code) => NotSent::Refused(self.to_string()),
            _ => self.trouble(Some(now)).into(),
        }
    }
}
