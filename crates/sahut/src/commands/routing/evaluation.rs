//! Counting how often answers were right.

use std::collections::BTreeMap;
use std::time::Duration;

use sahut_domain::decision::Decision;
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// What was answered on one text.
pub(super) struct Answer<'a> {
    pub(super) label: &'a str,
    /// All labels that are right.
    pub(super) right: Vec<&'a str>,
    /// Whose it may be, the likeliest first.
    pub(super) ranking: Vec<&'a str>,
    /// The higher, the surer; only the order counts.
    pub(super) sureness: f64,
    /// The probability to be right that a model gave its first choice.
    pub(super) share: Option<f64>,
    /// People were asked to decide.
    pub(super) triage: bool,
}

/// Shares are from 0 to 1.
#[derive(Debug, Default, Serialize)]
pub(super) struct Evaluation {
    rows: usize,
    /// Rows whose label is nobody that the rules know: they count as wrong.
    pub(super) unknown_labels: usize,
    /// The first choice is right, whether it was sure or not.
    accuracy: f64,
    /// Mean over the labels of the harmonic mean of precision and recall.
    macro_f1: f64,
    top_2: f64,
    top_3: f64,
    /// Something was found at all.
    coverage: f64,
    /// Accuracy on the surest 80 % and 50 %.
    accuracy_at_80: f64,
    accuracy_at_50: f64,
    /// By how much the probabilities that a model gives are off, in the mean (expected calibration error, ten classes).
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration_error: Option<f64>,
    /// Said to need somebody, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) opened: Option<f64>,
    /// Left to people.
    triage: f64,
    /// Right among those that were not left to people.
    accuracy_assigned: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) texts_a_second: Option<f64>,
    labels: Vec<Label>,
    /// Most frequent first.
    confusions: Vec<Confusion>,
}

#[derive(Debug, Serialize)]
struct Label {
    #[serde(rename = "label")]
    name: String,
    rows: usize,
    precision: f64,
    recall: f64,
    f1: f64,
}

#[derive(Debug, Serialize)]
struct Confusion {
    label: String,
    chosen: String,
    rows: usize,
}

impl Answer<'_> {
    fn is_right(&self, among: usize) -> bool {
        self.ranking.iter().take(among).any(|chosen| self.is(chosen))
    }

    fn is(&self, chosen: &str) -> bool {
        self.right.iter().any(|right| same(right, chosen))
    }

    /// The label for what was chosen: where several are right, what was chosen counts as the label.
    fn settled(&self) -> (String, String) {
        let chosen = self.ranking.first().copied().unwrap_or("-");
        let label = if self.is(chosen) { chosen } else { self.label };
        (plain(label), plain(chosen))
    }
}

/// Labels of those outside are written `luar:pln`; the rules call them by their names.
fn plain(label: &str) -> String {
    label.strip_prefix("luar:").unwrap_or(label).to_lowercase()
}

fn same(a: &str, b: &str) -> bool {
    plain(a) == plain(b)
}

