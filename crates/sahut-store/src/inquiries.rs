//! Inquiries as people look at them.

use std::fmt::Write as _;

use jiff::Timestamp;
use sahut_domain::channel::Platform;
use sahut_domain::deadline::{DeadlineId, DeadlineKind, DeadlineState, Explanation, Moved};
use sahut_domain::decision::Decision;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, Priority, State};
use sahut_domain::message::{MessageId, Surface, Visibility};
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::{ReplyId, ReplyState};
use sahut_domain::segments::Segments;
use serde::Serialize;

use crate::extensions::Extension;
use crate::journal::Event;
use crate::value::{Row, Value, args};
use crate::{StoreError, Tx};

/// Which inquiries are wanted; what is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this office.
    pub office: Option<OfficeCode>,
    /// In this state.
    pub state: Option<State>,
    /// Open, and due before this moment.
    pub due_before: Option<Timestamp>,
    /// Left to people.
    pub triage: bool,
    /// Only what stands behind this one in the list: the last of the page before.
    pub after: Option<InquiryNumber>,
}

/// One line of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The inquiry.
    pub id: InquiryId,
    /// Its number.
    #[serde(serialize_with = "as_text")]
    pub number: InquiryNumber,
    /// The office that has it.
    pub office: OfficeCode,
    /// That office's short name.
    pub office_name: String,
    /// Its kind.
    pub kind: Kind,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// Left to people.
    pub triage: bool,
    /// First words, masked.
    pub title: String,
    /// When it began, by the platform's clock.
    pub opened_at: Timestamp,
    /// When the office first answered.
    pub answered_at: Option<Timestamp>,
    /// When the present, or the last, promise of a first response falls due.
    pub due_at: Timestamp,
    /// Where it came in.
    pub platform: Platform,
    /// Name of the channel.
    pub channel: String,
}

/// An inquiry with everything around it.
#[derive(Debug, Clone, Serialize)]
pub struct Inquiry {
    /// As in a list.
    #[serde(flatten)]
    pub line: Line,
    /// The code that the citizen is given.
    pub public_code: String,
    /// Number of the incident that it belongs to.
    pub incident: Option<String>,
    /// Whether the office has it in hand, as it says.
    pub in_hand: Option<InHand>,
    /// How the citizen is called on the platform.
    pub citizen: String,
    /// Where the thread stands.
    pub surface: Surface,
    /// What the office had posted, for comments.
    pub post: Option<PostFacts>,
    /// The messages of the citizen and the answers, oldest first.
    pub messages: Vec<MessageFacts>,
    /// Why it went to its office.
    pub decision: Option<Decision>,
    /// The promises, oldest first.
    pub promises: Vec<Promise>,
    /// Answers that are not on the platform yet, or never will be.
    pub replies: Vec<ReplyFacts>,
    /// The journal.
    pub events: Vec<Event>,
}

/// What an office said of an inquiry that it has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InHand {
    /// Until when; it is not reminded before.
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// In which words.
    pub note: String,
}

/// The post that a comment hangs under.
#[derive(Debug, Clone, Serialize)]
pub struct PostFacts {
    /// Caption.
    pub text: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// Where a person can look at it.
    pub permalink: Option<String>,
}

/// A message of an inquiry.
#[derive(Debug, Clone, Serialize)]
pub struct MessageFacts {
    /// Written by the office.
    pub own: bool,
    /// The words.
    pub text: String,
    /// Subject line.
    pub subject: Option<String>,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// What the platform shows of it.
    pub visibility: Visibility,
    /// Where a person can look at it.
    pub permalink: Option<String>,
    /// How many earlier versions are kept.
    pub revisions: i64,
}

/// A promise.
#[derive(Debug, Clone, Serialize)]
pub struct Promise {
    /// What is promised.
    pub kind: DeadlineKind,
    /// Where it stands.
    pub state: DeadlineState,
    /// When it fell due.
    pub due_at: Timestamp,
    /// When it was met.
    pub met_at: Option<Timestamp>,
    /// When it was missed.
    pub missed_at: Option<Timestamp>,
    /// Why it was due then.
    pub explanation: Explanation,
    /// The stretches of its life.
    pub segments: Segments,
    /// What it was before it was moved, the oldest first.
    pub history: Vec<Moved>,
    /// More time that was asked for, the oldest first.
    pub extensions: Vec<Extension>,
}

