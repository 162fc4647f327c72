//! Doing what somebody of an office wrote: an answer goes to the citizen, a command is carried out, and what cannot be
//! done is said with its reason. All within the caller's transaction.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use sahut_channels::Limit;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::letter::{Outcome, ProposalId, ProposalState};
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::Intent;
use sahut_mail::{Instruction, Misread, ReadMail, instruction, own_words};
use sahut_render::words;
use sahut_store::deliver::{Answer, Drafts};
use sahut_store::inquiries::Inquiry;
use sahut_store::letters::{Letter, NoticeFacts};
use sahut_store::notify::NewNotice;
use sahut_store::pass_on::NotOurs;
use sahut_store::proposals::Proposal;
use sahut_store::{StoreError, Tx};

use super::judging::Verdict;
use crate::answer::{Answered, answer_together};
use crate::{Regency, deliver};

/// When a day without working hours ends, as far as a promise for it goes.
const END_OF_DAY: Time = Time::constant(16, 0, 0, 0);

/// Somebody's word about an inquiry.
struct Word<'a> {
    regency: &'a Regency,
    letter: &'a Letter,
    notice: &'a NoticeFacts,
    /// Who says it.
    person: &'a Person,
    inquiry: &'a Inquiry,
    now: Timestamp,
}

/// Does what a believed letter says.
pub(super) async fn obey(
    tx: &mut Tx,
    regency: &Regency,
    letter: &Letter,
    mail: &ReadMail,
    notice: &NoticeFacts,
    person: &Person,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    let number = notice.inquiry.map(|(_, number)| number);
    let inquiry = match number {
        Some(number) => tx.inquiry(number).await?,
        None => None,
    };
    let Some(inquiry) = &inquiry else { return Ok(Verdict::of(Outcome::Untied)) };
    let word = Word { regency, letter, notice, person, inquiry, now };
    let today = word.calendar().map_or(Date::ZERO, |calendar| calendar.date_of(now));
    let said = match instruction(&own_words(&mail.text), today) {
        Ok(said) => said,
        Err(Misread::Empty) => return Ok(Verdict::of(Outcome::Empty)),
        Err(Misread::Unknown(command)) => return Ok(Verdict::naming(Outcome::UnknownCommand, command)),
        Err(Misread::Misplaced(command)) => return Ok(Verdict::naming(Outcome::Misplaced, command)),
        Err(Misread::Incomplete(command)) => return Ok(Verdict::naming(Outcome::Incomplete, command)),
    };
    if let Instruction::Approve | Instruction::Refuse { .. } = said {
        return word.decide(tx, said).await;
    }
    // Only a decision can be meant by an answer to a request for one.
    if notice.template == Template::Approval {
        return Ok(Verdict::of(Outcome::NothingProposed));
    }
    if let Some(verdict) = word.kept_back(&said) {
        return Ok(verdict);
    }
    word.carry_out(tx, said).await
}

