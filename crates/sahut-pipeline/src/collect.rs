//! The first stage: channels that are due are read, deliveries that were admitted are read.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use sahut_channels::{Connector, Scope, Trouble};
use sahut_domain::channel::{Ailment, ChannelId};
use sahut_domain::work::{Lease, Outcome, again};
use sahut_store::collect::{Channel, DeliveryWork, Feed, FeedFound, NewPage, RoundEnd, Walk};
use sahut_store::work::Stage;
use sahut_store::{Claim, StoreError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::budget::{self, Doing, blocked_until};
use crate::cadence::Cadence;
use crate::commit::{Committer, Desk, Write, committer};
use crate::reread::reread_one;
use crate::supervisor::{Heart, TaskError, panic_text};
use crate::walk::{LEASE, WalkError, Walked, Walker, is_due, kind_of, kind_word, new_page};
use crate::{Context, stage};

/// Attempts at reading a delivery before it is set apart.
const DELIVERY_ATTEMPTS: i64 = 3;

/// Feeds with a pace that one round reads, after all others: thousands of conversations must not keep new comments
/// waiting for as long as their pace takes.
const PACED_A_ROUND: usize = 60;

/// Channels whose feeds are read together when their rounds begin.
const FEEDS_AT_ONCE: usize = 16;

/// From this share of a budget on a wake-up waits for the channel's turn.
const BUSY: f64 = 0.75;

/// The pause before the end of a round is stored again, after it could not be.
const SETTLE_AGAIN: Duration = Duration::from_secs(2);

/// How the collect stage goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Channels that are read at once.
    pub at_once: usize,
    /// How often they are read.
    pub cadence: Cadence,
    /// How long a queue may wait for something new on the platform's side; zero: never.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { at_once: 256, cadence: Cadence::default(), patience: Duration::from_secs(25) }
    }
}

/// Reads channels until asked to stop. One run has its own committer, which ends with it.
pub async fn run(context: Context, settings: Settings, heart: Heart) -> Result<(), TaskError> {
    let (committer, mut desk) = committer();
    let reading = read_channels(&context, settings, committer, &heart);
    let at_the_desk = heart.part("commit", "makes durable what was read");
    let writing = write(&context, &mut desk, &at_the_desk);
    let (read, written) = tokio::join!(reading, writing);
    read.and(written)
}

/// Reads every channel that is due now, once, and returns when all of it is durable. Answers how many channels it were.
pub async fn collect_due(context: &Context, settings: Settings) -> Result<usize, TaskError> {
    let heart = Heart::alone(context.clock.clone());
    let (committer, mut desk) = committer();
    let reading = async {
        let rounds = Mutex::new(JoinSet::new());
        let begun = begin_rounds(context, settings, &committer, &heart, &rounds).await;
        drop(committer);
        while rounds.lock().await.join_next().await.is_some() {}
        begun
    };
    let (begun, written) = tokio::join!(reading, write(context, &mut desk, &heart));
    written?;
    Ok(begun?)
}

/// Reads admitted deliveries until asked to stop.
pub async fn run_deliveries(context: Context, heart: Heart) -> Result<(), TaskError> {
    stage::run(&context, &heart, Stage::Receive, || receive_due(&context)).await
}

async fn write(context: &Context, desk: &mut Desk, heart: &Heart) -> Result<(), TaskError> {
    desk.run(context, heart).await
}

async fn read_channels(
    context: &Context,
    settings: Settings,
    committer: Committer,
    heart: &Heart,
) -> Result<(), TaskError> {
    let rounds = Mutex::new(JoinSet::new());
    let begin = || begin_rounds(context, settings, &committer, heart, &rounds);
    let result = stage::run(context, heart, Stage::Collect, begin).await;
    let mut rounds = rounds.into_inner();
    while !rounds.is_empty() {
        heart.beat();
        let _ = tokio::time::timeout(stage::ASK_EVERY, rounds.join_next()).await;
    }
    result
}

/// Begins rounds of channels that are due, as many as there is room for.
async fn begin_rounds(
    context: &Context,
    settings: Settings,
    committer: &Committer,
    heart: &Heart,
    rounds: &Mutex<JoinSet<()>>,
) -> Result<usize, StoreError> {
    let mut rounds = rounds.lock().await;
    while rounds.try_join_next().is_some() {}
    let free = settings.at_once.saturating_sub(rounds.len());
    if free == 0 {
        // Not for long: the loop has to give its sign of life.
        let _ = tokio::time::timeout(stage::ASK_EVERY, rounds.join_next()).await;
        return Ok(1);
    }
    let due = claim(context, free).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let blocked = context.db.read().await?.blocked_budgets(context.clock.now()).await?;
    for begun in due.chunks(FEEDS_AT_ONCE) {
        let ids = begun.iter().map(|(lease, _)| lease.id).collect();
        // A feed that cannot be read is its own channel's trouble: each asks for itself then.
        let mut feeds = context.db.read().await?.feeds_of(ids).await.ok();
        for (lease, channel) in begun {
            let round = Round {
                context: context.clone(),
                settings,
                committer: committer.clone(),
                heart: heart.clone(),
                lease: *lease,
                channel: channel.clone(),
            };
            let feeds = feeds.as_mut().map(|feeds| feeds.remove(&lease.id).unwrap_or_default());
            rounds.spawn(round.run(feeds, blocked.clone()));
        }
    }
    Ok(due.len())
}

