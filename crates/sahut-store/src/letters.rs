//! Letters: mails that came in answer to a notice, or report that one did not arrive. They are stored before anything is
//! made of them, and what is made of one is one transaction.

use jiff::Timestamp;
use sahut_domain::channel::Platform;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::letter::{LetterId, LetterState, Outcome};
use sahut_domain::message::Surface;
use sahut_domain::notice::{NoticeId, Template};
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::ReplyId;
use serde::Serialize;

use crate::collect::{pack, unpack};
use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::work::Stage;
use crate::{StoreError, Tx};

/// A letter that nobody has looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub id: LetterId,
    /// The same for every copy of the mail.
    pub key: String,
    /// When it came.
    pub received_at: Timestamp,
    /// The mail.
    pub raw: Vec<u8>,
    /// Who says that it is to be trusted, after it was held.
    pub accepted_by: Option<String>,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterEnd {
    /// In one word.
    pub outcome: Outcome,
    /// More about it, for an operator; never anybody's words.
    pub detail: Option<String>,
    /// Who says to have written it.
    pub sender: Option<String>,
    /// The notice that it answers or reports on, where that is proven.
    pub notice: Option<NoticeId>,
}

/// A letter as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterLine {
    /// The letter.
    pub id: LetterId,
    /// When it came.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: LetterState,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// More about that.
    pub detail: Option<String>,
    /// Who says to have written it.
    pub sender: Option<String>,
    /// The inquiry that it is about, where that is proven.
    #[serde(serialize_with = "shown")]
    pub inquiry: Option<InquiryNumber>,
}

/// A notice that somebody answers.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeFacts {
    /// The notice.
    pub id: NoticeId,
    /// What it said.
    pub template: Template,
    /// Who got it.
    pub recipient: Person,
    /// The office that they got it for.
    pub office: Option<OfficeCode>,
    /// The inquiry that it was about.
    pub inquiry: Option<(InquiryId, InquiryNumber)>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When the thing happened that it told of.
    pub at: Timestamp,
    /// Facts of the event.
    pub data: serde_json::Value,
}

impl Tx {
    /// Keeps a letter. `false`: a copy of it was kept before.
    pub async fn keep_letter(
        &mut self,
        key: &str,
        raw: &[u8],
        received_at: Timestamp,
    ) -> Result<bool, StoreError> {
        const KNOWN: &str = "SELECT 1 FROM letter WHERE key = $1";
        if self.opt(KNOWN, args![key], |_| Ok(())).await?.is_some() {
            return Ok(false);
        }
        const KEEP: &str =
            "INSERT INTO letter (id, key, received_at, raw, state) VALUES ($1, $2, $3, $4, 'waiting')
            ON CONFLICT (key) DO NOTHING";
        let id = LetterId(self.id("letter").await?);
        let kept = self.exec(KEEP, args![id, key, received_at, pack(std::iter::once(raw))]).await? == 1;
        self.wake(Stage::Letters);
        Ok(kept)
    }

    /// Whether there are letters that nobody has looked at.
    pub async fn has_waiting_letters(&mut self) -> Result<bool, StoreError> {
        const WAITING: &str = "SELECT 1 FROM letter WHERE state = 'waiting' LIMIT 1";
        Ok(self.opt(WAITING, args![], |_| Ok(())).await?.is_some())
    }

    /// The first letter that nobody has looked at; nobody else takes it until the transaction ends.
    pub async fn take_letter(&mut self) -> Result<Option<Letter>, StoreError> {
        let sql = format!(
            "SELECT id, key, received_at, raw, accepted_by FROM letter WHERE state = 'waiting'
             ORDER BY id LIMIT 1{}",
            self.dialect().take("letter")
        );
        self.opt(&sql, args![], letter).await
    }

