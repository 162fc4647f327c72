//! What a page tells of an inquiry, from what the database knows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::decision::Decision;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryId, State};
use sahut_domain::letter::ProposalState;
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_domain::reply::{Limit, ReplyState};
use sahut_domain::segments::Segment;
use sahut_render::page::{
    Act, Deed, Filled, Forms, Given, InHand, InquiryPage, PostShown, Problem, Refusal, Said, Stay,
};
use sahut_store::desk::Standing;
use sahut_store::inquiries::{Inquiry, MessageFacts};
use sahut_store::journal::Event;
use sahut_store::{StoreError, Tx};

use super::visit::{Visit, Visitor};
use super::{Refused, Regency};

/// So many messages are shown: the first, and the newest of the others.
const MESSAGES: usize = 10;

/// So many lines of the journal are shown, the newest.
const DEEDS: usize = 30;

/// Days of work to choose from: for "in hand", and for more time.
const SOON: u32 = 7;
const LATER: u32 = 20;

/// Longer than any platform takes, to learn what it takes.
const ENDLESS: usize = 100_000;

/// The page of an inquiry.
pub(super) async fn page(
    visitor: &Visitor,
    visit: &Visit,
    opened: Act,
    filled: Filled,
    problem: Option<(Act, Problem)>,
) -> Result<InquiryPage, Refused> {
    let mut tx = visitor.pages.db.read().await?;
    let inquiry = tx.inquiry(visit.number).await?.ok_or(Refusal::Forged)?;
    let standing = tx.how_it_stands(visit.inquiry).await?;
    let offices = tx.offices().await?;
    let limit = limit(visitor, &mut tx, visit).await?;
    drop(tx);
    let regency = &*visitor.regency;
    // Until the citizen was heard, that is what is due; afterwards it is the end of the matter.
    let due = if inquiry.line.state == State::Open {
        DeadlineKind::FirstResponse
    } else {
        DeadlineKind::Resolution
    };
    let promises = || inquiry.promises.iter().rev();
    let promise = promises().find(|promise| promise.kind == due).or(promises().next());
    let promise = promise.map(|promise| promise.explanation.clone());
    let zone = promise.as_ref().and_then(|promise| TimeZone::get(&promise.zone).ok());
    let zone = zone.or_else(|| regency.calendar(&visit.office).map(|calendar| calendar.zone.clone()));
    let decision =
        inquiry.decision.as_ref().filter(|decision| decision.office.as_ref() == Some(&visit.office));
    let (thread, left_out) = thread(&inquiry.messages);
    let held = |until, by: &str, words: &str| InHand { until, by: by.to_owned(), words: words.to_owned() };
    let forms = forms(visitor, visit, &inquiry, &standing, &offices, limit);
    Ok(InquiryPage {
        number: visit.number,
        title: inquiry.line.title.clone(),
        office: inquiry.line.office_name.clone(),
        kind: inquiry.line.kind,
        state: inquiry.line.state,
        person: visit.person.name.clone(),
        channel: inquiry.line.channel.clone(),
        surface: inquiry.surface,
        citizen: inquiry.citizen.clone(),
        post: inquiry.post.as_ref().map(|post| PostShown {
            text: post.text.clone(),
            at: post.published_at,
            permalink: post.permalink.clone(),
        }),
        thread,
        left_out,
        zone: zone.unwrap_or(TimeZone::UTC),
        now: visitor.now,
        in_hand: standing.in_hand.as_ref().map(|in_hand| held(in_hand.until, &in_hand.by, &in_hand.note)),
        asked: standing.asked.as_ref().map(|asked| held(asked.until, &asked.by, &asked.reason)),
        reason: reason(regency, decision, &inquiry.events, &offices),
        tell: decision.and_then(|decision| decision.tell.clone()),
        together: inquiry
            .incident
            .as_ref()
            .and_then(|incident| Some((incident.parse().ok()?, standing.together)))
            .filter(|(_, open)| *open > 1),
        replies: replies(&inquiry),
        deeds: deeds(&inquiry.events, &offices),
        stays: stays(regency, &standing.segments, &offices, visitor.now),
        forms: Forms {
            opened,
            filled: prefilled(filled, &inquiry, opened == Act::Answer && problem.is_none()),
            problem,
            ..forms
        },
        promise,
    })
}

/// The last thing that a person did about an inquiry.
pub(super) async fn last_deed(tx: &mut Tx, inquiry: InquiryId) -> Result<Option<Deed>, StoreError> {
    let (events, offices) = (tx.events_of(inquiry).await?, tx.offices().await?);
    Ok(deeds(&events, &offices).pop())
}

