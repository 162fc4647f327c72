//! Examples in rule files: they are run whenever a set is compiled.

use sahut_domain::decision::{Basis, Decision};
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

/// An example of the rule files, and what the rules make of it.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The file that says it.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// The example.
    pub text: String,
    /// Where it must, or must not, go: an office, somebody outside, or a kind.
    pub meant: String,
    /// Whether it must go there, and not whether it must not.
    pub must: bool,
    /// Whether it holds.
    pub holds: bool,
    /// What was decided.
    pub decision: Decision,
}

impl Example {
    /// Says what the rules make of it.
    pub(crate) fn test(&self, rules: &RuleSet, problems: &Problems) -> Tested {
        let decision = rules.decide(&Input::of(&self.said.text));
        let (goes, meant) = self.expected.met(rules, &decision);
        let (path, line) = problems.position(&self.said.at);
        Tested {
            path,
            line,
            text: self.said.text.clone(),
            meant,
            must: self.wanted,
            holds: goes == self.wanted,
            decision,
        }
    }

    /// Notes an error where the rules do something else.
    pub(crate) fn check(&self, rules: &RuleSet, problems: &mut Problems) {
        let Tested { meant, must, holds, decision, .. } = self.test(rules, problems);
        if !holds {
            let must = if must { "must" } else { "must not" };
            let found = RuleSet::summary(&decision);
            problems.error(
                &self.said.at,
                format!("an example fails: this text {must} go to {meant}"),
                format!("goes to {found}"),
                "change the phrases until it holds, or change the example",
            );
        }
    }
}

impl Expected {
    /// Whether a decision is what was expected, and how that is called.
    fn met(&self, rules: &RuleSet, decision: &Decision) -> (bool, String) {
        let at = |seat: usize| rules.seats.get(seat);
        let goes = |seat: usize| at(seat).is_some_and(|seat| rules.is_for(decision, seat));
        let name = |seat: usize| at(seat).map(ToString::to_string).unwrap_or_default();
        match *self {
            Self::Kind(kind) => (decision.kind == kind, kind.to_string()),
            Self::Seat(seat) => (goes(seat), name(seat)),
            Self::Danger(seat) => {
                (decision.basis == Basis::Emergency && goes(seat), format!("{} as an emergency", name(seat)))
            }
        }
    }
}
