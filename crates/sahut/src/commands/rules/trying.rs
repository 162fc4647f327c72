//! Trying other rules on what came in so far: what would go elsewhere and why, what would be opened and what would not,
//! and with whom people agree.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sahut_domain::Language;
use sahut_domain::decision::{Basis, Decision, Doubt};
use sahut_domain::inquiry::{InquiryId, Kind};
use sahut_domain::mask::mask;
use sahut_domain::message::{MessageId, Surface};
use sahut_domain::office::OfficeCode;
use sahut_render::tame::{one_line, title};
use sahut_routing::{Input, RuleSet};
use sahut_store::history::{PastAside, PastInquiry, People};
use sahut_store::{Db, Tx};
use serde::Serialize;

use crate::app::teach;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

/// Rows that are read at once.
const PAGE: i64 = 200;

/// Those that would go elsewhere, or be opened, and are shown.
const SHOWN: usize = 20;

/// Where what people sort goes, and what goes to no office.
const TRIAGE: &str = "(triage)";
const NOBODY: &str = "(nobody)";

/// What is to be tried: what came in since a moment, and of that no more than so many inquiries and as many messages
/// that were set aside, the newest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) since: Timestamp,
    pub(crate) last: i64,
}

impl Reach {
    /// The newest.
    pub(crate) fn last(last: i64) -> Self {
        Self { since: Timestamp::UNIX_EPOCH, last }
    }
}

/// What other rules would do.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tried {
    /// Inquiries that were decided again.
    pub(crate) inquiries: usize,
    /// Those that would go elsewhere, or would not be opened.
    pub(crate) moved: Vec<Moved>,
    /// How many of these would not be opened.
    unopened: usize,
    /// Messages that were set aside and were decided again.
    aside: usize,
    /// Those of them that would be opened, and not by the running set.
    opened: Vec<Opened>,
    /// How many each office would get and lose, of inquiries and of messages that were set aside.
    offices: BTreeMap<String, Change>,
    /// What the running set itself had decided, and how often it decides the same again. It may not where something
    /// was learned since.
    decided_by_running: usize,
    decided_the_same: usize,
    /// Inquiries on which people decided, and how often either set agrees with them.
    people: usize,
    running_agrees: usize,
    others_agree: usize,
}

/// An inquiry that would go elsewhere.
#[derive(Debug, Serialize)]
pub(crate) struct Moved {
    number: String,
    from: String,
    to: String,
    /// Masked.
    title: String,
    /// Whose people say that it is.
    people: Option<String>,
    /// The words that now decide.
    why: String,
}

/// A message that was set aside and would be opened.
#[derive(Debug, Serialize)]
struct Opened {
    message: MessageId,
    to: String,
    /// Masked.
    title: String,
    why: String,
}

#[derive(Debug, Default, Serialize)]
struct Change {
    gained: usize,
    lost: usize,
}

/// Decides what came in by the running rules and by others, both with what was learned.
pub(crate) async fn try_rules(db: &Db, rules: &mut RuleSet, reach: Reach) -> Result<Tried, Failure> {
    let mut tx = db.read().await?;
    let Some(revision) = tx.revision().await? else { return Ok(Tried::default()) };
    let model = tx.model_in_use().await?;
    let running = RegencySet::read(&Files(revision.files), revision.id);
    let mut running = running.map_err(|problems| Failure::problems(&problems))?.rules;
    teach(rules, model.clone());
    teach(&mut running, model);
    let mut trying = Trying { revision: revision.id, running, rules, tried: Tried::default() };
    trying.inquiries(&mut tx, reach).await?;
    trying.asides(&mut tx, reach).await?;
    Ok(trying.tried)
}

struct Trying<'a> {
    /// Number of the running set.
    revision: i64,
    running: RuleSet,
    rules: &'a RuleSet,
    tried: Tried,
}

impl Trying<'_> {
    async fn inquiries(&mut self, tx: &mut Tx, reach: Reach) -> Result<(), Failure> {
        let mut before: Option<InquiryId> = None;
        let mut left = reach.last;
        while left > 0 {
            let page = tx.past_inquiries(before, reach.since, left.min(PAGE)).await?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.id);
            left -= i64::try_from(page.len()).unwrap_or(left);
            for past in &page {
                self.inquiry(past);
            }
        }
        Ok(())
    }

    async fn asides(&mut self, tx: &mut Tx, reach: Reach) -> Result<(), Failure> {
        let mut before: Option<MessageId> = None;
        let mut left = reach.last;
        while left > 0 {
            let page = tx.past_asides(before, reach.since, left.min(PAGE)).await?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.message);
            left -= i64::try_from(page.len()).unwrap_or(left);
            for past in &page {
                self.aside(past);
            }
        }
        Ok(())
    }

    fn inquiry(&mut self, past: &PastInquiry) {
        let (before, after) = (decide(&self.running, past), decide(self.rules, past));
        let (from, to) = (goes_to(&before), goes_to(&after));
        let people = past.people.as_ref().map(|people| match people {
            People::Seat(seat) => seat.clone(),
            People::Nobody => NOBODY.to_owned(),
        });
        self.compare_with_stored(&past.decision, &before);
        let tried = &mut self.tried;
        tried.inquiries += 1;
        if let Some(people) = &people {
            tried.people += 1;
            tried.running_agrees += usize::from(from == *people);
            tried.others_agree += usize::from(to == *people);
        }
        if from == to {
            return;
        }
        tried.unopened += usize::from(to == NOBODY);
        tried.count_move(&from, &to);
        let (number, title) = (past.number.to_string(), past.title.clone());
        tried.moved.push(Moved { number, from, to, title, people, why: why(&after) });
    }

    fn aside(&mut self, past: &PastAside) {
        let input = input(&past.text, past.subject.as_deref(), &past.owner, past.surface);
        let (before, after) = (self.running.decide(&input), self.rules.decide(&input));
        let (from, to) = (goes_to(&before), goes_to(&after));
        self.compare_with_stored(&past.decision, &before);
        self.tried.aside += 1;
        if from == NOBODY && to != NOBODY {
            self.tried.count_move(&from, &to);
            let title = mask(&title(&past.text));
            self.tried.opened.push(Opened { message: past.message, to, title, why: why(&after) });
        }
    }

    fn compare_with_stored(&mut self, stored: &Decision, again: &Decision) {
        if stored.revision == self.revision {
            self.tried.decided_by_running += 1;
            let same = goes_to(stored) == goes_to(again) && stored.kind == again.kind;
            self.tried.decided_the_same += usize::from(same);
        }
    }
}

