//! Pages: what one answer of a platform held, stored so that storing it again changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::fault;
use sahut_domain::message::{Attachment, Item, Post, Surface};
use sahut_domain::office::OfficeCode;

use super::FeedFound;
use super::changes::{Known, News, digest, short_hash};
use super::payload::pack;
use crate::value::{args, row, without_nul};
use crate::work::Stage;
use crate::{StoreError, Tx};

/// What one page held, ready to be stored.
#[derive(Debug, Clone, Default)]
pub struct NewPage {
    /// Messages. Where one stands twice, the first one counts.
    pub items: Vec<Item>,
    /// The office's own posts.
    pub posts: Vec<Post>,
    /// Unreadable items: key, error, payload.
    pub bad: Vec<(String, String, Vec<u8>)>,
    /// It holds rows of an imported file, which nobody can show again.
    pub imported: bool,
    /// Feeds that were found.
    pub feeds: Vec<FeedFound>,
    /// External ids of messages that are deleted.
    pub deleted: Vec<String>,
    /// Answers of ours that came back: external ids of the report among the items and of the answer, and why.
    pub returned: Vec<(String, String, String)>,
    /// Office that the source already knew, by external id of the message (imports).
    pub given: HashMap<String, OfficeCode>,
}

/// What storing a page found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Messages that were not known.
    pub new: usize,
    /// Messages that had changed.
    pub changed: usize,
    /// Messages that were known as they are.
    pub known: usize,
    /// Answers of ours among the known ones that the platform shows for the first time.
    pub read_back: usize,
    /// Unreadable items that were not known.
    pub quarantined: usize,
    /// Feeds that are new, or of which the platform said something new.
    pub feeds: usize,
}

impl Tx {
    /// Stores a page: what is new, what has changed, what is gone, what could not be read. What is known as it is costs
    /// one look-up. Call it again with the same page and nothing happens.
    pub async fn store_page(
        &mut self,
        channel: ChannelId,
        page: NewPage,
        now: Timestamp,
    ) -> Result<Stored, StoreError> {
        let mut page = page.cleaned(now);
        let items = std::mem::take(&mut page.items);
        let mut stored = Stored::default();
        let known = self.known_messages(channel, &items).await?;
        let mut seen = HashSet::with_capacity(items.len());
        let mut fresh = Vec::new();
        for item in items {
            if seen.contains(&item.external_id) {
                stored.known += 1;
                continue;
            }
            seen.insert(item.external_id.clone());
            match known.get(&item.external_id).map(|known| (known, known.compare(&item))) {
                None => fresh.push(item),
                Some((_, News::Nothing)) => stored.known += 1,
                Some((known, News::ReadBack)) => {
                    self.read_back(known.id, &item).await?;
                    stored.known += 1;
                    stored.read_back += 1;
                }
                Some((known, News::Changed)) => {
                    self.revise(channel, known.id, &item, now).await?;
                    stored.changed += 1;
                }
            }
        }
        stored.new = fresh.len();
        // A report that is read again says nothing new: the answer may have been sent again since.
        page.returned.retain(|(report, ..)| fresh.iter().any(|item| item.external_id == *report));
        self.store_posts(channel, page.posts, now).await?;
        self.store_items(channel, fresh, &page.given, now).await?;
        stored.changed += self.mark_deleted(channel, &page.deleted, now).await?;
        for (_, reply, error) in &page.returned {
            self.take_back_reply(channel, reply, error, now).await?;
        }
        let stage = if page.imported { "import" } else { "page" };
        stored.quarantined = self.store_bad(channel, stage, page.bad, now).await?;
        stored.feeds = self.note_feeds(channel, page.feeds, now).await?;
        fault::point("collect.before_commit");
        Ok(stored)
    }

    async fn known_messages(
        &mut self,
        channel: ChannelId,
        items: &[Item],
    ) -> Result<HashMap<String, Known>, StoreError> {
        const KNOWN: &str =
            "SELECT external_id, id, digest, edited_at FROM message WHERE channel_id = $1 AND external_id";
        let keys = items.iter().map(|item| &item.external_id).collect();
        let known = self.rows_in(KNOWN, args![channel], keys, |row| {
            Ok((row.get(0)?, Known { id: row.get(1)?, digest: row.get(2)?, edited_at: row.get(3)? }))
        });
        Ok(known.await?.into_iter().collect())
    }

