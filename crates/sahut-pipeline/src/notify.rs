//! The third stage: mails that are owed are composed and sent, each under the same Message-ID at every attempt.

mod letter_facts;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sahut_domain::decision::{Decision, Doubt, Score};
use sahut_domain::event::EventId;
use sahut_domain::fault;
use sahut_domain::inquiry::Passing;
use sahut_domain::notice::{NoticeId, Template, message_id, thread_id};
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::ReplyId;
use sahut_domain::work::{Outcome, again, again_soon};
use sahut_mail::{AutoSubmitted, Mail, Mailbox, SmtpError};
use sahut_render::mail::{
    About, Assignment, CalendarEnds, Candidate, ChannelSilent, ChannelTrouble, Context as MailContext,
    FollowUp, HandedOver, Incident, MailTrouble, Overdue, Reminder, ReplyFailed, ReplyUncertain, Said,
    Together, Triage, render_mail,
};
use sahut_store::notify::{ChannelFacts, InquiryFacts, NewNotice, NoticeEnd, NoticeWork};
use sahut_store::work::Stage;
use sahut_store::{Claim, StoreError, Tx};
use tokio::sync::Mutex;

use crate::stage::Errands;
use crate::supervisor::{Heart, TaskError};
use crate::{Context, Outbox, Regency, digests, links, stage};

/// How much longer a lease lasts than a mail server may take.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// The pause while no mail goes through until somebody mends something.
const MENDING: SignedDuration = SignedDuration::from_mins(5);

/// As many inquiries of an incident are named in a mail.
const NEWEST: i64 = 8;

/// Mails that are on their way, each with what became of it.
type Mails = Errands<(NoticeWork, NoticeEnd)>;

/// Mails notices until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    // As many as there are connections: one more would only let its lease run out while it waits for one.
    let at_once = context.regency.get().outbox.as_ref().map_or(1, |outbox| outbox.smtp.connections());
    let mails = Mutex::new(Mails::new(at_once));
    let mailed = stage::run(&context, &heart, Stage::Notify, || step(&context, &mails)).await;
    let mut mails = mails.into_inner();
    mails.all_back(&heart).await;
    settle_and_claim(&context, &mut mails, false).await?;
    mailed
}

/// One step: what ended is settled, and what is due leaves at once when there is room for it.
async fn step(context: &Context, mails: &Mutex<Mails>) -> Result<usize, StoreError> {
    let mut mails = mails.lock().await;
    let claimed = settle_and_claim(context, &mut mails, true).await?;
    let taken = claimed.len();
    for work in claimed {
        mails.send(mail(context.clone(), work));
    }
    let waited = taken == 0 && mails.wait(context, Stage::Notify).await;
    Ok(if waited { 1 } else { taken })
}

/// Sends what is due by another carrier than the mail server, one after the other; answers how many mails that were. What
/// tests and simulations drive the stage with.
pub async fn carry_due(
    context: &Context,
    limit: i64,
    mut carry: impl FnMut(&NoticeWork, Timestamp) -> Result<(), SmtpError>,
) -> Result<usize, StoreError> {
    let (regency, now) = (context.regency.get(), context.clock.now());
    if !context.db.read().await?.has_due_notices(now).await? {
        return Ok(0);
    }
    let mut tx = context.db.begin().await?;
    digests::sort_due(&mut tx, &regency, now).await?;
    let claim = Claim { owner: &context.owner, now, until: now + MARGIN, limit };
    let claimed = claim_worthwhile(&mut tx, &claim).await?;
    let ends: Vec<(NoticeWork, NoticeEnd)> = claimed
        .into_iter()
        .map(|work| {
            let end = end_after(context, &work, carry(&work, now));
            (work, end)
        })
        .collect();
    settle(&mut tx, &regency, &ends, now).await?;
    tx.commit().await?;
    Ok(ends.len())
}

