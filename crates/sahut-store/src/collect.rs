//! What the collect stage asks of the database: channels to read, pages to store, deliveries to keep.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;

use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig, ChannelId, ChannelState, Health};
use sahut_domain::event::EventKind;
use sahut_domain::fault;
use sahut_domain::message::{Item, MessageId, Post, Visibility};
use sahut_domain::office::OfficeCode;
use sahut_domain::work::{Lease, Outcome};
use sha2::{Digest as _, Sha256};

use crate::journal::NewEvent;
use crate::value::{Row, Value, args};
use crate::work::{Claim, Owed, Stage};
use crate::{StoreError, Tx};

/// A channel as the collect stage sees it.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its row.
    pub id: ChannelId,
    /// As configured.
    pub config: ChannelConfig,
    /// Whether it is read.
    pub state: ChannelState,
    /// Everything that the platform showed up to this moment has been stored.
    pub watermark: Option<Timestamp>,
    /// When the last read ended well.
    pub read_at: Option<Timestamp>,
    /// When the newest message was written.
    pub item_at: Option<Timestamp>,
    /// When the office itself last posted or answered there.
    pub own_at: Option<Timestamp>,
    /// Smoothed gap between messages, in seconds.
    pub rhythm: Option<i64>,
    /// How it does.
    pub health: Health,
    /// Reads in a row that went wrong.
    pub failures: i64,
}

/// A feed of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Its row.
    pub id: i64,
    /// Name within the channel.
    pub key: String,
    /// How it is read: `queue`, `growing` or `newest_first`.
    pub kind: String,
    /// Found while reading another feed.
    pub found: bool,
    /// Durable position.
    pub cursor: Option<String>,
    /// The platform's counter as last seen.
    pub counter: Option<String>,
    /// The counter as it stood at the last complete walk.
    pub walked_counter: Option<String>,
    /// How many messages the platform says are in it.
    pub count: Option<i64>,
    /// How many it said at the last complete walk.
    pub walked_count: Option<i64>,
    /// Start of the last complete walk.
    pub walked_at: Option<Timestamp>,
    /// Start of the last complete walk down to the very end.
    pub walked_deep_at: Option<Timestamp>,
    /// A wake-up came for it and it has not been walked since.
    pub urgent_at: Option<Timestamp>,
    /// When the platform last said something new about it.
    pub seen_at: Timestamp,
}

/// A feed that was found, or that every channel of the platform has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFound {
    /// Name within the channel.
    pub key: String,
    /// How it is read.
    pub kind: &'static str,
    /// Found while reading another feed.
    pub found: bool,
    /// The platform's counter.
    pub counter: Option<String>,
    /// How many messages the platform says are in it.
    pub count: Option<i64>,
    /// Read it as soon as possible.
    pub urgent: bool,
}

/// What one page held, ready to be stored.
#[derive(Debug, Clone, Default)]
pub struct NewPage {
    /// Messages.
    pub items: Vec<Item>,
    /// The office's own posts.
    pub posts: Vec<Post>,
    /// Unreadable items: key, error, payload.
    pub bad: Vec<(String, String, Vec<u8>)>,
    /// Feeds that were found.
    pub feeds: Vec<FeedFound>,
    /// External ids of messages that are deleted.
    pub deleted: Vec<String>,
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
    /// Unreadable items that were not known.
    pub quarantined: usize,
}

/// How a round of reading a channel ended.
#[derive(Debug, Clone)]
pub struct RoundEnd {
    /// When to read it again.
    pub next_at: Timestamp,
    /// The moment that the round began, when everything that was due was read to its end.
    pub complete_since: Option<Timestamp>,
    /// What went wrong, if anything: what ails it, and the words for the operator.
    pub trouble: Option<(Ailment, String)>,
    /// Stop reading until a person mends it.
    pub park: bool,
}