impl Word<'_> {
    async fn carry_out(&self, tx: &mut Tx, said: Instruction) -> Result<Verdict, StoreError> {
        let (number, by) = (self.inquiry.line.number, self.person.name.as_str());
        match said {
            Instruction::Answer(text) => self.answer(tx, &text, Intent::Answer).await,
            Instruction::Question(text) => self.answer(tx, &text, Intent::Question).await,
            Instruction::Progress(text) => self.answer(tx, &text, Intent::Progress).await,
            Instruction::NotOurs { office, reason } => self.pass_on(tx, &office, &reason).await,
            Instruction::Note(text) => {
                tx.note(number, &text, by, self.now).await?;
                Ok(Verdict::of(Outcome::Noted))
            }
            Instruction::Settled => match self.inquiry.line.state {
                State::Open => Ok(Verdict::of(Outcome::NotAnswered)),
                State::Closed => Ok(Verdict::of(Outcome::Closed)),
                State::Answered | State::Waiting => {
                    tx.close_as_settled(number, by, self.now).await?;
                    Ok(Verdict::of(Outcome::Settled))
                }
            },
            Instruction::InHand { until, note } => self.in_hand(tx, until, &note).await,
            Instruction::MoreTime { days, reason } => self.more_time(tx, days, &reason).await,
            Instruction::Approve | Instruction::Refuse { .. } => Ok(Verdict::of(Outcome::NothingProposed)),
        }
    }

    /// Why what was said is not done, whatever it is.
    fn kept_back(&self, said: &Instruction) -> Option<Verdict> {
        let line = &self.inquiry.line;
        if !self.regency.may_act(&line.office, &self.person.mail) {
            return Some(Verdict::naming(Outcome::NotYours, &line.office_name));
        }
        let (Instruction::Answer(text) | Instruction::Question(text) | Instruction::Progress(text)) = said
        else {
            return None;
        };
        if matches!(said, Instruction::Answer(_)) && !self.wants_answer() {
            return Some(Verdict::of(Outcome::NotMeant));
        }
        self.regency.is_quoted_in(text).then(|| Verdict::of(Outcome::Quoted))
    }

    /// Whether plain words in answer to the notice can be meant for the citizen: not "thank you" for a confirmation, and not
    /// what those above an office write about its delay.
    fn wants_answer(&self) -> bool {
        match self.notice.template {
            Template::Confirmation => {
                let outcome = self.notice.data["outcome"].as_str().and_then(|word| word.parse().ok());
                !outcome.is_some_and(Outcome::is_done)
            }
            Template::Overdue => {
                let near = [&self.inquiry.line.office, &self.regency.triage_office];
                let mut near = near.into_iter().flat_map(|code| self.regency.colleagues(code));
                near.any(|person| person.mail.eq_ignore_ascii_case(&self.person.mail))
            }
            _ => true,
        }
    }

    fn calendar(&self) -> Option<&WorkingCalendar> {
        self.regency.calendar(&self.inquiry.line.office)
    }

    /// An answer goes to the citizen, or first to whoever has to approve it. It is held against the platform's limits
    /// before anything else, so that nobody approves what cannot leave.
    async fn answer(&self, tx: &mut Tx, text: &str, intent: Intent) -> Result<Verdict, StoreError> {
        let line = &self.inquiry.line;
        let by = self.person.name.as_str();
        if let Some((_, author)) = tx.answered_since(line.id, self.notice.created_at, by).await?
            && intent == Intent::Answer
        {
            return Ok(Verdict::naming(Outcome::AnsweredMeanwhile, author));
        }
        let key = format!("letter-{}", self.letter.key);
        let answer = Answer { text, author: by, intent, key: &key };
        if let Some(obstacle) = obstacle(tx, self.regency, line.number, answer, self.now).await? {
            return Ok(obstacle);
        }
        let Some(approver) = self.regency.approver(&line.office, self.person) else {
            let answered = answer_together(tx, self.regency, line.number, answer, self.now).await?;
            return Ok(underway(&answered, done_by(intent)));
        };
        let asked =
            tx.ask_approval(line.number, answer, &self.person.mail, approver.clone(), self.now).await?;
        let Some(proposal) = asked else { return Ok(Verdict::of(Outcome::Untied)) };
        Ok(Verdict { proposal: Some(proposal), ..Verdict::naming(Outcome::Proposed, &approver.name) })
    }

    /// Decides on the proposal that the notice asked about.
    async fn decide(&self, tx: &mut Tx, said: Instruction) -> Result<Verdict, StoreError> {
        let asked =
            self.notice.data["proposal"].as_i64().filter(|_| self.notice.template == Template::Approval);
        let Some(id) = asked.map(ProposalId) else { return Ok(Verdict::of(Outcome::NothingProposed)) };
        let Some(proposal) = tx.proposal(id).await? else { return Ok(Verdict::of(Outcome::NothingProposed)) };
        // Colleagues may answer for each other, and not approve for each other: one of them is the writer.
        let was_asked = self.notice.recipient.mail.eq_ignore_ascii_case(&self.person.mail);
        let is_own = proposal.author_mail.eq_ignore_ascii_case(&self.person.mail);
        if proposal.state != ProposalState::Waiting || !was_asked || is_own {
            return Ok(Verdict::of(Outcome::NothingProposed));
        }
        let by = self.person.name.as_str();
        let verdict = if let Instruction::Refuse { reason } = said {
            send_back(tx, id, &reason, by, self.now).await?;
            Verdict::of(Outcome::Returned)
        } else {
            let (number, answer) = (proposal.number, proposal.answer());
            if let Some(obstacle) = obstacle(tx, self.regency, number, answer, self.now).await? {
                return Ok(obstacle);
            }
            match approve(tx, self.regency, id, by, self.now).await? {
                Approval::Given(answered) => underway(&answered, Outcome::Approved),
                Approval::Overtaken(outcome, named) => return Ok(Verdict::naming(outcome, named)),
                Approval::NothingWaits => return Ok(Verdict::of(Outcome::NothingProposed)),
            }
        };
        Ok(Verdict { named: proposal.author, proposal: Some(id), ..verdict })
    }

    /// "Bukan wewenang kami": the inquiry goes to another office, which is told.
    async fn pass_on(&self, tx: &mut Tx, office: &str, reason: &str) -> Result<Verdict, StoreError> {
        let line = &self.inquiry.line;
        let Some(to) = self.office_called(office) else {
            return Ok(Verdict::naming(Outcome::UnknownOffice, office));
        };
        let name = self.name_of(&to);
        if to == line.office {
            return Ok(Verdict::naming(Outcome::SameOffice, name));
        }
        if line.state == State::Closed {
            return Ok(Verdict::of(Outcome::Closed));
        }
        if reason.trim().is_empty() {
            return Ok(Verdict::naming(Outcome::Incomplete, "#bukan"));
        }
        let decides = &self.regency.triage_office;
        if line.office != *decides && tx.how_it_stands(line.id).await?.bound {
            return Ok(Verdict::naming(Outcome::Bound, self.name_of(decides)));
        }
        let said = NotOurs { to: Some(&to), reason, actor: &self.person.name, decides };
        let passed = tx.not_ours(line.number, said, self.now).await?;
        Ok(Verdict::naming(Outcome::HandedOver, passed.map_or(name, |passed| self.name_of(&passed.to))))
    }

    fn name_of(&self, office: &OfficeCode) -> String {
        let known = self.regency.offices.get(office);
        known.map_or_else(|| office.to_string(), |known| known.short_name.clone())
    }

    /// The office that people call so: by its code, or by its name.
    fn office_called(&self, name: &str) -> Option<OfficeCode> {
        let mut offices = self.regency.offices.values();
        let is_called = |known: &str| known.eq_ignore_ascii_case(name);
        offices
            .find(|office| {
                is_called(office.code.as_str()) || is_called(&office.short_name) || is_called(&office.name)
            })
            .map(|office| office.code.clone())
    }

    async fn in_hand(&self, tx: &mut Tx, until: Date, note: &str) -> Result<Verdict, StoreError> {
        let line = &self.inquiry.line;
        if line.state != State::Open {
            return Ok(Verdict::of(Outcome::OwesNothing));
        }
        let Some(until) = self.end_of(until).filter(|until| *until > self.now) else {
            return Ok(Verdict::of(Outcome::NotLater));
        };
        tx.acknowledge(line.number, until, note, &self.person.name, self.now).await?;
        Ok(Verdict { until: Some(until), ..Verdict::of(Outcome::InHand) })
    }

    /// When work ends on a day.
    fn end_of(&self, day: Date) -> Option<Timestamp> {
        let calendar = self.calendar()?;
        let closing = calendar.spans(day).last().map(|(_, close)| *close);
        let by_the_clock =
            || calendar.zone.to_ambiguous_timestamp(day.to_datetime(END_OF_DAY)).compatible().ok();
        closing.or_else(by_the_clock)
    }

    async fn more_time(&self, tx: &mut Tx, days: u32, reason: &str) -> Result<Verdict, StoreError> {
        let line = &self.inquiry.line;
        if line.state != State::Open {
            return Ok(Verdict::of(Outcome::OwesNothing));
        }
        let later =
            self.calendar().and_then(|calendar| calendar.due(line.due_at, Term::WorkingDays(days)).ok());
        let Some(until) = later.map(|due| due.at).filter(|until| *until > line.due_at) else {
            return Ok(Verdict::of(Outcome::NotLater));
        };
        match tx.ask_time(line.number, until, reason, &self.person.name, self.now).await {
            Ok(_) => Ok(Verdict { until: Some(until), ..Verdict::of(Outcome::TimeAsked) }),
            // What else it could refuse was looked at above.
            Err(StoreError::Unfit(_)) => Ok(Verdict::of(Outcome::AskedBefore)),
            Err(error) => Err(error),
        }
    }
}

