//! A compiled set of rules.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sahut_domain::decision::{Decision, Doubt};
use sahut_domain::inquiry::Kind;
use sahut_domain::office::{OfficeCode, OfficeKind};

use crate::compile::{compile, test, unreadable};
use crate::example::Tested;
use crate::learn::{self, Bound, Model};
use crate::phrasebook::Phrasebook;
use crate::problem::{Problem, Source};
use crate::shorthand::Shorthand;
use crate::spam::Disguises;
use crate::vocabulary::Vocabulary;

/// Rules, ready to decide. Cheap to share, never changes; a changed configuration is another set.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) shorthand: Shorthand,
    pub(crate) book: Phrasebook,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) disguises: Disguises,
    /// Everybody who may turn out responsible; offices first, in the order of their codes.
    pub(crate) seats: Vec<Seat>,
    pub(crate) topics: Vec<Topic>,
    pub(crate) signs: Vec<Sign>,
    pub(crate) dangers: Vec<DangerTo>,
    pub(crate) places: Vec<Place>,
    pub(crate) handles: BTreeMap<String, usize>,
    /// What to tell citizens who meant somebody outside, by that one's name.
    pub(crate) tells: BTreeMap<String, String>,
    /// Seats of the district offices.
    pub(crate) districts: Vec<usize>,
    pub(crate) weights: Weights,
    pub(crate) fallback: OfficeCode,
    pub(crate) warnings: Vec<Problem>,
    /// What was learned on the instance, where that is in use.
    pub(crate) learned: Option<Bound>,
}

/// A message to be decided on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its words.
    pub text: &'a str,
    /// Its subject, where the medium has one. Who writes a subject wants something: the message is never noise.
    pub subject: Option<&'a str>,
    /// The office that owns the channel it was written on.
    pub owner: Option<&'a OfficeCode>,
    /// Number of the applied configuration set that the rules come from.
    pub revision: i64,
    /// Whether it was written to the office alone, and not below a post: whoever does that mostly wants something.
    pub direct: bool,
    /// User names that it mentions as the platform tells, besides those written in the text.
    pub mentions: &'a [&'a str],
}

impl<'a> Input<'a> {
    /// A text and nothing else.
    pub fn of(text: &'a str) -> Self {
        Self { text, subject: None, owner: None, revision: 0, direct: false, mentions: &[] }
    }

    /// What the spans of a decision point into: the subject, a line end, and the text; or the text alone.
    pub fn whole(&self) -> Cow<'a, str> {
        match self.subject {
            Some(subject) => Cow::Owned([subject, "\n", self.text].concat()),
            None => Cow::Borrowed(self.text),
        }
    }
}

impl RuleSet {
    /// Compiles rule files for the offices of a regency. `fallback` is the office that receives what is not clear.
    ///
    /// # Errors
    /// All problems of all files at once, where one of them stops the set from being used.
    pub fn compile(
        sources: &[Source],
        offices: &[(OfficeCode, OfficeKind)],
        fallback: &OfficeCode,
    ) -> Result<Self, Vec<Problem>> {
        compile(sources, offices, fallback)
    }

    /// What cannot be read in rule files, whatever the offices are: for telling it where these are not known.
    pub fn unreadable(sources: &[Source]) -> Vec<Problem> {
        unreadable(sources)
    }

    /// Runs every example of rule files, also where some of them fail.
    ///
    /// # Errors
    /// All problems of all files at once, where something else than an example stops the set from being used.
    pub fn test(
        sources: &[Source],
        offices: &[(OfficeCode, OfficeKind)],
        fallback: &OfficeCode,
    ) -> Result<Vec<Tested>, Vec<Problem>> {
        test(sources, offices, fallback)
    }

    /// Lets a model, by its number, help to decide from now on.
    pub fn teach(&mut self, model: Model, version: i64) {
        self.learned = Some(Bound::new(model, version, self));
    }

    /// Those outside who are known, by name.
    pub fn outside(&self) -> impl Iterator<Item = &str> {
        self.seats.iter().filter_map(|seat| match seat {
            Seat::Outside(name) => Some(name.as_str()),
            Seat::Office(_) | Seat::District => None,
        })
    }

    /// Problems that did not stop the set from being used.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// How many different phrases the rules have.
    pub fn phrases(&self) -> usize {
        self.book.len()
    }