/// An admitted delivery that is to be read.
#[derive(Debug, Clone)]
pub struct DeliveryWork {
    /// The lease.
    pub lease: Lease<i64>,
    /// Its channel.
    pub channel: ChannelId,
    /// The raw bytes.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

const CHANNEL_COLUMNS: &str = "SELECT id, code, office, platform, name, settings, secrets, state, watermark, read_at, \
    item_at, own_at, rhythm, ailment, ailment_detail, ailment_since, failures FROM channel";

const FEED_COLUMNS: &str = "SELECT id, key, kind, found, cursor, counter, walked_counter, count, walked_count, \
    walked_at, walked_deep_at, urgent_at, seen_at FROM feed";

fn channel(row: &Row) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: row.get(0)?,
        config: ChannelConfig {
            code: row.get(1)?,
            office: row.get(2)?,
            platform: row.word(3)?,
            name: row.get(4)?,
            settings: row.json(5)?,
            secrets: row.json(6)?,
        },
        state: row.word(7)?,
        watermark: row.get(8)?,
        read_at: row.get(9)?,
        item_at: row.get(10)?,
        own_at: row.get(11)?,
        rhythm: row.get(12)?,
        health: Health { ailment: row.opt_word(13)?, detail: row.get(14)?, since: row.get(15)? },
        failures: row.get(16)?,
    })
}

fn feed(row: &Row) -> Result<Feed, StoreError> {
    Ok(Feed {
        id: row.get(0)?,
        key: row.get(1)?,
        kind: row.get(2)?,
        found: row.get(3)?,
        cursor: row.get(4)?,
        counter: row.get(5)?,
        walked_counter: row.get(6)?,
        count: row.get(7)?,
        walked_count: row.get(8)?,
        walked_at: row.get(9)?,
        walked_deep_at: row.get(10)?,
        urgent_at: row.get(11)?,
        seen_at: row.get(12)?,
    })
}

/// Channels.
impl Tx {
    /// All channels that are configured, by code.
    pub async fn channels(&mut self) -> Result<Vec<Channel>, StoreError> {
        self.rows(&format!("{CHANNEL_COLUMNS} WHERE retired = 0 ORDER BY code"), args![], channel).await
    }

    /// The channel with this code.
    pub async fn channel(&mut self, code: &str) -> Result<Option<Channel>, StoreError> {
        self.opt(&format!("{CHANNEL_COLUMNS} WHERE code = $1 AND retired = 0"), args![code], channel).await
    }

    /// Claims channels whose time has come, those that waited longest first.
    pub async fn claim_channels(
        &mut self,
        claim: &Claim<'_>,
    ) -> Result<Vec<(Lease<ChannelId>, Channel)>, StoreError> {
        let sql = format!(
            "UPDATE channel SET attempt = attempt + 1, lease_owner = $1, lease_until = $2 WHERE id IN
             (SELECT id FROM channel WHERE state = 'active' AND retired = 0 AND not_before <= $3
              AND (lease_until IS NULL OR lease_until <= $3) AND platform <> 'import'
              ORDER BY not_before, id LIMIT $4{})
             RETURNING id, attempt",
            self.dialect().skip_locked()
        );
        let until = claim.until;
        let leases: Vec<Lease<ChannelId>> = self
            .rows(&sql, args![claim.owner, until, claim.now, claim.limit], |row| {
                Ok(Lease { id: row.get(0)?, attempt: row.get(1)?, until })
            })
            .await?;
        let ids: Vec<Value> = leases.iter().map(|lease| Value::from(lease.id)).collect();
        let found = self.rows_in(&format!("{CHANNEL_COLUMNS} WHERE id"), &[], ids, channel).await?;
        let mut by_id: HashMap<ChannelId, Channel> = found.into_iter().map(|found| (found.id, found)).collect();
        Ok(leases.into_iter().filter_map(|lease| Some((lease, by_id.remove(&lease.id)?))).collect())
    }

    /// The feeds of a channel that can still be read.
    pub async fn feeds(&mut self, channel: ChannelId) -> Result<Vec<Feed>, StoreError> {
        self.rows(&format!("{FEED_COLUMNS} WHERE channel_id = $1 AND gone = 0 ORDER BY id"), args![channel], feed).await
    }