    async fn store_items(
        &mut self,
        channel: ChannelId,
        items: Vec<Item>,
        given: &HashMap<String, OfficeCode>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        let citizens = self.citizens(channel, &items).await?;
        let threads = self.threads(channel, &items).await?;
        let payload = self.store_payload(channel, &items, now).await?;
        let activity = Activity::of(&items);
        let mut ids = self.ids("message", items.len()).await?;
        let mut rows = Vec::with_capacity(items.len());
        for (index, mut item) in items.into_iter().enumerate() {
            let citizen = if item.own { None } else { citizens.get(&citizen_key(&item)).copied() };
            let digest = digest(&item);
            let given = given.get(&item.external_id);
            let attachments = attachments(std::mem::take(&mut item.attachments));
            let disposition = if item.automatic && !item.own { "automatic" } else { "waiting" };
            let thread = threads.get(&(item.thread.surface, item.thread.external_id)).copied();
            rows.push(row![
                ids.next()?,
                channel,
                item.external_id,
                thread,
                citizen,
                item.parent,
                item.text,
                item.subject,
                item.written_at,
                item.edited_at,
                now,
                item.visibility.as_str(),
                item.permalink,
                attachments,
                digest,
                payload,
                i64::try_from(index).unwrap_or(0),
                item.own,
                disposition,
                given
            ]);
        }
        const STORE: &str = "INSERT INTO message (id, channel_id, external_id, thread_id, citizen_id, parent, text, \
             subject, written_at, edited_at, recorded_at, visibility, permalink, attachments, digest, payload_id, \
             payload_index, own, disposition, given_office) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.insert(STORE, rows).await?;
        self.note_activity(channel, activity).await?;
        self.recover_stored(channel, now).await?;
        self.wake(Stage::Route);
        Ok(())
    }

    /// Keeps the channel's rhythm: a smoothed gap between messages, so that silence can be told from quiet.
    async fn note_activity(&mut self, channel: ChannelId, activity: Activity) -> Result<(), StoreError> {
        // Each batch moves the mean gap by a quarter of its distance. A first batch has no gap to measure.
        const NOTE: &str = "UPDATE channel SET
                rhythm = CASE WHEN item_at IS NULL OR $2 IS NULL OR $2 <= item_at THEN rhythm
                    ELSE COALESCE((rhythm * 3 + ($2 - item_at) / 1000000 / $4) / 4, ($2 - item_at) / 1000000 / $4) END,
                silence_told_at = CASE WHEN $2 > COALESCE(item_at, 0) THEN NULL ELSE silence_told_at END,
                item_at = CASE WHEN $2 > COALESCE(item_at, 0) THEN $2 ELSE item_at END,
                own_at = CASE WHEN $3 > COALESCE(own_at, 0) THEN $3 ELSE own_at END
            WHERE id = $1";
        let Activity { newest, newest_own, inbound } = activity;
        self.exec(NOTE, args![channel, newest, newest_own, inbound.max(1)]).await?;
        Ok(())
    }

    /// The rows of the items' authors, made where they are new.
    async fn citizens(
        &mut self,
        channel: ChannelId,
        items: &[Item],
    ) -> Result<HashMap<String, i64>, StoreError> {
        // In order, so that two workers with the same new authors wait for each other instead of blocking each other.
        let mut wanted: BTreeMap<String, &Item> = BTreeMap::new();
        for item in items.iter().filter(|item| !item.own) {
            wanted.entry(citizen_key(item)).or_insert(item);
        }
        const KNOWN: &str = "SELECT key, id FROM citizen WHERE channel_id = $1 AND key";
        let known = self
            .rows_in(KNOWN, args![channel], wanted.keys().collect(), |row| Ok((row.get(0)?, row.get(1)?)));
        let mut found: HashMap<String, i64> = known.await?.into_iter().collect();
        wanted.retain(|key, _| !found.contains_key(key));
        let mut ids = self.ids("citizen", wanted.len()).await?;
        let mut rows = Vec::with_capacity(wanted.len());
        for (key, item) in wanted {
            let (id, author) = (ids.next()?, &item.author);
            let (external_id, name, handle) =
                (author.external_id.as_ref(), author.name.as_ref(), author.handle.as_ref());
            rows.push(row![id, channel, &key, external_id, name, handle]);
            found.insert(key, id);
        }
        const MAKE: &str =
            "INSERT INTO citizen (id, channel_id, key, external_id, name, handle) VALUES (?, ?, ?, ?, ?, ?)";
        self.insert(MAKE, rows).await?;
        Ok(found)
    }

    /// The rows of the items' threads, made where they are new.
    async fn threads(
        &mut self,
        channel: ChannelId,
        items: &[Item],
    ) -> Result<HashMap<(Surface, String), i64>, StoreError> {
        let mut wanted: BTreeMap<(Surface, String), Option<&String>> = BTreeMap::new();
        for item in items {
            let key = (item.thread.surface, item.thread.external_id.clone());
            wanted.entry(key).or_insert(item.thread.post.as_ref());
        }
        const KNOWN: &str =
            "SELECT surface, external_id, id FROM thread WHERE channel_id = $1 AND external_id";
        let keys = wanted.keys().map(|(_, external_id)| external_id).collect();
        let known = self
            .rows_in(KNOWN, args![channel], keys, |row| Ok(((row.word(0)?, row.get(1)?), row.get(2)?)))
            .await?;
        let mut found: HashMap<(Surface, String), i64> = known.into_iter().collect();
        wanted.retain(|key, _| !found.contains_key(key));
        let mut ids = self.ids("thread", wanted.len()).await?;
        let mut rows = Vec::with_capacity(wanted.len());
        for ((surface, external_id), post) in wanted {
            let id = ids.next()?;
            rows.push(row![id, channel, surface.as_str(), &external_id, post]);
            found.insert((surface, external_id), id);
        }
        const MAKE: &str =
            "INSERT INTO thread (id, channel_id, surface, external_id, post) VALUES (?, ?, ?, ?, ?)";
        self.insert(MAKE, rows).await?;
        Ok(found)
    }

