//! What the route stage asks of the database: messages without a decision, and what became of them.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sahut_domain::Chance;
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::deadline::{DeadlineId, DeadlineKind, Explanation};
use sahut_domain::decision::Decision;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, Priority, PublicCode, State};
use sahut_domain::message::{CitizenId, MessageId, Surface, ThreadId};
use sahut_domain::office::OfficeCode;
use sahut_domain::segments::Segments;

use crate::clocks::stored;
use crate::journal::NewEvent;
use crate::value::{Row, Value, args, row};
use crate::{StoreError, Tx};

/// A message without a decision.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one message")]
pub struct Waiting {
    /// The message.
    pub message: MessageId,
    /// Its external id.
    pub external_id: String,
    /// Its channel.
    pub channel: ChannelId,
    /// The channel's platform.
    pub platform: Platform,
    /// The office that owns the channel.
    pub owner: OfficeCode,
    /// Its thread.
    pub thread: ThreadId,
    /// Where the thread stands.
    pub surface: Surface,
    /// External id of the post that it hangs under.
    pub post: Option<String>,
    /// Its author; absent for what the office wrote itself.
    pub citizen: Option<CitizenId>,
    /// Subject line.
    pub subject: Option<String>,
    /// The words.
    pub text: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// Written by the channel's own account.
    pub own: bool,
    /// External id of the message that it answers.
    pub parent: Option<String>,
    /// It was written before the day from which its channel counts: context, never an inquiry.
    pub history: bool,
    /// Has pictures or files.
    pub has_attachments: bool,
    /// The office that an import knew.
    pub given_office: Option<OfficeCode>,
    /// It was set aside, and a person brought it back: it needs somebody.
    pub brought_back: bool,
    /// The citizen's inquiry in this thread, unless it is closed.
    pub current: Option<CurrentInquiry>,
}

/// An inquiry that a message may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentInquiry {
    /// The inquiry.
    pub id: InquiryId,
    /// Its office.
    pub office: OfficeCode,
    /// Where it stands.
    pub state: State,
    /// Its kind.
    pub kind: Kind,
    /// When the office last answered: what was written until then is answered.
    pub answered_at: Option<Timestamp>,
}

/// An inquiry that is to begin.
#[derive(Debug, Clone)]
pub struct NewInquiry {
    /// The message that begins it.
    pub message: MessageId,
    /// Its channel.
    pub channel: ChannelId,
    /// Its thread.
    pub thread: ThreadId,
    /// Who wants it.
    pub citizen: CitizenId,
    /// The responsible office; where people have to decide, the office that does.
    pub office: OfficeCode,
    /// First words, masked, for lists and subjects.
    pub title: String,
    /// By the platform's clock.
    pub opened_at: Timestamp,
    /// Year of its number, in the regency's zone.
    pub year: i16,
    /// Why.
    pub decision: Decision,
    /// The promise of a first response.
    pub promise: Explanation,
    /// When to look at the promise for the first time.
    pub next_at: Timestamp,
    /// The promise of a resolution and when to look at that, where one is made.
    pub resolution: Option<(Explanation, Timestamp)>,
}

/// An inquiry that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The inquiry.
    pub id: InquiryId,
    /// The journal's line about it.
    pub event: EventId,
    /// Its number.
    pub number: InquiryNumber,
    /// The code that its citizen may be given.
    pub public_code: PublicCode,
}

/// A question that the citizen asked after the moment of an answer.
#[derive(Debug, Clone)]
pub struct AskedAgain {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// Its office.
    pub office: OfficeCode,
    /// Its kind.
    pub kind: Kind,
    /// The question.
    pub message: MessageId,
    /// Its channel.
    pub channel: ChannelId,
    /// When it was asked.
    pub written_at: Timestamp,
}

