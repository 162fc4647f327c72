//! What a form does: one transaction, at most once.

use std::fmt::Write as _;

use jiff::Timestamp;
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::Intent;
use sahut_render::page::{Act, Filled, Problem, Refusal};
use sahut_store::answer::{Answered, LeftOut};
use sahut_store::deliver::Answer;
use sahut_store::pass_on::NotOurs;
use sahut_store::{StoreError, Tx};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::visit::{Visit, Visitor};
use super::{Refused, facts};

/// Most that is kept of a reason or a note, in characters; what an answer may hold is its platform's to say.
const WORDS: usize = 4_000;
const ANSWER: usize = 60_000;

/// What stands for "we do not know whose it is" in the list of offices.
const UNKNOWN: &str = "?";

/// A form as it was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    key: String,
    version: i64,
    text: String,
    intent: String,
    office: String,
    until: String,
}

/// What became of a form.
pub(super) enum Acted {
    /// It is done, now or before, under the name of this operation.
    Done(String),
    /// It is not, and nothing was changed.
    Not(Problem),
}

/// Why an act cannot be done.
enum Stopped {
    Problem(Problem),
    Refused(Refused),
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unfit(_) => Self::Problem(Problem::Unfit),
            error => Self::Refused(error.into()),
        }
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Sent {
    /// Whether it is a form of ours: it names its operation.
    pub(super) fn is_whole(&self) -> bool {
        (8..=64).contains(&self.key.len()) && self.key.bytes().all(|b| b.is_ascii_alphanumeric())
    }

    /// What was filled in, to be shown again.
    pub(super) fn filled(&self) -> Filled {
        Filled {
            text: self.text.chars().take(ANSWER).collect(),
            intent: self.intent().ok(),
            office: self.office.clone(),
            until: self.until.clone(),
        }
    }

    /// The same form with the same words is the same operation, whatever number of times it is sent; a page that was gone
    /// back to and filled in anew is another one.
    fn operation(&self, act: Act) -> String {
        let mut digest = Sha256::new();
        for part in [&self.text, &self.intent, &self.office, &self.until] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut name = format!("{act}.{}.", self.key, act = act.as_str());
        for byte in digest.finalize().iter().take(8) {
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    fn words(&self, most: usize) -> Result<String, Problem> {
        let text = self.text.replace("\r\n", "\n");
        match text.trim() {
            "" => Err(Problem::NoWords),
            text if text.chars().count() > most => Err(Problem::TooMany(most)),
            text => Ok(text.to_owned()),
        }
    }

    fn intent(&self) -> Result<Intent, Problem> {
        match self.intent.parse() {
            Ok(Intent::Receipt) | Err(_) => Err(Problem::Unfit),
            Ok(intent) => Ok(intent),
        }
    }

    fn until(&self, now: Timestamp) -> Result<Timestamp, Problem> {
        let until = self.until.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        until.filter(|until| *until > now).ok_or(Problem::NoMoment)
    }

    /// The office that was named; nothing where nobody knows.
    fn office(&self) -> Result<Option<OfficeCode>, Problem> {
        if self.office == UNKNOWN {
            return Ok(None);
        }
        OfficeCode::parse(&self.office).map(Some).map_err(|_| Problem::NoOffice)
    }
}

/// Does what a form asks for.
pub(super) async fn act(visitor: &Visitor, visit: &Visit, act: Act, sent: &Sent) -> Result<Acted, Refused> {
    let operation = sent.operation(act);
    let mut tx = visitor.pages.db.begin().await?;
    match try_act(visitor, visit, act, sent, &operation, &mut tx).await {
        Ok(true) => {
            tx.note_act(&visit.person.mail, visitor.now).await?;
            tx.commit().await?;
            tracing::info!(number = %visit.number, act = act.as_str(), "page.acted");
            Ok(Acted::Done(operation))
        }
        Ok(false) => Ok(Acted::Done(operation)),
        Err(stopped) => {
            // What was tried leaves nothing behind.
            tx.roll_back().await?;
            match stopped {
                Stopped::Problem(problem) => Ok(Acted::Not(problem)),
                Stopped::Refused(refused) => Err(refused),
            }
        }
    }
}

/// `false`: it was done before.
async fn try_act(
    visitor: &Visitor,
    visit: &Visit,
    act: Act,
    sent: &Sent,
    operation: &str,
    tx: &mut Tx,
) -> Result<bool, Stopped> {
    let version = tx.hold_version(visit.number).await?.ok_or(Refusal::Forged)?;
    if !tx.begin_operation(operation, visit.inquiry, act.as_str(), visitor.now).await? {
        return Ok(false);
    }
    // It may have moved on between the look at the link and this transaction.
    let office = tx.number_of(visit.inquiry).await?.map(|(_, office)| office);
    if office.as_ref() != Some(&visit.office) || (version != sent.version && act != Act::Note) {
        let latest = facts::last_deed(tx, visit.inquiry).await?;
        return Err(Problem::Changed(latest.map(Box::new)).into());
    }
    let (number, by, now) = (visit.number, visit.person.name.as_str(), visitor.now);
    match act {
        Act::Answer => answer(visitor, visit, sent, operation, tx).await?,
        Act::InHand => {
            let (until, words) = (sent.until(now)?, sent.words(WORDS)?);
            tx.acknowledge(number, until, &words, by, now).await?;
        }
        Act::MoreTime => {
            let (until, words) = (sent.until(now)?, sent.words(WORDS)?);
            tx.ask_time(number, until, &words, by, now).await?;
        }
        Act::NotOurs => {
            let (to, words) = (sent.office()?, sent.words(WORDS)?);
            let known = tx.offices().await?;
            if to.as_ref().is_some_and(|to| !known.iter().any(|office| office.code == *to)) {
                return Err(Problem::NoOffice.into());
            }
            let decides = visitor.regency.decides();
            let said = NotOurs { to: to.as_ref(), reason: &words, actor: by, decides };
            tx.not_ours(number, said, now).await?;
        }
        Act::Note => drop(tx.note(number, &sent.words(WORDS)?, by, now).await?),
        Act::Settle => drop(tx.close_as_settled(number, by, now).await?),
    }
    Ok(true)
}

/// Answers the inquiry and, where it is open, all others of its incident, as the command does; first it is asked for approval
/// where the office wants that.
async fn answer(
    visitor: &Visitor,
    visit: &Visit,
    sent: &Sent,
    operation: &str,
    tx: &mut Tx,
) -> Result<(), Stopped> {
    let (text, intent, now) = (sent.words(ANSWER)?, sent.intent()?, visitor.now);
    if visitor.regency.is_quoted_in(&text) {
        return Err(Problem::Quoted.into());
    }
    let given = Answer { text: &text, author: &visit.person.name, intent, key: operation };
    let fits = |draft: &_| visitor.regency.fits(draft, now);
    let approver = visitor.regency.approver(&visit.office, &visit.person);
    let answered = match approver {
        Some(_) => tx.try_answer_together(visit.number, given, fits, now).await?,
        None => tx.answer_together(visit.number, given, fits, now).await?,
    };
    match answered {
        Answered::NoInquiry => Err(Refusal::Forged.into()),
        Answered::TooLong { limit, .. } => Err(Problem::Limit(limit).into()),
        Answered::Queued { replies, mut left_out, .. } if replies.is_empty() => match left_out.pop() {
            Some((_, LeftOut::Limit(limit))) => Err(Problem::Limit(limit).into()),
            Some((_, LeftOut::Unanswerable(_))) | None => Err(Problem::Unanswerable.into()),
        },
        Answered::Known(_) => Ok(()),
        Answered::Queued { .. } => {
            if let Some(approver) = approver {
                tx.ask_approval(visit.number, given, &visit.person.mail, approver, now).await?;
            }
            Ok(())
        }
    }
}
