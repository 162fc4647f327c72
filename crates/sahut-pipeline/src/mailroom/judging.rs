//! What a letter is: a report on a mail of ours, a machine's answer, or somebody's word, and whether that is believed.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::letter::{Outcome, ProposalId};
use sahut_domain::notice::notice_of;
use sahut_domain::office::Person;
use sahut_domain::reply::ReplyId;
use sahut_mail::{Automatic, Bounce, ReadMail};
use sahut_store::letters::{Letter, NoticeFacts};
use sahut_store::{StoreError, Tx};

use super::{LIMITS, obeying};
use crate::notify::{self, Unreached};
use crate::{Regency, Replies};

/// How long a notice can be answered by mail.
const ANSWERABLE_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What becomes of a letter, and who is told.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// What the outcome speaks of, as the confirmation shows it.
    pub(super) named: String,
    /// More, for an operator.
    pub(super) detail: String,
    pub(super) sender: Option<String>,
    pub(super) notice: Option<NoticeFacts>,
    pub(super) tell: Option<Person>,
    pub(super) until: Option<Timestamp>,
    pub(super) reply: Option<ReplyId>,
    pub(super) proposal: Option<ProposalId>,
    /// Other citizens that are answered too.
    pub(super) others: usize,
    /// Files that came with it.
    pub(super) files: usize,
}

impl Verdict {
    pub(super) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            named: String::new(),
            detail: String::new(),
            sender: None,
            notice: None,
            tell: None,
            until: None,
            reply: None,
            proposal: None,
            others: 0,
            files: 0,
        }
    }

    pub(super) fn naming(outcome: Outcome, named: impl Into<String>) -> Self {
        Self { named: named.into(), ..Self::of(outcome) }
    }
}

/// Says what a letter is, and does what it says where it is believed.
pub(super) async fn judge(
    tx: &mut Tx,
    regency: &Regency,
    replies: &Replies,
    letter: &Letter,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let mail = match sahut_mail::read(&letter.raw, &LIMITS) {
        Ok(mail) => mail,
        Err(error) => return Ok(Verdict { detail: error.to_string(), ..Verdict::of(Outcome::Unreadable) }),
    };
    let sender = mail.from.as_ref().map(|from| from.address.clone());
    let verdict = match &mail.automatic {
        Some(Automatic::Bounce(bounce)) => returned(tx, regency, replies, &mail, bounce, now).await?,
        // Never answered, whatever it is: two machines that answer each other do not stop.
        Some(machine) => Verdict { detail: kind_of(machine).to_owned(), ..Verdict::of(Outcome::Automatic) },
        None => word_of_somebody(tx, regency, replies, letter, &mail, now).await?,
    };
    Ok(Verdict { sender, ..verdict })
}

/// Of a letter that could not be carried out: who sent it, and in answer to what, so that its writer hears of it and a person
/// can let it be tried again.
pub(super) async fn failed(
    tx: &mut Tx,
    regency: &Regency,
    replies: &Replies,
    letter: &Letter,
) -> Result<Verdict, StoreError> {
    let failed = Verdict::of(Outcome::Unreadable);
    let Ok(mail) = sahut_mail::read(&letter.raw, &LIMITS) else { return Ok(failed) };
    let sender = mail.from.as_ref().map(|from| from.address.clone());
    if mail.automatic.is_some() {
        return Ok(Verdict { sender, ..failed });
    }
    let notice = answered(tx, replies, addressees(&mail)).await?;
    let tell = notice.as_ref().and_then(|notice| {
        let writer = sender.as_deref().and_then(|address| writer(regency, notice, address));
        let recipient = || Some(notice.recipient.clone()).filter(|person| regency.knows(&person.mail));
        writer.filter(|_| replies.believes(&mail)).or_else(recipient)
    });
    Ok(Verdict { sender, notice, tell, ..failed })
}

fn kind_of(machine: &Automatic) -> &'static str {
    match machine {
        Automatic::Loop => "a mail of our own",
        Automatic::Bounce(_) => "a report",
        Automatic::AutoReply => "an automatic answer",
        Automatic::List => "a mailing list",
    }
}

