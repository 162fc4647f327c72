//! "Bukan wewenang kami": an office says that an inquiry is not its own, and whose it may be.
//!
//! Offices pass an inquiry on among themselves twice. The third time it goes to those who decide, and what they say holds:
//! no office passes it on again. The citizen's promise runs on all the while; each office's own time is in the promise's
//! segments.

use jiff::Timestamp;
use sahut_domain::event::EventId;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Passing, State};
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};

use crate::correct::{Gift, HandedOver, Held, MOST_HOPS};
use crate::notify::NewNotice;
use crate::{StoreError, Tx};

/// What an office says of an inquiry that is not its own.
#[derive(Debug, Clone, Copy)]
pub struct NotOurs<'a> {
    /// Whose it is; absent: the office does not know.
    pub to: Option<&'a OfficeCode>,
    /// Why, for the other office and the journal.
    pub reason: &'a str,
    /// Who says so, as the journal names them.
    pub actor: &'a str,
    /// The office that decides what is disputed.
    pub decides: &'a OfficeCode,
}

/// An inquiry that was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOn {
    /// The journal's line.
    pub event: EventId,
    /// Who had it.
    pub from: OfficeCode,
    /// Who has it.
    pub to: OfficeCode,
    /// What came of it.
    pub passing: Passing,
    /// How many other inquiries of its incident moved with it.
    pub others: usize,
}

impl Tx {
    /// Passes an inquiry on that is not its office's own, and owes the new office a mail. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// It is closed, no reason is given, it was decided on before, it would stay where it is, there is no such office, or
    /// those who decide named none.
    pub async fn not_ours(
        &mut self,
        number: InquiryNumber,
        said: NotOurs<'_>,
        now: Timestamp,
    ) -> Result<Option<PassedOn>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let (passing, to) = destination(number, &held, &said)?;
        let data = serde_json::json!({ "from": held.office, "to": to, "reason": said.reason.trim(),
            "triage": held.stood.triage, "passing": passing, "named": said.to });
        let triage = matches!(passing, Passing::Unknown | Passing::Disputed);
        let gift = Gift { to, data, triage, decides: passing == Passing::Decided, actor: said.actor };
        let HandedOver { inquiry, event, from, state, others } = self.give(number, held, gift, now).await?;
        if from != *to && (state == State::Open || others > 0) {
            self.tell_office(Template::HandedOver, event, inquiry, to, Some(said.decides), now).await?;
        }
        Ok(Some(PassedOn { event, from, to: to.clone(), passing, others }))
    }

    /// Owes a mail to everybody of an office, or where it has nobody, of another; one about an emergency goes before others.
    pub async fn tell_office(
        &mut self,
        template: Template,
        event: EventId,
        inquiry: InquiryId,
        office: &OfficeCode,
        or_else: Option<&OfficeCode>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let offices = self.offices().await?;
        let people = |code: &OfficeCode| -> Vec<Person> {
            let known = offices.iter().find(|known| known.code == *code);
            known.map(|office| office.people.clone()).unwrap_or_default()
        };
        let mut told = people(office);
        if told.is_empty() {
            told = or_else.map(people).unwrap_or_default();
        }
        let urgent = self.is_urgent(inquiry).await?;
        let notice = |recipient| NewNotice {
            event,
            template,
            recipient,
            office: Some(office.clone()),
            inquiry: Some(inquiry),
            channel: None,
            urgent,
            not_before: now,
        };
        self.owe(told.into_iter().map(notice).collect(), now).await
    }
}

/// Where an inquiry goes that is not its office's own.
fn destination<'a>(
    number: InquiryNumber,
    held: &Held,
    said: &NotOurs<'a>,
) -> Result<(Passing, &'a OfficeCode), StoreError> {
    let unfit = |why: String| Err(StoreError::Unfit(format!("{why}; nothing was changed")));
    if said.reason.trim().is_empty() {
        return unfit(format!("passing {number} on needs a reason"));
    }
    if said.to == Some(&held.office) && !held.stood.triage {
        return unfit(format!("{number} is with {} already", held.office));
    }
    if held.office == *said.decides {
        return match said.to {
            Some(to) => Ok((Passing::Decided, to)),
            None => unfit(format!("{} decides: it has to name an office for {number}", said.decides)),
        };
    }
    if held.bound {
        return unfit(format!(
            "{} has decided that {number} is for {}: answer it, or ask there",
            said.decides, held.office
        ));
    }
    if held.hops >= MOST_HOPS {
        return Ok((Passing::Disputed, said.decides));
    }
    Ok(said.to.map_or((Passing::Unknown, said.decides), |to| (Passing::Named, to)))
}
