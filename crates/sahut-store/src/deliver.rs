//! What the deliver stage asks of the database: answers on their way to citizens.
//!
//! A reply leaves at most once. `sending` is committed before the platform is called; a reply that is found in that
//! state, or in `uncertain`, is looked up on the platform before anything else is done with it.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::fault;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::message::{Author, MessageId, Surface, ThreadId};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::{Intent, ReplyId, ReplyState};
use sahut_domain::segments::{Pause, Segments};
use sahut_domain::work::{Lease, Outcome};

use crate::clocks::stored;
use crate::collect::unpack;
use crate::journal::NewEvent;
use crate::notify::NewNotice;
use crate::route::Waiting;
use crate::value::{Row, args};
use crate::work::{Claim, Owed, Stage};
use crate::{StoreError, Tx};

/// An answer as it is given.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The words, as plain text.
    pub text: &'a str,
    /// Who answers, as the journal names them.
    pub author: &'a str,
    /// What it does to the inquiry.
    pub intent: Intent,
    /// Name of the operation: the same name a second time changes nothing.
    pub key: &'a str,
}

impl<'a> Answer<'a> {
    /// One that answers.
    pub const fn new(text: &'a str, author: &'a str, key: &'a str) -> Self {
        Self { text, author, intent: Intent::Answer, key }
    }
}

/// A claimed reply, with what is needed to send it.
#[derive(Debug, Clone)]
pub struct ReplyWork {
    /// The lease.
    pub lease: Lease<i64>,
    /// Where it stands: `queued` may be sent, `sending` and `uncertain` must be looked up first.
    pub state: ReplyState,
    /// Idempotency key.
    pub key: String,
    /// The answer.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// What it does to the inquiry.
    pub intent: Intent,
    /// The inquiry it answers.
    pub inquiry: InquiryId,
    /// The inquiry's office.
    pub office: OfficeCode,
    /// The channel.
    pub channel: ChannelId,
    /// The channel's code.
    pub channel_code: String,
    /// The thread.
    pub thread: ThreadId,
    /// Where the thread stands.
    pub surface: Surface,
    /// External id of the thread.
    pub thread_external_id: String,
    /// External id of the post.
    pub post: Option<String>,
    /// External id of the message that is answered.
    pub answers: String,
    /// External id of what that message hangs under.
    pub answers_parent: Option<String>,
    /// When that message was written.
    pub answers_written_at: Timestamp,
    /// When the citizen last wrote in this inquiry.
    pub citizen_wrote_at: Timestamp,
    /// Who is answered.
    pub citizen: Author,
    /// Subject line of the message that is answered.
    pub subject: Option<String>,
    /// Raw payload of the message that is answered, while it is kept.
    pub answers_raw: Option<Vec<u8>>,
    /// When the first attempt began.
    pub first_attempt_at: Option<Timestamp>,
    /// Who saw on the platform that it arrived: then it is settled as sent, and nothing is asked of the platform.
    pub said_by: Option<String>,
}

/// What became of queueing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It is on its way.
    New(ReplyId),
    /// The same operation was done before; nothing was queued again.
    Known(ReplyId),
    /// There is no such inquiry.
    NoInquiry,
    /// The inquiry has no message of a citizen that could be answered.
    NothingToAnswer,
    /// It came from a file: no platform carries answers back.
    Imported,
}

/// Answers to one inquiry, or to all of an incident, that are stored and not queued yet: each is held against the limits
/// of its platform first.
#[derive(Debug, Clone)]
pub enum Drafts {
    /// The same operation was done before.
    Known(ReplyId),
    /// There is no such inquiry.
    NoInquiry,
    /// They are written.
    Written {
        /// Each with its inquiry.
        drafts: Vec<(InquiryNumber, ReplyWork)>,
        /// Inquiries that cannot be answered.
        left_out: Vec<(InquiryNumber, Unanswerable)>,
        /// How many others are passed over, since an answer to them is on its way already.
        underway: usize,
    },
}

/// Why an inquiry cannot be answered on its platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswerable {
    /// It has no message of a citizen that could be answered.
    NoMessage,
    /// It came from a file: no platform carries answers back.
    Imported,
}

/// An inquiry that is to be answered.
struct Asked {
    inquiry: InquiryId,
    office: OfficeCode,
    channel: ChannelId,
    platform: Platform,
    /// The citizen's last message that the platform still shows.
    shown: Option<MessageId>,
    /// The citizen's last message.
    last: Option<MessageId>,
}