/// A message that joins an inquiry.
#[derive(Debug, Clone)]
pub struct Joining {
    /// The message.
    pub message: MessageId,
    /// Its channel.
    pub channel: ChannelId,
    /// When it was written.
    pub written_at: Timestamp,
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The inquiry's office.
    pub office: OfficeCode,
    /// Why.
    pub decision: Decision,
    /// The new promise, when the citizen comes back after an answer and wants something.
    pub reopens: Option<(Explanation, Timestamp)>,
    /// It makes an emergency of the inquiry.
    pub emergency: bool,
    /// What an open inquiry that becomes an emergency is promised, unless it is promised that sooner.
    pub hastens: Option<(Explanation, Timestamp)>,
}

/// Messages.
impl Tx {
    /// Takes messages without a decision for this transaction, in the order in which they were written. The inquiries that they may belong to
    /// stay as they are until it ends.
    pub async fn take_waiting(&mut self, limit: i64) -> Result<Vec<Waiting>, StoreError> {
        let sql = format!(
            "SELECT m.id, m.external_id, m.channel_id, c.platform, c.office, m.thread_id, t.surface, m.citizen_id,
                m.subject, m.text, m.written_at, m.own, m.parent,
                CAST(CASE WHEN m.attachments IS NULL THEN 0 ELSE 1 END AS BIGINT), m.given_office, i.id,
                CAST(CASE WHEN m.written_at < c.since THEN 1 ELSE 0 END AS BIGINT),
                m.brought_back, t.post
             FROM message m
             JOIN channel c ON c.id = m.channel_id
             JOIN thread t ON t.id = m.thread_id
             LEFT JOIN inquiry i
               ON i.thread_id = m.thread_id AND i.citizen_id = m.citizen_id AND i.state <> 'closed'
             WHERE m.disposition = 'waiting' ORDER BY m.id LIMIT $1{}",
            self.dialect().take("m")
        );
        let mut taken: Vec<(Waiting, Option<InquiryId>)> =
            self.rows(&sql, args![limit], |row| Ok((waiting(row)?, row.get(15)?))).await?;
        // Most platforms show the newest first; a question comes before its answer.
        taken.sort_by_key(|(message, _)| (message.written_at, message.message));
        let current = self.hold_inquiries(taken.iter().filter_map(|(_, inquiry)| *inquiry).collect()).await?;
        let taken = taken.into_iter().map(|(message, inquiry)| Waiting {
            current: inquiry.and_then(|inquiry| current.get(&inquiry).cloned()),
            ..message
        });
        Ok(taken.collect())
    }

    /// Reads inquiries that are not closed and holds them: an answer that is being stored by another worker is waited
    /// for, so that a message cannot join an inquiry that has stopped owing an answer without opening it again.
    pub async fn hold_inquiries(
        &mut self,
        inquiries: BTreeSet<InquiryId>,
    ) -> Result<HashMap<InquiryId, CurrentInquiry>, StoreError> {
        let sql = format!(
            "SELECT id, office, state, kind FROM inquiry WHERE state <> 'closed' AND id{} ORDER BY id{}",
            self.dialect().within(1),
            self.dialect().hold("inquiry")
        );
        if inquiries.is_empty() {
            return Ok(HashMap::new());
        }
        let held = self.rows(&sql, vec![inquiries.iter().copied().collect()], |row| {
            let (id, office, state, kind) = (row.get(0)?, row.get(1)?, row.word(2)?, row.word(3)?);
            Ok((id, CurrentInquiry { id, office, state, kind, answered_at: None }))
        });
        let mut held: HashMap<InquiryId, CurrentInquiry> = held.await?.into_iter().collect();
        // Asked only now: the answer that was waited for is seen.
        const MET: &str = "SELECT inquiry_id, met_at FROM deadline
            WHERE met_at IS NOT NULL AND kind = 'first_response' AND inquiry_id";
        let met =
            self.rows_in(MET, args![], inquiries.into_iter().collect(), |row| Ok((row.get(0)?, row.get(1)?)));
        for (inquiry, met_at) in met.await? {
            if let Some(held) = held.get_mut(&inquiry) {
                held.answered_at = held.answered_at.max(Some(met_at));
            }
        }
        Ok(held)
    }

