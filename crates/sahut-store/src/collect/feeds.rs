//! Feeds: what a channel is read through.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;

use crate::value::{Row, args, row};
use crate::{StoreError, Tx};

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

/// A walk of a feed that went on until nothing new was left.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The feed as it was when the walk began.
    pub feed: Feed,
    /// When it began.
    pub started_at: Timestamp,
    /// It went down to the very end.
    pub deep: bool,
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

const COLUMNS: &str = "SELECT id, key, kind, found, cursor, counter, walked_counter, count, walked_count, \
    walked_at, walked_deep_at, urgent_at, seen_at, channel_id FROM feed";

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

impl Tx {
    /// The feeds of a channel that can still be read.
    pub async fn feeds(&mut self, channel: ChannelId) -> Result<Vec<Feed>, StoreError> {
        self.rows(&format!("{COLUMNS} WHERE channel_id = $1 AND gone = 0 ORDER BY id"), args![channel], feed)
            .await
    }

    /// The feeds of channels that can still be read, in the order in which they were found.
    pub async fn feeds_of(
        &mut self,
        channels: Vec<ChannelId>,
    ) -> Result<HashMap<ChannelId, Vec<Feed>>, StoreError> {
        let sql = format!("{COLUMNS} WHERE gone = 0 AND channel_id");
        let mut found: HashMap<ChannelId, Vec<Feed>> = HashMap::new();
        let read = |row: &Row| Ok((row.get(13)?, feed(row)?));
        for (channel, feed) in self.rows_in(&sql, args![], channels.into_iter().collect(), read).await? {
            found.entry(channel).or_default().push(feed);
        }
        for feeds in found.values_mut() {
            feeds.sort_unstable_by_key(|feed| feed.id);
        }
        Ok(found)
    }

    /// Notes feeds, with what the platform says of them. Nothing is written for what has not changed. Answers of how
    /// many something new was said.
    pub async fn note_feeds(
        &mut self,
        channel: ChannelId,
        feeds: Vec<FeedFound>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        const KNOWN: &str =
            "SELECT key, counter, count, found FROM feed WHERE channel_id = $1 AND gone = 0 AND key";
        let keys = feeds.iter().map(|feed| &feed.key).collect();
        let known = self.rows_in(KNOWN, args![channel], keys, |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
        });
        let known: HashMap<String, KnownFeed> = known.await?.into_iter().collect();
        // Where a feed is told of twice the last word counts, and a wake-up is not lost.
        let mut news: BTreeMap<String, FeedFound> = BTreeMap::new();
        for mut feed in feeds {
            feed.urgent |= news.get(&feed.key).is_some_and(|earlier| earlier.urgent);
            if feed.urgent || known.get(&feed.key).is_none_or(|known| feed.says_more_than(known)) {
                news.insert(feed.key.clone(), feed);
            }
        }
        let told = news.len();
        let mut ids = self.ids("feed", told).await?;
        let mut rows = Vec::with_capacity(told);
        for feed in news.into_values() {
            let urgent_at = feed.urgent.then_some(now);
            let id = ids.next()?;
            rows.push(row![
                id,
                channel,
                feed.key,
                feed.kind,
                feed.found,
                feed.counter,
                feed.count,
                urgent_at,
                now
            ]);
        }
        const NOTE: &str =
            "INSERT INTO feed (id, channel_id, key, kind, found, counter, count, urgent_at, seen_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, key) DO UPDATE SET
            found = CASE WHEN excluded.found = 0 THEN 0 ELSE feed.found END,
            counter = COALESCE(excluded.counter, feed.counter), count = COALESCE(excluded.count, feed.count),
            urgent_at = COALESCE(excluded.urgent_at, feed.urgent_at), seen_at = excluded.seen_at, gone = 0";
        self.insert(NOTE, rows).await?;
        Ok(told)
    }

    /// Moves a feed's durable position; part of the transaction that stores the page before it.
    pub async fn move_cursor(&mut self, feed: i64, cursor: &str) -> Result<(), StoreError> {
        self.exec("UPDATE feed SET cursor = $2 WHERE id = $1", args![feed, cursor]).await?;
        Ok(())
    }

    /// Notes walks that ended. A deep one that somebody asked for again meanwhile is owed once more.
    pub async fn finish_walks(&mut self, walks: impl Iterator<Item = &Walk>) -> Result<(), StoreError> {
        const FINISH: &str =
            "UPDATE feed SET watermark = e.column2, walked_at = e.column2, walked_counter = e.column3,
                walked_count = e.column4,
                walked_deep_at = CASE WHEN e.column5 = 1 AND COALESCE(urgent_at, 0) <= e.column2
                    THEN e.column2 ELSE walked_deep_at END,
                urgent_at = CASE WHEN urgent_at <= e.column2 THEN NULL ELSE urgent_at END
            FROM (VALUES (?, ?, ?, ?, ?)) AS e WHERE feed.id = e.column1";
        let rows = walks.map(|Walk { feed, started_at, deep }| {
            row![feed.id, *started_at, feed.counter.as_ref(), feed.count, *deep]
        });
        self.insert(FINISH, rows.collect()).await?;
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
}

/// Counter, count, and whether it was found.
type KnownFeed = (Option<String>, Option<i64>, bool);

impl FeedFound {
    /// Whether this adds to what is known: what the platform leaves out is no news. A wake-up may tell of a feed before
    /// the channel's first round knows that every channel of the platform has it.
    fn says_more_than(&self, (counter, count, found): &KnownFeed) -> bool {
        (self.counter.is_some() && self.counter != *counter)
            || (self.count.is_some() && self.count != *count)
            || (*found && !self.found)
    }
}