/// What became of an approval.
#[derive(Debug)]
pub enum Approval {
    /// It is given, and the answer leaves as far as it can.
    Given(Answered),
    /// The answer is for what is not so any more: what has happened since, and at whom or by whom. Nothing was changed.
    Overtaken(Outcome, String),
    /// There is no such proposal, or it was decided on before.
    NothingWaits,
}

/// Lets a proposed answer leave, within the caller's transaction. Where it cannot leave it goes on waiting.
pub async fn approve(
    tx: &mut Tx,
    regency: &Regency,
    id: ProposalId,
    actor: &str,
    now: Timestamp,
) -> Result<Approval, StoreError> {
    let waiting = tx.proposal(id).await?.filter(|proposal| proposal.state == ProposalState::Waiting);
    let Some(proposal) = waiting else { return Ok(Approval::NothingWaits) };
    if let Some((outcome, named)) = overtaken(tx, &proposal).await? {
        return Ok(Approval::Overtaken(outcome, named));
    }
    let answered = answer_together(tx, regency, proposal.number, proposal.answer(), now).await?;
    if matches!(&answered, Answered::Queued { replies, .. } if !replies.is_empty()) {
        tx.decide_proposal(id, ProposalState::Approved, None, actor, now).await?;
    }
    Ok(Approval::Given(answered))
}

