//! The one loop that reads every feed of every platform.
//!
//! A queue is read from its cursor until the platform has no more; the cursor is committed with the items, and only the
//! next request acknowledges it. Ids that grow are read the same way. A newest-first list is walked down from its top:
//! a shallow walk stops when it has met enough messages that are known as they are, written well before the last
//! complete walk, or in a list of feeds a page of which nothing new is said since well before it; a deep walk goes down
//! to the end. A feed is walked deep when it never was, when the platform's count
//! grew by more than the shallow walk found, and now and then for what was backdated or slipped between two pages.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sahut_channels::{Ask, Connector, FeedKind, Page, Trouble};
use sahut_domain::channel::{Ailment, ChannelId};
use sahut_domain::work::Lease;
use sahut_store::StoreError;
use sahut_store::collect::{Feed, FeedFound, NewPage, Stored, Walk};
use tokio::time::Instant;

use crate::Context;
use crate::commit::{Committer, Write, Written};
use crate::supervisor::Heart;

/// Known messages in a row after which a shallow walk may stop.
const OVERLAP_ITEMS: usize = 25;

/// How far below the last complete walk the shallow walk must have come before it may stop.
const OVERLAP_TIME: SignedDuration = SignedDuration::from_hours(1);

/// How often a list of the channel itself, or a feed that stays busy, is walked to its end.
const DEEP_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// How often a feed that was found, and about which nothing new is said, is walked to its end.
const DEEP_AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Pages after which a walk is given up: no list is that long, the platform leads in a circle.
const MOST_PAGES: usize = 5000;

/// How long a lease lasts; each stored page renews it.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// How a walk ended, when it did not end in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walked {
    /// Everything that the platform showed has been stored.
    Complete,
    /// The process is stopping.
    Stopped,
    /// Somebody else holds the channel now.
    LeaseLost,
}

/// Why a walk could not be ended.
#[derive(Debug)]
pub(crate) enum WalkError {
    Platform(Trouble),
    Store(StoreError),
}

impl From<StoreError> for WalkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Trouble> for WalkError {
    fn from(trouble: Trouble) -> Self {
        Self::Platform(trouble)
    }
}

/// Reads the feeds of one channel under one lease.
pub(crate) struct Walker<'a> {
    pub(crate) context: &'a Context,
    pub(crate) committer: &'a Committer,
    pub(crate) connector: &'a dyn Connector,
    pub(crate) lease: Lease<ChannelId>,
    pub(crate) heart: &'a Heart,
    /// How long a queue may wait for something new.
    pub(crate) patience: Duration,
    /// The largest share of a budget that the platform said is used.
    pub(crate) used: f64,
    /// When a feed was last asked for that has a pace.
    pub(crate) paced_at: Option<Instant>,
    /// Until when the lease was last kept.
    pub(crate) kept_until: Timestamp,
    /// Walks that ended since the last write.
    pub(crate) walks: Vec<Walk>,
    /// Something new was said about the channel's feeds since the round began.
    pub(crate) feeds_told: bool,
}

