//! What is told about a letter, and to whom: to its writer at the address that the configuration knows, never to the one
//! that the letter names, and never more than a person can read.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::event::EventKind;
use sahut_domain::letter::Outcome;
use sahut_domain::notice::Template;
use sahut_store::journal::NewEvent;
use sahut_store::letters::{Letter, LetterEnd};
use sahut_store::notify::NewNotice;
use sahut_store::{StoreError, Tx};

use super::judging::Verdict;

/// Most confirmations to one address within an hour, and most of them about mails that are held within a day: whoever
/// writes more, or lets a machine write in somebody's name, is not answered each time.
const AN_HOUR: (SignedDuration, i64) = (SignedDuration::from_hours(1), 30);
const A_DAY: (SignedDuration, i64) = (SignedDuration::from_hours(24), 3);

/// Stores what became of a letter, with its line in the journal and what is told about it. `false`: somebody else has
/// done it meanwhile, and nothing of this transaction may stay.
pub(super) async fn conclude(
    tx: &mut Tx,
    letter: &Letter,
    verdict: Verdict,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let outcome = verdict.outcome;
    let detail = if verdict.detail.is_empty() { &verdict.named } else { &verdict.detail };
    let end = LetterEnd {
        outcome,
        detail: Some(detail.clone()).filter(|detail| !detail.is_empty()),
        sender: verdict.sender.clone(),
        notice: verdict.notice.as_ref().map(|notice| notice.id),
    };
    if !tx.settle_letter(letter.id, &end, now).await? {
        return Ok(false);
    }
    // What no person wrote, or nobody whom we know, is counted on the letter alone.
    if matches!(outcome, Outcome::Automatic | Outcome::Stranger | Outcome::Bounced | Outcome::Delayed) {
        return Ok(true);
    }
    let kind = if outcome.is_held() { EventKind::LetterHeld } else { EventKind::LetterSettled };
    let mut event = NewEvent::new(kind, now).with(facts(letter, &verdict));
    if let Some(person) = verdict.tell.as_ref().filter(|_| !outcome.is_held()) {
        event = event.by(person.name.as_str());
    }
    let notice = verdict.notice.as_ref();
    event.office = notice.and_then(|notice| notice.office.clone());
    event.inquiry = notice.and_then(|notice| notice.inquiry).map(|(inquiry, _)| inquiry);
    let (office, inquiry) = (event.office.clone(), event.inquiry);
    let event = tx.record_one(event, now).await?;
    let Some(recipient) = verdict.tell else { return Ok(true) };
    let (within, most) = if outcome.is_held() { A_DAY } else { AN_HOUR };
    if tx.count_told(&recipient.mail, kind, now - within).await? >= most {
        tracing::warn!(letter = %letter.id, "letter.not_confirmed");
        return Ok(true);
    }
    let (template, channel, urgent) = (Template::Confirmation, None, false);
    tx.owe(
        vec![NewNotice { event, template, recipient, office, inquiry, channel, urgent, not_before: now }],
        now,
    )
    .await?;
    Ok(true)
}

/// What the confirmation is made from. Nobody's words are in it: they are read from the letter again.
fn facts(letter: &Letter, verdict: &Verdict) -> serde_json::Value {
    serde_json::json!({
        "letter": letter.id,
        "outcome": verdict.outcome,
        "named": verdict.named,
        "until": verdict.until,
        "reply": verdict.reply,
        "proposal": verdict.proposal,
        "others": verdict.others,
        "files": verdict.files,
        "accepted_by": letter.accepted_by,
    })
}
