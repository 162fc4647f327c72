//! What a page about one inquiry asks of the database, for somebody who opened it by a link: how it stands, what an answer
//! would have to fit, and which form was sent before.

use jiff::Timestamp;
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::segments::Segment;
use serde::Serialize;

use crate::value::args;
use crate::{StoreError, Tx};

/// How an inquiry stands with the people of its office.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// Grows with every change: who shows an older one is told what changed.
    pub version: i64,
    /// How often it went from an office to another.
    pub hops: i64,
    /// How often it came back to an office that had it before.
    pub returns: i64,
    /// Those who decide settled who has it: no office passes it on.
    pub bound: bool,
    /// The office said that it has it in hand.
    pub in_hand: Option<InHand>,
    /// More time that was asked for and is not decided on.
    pub asked: Option<AskedTime>,
    /// Open inquiries of its incident, itself among them; none where it belongs to no incident.
    pub together: i64,
    /// Whose time it was, over all promises of a first response.
    pub segments: Vec<Segment>,
}

/// An office has an inquiry in hand.
#[derive(Debug, Clone, Serialize)]
pub struct InHand {
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// Their words.
    pub note: String,
}

/// A request for more time.
#[derive(Debug, Clone, Serialize)]
pub struct AskedTime {
    /// Until when.
    pub until: Timestamp,
    /// Who asked.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What was done through a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// About which inquiry.
    pub inquiry: InquiryId,
    /// What, as the form names it.
    pub act: String,
    /// When.
    pub done_at: Timestamp,
}

impl Tx {
    /// The number of an inquiry, and the office that has it.
    pub async fn number_of(
        &mut self,
        inquiry: InquiryId,
    ) -> Result<Option<(InquiryNumber, OfficeCode)>, StoreError> {
        const NUMBER: &str = "SELECT year, sequence, office FROM inquiry WHERE id = $1";
        self.opt(NUMBER, args![inquiry], |row| {
            let year = i16::try_from(row.get::<i64>(0)?)
                .map_err(|error| StoreError::bad_row("inquiry", inquiry, error))?;
            Ok((InquiryNumber { year, sequence: row.get(1)? }, row.get(2)?))
        })
        .await
    }

    /// How an inquiry stands.
    pub async fn how_it_stands(&mut self, inquiry: InquiryId) -> Result<Standing, StoreError> {
        const STANDS: &str = "SELECT version, hops, returns, bound, acknowledged_until, acknowledged_by,
            acknowledged_note, (SELECT COUNT(*) FROM inquiry other WHERE other.incident_id = inquiry.incident_id
                AND other.state = 'open') FROM inquiry WHERE id = $1";
        let mut standing = self
            .one(STANDS, args![inquiry], |row| {
                let until: Option<Timestamp> = row.get(4)?;
                let in_hand = match until {
                    Some(until) => Some(InHand {
                        until,
                        by: row.get(5)?,
                        note: row.get::<Option<String>>(6)?.unwrap_or_default(),
                    }),
                    None => None,
                };
                Ok(Standing {
                    version: row.get(0)?,
                    hops: row.get(1)?,
                    returns: row.get(2)?,
                    bound: row.get(3)?,
                    in_hand,
                    asked: None,
                    together: row.get(7)?,
                    segments: Vec::new(),
                })
            })
            .await?;
        const ASKED: &str = "SELECT x.until, x.asked_by, x.reason FROM extension x
            JOIN deadline d ON d.id = x.deadline_id WHERE d.inquiry_id = $1 AND d.live = 1 AND x.state = 'asked'";
        let asked = |row: &crate::value::Row| {
            Ok(AskedTime { until: row.get(0)?, by: row.get(1)?, reason: row.get(2)? })
        };
        standing.asked = self.opt(ASKED, args![inquiry], asked).await?;
        const TIME: &str = "SELECT segments FROM deadline
            WHERE inquiry_id = $1 AND kind = 'first_response' AND state <> 'void' ORDER BY round";
        let segments: Vec<Vec<Segment>> = self.rows(TIME, args![inquiry], |row| row.json(0)).await?;
        standing.segments = segments.into_iter().flatten().collect();
        Ok(standing)
    }

    /// Holds an inquiry until the transaction ends, and answers its version.
    pub async fn hold_version(&mut self, number: InquiryNumber) -> Result<Option<i64>, StoreError> {
        Ok(self.hold_by_number(number).await?.map(|held| held.version))
    }

    /// Everybody who answers for an office that is not retired, also those whose address is refused.
    pub async fn everybody(&mut self) -> Result<Vec<Person>, StoreError> {
        const EVERYBODY: &str = "SELECT p.name, p.mail FROM person p JOIN office o ON o.code = p.office
            WHERE o.retired = 0 ORDER BY o.position, p.position";
        self.rows(EVERYBODY, args![], |row| Ok(Person { name: row.get(0)?, mail: row.get(1)? })).await
    }

    /// When somebody last opened an inquiry, and last did something about one, by the address that they were mailed at.
    /// `None`: nobody has this address.
    pub async fn last_seen(
        &mut self,
        mail: &str,
    ) -> Result<Option<(Option<Timestamp>, Option<Timestamp>)>, StoreError> {
        const LAST: &str = "SELECT MAX(seen_at), MAX(acted_at), COUNT(*) FROM person WHERE mail = $1";
        let last = self.one(LAST, args![mail], |row| Ok((row.get(0)?, row.get(1)?, row.get::<i64>(2)?)));
        let (seen, acted, people) = last.await?;
        Ok((people > 0).then_some((seen, acted)))
    }

    /// Notes that a form is acted on. `false`: it was before, and nothing is to be done again.
    pub async fn begin_operation(
        &mut self,
        key: &str,
        inquiry: InquiryId,
        act: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const BEGIN: &str = "INSERT INTO operation (key, inquiry_id, act, done_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (key) DO NOTHING";
        Ok(self.exec(BEGIN, args![key, inquiry, act, now]).await? == 1)
    }

    /// What was done through the form with this key.
    pub async fn operation(&mut self, key: &str) -> Result<Option<Operation>, StoreError> {
        const DONE: &str = "SELECT inquiry_id, act, done_at FROM operation WHERE key = $1";
        self.opt(DONE, args![key], |row| {
            Ok(Operation { inquiry: row.get(0)?, act: row.get(1)?, done_at: row.get(2)? })
        })
        .await
    }
}