/// How far a platform's clock may be behind ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(2);

/// A reply with what is needed to send it; the text ends before a condition on its identifier.
fn work_of(replies: &str) -> String {
    format!(
        "SELECT r.id, r.delivery, r.key, r.text, r.author, r.inquiry_id, i.office, r.channel_id, c.code,
        t.id, t.surface, t.external_id, t.post, m.external_id, m.written_at,
        (SELECT MAX(written_at) FROM message WHERE message.inquiry_id = r.inquiry_id AND message.own = 0),
        z.external_id, z.name, z.handle, m.subject, p.body, m.payload_index, r.first_attempt_at, r.said_by, m.parent,
        r.intent
    FROM {replies} r
    JOIN inquiry i ON i.id = r.inquiry_id
    JOIN channel c ON c.id = r.channel_id
    JOIN message m ON m.id = r.message_id
    JOIN thread t ON t.id = m.thread_id
    LEFT JOIN citizen z ON z.id = m.citizen_id
    LEFT JOIN payload p ON p.id = m.payload_id
    WHERE r.id"
    )
}

impl Tx {
    /// Queues an answer to the citizen's last message in an inquiry.
    pub async fn queue_reply(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<Queued, StoreError> {
        let known =
            self.opt("SELECT id FROM reply WHERE key = $1", args![answer.key], |row| row.get(0)).await?;
        if let Some(known) = known {
            return Ok(Queued::Known(known));
        }
        let Some(asked) = self.asked(number).await? else { return Ok(Queued::NoInquiry) };
        let id = match self.draft(&asked, answer, now).await? {
            Ok(id) => id,
            Err(Unanswerable::Imported) => return Ok(Queued::Imported),
            Err(Unanswerable::NoMessage) => return Ok(Queued::NothingToAnswer),
        };
        self.record(vec![queued(id, answer.author, asked.channel, asked.inquiry, &asked.office, now)], now)
            .await?;
        self.wake(Stage::Deliver);
        Ok(Queued::New(id))
    }

    /// Writes an answer to an inquiry and, where it is open, to all open ones of its incident, each with a key of its own.
    /// Others to which an answer is on its way already are passed over. Nothing of it leaves before [`Tx::queue_drafts`].
    pub async fn draft_replies(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<Drafts, StoreError> {
        if let Some(known) = self.answered_as(number, answer.key).await? {
            return Ok(Drafts::Known(known));
        }
        let (mut written, mut left_out, mut underway) = (HashMap::new(), Vec::new(), 0);
        for (other, is_underway) in self.hold_answered_together(number).await? {
            if is_underway && other != number {
                underway += 1;
                continue;
            }
            let Some(asked) = self.asked(other).await? else { continue };
            let own_key =
                if other == number { answer.key.to_owned() } else { format!("{}/{other}", answer.key) };
            match self.draft(&asked, Answer { key: &own_key, ..answer }, now).await? {
                Ok(reply) => drop(written.insert(reply.0, other)),
                Err(why) => left_out.push((other, why)),
            }
        }
        if written.is_empty() && left_out.is_empty() {
            return Ok(Drafts::NoInquiry);
        }
        let leases: Vec<_> =
            written.keys().map(|id| Lease { id: *id, attempt: 0, failures: 0, until: now }).collect();
        let ids = written.keys().copied().collect();
        let mut works = self.rows_in(&work_of("reply"), args![], ids, |row| reply_work(row, &leases)).await?;
        works.sort_by_key(|work| work.lease.id);
        let numbered = |work: ReplyWork| Some((*written.get(&work.lease.id)?, work));
        Ok(Drafts::Written { drafts: works.into_iter().filter_map(numbered).collect(), left_out, underway })
    }

    /// An answer without words and without a row, as it would be written now: held against the limits of its platform, it
    /// says what a real one has to fit. `None`: there is no such inquiry, or nothing in it can be answered.
    pub async fn outline_reply(&mut self, number: InquiryNumber) -> Result<Option<ReplyWork>, StoreError> {
        const OUTLINE: &str =
            "(SELECT CAST(0 AS BIGINT) AS id, 'queued' AS delivery, '' AS key, '' AS text, '' AS author,
            i.id AS inquiry_id, i.channel_id, CAST(NULL AS BIGINT) AS first_attempt_at,
            CAST(NULL AS TEXT) AS said_by, 'answer' AS intent,
            (SELECT id FROM message WHERE message.inquiry_id = i.id AND message.own = 0
                AND message.visibility <> 'deleted' ORDER BY written_at DESC, id DESC LIMIT 1) AS message_id
            FROM inquiry i JOIN channel c ON c.id = i.channel_id
            WHERE i.year = $1 AND i.sequence = $2 AND c.platform <> 'import')";
        let lease = Lease { id: 0, attempt: 0, failures: 0, until: Timestamp::UNIX_EPOCH };
        let values = args![i64::from(number.year), number.sequence];
        self.opt(&format!("{} = 0", work_of(OUTLINE)), values, |row| reply_work(row, &[lease])).await
    }

    /// A reply that an operation left behind: to the inquiry, or where that could not be answered, to another of its
    /// incident.
    async fn answered_as(&mut self, number: InquiryNumber, key: &str) -> Result<Option<ReplyId>, StoreError> {
        const KNOWN: &str = "SELECT MIN(r.id) FROM reply r WHERE r.key = $1 OR (substr(r.key, 1, length($2)) = $2
            AND r.inquiry_id IN (SELECT other.id FROM inquiry i JOIN inquiry other ON other.incident_id = i.incident_id
                WHERE i.year = $3 AND i.sequence = $4))";
        let values = args![key, format!("{key}/"), i64::from(number.year), number.sequence];
        self.one(KNOWN, values, |row| row.get(0)).await
    }

