//! Comments of a WordPress site, read and answered through its REST API with an application password.
//!
//! Comments are listed newest first by id, in every status: an approval, an edit or a removal changes a comment where
//! it stands and leaves no other trace. What a moderator or the spam filter removed is reported as deleted and never
//! becomes a message. A site answers a wrong password with its public comments, so each walk begins by proving who we
//! are, and asks in the `edit` context, which strangers are refused.
//!
//! Facts were observed on WordPress 6.1.9; names are those of
//! <https://developer.wordpress.org/rest-api/reference/comments/>.

mod comment;
mod html;
mod post;
mod site;
mod tree;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use self::comment::Comment;
use self::post::PublishedPost;
use self::site::{Failure, Site};
use self::tree::Tree;
use crate::http::without_words;
use crate::reading::bad;
use crate::registry::{self, BuildError, Secrets};
use crate::{
    Ask, Connector, FeedKey, FeedKind, Http, Identity, Limit, NotSent, Outgoing, Page, Sent, Trouble,
};

const COMMENTS: &str = "comments";
const POSTS: &str = "posts";

/// The most that a list gives at once.
const PAGE: usize = 100;

/// How many are asked for at once, fewer where so many are longer than any answer that is read. Each divides the one
/// before it, so that a walk goes on at the same place.
const SIZES: [u32; 4] = [100, 25, 5, 1];

/// The longest content that the comment table takes, in bytes.
const MOST_BYTES: usize = 65_525;

/// A site.
pub(crate) struct WordPress {
    site: Site,
}

/// What a WordPress channel can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The site's address, such as `https://dinkes.example.go.id`.
    site: String,
    /// The user whose application password is the secret `password`; needs the role Editor.
    user: String,
    /// For sites without address rewriting: `/?rest_route=/wp/v2/...` instead of `/wp-json/wp/v2/...`.
    #[serde(default)]
    rest_route: bool,
}

impl WordPress {
    /// Builds the connector of a channel; its secret is the user's application `password`.
    pub(crate) fn build(
        channel: &ChannelConfig,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let root = registry::url(channel, "site", &settings.site)?;
        let password = registry::secret(channel, secrets, "password")?;
        Ok(Self { site: Site::new(http.clone(), root, settings.rest_route, settings.user, password) })
    }

    /// One page of comments.
    async fn comments(&self, walk: Walk) -> Result<Page, Failure> {
        let (number, size) = (walk.page.to_string(), walk.size.to_string());
        let query = [("orderby", "id"), ("order", "desc"), ("page", &number), ("per_page", &size)];
        let list = self.site.comments(&query).await?;
        let mut page = Page { next: walk.next(list.pages, list.rows.len()), ..Page::default() };
        let mut comments: Vec<(Comment, &RawValue)> = Vec::new();
        for row in &list.rows {
            match comment::read(row) {
                Ok(comment) => comments.push((comment, row)),
                Err(bad) => page.bad.push(bad),
            }
        }
        let tree = Tree::complete(&self.site, comments.iter().map(|(comment, _)| comment)).await?;
        for (comment, row) in comments {
            if comment.is_removed() {
                page.deleted.push(comment.id.to_string());
            } else {
                page.items.push(comment.item(row, tree.root(comment.id), walk.me));
            }
        }
        Ok(page)
    }

    /// One page of the office's posts.
    async fn posts(&self, walk: Walk) -> Result<Page, Failure> {
        let (number, size) = (walk.page.to_string(), walk.size.to_string());
        let query = [
            ("orderby", "date"),
            ("order", "desc"),
            ("page", &number),
            ("per_page", &size),
            ("_fields", "id,date_gmt,link,title,excerpt"),
        ];
        let list = match self.site.list(POSTS, &query).await {
            Ok(list) => list,
            Err(failure) if failure.is(site::BEYOND_LAST_PAGE) => return Ok(Page::default()),
            Err(failure) => return Err(failure),
        };
        let mut page = Page { next: walk.next(list.pages, list.rows.len()), ..Page::default() };
        for raw in &list.rows {
            match serde_json::from_str::<PublishedPost>(raw.get()) {
                Ok(post) => page.posts.push(post.into()),
                Err(error) => page.bad.push(bad(None, without_words(&error), raw.get().as_bytes())),
            }
        }
        Ok(page)
    }

    /// Refuses to answer a comment that is gone: WordPress itself would accept the answer and show it nowhere.
    async fn still_there(&self, id: &str, now: Timestamp) -> Result<(), NotSent> {
        let gone = || NotSent::Refused("the comment that is answered was removed from the site".to_owned());
        match self.site.comment(id).await {
            Ok(comment) if comment.is_removed() => Err(gone()),
            Ok(_) => Ok(()),
            Err(failure) if failure.is_missing() => Err(gone()),
            Err(failure) => Err(failure.trouble(Some(now)).into()),
        }
    }

