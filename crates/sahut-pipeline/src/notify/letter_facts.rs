//! What the mails about letters and proposals tell.

use jiff::Timestamp;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::letter::{LetterId, Outcome, ProposalId};
use sahut_domain::reply::ReplyId;
use sahut_mail::{Limits, own_words};
use sahut_render::mail::{About, Approval, Confirmation, Context as MailContext, Place};
use sahut_store::notify::NoticeWork;
use sahut_store::{StoreError, Tx};
use serde::Deserialize;

use super::{about, zone};
use crate::{Context, Regency};

/// What the journal's line about a letter says.
#[derive(Deserialize)]
struct Line {
    letter: Option<LetterId>,
    outcome: Outcome,
    named: String,
    until: Option<Timestamp>,
    reply: Option<ReplyId>,
    proposal: Option<ProposalId>,
    #[serde(default)]
    others: i64,
    #[serde(default)]
    files: i64,
}

pub(super) async fn confirmation(
    context: &Context,
    regency: &Regency,
    work: &NoticeWork,
) -> Result<Option<MailContext>, StoreError> {
    let Ok(line) = serde_json::from_value::<Line>(work.data.clone()) else { return Ok(None) };
    let mut tx = context.db.read().await?;
    let words = words(&mut tx, &line).await?;
    let goes_out = line.reply.is_some() || line.outcome == Outcome::Proposed;
    let place = match work.inquiry.as_ref().filter(|_| goes_out) {
        Some(inquiry) => place(&mut tx, inquiry.id).await?,
        None => None,
    };
    let offices = match line.outcome {
        Outcome::UnknownOffice => {
            let mut offices: Vec<_> = regency
                .offices
                .values()
                .map(|office| (office.code.clone(), office.short_name.clone()))
                .collect();
            offices.sort();
            offices
        }
        _ => Vec::new(),
    };
    let office = work.office.as_ref().map_or(&regency.triage_office, |(code, ..)| code);
    Ok(Some(MailContext::Confirmation(Confirmation {
        about: work.inquiry.as_ref().map(|inquiry| about(regency, work, inquiry, context.clock.now())),
        outcome: line.outcome,
        detail: line.named,
        until: line.until,
        words,
        place,
        others: line.others,
        files: line.files,
        offices,
        zone: zone(regency, office),
    })))
}

pub(super) async fn approval(
    context: &Context,
    work: &NoticeWork,
    about: About,
) -> Result<Option<MailContext>, StoreError> {
    let Some(id) = work.data["proposal"].as_i64() else { return Ok(None) };
    let mut tx = context.db.read().await?;
    let Some(proposal) = tx.proposal(ProposalId(id)).await? else { return Ok(None) };
    let place = place(&mut tx, proposal.inquiry).await?;
    let (author, words) = (proposal.author, proposal.text);
    Ok(Some(MailContext::Approval(Approval { about, author, words, place, proposal: id })))
}

async fn place(tx: &mut Tx, inquiry: InquiryId) -> Result<Option<Place>, StoreError> {
    let place = tx.surface_of(inquiry).await?;
    Ok(place.map(|(platform, surface)| Place { platform, surface }))
}

/// What the citizen gets, else what was written. Nothing of a mail that is held: somebody else may have written it, and
/// wants it carried to this person.
async fn words(tx: &mut Tx, line: &Line) -> Result<String, StoreError> {
    if line.outcome.is_held() {
        return Ok(String::new());
    }
    if let Some(id) = line.reply
        && let Some((text, _)) = tx.reply_text(id).await?
    {
        return Ok(text);
    }
    if let Some(id) = line.proposal
        && let Some(proposal) = tx.proposal(id).await?
    {
        return Ok(proposal.text);
    }
    let Some(letter) = line.letter else { return Ok(String::new()) };
    let raw = tx.letter(letter).await?.and_then(|(_, raw)| raw).unwrap_or_default();
    let limits = Limits { attachment: 0, attachments: 0, ..Limits::default() };
    Ok(sahut_mail::read(&raw, &limits).map(|mail| own_words(&mail.text)).unwrap_or_default())
}