    /// Notes feeds, with what the platform says of them. Nothing is written for what has not changed.
    pub async fn note_feeds(
        &mut self,
        channel: ChannelId,
        feeds: Vec<FeedFound>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known: HashMap<String, (Option<String>, Option<i64>)> = self
            .rows_in(
                "SELECT key, counter, count FROM feed WHERE channel_id = $1 AND gone = 0 AND key",
                &args![channel],
                feeds.iter().map(|feed| Value::from(&feed.key)).collect(),
                |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))),
            )
            .await?
            .into_iter()
            .collect();
        let news: Vec<FeedFound> = feeds
            .into_iter()
            .filter(|feed| feed.urgent || known.get(&feed.key) != Some(&(feed.counter.clone(), feed.count)))
            .collect();
        let mut ids = self.ids("feed", news.len()).await?;
        for feed in news {
            const UPSERT: &str = "INSERT INTO feed (id, channel_id, key, kind, found, counter, count, urgent_at, seen_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (channel_id, key) DO UPDATE SET
                    counter = COALESCE(excluded.counter, feed.counter),
                    count = COALESCE(excluded.count, feed.count),
                    urgent_at = COALESCE(excluded.urgent_at, feed.urgent_at),
                    seen_at = excluded.seen_at, gone = 0";
            let urgent_at = feed.urgent.then_some(now);
            let id = ids.next()?;
            let values = args![
                id, channel, feed.key, feed.kind, feed.found, feed.counter, feed.count, urgent_at, now
            ];
            self.exec(UPSERT, values).await?;
        }
        Ok(())
    }

    /// Makes a channel due now: a wake-up came for it.
    pub async fn hurry_channel(&mut self, channel: ChannelId, now: Timestamp) -> Result<(), StoreError> {
        self.exec("UPDATE channel SET not_before = $2 WHERE id = $1 AND not_before > $2", args![channel, now]).await?;
        self.wake(Stage::Collect);
        Ok(())
    }

    /// Keeps the lease on a channel for longer. `false`: it was lost, or a person paused the channel.
    pub async fn keep_channel(&mut self, lease: Lease<ChannelId>, until: Timestamp) -> Result<bool, StoreError> {
        const KEEP: &str = "UPDATE channel SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'active'";
        Ok(self.exec(KEEP, args![lease.id, lease.attempt, until]).await? == 1)
    }

    /// Moves a feed's durable position; part of the transaction that stores the page before it.
    pub async fn move_cursor(&mut self, feed: i64, cursor: &str) -> Result<(), StoreError> {
        self.exec("UPDATE feed SET cursor = $2 WHERE id = $1", args![feed, cursor]).await?;
        Ok(())
    }

    /// Notes that a feed was walked from `started_at` on until nothing new was left, and how deep.
    pub async fn finish_walk(&mut self, feed: &Feed, started_at: Timestamp, deep: bool) -> Result<(), StoreError> {
        const FINISH: &str = "UPDATE feed SET watermark = $2, walked_at = $2, walked_counter = $3, walked_count = $5,
                walked_deep_at = CASE WHEN $4 = 1 THEN $2 ELSE walked_deep_at END,
                urgent_at = CASE WHEN urgent_at <= $2 THEN NULL ELSE urgent_at END
            WHERE id = $1";
        self.exec(FINISH, args![feed.id, started_at, feed.counter.as_ref(), deep, feed.count]).await?;
        Ok(())
    }

    /// Notes that a feed no longer exists on the platform.
    pub async fn lose_feed(&mut self, feed: i64) -> Result<(), StoreError> {
        self.exec("UPDATE feed SET gone = 1, urgent_at = NULL WHERE id = $1", args![feed]).await?;
        Ok(())
    }

    /// How many messages that still stand we hold of a post's threads.
    pub async fn count_under_post(&mut self, channel: ChannelId, post: &str) -> Result<i64, StoreError> {
        const COUNT: &str = "SELECT COUNT(*) FROM message JOIN thread ON thread.id = message.thread_id
            WHERE thread.channel_id = $1 AND thread.post = $2 AND message.visibility <> 'deleted'";
        self.one(COUNT, args![channel, post], |row| row.get(0)).await
    }

    /// Stores how a round ended. Answers the event to tell people about, when the channel's health changed; `None` in
    /// the first place when the lease was lost and nothing was stored.
    pub async fn settle_channel(
        &mut self,
        lease: Lease<ChannelId>,
        end: &RoundEnd,
        now: Timestamp,
    ) -> Result<Option<HealthChange>, StoreError> {
        const BEFORE: &str = "SELECT ailment, office FROM channel WHERE id = $1 AND attempt = $2";
        let before: Option<(Option<Ailment>, OfficeCode)> =
            self.opt(BEFORE, args![lease.id, lease.attempt], |row| Ok((row.opt_word(0)?, row.get(1)?))).await?;
        let Some((before, office)) = before else { return Ok(None) };
        let ailment = end.trouble.as_ref().map(|(ailment, _)| *ailment);
        const SETTLE: &str = "UPDATE channel SET lease_owner = NULL, lease_until = NULL, not_before = $3,
                watermark = CASE WHEN $4 > COALESCE(watermark, 0) THEN $4 ELSE watermark END,
                read_at = CASE WHEN $5 = 0 THEN $6 ELSE read_at END,
                failures = CASE WHEN $5 = 0 THEN 0 ELSE failures + 1 END,
                ailment_since = CASE WHEN $7 IS NULL THEN NULL ELSE COALESCE(ailment_since, $6) END,
                ailment_told_at = CASE WHEN $7 IS NULL THEN NULL ELSE ailment_told_at END,
                ailment = $7, ailment_detail = $8,
                state = CASE WHEN $9 = 1 AND state = 'active' THEN 'parked' ELSE state END
            WHERE id = $1 AND attempt = $2";
        let values = args![
            lease.id,
            lease.attempt,
            end.next_at,
            end.complete_since.map_or(0, Timestamp::as_microsecond),
            end.trouble.is_some(),
            now,
            ailment.map(Ailment::as_str),
            end.trouble.as_ref().map(|(_, detail)| detail),
            end.park
        ];
        self.exec(SETTLE, values).await?;
        Ok(Some(HealthChange { channel: lease.id, office, before, after: ailment }))
    }

    /// Notes that nobody may call in a scope before a moment.
    pub async fn block_budget(&mut self, scope: &str, until: Timestamp, detail: &str) -> Result<(), StoreError> {
        const BLOCK: &str = "INSERT INTO budget (scope, blocked_until, detail) VALUES ($1, $2, $3)
            ON CONFLICT (scope) DO UPDATE SET blocked_until = excluded.blocked_until, detail = excluded.detail
            WHERE budget.blocked_until < excluded.blocked_until";
        self.exec(BLOCK, args![scope, until, detail]).await?;
        Ok(())
    }

    /// The scopes that are blocked at this moment.
    pub async fn blocked_budgets(&mut self, now: Timestamp) -> Result<HashMap<String, Timestamp>, StoreError> {
        const BLOCKED: &str = "SELECT scope, blocked_until FROM budget WHERE blocked_until > $1";
        let found = self.rows(BLOCKED, args![now], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        Ok(found.into_iter().collect())
    }

    /// Pauses, resumes or parks a channel. `false`: there is no such channel.
    pub async fn set_channel_state(
        &mut self,
        code: &str,
        state: ChannelState,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(channel) = self.channel(code).await? else { return Ok(false) };
        const SET: &str = "UPDATE channel SET state = $2, not_before = $3, failures = 0 WHERE id = $1";
        self.exec(SET, args![channel.id, state.as_str(), now]).await?;
        let kind = match state {
            ChannelState::Active => EventKind::ChannelResumed,
            ChannelState::Paused | ChannelState::Parked => EventKind::ChannelPaused,
        };
        let mut event = NewEvent::new(kind, now).channel(channel.id).by(actor);
        event.office = Some(channel.config.office);
        self.record_one(event, now).await?;
        self.wake(Stage::Collect);
        Ok(true)
    }
}