    /// The key of a topic for a model.
    pub(crate) fn topic_key(&self, topic: usize) -> u64 {
        let Some(topic) = self.topics.get(topic) else { return 0 };
        match self.seats.get(topic.seat) {
            Some(Seat::Office(code)) => learn::topic_key(&topic.name, code.as_str()),
            Some(Seat::Outside(name)) => learn::topic_key(&topic.name, name),
            Some(Seat::District) | None => learn::topic_key(&topic.name, ""),
        }
    }

    /// Whether a decision gives a message to a seat, without needing people.
    pub(crate) fn is_for(&self, decision: &Decision, seat: &Seat) -> bool {
        match seat {
            Seat::Office(code) => !decision.needs_triage() && decision.office.as_ref() == Some(code),
            Seat::Outside(name) => decision.outside.as_ref() == Some(name),
            Seat::District => {
                let office = decision.office.as_ref();
                let district = self.districts.iter().filter_map(|seat| self.seats.get(*seat)?.office());
                decision.doubt == Some(Doubt::NoPlace)
                    || (!decision.needs_triage() && district.into_iter().any(|code| Some(code) == office))
            }
        }
    }

    /// Where a decision sends a message, in a few words.
    pub(crate) fn summary(decision: &Decision) -> String {
        let best: Vec<String> = decision
            .scores
            .iter()
            .take(3)
            .map(|score| format!("{} {:.1}", score.office, score.points))
            .collect();
        let best = if best.is_empty() { "no phrase found".to_owned() } else { best.join(", ") };
        match (&decision.outside, &decision.office, decision.doubt) {
            (Some(outside), _, _) => format!("{outside} ({best})"),
            (None, Some(_), Some(doubt)) => format!("triage: {doubt} ({best})"),
            (None, Some(office), None) => format!("{office} as {} ({best})", decision.kind),
            (None, None, _) => format!("nobody: {} ({best})", decision.kind),
        }
    }
}

/// Somebody who may turn out responsible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seat {
    /// An office of the regency.
    Office(OfficeCode),
    /// The district office of the place that is named.
    District,
    /// Somebody who is not an office of the regency.
    Outside(String),
}

impl Seat {
    pub(crate) fn office(&self) -> Option<&OfficeCode> {
        match self {
            Self::Office(code) => Some(code),
            Self::District | Self::Outside(_) => None,
        }
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Office(code) => code.fmt(f),
            Self::District => f.write_str("the district office of the place"),
            Self::Outside(name) => f.write_str(name),
        }
    }
}

/// One subject and who answers for it.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) seat: usize,
    /// Whether one of its `requires` has to be in the text.
    pub(crate) required: bool,
    /// Names of places of which one has to be named, if there are any.
    pub(crate) places: Vec<String>,
    /// Kinds it counts for; all where there are none.
    pub(crate) kinds: Vec<Kind>,
    /// At most so many points in all.
    pub(crate) most: f64,
    /// Phrases that tell of one thing that hits many, such as an outage.
    pub(crate) incidents: BTreeSet<String>,
    /// What to tell the citizen who asks for it.
    pub(crate) tell: Option<String>,
}

/// One way of speaking for a kind.
#[derive(Debug)]
pub(crate) struct Sign {
    pub(crate) kind: Kind,
    /// Whether it only says that somebody is needed, and not as what.
    pub(crate) supports: bool,
    /// Whether it says what is wrong with a thing, or wished for.
    pub(crate) beside: bool,
    /// At most so many points in all.
    pub(crate) most: f64,
}

/// What endangers people, and who comes.
#[derive(Debug)]
pub(crate) struct DangerTo {
    pub(crate) name: String,
    pub(crate) seat: usize,
}

/// A place and who answers there: a district office, or another government.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) seat: usize,
}

/// Points for deciding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    /// For the office on whose channel it was written.
    pub(crate) owner: f64,
    /// For an office that is named.
    pub(crate) name: f64,
    /// Fewer points than these decide nothing.
    pub(crate) least: f64,
    /// The first has to be this far ahead of the second.
    pub(crate) margin: f64,
    /// With fewer points than these a message needs nobody.
    pub(crate) open: f64,
    /// The same for a message to the office alone.
    pub(crate) direct: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { owner: 1.0, name: 3.0, least: 1.5, margin: 1.0, open: 2.5, direct: 2.5 }
    }
}