impl Walker<'_> {
    /// Reads a feed until nothing new is left in it.
    pub(crate) async fn walk(&mut self, feed: &Feed, kind: FeedKind) -> Result<Walked, WalkError> {
        let started_at = self.context.clock.now();
        let walked = match kind {
            FeedKind::Queue | FeedKind::Growing => self.drain(feed).await,
            FeedKind::NewestFirst => self.descend(feed, started_at).await,
        };
        match walked {
            Err(WalkError::Platform(Trouble::Gone { .. })) if feed.found => {
                self.committer.write(self.lease, Vec::new(), Write::Gone { feed: feed.id }).await?;
                Ok(Walked::Complete)
            }
            other => other,
        }
    }

    /// Reads a queue from its cursor.
    async fn drain(&mut self, feed: &Feed) -> Result<Walked, WalkError> {
        let mut cursor = feed.cursor.clone();
        let mut patience = self.patience;
        loop {
            let asked_at = self.context.clock.now();
            let Some(page) =
                self.ask(feed, Ask { cursor: cursor.as_deref(), patience, ..self.top(feed) }).await?
            else {
                return Ok(Walked::Stopped);
            };
            let more = page.more;
            let position = page.cursor.clone().filter(|position| Some(position) != cursor.as_ref());
            let moved = position.map(|position| (feed.id, position));
            if let Some((_, position)) = &moved {
                cursor = Some(position.clone());
            }
            if self.store(page, moved).await?.is_none() {
                return Ok(Walked::LeaseLost);
            }
            if !more {
                self.finish(feed, asked_at, false);
                return Ok(Walked::Complete);
            }
            patience = Duration::ZERO;
        }
    }

    /// Walks a newest-first list: shallow when it may, deep when it must.
    async fn descend(&mut self, feed: &Feed, started_at: Timestamp) -> Result<Walked, WalkError> {
        let must_be_deep = deep_is_due(feed, started_at);
        let (walked, found) = self.walk_down(feed, must_be_deep).await?;
        let missing = missing_after(feed, found);
        let deep = if walked == Walked::Complete && !must_be_deep && missing {
            tracing::info!(channel = %self.lease.id, feed = feed.key, "walk.gap");
            metrics::counter!("sahut_walk_gaps_total").increment(1);
            let (again, _) = self.walk_down(feed, true).await?;
            if again != Walked::Complete {
                return Ok(again);
            }
            true
        } else {
            must_be_deep
        };
        if walked == Walked::Complete {
            self.finish(feed, started_at, deep);
        }
        Ok(walked)
    }

    /// One walk from the top; answers what it found new.
    async fn walk_down(&mut self, feed: &Feed, deep: bool) -> Result<(Walked, usize), WalkError> {
        let mut token: Option<String> = None;
        let mut tokens = HashSet::new();
        let (mut found, mut known) = (0, 0);
        // A channel's first round reads what is new; what lies below can wait for the next deep walk.
        let was_walked = feed.walked_at.is_some();
        for _ in 0..MOST_PAGES {
            let ask = Ask { page: token.as_deref(), deep: deep && was_walked, ..self.top(feed) };
            let Some(page) = self.ask(feed, ask).await? else { return Ok((Walked::Stopped, found)) };
            let next = page.next.clone();
            let oldest = page.items.iter().map(|item| item.written_at).min();
            let listed_down_to = page.listed_down_to;
            let Some(stored) = self.store(page, None).await? else { return Ok((Walked::LeaseLost, found)) };
            // The platform counts our own answers as well.
            found += stored.new + stored.read_back;
            known = if stored.new + stored.changed > 0 { 0 } else { known + stored.known };
            let Some(next) = next else { return Ok((Walked::Complete, found)) };
            let overlaps = known >= OVERLAP_ITEMS && below_last_walk(feed, oldest);
            let quiet_below = stored.feeds == 0 && below_last_walk(feed, listed_down_to);
            if !deep && (overlaps || quiet_below) {
                return Ok((Walked::Complete, found));
            }
            if !tokens.insert(next.clone()) {
                return Err(leads_in_a_circle(feed));
            }
            token = Some(next);
        }
        Err(leads_in_a_circle(feed))
    }

    /// A request for the first page of a feed.
    fn top<'f>(&self, feed: &'f Feed) -> Ask<'f> {
        let now = self.context.clock.now();
        Ask { feed: &feed.key, cursor: None, page: None, deep: false, patience: Duration::ZERO, now }
    }

    /// Asks for one page; `None` when the process is stopping.
    async fn ask(&mut self, feed: &Feed, ask: Ask<'_>) -> Result<Option<Page>, WalkError> {
        if !self.keep_pace(&feed.key).await {
            return Ok(None);
        }
        let further = ask.page.is_some();
        tracing::debug!(channel = %self.lease.id, feed = feed.key, further, "walk.asked");
        let read = tokio::select! {
            read = self.connector.read(ask) => read.map_err(WalkError::Platform)?,
            // Nothing of this page is acknowledged: it is asked for again.
            () = self.heart.stopping() => return Ok(None),
        };
        for usage in &read.usage {
            self.used = self.used.max(usage.share);
        }
        tell_withheld(self.lease.id, feed, &read.withheld);
        Ok(Some(read))
    }

    /// Waits until the next call for such a feed may be made; `false` when the process is stopping.
    async fn keep_pace(&mut self, feed: &str) -> bool {
        let pace = self.connector.pace(feed);
        if pace.is_zero() {
            return true;
        }
        if let Some(last) = self.paced_at {
            tokio::select! { () = tokio::time::sleep_until(last + pace) => {}, () = self.heart.stopping() => return false }
        }
        self.paced_at = Some(Instant::now());
        true
    }

    /// Makes a page durable; `None` when the lease was lost. One that says nothing is not worth a write while the lease
    /// is fresh.
    async fn store(
        &mut self,
        page: Page,
        cursor: Option<(i64, String)>,
    ) -> Result<Option<Stored>, WalkError> {
        let keep_until = self.context.clock.now() + LEASE;
        let page = Arc::new(new_page(page));
        if page.is_empty() && cursor.is_none() && keep_until.duration_since(self.kept_until) < LEASE / 2 {
            return Ok(Some(Stored::default()));
        }
        let write = Write::Page { page, cursor, keep_until };
        match self.committer.write(self.lease, self.walks.clone(), write).await? {
            Written::Done(stored) => {
                self.walks.clear();
                self.kept_until = keep_until;
                self.feeds_told |= stored.feeds > 0;
                metrics::counter!("sahut_messages_total", "found" => "new").increment(stored.new as u64);
                metrics::counter!("sahut_messages_total", "found" => "changed")
                    .increment(stored.changed as u64);
                Ok(Some(stored))
            }
            Written::LeaseLost => Ok(None),
        }
    }

    fn finish(&mut self, feed: &Feed, started_at: Timestamp, deep: bool) {
        self.walks.push(Walk { feed: feed.clone(), started_at, deep });
    }
}