/// Who wrote an answer to which notice, and whether that is proven; then what it says.
async fn word_of_somebody(
    tx: &mut Tx,
    regency: &Regency,
    replies: &Replies,
    letter: &Letter,
    mail: &ReadMail,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let address = mail.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
    let Some(notice) = answered(tx, replies, addressees(mail)).await? else {
        // A stranger is never answered: From is easily forged, and somebody else would get the answer.
        let known = tx.person_at(address).await?.map(|(person, _)| person);
        let outcome = if known.is_some() { Outcome::Untied } else { Outcome::Stranger };
        return Ok(Verdict { tell: known, ..Verdict::of(outcome) });
    };
    let person = writer(regency, &notice, address);
    let recipient = notice.recipient.clone();
    let held = match &person {
        _ if letter.accepted_by.is_some() => None,
        None => Some(Outcome::OtherSender),
        Some(_) if !replies.believes(mail) => Some(Outcome::Unproven),
        Some(_) if now.duration_since(notice.created_at) > ANSWERABLE_FOR => Some(Outcome::Outdated),
        Some(_) => None,
    };
    if let Some(outcome) = held {
        let tell = Some(recipient).filter(|recipient| regency.knows(&recipient.mail));
        return Ok(Verdict { tell, notice: Some(notice), ..Verdict::of(outcome) });
    }
    let person = person.unwrap_or(recipient);
    let done = obeying::obey(tx, regency, letter, mail, &notice, &person, now).await?;
    if done.outcome.is_done() {
        tx.note_act(&person.mail, now).await?;
    }
    let files = mail.attachments.len();
    Ok(Verdict { tell: Some(person), notice: Some(notice), files, ..done })
}

/// Who at our offices writes from an address, as far as a notice concerns them: its recipient, or a colleague of the
/// office that it was for.
fn writer(regency: &Regency, notice: &NoticeFacts, address: &str) -> Option<Person> {
    let colleagues = notice.office.as_ref().map(|code| regency.colleagues(code)).unwrap_or_default();
    let mut people = std::iter::once(notice.recipient.clone()).chain(colleagues);
    // Who has left keeps the notices of old days.
    people.find(|person| person.mail.eq_ignore_ascii_case(address) && regency.knows(&person.mail))
}

/// Where a mail went to, as far as it says.
fn addressees(mail: &ReadMail) -> Vec<&str> {
    let to = mail.to.iter().map(|to| to.address.as_str());
    to.chain(mail.delivered_to.iter().map(String::as_str)).collect()
}

/// The notice whose address is among these, where the code proves that it was given out.
async fn answered(
    tx: &mut Tx,
    replies: &Replies,
    addresses: Vec<&str>,
) -> Result<Option<NoticeFacts>, StoreError> {
    for (id, code) in replies.named_in(addresses) {
        if let Some(notice) = tx.notice_facts(id).await?.filter(|notice| replies.proves(notice, &code)) {
            return Ok(Some(notice));
        }
    }
    Ok(None)
}

/// A mail of ours was given back, or is late: where it failed for good, its recipient is not mailed any more, the
/// operators are told, and somebody else gets what it said.
async fn returned(
    tx: &mut Tx,
    regency: &Regency,
    replies: &Replies,
    mail: &ReadMail,
    bounce: &Bounce,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let Some(notice) = reported(tx, regency, replies, mail, bounce).await? else {
        return Ok(Verdict {
            detail: "a report on no mail of ours".to_owned(),
            ..Verdict::of(Outcome::Automatic)
        });
    };
    let status = bounce.status.clone().unwrap_or_default();
    // RFC 3463: what begins with 5 stays as it is.
    if !bounce.failed || !status.starts_with('5') {
        return Ok(Verdict { detail: status, notice: Some(notice), ..Verdict::of(Outcome::Delayed) });
    }
    let error = format!("the mail was given back ({status})");
    let mut refused = tx.refused_addresses().await?;
    if let Some(event) = tx.bounce_notice(&notice, &error, now).await? {
        let unreached = Unreached {
            notice: notice.id,
            template: notice.template,
            office: notice.office.as_ref(),
            recipient: &notice.recipient,
            event,
        };
        notify::tell_others(tx, regency, &unreached, &mut refused, now).await?;
    }
    Ok(Verdict { detail: status, notice: Some(notice), ..Verdict::of(Outcome::Bounced) })
}

/// The notice that a report is about: by the address that it came back to or that the reported mail wanted its answer at;
/// else by the Message-ID of the reported mail, where it names the same recipient.
async fn reported(
    tx: &mut Tx,
    regency: &Regency,
    replies: &Replies,
    mail: &ReadMail,
    bounce: &Bounce,
) -> Result<Option<NoticeFacts>, StoreError> {
    let mut addresses = addressees(mail);
    addresses.extend(bounce.reply_to.as_deref());
    if let Some(notice) = answered(tx, replies, addresses).await? {
        return Ok(Some(notice));
    }
    let id = bounce.message_id.as_deref().and_then(|id| notice_of(id, &regency.instance));
    let Some(id) = id else { return Ok(None) };
    let is_for = |notice: &NoticeFacts| {
        bounce.recipient.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(&notice.recipient.mail))
    };
    Ok(tx.notice_facts(id).await?.filter(is_for))
}