/// What people call an office; its code where it is no more.
pub(super) fn short_name(offices: &[Office], code: &OfficeCode) -> String {
    let known = offices.iter().find(|office| office.code == *code);
    known.map_or_else(|| code.to_string(), |office| office.short_name.clone())
}

/// What an answer has to fit, told before it is written.
async fn limit(visitor: &Visitor, tx: &mut Tx, visit: &Visit) -> Result<Option<Limit>, StoreError> {
    let Some(mut outline) = tx.outline_reply(visit.number).await? else {
        return Ok(Some(Limit::NotAnswerable("there is nothing that could be answered")));
    };
    outline.text = "x".repeat(ENDLESS);
    Ok(visitor.regency.fits(&outline, visitor.now).err())
}

fn forms(
    visitor: &Visitor,
    visit: &Visit,
    inquiry: &Inquiry,
    standing: &Standing,
    offices: &[Office],
    limit: Option<Limit>,
) -> Forms {
    let regency = &*visitor.regency;
    let acts = match inquiry.line.state {
        State::Open if standing.asked.is_some() => vec![Act::Answer, Act::InHand, Act::NotOurs, Act::Note],
        State::Open => vec![Act::Answer, Act::InHand, Act::MoreTime, Act::NotOurs, Act::Note],
        State::Answered | State::Waiting => vec![Act::Answer, Act::Settle, Act::Note],
        State::Closed => vec![Act::Note],
    };
    let mut listed: Vec<(String, String)> = offices
        .iter()
        // Those who decide may find that it is theirs.
        .filter(|office| office.code != visit.office || inquiry.line.triage)
        .map(|office| (office.code.to_string(), office.short_name.clone()))
        .collect();
    listed.sort_by(|(_, a), (_, b)| a.cmp(b));
    let calendar = regency.calendar(&visit.office);
    let is_deciding = *regency.decides() == visit.office;
    Forms {
        action: visitor.address(),
        key: format!("{:016x}{:016x}", visitor.pages.chance.bits(), visitor.pages.chance.bits()),
        version: standing.version,
        acts,
        opened: Act::Answer,
        limit,
        offices: listed,
        until: ends_of_work(calendar, visitor.now, visitor.now, 0..=SOON),
        more: ends_of_work(calendar, inquiry.line.due_at, visitor.now, 1..=LATER),
        decides: short_name(offices, regency.decides()),
        is_deciding,
        bound: standing.bound && !is_deciding,
        filled: Filled::default(),
        problem: None,
    }
}

/// The ends of some days of work after a moment, as far as they are still to come.
fn ends_of_work(
    calendar: Option<&WorkingCalendar>,
    from: Timestamp,
    now: Timestamp,
    days: std::ops::RangeInclusive<u32>,
) -> Vec<Timestamp> {
    let Some(calendar) = calendar else { return Vec::new() };
    let ends = days.filter_map(|days| Some(calendar.due(from, Term::WorkingDays(days)).ok()?.at));
    ends.filter(|end| *end > from && *end > now).collect::<BTreeSet<_>>().into_iter().collect()
}

/// An answer that was refused stands in the form again, to be mended.
fn prefilled(filled: Filled, inquiry: &Inquiry, is_fresh: bool) -> Filled {
    let failed = inquiry.replies.last().filter(|reply| reply.delivery == ReplyState::Failed);
    match failed {
        Some(failed) if is_fresh && inquiry.line.state == State::Open => {
            Filled { text: failed.text.clone(), ..filled }
        }
        _ => filled,
    }
}

fn thread(messages: &[MessageFacts]) -> (Vec<Said>, usize) {
    let left_out = messages.len().saturating_sub(MESSAGES);
    let said = |message: &MessageFacts| Said {
        own: message.own,
        text: message.text.clone(),
        at: message.written_at,
        visibility: message.visibility,
        edited: message.revisions > 0,
        permalink: message.permalink.clone(),
    };
    let newest = messages.iter().skip(1 + left_out);
    (messages.iter().take(1).chain(newest).map(said).collect(), left_out)
}

/// Answers that the thread does not show as the platform does.
fn replies(inquiry: &Inquiry) -> Vec<Given> {
    let same = |a: &str, b: &str| a.split_whitespace().eq(b.split_whitespace());
    let is_shown =
        |text: &str| inquiry.messages.iter().any(|message| message.own && same(&message.text, text));
    inquiry
        .replies
        .iter()
        .filter(|reply| !(reply.delivery == ReplyState::Sent && is_shown(&reply.text)))
        .map(|reply| Given {
            text: reply.text.clone(),
            by: reply.author.clone(),
            at: reply.created_at,
            state: reply.delivery,
            error: reply.last_error.clone(),
        })
        .collect()
}

