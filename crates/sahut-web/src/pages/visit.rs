//! Opening a link: whose it is, and whether the inquiry is still at their office.

use std::sync::Arc;

use jiff::Timestamp;
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::link::{BadLink, Pass};
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_render::Language;
use sahut_render::page::Refusal;
use sahut_store::Tx;

use super::guard::{Caller, Meters};
use super::{Pages, Refused, Regency, facts};

/// Somebody with a link.
pub(super) struct Visitor {
    pub(super) pages: Pages,
    pub(super) meters: Arc<Meters>,
    pub(super) regency: Arc<dyn Regency>,
    pub(super) caller: Caller,
    pub(super) link: String,
    pub(super) now: Timestamp,
}

/// A link that is good.
pub(super) struct Visit {
    pub(super) inquiry: InquiryId,
    pub(super) number: InquiryNumber,
    pub(super) office: OfficeCode,
    pub(super) person: Person,
}

impl Visitor {
    pub(super) fn language(&self) -> Language {
        self.regency.language()
    }

    /// The page's own address, below the folder that the pages are reached under.
    pub(super) fn address(&self) -> String {
        let url = self.regency.links().map(|(url, _)| url).unwrap_or_default();
        let folder = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        format!("{}/i/{}", folder.unwrap_or_default(), self.link)
    }

    /// What the link is good for, before anything is asked of the database.
    pub(super) fn pass(&self) -> Result<Pass, Refusal> {
        let read = self.regency.links().ok_or(BadLink::Forged);
        let pass = read.and_then(|(_, keys)| keys.read(&self.link, self.now)).map_err(|bad| match bad {
            BadLink::Expired => Refusal::Expired,
            BadLink::Forged if self.meters.forged(self.caller, self.now) => Refusal::Forged,
            BadLink::Forged => Refusal::TooOften,
        })?;
        if self.meters.request(pass.inquiry, self.now) { Ok(pass) } else { Err(Refusal::TooOften) }
    }

    /// Opens the link.
    pub(super) async fn open(&self, mut tx: Tx) -> Result<Visit, Refused> {
        let pass = self.pass()?;
        let (number, office) = tx.number_of(pass.inquiry).await?.ok_or(Refusal::Forged)?;
        let mut people = tx.everybody().await?;
        people.extend(self.regency.others());
        if let Some(person) = people.iter().find(|person| pass.is_for(&office, &person.mail)) {
            // Who was moved to another office keeps the links of old mails.
            if !self.regency.may_act(&office, &person.mail) {
                return Err(Refusal::Left.into());
            }
            return Ok(Visit { inquiry: pass.inquiry, number, office, person: person.clone() });
        }
        let offices = tx.offices().await?;
        let made_for = |at: &Office| people.iter().any(|person| pass.is_for(&at.code, &person.mail));
        if offices.iter().any(made_for) {
            return Err(Refusal::Moved(number, facts::short_name(&offices, &office)).into());
        }
        Err(Refusal::Left.into())
    }
}
