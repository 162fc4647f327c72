//! Examples in rule files: they are run whenever a set is compiled.

use sahut_domain::decision::Basis;
use sahut_domain::inquiry::Kind;

use crate::problem::Problems;
use crate::ruleset::{Input, RuleSet};
use crate::section::Said;

/// What an example is meant to show.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// It goes to a seat, by number.
    Seat(usize),
    /// It is an emergency that a seat receives, by number.
    Danger(usize),
    /// It is of a kind.
    Kind(Kind),
}

/// A text of the rule files with what must, or must not, become of it.
#[derive(Debug)]
pub(crate) struct Example {
    /// The text, as the file says it.
    pub(crate) said: Said,
    /// What it is about.
    pub(crate) expected: Expected,
    /// Whether that must become of it, or must not.
    pub(crate) wanted: bool,
}

impl Example {
    /// Notes an error where the rules do something else.
    pub(crate) fn check(self, rules: &RuleSet, problems: &mut Problems) {
        let decision = rules.decide(&Input::of(&self.said.text));
        let (holds, expected) = match self.expected {
            Expected::Kind(kind) => (decision.kind == kind, kind.to_string()),
            Expected::Danger(seat) => {
                let Some(seat) = rules.seats.get(seat) else { return };
                let received = decision.basis == Basis::Emergency && rules.is_for(&decision, seat);
                (received, format!("{seat} as an emergency"))
            }
            Expected::Seat(seat) => {
                let Some(seat) = rules.seats.get(seat) else { return };
                (rules.is_for(&decision, seat), seat.to_string())
            }
        };
        if holds != self.wanted {
            let must = if self.wanted { "must" } else { "must not" };
            let found = RuleSet::summary(&decision);
            let what = format!("an example fails: this text {must} go to {expected}");
            problems.error(
                &self.said.at,
                what,
                format!("goes to {found}"),
                "change the phrases until it holds, or change the example",
            );
        }
    }
}
