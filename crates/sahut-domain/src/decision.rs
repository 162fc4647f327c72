//! Decisions: why an inquiry went where it went, kept as it was made.

use serde::{Deserialize, Serialize};

use crate::inquiry::{Kind, Priority};
use crate::office::OfficeCode;
use crate::words::words;

words! {
    /// What settled a decision.
    Basis as "basis" {
        /// The citizen already has an open inquiry in this thread.
        OpenInquiry = "open_inquiry",
        /// It is an emergency of the sort that the office receives.
        Emergency = "emergency",
        /// The citizen named the office outright.
        Mention = "mention",
        /// Phrases of an office's duties.
        Topics = "topics",
        /// What people decided on messages like it.
        Learned = "learned",
        /// Nothing but the channel on which it was written.
        Owner = "owner",
        /// Nothing was sure enough: people decide.
        Triage = "triage",
        /// It needs nobody.
        Nobody = "nobody",
        /// Written before the channel was connected: context, not work.
        History = "history",
        /// Brought in with its office already known.
        Given = "given",
    }
}

words! {
    /// Why a decision was left to people.
    Doubt as "doubt" {
        /// No duty phrase was found.
        NoMatch = "no_match",
        /// What was found is too weak.
        WeakMatch = "weak_match",
        /// Two offices stand too close to each other.
        Tie = "tie",
        /// It is the business of somebody who is not an office of this regency.
        NotOurs = "not_ours",
        /// A district office is meant, and no place says which.
        NoPlace = "no_place",
    }
}

/// Everything that explains where a message went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Number of the applied configuration set whose rules decided.
    pub revision: i64,
    /// What the message is.
    pub kind: Kind,
    /// How urgent it is.
    pub priority: Priority,
    /// The responsible office: that of the best score, of triage, or none where nobody is needed.
    pub office: Option<OfficeCode>,
    /// What settled it.
    pub basis: Basis,
    /// Why people have to look, where they do.
    pub doubt: Option<Doubt>,
    /// Distance between the first and the second office, in points.
    pub margin: f64,
    /// The best offices, best first, at most five, each with the words that spoke for it.
    pub scores: Vec<Score>,
    /// Words that spoke for the kind (gate words, emergency words).
    pub kind_words: Vec<Match>,
    /// The danger that decided, where an emergency went to the office that receives its sort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub danger: Option<Danger>,
    /// What was counted to tell whether the message needs somebody; nothing where that was beyond doubt (an emergency, an
    /// advertisement, a mail) or not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighing: Option<Weighing>,
    /// Phrases that were found but did not count, with the reason.
    pub suppressed: Vec<Suppressed>,
    /// The place that was named, where one was recognised.
    pub place: Option<String>,
    /// What the rules say to tell the citizen where it concerns somebody outside: where to turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell: Option<String>,
    /// Who it concerns outside the regency's offices, where [`Doubt::NotOurs`] says so.
    #[serde(default)]
    pub outside: Option<String>,
    /// What the instance's own model said, where one was in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
}

/// The points for and against a message's needing somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighing {
    /// What was found, in the order in which it was looked for.
    pub signs: Vec<Sign>,
    /// All points together.
    pub sum: f64,
    /// As many are needed.
    pub threshold: f64,
    /// Whether that is the threshold of messages to the office alone, and not that of comments for all to read.
    pub direct: bool,
}

/// A sign that a message needs somebody, or that it does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    /// What it says.
    pub says: Says,
    /// The phrase as the rules write it; empty where no phrase says it.
    pub phrase: String,
    /// Its points; fewer than none where it speaks against.
    pub points: f64,
}

words! {
    /// What a sign says about a message.
    Says as "says" {
        /// Something is wrong, or is asked to be done.
        Complaint = "complaint",
        /// Something is asked.
        Question = "question",
        /// Something is wished for.
        Aspiration = "aspiration",
        /// A known place is named.
        Place = "place",
        /// Whose business it is.
        Subject = "subject",
        /// It concerns a duty of the office it is written to.
        OwnDuty = "own_duty",
        /// What is wrong is said right beside whose business it is.
        Beside = "beside",
        /// It is mere talk.
        Talk = "talk",
        /// Somebody thanks, or praises.
        Thanks = "thanks",
        /// Somebody laughs.
        Laughter = "laughter",
    }
}