    /// Begins inquiries: numbers, promises, decisions, and the journal's lines. Two of one citizen in one thread are
    /// refused: the second message belongs to the first one's inquiry.
    pub async fn open_inquiries(
        &mut self,
        new: Vec<NewInquiry>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Vec<Opened>, StoreError> {
        let mut numbers = self.numbers(&new).await?;
        let mut ids = self.ids("inquiry", new.len()).await?;
        let resolutions = new.iter().filter(|inquiry| inquiry.resolution.is_some()).count();
        let mut deadlines = self.ids("deadline", new.len() + resolutions).await?;
        let mut opened = Vec::with_capacity(new.len());
        let (mut inquiries, mut promises, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for inquiry in &new {
            let id = InquiryId(ids.next()?);
            let deadline = DeadlineId(deadlines.next()?);
            let number = numbers.get_mut(&inquiry.year).and_then(Iterator::next).unwrap_or(0);
            let number = InquiryNumber { year: inquiry.year, sequence: number };
            let public_code = PublicCode::random(chance);
            inquiries.push(inquiry_row(inquiry, id, number, deadline, &public_code, now));
            let (kind, office) = (DeadlineKind::FirstResponse, &inquiry.office);
            promises.push(promise_row(deadline, id, office, &inquiry.promise, kind, 1, inquiry.next_at)?);
            if let Some((promise, next_at)) = &inquiry.resolution {
                let (deadline, kind) = (DeadlineId(deadlines.next()?), DeadlineKind::Resolution);
                promises.push(promise_row(deadline, id, office, promise, kind, 1, *next_at)?);
            }
            events.push(opened_event(inquiry, id, number, deadline));
            opened.push((id, number, public_code));
        }
        const INQUIRY: &str = "INSERT INTO inquiry (id, year, sequence, public_code, channel_id, thread_id, \
             citizen_id, office, kind, priority, state, triage, title, opened_at, recorded_at, due_at, deadline_id, \
             deadline_live) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, 1)";
        self.insert(INQUIRY, inquiries).await?;
        self.insert(PROMISE, promises).await?;
        let placed = new.iter().zip(&opened).map(|(new, (id, ..))| (new.message, *id)).collect();
        self.place(placed).await?;
        self.store_decisions(new.iter().map(|new| (new.message, &new.decision)).collect(), now).await?;
        let recorded = self.record(events, now).await?;
        let opened = opened.into_iter().zip(recorded);
        let opened =
            opened.map(|((id, number, public_code), event)| Opened { id, event, number, public_code });
        Ok(opened.collect())
    }

    /// Lets a message join an inquiry; where it reopens or hastens the inquiry, a new promise begins and the old one is
    /// kept.
    /// Answers the journal's line to tell people about.
    pub async fn join_inquiry(&mut self, joining: &Joining, now: Timestamp) -> Result<EventId, StoreError> {
        self.place(vec![(joining.message, joining.inquiry)]).await?;
        self.store_decisions(vec![(joining.message, &joining.decision)], now).await?;
        if joining.emergency {
            const RAISE: &str = "UPDATE inquiry SET kind = 'emergency', priority = 'emergency', version = version + 1 WHERE id = $1";
            self.exec(RAISE, args![joining.inquiry]).await?;
            // What is urgent has other steps.
            const LOOK: &str = "UPDATE deadline SET next_at = $2
                WHERE inquiry_id = $1 AND live = 1 AND state = 'running'";
            self.exec(LOOK, args![joining.inquiry, now]).await?;
            self.wake(crate::work::Stage::Watch);
        }
        if let Some((promise, next_at)) = &joining.hastens {
            self.hasten(joining, promise, *next_at, now).await?;
        }
        let kind = match &joining.reopens {
            Some((promise, next_at)) => {
                self.promise_anew(joining.inquiry, &joining.office, promise, *next_at, None).await?;
                EventKind::InquiryReopened
            }
            None => EventKind::InquiryContinued,
        };
        let due_at = joining.reopens.as_ref().map(|(promise, _)| promise.due.at);
        let event = NewEvent::new(kind, joining.written_at)
            .by("citizen")
            .channel(joining.channel)
            .message(joining.message)
            .inquiry(joining.inquiry, &joining.office)
            .with(serde_json::json!({ "due_at": due_at, "urgent": joining.emergency }));
        self.record_one(event, now).await
    }

    /// Puts a sooner promise in the place of the one that is open.
    async fn hasten(
        &mut self,
        joining: &Joining,
        promise: &Explanation,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let later = format!(
            "SELECT d.id, d.due_at, d.segments FROM inquiry i JOIN deadline d ON d.id = i.deadline_id
             WHERE i.id = $1 AND i.state = 'open' AND d.live = 1 AND d.due_at > $2{}",
            self.dialect().hold("i, d")
        );
        let later: Option<(DeadlineId, Timestamp, Segments)> = self
            .opt(&later, args![joining.inquiry, promise.due.at], |row| {
                Ok((row.get(0)?, row.get(1)?, row.json(2)?))
            })
            .await?;
        let Some((later, was_due_at, mut segments)) = later else { return Ok(()) };
        const VOID: &str =
            "UPDATE deadline SET state = 'void', live = 0, next_at = NULL, segments = $2 WHERE id = $1";
        segments.end(promise.started_at);
        self.exec(VOID, args![later, stored(&segments)?]).await?;
        let (inquiry, office) = (joining.inquiry, &joining.office);
        let deadline = self.promise_anew(inquiry, office, promise, next_at, Some(later)).await?;
        let data =
            serde_json::json!({ "deadline": deadline, "due_at": promise.due.at, "was_due_at": was_due_at });
        let event = NewEvent::new(EventKind::DeadlineMoved, joining.written_at).message(joining.message);
        self.record_one(event.inquiry(inquiry, office).with(data), now).await?;
        Ok(())
    }

    /// What the citizen asked first in an answered inquiry after its answer: the answer was collected, or its sending
    /// became certain, later than the question that follows it.
    pub async fn asked_again(&mut self, inquiry: InquiryId) -> Result<Option<AskedAgain>, StoreError> {
        const ASKED: &str = "SELECT i.office, i.kind, m.id, m.channel_id, m.written_at, d.kind FROM inquiry i
            JOIN message m ON m.inquiry_id = i.id AND m.own = 0
            JOIN decision d ON d.message_id = m.id
            WHERE i.id = $1 AND i.state IN ('answered', 'waiting')
                AND m.written_at >
                    (SELECT MAX(met_at) FROM deadline WHERE inquiry_id = $1 AND kind = 'first_response')
            ORDER BY m.written_at, m.id";
        let asked = self.rows(ASKED, args![inquiry], |row| {
            let asked = AskedAgain {
                inquiry,
                office: row.get(0)?,
                kind: row.word(1)?,
                message: row.get(2)?,
                channel: row.get(3)?,
                written_at: row.get(4)?,
            };
            Ok((asked, row.word::<Kind>(5)?))
        });
        Ok(asked.await?.into_iter().find(|(_, kind)| kind.needs_action()).map(|(asked, _)| asked))
    }

    /// Opens an answered inquiry again for a question that joined it while it was open; answers the journal's line.
    pub async fn promise_again(
        &mut self,
        asked: &AskedAgain,
        promise: &Explanation,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        self.promise_anew(asked.inquiry, &asked.office, promise, next_at, None).await?;
        let event = NewEvent::new(EventKind::InquiryReopened, asked.written_at)
            .by("citizen")
            .channel(asked.channel)
            .message(asked.message)
            .inquiry(asked.inquiry, &asked.office)
            .with(serde_json::json!({ "due_at": promise.due.at }));
        self.record_one(event, now).await
    }

    /// What the inquiries of an inquiry's incident are compared by, as routing wrote it; nothing where it belongs to none.
    pub async fn sketches_of_incident(&mut self, inquiry: InquiryId) -> Result<Vec<Vec<u8>>, StoreError> {
        const SKETCHES: &str =
            "SELECT l.sketch FROM inquiry i JOIN inquiry other ON other.incident_id = i.incident_id
            JOIN likeness l ON l.inquiry_id = other.id WHERE i.id = $1 ORDER BY l.inquiry_id";
        self.rows(SKETCHES, args![inquiry], |row| row.get(0)).await
    }

    /// Sets messages aside that need nobody.
    pub async fn set_aside(
        &mut self,
        messages: Vec<(&Waiting, Decision)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.dispose(messages.iter().map(|(waiting, _)| waiting.message).collect(), "aside").await?;
        let decisions = messages.iter().map(|(waiting, decision)| (waiting.message, decision)).collect();
        self.store_decisions(decisions, now).await?;
        let events = messages.iter().map(|(waiting, decision)| {
            NewEvent::new(EventKind::MessageSetAside, waiting.written_at)
                .channel(waiting.channel)
                .message(waiting.message)
                .with(serde_json::json!({ "kind": decision.kind, "basis": decision.basis }))
        });
        self.record(events.collect(), now).await?;
        Ok(())
    }

    /// Files what the office wrote itself.
    pub async fn file_own(&mut self, messages: &[MessageId]) -> Result<(), StoreError> {
        self.dispose(messages.iter().copied().collect(), "own").await
    }

    /// Sets a message apart that no decision could be made for, so that its neighbours flow.
    pub async fn quarantine_message(
        &mut self,
        waiting: &Waiting,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.dispose(std::iter::once(waiting.message).collect(), "quarantined").await?;
        let bad = vec![(waiting.message.to_string(), error.to_owned(), waiting.text.clone().into_bytes())];
        self.store_bad(waiting.channel, "route", bad, now).await?;
        Ok(())
    }

    /// Inquiries that owe an answer or a resolution and that an answer by the office itself concerns: that of the message that it answers, where the
    /// platform says which; in a conversation where it says nothing, of everyone.
    pub async fn answered_by_own(
        &mut self,
        own: &Waiting,
    ) -> Result<Vec<(InquiryId, OfficeCode)>, StoreError> {
        const ONE: &str = "SELECT id, office FROM inquiry i WHERE id = $1 AND state <> 'closed' AND (state = 'open'
            OR EXISTS (SELECT 1 FROM deadline d WHERE d.inquiry_id = i.id AND d.live = 1 AND d.state = 'running'))";
        const EVERYONE: &str =
            "SELECT id, office FROM inquiry i WHERE thread_id = $1 AND state <> 'closed' AND (state = 'open'
            OR EXISTS (SELECT 1 FROM deadline d WHERE d.inquiry_id = i.id AND d.live = 1 AND d.state = 'running'))
            ORDER BY id";
        let (sql, values) = match self.meant(own).await? {
            Meant::One(inquiry) => (ONE, args![inquiry]),
            Meant::Everyone => (EVERYONE, args![own.thread]),
            Meant::Nobody => return Ok(Vec::new()),
        };
        self.rows(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).await
    }

