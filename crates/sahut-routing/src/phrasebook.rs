//! All phrases of a rule set in one automaton.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use sahut_domain::inquiry::Kind;

/// What finding a phrase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meaning {
    /// It speaks for a topic, by number.
    Duty(usize),
    /// It names an office, or somebody outside, by the number of its seat.
    Name(usize),
    /// It names a place, by number.
    Place(usize),
    /// It is a condition of a topic.
    Requires(usize),
    /// It silences a topic.
    Excludes(usize),
    /// It speaks for a kind.
    Kind(Kind),
    /// What follows only says where: `depan sekolah`.
    Landmark,
}

/// A phrase with everything that it means.
#[derive(Debug)]
pub(crate) struct Phrase {
    /// As the rules write it.
    pub(crate) written: String,
    /// Meanings with their weights in points.
    pub(crate) uses: Vec<(Meaning, f64)>,
}

/// A phrase found in a plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Where it begins, at the space before its first word.
    pub(crate) start: usize,
    /// Where it ends, after the space behind its last word.
    pub(crate) end: usize,
    /// Its number in the book.
    pub(crate) phrase: usize,
    /// Whether it was found only after changing words to their stems or near neighbours.
    pub(crate) near: bool,
}

/// The phrases, and the automaton that finds them all in one walk over a text.
#[derive(Debug)]
pub(crate) struct Phrasebook {
    automaton: AhoCorasick,
    phrases: Vec<Phrase>,
}

impl Phrasebook {
    /// From phrases in plain letters, each with what it means.
    pub(crate) fn new(phrases: Vec<(String, Phrase)>) -> Result<Self, aho_corasick::BuildError> {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .prefilter(false)
            .build(phrases.iter().map(|(plain, _)| format!(" {plain} ")))?;
        Ok(Self { automaton, phrases: phrases.into_iter().map(|(_, phrase)| phrase).collect() })
    }

    /// Adds everything found in a plain text to the hits, those that begin first and are longest first.
    pub(crate) fn find(&self, text: &str, near: bool, hits: &mut Vec<Hit>) {
        let found = self.automaton.find_overlapping_iter(text);
        hits.extend(found.map(|m| Hit { start: m.start(), end: m.end(), phrase: m.pattern().as_usize(), near }));
        hits.sort_unstable_by(|a, b| (a.start, b.end).cmp(&(b.start, a.end)));
    }

    /// A phrase by its number.
    pub(crate) fn phrase(&self, number: usize) -> &Phrase {
        static NONE: Phrase = Phrase { written: String::new(), uses: Vec::new() };
        self.phrases.get(number).unwrap_or(&NONE)
    }

    /// How many phrases there are.
    pub(crate) fn len(&self) -> usize {
        self.phrases.len()
    }
}
