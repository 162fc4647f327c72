//! The fifth stage: what came due is noticed, once, and told.
//!
//! Nothing here is a timer. Deadlines carry the moment at which somebody has to look at them; this stage asks for those
//! whose moment has come, so an hour of downtime only means that it looks an hour later, and says in the journal when
//! the thing really happened.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::event::EventId;
use sahut_domain::fault;
use sahut_domain::incident::IncidentId;
use sahut_domain::inquiry::Priority;
use sahut_domain::ladder::{Rung, Whom};
use sahut_domain::notice::Template;
use sahut_store::StoreError;
use sahut_store::notify::NewNotice;
use sahut_store::watch::{DueDeadline, Looked};
use sahut_store::work::Stage;

use crate::supervisor::{Heart, TaskError};
use crate::{Context, Regency, bells, clocks, endings, mornings, reports, silence, stage};

/// Promises that one transaction takes.
const BATCH: i64 = 200;

/// When to look again at a promise of which nobody is told, as people are told of another of its incident: that one may be
/// answered alone.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(4);

/// How long a channel may ail before people are told, and how often they are told again.
const AILING_FOR: SignedDuration = SignedDuration::from_mins(10);
const TOLD_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// How often channels are looked at, in seconds.
const LOOK_AT_CHANNELS_EVERY: i64 = 30;

/// A channel is silent after so many of its usual gaps, and not before a day.
const SILENT_GAPS: i64 = 8;
const SILENT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Watches until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    let looked = AtomicI64::new(0);
    stage::run(&context, &heart, Stage::Watch, || watch(&context, &looked)).await
}

/// One look at what came due; at the channels only now and then. `looked` is the second of the last such look.
async fn watch(context: &Context, looked: &AtomicI64) -> Result<usize, StoreError> {
    let now = context.clock.now().as_second();
    // A clock that was set back must not keep channels from being looked at.
    if (now - looked.load(Ordering::Relaxed)).abs() >= LOOK_AT_CHANNELS_EVERY {
        looked.store(now, Ordering::Relaxed);
        watch_channels(context).await?;
        bells::answer(context).await?;
        clocks::grant_allowed(context).await?;
        endings::warn(context).await?;
        mornings::ring(context).await?;
        reports::make_due(context).await?;
    }
    let silent = silence::close_silent(context).await?;
    Ok(silent + watch_deadlines(context).await?)
}

/// Takes promises whose moment has come: steps of the ladder, and the miss at the end.
pub async fn watch_deadlines(context: &Context) -> Result<usize, StoreError> {
    let now = context.clock.now();
    if !context.db.read().await?.has_due_deadlines(now).await? {
        return Ok(0);
    }
    let regency = context.regency.get();
    let mut tx = context.db.begin().await?;
    let due = tx.take_due_deadlines(now, BATCH).await?;
    let mut speaking = HashSet::new();
    let looks: Vec<(&DueDeadline, Looked)> =
        due.iter().map(|deadline| (deadline, look(&regency, deadline, &mut speaking, now))).collect();
    let events = tx.note_looks(&looks, now).await?;
    let told = looks.iter().zip(events).filter_map(|((deadline, looked), event)| {
        let rung = looked.taken.last()?;
        Some(step_notices(&regency, deadline, rung, event?, now))
    });
    tx.owe(told.flatten().collect(), now).await?;
    fault::point("watch.before_commit");
    tx.commit().await?;
    Ok(due.len())
}

/// What there is to do about a promise now. Steps of which nobody is to be told yet are left for later: the office has it
/// in hand, or people are told of another inquiry of the same incident for all.
fn look(
    regency: &Regency,
    deadline: &DueDeadline,
    speaking: &mut HashSet<(IncidentId, Priority, DeadlineKind)>,
    now: Timestamp,
) -> Looked {
    let rungs = regency
        .calendar(&deadline.office)
        .map_or_else(Vec::new, |calendar| regency.ladder.rungs(calendar, &deadline.promised()));
    let left = rungs.into_iter().filter(|rung| !deadline.taken.contains(&rung.key));
    let (mut taken, ahead): (Vec<Rung>, Vec<Rung>) = left.partition(|rung| rung.at <= now);
    let missed = !deadline.missed && deadline.due_at <= now;
    let mut next = ahead.first().map(|rung| rung.at);
    let mut look_at = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
    if !deadline.missed && !missed {
        look_at(deadline.due_at);
    }
    if let Some(until) = deadline.acknowledged_until.filter(|until| *until > now) {
        let held = taken.extract_if(.., |rung| rung.to == [Whom::Office]).count();
        if held > 0 {
            look_at(until);
        }
    }
    let late = deadline.missed || missed;
    let group = deadline.incident.map(|incident| (incident, deadline.priority, deadline.promise));
    let mut speaks = || !deadline.spoken_for && (!late || group.is_none_or(|group| speaking.insert(group)));
    if !taken.is_empty() && !speaks() {
        taken.clear();
        look_at(now + LOOK_AGAIN);
    }
    Looked { missed, taken, next_at: next }
}

/// Mails about a step. Nobody is woken at night for an ordinary one: it leaves when the office of who gets it opens.
fn step_notices(
    regency: &Regency,
    deadline: &DueDeadline,
    rung: &Rung,
    event: EventId,
    now: Timestamp,
) -> Vec<NewNotice> {
    let urgent = deadline.priority == Priority::Emergency;
    let template = if rung.late { Template::Overdue } else { Template::Reminder };
    let in_hand = deadline.acknowledged_until.is_some_and(|until| until > now);
    let mut told: Vec<NewNotice> = Vec::new();
    for whom in rung.to.iter().filter(|whom| !(in_hand && **whom == Whom::Office)) {
        let (hours, people) = regency.step_people(*whom, &deadline.office, now);
        let not_before = if urgent { now } else { regency.opening(&hours, now) };
        for recipient in people {
            if told.iter().any(|notice| notice.recipient.mail == recipient.mail) {
                continue;
            }
            told.push(NewNotice {
                event,
                template,
                recipient,
                office: Some(hours.clone()),
                inquiry: Some(deadline.inquiry),
                channel: None,
                urgent,
                not_before,
            });
        }
    }
    told
}

/// Tells about channels that ail or went quiet.
async fn watch_channels(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let regency = context.regency.get();
    let mut tx = context.db.begin().await?;
    for channel in tx.ailing_channels(now - AILING_FOR, now - TOLD_EVERY).await? {
        let event = tx.note_ailment_told(&channel, now).await?;
        let notice = |recipient| NewNotice {
            event,
            template: Template::ChannelTrouble,
            recipient,
            office: Some(channel.office.clone()),
            inquiry: None,
            channel: Some(channel.id),
            urgent: false,
            not_before: now,
        };
        tx.owe(regency.operators(now).into_iter().map(notice).collect(), now).await?;
    }
    for channel in tx.silent_channels(SILENT_GAPS, now - SILENT_FOR, now).await? {
        let event = tx.note_silence_told(&channel, now).await?;
        let notice = |recipient| NewNotice {
            event,
            template: Template::ChannelSilent,
            recipient,
            office: Some(channel.office.clone()),
            inquiry: None,
            channel: Some(channel.id),
            urgent: false,
            not_before: now,
        };
        tx.owe(regency.operators(now).into_iter().map(notice).collect(), now).await?;
    }
    tx.commit().await
}
