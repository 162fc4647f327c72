//! Professional Instagram accounts: comments, mentions and direct messages.
//!
//! The list of media tells how many comments each has; each media's comments are a feed of their own. Answers to a
//! comment come with it, as far as they fit; where there are more, they are a feed as well. Mentions elsewhere are
//! known through webhooks only and are read one by one. Settings are those of [`Settings`]; secrets are `token`, and
//! for webhooks `app_secret` and `verify_token`.

mod payload;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::ChannelConfig;
use sahut_domain::message::Surface;
use serde::Deserialize;

use crate::graph::hook::{Change, Hook, Notification};
use crate::graph::inbox::{self, Inbox};
use crate::graph::{
    self, Failure, Graph, List, Next, Published, Watch, account_is_gone, gather, page_of, search,
    settle_duplicate, wake,
};
use crate::registry::{self, Secrets};
use crate::{
    Ask, BadItem, BuildError, Connector, Delivery, FeedKey, FeedKind, Http, Identity, Limit, NotSent,
    Outgoing, Page, Push, PushRefused, Sent, Trouble,
};
use payload::{COMMENT_FIELDS, Comment, CommentChange, MEDIA_FIELDS, Media, MentionChange, Mentioned};

/// A channel's settings. An unknown one is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The account's identifier, in the API that `base_url` names: the two APIs have different ones.
    ig_user_id: String,
    /// The page that the account is linked to: with `graph.facebook.com`, direct messages are the page's.
    page_id: Option<String>,
    /// Where Graph lives: `https://graph.facebook.com` or `https://graph.instagram.com`.
    #[serde(default = "base_url")]
    base_url: String,
    /// The version of Graph that is spoken.
    #[serde(default = "version")]
    version: String,
    /// Whether Meta granted the account the seven days of a human agent in direct messages.
    #[serde(default)]
    human_agent: bool,
    /// How many of the newest media are watched for comments.
    #[serde(default = "posts_watched")]
    posts_watched: usize,
    /// The shortest pause between two calls for direct messages, in milliseconds.
    #[serde(default = "inbox::pause_ms")]
    direct_pause_ms: u64,
    /// The longest comment, in characters.
    #[serde(default = "comment_limit")]
    comment_limit: usize,
    /// The longest direct message, in bytes of UTF-8.
    #[serde(default = "message_limit")]
    message_limit: usize,
}

fn base_url() -> String {
    graph::BASE_URL.to_owned()
}

fn version() -> String {
    graph::VERSION.to_owned()
}

fn posts_watched() -> usize {
    50
}

fn comment_limit() -> usize {
    2_200
}

fn message_limit() -> usize {
    1_000
}

/// One account.
pub(crate) struct Instagram {
    graph: Graph,
    account: String,
    posts_watched: usize,
    comment_limit: usize,
    inbox: Inbox,
    hook: Option<Hook>,
}

impl Instagram {
    /// Builds the connector of a channel.
    pub(crate) fn build(
        channel: &ChannelConfig,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let page = settings.page_id;
        let inbox = Inbox {
            platform: "Instagram",
            kind: "instagram",
            own: std::iter::once(settings.ig_user_id.clone()).chain(page.clone()).collect(),
            node: page.unwrap_or_else(|| settings.ig_user_id.clone()),
            pause: Duration::from_millis(settings.direct_pause_ms),
            human_agent: settings.human_agent,
            unit: ("bytes", str::len),
            most: settings.message_limit,
        };
        Ok(Self {
            graph: Graph::new(channel, &settings.base_url, &settings.version, secrets, http)?,
            account: settings.ig_user_id,
            posts_watched: settings.posts_watched,
            comment_limit: settings.comment_limit,
            inbox,
            hook: Hook::new(secrets),
        })
    }
}