/// What has happened since an answer was proposed that it does not know of.
async fn overtaken(tx: &mut Tx, proposal: &Proposal) -> Result<Option<(Outcome, String)>, StoreError> {
    let Some(inquiry) = tx.inquiry(proposal.number).await? else { return Ok(None) };
    if inquiry.line.office != proposal.office {
        return Ok(Some((Outcome::NotYours, inquiry.line.office_name)));
    }
    if inquiry.line.state == State::Closed {
        return Ok(Some((Outcome::Closed, String::new())));
    }
    // By anybody: also its author may have answered on another way.
    let since = tx.answered_since(proposal.inquiry, proposal.created_at, "").await?;
    Ok(since.map(|(_, author)| (Outcome::AnsweredMeanwhile, author)))
}

/// Gives a proposed answer back to its writer, who is told why. `false`: it waits for nobody.
pub async fn send_back(
    tx: &mut Tx,
    id: ProposalId,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let decided = tx.decide_proposal(id, ProposalState::Returned, Some(reason), actor, now).await?;
    let Some((proposal, event)) = decided else { return Ok(false) };
    let notice = NewNotice {
        event,
        template: Template::Confirmation,
        recipient: Person { name: proposal.author, mail: proposal.author_mail },
        office: Some(proposal.office),
        inquiry: Some(proposal.inquiry),
        channel: None,
        urgent: false,
        not_before: now,
    };
    tx.owe(vec![notice], now).await?;
    Ok(true)
}

/// What keeps an answer from leaving, if anything does. Of the try nothing is left behind.
async fn obstacle(
    tx: &mut Tx,
    regency: &Regency,
    number: InquiryNumber,
    answer: Answer<'_>,
    now: Timestamp,
) -> Result<Option<Verdict>, StoreError> {
    let (drafts, left_out) = match tx.draft_replies(number, answer, now).await? {
        Drafts::Known(reply) => {
            return Ok(Some(Verdict { reply: Some(reply), ..Verdict::of(Outcome::SentBefore) }));
        }
        Drafts::NoInquiry => return Ok(Some(Verdict::of(Outcome::Untied))),
        Drafts::Written { drafts, left_out, .. } => (drafts, left_out),
    };
    let (mut fitting, mut too_long) = (0, None);
    let mut why = left_out.first().map(|(_, why)| format!("{why:?}"));
    for (_, draft) in &drafts {
        match deliver::fits(regency, draft, now) {
            Ok(()) => fitting += 1,
            Err(Limit::Length { has, most, .. }) => {
                too_long = Some(words::too_long(has, most, regency.language));
            }
            Err(limit) => why = Some(limit.to_string()),
        }
        tx.drop_draft(draft).await?;
    }
    if let Some(too_long) = too_long {
        return Ok(Some(Verdict::naming(Outcome::TooLong, too_long)));
    }
    let detail = why.unwrap_or_default();
    Ok((fitting == 0).then(|| Verdict { detail, ..Verdict::of(Outcome::Unanswerable) }))
}

/// What is said of an answer that nothing keeps from leaving.
fn underway(answered: &Answered, done: Outcome) -> Verdict {
    let replies = match answered {
        Answered::Queued { replies, .. } => replies.as_slice(),
        _ => &[],
    };
    let reply = replies.first().map(|(_, reply)| *reply);
    Verdict { reply, others: replies.len().saturating_sub(1), ..Verdict::of(done) }
}

const fn done_by(intent: Intent) -> Outcome {
    match intent {
        Intent::Question => Outcome::Asked,
        Intent::Progress => Outcome::Told,
        Intent::Answer | Intent::Receipt => Outcome::Answered,
    }
}