/// Whether a feed that was found has to be walked in this round. One without a counter (a single mention) never tells
/// of anything new: it is walked when it is found, when a wake-up comes for it, and deep now and then.
pub(crate) fn is_due(feed: &Feed, now: Timestamp) -> bool {
    feed.urgent_at.is_some()
        || feed.walked_at.is_none()
        || feed.counter != feed.walked_counter
        || deep_is_due(feed, now)
}

fn deep_is_due(feed: &Feed, now: Timestamp) -> bool {
    let Some(walked) = feed.walked_deep_at else { return true };
    // What was found and has long been quiet is looked at more and more seldom; every feed at a moment of its own.
    let quiet = if feed.found { now.duration_since(feed.seen_at) / 4 } else { SignedDuration::ZERO };
    let every = quiet.clamp(DEEP_EVERY, DEEP_AT_LEAST_EVERY);
    let own_moment = SignedDuration::from_secs(feed.id.rem_euclid(60) * 60);
    now.duration_since(walked) > every + own_moment
}

/// Whether the platform's count says that a shallow walk has not seen everything.
fn missing_after(feed: &Feed, found: usize) -> bool {
    let grown = feed.count.zip(feed.walked_count).map(|(now, then)| now - then);
    grown.is_some_and(|grown| grown > i64::try_from(found).unwrap_or(i64::MAX))
}

fn below_last_walk(feed: &Feed, oldest: Option<Timestamp>) -> bool {
    let horizon = feed.walked_at.map(|walked| walked - OVERLAP_TIME);
    oldest.zip(horizon).is_some_and(|(oldest, horizon)| oldest < horizon)
}

/// Tells of messages that came and whose words were not told any more when they could be read. What the platform
/// withholds of the time before the first walk is history.
fn tell_withheld(channel: ChannelId, feed: &Feed, withheld: &[Timestamp]) {
    let lost = withheld
        .iter()
        .filter(|written_at| feed.walked_at.is_some_and(|walked| **written_at > walked))
        .count();
    if lost > 0 {
        tracing::warn!(%channel, feed = feed.key, lost, "walk.withheld");
        metrics::counter!("sahut_messages_withheld_total").increment(lost as u64);
    }
}

fn leads_in_a_circle(feed: &Feed) -> WalkError {
    WalkError::Platform(Trouble::Again {
        ailment: Ailment::Parser,
        detail: format!("the pages of {} lead in a circle", feed.key.split(':').next().unwrap_or_default()),
    })
}

/// What a connector read, as the store takes it.
pub(crate) fn new_page(page: Page) -> NewPage {
    NewPage {
        items: page.items,
        posts: page.posts,
        bad: page.bad.into_iter().map(|bad| (bad.key, bad.error, bad.raw)).collect(),
        imported: false,
        feeds: page
            .feeds
            .into_iter()
            .map(|seen| FeedFound {
                key: seen.key,
                kind: kind_word(seen.kind),
                found: true,
                counter: seen.counter,
                count: seen.count,
                urgent: seen.urgent,
            })
            .collect(),
        deleted: page.deleted,
        returned: page.returned.into_iter().map(|back| (back.report, back.reply, back.error)).collect(),
        given: std::collections::HashMap::new(),
    }
}

/// The word that a kind of feed is stored under.
pub(crate) const fn kind_word(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Queue => "queue",
        FeedKind::Growing => "growing",
        FeedKind::NewestFirst => "newest_first",
    }
}

/// The kind that is stored under a word.
pub(crate) fn kind_of(word: &str) -> FeedKind {
    match word {
        "queue" => FeedKind::Queue,
        "growing" => FeedKind::Growing,
        _ => FeedKind::NewestFirst,
    }
}