/// How a channel's health changed with a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// The channel.
    pub channel: ChannelId,
    /// Its office.
    pub office: OfficeCode,
    /// What ailed it before.
    pub before: Option<Ailment>,
    /// What ails it now.
    pub after: Option<Ailment>,
}

/// Pages.
impl Tx {
    /// Stores a page: what is new, what has changed, what is gone, what could not be read. What is known as it is costs
    /// one look-up. Call it again with the same page and nothing happens.
    pub async fn store_page(
        &mut self,
        channel: ChannelId,
        page: NewPage,
        now: Timestamp,
    ) -> Result<Stored, StoreError> {
        let mut stored = Stored::default();
        let known = self.known_messages(channel, &page.items).await?;
        let mut seen = HashSet::new();
        let mut fresh = Vec::new();
        for item in page.items {
            match known.get(&item.external_id) {
                Some(known) if known.digest == digest(&item) => stored.known += 1,
                Some(known) => {
                    self.revise(channel, known, &item, now).await?;
                    stored.changed += 1;
                }
                // A page can hold an item twice; the platform's order decides which one is first.
                None if !seen.insert(item.external_id.clone()) => stored.known += 1,
                None => fresh.push(item),
            }
        }
        stored.new = fresh.len();
        self.store_posts(channel, page.posts, now).await?;
        self.store_items(channel, fresh, &page.given, now).await?;
        stored.changed += self.mark_deleted(channel, page.deleted, now).await?;
        stored.quarantined = self.store_bad(channel, "page", page.bad, now).await?;
        self.note_feeds(channel, page.feeds, now).await?;
        fault::point("collect.before_commit");
        Ok(stored)
    }