/// Claims mails, and settles those among them that are not worth sending any more.
async fn claim_worthwhile(tx: &mut Tx, claim: &Claim<'_>) -> Result<Vec<NoticeWork>, StoreError> {
    let mut claimed = tx.claim_notices(claim).await?;
    let mut moot: Vec<NoticeWork> = claimed.extract_if(.., |work| work.is_moot(claim.now)).collect();
    for at in (0..claimed.len()).rev() {
        if claimed[at].template == Template::Digest && digests::lines(tx, &claimed[at]).await?.is_empty() {
            moot.push(claimed.remove(at));
        }
    }
    tx.settle_moot(&moot).await?;
    metrics::counter!("sahut_notices_total", "outcome" => "moot").increment(moot.len() as u64);
    Ok(claimed)
}

/// Settles the mails that ended, and claims as many more as there is room for: both in one transaction, so that many
/// short mails cost few commits.
async fn settle_and_claim(
    context: &Context,
    mails: &mut Mails,
    more: bool,
) -> Result<Vec<NoticeWork>, StoreError> {
    let (regency, now) = (context.regency.get(), context.clock.now());
    mails.take_in();
    let (ended, room) = (!mails.back.is_empty(), mails.room());
    let outbox = regency.outbox.as_ref().filter(|_| more && room > 0);
    let due = match outbox {
        Some(_) if context.db.read().await?.has_due_notices(now).await? => outbox,
        _ => None,
    };
    if !ended && due.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = context.db.begin().await?;
    if ended {
        fault::point("notify.after_sending");
        settle(&mut tx, &regency, &mails.back, now).await?;
        fault::point("notify.before_commit");
    }
    let mut claimed = Vec::new();
    if let Some(outbox) = due {
        let (until, limit) = (lease_end(outbox, now), i64::try_from(room).unwrap_or(i64::MAX));
        digests::sort_due(&mut tx, &regency, now).await?;
        claimed = claim_worthwhile(&mut tx, &Claim { owner: &context.owner, now, until, limit }).await?;
        fault::point("notify.before_claim_commit");
    }
    tx.commit().await?;
    mails.back.clear();
    Ok(claimed)
}

/// Sends one mail. What cannot be read now is tried again like a mail that did not go through.
async fn mail(context: Context, work: NoticeWork) -> (NoticeWork, NoticeEnd) {
    let sent = try_mail(&context, &work).await;
    let end =
        sent.unwrap_or_else(|error| end_after(&context, &work, Err(SmtpError::Again(error.to_string()))));
    (work, end)
}

async fn try_mail(context: &Context, work: &NoticeWork) -> Result<NoticeEnd, StoreError> {
    let regency = context.regency.get();
    let Some(outbox) = &regency.outbox else {
        return Ok(end_after(context, work, Err(SmtpError::Person("there is no mail server".to_owned()))));
    };
    let dead =
        |error: String, address_refused| NoticeEnd { outcome: Outcome::Dead { error }, address_refused };
    if context.db.read().await?.is_refused(&work.recipient.mail).await? {
        return Ok(dead("the address was refused before".to_owned(), true));
    }
    let mail = match compose(context, &regency, outbox, work).await? {
        Ok(mail) => mail,
        Err(error) => return Ok(dead(error, false)),
    };
    let now = context.clock.now();
    if !is_ours(context, outbox, work, now).await? {
        let lost = "somebody else has taken it meanwhile".to_owned();
        return Ok(end_after(context, work, Err(SmtpError::Again(lost))));
    }
    let sent = outbox.smtp.send(&mail, now).await.map(|_| ());
    fault::point("notify.after_accepted");
    Ok(end_after(context, work, sent))
}

/// Whether nobody else may send it as long as we do. Asked right before: a worker that slept over its lease must not send
/// what somebody else has sent meanwhile.
async fn is_ours(
    context: &Context,
    outbox: &Outbox,
    work: &NoticeWork,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if now + outbox.smtp.longest_send() <= work.lease.until {
        return Ok(true);
    }
    let mut tx = context.db.begin().await?;
    let kept = tx.keep_notice(work.lease, lease_end(outbox, now)).await?;
    tx.commit().await?;
    Ok(kept)
}