    /// Stores what became of a letter. `false`: somebody else did it first.
    pub async fn settle_letter(
        &mut self,
        id: LetterId,
        end: &LetterEnd,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SETTLE: &str = "UPDATE letter SET state = $2, outcome = $3, detail = $4, sender = $5,
            notice_id = COALESCE($6, notice_id), settled_at = $7 WHERE id = $1 AND state = 'waiting'";
        let state = if end.outcome.is_held() { LetterState::Held } else { LetterState::Settled };
        let (detail, sender) = (end.detail.as_deref(), end.sender.as_deref());
        let values = args![id, state.as_str(), end.outcome.as_str(), detail, sender, end.notice, now];
        Ok(self.exec(SETTLE, values).await? == 1)
    }

    /// The newest letters, held ones alone or all.
    pub async fn letters(&mut self, held: bool, limit: i64) -> Result<Vec<LetterLine>, StoreError> {
        let which = if held { "WHERE l.state = 'held'" } else { "" };
        self.rows(&format!("{LINES} {which} ORDER BY l.id DESC LIMIT $1"), args![limit], line).await
    }

    /// A letter with its mail, as long as that is kept.
    pub async fn letter(
        &mut self,
        id: LetterId,
    ) -> Result<Option<(LetterLine, Option<Vec<u8>>)>, StoreError> {
        let found = self.opt(&format!("{LINES} WHERE l.id = $1"), args![id], line).await?;
        let Some(found) = found else { return Ok(None) };
        let packed: Option<Vec<u8>> =
            self.one("SELECT raw FROM letter WHERE id = $1", args![id], |row| row.get(0)).await?;
        Ok(Some((found, packed.and_then(|packed| unpack(&packed, 0)))))
    }

    /// Lets a held letter be carried out as its sender's, on somebody's word. `false`: no such letter is held.
    ///
    /// # Errors
    /// It answers no notice, so that nobody knows what it is about.
    pub async fn accept_letter(
        &mut self,
        id: LetterId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const HELD: &str = "SELECT notice_id FROM letter WHERE id = $1 AND state = 'held'";
        let held: Option<Option<NoticeId>> = self.opt(HELD, args![id], |row| row.get(0)).await?;
        let Some(notice) = held else { return Ok(false) };
        if notice.is_none() {
            return Err(StoreError::Unfit(format!(
                "letter {id} came to no address of an inquiry; nothing was changed: read it with `sahut letter show {id}`, \
                 and answer with `sahut reply`"
            )));
        }
        const ACCEPT: &str =
            "UPDATE letter SET state = 'waiting', outcome = NULL, detail = NULL, settled_at = NULL,
            accepted_by = $2 WHERE id = $1 AND state = 'held'";
        self.exec(ACCEPT, args![id, actor]).await?;
        self.record_letter(EventKind::LetterAccepted, id, actor, now).await?;
        self.wake(Stage::Letters);
        Ok(true)
    }

    /// Says that a held letter is not needed. `false`: no such letter is held.
    pub async fn drop_letter(
        &mut self,
        id: LetterId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DROP: &str = "UPDATE letter SET state = 'settled', outcome = 'dropped', settled_at = $2
            WHERE id = $1 AND state = 'held'";
        if self.exec(DROP, args![id, now]).await? == 0 {
            return Ok(false);
        }
        self.record_letter(EventKind::LetterDropped, id, actor, now).await?;
        Ok(true)
    }

    async fn record_letter(
        &mut self,
        kind: EventKind,
        id: LetterId,
        actor: &str,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        let event = NewEvent::new(kind, now).by(actor).with(serde_json::json!({ "letter": id }));
        self.record_one(event, now).await
    }