#[async_trait]
impl Connector for Instagram {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        ["media", "conversations"].map(|feed| (feed.to_owned(), FeedKind::NewestFirst)).to_vec()
    }

    fn pace(&self, feed: &str) -> Duration {
        self.inbox.pace(feed)
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        self.graph.identify(&self.account, "id,username,name", &self.account).await
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        let mut name = ask.feed.splitn(3, ':');
        match (name.next(), name.next(), name.next()) {
            (Some("media"), None, None) => self.media(&ask).await.map_err(account_is_gone),
            (Some("conversations"), None, None) => {
                self.inbox.conversations(&self.graph, &ask).await.map_err(account_is_gone)
            }
            (Some("comments"), Some(media), None) => self.comments(media, &ask).await,
            (Some("replies"), Some(comment), Some(media)) => self.replies(comment, media, &ask).await,
            (Some("mention"), Some(comment), Some(media)) => self.mention(comment, media, &ask).await,
            (Some("conversation"), Some(id), None) => self.inbox.conversation(&self.graph, id, &ask).await,
            _ => Err(Trouble::Gone { detail: format!("there is no feed {:?}", ask.feed) }),
        }
    }

    fn check(&self, reply: &Outgoing, now: Timestamp) -> Result<(), Limit> {
        match reply.surface {
            Surface::Direct => self.inbox.check(reply, now),
            Surface::Comment | Surface::Mention => {
                let (has, most) = (reply.text.chars().count(), self.comment_limit);
                let long = Limit::Length { platform: "Instagram", unit: "characters", has, most };
                if has > most { Err(long) } else { Ok(()) }
            }
            _ => Err(Limit::NotAnswerable(
                "Instagram takes answers to comments, mentions and direct messages only",
            )),
        }
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        let sent = match reply.surface {
            Surface::Direct => return self.inbox.send(&self.graph, reply, now).await,
            Surface::Mention => self.answer_mention(reply).await,
            // Answers go to the top-level comment, wherever in its tree the answered one stands.
            _ => {
                let form = [("message", &*reply.text)];
                self.graph.publish(&[&reply.thread, "replies"], |request| request.form(&form)).await
            }
        };
        match sent {
            Ok(published) => Ok(published.sent(now)),
            Err(Failure::Graph(fault)) if fault.is_duplicate() => {
                settle_duplicate(self.look_up(reply, now).await)
            }
            Err(failure) => Err(failure.not_sent(now)),
        }
    }

    async fn look_up(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent> {
        match (reply.surface, &reply.post) {
            (Surface::Direct, _) => {
                search(self, &format!("conversation:{}", reply.thread), true, reply, now).await
            }
            (Surface::Comment, Some(media)) => {
                search(self, &format!("replies:{}:{media}", reply.thread), false, reply, now).await
            }
            _ => Err(NotSent::Uncertain(
                "Instagram does not show what was written under others' media".to_owned(),
            )),
        }
    }

    fn push(&self) -> Option<&dyn Push> {
        self.hook.as_ref().map(|_| self as &dyn Push)
    }
}

impl Push for Instagram {
    fn challenge(&self, query: &[(String, String)]) -> Result<String, PushRefused> {
        self.hook.as_ref().ok_or(PushRefused::Signature)?.challenge(query)
    }

    fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Delivery, PushRefused> {
        self.hook.as_ref().ok_or(PushRefused::Signature)?.admit(header, body)
    }

    fn owns(&self, account: &str) -> bool {
        self.inbox.own.iter().any(|own| own == account)
    }

    /// What can be read again is, so that it is read in one way only. Comments on live videos cannot.
    fn read_delivery(&self, body: &[u8], received_at: Timestamp) -> Result<Page, Trouble> {
        let mut page = Page::default();
        for entry in Notification::read(body)?.entry {
            if !self.owns(&entry.id) {
                continue;
            }
            for change in &entry.changes {
                let changed = self.changed(change, entry.at().unwrap_or(received_at), &mut page);
                page.bad.extend(changed.err());
            }
            entry.messages(&mut page);
        }
        Ok(page)
    }
}

