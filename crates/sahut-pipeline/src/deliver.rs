//! The fourth stage: answers are carried to the platforms, each at most once.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sahut_channels::{Connector, Limit, NotSent, Outgoing, Sent, Trouble};
use sahut_domain::event::EventId;
use sahut_domain::fault;
use sahut_domain::notice::Template;
use sahut_domain::reply::{Intent, ReplyId, ReplyState};
use sahut_domain::work::{Outcome, again};
use sahut_store::deliver::ReplyWork;
use sahut_store::work::Stage;
use sahut_store::{Claim, StoreError};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::budget::{self, Doing};
use crate::route::{notices, promise_again};
use crate::stage::Errands;
use crate::supervisor::{Heart, TaskError};
use crate::{Context, Regency, receipts, stage};

/// Replies that are on their way at once.
const AT_ONCE: usize = 64;

/// How long a lease lasts until sending begins, and how much longer than sending then.
const LEASE: SignedDuration = SignedDuration::from_mins(3);
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// When an answer with an unknown outcome is looked for the first time, and the longest wait between two looks.
const LOOK_AFTER: SignedDuration = SignedDuration::from_secs(20);
const LOOK_AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// The pause while a channel waits for a person, and while a platform asks for patience without saying how long.
const MENDING: SignedDuration = SignedDuration::from_mins(1);
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

const PATIENT: &str = "the platform asked for patience";

/// Replies that are on their way. Each stores by itself what became of it.
type Replies = Errands<Result<(), StoreError>>;

/// Delivers replies until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    let replies = Mutex::new(Replies::new(AT_ONCE));
    let delivered = stage::run(&context, &heart, Stage::Deliver, || step(&context, &replies)).await;
    let mut replies = replies.into_inner();
    // An error ends none of the others in the middle of a call: their outcome would become unknown.
    replies.all_back(&heart).await;
    delivered?;
    Ok(replies.settled()?)
}

/// Delivers one batch; answers how many replies it took.
pub async fn deliver_batch(context: &Context) -> Result<usize, StoreError> {
    let mut replies = Replies::new(AT_ONCE);
    let taken = send_due(context, &mut replies).await?;
    replies.all_back(&Heart::alone(context.clock.clone())).await;
    replies.settled()?;
    Ok(taken)
}

/// One step: what is due leaves at once, whatever is still on its way.
async fn step(context: &Context, replies: &Mutex<Replies>) -> Result<usize, StoreError> {
    let mut replies = replies.lock().await;
    replies.settled()?;
    let taken = send_due(context, &mut replies).await?;
    let waited = taken == 0 && replies.wait(context, Stage::Deliver).await;
    Ok(if waited { 1 } else { taken })
}

async fn send_due(context: &Context, replies: &mut Replies) -> Result<usize, StoreError> {
    let now = context.clock.now();
    let limit = i64::try_from(replies.room()).unwrap_or(i64::MAX);
    if limit == 0 || !context.db.read().await?.has_due_replies(now).await? {
        return Ok(0);
    }
    let mut tx = context.db.begin().await?;
    let claimed = tx.claim_replies(&Claim { owner: &context.owner, now, until: now + LEASE, limit }).await?;
    tx.commit().await?;
    let taken = claimed.len();
    for work in claimed {
        let context = context.clone();
        replies.send(async move { deliver(&context, &work).await });
    }
    Ok(taken)
}

async fn deliver(context: &Context, work: &ReplyWork) -> Result<(), StoreError> {
    if work.said_by.is_some() {
        return settle_sent(context, work, None).await;
    }
    let regency = context.regency.get();
    let connector = match regency.connectors.get(&work.channel) {
        Some(Ok(connector)) => Arc::clone(connector),
        Some(Err(reason)) => return unconnected(context, work, reason).await,
        None => return unconnected(context, work, "its channel is not connected").await,
    };
    match work.state {
        ReplyState::Queued => send(context, work, &*connector).await,
        // Left in the middle of an attempt: the outcome is not known, so it is looked up first.
        ReplyState::Sending | ReplyState::Uncertain => look_up(context, work, &*connector).await,
        ReplyState::Sent | ReplyState::Elsewhere | ReplyState::Failed => Ok(()),
    }
}

/// Waits for the channel to be connected. A reply whose outcome is unknown stays so: it must not go back to those that
/// may be sent.
async fn unconnected(context: &Context, work: &ReplyWork, reason: &str) -> Result<(), StoreError> {
    match work.state {
        ReplyState::Sending | ReplyState::Uncertain => look_later(context, work, reason).await,
        _ => not_sent(context, work, &mending(context, reason)).await,
    }
}