impl Evaluation {
    pub(super) fn of(answers: &[Answer<'_>]) -> Self {
        let among = |count: usize| {
            share(answers.iter().filter(|answer| answer.is_right(count)).count(), answers.len())
        };
        let mut surest: Vec<&Answer<'_>> = answers.iter().collect();
        surest.sort_by(|a, b| b.sureness.total_cmp(&a.sureness));
        let at = |percent: usize| {
            let taken = answers.len() * percent / 100;
            share(surest.iter().take(taken).filter(|answer| answer.is_right(1)).count(), taken)
        };
        let assigned: Vec<&Answer<'_>> = answers.iter().filter(|answer| !answer.triage).collect();
        let labels = labels(answers);
        #[expect(clippy::cast_precision_loss, reason = "a count of offices")]
        let macro_f1 = labels.iter().map(|label| label.f1).sum::<f64>() / labels.len().max(1) as f64;
        Self {
            rows: answers.len(),
            unknown_labels: 0,
            accuracy: among(1),
            macro_f1,
            top_2: among(2),
            top_3: among(3),
            coverage: share(
                answers.iter().filter(|answer| !answer.ranking.is_empty()).count(),
                answers.len(),
            ),
            accuracy_at_80: at(80),
            accuracy_at_50: at(50),
            calibration_error: calibration_error(answers),
            opened: None,
            triage: share(answers.len() - assigned.len(), answers.len()),
            accuracy_assigned: share(
                assigned.iter().filter(|answer| answer.is_right(1)).count(),
                assigned.len(),
            ),
            texts_a_second: None,
            labels,
            confusions: confusions(answers),
        }
    }

    pub(super) fn print(&self) -> Result<(), Failure> {
        output::line(&format!(
            "{} texts, {} with a label that the rules do not know",
            self.rows, self.unknown_labels
        ))?;
        for (what, share) in [
            ("first choice right (accuracy)", self.accuracy),
            ("macro F1", self.macro_f1),
            ("right among the first two", self.top_2),
            ("right among the first three", self.top_3),
            ("something found (coverage)", self.coverage),
            ("accuracy on the surest 80 %", self.accuracy_at_80),
            ("accuracy on the surest 50 %", self.accuracy_at_50),
            ("left to people (triage)", self.triage),
            ("accuracy of what is assigned", self.accuracy_assigned),
        ] {
            output::line(&format!("{what:<32}{:>6.1} %", share * 100.0))?;
        }
        if let Some(error) = self.calibration_error {
            output::line(&format!("{:<32}{:>6.1} %", "probabilities are off by", error * 100.0))?;
        }
        if let Some(opened) = self.opened {
            output::line(&format!("{:<32}{:>6.1} %", "said to need somebody (opened)", opened * 100.0))?;
        }
        if let Some(speed) = self.texts_a_second {
            output::line(&format!("{:<32}{speed:>8.0} texts a second", "speed"))?;
        }
        output::line("")?;
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        let rows: Vec<_> = self
            .labels
            .iter()
            .map(|label| {
                let rows = label.rows.to_string();
                [label.name.clone(), rows, percent(label.precision), percent(label.recall), percent(label.f1)]
            })
            .collect();
        output::table(["OFFICE", "TEXTS", "PRECISION", "RECALL", "F1"], &rows)?;
        output::line("")?;
        let rows: Vec<_> = self
            .confusions
            .iter()
            .take(15)
            .map(|confusion| [confusion.label.clone(), confusion.chosen.clone(), confusion.rows.to_string()])
            .collect();
        output::table(["SHOULD BE", "CHOSEN", "TEXTS"], &rows)
    }
}

fn calibration_error(answers: &[Answer<'_>]) -> Option<f64> {
    let mut classes = [(0.0, 0.0); 10];
    let shares = answers.iter().filter_map(|answer| Some((answer.share?, answer.is_right(1))));
    for (share, right) in shares {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
        let class = classes.get_mut(((share * 10.0) as usize).min(9))?;
        *class = (class.0 + share, class.1 + f64::from(right));
    }
    let told: f64 = classes.iter().map(|(shares, right)| (shares - right).abs()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a count of texts")]
    let asked = answers.iter().filter(|answer| answer.share.is_some()).count() as f64;
    (asked > 0.0).then(|| told / asked)
}

fn labels(answers: &[Answer<'_>]) -> Vec<Label> {
    let mut counts: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for answer in answers {
        let (label, chosen) = answer.settled();
        counts.entry(chosen.clone()).or_default().1 += 1;
        let counted = counts.entry(label.clone()).or_default();
        counted.0 += 1;
        counted.2 += usize::from(label == chosen);
    }
    let mut labels: Vec<Label> = counts
        .into_iter()
        .filter(|(_, (rows, ..))| *rows > 0)
        .map(|(label, (rows, chosen, right))| {
            let (precision, recall) = (share(right, chosen), share(right, rows));
            let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
            Label { name: label, rows, precision, recall, f1 }
        })
        .collect();
    labels.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.name.cmp(&b.name)));
    labels
}

fn confusions(answers: &[Answer<'_>]) -> Vec<Confusion> {
    let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (label, chosen) in answers.iter().map(Answer::settled).filter(|(label, chosen)| label != chosen) {
        *pairs.entry((label, chosen)).or_default() += 1;
    }
    let mut confusions: Vec<Confusion> =
        pairs.into_iter().map(|((label, chosen), rows)| Confusion { label, chosen, rows }).collect();
    confusions.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
    confusions
}

/// The share of decisions that say that somebody is needed.
pub(super) fn opened(decisions: &[Decision]) -> f64 {
    share(decisions.iter().filter(|decision| decision.kind.needs_action()).count(), decisions.len())
}

/// How many a second.
#[expect(clippy::cast_precision_loss, reason = "a count of texts")]
pub(super) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(1e-9)
}

#[expect(clippy::cast_precision_loss, reason = "a count of texts")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer<'a>(label: &'a str, ranking: &[&'a str], sureness: f64) -> Answer<'a> {
        Answer {
            label,
            right: vec![label],
            ranking: ranking.to_vec(),
            sureness,
            share: Some(sureness),
            triage: ranking.is_empty(),
        }
    }

    #[test]
    fn counts_what_is_right_and_how_sure_it_was() {
        let answers = [
            answer("pupr", &["pupr", "dlh"], 0.9),
            answer("pupr", &["dlh", "pupr"], 0.2),
            answer("dlh", &["dlh"], 0.8),
            answer("luar:pln", &["PLN"], 0.7),
            answer("dinsos", &[], 0.0),
        ];
        let evaluation = Evaluation::of(&answers);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(evaluation.accuracy, 0.6);
        close(evaluation.top_2, 0.8);
        close(evaluation.coverage, 0.8);
        close(evaluation.accuracy_at_80, 0.75);
        close(evaluation.accuracy_at_50, 1.0);
        close(evaluation.triage, 0.2);
        // Said 0.9, 0.2, 0.8, 0.7 and 0.0: off by 0.1, 0.2, 0.2, 0.3 and 0.0.
        close(evaluation.calibration_error.unwrap(), 0.16);
        close(evaluation.accuracy_assigned, 0.75);
        // pupr 1/1 and 1/2, dlh 1/2 and 1/1, pln 1 and 1, dinsos nothing.
        close(evaluation.macro_f1, (2.0 / 3.0 + 2.0 / 3.0 + 1.0 + 0.0) / 4.0);
        let worst: Vec<_> =
            evaluation.confusions.iter().map(|c| (c.label.as_str(), c.chosen.as_str())).collect();
        assert_eq!(worst, [("dinsos", "-"), ("pupr", "dlh")]);
    }

    #[test]
    fn another_right_answer_is_right() {
        let both = Answer { right: vec!["pupr", "dishub"], ..answer("pupr", &["dishub"], 1.0) };
        let evaluation = Evaluation::of(&[both]);
        assert!((evaluation.accuracy - 1.0).abs() < 1e-9 && evaluation.confusions.is_empty());
    }
}