    /// Drops the mails of settled letters that came before a moment, a bounded number of them; answers how many.
    pub async fn drop_letter_bodies(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        const DROP: &str = "UPDATE letter SET raw = NULL WHERE id IN (SELECT id FROM letter
            WHERE state = 'settled' AND raw IS NOT NULL AND received_at < $1 ORDER BY received_at LIMIT 1000)";
        self.exec(DROP, args![before]).await
    }

    /// A notice by its number, for somebody who answers it.
    pub async fn notice_facts(&mut self, id: NoticeId) -> Result<Option<NoticeFacts>, StoreError> {
        const FACTS: &str =
            "SELECT n.id, n.template, n.recipient, n.recipient_name, n.office, n.created_at, e.at,
                e.data, i.id, i.year, i.sequence
            FROM notice n JOIN event e ON e.id = n.event_id LEFT JOIN inquiry i ON i.id = n.inquiry_id
            WHERE n.id = $1";
        self.opt(FACTS, args![id], notice_facts).await
    }

    /// Stores that a mail which the server had taken was given back, with the journal's line; nobody is mailed at its
    /// address any more. `None`: it was never sent, or is known to have failed.
    pub async fn bounce_notice(
        &mut self,
        notice: &NoticeFacts,
        error: &str,
        now: Timestamp,
    ) -> Result<Option<EventId>, StoreError> {
        const BACK: &str = "UPDATE notice SET state = 'dead', sent_at = NULL, last_error = $2
            WHERE id = $1 AND state = 'done' AND sent_at IS NOT NULL";
        if self.exec(BACK, args![notice.id, error]).await? == 0 {
            return Ok(None);
        }
        const REFUSED: &str = "UPDATE person SET refused_at = $2, refused_detail = $3
            WHERE mail = $1 AND refused_at IS NULL";
        self.exec(REFUSED, args![&notice.recipient.mail, now, error]).await?;
        let data = serde_json::json!({ "notice": notice.id, "template": notice.template, "bounced": true,
            "error": error, "recipient": notice.recipient.mail, "recipient_name": notice.recipient.name });
        let mut event = NewEvent::new(EventKind::NoticeFailed, now).with(data);
        event.office.clone_from(&notice.office);
        event.inquiry = notice.inquiry.map(|(inquiry, _)| inquiry);
        self.record_one(event, now).await.map(Some)
    }

    /// Where the reading of a mailbox stands.
    pub async fn mailbox_cursor(&mut self, mailbox: &str) -> Result<Option<(u32, u32)>, StoreError> {
        const CURSOR: &str = "SELECT value FROM meta WHERE key = $1";
        let stored: Option<String> = self.opt(CURSOR, args![cursor_key(mailbox)], |row| row.get(0)).await?;
        let position = |text: String| {
            let (validity, uid) = text.split_once(':')?;
            Some((validity.parse().ok()?, uid.parse().ok()?))
        };
        Ok(stored.and_then(position))
    }

    /// Stores up to where a mailbox has been read: its UIDVALIDITY and the highest UID.
    pub async fn move_mailbox_cursor(
        &mut self,
        mailbox: &str,
        (validity, uid): (u32, u32),
    ) -> Result<(), StoreError> {
        const MOVE: &str = "INSERT INTO meta (key, value) VALUES ($1, $2)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.exec(MOVE, args![cursor_key(mailbox), format!("{validity}:{uid}")]).await?;
        Ok(())
    }

    /// How many mails were owed to somebody since a moment about events of a kind.
    pub async fn count_told(
        &mut self,
        mail: &str,
        kind: EventKind,
        since: Timestamp,
    ) -> Result<i64, StoreError> {
        const TOLD: &str = "SELECT COUNT(*) FROM event e JOIN notice n ON n.event_id = e.id
            WHERE e.kind = $1 AND e.at >= $2 AND n.recipient = $3";
        self.one(TOLD, args![kind.as_str(), since, mail], |row| row.get(0)).await
    }

    /// Who is mailed at an address: their name, and the offices that they answer for.
    pub async fn person_at(&mut self, mail: &str) -> Result<Option<(Person, Vec<OfficeCode>)>, StoreError> {
        const AT: &str =
            "SELECT name, mail, office FROM person WHERE lower(mail) = lower($1) ORDER BY office";
        let found: Vec<(Person, OfficeCode)> = self
            .rows(AT, args![mail], |row| Ok((Person { name: row.get(0)?, mail: row.get(1)? }, row.get(2)?)))
            .await?;
        let offices = found.iter().map(|(_, office)| office.clone()).collect();
        Ok(found.into_iter().next().map(|(person, _)| (person, offices)))
    }

    /// Where an inquiry was written, and so where its citizen reads an answer.
    pub async fn surface_of(
        &mut self,
        inquiry: InquiryId,
    ) -> Result<Option<(Platform, Surface)>, StoreError> {
        const PLACE: &str =
            "SELECT c.platform, t.surface FROM inquiry i JOIN channel c ON c.id = i.channel_id
            JOIN thread t ON t.id = i.thread_id WHERE i.id = $1";
        self.opt(PLACE, args![inquiry], |row| Ok((row.word(0)?, row.word(1)?))).await
    }

    /// An answer by somebody else that an inquiry was given since a moment: who wrote it.
    pub async fn answered_since(
        &mut self,
        inquiry: InquiryId,
        since: Timestamp,
        author: &str,
    ) -> Result<Option<(ReplyId, String)>, StoreError> {
        const SINCE: &str =
            "SELECT id, author FROM reply WHERE inquiry_id = $1 AND created_at > $2 AND author <> $3
            AND intent = 'answer' AND delivery <> 'failed' ORDER BY id DESC LIMIT 1";
        self.opt(SINCE, args![inquiry, since, author], |row| Ok((row.get(0)?, row.get(1)?))).await
    }
}