async fn send(context: &Context, work: &ReplyWork, connector: &dyn Connector) -> Result<(), StoreError> {
    let now = context.clock.now();
    if work.intent == Intent::Receipt && now.duration_since(work.answers_written_at) > receipts::WITHIN {
        let error = "it is too late for a receipt".to_owned();
        return not_sent(context, work, &Outcome::Dead { error }).await;
    }
    let reply = among_others(context, work, now).await?;
    if let Err(limit) = connector.check(&reply, now) {
        return not_sent(context, work, &Outcome::Dead { error: limit.to_string() }).await;
    }
    if let Some(at) = blocked(context, work, connector, Doing::Sending).await? {
        return not_sent(context, work, &Outcome::Wait { at, error: PATIENT.to_owned() }).await;
    }
    if !begin(context, work, connector.longest_send()).await? {
        return Ok(());
    }
    fault::point("deliver.before_call");
    let sent = timeout(connector.longest_send(), connector.send(&reply, now)).await;
    let result = sent.unwrap_or_else(|_| Err(NotSent::Uncertain("no answer for too long".to_owned())));
    fault::point("deliver.after_call");
    match result {
        Ok(sent) => arrived(context, work, &sent).await,
        Err(NotSent::Uncertain(error)) => uncertain(context, work, &error, LOOK_AFTER).await,
        Err(NotSent::Refused(error)) => not_sent(context, work, &Outcome::Dead { error }).await,
        Err(NotSent::Trouble(trouble)) => {
            note_patience(context, work, &trouble, Doing::Sending).await?;
            not_sent(context, work, &after_trouble(context, work, &trouble)).await
        }
    }
}

/// Stores that the reply is handed to the platform now, under a lease for longer than that can take. `false`: it is not
/// ours any more, or storing took so long that it will not be when the platform answers.
async fn begin(context: &Context, work: &ReplyWork, longest: Duration) -> Result<bool, StoreError> {
    let now = context.clock.now();
    let until = now + longest + MARGIN;
    let mut tx = context.db.begin().await?;
    let ours = tx.begin_sending(work, until, now).await?;
    fault::point("deliver.before_sending");
    tx.commit().await?;
    if ours && context.clock.now() + longest > until {
        let late = Outcome::Wait { at: context.clock.now(), error: "the database was too slow".to_owned() };
        not_sent(context, work, &late).await?;
        return Ok(false);
    }
    Ok(ours)
}

/// Looks for a reply whose outcome is unknown. Found: it is sent. Certainly not there: it is sent now. Not to be told:
/// it is looked for again, and people are asked.
async fn look_up(context: &Context, work: &ReplyWork, connector: &dyn Connector) -> Result<(), StoreError> {
    if let Some(at) = blocked(context, work, connector, Doing::Reading).await? {
        return uncertain(context, work, PATIENT, at.duration_since(context.clock.now())).await;
    }
    let now = context.clock.now();
    let reply = among_others(context, work, now).await?;
    match connector.look_up(&reply, now).await {
        Ok(Some(sent)) => arrived(context, work, &sent).await,
        Ok(None) => {
            metrics::counter!("sahut_replies_looked_up_total", "found" => "no").increment(1);
            send(context, work, connector).await
        }
        Err(error) => {
            if let NotSent::Trouble(trouble) = &error {
                note_patience(context, work, trouble, Doing::Reading).await?;
            }
            look_later(context, work, &error.to_string()).await
        }
    }
}

/// Until when the platform wants to be left alone with this.
async fn blocked(
    context: &Context,
    work: &ReplyWork,
    connector: &dyn Connector,
    doing: Doing,
) -> Result<Option<Timestamp>, StoreError> {
    let blocked = context.db.read().await?.blocked_budgets(context.clock.now()).await?;
    Ok(budget::blocked_until(connector, work.channel, doing, &blocked))
}

/// Notes that the platform asked for patience, so that nobody else asks it meanwhile.
async fn note_patience(
    context: &Context,
    work: &ReplyWork,
    trouble: &Trouble,
    doing: Doing,
) -> Result<(), StoreError> {
    let Trouble::Wait { until, scope, detail } = trouble else { return Ok(()) };
    let Some(budget) = budget::name(scope, work.channel, doing) else { return Ok(()) };
    let mut tx = context.db.begin().await?;
    tx.block_budget(&budget, patience(context, *until), detail).await?;
    tx.commit().await
}

fn patience(context: &Context, until: Option<Timestamp>) -> Timestamp {
    let now = context.clock.now();
    until.unwrap_or(now + PATIENCE).max(now + SignedDuration::from_secs(1))
}

/// A reply with those that it must not be taken for.
async fn among_others(context: &Context, work: &ReplyWork, now: Timestamp) -> Result<Outgoing, StoreError> {
    let others = context.db.read().await?.other_replies(work.thread, ReplyId(work.lease.id)).await?;
    Ok(Outgoing { others, ..outgoing(work, Some(work.first_attempt_at.unwrap_or(now))) })
}

/// Settles a reply as what the platform shows, unless that is another one: the same words, twice in one thread.
async fn arrived(context: &Context, work: &ReplyWork, sent: &Sent) -> Result<(), StoreError> {
    let reply = ReplyId(work.lease.id);
    if context.db.read().await?.is_other_reply(work.channel, &sent.external_id, reply).await? {
        return look_later(context, work, "what the platform shows with these words is another reply").await;
    }
    settle_sent(context, work, Some(sent)).await
}

