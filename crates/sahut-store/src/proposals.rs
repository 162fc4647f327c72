//! Proposals: answers that somebody has to approve before they leave.

use jiff::Timestamp;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::letter::{Outcome, ProposalId, ProposalState};
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::Intent;
use serde::Serialize;

use crate::acts::Done;
use crate::deliver::Answer;
use crate::journal::NewEvent;
use crate::letters::number;
use crate::notify::NewNotice;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

/// An answer that waits for approval, or waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The proposal.
    pub id: ProposalId,
    /// Name of the operation that the answer is queued as.
    #[serde(skip)]
    pub key: String,
    /// The inquiry.
    #[serde(skip)]
    pub inquiry: InquiryId,
    /// Its number.
    #[serde(serialize_with = "shown")]
    pub number: InquiryNumber,
    /// The office that it was written for.
    pub office: OfficeCode,
    /// The answer.
    pub text: String,
    /// What it does to the inquiry.
    pub intent: Intent,
    /// Who wrote it, and where they are mailed.
    pub author: String,
    /// Their address.
    #[serde(skip)]
    pub author_mail: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: ProposalState,
    /// Why it was returned.
    pub reason: Option<String>,
}

impl Proposal {
    /// The answer as it is queued.
    pub fn answer(&self) -> Answer<'_> {
        Answer { text: &self.text, author: &self.author, intent: self.intent, key: &self.key }
    }
}

const PROPOSALS: &str =
    "SELECT p.id, p.key, p.inquiry_id, i.year, i.sequence, p.office, p.text, p.intent, p.author,
    p.author_mail, p.created_at, p.state, p.reason FROM proposal p JOIN inquiry i ON i.id = p.inquiry_id";

impl Tx {
    /// Keeps an answer until somebody approves it. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// It was proposed before.
    pub async fn propose(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        author_mail: &str,
        now: Timestamp,
    ) -> Result<Option<(ProposalId, Done)>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let id = ProposalId(self.id("proposal").await?);
        const PROPOSE: &str =
            "INSERT INTO proposal (id, key, inquiry_id, office, text, intent, author, author_mail, created_at, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting') ON CONFLICT (key) DO NOTHING";
        let Answer { text, author, intent, key } = answer;
        let values = args![id, key, held.id, &held.office, text, intent.as_str(), author, author_mail, now];
        if self.exec(PROPOSE, values).await? == 0 {
            return Err(StoreError::Unfit(format!("this answer to {number} was proposed before")));
        }
        let data = serde_json::json!({ "proposal": id });
        let event =
            NewEvent::new(EventKind::ReplyProposed, now).by(author).inquiry(held.id, &held.office).with(data);
        let event = self.record_one(event, now).await?;
        Ok(Some((id, Done { inquiry: held.id, office: held.office, event })))
    }

    /// The same, and owes whoever has to approve it a mail.
    ///
    /// # Errors
    /// It was proposed before.
    pub async fn ask_approval(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        author_mail: &str,
        approver: Person,
        now: Timestamp,
    ) -> Result<Option<ProposalId>, StoreError> {
        let Some((proposal, done)) = self.propose(number, answer, author_mail, now).await? else {
            return Ok(None);
        };
        let notice = NewNotice {
            event: done.event,
            template: Template::Approval,
            recipient: approver,
            office: Some(done.office),
            inquiry: Some(done.inquiry),
            channel: None,
            urgent: false,
            not_before: now,
        };
        self.owe(vec![notice], now).await?;
        Ok(Some(proposal))
    }

    /// A proposal by the operation that its answer is queued as.
    pub async fn proposal_named(&mut self, key: &str) -> Result<Option<Proposal>, StoreError> {
        self.opt(&format!("{PROPOSALS} WHERE p.key = $1"), args![key], proposal).await
    }

    /// A proposal by its number.
    pub async fn proposal(&mut self, id: ProposalId) -> Result<Option<Proposal>, StoreError> {
        self.opt(&format!("{PROPOSALS} WHERE p.id = $1"), args![id], proposal).await
    }

    /// Proposals that wait for somebody, the oldest first.
    pub async fn waiting_proposals(&mut self) -> Result<Vec<Proposal>, StoreError> {
        self.rows(&format!("{PROPOSALS} WHERE p.state = 'waiting' ORDER BY p.id"), args![], proposal).await
    }

    /// Stores what was decided on a proposal; the caller queues an approved one in the same transaction. `None`: it does
    /// not wait for anybody.
    pub async fn decide_proposal(
        &mut self,
        id: ProposalId,
        decided: ProposalState,
        reason: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<(Proposal, EventId)>, StoreError> {
        const DECIDE: &str = "UPDATE proposal SET state = $2, reason = $3, decided_by = $4, decided_at = $5
            WHERE id = $1 AND state = 'waiting'";
        if self.exec(DECIDE, args![id, decided.as_str(), reason, actor, now]).await? == 0 {
            return Ok(None);
        }
        let Some(proposal) = self.proposal(id).await? else { return Ok(None) };
        let kind = match decided {
            ProposalState::Approved => EventKind::ReplyApproved,
            ProposalState::Returned | ProposalState::Waiting => EventKind::ReplyReturned,
        };
        let mut data = serde_json::json!({ "proposal": id });
        if decided == ProposalState::Returned {
            // What its writer is told.
            let why = reason.filter(|reason| !reason.is_empty()).map(|reason| format!(": {reason}"));
            data["outcome"] = Outcome::NotApproved.as_str().into();
            data["named"] = format!("{actor}{}", why.unwrap_or_default()).into();
        }
        let event = NewEvent::new(kind, now).by(actor).inquiry(proposal.inquiry, &proposal.office).with(data);
        let event = self.record_one(event, now).await?;
        Ok(Some((proposal, event)))
    }
}

fn proposal(row: &Row) -> Result<Proposal, StoreError> {
    let id: ProposalId = row.get(0)?;
    let number = number(row, 3)?.ok_or_else(|| StoreError::bad_row("proposal", id, "it has no inquiry"))?;
    Ok(Proposal {
        id,
        key: row.get(1)?,
        inquiry: row.get(2)?,
        number,
        office: row.get(5)?,
        text: row.get(6)?,
        intent: row.word(7)?,
        author: row.get(8)?,
        author_mail: row.get(9)?,
        created_at: row.get(10)?,
        state: row.word(11)?,
        reason: row.get(12)?,
    })
}

fn shown<S: serde::Serializer>(number: &InquiryNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