/// Why the office has it: what the rules saw, or what was said when it came from another office.
fn reason(
    regency: &dyn Regency,
    decision: Option<&Decision>,
    events: &[Event],
    offices: &[Office],
) -> String {
    let given = events.iter().rev().find(|event| event.kind == EventKind::InquiryHandedOver);
    if let Some(given) = given.and_then(|event| text_of(event, "reason")).filter(|reason| !reason.is_empty())
    {
        return given;
    }
    let Some(decision) = decision else { return String::new() };
    let decision = Decision { tell: None, ..decision.clone() };
    sahut_routing::explain(&decision, &|code| short_name(offices, code), regency.language())
}

fn deeds(events: &[Event], offices: &[Office]) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = events.iter().filter_map(|event| deed(event, offices)).collect();
    deeds.drain(..deeds.len().saturating_sub(DEEDS));
    deeds
}

/// A line of the journal that people of an office want to know; the others are the program's own business.
fn deed(event: &Event, offices: &[Office]) -> Option<Deed> {
    let words = match event.kind {
        EventKind::InquiryNoted => text_of(event, "text"),
        EventKind::InquiryAcknowledged => text_of(event, "note"),
        EventKind::InquiryHandedOver | EventKind::InquiryConfirmed | EventKind::ExtensionAsked => {
            text_of(event, "reason")
        }
        EventKind::InquiryOpened
        | EventKind::InquiryContinued
        | EventKind::InquiryReopened
        | EventKind::InquiryAnswered
        | EventKind::InquiryClosed
        | EventKind::InquiryRestored
        | EventKind::IncidentJoined
        | EventKind::IncidentLeft
        | EventKind::ExtensionGranted
        | EventKind::ExtensionRefused
        | EventKind::DeadlineMoved
        | EventKind::DeadlineMissed
        | EventKind::ReplyQueued
        | EventKind::ReplyFailed
        | EventKind::ReplyUncertain
        | EventKind::ReplyElsewhere
        | EventKind::ReplyRetried => None,
        _ => return None,
    };
    let office = |key: &str| {
        let code = OfficeCode::parse(&text_of(event, key)?).ok()?;
        Some(short_name(offices, &code))
    };
    let moved = event.kind == EventKind::InquiryHandedOver;
    Some(Deed {
        at: event.at,
        kind: event.kind,
        by: Some(event.actor.clone()).filter(|by| !["sahut", "citizen", "platform"].contains(&by.as_str())),
        moved: office("from").zip(office("to")).filter(|_| moved),
        until: text_of(event, "until").and_then(|until| until.parse().ok()),
        words: words.filter(|words| !words.trim().is_empty()),
    })
}

fn text_of(event: &Event, key: &str) -> Option<String> {
    event.data.get(key)?.as_str().map(str::to_owned)
}

/// Working time at each office, in the order in which they had it; nothing where it was one office's all the time.
fn stays(regency: &dyn Regency, segments: &[Segment], offices: &[Office], now: Timestamp) -> Vec<Stay> {
    let mut stays: Vec<(&OfficeCode, i64)> = Vec::new();
    for segment in segments.iter().filter(|segment| segment.running) {
        let until = segment.to.unwrap_or(now);
        let worked =
            regency.calendar(&segment.office).map_or(0, |calendar| calendar.worked(segment.from, until));
        match stays.iter_mut().find(|(office, _)| **office == segment.office) {
            Some((_, seconds)) => *seconds += worked,
            None => stays.push((&segment.office, worked)),
        }
    }
    if stays.len() < 2 {
        return Vec::new();
    }
    let stay = |(office, seconds): (&OfficeCode, i64)| Stay { office: short_name(offices, office), seconds };
    stays.into_iter().map(stay).collect()
}

/// Who has to approve the answer of an operation, by name; nobody where it went to the citizen.
pub(super) async fn waits_for(
    visitor: &Visitor,
    tx: &mut Tx,
    operation: &str,
) -> Result<Option<String>, StoreError> {
    let Some(proposal) = tx.proposal_named(operation).await? else { return Ok(None) };
    let author = Person { name: proposal.author, mail: proposal.author_mail };
    let waiting = proposal.state != ProposalState::Approved;
    let approver = visitor.regency.approver(&proposal.office, &author).filter(|_| waiting);
    Ok(approver.map(|approver| approver.name))
}