    async fn store_payload(
        &mut self,
        channel: ChannelId,
        items: &[Item],
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        if items.iter().all(|item| item.raw.is_empty()) {
            return Ok(None);
        }
        let body = pack(items.iter().map(|item| item.raw.as_slice()));
        let id = self.id("payload").await?;
        const STORE: &str = "INSERT INTO payload (id, channel_id, received_at, body) VALUES ($1, $2, $3, $4)";
        self.exec(STORE, args![id, channel, now, body]).await?;
        Ok(Some(id))
    }

    async fn store_posts(
        &mut self,
        channel: ChannelId,
        posts: Vec<Post>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const KNOWN: &str = "SELECT external_id, text FROM post WHERE channel_id = $1 AND external_id";
        let keys = posts.iter().map(|post| &post.external_id).collect();
        let known = self.rows_in(KNOWN, args![channel], keys, |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let known: HashMap<String, String> = known.into_iter().collect();
        let mut news: BTreeMap<String, Post> = BTreeMap::new();
        for post in posts {
            if known.get(&post.external_id) != Some(&post.text) {
                news.insert(post.external_id.clone(), post);
            }
        }
        let newest_own = news.values().map(|post| post.published_at).max();
        let mut ids = self.ids("post", news.len()).await?;
        let mut rows = Vec::with_capacity(news.len());
        for post in news.into_values() {
            let id = ids.next()?;
            rows.push(row![id, channel, post.external_id, post.text, post.published_at, post.permalink, now]);
        }
        const STORE: &str = "INSERT INTO post (id, channel_id, external_id, text, published_at, permalink, recorded_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (channel_id, external_id) DO UPDATE SET text = excluded.text, permalink = excluded.permalink";
        if self.insert(STORE, rows).await? > 0 {
            self.note_activity(channel, Activity { newest_own, ..Activity::default() }).await?;
        }
        Ok(())
    }
}

/// What new items say about how lively a channel is.
#[derive(Default)]
struct Activity {
    newest: Option<Timestamp>,
    newest_own: Option<Timestamp>,
    inbound: i64,
}

impl Activity {
    fn of(items: &[Item]) -> Self {
        let mut activity = Self::default();
        for item in items {
            let newest = if item.own { &mut activity.newest_own } else { &mut activity.newest };
            *newest = (*newest).max(Some(item.written_at));
            activity.inbound += i64::from(!item.own);
        }
        activity
    }
}

impl NewPage {
    /// Whether there is nothing in it to store.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.posts.is_empty()
            && self.bad.is_empty()
            && self.feeds.is_empty()
            && self.deleted.is_empty()
    }

    /// Takes out what the database cannot hold: NUL in what identifies, and things without an identifier. Such items
    /// are set apart, so that their neighbours flow. What claims to come from the future was written now at the latest:
    /// a clock that is ahead must not push a deadline away, or put a question after its answer.
    fn cleaned(mut self, now: Timestamp) -> Self {
        let mut items = Vec::with_capacity(self.items.len());
        for mut item in self.items {
            clean(&mut item.external_id);
            clean(&mut item.thread.external_id);
            item.written_at = item.written_at.min(now);
            let author = &mut item.author;
            [&mut author.external_id, &mut author.name, &mut author.handle]
                .into_iter()
                .flatten()
                .for_each(clean);
            if item.external_id.is_empty() || item.thread.external_id.is_empty() {
                let error = "the platform gave it no identifier".to_owned();
                self.bad.push((item.external_id, error, item.raw));
            } else {
                items.push(item);
            }
        }
        self.items = items;
        for post in &mut self.posts {
            clean(&mut post.external_id);
            post.published_at = post.published_at.min(now);
        }
        self.posts.retain(|post| !post.external_id.is_empty());
        self.feeds.iter_mut().for_each(|feed| clean(&mut feed.key));
        self.feeds.retain(|feed| !feed.key.is_empty());
        self.deleted.iter_mut().for_each(clean);
        self.returned.iter_mut().for_each(|(report, ..)| clean(report));
        for (key, _, raw) in &mut self.bad {
            clean(key);
            if key.is_empty() {
                *key = format!("?{}", short_hash("bad", raw));
            }
        }
        self
    }
}

fn clean(text: &mut String) {
    *text = without_nul(std::mem::take(text));
}

/// Identifies an item's author; where the platform withholds the author, the item stands for itself, so that two
/// unknown people are not taken for one.
fn citizen_key(item: &Item) -> String {
    match item.author.key() {
        Some(key) => key.to_owned(),
        None => format!("?{}", item.external_id),
    }
}

/// What is told of attachments. Their content is in the raw payload, in the same order, and goes when that goes.
fn attachments(mut all: Vec<Attachment>) -> Option<String> {
    for attachment in &mut all {
        attachment.content = None;
    }
    if all.is_empty() { None } else { serde_json::to_string(&all).ok() }
}
