//! Trying other rules on what came in so far: what would go elsewhere, and with whom people agree.

use std::collections::BTreeMap;

use sahut_domain::decision::Decision;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::message::Surface;
use sahut_routing::{Input, RuleSet};
use sahut_store::Db;
use sahut_store::history::PastInquiry;
use serde::Serialize;

use crate::app::teach;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

/// Inquiries that are read at once.
const PAGE: i64 = 200;

/// Inquiries that would go elsewhere and are shown.
const SHOWN: usize = 40;

/// What other rules would do.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tried {
    /// Inquiries that were decided again.
    pub(crate) inquiries: usize,
    /// Those that would go elsewhere.
    pub(crate) moved: Vec<Moved>,
    /// How many each office would get and lose.
    offices: BTreeMap<String, Change>,
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
}

#[derive(Debug, Default, Serialize)]
struct Change {
    gained: usize,
    lost: usize,
}

/// Decides the newest inquiries by the running rules and by others, both with what was learned.
pub(crate) async fn try_rules(db: &Db, rules: &mut RuleSet, last: i64) -> Result<Tried, Failure> {
    let mut tx = db.read().await?;
    let Some(revision) = tx.revision().await? else { return Ok(Tried::default()) };
    let model = tx.model_in_use().await?;
    let running = RegencySet::read(&Files(revision.files), revision.id);
    let mut running = running.map_err(|problems| Failure::problems(&problems))?.rules;
    teach(rules, model.clone());
    teach(&mut running, model);
    let mut tried = Tried::default();
    let mut before: Option<InquiryId> = None;
    let mut left = last;
    while left > 0 {
        let page = tx.past_inquiries(before, left.min(PAGE)).await?;
        let Some(oldest) = page.last() else { break };
        before = Some(oldest.id);
        left -= i64::try_from(page.len()).unwrap_or(left);
        for past in &page {
            tried.compare(past, &running, rules);
        }
    }
    Ok(tried)
}

impl Tried {
    /// The share of inquiries that would go elsewhere, from 0 to 1.
    pub(crate) fn share_moved(&self) -> f64 {
        share(self.moved.len(), self.inquiries)
    }

    fn compare(&mut self, past: &PastInquiry, running: &RuleSet, tried: &RuleSet) {
        let input = Input {
            subject: past.subject.as_deref(),
            owner: Some(&past.owner),
            direct: past.surface != Surface::Comment,
            ..Input::of(&past.text)
        };
        let (from, to) = (goes_to(&running.decide(&input)), goes_to(&tried.decide(&input)));
        self.inquiries += 1;
        if let Some(people) = &past.people {
            self.people += 1;
            self.running_agrees += usize::from(from == *people);
            self.others_agree += usize::from(to == *people);
        }
        if from == to {
            return;
        }
        self.offices.entry(from.clone()).or_default().lost += 1;
        self.offices.entry(to.clone()).or_default().gained += 1;
        self.moved.push(Moved {
            number: past.number.to_string(),
            from,
            to,
            title: past.title.clone(),
            people: past.people.clone(),
        });
    }

    pub(crate) fn print(&self) -> Result<(), Failure> {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        output::line(&format!(
            "{} inquiries tried, {} would go elsewhere ({}).",
            self.inquiries,
            self.moved.len(),
            percent(self.share_moved())
        ))?;
        if self.people > 0 {
            output::line(&format!(
                "People decided on {} of them: the running set agrees with {}, the tried one with {}.",
                self.people,
                percent(share(self.running_agrees, self.people)),
                percent(share(self.others_agree, self.people))
            ))?;
        }
        if self.moved.is_empty() {
            return Ok(());
        }
        let rows: Vec<[String; 4]> = self
            .moved
            .iter()
            .take(SHOWN)
            .map(|moved| {
                let title = sahut_render::tame::one_line(&moved.title);
                [moved.number.clone(), moved.from.clone(), moved.to.clone(), title]
            })
            .collect();
        output::line("")?;
        output::table(["NUMBER", "FROM", "TO", "FIRST WORDS"], &rows)?;
        if self.moved.len() > SHOWN {
            output::line(&format!("… and {} more; --json tells all.", self.moved.len() - SHOWN))?;
        }
        output::line("")?;
        let rows: Vec<[String; 3]> = self
            .offices
            .iter()
            .map(|(office, change)| {
                [office.clone(), format!("+{}", change.gained), format!("-{}", change.lost)]
            })
            .collect();
        output::table(["OFFICE", "GAINED", "LOST"], &rows)
    }
}

/// Whose a message would be: an office, people who sort, or nobody.
fn goes_to(decision: &Decision) -> String {
    match &decision.office {
        _ if decision.needs_triage() => "(triage)".to_owned(),
        Some(office) => office.to_string(),
        None => "(nobody)".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of inquiries")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
