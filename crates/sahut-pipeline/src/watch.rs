//! The fifth stage: what came due is noticed, once, and told.
//!
//! Nothing here is a timer. Deadlines carry the moment at which somebody has to look at them; this stage asks for those
//! whose moment has come, so an hour of downtime only means that it looks an hour later, and says in the journal when
//! the thing really happened.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::deadline::Explanation;
use sahut_domain::fault;
use sahut_domain::inquiry::Priority;
use sahut_domain::notice::Template;
use sahut_store::StoreError;
use sahut_store::notify::NewNotice;
use sahut_store::watch::DueDeadline;
use sahut_store::work::Stage;

use crate::route::notices;
use crate::supervisor::{Heart, TaskError};
use crate::{Context, Regency, bells, reports, stage};

/// Promises that one transaction takes.
const BATCH: i64 = 200;

/// The share of a promise's working time after which the office is reminded, in percent.
const REMIND_AFTER: i64 = 80;

/// When to look again at a missed promise of which nobody was told, as people were told of another of its incident: that
/// one may be answered alone.
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
        reports::make_due(context).await?;
    }
    watch_deadlines(context).await
}

/// When to look at a fresh promise for the first time: when the office should be reminded of it.
pub(crate) fn first_look(calendar: &WorkingCalendar, promise: &Explanation) -> Timestamp {
    let counted = match promise.policy.term {
        Term::Minutes(minutes) => i64::from(minutes) * 60,
        Term::WorkingMinutes(_) | Term::WorkingDays(_) => calendar.worked(promise.started_at, promise.due.at),
    };
    let minutes = u32::try_from(counted * REMIND_AFTER / 100 / 60).unwrap_or(0);
    let term = match promise.policy.term {
        Term::Minutes(_) => Term::Minutes(minutes),
        Term::WorkingMinutes(_) | Term::WorkingDays(_) => Term::WorkingMinutes(minutes),
    };
    let reminder = calendar.due(promise.started_at, term).map(|due| due.at);
    reminder.map_or(promise.due.at, |at| at.min(promise.due.at))
}

/// Takes promises whose moment has come: a reminder before the end, the miss at the end.
pub async fn watch_deadlines(context: &Context) -> Result<usize, StoreError> {
    let now = context.clock.now();
    if !context.db.read().await?.has_due_deadlines(now).await? {
        return Ok(0);
    }
    let regency = context.regency.get();
    let mut tx = context.db.begin().await?;
    let due = tx.take_due_deadlines(now, BATCH).await?;
    let mut told = Vec::new();
    let mut speaking = HashSet::new();
    for deadline in &due {
        let missed = deadline.missed || deadline.due_at <= now;
        let speaks = !deadline.spoken_for
            && (!missed
                || deadline.incident.is_none_or(|incident| speaking.insert((incident, deadline.priority))));
        let next_at = if missed { (!speaks).then_some(now + LOOK_AGAIN) } else { Some(deadline.due_at) };
        let event = if deadline.missed {
            tx.look_again(deadline, next_at).await?
        } else {
            Some(tx.note_step(deadline, missed, next_at, now).await?)
        };
        let Some(event) = event.filter(|_| speaks) else { continue };
        let template = if missed { Template::Overdue } else { Template::Reminder };
        let urgent = deadline.priority == Priority::Emergency;
        let not_before = if urgent { now } else { next_opening(&regency, deadline, now) };
        let notices =
            notices(&regency, event, template, Some(deadline.inquiry), &deadline.office, urgent, not_before);
        told.extend(notices);
    }
    tx.owe(told, now).await?;
    fault::point("watch.before_commit");
    tx.commit().await?;
    Ok(due.len())
}

/// Nobody is woken at night for an ordinary reminder: it leaves when the office opens.
fn next_opening(regency: &Regency, deadline: &DueDeadline, now: Timestamp) -> Timestamp {
    let opening = |calendar: &WorkingCalendar| {
        if calendar.is_open(now) {
            return Some(now);
        }
        calendar.due(now, Term::WorkingMinutes(0)).ok().map(|due| due.at)
    };
    regency.calendar(&deadline.office).and_then(opening).unwrap_or(now)
}

/// Tells about channels that ail or went quiet.
async fn watch_channels(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let regency = context.regency.get();
    let mut tx = context.db.begin().await?;
    for channel in tx.ailing_channels(now - AILING_FOR, now - TOLD_EVERY).await? {
        let event = tx.note_ailment_told(&channel, now).await?;
        let notice = |person: &sahut_domain::office::Person| NewNotice {
            event,
            template: Template::ChannelTrouble,
            recipient: person.clone(),
            office: Some(channel.office.clone()),
            inquiry: None,
            channel: Some(channel.id),
            urgent: false,
            not_before: now,
        };
        tx.owe(regency.operators().iter().map(notice).collect(), now).await?;
    }
    for channel in tx.silent_channels(SILENT_GAPS, now - SILENT_FOR, now).await? {
        let event = tx.note_silence_told(&channel, now).await?;
        let notice = |person: &sahut_domain::office::Person| NewNotice {
            event,
            template: Template::ChannelSilent,
            recipient: person.clone(),
            office: Some(channel.office.clone()),
            inquiry: None,
            channel: Some(channel.id),
            urgent: false,
            not_before: now,
        };
        tx.owe(regency.operators().iter().map(notice).collect(), now).await?;
    }
    tx.commit().await
}