fn lease_end(outbox: &Outbox, now: Timestamp) -> Timestamp {
    now + outbox.smtp.longest_send() + MARGIN
}

fn end_after(context: &Context, work: &NoticeWork, sent: Result<(), SmtpError>) -> NoticeEnd {
    let now = context.clock.now();
    let back_off = if work.urgent { again_soon } else { again };
    let retry = |error: String| back_off(now, work.lease.failures, error, &context.chance);
    let (outcome, address_refused, label) = match sent {
        Ok(()) => (Outcome::Done, false, "sent"),
        Err(SmtpError::Again(error)) => (retry(error), false, "again"),
        // Sent at least once: the copy carries the same Message-ID.
        Err(error @ SmtpError::Uncertain(_)) => (retry(error.to_string()), false, "uncertain"),
        Err(SmtpError::Person(error)) => (Outcome::Wait { at: now + MENDING, error }, false, "person"),
        Err(error @ SmtpError::Refused(_)) => (Outcome::Dead { error: error.to_string() }, true, "refused"),
        Err(error) => (Outcome::Dead { error: error.to_string() }, false, "refused"),
    };
    metrics::counter!("sahut_notices_total", "outcome" => label).increment(1);
    if let Some(error) = outcome.error() {
        tracing::warn!(notice = %work.id, template = %work.template, error, "notice.not_sent");
    }
    NoticeEnd { outcome, address_refused }
}

/// Stores what became of the mails. Of an address that is refused the operators are told once; what its owner should have
/// been told is told to somebody else, in the same transaction.
async fn settle(
    tx: &mut Tx,
    regency: &Regency,
    ends: &[(NoticeWork, NoticeEnd)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut refused = tx.refused_addresses().await?;
    let stored = ends.iter().map(|(work, end)| (work, end.clone())).collect();
    let failures = tx.settle_notices(stored, now).await?;
    for (work, _) in ends.iter().filter(|(_, end)| end.address_refused) {
        // Not among them: the lease was lost, and somebody else has settled it.
        let Some((_, event)) = failures.iter().find(|(notice, _)| *notice == work.id) else { continue };
        let office = work.office.as_ref().map(|(code, ..)| code);
        let (notice, template, recipient) = (work.id, work.template, &work.recipient);
        let unreached = Unreached { notice, template, office, recipient, event: *event };
        tell_others(tx, regency, &unreached, &mut refused, now).await?;
    }
    Ok(())
}

/// A mail that did not reach its recipient, and never will.
pub(crate) struct Unreached<'a> {
    pub(crate) notice: NoticeId,
    pub(crate) template: Template,
    /// The office that it was for.
    pub(crate) office: Option<&'a OfficeCode>,
    pub(crate) recipient: &'a Person,
    /// The journal's line about it.
    pub(crate) event: EventId,
}

/// Tells the operators of an address that is refused, once, and somebody else what its owner should have been told.
/// `refused` are the addresses that were refused before; this one is added.
pub(crate) async fn tell_others(
    tx: &mut Tx,
    regency: &Regency,
    unreached: &Unreached<'_>,
    refused: &mut BTreeSet<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_new = refused.insert(unreached.recipient.mail.clone());
    if is_new && unreached.template != Template::MailTrouble {
        tx.owe(mail_troubles(regency, unreached, refused, now), now).await?;
    }
    let office = match unreached.template {
        // What became of his own mail concerns nobody else.
        Template::Confirmation => return Ok(()),
        Template::ChannelTrouble
        | Template::ChannelSilent
        | Template::MailTrouble
        | Template::CalendarEnds => None,
        _ => unreached.office,
    };
    tx.owe_instead(unreached.notice, &regency.reachable(office, refused, now), now).await
}