/// An answer on its way.
#[derive(Debug, Clone, Serialize)]
pub struct ReplyFacts {
    /// The reply.
    pub id: ReplyId,
    /// Where it stands.
    pub delivery: ReplyState,
    /// The answer.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it appeared on the platform.
    pub sent_at: Option<Timestamp>,
    /// What last went wrong.
    pub last_error: Option<String>,
}

/// The two parts of a list, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Open,
    Rest,
}

impl Part {
    const fn order(self) -> &'static str {
        match self {
            Self::Open => "i.priority, i.due_at, i.id",
            Self::Rest => "i.id DESC",
        }
    }
}

/// Where an inquiry stands in a list.
struct Place {
    part: Part,
    priority: Priority,
    due_at: Timestamp,
    id: InquiryId,
}

impl Place {
    fn behind(&self, conditions: &mut String, values: &mut Vec<Value>) {
        let next = values.len() + 1;
        let _ = match self.part {
            Part::Open => {
                values.extend(args![self.priority.as_str(), self.due_at, self.id]);
                write!(
                    conditions,
                    " AND (i.priority, i.due_at, i.id) > (${next}, ${}, ${})",
                    next + 1,
                    next + 2
                )
            }
            Part::Rest => {
                values.extend(args![self.id]);
                write!(conditions, " AND i.id < ${next}")
            }
        };
    }
}

impl Filter {
    fn parts(&self) -> Vec<Part> {
        match self.state {
            Some(State::Open) => vec![Part::Open],
            _ if self.due_before.is_some() => vec![Part::Open],
            Some(_) => vec![Part::Rest],
            None => vec![Part::Open, Part::Rest],
        }
    }

    fn conditions(&self, part: Part) -> (String, Vec<Value>) {
        // Words, not places: only so SQLite sees that an index over a part of the table fits.
        let mut sql = match part {
            Part::Open => "WHERE i.state = 'open'".to_owned(),
            Part::Rest => "WHERE i.state <> 'open'".to_owned(),
        };
        if self.triage {
            sql.push_str(" AND i.triage = 1 AND i.state <> 'closed'");
        }
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            let _ = write!(sql, " AND {condition} ${}", values.len());
        };
        if let Some(office) = &self.office {
            add("i.office =", office.into());
        }
        if let Some(state) = self.state {
            add("i.state =", state.as_str().into());
        }
        if let Some(due_before) = self.due_before {
            add("i.due_at <", due_before.into());
        }
        (sql, values)
    }
}

pub(crate) const LINES: &str =
    "SELECT i.id, i.year, i.sequence, i.office, o.short_name, i.kind, i.priority, i.state, i.triage,
        i.title, i.opened_at, i.answered_at, i.due_at, c.platform, c.name
    FROM inquiry i
    JOIN office o ON o.code = i.office
    JOIN channel c ON c.id = i.channel_id";

pub(crate) fn line(row: &Row) -> Result<Line, StoreError> {
    let id: InquiryId = row.get(0)?;
    let year: i64 = row.get(1)?;
    let year = i16::try_from(year).map_err(|error| StoreError::bad_row("inquiry", id, error))?;
    Ok(Line {
        id,
        number: InquiryNumber { year, sequence: row.get(2)? },
        office: row.get(3)?,
        office_name: row.get(4)?,
        kind: row.word(5)?,
        priority: row.word(6)?,
        state: row.word(7)?,
        triage: row.get(8)?,
        title: row.get(9)?,
        opened_at: row.get(10)?,
        answered_at: row.get(11)?,
        due_at: row.get(12)?,
        platform: row.word(13)?,
        channel: row.get(14)?,
    })
}

