//! Promises made and moved: here the calendars and policies are at hand.

use jiff::Timestamp;
use sahut_domain::calendar::{NoWorkingTime, WorkingCalendar};
use sahut_domain::deadline::{DeadlineKind, Explanation, MoveReason, promise, recount, resumed};
use sahut_domain::inquiry::{InquiryId, Kind, Priority};
use sahut_domain::ladder::Promised;
use sahut_domain::office::OfficeCode;
use sahut_store::clocks::{Live, Move};
use sahut_store::extensions::Extension;
use sahut_store::{StoreError, Tx};

use crate::policies::Entry;
use crate::{Context, Regency};

/// A promise, and when to look at it for the first time.
pub(crate) type Made = (Explanation, Timestamp);

/// Makes a promise on an inquiry of an office. `None`: nothing is promised, or the office's calendar never opens.
pub(crate) fn make(
    regency: &Regency,
    kind: DeadlineKind,
    office: &OfficeCode,
    (inquiry, priority): (Kind, Priority),
    from: Timestamp,
) -> Option<Made> {
    let calendar = regency.calendar(office)?;
    let entry = regency.policies.of(kind, inquiry, priority, office)?;
    let made = promise(&entry.policy, calendar, from).ok()?;
    let promised = Promised {
        promise: kind,
        term: made.policy.term,
        started_at: made.started_at,
        due_at: made.due.at,
        kind: inquiry,
        priority,
    };
    let next_at = regency.ladder.first_look(calendar, &promised);
    Some((made, next_at))
}

/// Lets the resolution of an inquiry run again, whose citizen wrote; nothing where it runs already.
pub(crate) async fn resume(
    tx: &mut Tx,
    regency: &Regency,
    inquiry: InquiryId,
    written_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(live) = tx.live_promise(inquiry, DeadlineKind::Resolution).await? else { return Ok(()) };
    let Some(stopped_at) = live.segments.stopped_at() else { return Ok(()) };
    let at = written_at.max(live.segments.last_began().unwrap_or(written_at));
    let mut explanation = live.explanation.clone();
    if let Some(calendar) = calendar_of(regency, &live) {
        explanation.due.at = resumed(&explanation, calendar, stopped_at, at).unwrap_or(live.due_at);
    }
    let moved = Move { why: MoveReason::Resumed, note: "", explanation };
    tx.resume(&live, at, moved, now).await
}

/// Puts a sooner resolution in the place of the one that an inquiry has, which became an emergency.
pub(crate) async fn hasten(
    tx: &mut Tx,
    regency: &Regency,
    inquiry: InquiryId,
    written_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(live) = tx.live_promise(inquiry, DeadlineKind::Resolution).await? else { return Ok(()) };
    let urgent = (Kind::Emergency, Priority::Emergency);
    match make(regency, DeadlineKind::Resolution, &live.office, urgent, written_at) {
        Some((sooner, next_at)) if sooner.due.at < live.due_at => {
            tx.hasten_resolution(&live, &sooner, next_at, now).await
        }
        _ => Ok(()),
    }
}

/// A live promise as it would be made today, under today's calendars and policies, for the office that it was made for.
/// `None`: today nothing would be promised.
pub fn recounted(regency: &Regency, live: &Live) -> Option<Result<Explanation, NoWorkingTime>> {
    let calendar = regency.calendar(promised_by(live))?;
    let entry = entry_of(regency, live)?;
    Some(recount(&entry.policy, calendar, &live.explanation, &live.segments, &live.history))
}

/// Until when a promise may be extended once without asking anybody.
pub fn allowed_until(regency: &Regency, live: &Live) -> Option<Timestamp> {
    let extended = live.history.iter().any(|moved| moved.why == MoveReason::Extended);
    let extension = entry_of(regency, live)?.extension.filter(|_| !extended)?;
    Some(calendar_of(regency, live)?.due(live.due_at, extension).ok()?.at)
}

/// Grants more time that was asked for: until the moment that was asked, unless the promise was moved beyond it since.
pub async fn grant(
    tx: &mut Tx,
    (asked, live): (&Extension, &Live),
    note: &str,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut explanation = live.explanation.clone();
    explanation.due.at = asked.until.max(live.due_at);
    let moved = Move { why: MoveReason::Extended, note: &asked.reason, explanation };
    tx.grant(asked, live, moved, note, actor, now).await
}

/// Grants what offices asked for and their policies allow without a decision; answers how many requests.
pub async fn grant_allowed(context: &Context) -> Result<usize, StoreError> {
    let regency = context.regency.get();
    let allowed = |asked: &Extension, live: &Live| {
        live.due_at < asked.until && allowed_until(&regency, live).is_some_and(|until| asked.until <= until)
    };
    if context.db.read().await?.count_asked_extensions().await? == 0 {
        return Ok(0);
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let mut granted = 0;
    for (asked, live) in tx.asked_extensions().await? {
        let Some(live) = live.filter(|live| allowed(&asked, live)) else { continue };
        granted += usize::from(grant(&mut tx, (&asked, &live), "", "sahut", now).await?);
    }
    tx.commit().await?;
    Ok(granted)
}

/// The calendar that a promise was counted in, as it is today; that of its office where there is none of that name.
pub fn calendar_of<'a>(regency: &'a Regency, live: &Live) -> Option<&'a WorkingCalendar> {
    regency.calendars.get(&live.explanation.calendar).or_else(|| regency.calendar(&live.office))
}

/// Today's policy for a promise.
pub(crate) fn entry_of<'a>(regency: &'a Regency, live: &Live) -> Option<&'a Entry> {
    regency.policies.of(live.kind, live.inquiry_kind, live.priority, promised_by(live))
}

/// The office that a promise was made for: it has the first stretch of it.
fn promised_by(live: &Live) -> &OfficeCode {
    live.segments.as_slice().first().map_or(&live.office, |first| &first.office)
}