fn mail_troubles(
    regency: &Regency,
    unreached: &Unreached<'_>,
    refused: &BTreeSet<String>,
    now: Timestamp,
) -> Vec<NewNotice> {
    let notice = |person: Person| NewNotice {
        event: unreached.event,
        template: Template::MailTrouble,
        recipient: person,
        office: unreached.office.cloned(),
        inquiry: None,
        channel: None,
        urgent: false,
        not_before: now,
    };
    regency.reachable(None, refused, now).into_iter().map(notice).collect()
}

/// The mail of a notice; the inner error says why it can never be composed.
async fn compose(
    context: &Context,
    regency: &Regency,
    outbox: &Outbox,
    work: &NoticeWork,
) -> Result<Result<Mail, String>, StoreError> {
    let Some(facts) = facts(context, regency, work).await? else {
        return Ok(Err("the thing that it tells of is gone".to_owned()));
    };
    let rendered = match render_mail(&facts, regency.language) {
        Ok(rendered) => rendered,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let to = match Mailbox::new(Some(&work.recipient.name), &work.recipient.mail) {
        Ok(to) => to,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let domain = outbox.from.domain();
    let replies = outbox.replies.as_ref();
    let reply_to = replies.and_then(|replies| replies.address_of(work));
    let takes_reports = replies.is_some_and(|replies| replies.takes_reports);
    let thread = work.inquiry.as_ref().map(|inquiry| thread_id(&regency.instance, inquiry.id, domain));
    Ok(Ok(Mail {
        from: outbox.from.clone(),
        // So that a report on it comes back to where it is read, and names it.
        return_to: reply_to.clone().filter(|_| takes_reports),
        to,
        reply_to,
        subject: rendered.subject,
        message_id: message_id(&regency.instance, work.id, domain),
        in_reply_to: thread.clone(),
        references: thread.into_iter().collect(),
        auto_submitted: match work.template {
            Template::Confirmation => AutoSubmitted::Replied,
            _ => AutoSubmitted::Generated,
        },
        plain: rendered.plain,
        html: Some(rendered.html),
        // Exchange answers a machine's mail when somebody is away, unless it is told not to.
        headers: vec![("X-Auto-Response-Suppress".to_owned(), "OOF, AutoReply".to_owned())],
    }))
}

/// What the template needs, from what the database knows.
async fn facts(
    context: &Context,
    regency: &Regency,
    work: &NoticeWork,
) -> Result<Option<MailContext>, StoreError> {
    let now = context.clock.now();
    if let Some(channel) = &work.channel
        && matches!(work.template, Template::ChannelTrouble | Template::ChannelSilent)
    {
        return Ok(channel_facts(regency, work, channel));
    }
    match work.template {
        Template::MailTrouble => return Ok(Some(mail_trouble(regency, work))),
        Template::CalendarEnds => return Ok(calendar_ends(work)),
        Template::Digest => return digests::digest(context, regency, work).await.map(Some),
        Template::Weekly => return Ok(digests::weekly(regency, work)),
        Template::Unattended => return Ok(Some(digests::unattended(regency, work))),
        Template::MonthlyReport => {
            return Ok(serde_json::from_value(work.data.clone()).ok().map(MailContext::MonthlyReport));
        }
        _ => {}
    }
    if work.template == Template::Confirmation {
        return letter_facts::confirmation(context, regency, work).await;
    }
    let Some(inquiry) = &work.inquiry else { return Ok(None) };
    let about = about(regency, work, inquiry, now);
    Ok(match work.template {
        Template::Approval => letter_facts::approval(context, work, about).await?,
        Template::Assignment => Some(MailContext::Assignment(Assignment { about })),
        Template::Incident => incident(context, inquiry, about).await?,
        Template::HandedOver => Some(MailContext::HandedOver(handed_over(regency, work, about))),
        Template::FollowUp => Some(MailContext::FollowUp(FollowUp { about })),
        Template::Reminder => {
            let calendar = regency.calendar(&inquiry.office.0);
            let due_at = work.urged.as_ref().map_or(inquiry.promise.due.at, |urged| urged.due_at);
            let left = calendar.map_or(0, |calendar| calendar.worked(now, due_at));
            Some(MailContext::Reminder(Reminder { about, left_seconds: left }))
        }
        Template::Overdue => {
            let to_superior = is_superior(regency, work, inquiry, now);
            Some(MailContext::Overdue(Overdue { about, now, to_superior }))
        }
        Template::Triage => Some(MailContext::Triage(triage(regency, inquiry, about))),
        Template::ReplyFailed | Template::ReplyUncertain => reply_facts(context, work, about).await?,
        Template::ChannelTrouble
        | Template::ChannelSilent
        | Template::MailTrouble
        | Template::CalendarEnds
        | Template::Digest
        | Template::Weekly
        | Template::Unattended
        | Template::Confirmation
        | Template::MonthlyReport => None,
    })
}

/// Whether a mail goes to somebody above the office that has the inquiry.
fn is_superior(regency: &Regency, work: &NoticeWork, inquiry: &InquiryFacts, now: Timestamp) -> bool {
    let own = regency.on_duty(&inquiry.office.0, now);
    !own.is_empty() && !own.iter().any(|person| person.mail == work.recipient.mail)
}

fn about(regency: &Regency, work: &NoticeWork, inquiry: &InquiryFacts, now: Timestamp) -> About {
    // A link that its reader may not use only leads to a refusal.
    let may_act = regency.may_act(&inquiry.office.0, &work.recipient.mail);
    let links = regency.links.as_ref().filter(|_| may_act);
    let link = links.map(|links| links.to(inquiry.id, &inquiry.office.0, &work.recipient.mail, now));
    let again = work.template == Template::FollowUp;
    let text = if again { work.message_text.as_ref() } else { None };
    About {
        number: inquiry.number,
        title: inquiry.title.clone(),
        office: inquiry.office.1.clone(),
        kind: inquiry.kind,
        said: Said {
            text: text.unwrap_or(&inquiry.text).clone(),
            citizen: inquiry.citizen.clone(),
            channel: inquiry.channel.name.clone(),
            at: if again { work.at } else { inquiry.opened_at },
            permalink: inquiry.permalink.clone(),
        },
        promise: work.urged.as_ref().map_or(&inquiry.promise, |urged| &urged.explanation).clone(),
        moved: inquiry.moved.clone(),
        in_hand: inquiry.acknowledged.clone(),
        reason: reason(regency, inquiry),
        together: inquiry
            .incident
            .as_ref()
            .filter(|incident| incident.open > 1)
            .map(|incident| Together { incident: incident.number, open: incident.open }),
        // It fits the office that the rules chose, and not one that people gave the inquiry to.
        tell: inquiry
            .decision
            .tell
            .clone()
            .filter(|_| inquiry.decision.office.as_ref() == Some(&inquiry.office.0)),
        not_ours: link.as_deref().map(links::not_ours),
        link,
        by_reply: regency.outbox.as_ref().is_some_and(|outbox| outbox.replies.is_some()),
    }
}

async fn incident(
    context: &Context,
    inquiry: &InquiryFacts,
    about: About,
) -> Result<Option<MailContext>, StoreError> {
    let Some(incident) = &inquiry.incident else { return Ok(None) };
    let titles = context.db.read().await?.open_titles(incident.id, NEWEST).await?;
    Ok(Some(MailContext::Incident(Incident {
        about,
        number: incident.number,
        title: incident.title.clone(),
        members: incident.members,
        titles,
    })))
}

fn reason(regency: &Regency, inquiry: &InquiryFacts) -> String {
    let name = |code: &OfficeCode| {
        regency.offices.get(code).map_or_else(|| code.to_string(), |office| office.short_name.clone())
    };
    // The sentence for the citizen stands by itself.
    let decision = Decision { tell: None, ..inquiry.decision.clone() };
    sahut_routing::explain(&decision, &name, regency.language)
}

fn handed_over(regency: &Regency, work: &NoticeWork, about: About) -> HandedOver {
    let name = |key: &str| {
        let code = OfficeCode::parse(&text_of(&work.data, key)).ok()?;
        Some(regency.offices.get(&code).map_or_else(|| code.to_string(), |office| office.short_name.clone()))
    };
    let named = name("named").filter(|named| *named != about.office);
    HandedOver {
        from: name("from").unwrap_or_default(),
        by: work.actor.clone(),
        reason: text_of(&work.data, "reason"),
        passing: text_of(&work.data, "passing").parse().unwrap_or(Passing::Named),
        named,
        about,
    }
}

fn triage(regency: &Regency, inquiry: &InquiryFacts, about: About) -> Triage {
    let candidate = |score: &Score| Candidate {
        office: regency
            .offices
            .get(&score.office)
            .map_or_else(|| score.office.to_string(), |office| office.short_name.clone()),
        code: score.office.to_string(),
        words: score.matches.iter().map(|found| found.phrase.clone()).collect(),
    };
    Triage {
        about,
        doubt: inquiry.decision.doubt.unwrap_or(Doubt::NoMatch),
        outside: inquiry.decision.outside.clone(),
        candidates: inquiry.decision.scores.iter().take(3).map(candidate).collect(),
    }
}

async fn reply_facts(
    context: &Context,
    work: &NoticeWork,
    about: About,
) -> Result<Option<MailContext>, StoreError> {
    let Some(id) = work.data.get("reply").and_then(serde_json::Value::as_i64) else { return Ok(None) };
    let Some((reply, tried_at)) = context.db.read().await?.reply_text(ReplyId(id)).await? else {
        return Ok(None);
    };
    let detail = text_of(&work.data, "error");
    if work.template == Template::ReplyFailed {
        return Ok(Some(MailContext::ReplyFailed(ReplyFailed { about, reply, detail })));
    }
    let tried_at = tried_at.unwrap_or(work.at);
    Ok(Some(MailContext::ReplyUncertain(ReplyUncertain { about, reply, tried_at })))
}

fn channel_facts(regency: &Regency, work: &NoticeWork, channel: &ChannelFacts) -> Option<MailContext> {
    let office = work.office.as_ref()?;
    let zone = zone(regency, &office.0);
    let (name, code, platform) = (channel.name.clone(), channel.code.clone(), channel.platform);
    if work.template == Template::ChannelSilent {
        return Some(MailContext::ChannelSilent(ChannelSilent {
            channel: name,
            code,
            platform,
            office: office.2.clone(),
            last_at: channel.item_at,
            read_at: channel.read_at,
            zone,
        }));
    }
    Some(MailContext::ChannelTrouble(ChannelTrouble {
        channel: name,
        code,
        platform,
        office: office.2.clone(),
        ailment: text_of(&work.data, "ailment").parse().ok()?,
        detail: channel.detail.clone().unwrap_or_default(),
        since: text_of(&work.data, "since").parse().unwrap_or(work.at),
        complete_until: channel.watermark,
        zone,
    }))
}

fn mail_trouble(regency: &Regency, work: &NoticeWork) -> MailContext {
    let office = work.office.as_ref();
    MailContext::MailTrouble(MailTrouble {
        person: text_of(&work.data, "recipient_name"),
        address: text_of(&work.data, "recipient"),
        office: office.map(|(_, _, short)| short.clone()).unwrap_or_default(),
        detail: text_of(&work.data, "error"),
        at: work.at,
        zone: zone(regency, office.map_or(&regency.triage_office, |(code, _, _)| code)),
    })
}

fn calendar_ends(work: &NoticeWork) -> Option<MailContext> {
    let until = text_of(&work.data, "known_until").parse().ok()?;
    Some(MailContext::CalendarEnds(CalendarEnds { calendar: text_of(&work.data, "calendar"), until }))
}

pub(crate) fn zone(regency: &Regency, office: &OfficeCode) -> TimeZone {
    regency.calendar(office).map_or(TimeZone::UTC, |calendar| calendar.zone.clone())
}

fn text_of(data: &serde_json::Value, key: &str) -> String {
    data.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