pub(crate) fn as_text<S: serde::Serializer>(
    number: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl Tx {
    /// Inquiries that fit: the open ones first, emergencies before others and then by due moment; behind them what owes no
    /// answer, the newest first.
    ///
    /// # Errors
    /// The inquiry that the list is to go on after is not in it, or not any more.
    pub async fn inquiries(&mut self, filter: &Filter, limit: i64) -> Result<Vec<Line>, StoreError> {
        let place = match filter.after {
            Some(number) => Some(self.place_of(number, filter).await?),
            None => None,
        };
        let mut lines = Vec::new();
        // Two questions, each with an index: what is open is little, and history has no end.
        for part in filter.parts() {
            let left = limit.saturating_sub(i64::try_from(lines.len()).unwrap_or(i64::MAX));
            if place.as_ref().is_some_and(|place| place.part > part) || left == 0 {
                continue;
            }
            let (mut conditions, mut values) = filter.conditions(part);
            if let Some(place) = place.as_ref().filter(|place| place.part == part) {
                place.behind(&mut conditions, &mut values);
            }
            values.push(left.into());
            let sql = format!("{LINES} {conditions} ORDER BY {} LIMIT ${}", part.order(), values.len());
            lines.extend(self.rows(&sql, values, line).await?);
        }
        Ok(lines)
    }

    /// How many inquiries fit, whatever page is looked at.
    pub async fn count_inquiries(&mut self, filter: &Filter) -> Result<i64, StoreError> {
        let mut count = 0;
        for part in filter.parts() {
            let (conditions, values) = filter.conditions(part);
            let sql = format!("SELECT COUNT(*) FROM inquiry i {conditions}");
            count += self.one(&sql, values, |row| row.get::<i64>(0)).await?;
        }
        Ok(count)
    }

    /// Where an inquiry stands in a list. One that has left it since stands nowhere: to go on from there would pass over
    /// others in silence.
    async fn place_of(&mut self, number: InquiryNumber, filter: &Filter) -> Result<Place, StoreError> {
        for part in filter.parts() {
            let (conditions, mut values) = filter.conditions(part);
            let next = values.len() + 1;
            values.extend(args![i64::from(number.year), number.sequence]);
            let sql = format!(
                "SELECT i.priority, i.due_at, i.id FROM inquiry i {conditions}
                 AND i.year = ${next} AND i.sequence = ${}",
                next + 1
            );
            let place = self.opt(&sql, values, |row| {
                Ok(Place { part, priority: row.word(0)?, due_at: row.get(1)?, id: row.get(2)? })
            });
            if let Some(place) = place.await? {
                return Ok(place);
            }
        }
        Err(StoreError::Unfit(format!("{number} is not in this list any more: begin anew")))
    }

    /// One inquiry with everything around it.
    pub async fn inquiry(&mut self, number: InquiryNumber) -> Result<Option<Inquiry>, StoreError> {
        let sql = format!("{LINES} WHERE i.year = $1 AND i.sequence = $2");
        let values = args![i64::from(number.year), number.sequence];
        let Some(line) = self.opt(&sql, values, line).await? else { return Ok(None) };
        let id = line.id;
        const AROUND: &str = "SELECT i.public_code, COALESCE(z.name, z.handle, ''), t.surface,
                p.text, p.published_at, p.permalink, i.acknowledged_until, i.acknowledged_by, i.acknowledged_note
            FROM inquiry i JOIN citizen z ON z.id = i.citizen_id JOIN thread t ON t.id = i.thread_id
            LEFT JOIN post p ON p.channel_id = t.channel_id AND p.external_id = t.post WHERE i.id = $1";
        let (public_code, citizen, surface, post, in_hand) = self
            .one(AROUND, args![id], |row| {
                let post = match row.get::<Option<String>>(3)? {
                    Some(text) => Some(PostFacts { text, published_at: row.get(4)?, permalink: row.get(5)? }),
                    None => None,
                };
                let in_hand = match (row.get(6)?, row.get(7)?) {
                    (Some(until), Some(by)) => {
                        Some(InHand { until, by, note: row.get::<Option<String>>(8)?.unwrap_or_default() })
                    }
                    _ => None,
                };
                Ok((row.get(0)?, row.get(1)?, row.word(2)?, post, in_hand))
            })
            .await?;
        Ok(Some(Inquiry {
            line,
            public_code,
            incident: self.incident_of(id).await?.map(|number| number.to_string()),
            in_hand,
            citizen,
            surface,
            post,
            messages: self.messages_of(id).await?,
            decision: self.decision_of(id).await?,
            promises: self.promises_of(id).await?,
            replies: self.replies_of(id).await?,
            events: self.events_of(id).await?,
        }))
    }

    /// Whether an inquiry, or another one of its incident, is an emergency that owes an answer.
    pub async fn is_urgent(&mut self, inquiry: InquiryId) -> Result<bool, StoreError> {
        const URGENT: &str = "SELECT COUNT(*) FROM inquiry i
            JOIN inquiry near ON near.id = i.id OR near.incident_id = i.incident_id
            WHERE i.id = $1 AND near.state = 'open' AND near.priority = 'emergency'";
        self.one(URGENT, args![inquiry], |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// The words of a message; none when no message is named or known.
    pub async fn message_text(&mut self, message: Option<MessageId>) -> Result<Option<String>, StoreError> {
        self.opt("SELECT text FROM message WHERE id = $1", args![message], |row| row.get(0)).await
    }

    async fn messages_of(&mut self, inquiry: InquiryId) -> Result<Vec<MessageFacts>, StoreError> {
        const MESSAGES: &str =
            "SELECT m.own, m.text, m.subject, m.written_at, m.edited_at, m.visibility, m.permalink,
                (SELECT COUNT(*) FROM message_revision r WHERE r.message_id = m.id)
            FROM message m WHERE m.inquiry_id = $1 ORDER BY m.written_at, m.id";
        self.rows(MESSAGES, args![inquiry], |row| {
            Ok(MessageFacts {
                own: row.get(0)?,
                text: row.get(1)?,
                subject: row.get(2)?,
                written_at: row.get(3)?,
                edited_at: row.get(4)?,
                visibility: row.word(5)?,
                permalink: row.get(6)?,
                revisions: row.get(7)?,
            })
        })
        .await
    }

    async fn decision_of(&mut self, inquiry: InquiryId) -> Result<Option<Decision>, StoreError> {
        const FIRST: &str = "SELECT d.body FROM decision d JOIN message m ON m.id = d.message_id
            WHERE m.inquiry_id = $1 AND m.own = 0 ORDER BY m.written_at, m.id LIMIT 1";
        self.opt(FIRST, args![inquiry], |row| row.json(0)).await
    }

    async fn promises_of(&mut self, inquiry: InquiryId) -> Result<Vec<Promise>, StoreError> {
        const PROMISES: &str =
            "SELECT id, state, due_at, met_at, missed_at, explanation, kind, segments, history
            FROM deadline WHERE inquiry_id = $1 ORDER BY kind, round";
        let mut asked = self.extensions_of(inquiry).await?;
        self.rows(PROMISES, args![inquiry], |row| {
            let id: DeadlineId = row.get(0)?;
            Ok(Promise {
                kind: row.word(6)?,
                state: row.word(1)?,
                due_at: row.get(2)?,
                met_at: row.get(3)?,
                missed_at: row.get(4)?,
                explanation: row.json(5)?,
                segments: row.json(7)?,
                history: row.json(8)?,
                extensions: asked.extract_if(.., |extension| extension.deadline == id).collect(),
            })
        })
        .await
    }

    async fn replies_of(&mut self, inquiry: InquiryId) -> Result<Vec<ReplyFacts>, StoreError> {
        const REPLIES: &str = "SELECT id, delivery, text, author, created_at, sent_at, last_error FROM reply
            WHERE inquiry_id = $1 ORDER BY id";
        self.rows(REPLIES, args![inquiry], |row| {
            Ok(ReplyFacts {
                id: row.get(0)?,
                delivery: row.word(1)?,
                text: row.get(2)?,
                author: row.get(3)?,
                created_at: row.get(4)?,
                sent_at: row.get(5)?,
                last_error: row.get(6)?,
            })
        })
        .await
    }
}