    async fn known_messages(
        &mut self,
        channel: ChannelId,
        items: &[Item],
    ) -> Result<HashMap<String, Known>, StoreError> {
        let keys = items.iter().map(|item| Value::from(&item.external_id)).collect();
        let known = self
            .rows_in(
                "SELECT external_id, id, digest FROM message WHERE channel_id = $1 AND external_id",
                &args![channel],
                keys,
                |row| Ok((row.get(0)?, Known { id: row.get(1)?, digest: row.get(2)? })),
            )
            .await?;
        Ok(known.into_iter().collect())
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
        let mut ids = self.ids("message", items.len()).await?;
        let mut rows = Vec::with_capacity(items.len());
        let newest = items.iter().filter(|item| !item.own).map(|item| item.written_at).max();
        let newest_own = items.iter().filter(|item| item.own).map(|item| item.written_at).max();
        let inbound = items.iter().filter(|item| !item.own).count();
        for (index, item) in items.into_iter().enumerate() {
            let citizen = if item.own { None } else { citizens.get(&*citizen_key(&item)).copied() };
            let thread = threads.get(&(item.thread.surface.as_str(), item.thread.external_id.clone())).copied();
            let disposition = if item.automatic && !item.own { "automatic" } else { "waiting" };
            let attachments = if item.attachments.is_empty() {
                None
            } else {
                serde_json::to_string(&item.attachments).ok()
            };
            rows.push(args![
                ids.next()?,
                channel,
                &item.external_id,
                thread,
                citizen,
                item.parent.as_ref(),
                &item.text,
                item.subject.as_ref(),
                item.written_at,
                item.edited_at,
                now,
                item.visibility.as_str(),
                item.permalink.as_ref(),
                attachments,
                digest(&item),
                payload,
                i64::try_from(index).unwrap_or(0),
                item.own,
                disposition,
                given.get(&item.external_id)
            ]);
        }
        const HEAD: &str = "INSERT INTO message (id, channel_id, external_id, thread_id, citizen_id, parent, text, \
             subject, written_at, edited_at, recorded_at, visibility, permalink, attachments, digest, payload_id, \
             payload_index, own, disposition, given_office)";
        self.insert(HEAD, rows, "").await?;
        self.note_activity(channel, newest, newest_own, inbound).await?;
        self.wake(Stage::Route);
        Ok(())
    }

    /// Keeps the channel's rhythm: a smoothed gap between messages, so that silence can be told from quiet.
    async fn note_activity(
        &mut self,
        channel: ChannelId,
        newest: Option<Timestamp>,
        newest_own: Option<Timestamp>,
        inbound: usize,
    ) -> Result<(), StoreError> {
        // Each batch moves the mean gap by a quarter of its distance. A first batch has no gap to measure.
        const NOTE: &str = "UPDATE channel SET
                rhythm = CASE WHEN item_at IS NULL OR $2 IS NULL OR $2 <= item_at THEN rhythm
                    ELSE COALESCE((rhythm * 3 + ($2 - item_at) / 1000000 / $4) / 4, ($2 - item_at) / 1000000 / $4) END,
                silence_told_at = CASE WHEN $2 > COALESCE(item_at, 0) THEN NULL ELSE silence_told_at END,
                item_at = CASE WHEN $2 > COALESCE(item_at, 0) THEN $2 ELSE item_at END,
                own_at = CASE WHEN $3 > COALESCE(own_at, 0) THEN $3 ELSE own_at END
            WHERE id = $1";
        let count = i64::try_from(inbound.max(1)).unwrap_or(1);
        self.exec(NOTE, args![channel, newest, newest_own, count]).await?;
        Ok(())
    }

