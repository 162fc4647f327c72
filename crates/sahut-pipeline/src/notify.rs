//! The third stage: mails that are owed are composed and sent, each under the same Message-ID at every attempt.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sahut_domain::fault;
use sahut_domain::notice::{Template, message_id, thread_id};
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::ReplyId;
use sahut_domain::work::{Outcome, again};
use sahut_mail::{AutoSubmitted, Mail, Mailbox, SmtpError};
use sahut_render::mail::{
    About, Assignment, Candidate, ChannelSilent, ChannelTrouble, Context as MailContext, FollowUp,
    MailTrouble, Overdue, Reminder, ReplyFailed, ReplyUncertain, Said, Triage, render_mail,
};
use sahut_store::notify::{ChannelFacts, InquiryFacts, NewNotice, NoticeEnd, NoticeWork};
use sahut_store::work::Stage;
use sahut_store::{Claim, StoreError};

use crate::supervisor::{Heart, TaskError};
use crate::{Context, Outbox, Regency, stage};

/// Mails that are on their way at once.
const AT_ONCE: i64 = 32;

/// How long a lease lasts: longer than a mail server may take.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// The pause while no mail goes through until somebody mends something.
const MENDING: SignedDuration = SignedDuration::from_mins(5);

/// Mails notices until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    stage::run(&context, &heart, Stage::Notify, || notify_batch(&context)).await
}

/// Mails one batch; answers how many notices it took.
pub async fn notify_batch(context: &Context) -> Result<usize, StoreError> {
    let regency = context.regency.get();
    let now = context.clock.now();
    let Some(outbox) = &regency.outbox else { return Ok(0) };
    if !context.db.read().await?.has_due_notices(now).await? {
        return Ok(0);
    }
    let claim = Claim { owner: &context.owner, now, until: now + LEASE, limit: AT_ONCE };
    let mut tx = context.db.begin().await?;
    let claimed = tx.claim_notices(&claim).await?;
    fault::point("notify.before_claim_commit");
    tx.commit().await?;
    let send = async |work| (work, mail(context, &regency, outbox, work).await);
    let mut sending: FuturesUnordered<_> = claimed.iter().map(send).collect();
    let mut ends = Vec::with_capacity(claimed.len());
    let mut result = Ok(claimed.len());
    while let Some((work, end)) = sending.next().await {
        // An error ends none of the others: a mail that was taken must be noted, or it is sent again.
        match end {
            Ok(end) => ends.push((work, end)),
            Err(error) => result = Err(error),
        }
    }
    fault::point("notify.after_sending");
    settle(context, &regency, ends).await?;
    result
}

async fn mail(
    context: &Context,
    regency: &Regency,
    outbox: &Outbox,
    work: &NoticeWork,
) -> Result<NoticeEnd, StoreError> {
    let dead = |error: String| NoticeEnd { outcome: Outcome::Dead { error }, address_refused: false };
    let mail = match compose(context, regency, outbox, work).await? {
        Ok(mail) => mail,
        Err(error) => return Ok(dead(error)),
    };
    let now = context.clock.now();
    // A worker that slept through its lease must not send what somebody else has sent meanwhile.
    if now >= work.lease.until {
        return Ok(end_after(
            context,
            work,
            Err(SmtpError::Again("the lease ran out before sending".to_owned())),
        ));
    }
    let sent = outbox.smtp.send(&mail, now).await.map(|_| ());
    fault::point("notify.after_accepted");
    Ok(end_after(context, work, sent))
}

fn end_after(context: &Context, work: &NoticeWork, sent: Result<(), SmtpError>) -> NoticeEnd {
    let now = context.clock.now();
    let retry = |error: String| again(now, work.lease.attempt, error, &context.chance);
    let (outcome, address_refused, label) = match sent {
        Ok(()) => (Outcome::Done, false, "sent"),
        Err(SmtpError::Again(error)) => (retry(error), false, "again"),
        // Sent at least once: the copy carries the same Message-ID.
        Err(error @ SmtpError::Uncertain(_)) => (retry(error.to_string()), false, "uncertain"),
        Err(SmtpError::Person(error)) => (Outcome::Again { at: now + MENDING, error }, false, "person"),
        Err(error @ SmtpError::Refused(_)) => (Outcome::Dead { error: error.to_string() }, true, "refused"),
        Err(error) => (Outcome::Dead { error: error.to_string() }, false, "refused"),
    };
    metrics::counter!("sahut_notices_total", "outcome" => label).increment(1);
    if let Outcome::Dead { error } | Outcome::Again { error, .. } = &outcome {
        tracing::warn!(notice = %work.id, template = %work.template, error, "notice.not_sent");
    }
    NoticeEnd { outcome, address_refused }
}