impl Instagram {
    /// The newest media.
    async fn media(&self, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let watch = Watch::new(ask, self.posts_watched);
        let query = [("fields", MEDIA_FIELDS), ("limit", &watch.limit())];
        let answer = self.graph.list(&[&self.account, "media"], &query, &watch.next, ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        page.next = watch.further(list.data.len(), page.next);
        gather(&mut page, &list, |media: Media, _, page| {
            page.feeds.push(media.feed());
            page.posts.push(media.into_post());
        });
        Ok(page)
    }

    /// The comments under one media, newest first, each with its replies as far as they fit.
    async fn comments(&self, media: &str, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let fields = format!("{COMMENT_FIELDS},replies.limit(50){{{COMMENT_FIELDS}}}");
        self.comment_list(&[media, "comments"], &fields, media, None, ask).await
    }

    /// The replies to one comment.
    async fn replies(&self, comment: &str, media: &str, ask: &Ask<'_>) -> Result<Page, Trouble> {
        self.comment_list(&[comment, "replies"], COMMENT_FIELDS, media, Some(comment), ask).await
    }

    async fn comment_list(
        &self,
        edge: &[&str],
        fields: &str,
        media: &str,
        below: Option<&str>,
        ask: &Ask<'_>,
    ) -> Result<Page, Trouble> {
        let query = [("fields", fields), ("limit", "50")];
        let answer = self.graph.list(edge, &query, &Next::new(ask.page), ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        gather(&mut page, &list, |comment: Comment<'_>, raw, page| {
            comment.gather(raw, media, below, &self.inbox.own, page);
        });
        Ok(page)
    }

    /// One mention: a comment under somebody's media, or without a comment, the media itself.
    async fn mention(&self, comment: &str, media: &str, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let fields = if comment.is_empty() {
            format!("mentioned_media.media_id({media}){{id,caption,timestamp,permalink,username}}")
        } else {
            format!(
                "mentioned_comment.comment_id({comment}){{id,text,timestamp,username,media{{id,permalink}}}}"
            )
        };
        let answer =
            self.graph.list(&[&self.account], &[("fields", &fields)], &Next::new(None), ask.now).await?;
        let mentioned: Mentioned<'_> = answer.json()?;
        let mut page = page_of(&answer, &List::default())?;
        if let Some(raw) = mentioned.mentioned_comment {
            gather(&mut page, &List::of(raw), |comment: Comment<'_>, raw, page| {
                page.items.push(comment.into_mention(raw, media));
            });
        }
        if let Some(raw) = mentioned.mentioned_media {
            gather(&mut page, &List::of(raw), |media: Media, raw, page| {
                page.items.push(media.into_item(raw));
            });
        }
        Ok(page)
    }

    async fn answer_mention(&self, reply: &Outgoing) -> Result<Published, Failure> {
        let media = reply.post.as_deref().unwrap_or(&reply.thread);
        let mut form = vec![("media_id", media), ("message", &*reply.text)];
        form.extend((reply.answers != media).then_some(("comment_id", &*reply.answers)));
        self.graph.publish(&[&self.account, "mentions"], |request| request.form(&form)).await
    }

    fn changed(&self, change: &Change<'_>, at: Timestamp, page: &mut Page) -> Result<(), BadItem> {
        match &*change.field {
            "comments" => {
                let (told, _) = change.told::<CommentChange>()?;
                page.feeds.extend(told.media().map(|media| wake(format!("comments:{media}"))));
            }
            "live_comments" => {
                let (told, raw) = change.told::<CommentChange>()?;
                page.items.push(told.into_item(raw, &self.inbox.own, at));
            }
            "mentions" => {
                let (told, _) = change.told::<MentionChange>()?;
                let comment = told.comment_id.unwrap_or_default();
                page.feeds.push(wake(format!("mention:{comment}:{}", told.media_id)));
            }
            _ => {}
        }
        Ok(())
    }
}
