//! Part of the third stage: how many mails one person gets. What would be many at once, or more than an hour allows, is
//! folded into one; what nobody is woken for waits until the office opens.

use jiff::Timestamp;
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::office::OfficeCode;
use sahut_render::mail::{Context as MailContext, Digest, DigestEntry, Unattended, Weekly};
use sahut_store::digests::{DigestLine, Recipient};
use sahut_store::notify::NoticeWork;
use sahut_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use crate::notify::zone;
use crate::{Context, Regency};

/// What an office did in a week, as its summary's line of the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) received: i64,
    pub(crate) taken_over: i64,
    pub(crate) handed_over: i64,
    pub(crate) answered: i64,
    pub(crate) on_time: i64,
    /// Median of the first responses, in seconds of working time.
    pub(crate) median_seconds: Option<i64>,
    /// Numbers of what became late.
    pub(crate) late: Vec<String>,
    /// Names of people who get mail and never act.
    pub(crate) silent: Vec<String>,
}

/// What becomes of what somebody is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Leaves,
    Folded,
    PutOff,
    /// It has waited already, and nobody is there: the morning's digest tells it.
    Morning(Timestamp),
}

/// Sorts what is due before any of it is claimed. Emergencies are not touched.
pub(crate) async fn sort_due(tx: &mut Tx, regency: &Regency, now: Timestamp) -> Result<(), StoreError> {
    keep_quiet(tx, regency, now).await?;
    let mut folded = Vec::new();
    for recipient in tx.due_recipients(now).await? {
        match fate(regency, &recipient, now) {
            Fate::Leaves => {}
            Fate::Folded => {
                // What cannot be folded would be one too many beside the digest.
                let beside = allowance(regency, &recipient) - 1;
                tx.put_off_others(&recipient.person.mail, recipient.free_at, beside, now).await?;
                folded.push((recipient.person, recipient.office));
            }
            Fate::PutOff => {
                let allowed = allowance(regency, &recipient);
                tx.put_off(&recipient.person.mail, recipient.free_at, allowed, now).await?;
            }
            Fate::Morning(opening) => tx.put_off(&recipient.person.mail, opening, 0, now).await?,
        }
    }
    if !folded.is_empty() {
        let mails = tx.fold(folded, false, now).await?;
        metrics::counter!("sahut_notices_total", "outcome" => "folded").increment(mails);
        // A digest of what may leave at any hour wakes nobody either.
        keep_quiet(tx, regency, now).await?;
    }
    Ok(())
}

/// Lets what nobody is woken for wait until the office opens.
async fn keep_quiet(tx: &mut Tx, regency: &Regency, now: Timestamp) -> Result<(), StoreError> {
    for office in tx.quiet_offices(now).await? {
        let opening = regency.opening(&office, now);
        if opening > now {
            tx.let_wait(&office, opening, now).await?;
        }
    }
    Ok(())
}

fn allowance(regency: &Regency, recipient: &Recipient) -> i64 {
    (regency.ladder.mails.most_an_hour - recipient.lately).max(0)
}

fn fate(regency: &Regency, recipient: &Recipient, now: Timestamp) -> Fate {
    let allowed = allowance(regency, recipient);
    let many = if recipient.held_up { 1 } else { regency.ladder.mails.digest_above };
    let opening = recipient.office.as_ref().map_or(now, |office| regency.opening(office, now));
    if recipient.held_up && opening > now {
        Fate::Morning(opening)
    } else if allowed == 0 {
        Fate::PutOff
    } else if recipient.foldable > 1 && (recipient.foldable > many || recipient.due > allowed) {
        Fate::Folded
    } else if recipient.due > allowed {
        Fate::PutOff
    } else {
        Fate::Leaves
    }
}

/// The inquiries of a digest that wait for somebody still: of the morning's, all of the office.
pub(crate) async fn lines(tx: &mut Tx, work: &NoticeWork) -> Result<Vec<DigestLine>, StoreError> {
    let office = work.office.as_ref().map(|(code, ..)| code);
    tx.digest(work.event, office.filter(|_| work.data["morning"] == true)).await
}

/// What a digest tells.
pub(crate) async fn digest(
    context: &Context,
    regency: &Regency,
    work: &NoticeWork,
) -> Result<MailContext, StoreError> {
    let lines = lines(&mut context.db.read().await?, work).await?;
    let now = context.clock.now();
    let office = work.office.as_ref().map_or(&regency.triage_office, |(code, ..)| code);
    Ok(MailContext::Digest(Digest {
        lines: lines.into_iter().map(|line| entry(regency, line, &work.recipient.mail, now)).collect(),
        morning: work.data["morning"] == true,
        now,
        zone: zone(regency, office),
    }))
}

fn entry(regency: &Regency, line: DigestLine, mail: &str, now: Timestamp) -> DigestEntry {
    let (code, office) = line.office;
    DigestEntry {
        link: regency.links.as_ref().map(|links| links.to(line.id, &code, mail, now)),
        number: line.number,
        title: line.title,
        office,
        kind: line.kind,
        due_at: line.due_at,
        in_hand_until: line.acknowledged_until,
    }
}

/// What the summary of a week tells; nothing where its line of the journal cannot be read.
pub(crate) fn weekly(regency: &Regency, work: &NoticeWork) -> Option<MailContext> {
    let (code, _, short_name) = work.office.as_ref()?;
    let summary: Summary = serde_json::from_value(work.data.clone()).ok()?;
    let late = summary.late.iter().filter_map(|number| number.parse::<InquiryNumber>().ok());
    Some(MailContext::Weekly(Weekly {
        office: short_name.clone(),
        from: summary.from,
        to: summary.to,
        received: summary.received,
        taken_over: summary.taken_over,
        handed_over: summary.handed_over,
        answered: summary.answered,
        on_time: summary.on_time,
        median_seconds: summary.median_seconds,
        late: late.collect(),
        silent: summary.silent,
        zone: zone(regency, code),
    }))
}

/// Where nobody is on duty.
pub(crate) fn unattended(regency: &Regency, work: &NoticeWork) -> MailContext {
    let codes: Vec<OfficeCode> = serde_json::from_value(work.data["offices"].clone()).unwrap_or_default();
    let named = |code: &OfficeCode| {
        let name = regency.offices.get(code).map_or(code.as_str(), |office| &office.short_name);
        let head = regency.head(code, work.at).into_iter().next().map(|head| head.name);
        (name.to_owned(), head)
    };
    MailContext::Unattended(Unattended { offices: codes.iter().map(named).collect() })
}