/// Stores what became of the mails, and tells the operators about addresses that are refused.
async fn settle(
    context: &Context,
    regency: &Regency,
    ends: Vec<(&NoticeWork, NoticeEnd)>,
) -> Result<(), StoreError> {
    let now = context.clock.now();
    let refused: Vec<&NoticeWork> = ends
        .iter()
        .filter(|(work, end)| end.address_refused && work.template != Template::MailTrouble)
        .map(|(work, _)| *work)
        .collect();
    let mut tx = context.db.begin().await?;
    let failures = tx.settle_notices(ends, now).await?;
    for work in refused {
        let Some((_, event)) = failures.iter().find(|(notice, _)| *notice == work.id) else { continue };
        let operators = regency.operators().iter().filter(|person| person.mail != work.recipient.mail);
        let told = operators.map(|person| NewNotice {
            event: *event,
            template: Template::MailTrouble,
            recipient: person.clone(),
            office: work.office.as_ref().map(|(code, _, _)| code.clone()),
            inquiry: None,
            channel: None,
            urgent: false,
            not_before: now,
        });
        tx.owe(told.collect(), now).await?;
    }
    fault::point("notify.before_commit");
    tx.commit().await
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
    let thread = work.inquiry.as_ref().map(|inquiry| thread_id(&regency.instance, inquiry.id, domain));
    Ok(Ok(Mail {
        from: outbox.from.clone(),
        to,
        reply_to: None,
        subject: rendered.subject,
        message_id: message_id(&regency.instance, work.id, domain),
        in_reply_to: thread.clone(),
        references: thread.into_iter().collect(),
        auto_submitted: AutoSubmitted::Generated,
        plain: rendered.plain,
        html: Some(rendered.html),
        headers: Vec::new(),
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
    if work.template == Template::MailTrouble {
        return Ok(Some(mail_trouble(regency, work)));
    }
    let Some(inquiry) = &work.inquiry else { return Ok(None) };
    let about = about(regency, work, inquiry);
    Ok(match work.template {
        Template::Assignment => Some(MailContext::Assignment(Assignment { about })),
        Template::FollowUp => Some(MailContext::FollowUp(FollowUp { about })),
        Template::Reminder => {
            let calendar = regency.calendar(&inquiry.office.0);
            let left = calendar.map_or(0, |calendar| calendar.worked(now, inquiry.promise.due.at));
            Some(MailContext::Reminder(Reminder { about, left_seconds: left }))
        }
        Template::Overdue => Some(MailContext::Overdue(Overdue { about, now, to_superior: false })),
        Template::Triage => Some(MailContext::Triage(triage(regency, inquiry, about))),
        Template::ReplyFailed | Template::ReplyUncertain => reply_facts(context, work, about).await?,
        Template::ChannelTrouble | Template::ChannelSilent | Template::MailTrouble => None,
    })
}

fn about(regency: &Regency, work: &NoticeWork, inquiry: &InquiryFacts) -> About {
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
        promise: inquiry.promise.clone(),
        reason: reason(regency, inquiry),
        link: None,
    }
}

fn reason(regency: &Regency, inquiry: &InquiryFacts) -> String {
    let name = |code: &OfficeCode| {
        regency.offices.get(code).map_or_else(|| code.to_string(), |office| office.short_name.clone())
    };
    sahut_routing::explain(&inquiry.decision, &name, regency.language)
}

fn triage(regency: &Regency, inquiry: &InquiryFacts, about: About) -> Triage {
    let candidate = |score: &sahut_domain::decision::Score| Candidate {
        office: regency
            .offices
            .get(&score.office)
            .map_or_else(|| score.office.to_string(), |office| office.short_name.clone()),
        code: score.office.to_string(),
        words: score.matches.iter().map(|found| found.phrase.clone()).collect(),
    };
    Triage {
        about,
        doubt: inquiry.decision.doubt.unwrap_or(sahut_domain::decision::Doubt::NoMatch),
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

fn zone(regency: &Regency, office: &OfficeCode) -> TimeZone {
    regency.calendar(office).map_or(TimeZone::UTC, |calendar| calendar.zone.clone())
}

fn text_of(data: &serde_json::Value, key: &str) -> String {
    data.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