    /// Our own comment with the reply's words in the reply's place. When it was written does not matter: WordPress
    /// takes the same words by the same author in the same place only once.
    async fn find(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent> {
        let unknown = |failure: Failure| NotSent::Trouble(failure.trouble(Some(now)));
        let me = self.site.me().await.map_err(unknown)?.id.to_string();
        let post = reply.post.as_deref().unwrap_or_default();
        let query =
            [("author", me.as_str()), ("parent", &reply.answers), ("post", post), ("per_page", "100")];
        let list = self.site.comments(&query).await.map_err(unknown)?;
        for row in &list.rows {
            let comment =
                comment::read(row).map_err(|bad| NotSent::Uncertain(format!("an answer: {}", bad.error)))?;
            if comment.says(&reply.text) {
                return Ok(Some(comment.sent()));
            }
        }
        if list.rows.len() >= PAGE {
            return Err(NotSent::Uncertain("too many answers to this comment to search them all".to_owned()));
        }
        Ok(None)
    }
}

#[async_trait]
impl Connector for WordPress {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        [COMMENTS, POSTS].map(|feed| (feed.to_owned(), FeedKind::NewestFirst)).to_vec()
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        let me = self.site.me().await.map_err(|failure| failure.trouble(None))?;
        Ok(Identity { external_id: me.id.to_string(), name: me.name })
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        let trouble = |failure: Failure| failure.trouble(Some(ask.now));
        let mut walk = match ask.page {
            Some(text) => Walk::parse(text).ok_or_else(|| Trouble::Again {
                ailment: Ailment::Parser,
                detail: "the place in the walk cannot be read".to_owned(),
            })?,
            None => Walk { me: self.site.me().await.map_err(trouble)?.id, page: 1, size: SIZES[0] },
        };
        loop {
            let page = match ask.feed {
                COMMENTS => self.comments(walk).await,
                POSTS => self.posts(walk).await,
                feed => {
                    return Err(Trouble::Gone { detail: format!("a WordPress site has no feed {feed:?}") });
                }
            };
            match (page, walk.in_smaller_steps()) {
                (Err(failure), Some(smaller)) if failure.is_too_large() => walk = smaller,
                (page, _) => return page.map_err(trouble),
            }
        }
    }

    fn check(&self, reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        let has = html::escape(&reply.text).len();
        if has > MOST_BYTES {
            return Err(Limit::Length { platform: "WordPress", unit: "bytes", has, most: MOST_BYTES });
        }
        if reply.post.is_none() {
            return Err(Limit::NotAnswerable("the comment that is answered stands under no post"));
        }
        Ok(())
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        self.still_there(&reply.answers, now).await?;
        let content = html::escape(&reply.text);
        let body = json!({ "post": reply.post, "parent": reply.answers, "content": content });
        match self.site.publish(&body).await {
            Ok(comment) => Ok(comment.sent()),
            Err(failure) if failure.is(site::DUPLICATE) => self.find(reply, now).await?.ok_or_else(|| {
                NotSent::Uncertain("the site says that it has this answer, but does not show it".to_owned())
            }),
            Err(failure) => Err(failure.not_sent(now)),
        }
    }

    async fn look_up(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent> {
        self.find(reply, now).await
    }
}

/// Where a walk down a list stands: who we were when it began, the page that comes next, and how long pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Walk {
    me: u64,
    page: u32,
    size: u32,
}

impl Walk {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next()?.parse::<u64>().ok();
        let (me, page, size) = (part()?, u32::try_from(part()?).ok()?, u32::try_from(part()?).ok()?);
        SIZES.contains(&size).then_some(Self { me, page, size })
    }

    /// The same place with shorter pages, where they can be shorter.
    fn in_smaller_steps(self) -> Option<Self> {
        let size = SIZES.into_iter().find(|size| *size < self.size)?;
        let page = self.page.saturating_sub(1).saturating_mul(self.size / size).saturating_add(1);
        Some(Self { page, size, ..self })
    }

    /// The walk's next page. Only the total tells the end; where a proxy strips it, an empty page does.
    fn next(self, pages: Option<u32>, rows: usize) -> Option<String> {
        let more = pages.map_or(rows > 0, |pages| self.page < pages);
        more.then(|| format!("{}/{}/{}", self.me, self.page.saturating_add(1), self.size))
    }
}