const LINES: &str = "SELECT l.id, l.received_at, l.state, l.outcome, l.detail, l.sender, i.year, i.sequence
    FROM letter l LEFT JOIN notice n ON n.id = l.notice_id LEFT JOIN inquiry i ON i.id = n.inquiry_id";

fn line(row: &Row) -> Result<LetterLine, StoreError> {
    Ok(LetterLine {
        id: row.get(0)?,
        received_at: row.get(1)?,
        state: row.word(2)?,
        outcome: row.opt_word(3)?,
        detail: row.get(4)?,
        sender: row.get(5)?,
        inquiry: number(row, 6)?,
    })
}

fn letter(row: &Row) -> Result<Letter, StoreError> {
    let id: LetterId = row.get(0)?;
    let packed: Vec<u8> = row.get(3)?;
    Ok(Letter {
        id,
        key: row.get(1)?,
        received_at: row.get(2)?,
        // One that is not whole any more is one that cannot be read: it is held, and does not stop the others.
        raw: unpack(&packed, 0).unwrap_or_default(),
        accepted_by: row.get(4)?,
    })
}

fn notice_facts(row: &Row) -> Result<NoticeFacts, StoreError> {
    let inquiry: Option<InquiryId> = row.get(8)?;
    Ok(NoticeFacts {
        id: row.get(0)?,
        template: row.word(1)?,
        recipient: Person { mail: row.get(2)?, name: row.get(3)? },
        office: row.get(4)?,
        created_at: row.get(5)?,
        at: row.get(6)?,
        data: row.json(7)?,
        inquiry: inquiry.zip(number(row, 9)?),
    })
}

/// The number of an inquiry, from its year on.
pub(crate) fn number(row: &Row, column: usize) -> Result<Option<InquiryNumber>, StoreError> {
    let (year, sequence): (Option<i64>, Option<i64>) = (row.get(column)?, row.get(column + 1)?);
    let Some((year, sequence)) = year.zip(sequence) else { return Ok(None) };
    let year = i16::try_from(year).map_err(|error| StoreError::bad_row("inquiry", sequence, error))?;
    Ok(Some(InquiryNumber { year, sequence }))
}

fn cursor_key(mailbox: &str) -> String {
    format!("mailbox {mailbox}")
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn shown<S: serde::Serializer>(number: &Option<InquiryNumber>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => serializer.collect_str(number),
        None => serializer.serialize_none(),
    }
}