    /// Throws away a draft that its platform would not take.
    pub async fn drop_draft(&mut self, draft: &ReplyWork) -> Result<(), StoreError> {
        self.exec("DELETE FROM reply WHERE id = $1", args![draft.lease.id]).await?;
        Ok(())
    }

    /// Queues drafts: they leave.
    pub async fn queue_drafts(&mut self, drafts: &[&ReplyWork], now: Timestamp) -> Result<(), StoreError> {
        let line = |work: &&ReplyWork| {
            queued(ReplyId(work.lease.id), &work.author, work.channel, work.inquiry, &work.office, now)
        };
        self.record(drafts.iter().map(line).collect(), now).await?;
        self.wake(Stage::Deliver);
        Ok(())
    }

    async fn draft(
        &mut self,
        asked: &Asked,
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<Result<ReplyId, Unanswerable>, StoreError> {
        if asked.platform == Platform::Import {
            return Ok(Err(Unanswerable::Imported));
        }
        let Some(message) = asked.shown else { return Ok(Err(Unanswerable::NoMessage)) };
        let id = ReplyId(self.id("reply").await?);
        const DRAFT: &str =
            "INSERT INTO reply (id, key, inquiry_id, channel_id, message_id, text, author, intent, created_at,
                delivery, state, not_before)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', 'due', $9)";
        let Answer { text, author, intent, key } = answer;
        let values =
            args![id, key, asked.inquiry, asked.channel, message, text, author, intent.as_str(), now];
        self.exec(DRAFT, values).await?;
        // Somebody else who is about to answer is told.
        const ANSWERED: &str = "UPDATE inquiry SET version = version + 1 WHERE id = $1";
        self.exec(ANSWERED, args![asked.inquiry]).await?;
        Ok(Ok(id))
    }