/// Looks again later, more and more seldom.
async fn look_later(context: &Context, work: &ReplyWork, error: &str) -> Result<(), StoreError> {
    let now = context.clock.now();
    let tried_for = now.duration_since(work.first_attempt_at.unwrap_or(now));
    let wait = tried_for.clamp(LOOK_AFTER, LOOK_AT_LEAST_EVERY);
    uncertain(context, work, error, wait).await
}

/// Stores that a reply is on the platform, as the platform said, or a person who saw it there.
async fn settle_sent(context: &Context, work: &ReplyWork, sent: Option<&Sent>) -> Result<(), StoreError> {
    let now = context.clock.now();
    let at = sent.map(|sent| sent.at).or(work.first_attempt_at).unwrap_or(now);
    let external_id = sent.map(|sent| &*sent.external_id);
    let permalink = sent.and_then(|sent| sent.permalink.as_deref());
    let mut tx = context.db.begin().await?;
    let settled = tx.settle_sent(work, external_id, permalink, at, now).await?;
    if settled {
        promise_again(&mut tx, &context.regency.get(), work.inquiry, now).await?;
    }
    tx.commit().await?;
    if settled {
        tracing::info!(reply = work.lease.id, channel = work.channel_code, "reply.sent");
        metrics::counter!("sahut_replies_total", "outcome" => "sent").increment(1);
    }
    Ok(())
}

async fn uncertain(
    context: &Context,
    work: &ReplyWork,
    error: &str,
    wait: SignedDuration,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    tracing::warn!(reply = work.lease.id, channel = work.channel_code, error, "reply.uncertain");
    metrics::counter!("sahut_replies_total", "outcome" => "uncertain").increment(1);
    let mut tx = context.db.begin().await?;
    let event = tx.settle_uncertain(work, error, now + wait, now).await?;
    tell(context, &mut tx, work, event, Template::ReplyUncertain, now).await?;
    tx.commit().await
}

async fn not_sent(context: &Context, work: &ReplyWork, outcome: &Outcome) -> Result<(), StoreError> {
    let now = context.clock.now();
    if let Some(error) = outcome.error() {
        tracing::warn!(reply = work.lease.id, channel = work.channel_code, error, "reply.not_sent");
        metrics::counter!("sahut_replies_total", "outcome" => "not_sent").increment(1);
    }
    let mut tx = context.db.begin().await?;
    let event = tx.settle_not_sent(work, outcome, now).await?;
    tell(context, &mut tx, work, event, Template::ReplyFailed, now).await?;
    tx.commit().await
}

async fn tell(
    context: &Context,
    tx: &mut sahut_store::Tx,
    work: &ReplyWork,
    event: Option<EventId>,
    template: Template,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Nobody has to do anything about a receipt that did not arrive.
    let Some(event) = event.filter(|_| work.intent != Intent::Receipt) else { return Ok(()) };
    let regency = context.regency.get();
    tx.owe(notices(&regency, event, template, Some(work.inquiry), &work.office, false, now), now).await
}

fn after_trouble(context: &Context, work: &ReplyWork, trouble: &Trouble) -> Outcome {
    let now = context.clock.now();
    match trouble {
        Trouble::Wait { until, detail, .. } => {
            Outcome::Wait { at: patience(context, *until), error: detail.clone() }
        }
        Trouble::Gone { detail } => Outcome::Dead { error: detail.clone() },
        // Held while somebody mends the channel, never shown as sent.
        Trouble::Person { detail, .. } => mending(context, detail),
        Trouble::Again { .. } => again(now, work.lease.failures, trouble.to_string(), &context.chance),
    }
}

fn mending(context: &Context, error: &str) -> Outcome {
    Outcome::Wait { at: context.clock.now() + MENDING, error: error.to_owned() }
}

/// Holds a reply against the limits of its platform, as far as the channel is connected.
pub fn fits(regency: &Regency, work: &ReplyWork, now: Timestamp) -> Result<(), Limit> {
    match regency.connectors.get(&work.channel) {
        Some(Ok(connector)) => connector.check(&outgoing(work, None), now),
        Some(Err(_)) | None => Ok(()),
    }
}

fn outgoing(work: &ReplyWork, first_attempt_at: Option<Timestamp>) -> Outgoing {
    Outgoing {
        key: work.key.clone(),
        surface: work.surface,
        thread: work.thread_external_id.clone(),
        post: work.post.clone(),
        answers: work.answers.clone(),
        answers_parent: work.answers_parent.clone(),
        answers_written_at: work.answers_written_at,
        citizen_wrote_at: work.citizen_wrote_at,
        citizen: work.citizen.clone(),
        subject: work.subject.clone(),
        text: work.text.clone(),
        automatic: work.intent == Intent::Receipt,
        first_attempt_at,
        answers_raw: work.answers_raw.clone(),
        others: Vec::new(),
    }
}