    /// Whom an answer by the office itself is meant for.
    async fn meant(&mut self, own: &Waiting) -> Result<Meant, StoreError> {
        const ABOVE: &str =
            "SELECT own, inquiry_id, parent FROM message WHERE channel_id = $1 AND external_id = $2";
        // Under a post the office also speaks to nobody in particular, and who is answered may not have been read yet.
        let unsaid = if own.surface == Surface::Comment { Meant::Nobody } else { Meant::Everyone };
        let mut parent = own.parent.clone();
        for _ in 0..LONGEST_CHAIN {
            let Some(above) = parent else { break };
            let above: Option<(bool, Option<InquiryId>, Option<String>)> = self
                .opt(ABOVE, args![own.channel, above], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .await?;
            parent = match above {
                Some((_, Some(inquiry), _)) => return Ok(Meant::One(inquiry)),
                Some((false, None, _)) => return Ok(Meant::Nobody),
                // The office adds to its own words: whoever they answered is meant.
                Some((true, None, parent)) => parent,
                None => break,
            };
        }
        Ok(unsaid)
    }

    /// Answers by the office itself that were read before these messages, which they answer: most platforms show the
    /// newest first. With their moments, oldest first.
    pub async fn answers_read_before(
        &mut self,
        messages: Vec<MessageId>,
    ) -> Result<Vec<(Timestamp, InquiryId, OfficeCode)>, StoreError> {
        const READ: &str = "SELECT o.written_at, i.id, i.office FROM message m
            JOIN inquiry i ON i.id = m.inquiry_id AND i.state = 'open'
            JOIN thread t ON t.id = m.thread_id
            JOIN message o ON o.thread_id = m.thread_id AND o.own = 1 AND o.disposition = 'own'
                AND o.written_at >= m.written_at
                AND (o.parent = m.external_id OR (o.parent IS NULL AND t.surface <> 'comment'))
                AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.channel_id = o.channel_id
                    AND r.external_id = o.external_id AND r.intent = 'receipt')
            WHERE m.id";
        let messages = messages.into_iter().collect();
        let read = self.rows_in(READ, args![], messages, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let mut read = read.await?;
        read.sort_unstable();
        Ok(read)
    }

    async fn numbers(
        &mut self,
        new: &[NewInquiry],
    ) -> Result<HashMap<i16, std::ops::RangeInclusive<i64>>, StoreError> {
        let mut wanted: HashMap<i16, i64> = HashMap::new();
        for inquiry in new {
            *wanted.entry(inquiry.year).or_default() += 1;
        }
        let mut numbers = HashMap::new();
        for (year, count) in wanted {
            const COUNT: &str = "INSERT INTO inquiry_count (year, last) VALUES ($1, $2)
                ON CONFLICT (year) DO UPDATE SET last = inquiry_count.last + excluded.last RETURNING last";
            let last: i64 = self.one(COUNT, args![i64::from(year), count], |row| row.get(0)).await?;
            numbers.insert(year, last - count + 1..=last);
        }
        Ok(numbers)
    }

    /// Begins another promise on an inquiry that has none open, or in the place of the one that is.
    async fn promise_anew(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        promise: &Explanation,
        next_at: Timestamp,
        instead_of: Option<DeadlineId>,
    ) -> Result<DeadlineId, StoreError> {
        let deadline = DeadlineId(self.id("deadline").await?);
        const ANEW: &str = "UPDATE inquiry SET state = 'open', round = round + 1, version = version + 1,
            due_at = $3, deadline_id = $2, deadline_live = 1
            WHERE id = $1 AND state <> 'closed' AND (deadline_id IS NULL OR deadline_id = $4) RETURNING round";
        let values = args![inquiry, deadline, promise.due.at, instead_of];
        let round: Option<i64> = self.opt(ANEW, values, |row| row.get(0)).await?;
        let round = round
            .ok_or_else(|| StoreError::Conflict(format!("inquiry {inquiry} is not answered any more")))?;
        let kind = DeadlineKind::FirstResponse;
        let row = promise_row(deadline, inquiry, office, promise, kind, round, next_at)?;
        self.insert(PROMISE, vec![row]).await?;
        Ok(deadline)
    }

    /// Puts messages into their inquiries.
    async fn place(&mut self, placed: Vec<(MessageId, InquiryId)>) -> Result<(), StoreError> {
        const PLACE: &str = "WITH placed (message, inquiry) AS (VALUES (?, ?)) UPDATE message \
             SET disposition = 'inquiry', inquiry_id = placed.inquiry FROM placed \
             WHERE message.id = placed.message AND message.disposition = 'waiting'";
        let count = placed.len() as u64;
        let rows = placed.into_iter().map(|(message, inquiry)| row![message, inquiry]).collect();
        if self.insert(PLACE, rows).await? == count {
            Ok(())
        } else {
            Err(StoreError::Conflict("a message has been routed already".to_owned()))
        }
    }

    async fn dispose(&mut self, messages: Value, disposition: &'static str) -> Result<(), StoreError> {
        let sql = "UPDATE message SET disposition = $1 WHERE disposition = 'waiting' AND id";
        self.rows_in(sql, args![disposition], messages, |_| Ok(())).await?;
        Ok(())
    }

    async fn store_decisions(
        &mut self,
        decisions: Vec<(MessageId, &Decision)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(decisions.len());
        for (message, decision) in decisions {
            let body = serde_json::to_string(decision)
                .map_err(|error| StoreError::bad_row("decision", message, error))?;
            rows.push(row![
                message,
                decision.revision,
                decision.office.as_ref(),
                decision.kind.as_str(),
                decision.basis.as_str(),
                body,
                now
            ]);
        }
        const DECIDE: &str = "INSERT INTO decision (message_id, revision, office, kind, basis, body, made_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)";
        self.insert(DECIDE, rows).await?;
        Ok(())
    }
}

/// So many of its own messages in a row an office may hang under each other before nobody asks whom they answered.
const LONGEST_CHAIN: usize = 16;

/// Whom an answer by the office itself is meant for.
enum Meant {
    One(InquiryId),
    Everyone,
    Nobody,
}

pub(crate) const PROMISE: &str = "INSERT INTO deadline (id, inquiry_id, kind, round, state, live, office, started_at, due_at, \
     explanation, segments, next_at) VALUES (?, ?, ?, ?, 'running', 1, ?, ?, ?, ?, ?, ?)";

fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        message: row.get(0)?,
        external_id: row.get(1)?,
        channel: row.get(2)?,
        platform: row.word(3)?,
        owner: row.get(4)?,
        thread: row.get(5)?,
        surface: row.word(6)?,
        citizen: row.get(7)?,
        subject: row.get(8)?,
        text: row.get(9)?,
        written_at: row.get(10)?,
        own: row.get(11)?,
        parent: row.get(12)?,
        has_attachments: row.get(13)?,
        given_office: row.get(14)?,
        history: row.get(16)?,
        brought_back: row.get(17)?,
        post: row.get(18)?,
        current: None,
    })
}