async fn claim(context: &Context, limit: usize) -> Result<Vec<(Lease<ChannelId>, Channel)>, StoreError> {
    let now = context.clock.now();
    // Looking first costs no write: most of the time nothing is due.
    let mut tx = context.db.read().await?;
    if !tx.has_due_channels(now).await? {
        return Ok(Vec::new());
    }
    drop(tx);
    let claim = Claim {
        owner: &context.owner,
        now,
        until: now + LEASE,
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let mut tx = context.db.begin().await?;
    let claimed = tx.claim_channels(&claim).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// One round of reading one channel.
struct Round {
    context: Context,
    settings: Settings,
    committer: Committer,
    heart: Heart,
    lease: Lease<ChannelId>,
    channel: Channel,
}

/// How a round went.
#[derive(Default)]
struct RoundResult {
    complete: bool,
    used: f64,
    trouble: Option<WalkError>,
    /// Nothing can be read until a person mends it.
    park: bool,
    /// Walks that ended and are not stored yet.
    walks: Vec<Walk>,
}

/// How far the feeds of a channel were read.
#[derive(Default)]
struct Reading {
    /// Whether all that was due was asked for.
    whole: bool,
    /// What kept single feeds from being read while the others were.
    confined: Option<Trouble>,
    /// Feeds that every channel of the platform has, and that this one lacks the permission for.
    roots_refused: usize,
}

impl Round {
    async fn run(self, feeds: Option<Vec<Feed>>, blocked: HashMap<String, Timestamp>) {
        let started_at = self.context.clock.now();
        let connector = self.context.regency.get().connectors.get(&self.lease.id).cloned();
        let result = match connector {
            Some(Ok(connector)) => {
                match blocked_until(&*connector, self.lease.id, Doing::Reading, &blocked) {
                    // Noted already: only this round has to wait.
                    Some(until) => failed(Trouble::Wait {
                        until: Some(until),
                        scope: Scope::Call,
                        detail: "the platform asked for patience, or a shared budget is used up".to_owned(),
                    }),
                    None => self.read_guarded(&*connector, feeds).await,
                }
            }
            Some(Err(reason)) => failed(Trouble::Person { ailment: Ailment::Credential, detail: reason }),
            // Applied a moment ago: the connector comes with the next reload of the configuration.
            None => failed(Trouble::Again {
                ailment: Ailment::Platform,
                detail: "its connector is not ready yet".to_owned(),
            }),
        };
        self.settle(started_at, result).await;
    }

    /// A panic in a connector is this channel's trouble and nobody else's.
    async fn read_guarded(&self, connector: &dyn Connector, feeds: Option<Vec<Feed>>) -> RoundResult {
        let roots = connector.feeds().len();
        let mut walker = Walker {
            context: &self.context,
            committer: &self.committer,
            connector,
            lease: self.lease,
            heart: &self.heart,
            patience: if roots == 1 { self.settings.patience } else { Duration::ZERO },
            used: 0.0,
            paced_at: None,
            kept_until: self.lease.until,
            walks: Vec::new(),
            feeds_told: false,
        };
        let reading = AssertUnwindSafe(self.read_feeds(&mut walker, feeds)).catch_unwind().await;
        let result = match reading {
            Ok(Ok(Reading { whole, confined, .. })) => RoundResult {
                // Nobody can say up to when deliveries alone are complete.
                complete: whole && confined.is_none() && roots > 0,
                trouble: confined.map(WalkError::Platform),
                ..RoundResult::default()
            },
            Ok(Err(error)) => failed(error),
            Err(panic) => {
                let detail = format!("the connector failed: {}", panic_text(&*panic));
                tracing::error!(channel = %self.channel.config.code, detail, "channel.panicked");
                failed(Trouble::Again { ailment: Ailment::Parser, detail })
            }
        };
        RoundResult { used: walker.used, walks: walker.walks, ..result }
    }

    /// Reads the feeds that every channel of the platform has, then those found under them that have something new; what
    /// has a pace comes after everything else.
    async fn read_feeds(
        &self,
        walker: &mut Walker<'_>,
        known: Option<Vec<Feed>>,
    ) -> Result<Reading, WalkError> {
        let (connector, now) = (walker.connector, self.context.clock.now());
        let roots = connector.feeds();
        let mut reading = Reading::default();
        let known = match known {
            Some(known) => known,
            None => self.feeds().await?,
        };
        let mut known = self.with_roots(connector, known).await?;
        // A round may take minutes: it keeps what it will read.
        known.retain(|feed| !feed.found || is_due(feed, now));
        for paced in [false, true] {
            let in_turn = |feed: &&Feed| connector.pace(&feed.key).is_zero() != paced;
            for (key, _) in &roots {
                let root = known.iter().filter(in_turn).find(|feed| !feed.found && feed.key == *key);
                if let Some(root) = root
                    && !reading.go_on(walker, root).await?
                {
                    return Ok(reading);
                }
            }
            if !roots.is_empty()
                && reading.roots_refused == roots.len()
                && let Some(refusal) = reading.confined.take()
            {
                return Err(WalkError::Platform(refusal));
            }
            if std::mem::take(&mut walker.feeds_told) {
                known = self.feeds().await?;
                known.retain(|feed| !feed.found || is_due(feed, now));
            }
            let due = known.iter().filter(in_turn).filter(|feed| feed.found);
            for (read, feed) in due.enumerate() {
                if (paced && read == PACED_A_ROUND) || !reading.go_on(walker, feed).await? {
                    return Ok(reading);
                }
            }
        }
        Ok(Reading { whole: true, ..reading })
    }

    async fn feeds(&self) -> Result<Vec<Feed>, StoreError> {
        self.context.db.read().await?.feeds(self.lease.id).await
    }

    /// The channel's feeds; those that every channel of the platform has are noted the first time.
    async fn with_roots(&self, connector: &dyn Connector, known: Vec<Feed>) -> Result<Vec<Feed>, StoreError> {
        let missing: Vec<FeedFound> = connector
            .feeds()
            .into_iter()
            .filter(|(key, _)| !known.iter().any(|feed| feed.key == *key && !feed.found))
            .map(|(key, kind)| FeedFound {
                key,
                kind: kind_word(kind),
                found: false,
                counter: None,
                count: None,
                urgent: false,
            })
            .collect();
        if missing.is_empty() {
            return Ok(known);
        }
        let mut tx = self.context.db.begin().await?;
        tx.note_feeds(self.lease.id, missing, self.context.clock.now()).await?;
        tx.commit().await?;
        self.feeds().await
    }

    async fn settle(&self, started_at: Timestamp, result: RoundResult) {
        let now = self.context.clock.now();
        let chance = &self.context.chance;
        let cadence = self.settings.cadence;
        let bad = now + cadence.after_bad(self.channel.failures, chance);
        let mut block = None;
        let mut wakes_since = Some(started_at).filter(|_| result.used < BUSY && !result.park);
        let newest = self.channel.item_at.max(self.channel.own_at);
        let good = now + cadence.after_good(now, newest, result.used, chance);
        let (next_at, trouble) = match result.trouble {
            None => (good, None),
            Some(WalkError::Platform(trouble)) => {
                let ailment = trouble.ailment();
                let detail = trouble.to_string();
                tracing::warn!(channel = %self.channel.config.code, %ailment, detail, "channel.trouble");
                let next_at = match &trouble {
                    Trouble::Wait { until, scope, .. } => {
                        wakes_since = None;
                        let until = until.unwrap_or(bad).max(now + SignedDuration::from_secs(1));
                        let budget = budget::name(scope, self.lease.id, Doing::Reading);
                        block = budget.map(|budget| (budget, until, detail.clone()));
                        until
                    }
                    // What is permitted is read as usual.
                    Trouble::Person { .. } if !result.park => good,
                    _ => bad,
                };
                (next_at, Some((ailment, detail)))
            }
            Some(WalkError::Store(error)) => {
                tracing::warn!(channel = %self.channel.config.code, %error, "channel.not_stored");
                let trouble = (Ailment::Platform, "what was read could not be stored yet".to_owned());
                (bad, Some(trouble))
            }
        };
        let complete_since = result.complete.then_some(started_at);
        let end = RoundEnd { next_at, complete_since, trouble, park: result.park, wakes_since };
        self.write_end(result.walks, Write::Settle { end, block }).await;
        metrics::counter!("sahut_rounds_total", "complete" => if result.complete { "yes" } else { "no" })
            .increment(1);
    }

    /// Tries for as long as the lease lasts: when a full disk or a busy database keeps the end of a round from being
    /// stored, the channel would otherwise wait until its lease has run out.
    async fn write_end(&self, walks: Vec<Walk>, end: Write) {
        while let Err(error) = self.committer.write(self.lease, walks.clone(), end.clone()).await {
            tracing::warn!(channel = %self.channel.config.code, %error, "channel.not_settled");
            let over = self.heart.is_stopping() || self.context.clock.now() >= self.lease.until;
            if over || !error.is_transient() {
                return;
            }
            tokio::select! { () = self.heart.stopping() => {}, () = tokio::time::sleep(SETTLE_AGAIN) => {} }
        }
    }
}

impl Reading {
    /// Reads one more feed; `false` when the round has to end here.
    async fn go_on(&mut self, walker: &mut Walker<'_>, feed: &Feed) -> Result<bool, WalkError> {
        match walker.walk(feed, kind_of(&feed.kind)).await {
            Ok(end) => Ok(end == Walked::Complete),
            Err(WalkError::Platform(trouble)) if is_confined(feed, &trouble) => {
                self.note(feed, trouble);
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Remembers what kept a feed from being read. What a person can mend is told before what may pass by itself.
    fn note(&mut self, feed: &Feed, trouble: Trouble) {
        let for_a_person = matches!(trouble, Trouble::Person { .. });
        self.roots_refused += usize::from(for_a_person && !feed.found);
        if self.confined.is_none() || for_a_person {
            self.confined = Some(trouble);
        }
    }
}

/// Whether a trouble is that of one feed and says nothing about the others: one post that cannot be read, or one
/// permission that is missing, does not keep the rest of the channel from being read. A line that is down for a list of
/// the channel itself is down for all.
fn is_confined(feed: &Feed, trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Again { ailment, .. } => feed.found || *ailment != Ailment::Network,
        Trouble::Person { ailment, .. } => *ailment == Ailment::Permission,
        Trouble::Wait { scope, .. } => *scope == Scope::Call,
        Trouble::Gone { .. } => false,
    }
}

fn failed(error: impl Into<WalkError>) -> RoundResult {
    let error = error.into();
    let park = matches!(error, WalkError::Platform(Trouble::Person { .. }));
    RoundResult { trouble: Some(error), park, ..RoundResult::default() }
}

/// Reads one batch of admitted deliveries, and what a person wants to be read again. Answers how much it was.
pub async fn receive_due(context: &Context) -> Result<usize, StoreError> {
    Ok(read_deliveries(context).await? + reread_one(context).await?)
}

async fn read_deliveries(context: &Context) -> Result<usize, StoreError> {
    let now = context.clock.now();
    if !context.db.read().await?.has_due_deliveries(now).await? {
        return Ok(0);
    }
    let claim = Claim { owner: &context.owner, now, until: now + LEASE, limit: 64 };
    let mut tx = context.db.begin().await?;
    let claimed = tx.claim_deliveries(&claim).await?;
    tx.commit().await?;
    for work in &claimed {
        read_delivery(context, work).await?;
    }
    Ok(claimed.len())
}

async fn read_delivery(context: &Context, work: &DeliveryWork) -> Result<(), StoreError> {
    let now = context.clock.now();
    let (page, outcome) = match parse(context, work) {
        Ok(page) => (page, Outcome::Done),
        Err(error) if work.lease.failures + 1 >= DELIVERY_ATTEMPTS => {
            (NewPage::default(), Outcome::Dead { error })
        }
        Err(error) => (NewPage::default(), again(now, work.lease.failures, error, &context.chance)),
    };
    let mut tx = context.db.begin().await?;
    let wakes = page.feeds.iter().any(|feed| feed.urgent);
    tx.store_page(work.channel, page, now).await?;
    if wakes {
        tx.hurry_channel(work.channel, now).await?;
    }
    // A lost lease: somebody else has read it, and storing it again changed nothing.
    tx.settle_delivery(work, &outcome, now).await?;
    tx.commit().await
}

fn parse(context: &Context, work: &DeliveryWork) -> Result<NewPage, String> {
    let regency = context.regency.get();
    let connector = match regency.connectors.get(&work.channel) {
        Some(Ok(connector)) => connector,
        Some(Err(reason)) => return Err(reason.clone()),
        None => return Err("its channel has no connector".to_owned()),
    };
    let push = connector.push().ok_or("its channel takes no deliveries")?;
    let read =
        std::panic::catch_unwind(AssertUnwindSafe(|| push.read_delivery(&work.body, work.received_at)));
    match read {
        Ok(page) => page.map(new_page).map_err(|trouble| trouble.to_string()),
        Err(panic) => Err(format!("the connector failed: {}", panic_text(&*panic))),
    }
}
