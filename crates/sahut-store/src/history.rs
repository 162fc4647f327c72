//! What was decided so far, read again: so that other rules can be tried on it before they decide.

use jiff::Timestamp;
use sahut_domain::decision::Decision;
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::message::{MessageId, Surface};
use sahut_domain::office::OfficeCode;

use crate::value::args;
use crate::{StoreError, Tx};

/// An inquiry as it came in, and whose it is now.
#[derive(Debug, Clone)]
pub struct PastInquiry {
    /// The inquiry.
    pub id: InquiryId,
    /// Its number.
    pub number: InquiryNumber,
    /// First words, masked.
    pub title: String,
    /// The words of the message that began it.
    pub text: String,
    /// Its subject.
    pub subject: Option<String>,
    /// It was set aside, and a person brought it back: it needs somebody.
    pub brought_back: bool,
    /// The office on whose channel it was written.
    pub owner: OfficeCode,
    /// Where its thread stands.
    pub surface: Surface,
    /// What was decided on it then.
    pub decision: Decision,
    /// Whose people say that it is.
    pub people: Option<People>,
}

/// Whose people say that an inquiry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum People {
    /// They gave it to this office, or this office answered it.
    Seat(String),
    /// They closed it as one that needs nobody.
    Nobody,
}

/// A message that was set aside.
#[derive(Debug, Clone)]
pub struct PastAside {
    /// The message.
    pub message: MessageId,
    /// Its words.
    pub text: String,
    /// Its subject.
    pub subject: Option<String>,
    /// The office on whose channel it was written.
    pub owner: OfficeCode,
    /// Where its thread stands.
    pub surface: Surface,
    /// What was decided on it then.
    pub decision: Decision,
}

/// A configuration set that was the running one.
#[derive(Debug, Clone)]
pub struct PastRevision {
    /// Its number.
    pub id: i64,
    /// Hash of its files.
    pub digest: String,
    /// When it became the running one.
    pub applied_at: Timestamp,
    /// Who applied it.
    pub actor: String,
}

impl Tx {
    /// Inquiries that the rules decided on and that began at a moment or later, the newest first: at most so many, and
    /// only those before one where it is given. What an import brought in with its office is left out.
    pub async fn past_inquiries(
        &mut self,
        before: Option<InquiryId>,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<PastInquiry>, StoreError> {
        const PAST: &str = "SELECT i.id, i.year, i.sequence, i.title, m.text, m.subject, c.office, t.surface,
                COALESCE(l.seat, CASE WHEN i.answered_at IS NOT NULL AND i.triage = 0 THEN i.office END),
                COALESCE(l.needed, 1), d.body, m.brought_back
            FROM inquiry i
            JOIN message m ON m.id = (SELECT f.id FROM message f WHERE f.inquiry_id = i.id AND f.own = 0
                ORDER BY f.written_at, f.id LIMIT 1)
            JOIN channel c ON c.id = m.channel_id JOIN thread t ON t.id = m.thread_id
            JOIN decision d ON d.message_id = m.id LEFT JOIN lesson l ON l.message_id = m.id
            WHERE i.id < $1 AND i.opened_at >= $2 AND m.given_office IS NULL ORDER BY i.id DESC LIMIT $3";
        let before = before.map_or(i64::MAX, |before| before.0);
        self.rows(PAST, args![before, since, limit], |row| {
            let year: i64 = row.get(1)?;
            Ok(PastInquiry {
                id: row.get(0)?,
                number: InquiryNumber { year: i16::try_from(year).unwrap_or(0), sequence: row.get(2)? },
                title: row.get(3)?,
                text: row.get(4)?,
                subject: row.get(5)?,
                owner: row.get(6)?,
                surface: row.word(7)?,
                people: if row.get(9)? {
                    row.get::<Option<String>>(8)?.map(People::Seat)
                } else {
                    Some(People::Nobody)
                },
                decision: row.json(10)?,
                brought_back: row.get(11)?,
            })
        })
        .await
    }

    /// Messages that the rules set aside and that were written at a moment or later, the newest first: at most so many,
    /// and only those before one where it is given. What is mere history is left out.
    pub async fn past_asides(
        &mut self,
        before: Option<MessageId>,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<PastAside>, StoreError> {
        const PAST: &str = "SELECT m.id, m.text, m.subject, c.office, t.surface, d.body FROM message m
            JOIN channel c ON c.id = m.channel_id JOIN thread t ON t.id = m.thread_id
            JOIN decision d ON d.message_id = m.id
            WHERE m.disposition = 'aside' AND d.basis <> 'history' AND m.id < $1 AND m.written_at >= $2
            ORDER BY m.id DESC LIMIT $3";
        let before = before.map_or(i64::MAX, |before| before.0);
        self.rows(PAST, args![before, since, limit], |row| {
            Ok(PastAside {
                message: row.get(0)?,
                text: row.get(1)?,
                subject: row.get(2)?,
                owner: row.get(3)?,
                surface: row.word(4)?,
                decision: row.json(5)?,
            })
        })
        .await
    }

    /// Configuration sets, the newest first.
    pub async fn past_revisions(&mut self, limit: i64) -> Result<Vec<PastRevision>, StoreError> {
        const PAST: &str = "SELECT r.id, r.digest, r.applied_at,
                COALESCE((SELECT MIN(e.actor) FROM event e
                    WHERE e.kind = 'configuration.applied' AND e.at = r.applied_at), '')
            FROM revision r ORDER BY r.id DESC LIMIT $1";
        self.rows(PAST, args![limit], |row| {
            Ok(PastRevision {
                id: row.get(0)?,
                digest: row.get(1)?,
                applied_at: row.get(2)?,
                actor: row.get(3)?,
            })
        })
        .await
    }

    /// The files of a configuration set by its number.
    pub async fn revision_files(
        &mut self,
        revision: i64,
    ) -> Result<Option<std::collections::BTreeMap<String, String>>, StoreError> {
        self.opt("SELECT files FROM revision WHERE id = $1", args![revision], |row| row.json(0)).await
    }
}