    async fn citizens(&mut self, channel: ChannelId, items: &[Item]) -> Result<HashMap<String, i64>, StoreError> {
        let mut wanted: HashMap<String, &Item> = HashMap::new();
        for item in items.iter().filter(|item| !item.own) {
            wanted.entry(citizen_key(item).into_owned()).or_insert(item);
        }
        let keys = wanted.keys().map(Value::from).collect();
        let select = "SELECT key, id FROM citizen WHERE channel_id = $1 AND key";
        let known = self.rows_in(select, &args![channel], keys, |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let mut found: HashMap<String, i64> = known.into_iter().collect();
        wanted.retain(|key, _| !found.contains_key(key));
        let mut ids = self.ids("citizen", wanted.len()).await?;
        let mut rows = Vec::with_capacity(wanted.len());
        for (key, item) in wanted {
            let id = ids.next()?;
            let author = &item.author;
            let values = [&author.external_id, &author.name, &author.handle].map(|part| Value::from(part.as_ref()));
            let [external_id, name, handle] = values;
            rows.push(vec![id.into(), channel.into(), Value::from(&key), external_id, name, handle]);
            found.insert(key, id);
        }
        self.insert("INSERT INTO citizen (id, channel_id, key, external_id, name, handle)", rows, "").await?;
        Ok(found)
    }

    async fn threads(
        &mut self,
        channel: ChannelId,
        items: &[Item],
    ) -> Result<HashMap<(&'static str, String), i64>, StoreError> {
        let mut wanted: HashMap<(&'static str, String), Option<&String>> = HashMap::new();
        for item in items {
            let key = (item.thread.surface.as_str(), item.thread.external_id.clone());
            wanted.entry(key).or_insert(item.thread.post.as_ref());
        }
        let keys = wanted.keys().map(|(_, external_id)| Value::from(external_id)).collect();
        let select = "SELECT surface, external_id, id FROM thread WHERE channel_id = $1 AND external_id";
        let known = self
            .rows_in(select, &args![channel], keys, |row| {
                let surface: sahut_domain::message::Surface = row.word(0)?;
                Ok(((surface.as_str(), row.get(1)?), row.get(2)?))
            })
            .await?;
        let mut found: HashMap<(&'static str, String), i64> = known.into_iter().collect();
        wanted.retain(|key, _| !found.contains_key(key));
        let mut ids = self.ids("thread", wanted.len()).await?;
        let mut rows = Vec::with_capacity(wanted.len());
        for ((surface, external_id), post) in wanted {
            let id = ids.next()?;
            rows.push(args![id, channel, surface, &external_id, post]);
            found.insert((surface, external_id), id);
        }
        self.insert("INSERT INTO thread (id, channel_id, surface, external_id, post)", rows, "").await?;
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

    async fn store_posts(&mut self, channel: ChannelId, posts: Vec<Post>, now: Timestamp) -> Result<(), StoreError> {
        let select = "SELECT external_id, text FROM post WHERE channel_id = $1 AND external_id";
        let keys = posts.iter().map(|post| Value::from(&post.external_id)).collect();
        let known = self.rows_in(select, &args![channel], keys, |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let known: HashMap<String, String> = known.into_iter().collect();
        let mut news: HashMap<String, Post> = HashMap::new();
        for post in posts {
            if known.get(&post.external_id) != Some(&post.text) {
                news.insert(post.external_id.clone(), post);
            }
        }
        let newest = news.values().map(|post| post.published_at).max();
        let mut ids = self.ids("post", news.len()).await?;
        let mut rows = Vec::with_capacity(news.len());
        for post in news.into_values() {
            rows.push(args![
                ids.next()?,
                channel,
                &post.external_id,
                &post.text,
                post.published_at,
                post.permalink.as_ref(),
                now
            ]);
        }
        const HEAD: &str = "INSERT INTO post (id, channel_id, external_id, text, published_at, permalink, recorded_at)";
        let tail = "ON CONFLICT (channel_id, external_id) DO UPDATE SET text = excluded.text, permalink = excluded.permalink";
        if self.insert(HEAD, rows, tail).await? > 0 {
            self.note_activity(channel, None, newest, 0).await?;
        }
        Ok(())
    }

    /// Keeps what a message said before, and what it says now.
    async fn revise(
        &mut self,
        channel: ChannelId,
        known: &Known,
        item: &Item,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const KEEP: &str = "INSERT INTO message_revision (id, message_id, text, visibility, edited_at, replaced_at)
            SELECT $1, id, text, visibility, edited_at, $3 FROM message WHERE id = $2";
        let id = self.id("message_revision").await?;
        self.exec(KEEP, args![id, known.id, now]).await?;
        // What was deleted keeps the words that were read before: the platform sends none.
        const CHANGE: &str = "UPDATE message SET text = CASE WHEN $4 = 'deleted' THEN text ELSE $2 END,
            edited_at = $3, visibility = $4, digest = $5 WHERE id = $1";
        let values = args![known.id, &item.text, item.edited_at, item.visibility.as_str(), digest(item)];
        self.exec(CHANGE, values).await?;
        let kind = match item.visibility {
            Visibility::Deleted => EventKind::MessageDeleted,
            _ => EventKind::MessageEdited,
        };
        self.record_change(kind, item.edited_at.unwrap_or(now), channel, known.id, now).await
    }

    async fn mark_deleted(
        &mut self,
        channel: ChannelId,
        deleted: Vec<String>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let keys = deleted.iter().map(Value::from).collect();
        let select = "SELECT id FROM message WHERE channel_id = $1 AND visibility <> 'deleted' AND external_id";
        let found: Vec<MessageId> = self.rows_in(select, &args![channel], keys, |row| row.get(0)).await?;
        for message in &found {
            // The digest of no text at all: when the platform shows the message again, that is a change.
            const MARK: &str = "UPDATE message SET visibility = 'deleted', digest = 0 WHERE id = $1";
            self.exec(MARK, args![*message]).await?;
            self.record_change(EventKind::MessageDeleted, now, channel, *message, now).await?;
        }
        Ok(found.len())
    }

    async fn record_change(
        &mut self,
        kind: EventKind,
        at: Timestamp,
        channel: ChannelId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const INQUIRY: &str = "SELECT inquiry.id, inquiry.office FROM message JOIN inquiry
            ON inquiry.id = message.inquiry_id WHERE message.id = $1";
        let inquiry = self.opt(INQUIRY, args![message], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let mut event = NewEvent::new(kind, at).by("platform").channel(channel).message(message);
        if let Some((inquiry, office)) = inquiry {
            event = event.inquiry(inquiry, &office);
        }
        self.record_one(event, now).await?;
        Ok(())
    }

    /// Sets unreadable items apart, each once. Answers how many were not known.
    pub(crate) async fn store_bad(
        &mut self,
        channel: ChannelId,
        stage: &'static str,
        bad: Vec<(String, String, Vec<u8>)>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut new = 0;
        for (key, error, raw) in bad {
            const SEEN: &str = "UPDATE quarantine SET last_seen_at = $3, error = $4 WHERE channel_id = $1 AND key = $2";
            if self.exec(SEEN, args![channel, &key, now, &error]).await? > 0 {
                continue;
            }
            const HOLD: &str = "INSERT INTO quarantine (id, channel_id, key, stage, error, raw, first_seen_at, last_seen_at, state)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 'held')";
            let id = self.id("quarantine").await?;
            self.exec(HOLD, args![id, channel, &key, stage, &error, raw, now]).await?;
            let data = serde_json::json!({ "quarantine": id, "stage": stage, "error": error });
            let event = NewEvent::new(EventKind::ItemQuarantined, now).channel(channel).with(data);
            self.record_one(event, now).await?;
            new += 1;
        }
        Ok(new)
    }
}

/// Deliveries.
impl Tx {
    /// Keeps a delivery before it is answered. `false`: it was known already.
    pub async fn admit_delivery(
        &mut self,
        channel: ChannelId,
        key: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ADMIT: &str = "INSERT INTO delivery (id, channel_id, key, body, received_at, state, not_before)
            VALUES ($1, $2, $3, $4, $5, 'due', $5) ON CONFLICT (channel_id, key) DO NOTHING";
        let id = self.id("delivery").await?;
        let new = self.exec(ADMIT, args![id, channel, key, body, now]).await? == 1;
        self.wake(Stage::Receive);
        Ok(new)
    }

    /// Claims deliveries to read.
    pub async fn claim_deliveries(&mut self, claim: &Claim<'_>) -> Result<Vec<DeliveryWork>, StoreError> {
        let leases = self.claim(Owed::Delivery, claim).await?;
        let by_id: HashMap<i64, Lease<i64>> = leases.iter().map(|lease| (lease.id, *lease)).collect();
        let ids = leases.iter().map(|lease| Value::from(lease.id)).collect();
        let select = "SELECT id, channel_id, body, received_at FROM delivery WHERE id";
        self.rows_in(select, &[], ids, |row| {
            let id: i64 = row.get(0)?;
            let lease = by_id.get(&id).copied().ok_or_else(|| StoreError::bad_row("delivery", id, "not claimed"))?;
            Ok(DeliveryWork { lease, channel: row.get(1)?, body: row.get(2)?, received_at: row.get(3)? })
        })
        .await
    }

    /// Stores what became of a delivery. One that nobody can read is set apart.
    pub async fn settle_delivery(
        &mut self,
        work: &DeliveryWork,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Outcome::Dead { error } = outcome {
            let bad = vec![(format!("delivery:{}", work.lease.id), error.clone(), work.body.clone())];
            self.store_bad(work.channel, "delivery", bad, now).await?;
        }
        self.settle(Owed::Delivery, work.lease, outcome, now).await
    }
}

struct Known {
    id: MessageId,
    digest: i64,
}

/// Identifies an item's author; where the platform withholds the author, the item stands for itself, so that two
/// unknown people are not taken for one.
fn citizen_key(item: &Item) -> std::borrow::Cow<'_, str> {
    match item.author.key() {
        Some(key) => key.into(),
        None => format!("?{}", item.external_id).into(),
    }
}

/// Hash of what an author can change. Attachments are left out: platforms sign their addresses anew at each reading.
fn digest(item: &Item) -> i64 {
    let mut hash = Sha256::new();
    hash.update(item.visibility.as_str());
    if item.visibility != Visibility::Deleted {
        hash.update([0]);
        hash.update(&item.text);
    }
    let bytes = hash.finalize();
    i64::from_le_bytes(std::array::from_fn(|i| bytes[i]))
}

/// Packs payloads into one compressed body: each with its length before it.
fn pack<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for payload in payloads {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        // Writing to memory does not fail.
        let _ = encoder.write_all(&length.to_le_bytes());
        let _ = encoder.write_all(payload);
    }
    encoder.finish().unwrap_or_default()
}

/// The payload at a position of a packed body.
pub(crate) fn unpack(body: &[u8], index: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut decoder = flate2::read::ZlibDecoder::new(body);
    for at in 0..=index {
        let mut length = [0; 4];
        decoder.read_exact(&mut length).ok()?;
        let mut payload = vec![0; u32::from_le_bytes(length) as usize];
        decoder.read_exact(&mut payload).ok()?;
        if at == index {
            return Some(payload);
        }
    }
    None
}


#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_back_as_they_went_in() {
        let payloads: [&[u8]; 3] = [b"{\"a\":1}", b"", "é😀".as_bytes()];
        let body = pack(payloads.into_iter());
        for (index, payload) in payloads.iter().enumerate() {
            assert_eq!(unpack(&body, index).as_deref(), Some(*payload));
        }
        assert_eq!(unpack(&body, 3), None);
        assert_eq!(unpack(b"not packed", 0), None);
    }
}