fn inquiry_row(
    new: &NewInquiry,
    id: InquiryId,
    number: InquiryNumber,
    deadline: DeadlineId,
    public_code: &PublicCode,
    now: Timestamp,
) -> [Value; 16] {
    row![
        id,
        i64::from(number.year),
        number.sequence,
        public_code.as_str(),
        new.channel,
        new.thread,
        new.citizen,
        &new.office,
        new.decision.kind.as_str(),
        new.decision.priority.as_str(),
        new.decision.needs_triage(),
        new.title.as_str(),
        new.opened_at,
        now,
        new.promise.due.at,
        deadline
    ]
}

pub(crate) fn promise_row(
    deadline: DeadlineId,
    inquiry: InquiryId,
    office: &OfficeCode,
    promise: &Explanation,
    kind: DeadlineKind,
    round: i64,
    next_at: Timestamp,
) -> Result<[Value; 10], StoreError> {
    let unreadable = |error| StoreError::bad_row("deadline", deadline, error);
    let segments = Segments::begin(promise.started_at, office);
    Ok(row![
        deadline,
        inquiry,
        kind.as_str(),
        round,
        office,
        promise.started_at,
        promise.due.at,
        serde_json::to_string(promise).map_err(unreadable)?,
        serde_json::to_string(&segments).map_err(unreadable)?,
        next_at
    ])
}

fn opened_event(new: &NewInquiry, id: InquiryId, number: InquiryNumber, deadline: DeadlineId) -> NewEvent {
    let data = serde_json::json!({
        "number": number.to_string(),
        "kind": new.decision.kind,
        "basis": new.decision.basis,
        "topic": new.decision.topic(),
        "urgent": new.decision.priority == Priority::Emergency,
        "deadline": deadline,
        "due_at": new.promise.due.at,
    });
    NewEvent::new(EventKind::InquiryOpened, new.opened_at)
        .by("citizen")
        .channel(new.channel)
        .message(new.message)
        .inquiry(id, &new.office)
        .with(data)
}