    /// Stores an answer that the citizen was given by another way than the platform (a letter, a call, at the counter)
    /// and meets the promise now. Nothing is sent.
    pub async fn answer_elsewhere(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        now: Timestamp,
    ) -> Result<Queued, StoreError> {
        let Answer { text, author, intent, key } = answer;
        let known = self.opt("SELECT id FROM reply WHERE key = $1", args![key], |row| row.get(0)).await?;
        if let Some(known) = known {
            return Ok(Queued::Known(known));
        }
        let Some(Asked { inquiry, office, channel, last, .. }) = self.asked(number).await? else {
            return Ok(Queued::NoInquiry);
        };
        let Some(message) = last else { return Ok(Queued::NothingToAnswer) };
        let id = ReplyId(self.id("reply").await?);
        const GIVEN: &str =
            "INSERT INTO reply (id, key, inquiry_id, channel_id, message_id, text, author, intent, created_at, sent_at,
                delivery, state, not_before)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 'elsewhere', 'done', $9)";
        self.exec(GIVEN, args![id, key, inquiry, channel, message, text, author, intent.as_str(), now])
            .await?;
        let event = NewEvent::new(EventKind::ReplyElsewhere, now)
            .by(author)
            .inquiry(inquiry, &office)
            .with(serde_json::json!({ "reply": id }));
        self.record_one(event, now).await?;
        self.say_to_citizen(inquiry, &office, now, author, intent, now).await?;
        Ok(Queued::New(id))
    }

    /// Reads an inquiry that is to be answered and holds it: meanwhile no other one joins it.
    async fn asked(&mut self, number: InquiryNumber) -> Result<Option<Asked>, StoreError> {
        let asked = format!(
            "SELECT i.id, i.office, i.channel_id, c.platform,
                (SELECT id FROM message WHERE message.inquiry_id = i.id AND message.own = 0
                 AND message.visibility <> 'deleted' ORDER BY written_at DESC, id DESC LIMIT 1),
                (SELECT id FROM message WHERE message.inquiry_id = i.id AND message.own = 0
                 ORDER BY written_at DESC, id DESC LIMIT 1)
            FROM inquiry i JOIN channel c ON c.id = i.channel_id WHERE i.year = $1 AND i.sequence = $2{}",
            self.dialect().hold("i")
        );
        self.opt(&asked, args![i64::from(number.year), number.sequence], |row| {
            Ok(Asked {
                inquiry: row.get(0)?,
                office: row.get(1)?,
                channel: row.get(2)?,
                platform: row.word(3)?,
                shown: row.get(4)?,
                last: row.get(5)?,
            })
        })
        .await
    }

    /// Claims replies whose time has come. None while replies are held after a restore.
    pub async fn claim_replies(&mut self, claim: &Claim<'_>) -> Result<Vec<ReplyWork>, StoreError> {
        if self.is_held().await? {
            return Ok(Vec::new());
        }
        let leases = self.claim(Owed::Reply, claim).await?;
        let ids = leases.iter().map(|lease| lease.id).collect();
        let found = self
            .rows_in(&work_of("reply"), args![], ids, |row| Ok((row.get(0)?, reply_work(row, &leases))))
            .await?;
        let mut found: HashMap<i64, Result<ReplyWork, StoreError>> = found.into_iter().collect();
        let mut claimed = Vec::with_capacity(found.len());
        for lease in &leases {
            match found.remove(&lease.id) {
                Some(Ok(work)) => claimed.push(work),
                // Whether it arrived cannot be said, so it is not given up; it waits under its lease, the others go.
                Some(Err(error)) => tracing::error!(reply = lease.id, %error, "reply.unreadable"),
                None => {}
            }
        }
        Ok(claimed)
    }

    /// Stores that a reply is about to be handed to the platform. `false`: the lease was lost, do not send.
    pub async fn begin_sending(
        &mut self,
        work: &ReplyWork,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const BEGIN: &str = "UPDATE reply SET delivery = 'sending', first_attempt_at = COALESCE(first_attempt_at, $3),
                lease_until = $4
            WHERE id = $1 AND attempt = $2 AND state = 'due' AND delivery IN ('queued', 'uncertain', 'sending')";
        let values = args![work.lease.id, work.lease.attempt, now, until];
        Ok(self.exec(BEGIN, values).await? == 1)
    }

    /// Stores that a reply is on the platform: the outbound message where its identifier is known, the answered inquiry,
    /// the promise met at the moment that the platform names. `false`: somebody else settled it first.
    pub async fn settle_sent(
        &mut self,
        work: &ReplyWork,
        external_id: Option<&str>,
        permalink: Option<&str>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // A platform's clock that is ahead must not put what the citizen asks next before this answer.
        let at = at.min(now);
        const SENT: &str =
            "UPDATE reply SET delivery = 'sent', state = 'done', sent_at = $3, external_id = $4,
                permalink = $5, last_error = NULL, lease_owner = NULL, lease_until = NULL
            WHERE id = $1 AND attempt = $2 AND state = 'due'";
        let values = args![work.lease.id, work.lease.attempt, at, external_id, permalink];
        if self.exec(SENT, values).await? == 0 {
            return Ok(false);
        }
        // Where it is not known, the reply is recognised by its words when it is read back.
        if let Some(external_id) = external_id {
            self.store_outbound(work, external_id, permalink, at, now).await?;
        }
        let mut data = serde_json::json!({ "reply": work.lease.id, "attempt": work.lease.attempt });
        if let Some(said_by) = &work.said_by {
            data["said_by"] = said_by.as_str().into();
        }
        let event = NewEvent::new(EventKind::ReplySent, at).by(&work.author).channel(work.channel);
        self.record_one(event.inquiry(work.inquiry, &work.office).with(data), now).await?;
        self.say_to_citizen(work.inquiry, &work.office, at, &work.author, work.intent, now).await?;
        fault::point("deliver.before_commit");
        Ok(true)
    }

    /// Stores that nobody knows whether a reply arrived; it is looked up at `look_at`. Answers the event to tell people
    /// about, the first time.
    pub async fn settle_uncertain(
        &mut self,
        work: &ReplyWork,
        error: &str,
        look_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<EventId>, StoreError> {
        const UNCERTAIN: &str = "UPDATE reply SET delivery = 'uncertain', not_before = $3, last_error = $4,
                lease_owner = NULL, lease_until = NULL
            WHERE id = $1 AND attempt = $2 AND state = 'due'";
        let values = args![work.lease.id, work.lease.attempt, look_at, error];
        if self.exec(UNCERTAIN, values).await? == 0 || self.is_doubt_told(work).await? {
            return Ok(None);
        }
        self.record_reply(EventKind::ReplyUncertain, work, error, now).await.map(Some)
    }

    /// Stores that a reply certainly did not arrive. Answers the event to tell people about, when it was given up.
    pub async fn settle_not_sent(
        &mut self,
        work: &ReplyWork,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Option<EventId>, StoreError> {
        if !self.settle(Owed::Reply, work.lease, outcome, now).await? {
            return Ok(None);
        }
        match outcome {
            Outcome::Dead { error } => {
                self.record_reply(EventKind::ReplyFailed, work, error, now).await.map(Some)
            }
            Outcome::Done | Outcome::Again { .. } | Outcome::Wait { .. } => Ok(None),
        }
    }

    /// The words of a reply, and when its first attempt began.
    pub async fn reply_text(
        &mut self,
        reply: ReplyId,
    ) -> Result<Option<(String, Option<Timestamp>)>, StoreError> {
        const TEXT: &str = "SELECT text, first_attempt_at FROM reply WHERE id = $1";
        self.opt(TEXT, args![reply], |row| Ok((row.get(0)?, row.get(1)?))).await
    }

    /// Tries a failed reply again, on somebody's order. `false`: there is none with this number.
    pub async fn retry_reply(
        &mut self,
        reply: ReplyId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let retried = self.retry(Owed::Reply, reply.0, now).await?;
        if retried {
            self.record_retry(reply, actor, now).await?;
        }
        Ok(retried)
    }

    /// A person says what became of an uncertain reply: it did arrive, which the deliver stage settles like every other
    /// arrival; or it did not and is to be sent. `false`: there is no uncertain reply with this number.
    pub async fn resolve_uncertain(
        &mut self,
        reply: ReplyId,
        arrived: bool,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // The new attempt takes the reply from whoever is looking it up at this moment.
        const TAKE: &str =
            "UPDATE reply SET attempt = attempt + 1, failures = 0, lease_owner = NULL, lease_until = NULL,
                not_before = $2, said_by = $3, delivery = CASE WHEN $3 IS NULL THEN 'queued' ELSE delivery END
            WHERE id = $1 AND delivery = 'uncertain'";
        if self.exec(TAKE, args![reply, now, arrived.then_some(actor)]).await? == 0 {
            return Ok(false);
        }
        if arrived {
            self.wake(Stage::Deliver);
        } else {
            self.record_retry(reply, actor, now).await?;
        }
        Ok(true)
    }

    /// An answer that was sent came back: it never reached the citizen. It failed, and the people of its office are told.
    /// The promise stays as it was kept: the office did answer in time, or not.
    pub(crate) async fn take_back_reply(
        &mut self,
        channel: ChannelId,
        external_id: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const BACK: &str =
            "UPDATE reply SET delivery = 'failed', state = 'dead', sent_at = NULL, said_by = NULL,
                last_error = $3
            WHERE channel_id = $1 AND external_id = $2 AND delivery = 'sent' RETURNING id, inquiry_id, intent";
        let back = self.opt(BACK, args![channel, external_id, error], |row| {
            Ok((row.get::<ReplyId>(0)?, row.get::<InquiryId>(1)?, row.word::<Intent>(2)?))
        });
        let Some((reply, inquiry, intent)) = back.await? else { return Ok(()) };
        const OFFICE: &str = "SELECT office FROM inquiry WHERE id = $1";
        let office: OfficeCode = self.one(OFFICE, args![inquiry], |row| row.get(0)).await?;
        let data = serde_json::json!({ "reply": reply, "error": error });
        let event = NewEvent::new(EventKind::ReplyFailed, now).channel(channel).inquiry(inquiry, &office);
        let event = self.record_one(event.with(data), now).await?;
        if intent == Intent::Receipt {
            return Ok(());
        }
        let people = self.offices().await?.into_iter().find(|known| known.code == office);
        let notice = |recipient| NewNotice {
            event,
            template: Template::ReplyFailed,
            recipient,
            office: Some(office.clone()),
            inquiry: Some(inquiry),
            channel: Some(channel),
            urgent: false,
            not_before: now,
        };
        let people = people.map(|office| office.people).unwrap_or_default();
        self.owe(people.into_iter().map(notice).collect(), now).await
    }

    async fn record_retry(&mut self, reply: ReplyId, actor: &str, now: Timestamp) -> Result<(), StoreError> {
        const ABOUT: &str = "SELECT r.channel_id, i.id, i.office FROM reply r
            JOIN inquiry i ON i.id = r.inquiry_id WHERE r.id = $1";
        let (channel, inquiry, office): (ChannelId, InquiryId, OfficeCode) =
            self.one(ABOUT, args![reply], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).await?;
        let event = NewEvent::new(EventKind::ReplyRetried, now)
            .by(actor)
            .channel(channel)
            .inquiry(inquiry, &office)
            .with(serde_json::json!({ "reply": reply }));
        self.record_one(event, now).await?;
        self.wake(Stage::Deliver);
        Ok(())
    }

    /// A reply of ours that is read back while its identifier on the platform is not known: the same words in the same
    /// thread, under what was answered, not older than the first attempt. Of several, it is rather the one to what it
    /// hangs right under, and the one that was tried next to that time. Settles it as sent unless a person did, and
    /// answers its inquiry; nothing when there is none, and the office wrote this by itself.
    pub async fn recognise_own(
        &mut self,
        own: &Waiting,
        now: Timestamp,
    ) -> Result<Option<InquiryId>, StoreError> {
        const OURS: &str = "SELECT r.id, r.attempt, r.text, m.external_id, m.parent, t.external_id FROM reply r
            JOIN message m ON m.id = r.message_id JOIN thread t ON t.id = m.thread_id
            WHERE r.channel_id = $1 AND r.external_id IS NULL AND r.delivery IN ('sending', 'uncertain', 'sent')
                AND t.id = $2 AND r.first_attempt_at <= $3 ORDER BY ABS(r.first_attempt_at - $4), r.id";
        let values = args![own.channel, own.thread, own.written_at + CLOCKS_DIFFER, own.written_at];
        let ours: Vec<(i64, i64, String, [Option<String>; 3])> = self
            .rows(OURS, values, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, [row.get(3)?, row.get(4)?, row.get(5)?]))
            })
            .await?;
        // Where trees are flat, an answer hangs under the first message, whichever it answers.
        let under = |places: &[Option<String>]| own.parent.is_none() || places.contains(&own.parent);
        let ours =
            ours.into_iter().filter(|(_, _, sent, places)| same_words(sent, &own.text) && under(places));
        let right_under = |places: &[Option<String>]| places.first() == Some(&own.parent);
        let ours = ours.min_by_key(|(.., places)| !right_under(places));
        let Some((id, attempt, ..)) = ours else { return Ok(None) };
        let lease = Lease { id, attempt, failures: 0, until: now };
        let work = self
            .one(&format!("{} = $1", work_of("reply")), args![id], |row| reply_work(row, &[lease]))
            .await?;
        let (external_id, at) = (own.external_id.as_str(), own.written_at);
        if work.state == ReplyState::Sent {
            self.exec("UPDATE reply SET external_id = $2 WHERE id = $1", args![id, external_id]).await?;
            self.store_outbound(&work, external_id, None, at, now).await?;
        } else {
            self.settle_sent(&work, Some(external_id), None, at, now).await?;
        }
        Ok(Some(work.inquiry))
    }

    /// Whether a message that was read is a reply of ours that is settled already.
    pub async fn is_our_reply(&mut self, channel: ChannelId, external_id: &str) -> Result<bool, StoreError> {
        const OURS: &str = "SELECT COUNT(*) FROM reply WHERE channel_id = $1 AND external_id = $2";
        self.one(OURS, args![channel, external_id], |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// External ids of the other replies in the thread of a reply, as far as they are known.
    pub async fn other_replies(
        &mut self,
        thread: ThreadId,
        reply: ReplyId,
    ) -> Result<Vec<String>, StoreError> {
        const OTHERS: &str = "SELECT r.external_id FROM message m
            JOIN reply r ON r.channel_id = m.channel_id AND r.external_id = m.external_id
            WHERE m.thread_id = $1 AND m.own = 1 AND r.id <> $2";
        self.rows(OTHERS, args![thread, reply], |row| row.get(0)).await
    }

    /// Whether a message that was read is another reply of ours than this.
    pub async fn is_other_reply(
        &mut self,
        channel: ChannelId,
        external_id: &str,
        reply: ReplyId,
    ) -> Result<bool, StoreError> {
        const OTHER: &str =
            "SELECT COUNT(*) FROM reply WHERE channel_id = $1 AND external_id = $2 AND id <> $3";
        self.one(OTHER, args![channel, external_id, reply], |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// Marks an inquiry as answered at a moment, and its promise as met then, late or not. `false`: it owed no answer,
    /// or the answer is older than the question.
    pub async fn answer_inquiry(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        at: Timestamp,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.say_to_citizen(inquiry, office, at, actor, Intent::Answer, now).await
    }

    /// The same for whatever the office said to the citizen: a question leaves the inquiry waiting for them, and a mere
    /// receipt changes nothing. The resolution waits for the citizen after an answer and after a question; while the
    /// office only tells how the work goes, it runs on.
    async fn say_to_citizen(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        at: Timestamp,
        actor: &str,
        intent: Intent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, waits) = match intent {
            Intent::Answer => (State::Answered, Some(Pause::Answered)),
            Intent::Progress => (State::Answered, None),
            Intent::Question => (State::Waiting, Some(Pause::Question)),
            Intent::Receipt => return Ok(false),
        };
        let met = self.meet_first_response(inquiry, office, at, actor, (intent, state), now).await?;
        let Some(why) = waits else { return Ok(met) };
        if met {
            self.pause_resolution(inquiry, at, why, now).await?;
            return Ok(true);
        }
        self.say_more(inquiry, office, at, actor, why, now).await
    }

    /// Meets the promise of a first response where one is live and older than what was said.
    async fn meet_first_response(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        at: Timestamp,
        actor: &str,
        (intent, state): (Intent, State),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // The inquiry before its promise: the order in which all stages hold them.
        let open = format!(
            "SELECT d.id, d.due_at, d.segments, d.missed_at FROM inquiry i JOIN deadline d ON d.id = i.deadline_id
             WHERE i.id = $1 AND i.state IN ('open', 'waiting') AND d.live = 1 AND d.started_at <= $2{}",
            self.dialect().hold("i, d")
        );
        let open = self.opt(&open, args![inquiry, at], |row| {
            let segments: Segments = row.json(2)?;
            Ok((row.get::<i64>(0)?, row.get::<Timestamp>(1)?, segments, row.get::<Option<Timestamp>>(3)?))
        });
        let Some((deadline, due_at, mut segments, missed_at)) = open.await? else { return Ok(false) };
        const ANSWER: &str = "UPDATE inquiry SET state = $3, answered_at = COALESCE(answered_at, $2),
            acknowledged_until = NULL, acknowledged_by = NULL, acknowledged_note = NULL,
            version = version + 1, deadline_id = NULL, deadline_live = NULL WHERE id = $1";
        self.exec(ANSWER, args![inquiry, at, state.as_str()]).await?;
        const MEET: &str =
            "UPDATE deadline SET state = 'met', live = 0, met_at = $2, next_at = NULL, segments = $3,
            missed_at = CASE WHEN $2 > due_at THEN due_at ELSE NULL END WHERE id = $1";
        segments.end(at);
        self.exec(MEET, args![deadline, at, stored(&segments)?]).await?;
        let late = at > due_at;
        let facts =
            serde_json::json!({ "deadline": deadline, "due_at": due_at, "late": late, "intent": intent });
        let line = |kind, at| NewEvent::new(kind, at).inquiry(inquiry, office).with(facts.clone());
        let mut events = Vec::new();
        if late && missed_at.is_none() {
            events.push(line(EventKind::DeadlineMissed, due_at));
        }
        events.push(line(EventKind::InquiryAnswered, at).by(actor));
        events.push(line(EventKind::DeadlineMet, at));
        self.record(events, now).await?;
        Ok(true)
    }

    /// Makes every reply that is on its way one whose outcome nobody knows.
    pub(crate) async fn doubt_replies(&mut self) -> Result<(), StoreError> {
        const DOUBT: &str =
            "UPDATE reply SET delivery = 'uncertain', attempt = attempt + 1, lease_owner = NULL,
                lease_until = NULL, first_attempt_at = COALESCE(first_attempt_at, created_at)
            WHERE state = 'due' AND delivery IN ('queued', 'sending')";
        self.exec(DOUBT, args![]).await?;
        Ok(())
    }

    /// Whether people know already that nobody knows of this reply: after a restore they do not.
    async fn is_doubt_told(&mut self, work: &ReplyWork) -> Result<bool, StoreError> {
        if work.state != ReplyState::Uncertain {
            return Ok(false);
        }
        const TOLD: &str = "SELECT data FROM event WHERE inquiry_id = $1 AND kind = $2";
        let values = args![work.inquiry, EventKind::ReplyUncertain.as_str()];
        let told: Vec<serde_json::Value> = self.rows(TOLD, values, |row| row.json(0)).await?;
        Ok(told.iter().any(|data| data["reply"] == work.lease.id))
    }

    async fn store_outbound(
        &mut self,
        work: &ReplyWork,
        external_id: &str,
        permalink: Option<&str>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = self.id("message").await?;
        // Read back already: then it stays as it was read.
        const STORE: &str =
            "INSERT INTO message (id, channel_id, external_id, thread_id, parent, text, written_at,
                recorded_at, visibility, permalink, digest, own, disposition, inquiry_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'shown', $9, 0, 1, 'own', $10)
            ON CONFLICT (channel_id, external_id) DO UPDATE SET own = 1, disposition = 'own',
                inquiry_id = excluded.inquiry_id WHERE message.disposition IN ('waiting', 'own')";
        let values = args![
            id,
            work.channel,
            external_id,
            work.thread,
            &work.answers,
            &work.text,
            at,
            now,
            permalink,
            work.inquiry
        ];
        self.exec(STORE, values).await?;
        if work.intent == Intent::Receipt {
            return Ok(());
        }
        const ACTIVE: &str = "UPDATE channel SET own_at = $2 WHERE id = $1 AND COALESCE(own_at, 0) < $2";
        self.exec(ACTIVE, args![work.channel, at]).await?;
        Ok(())
    }

    async fn record_reply(
        &mut self,
        kind: EventKind,
        work: &ReplyWork,
        error: &str,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        let data = serde_json::json!({ "reply": work.lease.id, "error": error });
        let event =
            NewEvent::new(kind, now).channel(work.channel).inquiry(work.inquiry, &work.office).with(data);
        self.record_one(event, now).await
    }
}

fn queued(
    reply: ReplyId,
    author: &str,
    channel: ChannelId,
    inquiry: InquiryId,
    office: &OfficeCode,
    now: Timestamp,
) -> NewEvent {
    NewEvent::new(EventKind::ReplyQueued, now)
        .by(author)
        .channel(channel)
        .inquiry(inquiry, office)
        .with(serde_json::json!({ "reply": reply }))
}

fn reply_work(row: &Row, leases: &[Lease<i64>]) -> Result<ReplyWork, StoreError> {
    let id: i64 = row.get(0)?;
    let lease = leases.iter().find(|lease| lease.id == id).copied();
    let packed: Option<Vec<u8>> = row.get(20)?;
    let index: Option<i64> = row.get(21)?;
    let raw = packed.zip(index).and_then(|(body, index)| unpack(&body, usize::try_from(index).ok()?));
    Ok(ReplyWork {
        lease: lease.ok_or_else(|| StoreError::bad_row("reply", id, "not claimed"))?,
        state: row.word(1)?,
        key: row.get(2)?,
        text: row.get(3)?,
        author: row.get(4)?,
        inquiry: row.get(5)?,
        office: row.get(6)?,
        channel: row.get(7)?,
        channel_code: row.get(8)?,
        thread: row.get(9)?,
        surface: row.word(10)?,
        thread_external_id: row.get(11)?,
        post: row.get(12)?,
        answers: row.get(13)?,
        answers_written_at: row.get(14)?,
        citizen_wrote_at: row.get(15)?,
        citizen: Author { external_id: row.get(16)?, name: row.get(17)?, handle: row.get(18)? },
        subject: row.get(19)?,
        answers_raw: raw,
        first_attempt_at: row.get(22)?,
        said_by: row.get(23)?,
        answers_parent: row.get(24)?,
        intent: row.word(25)?,
    })
}

/// Platforms change white space and line ends; the words stay.
fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}