/// What people are in danger of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Danger {
    /// What the rules call it: `kebakaran`.
    pub name: String,
    /// The phrases that told of it.
    pub matches: Vec<Match>,
}

/// What a model learned from people's decisions says about a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Number of the model.
    pub model: i64,
    /// How likely the message needs somebody, from 0 to 1; absent where that was not learned.
    pub needed: Option<f64>,
    /// How likely it is whose, the most likely first, at most five. Empty where that was not learned.
    pub shares: Vec<Share>,
    /// Words that spoke for the most likely and against the second, the strongest first, at most three.
    pub words: Vec<LearnedWord>,
}

/// How likely a message is somebody's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Code of an office, or the name of somebody outside.
    pub seat: String,
    /// From 0 to 1.
    pub share: f64,
}

/// A word that a model weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedWord {
    /// In plain letters.
    pub word: String,
    /// How much it spoke for the most likely and against the second; natural logarithm of the odds.
    pub weight: f64,
    /// Where it first stands in the text, in bytes of the original text.
    pub span: (usize, usize),
}

/// How much spoke for one office.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The office.
    pub office: OfficeCode,
    /// Points in all.
    pub points: f64,
    /// Points that came from where the message was written, part of `points`.
    pub owner_points: f64,
    /// The phrases that were found.
    pub matches: Vec<Match>,
}

/// One phrase that was found in the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The phrase as the rules write it.
    pub phrase: String,
    /// The topic it belongs to.
    pub topic: String,
    /// Its weight in points, as counted.
    pub weight: f64,
    /// Where it begins and ends in the text, in bytes of the original text.
    pub span: (usize, usize),
    /// How it was found: as written, by its stem, or by an abbreviation.
    pub manner: Manner,
}

words! {
    /// How a phrase was found.
    Manner as "manner" {
        /// As written.
        Surface = "surface",
        /// By the word's stem.
        Stem = "stem",
        /// After writing out an abbreviation.
        Abbreviation = "abbreviation",
        /// One letter differs.
        Fuzzy = "fuzzy",
    }
}

/// A phrase that was found and not counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suppressed {
    /// The phrase.
    pub phrase: String,
    /// The office it would have spoken for.
    pub office: OfficeCode,
    /// The longer phrase that covered it, or the phrase that excluded its topic.
    pub by: String,
}

impl Decision {
    /// Whose the message may be, the likeliest first: codes of offices, and names of those outside. What a model says
    /// counts where one was in use.
    pub fn ranking(&self) -> impl Iterator<Item = &str> {
        // Danger goes before all points.
        let endangered = self.office.as_ref().filter(|_| self.danger.is_some()).map(OfficeCode::as_str);
        let shares = self.learned.iter().flat_map(|learned| &learned.shares).map(|share| share.seat.as_str());
        let by_rules = self.learned.as_ref().is_none_or(|learned| learned.shares.is_empty());
        let outside = self.outside.as_deref().filter(|_| by_rules);
        // Points of somebody outside are kept with the office that sorts.
        let sorts = self.office.as_ref().filter(|_| self.outside.is_some());
        let scores = self.scores.iter().filter(move |score| by_rules && Some(&score.office) != sorts);
        let others = shares.chain(outside).chain(scores.map(|score| score.office.as_str()));
        endangered.into_iter().chain(others.filter(move |other| Some(*other) != endangered))
    }

    /// The topic that spoke most for the responsible office, where one did.
    pub fn topic(&self) -> Option<&str> {
        let score = self.scores.iter().find(|score| Some(&score.office) == self.office.as_ref())?;
        let weight = |topic: &str| -> f64 {
            score.matches.iter().filter(|found| found.topic == topic).map(|found| found.weight).sum()
        };
        let topics = score.matches.iter().map(|found| found.topic.as_str());
        topics.max_by(|a, b| weight(a).total_cmp(&weight(b)).then_with(|| b.cmp(a)))
    }

    /// Whether people have to decide.
    pub fn needs_triage(&self) -> bool {
        self.basis == Basis::Triage
    }
}