impl Tried {
    fn count_move(&mut self, from: &str, to: &str) {
        self.offices.entry(from.to_owned()).or_default().lost += 1;
        self.offices.entry(to.to_owned()).or_default().gained += 1;
    }

    /// The share of inquiries that would go elsewhere, from 0 to 1.
    pub(crate) fn share_moved(&self) -> f64 {
        share(self.moved.len(), self.inquiries)
    }

    pub(crate) fn print(&self) -> Result<(), Failure> {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        output::line(&format!(
            "{} inquiries tried, {} would go elsewhere ({}); {} of these would not be opened.",
            self.inquiries,
            self.moved.len(),
            percent(self.share_moved()),
            self.unopened
        ))?;
        output::line(&format!(
            "{} messages that were set aside tried, {} would be opened.",
            self.aside,
            self.opened.len()
        ))?;
        if self.people > 0 {
            output::line(&format!(
                "People decided on {} of the inquiries: the running set agrees with {}, the tried one with {}.",
                self.people,
                percent(share(self.running_agrees, self.people)),
                percent(share(self.others_agree, self.people))
            ))?;
        }
        list("Would go elsewhere:", &self.moved, |moved| {
            let what = format!("{}: {} → {}", moved.number, moved.from, moved.to);
            (what, &moved.title, &moved.why)
        })?;
        list("Would be opened:", &self.opened, |opened| {
            (format!("{}: → {}", opened.message, opened.to), &opened.title, &opened.why)
        })?;
        self.print_offices()
    }

    fn print_offices(&self) -> Result<(), Failure> {
        if self.offices.is_empty() {
            return Ok(());
        }
        let row = |(office, change): (&String, &Change)| {
            [office.clone(), format!("+{}", change.gained), format!("-{}", change.lost)]
        };
        output::line("")?;
        output::table(["OFFICE", "GAINED", "LOST"], &self.offices.iter().map(row).collect::<Vec<_>>())
    }
}

/// Prints the first of what changes, each with the reason below it.
fn list<T>(
    heading: &str,
    changes: &[T],
    told: impl for<'a> Fn(&'a T) -> (String, &'a str, &'a str),
) -> Result<(), Failure> {
    if !changes.is_empty() {
        output::line(&format!("\n{heading}"))?;
    }
    for (what, title, why) in changes.iter().take(SHOWN).map(told) {
        output::line(&format!("{what}  “{}”", one_line(title)))?;
        output::line(&format!("    {}", one_line(why)))?;
    }
    if changes.len() > SHOWN {
        output::line(&format!("… and {} more; --json tells all.", changes.len() - SHOWN))?;
    }
    Ok(())
}

/// Decides on an inquiry as routing did: of what was brought back somebody said that it is needed.
fn decide(rules: &RuleSet, past: &PastInquiry) -> Decision {
    let subject = past.subject.as_deref().or(past.brought_back.then_some(""));
    let decision = rules.decide(&input(&past.text, subject, &past.owner, past.surface));
    if past.brought_back && !decision.kind.needs_action() {
        let (kind, basis, doubt) = (Kind::Complaint, Basis::Triage, Some(Doubt::NoMatch));
        return Decision { kind, basis, doubt, ..decision };
    }
    decision
}

fn input<'a>(text: &'a str, subject: Option<&'a str>, owner: &'a OfficeCode, surface: Surface) -> Input<'a> {
    Input { subject, owner: Some(owner), direct: surface != Surface::Comment, ..Input::of(text) }
}

/// Whose a message would be: an office, people who sort, or nobody.
fn goes_to(decision: &Decision) -> String {
    match &decision.office {
        _ if decision.needs_triage() => TRIAGE.to_owned(),
        Some(office) => office.to_string(),
        None => NOBODY.to_owned(),
    }
}

fn why(decision: &Decision) -> String {
    sahut_routing::explain(decision, &ToString::to_string, Language::Indonesian)
}

#[expect(clippy::cast_precision_loss, reason = "a count of inquiries")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
