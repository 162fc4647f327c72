//! From what a text says to a decision.

use std::cell::RefCell;

use sahut_domain::decision::{
    Basis, Danger, Decision, Doubt, Learned, LearnedWord, Match, Score, Share, Suppressed,
};
use sahut_domain::inquiry::{Kind, Priority};
use sahut_domain::office::OfficeCode;

use crate::danger;
use crate::evidence::{Counted, Evidence};
use crate::gate;
use crate::learn::{Bound, Opinion};
use crate::phrasebook::Meaning;
use crate::ruleset::{Input, RuleSet, Seat};

/// As many offices are kept with a decision.
const KEPT_SCORES: usize = 5;
/// What a strong phrase weighs.
const STRONG: f64 = 3.0;
/// What a clear, but not strong phrase weighs.
const CLEAR: f64 = 2.0;
/// As many phrases that did not count are kept with a decision.
const KEPT_SUPPRESSED: usize = 8;
/// As many words that spoke for the kind are kept with a decision.
const KEPT_KIND_WORDS: usize = 5;

/// A share that decides, where the second is far enough behind.
const SURE: f32 = 0.5;
/// How far the first share has to be ahead of the second.
const AHEAD: f32 = 0.2;

thread_local! {
    static FOUND: RefCell<(Evidence, Opinion)> = RefCell::default();
}

impl RuleSet {
    /// Decides where a message goes, and says why. Takes time in proportion to the text; the same input always gives
    /// the same decision.
    pub fn decide(&self, input: &Input<'_>) -> Decision {
        self.decide_with(input, self.learned.as_ref())
    }

    /// Decides with another model than the one in use, or with none.
    pub(crate) fn decide_with(&self, input: &Input<'_>, model: Option<&Bound>) -> Decision {
        FOUND.with_borrow_mut(|(evidence, opinion)| {
            evidence.gather(self, &input.whole(), input.subject.map_or(0, str::len));
            let kind = gate::kind(self, input, evidence);
            let needed = model.and_then(|model| model.needed(evidence, kind, opinion));
            let kind = gate::corrected(input, evidence, kind, needed);
            evidence.count(self, kind);
            let judged =
                model.is_some_and(|model| model.judge(self, evidence, self.owner_seat(input.owner), opinion));
            let model = model.map(|model| Judgement { version: model.version, needed, judged, opinion });
            Deciding { rules: self, input, evidence, kind, model }.decide()
        })
    }

    /// The seat of the office on whose channel a message stands. A channel of the office that sorts what is unclear says
    /// nothing about the subject.
    pub(crate) fn owner_seat(&self, owner: Option<&OfficeCode>) -> Option<usize> {
        let owner = owner.filter(|owner| **owner != self.fallback)?;
        self.seats.iter().position(|seat| seat.office() == Some(owner))
    }

    /// Whether a place lies in the regency.
    pub(crate) fn is_ours(&self, place: usize) -> bool {
        let seat = self.places.get(place).and_then(|place| self.seats.get(place.seat));
        matches!(seat, Some(Seat::Office(_)))
    }

    /// How clearly a phrase says whose business it is: by a duty, or by naming an office. What is a complaint by itself
    /// (`macet`) was counted as one, and is not the clearest word for whose it is.
    pub(crate) fn subject_weight(&self, phrase: usize) -> Option<f64> {
        let uses = &self.book.phrase(phrase).uses;
        let speaks = |meaning: &Meaning| matches!(meaning, Meaning::Duty(_) | Meaning::Name(_));
        let weight = uses.iter().find_map(|(meaning, weight)| speaks(meaning).then_some(*weight))?;
        let complains = uses.iter().any(|(meaning, weight)| *weight >= CLEAR && self.is_complaint(*meaning));
        Some(weight.min(if complains { CLEAR } else { STRONG }))
    }

    fn is_complaint(&self, meaning: Meaning) -> bool {
        let Meaning::Sign(sign) = meaning else { return false };
        self.signs.get(sign).is_some_and(|sign| sign.kind == Kind::Complaint)
    }
}

struct Deciding<'a> {
    rules: &'a RuleSet,
    input: &'a Input<'a>,
    evidence: &'a mut Evidence,
    kind: Kind,
    model: Option<Judgement<'a>>,
}

/// What a model said.
struct Judgement<'a> {
    version: i64,
    needed: Option<f32>,
    /// Whether it knows anything about whose messages are.
    judged: bool,
    opinion: &'a Opinion,
}

/// Where a message goes.
struct Outcome {
    office: Option<OfficeCode>,
    basis: Basis,
    doubt: Option<Doubt>,
    outside: Option<String>,
}

impl Deciding<'_> {
    fn decide(mut self) -> Decision {
        self.settle_district();
        let owner = self.add_owner();
        let ranking = self.ranking();
        let danger =
            if self.kind == Kind::Emergency { danger::worst(self.rules, self.evidence) } else { None };
        let outcome = match danger.as_ref().and_then(|danger| self.rules.dangers.get(danger.number)) {
            Some(danger) => self.to(danger.seat, Basis::Emergency),
            None => self.outcome(&ranking, owner),
        };
        let points =
            |rank: usize| ranking.get(rank).and_then(|seat| self.evidence.points.get(*seat)).unwrap_or(&0.0);
        Decision {
            revision: self.input.revision,
            kind: self.kind,
            priority: if self.kind == Kind::Emergency { Priority::Emergency } else { Priority::Normal },
            office: outcome.office.clone(),
            basis: outcome.basis,
            doubt: outcome.doubt,
            margin: points(0) - points(1),
            scores: ranking
                .iter()
                .filter(|seat| self.is_shown(**seat, &outcome))
                .take(KEPT_SCORES)
                .map(|seat| self.score(*seat, owner))
                .collect(),
            kind_words: self.kind_words(),
            danger: danger.and_then(|danger| self.endangered(&danger)),
            weighing: gate::weighing(self.rules, self.input, self.evidence, self.kind),
            suppressed: self.suppressed(),
            place: self
                .evidence
                .place
                .and_then(|place| self.rules.places.get(place))
                .map(|place| place.name.clone()),
            tell: self.tell(&outcome),
            outside: outcome.outside.clone(),
            learned: self.learned(),
        }
    }

    /// What the citizen can be told: that somebody outside is meant, or what the clearest topic of the office says.
    fn tell(&self, outcome: &Outcome) -> Option<String> {
        if let Some(outside) = &outcome.outside {
            return self.rules.tells.get(outside).cloned();
        }
        let office = outcome.office.as_ref().filter(|_| outcome.doubt.is_none())?;
        let own =
            |counted: &&Counted| self.rules.seats.get(counted.seat).and_then(Seat::office) == Some(office);
        let clearest =
            self.evidence.counted.iter().filter(own).rev().max_by(|a, b| a.weight.total_cmp(&b.weight))?;
        self.rules.topics.get(clearest.topic?)?.tell.clone()
    }

    /// Gives what speaks for a district office to the one whose place is named, or who owns the channel, or is the only
    /// one. Where none of these says which, the points stay with [`Seat::District`].
    fn settle_district(&mut self) {
        let Some(district) = self.district() else { return };
        let Some(from) = self.rules.seats.iter().position(|seat| *seat == Seat::District) else { return };
        let Some(points) = self.evidence.points.get_mut(from).map(std::mem::take) else { return };
        self.evidence.points.get_mut(district).into_iter().for_each(|own| *own += points);
        let moved = self.evidence.counted.iter_mut().filter(|counted| counted.seat == from);
        moved.for_each(|counted| counted.seat = district);
    }

    /// The district office that is meant where one is: that of the place named, or the owner of the channel, or the only
    /// one.
    fn district(&self) -> Option<usize> {
        let place =
            self.evidence.place.and_then(|place| self.rules.places.get(place)).map(|place| place.seat);
        let named = place.filter(|seat| self.rules.districts.contains(seat));
        let owner = self.rules.owner_seat(self.input.owner);
        let owner = owner.filter(|seat| self.rules.districts.contains(seat));
        let only = self.rules.districts.first().copied().filter(|_| self.rules.districts.len() == 1);
        named.or(owner).or(only)
    }

    fn add_owner(&mut self) -> Option<usize> {
        let owner = self.rules.owner_seat(self.input.owner)?;
        self.evidence
            .points
            .get_mut(owner)
            .into_iter()
            .for_each(|points| *points += self.rules.weights.owner);
        Some(owner)
    }

    /// Seats that something speaks for, best first. Equal points are ordered by what does not depend on the order of
    /// files: the heaviest phrase, how much was found, the code.
    fn ranking(&self) -> Vec<usize> {
        let points = &self.evidence.points;
        let mut ranking: Vec<usize> =
            (0..points.len()).filter(|seat| points.get(*seat).is_some_and(|p| *p > 0.0)).collect();
        let weight = |seat: usize| {
            let own = self.evidence.counted.iter().filter(move |counted| counted.seat == seat);
            let letters = own
                .clone()
                .map(|counted| self.evidence.plain.length(counted.hit.start, counted.hit.end))
                .sum::<usize>();
            (own.map(|counted| counted.weight).fold(0.0, f64::max), letters)
        };
        ranking.sort_by(|a, b| {
            let by_points = points.get(*b).unwrap_or(&0.0).total_cmp(points.get(*a).unwrap_or(&0.0));
            by_points.then_with(|| {
                let ((heaviest_a, letters_a), (heaviest_b, letters_b)) = (weight(*a), weight(*b));
                heaviest_b.total_cmp(&heaviest_a).then(letters_b.cmp(&letters_a)).then(a.cmp(b))
            })
        });
        ranking
    }

    fn outcome(&self, ranking: &[usize], owner: Option<usize>) -> Outcome {
        if !self.kind.needs_action() {
            return Outcome { office: None, basis: Basis::Nobody, doubt: None, outside: None };
        }
        if let Some(mentioned) = self.mentioned(owner) {
            return self.to(mentioned, Basis::Mention);
        }
        if let Some(outside) = self.outside_place() {
            return self.triage(Doubt::NotOurs, Some(outside));
        }
        if let Some(outcome) = self.outcome_learned(ranking) {
            return outcome;
        }
        let points = |rank: usize| {
            ranking.get(rank).and_then(|seat| self.evidence.points.get(*seat)).copied().unwrap_or_default()
        };
        let Some(best) = ranking.first().copied() else { return self.triage(Doubt::NoMatch, None) };
        if points(0) < self.rules.weights.least {
            return match owner {
                Some(owner) => self.to(owner, Basis::Owner),
                None => self.triage(Doubt::WeakMatch, None),
            };
        }
        if points(0) - points(1) < self.rules.weights.margin {
            return self.triage(Doubt::Tie, None);
        }
        let named =
            self.evidence.counted.iter().any(|counted| counted.seat == best && counted.topic.is_none());
        match self.rules.seats.get(best) {
            Some(Seat::Outside(name)) => self.triage(Doubt::NotOurs, Some(name.clone())),
            Some(Seat::District) | None => self.triage(Doubt::NoPlace, None),
            Some(Seat::Office(_)) => self.to(best, if named { Basis::Mention } else { Basis::Topics }),
        }
    }

    /// What the model decides where it is in use: the likeliest, if it is likely enough.
    fn outcome_learned(&self, ranking: &[usize]) -> Option<Outcome> {
        let opinion = self.model.as_ref().filter(|model| model.judged)?.opinion;
        let (best, share) = *opinion.shares.first()?;
        let second = opinion.shares.get(1).map_or(0.0, |(_, share)| *share);
        if share < SURE {
            return Some(self.triage(Doubt::WeakMatch, None));
        }
        if share - second < AHEAD {
            return Some(self.triage(Doubt::Tie, None));
        }
        let best = if self.is_district(best) { self.district().unwrap_or(best) } else { best };
        let agreed = ranking.first() == Some(&best);
        Some(match self.rules.seats.get(best) {
            Some(Seat::Outside(name)) => self.triage(Doubt::NotOurs, Some(name.clone())),
            Some(Seat::District) | None => self.triage(Doubt::NoPlace, None),
            Some(Seat::Office(_)) => self.to(best, if agreed { Basis::Topics } else { Basis::Learned }),
        })
    }

    fn is_district(&self, seat: usize) -> bool {
        matches!(self.rules.seats.get(seat), Some(Seat::District))
    }

    /// What the model said, as it is stored.
    fn learned(&self) -> Option<Learned> {
        let model = self.model.as_ref()?;
        let (shares, words) = if model.judged {
            (model.opinion.shares.as_slice(), model.opinion.words.as_slice())
        } else {
            Default::default()
        };
        let district = self.district();
        let seat = |seat: usize| {
            let settled = district.filter(|_| self.is_district(seat)).unwrap_or(seat);
            self.rules.seats.get(settled).map(ToString::to_string)
        };
        let share = |(at, share): &(usize, f32)| Some(Share { seat: seat(*at)?, share: f64::from(*share) });
        let word = |(at, weight): &(usize, f32)| {
            let word = self.evidence.plain.words.get(*at)?;
            let letters = self.evidence.plain.letters(word).to_owned();
            Some(LearnedWord { word: letters, weight: f64::from(*weight), span: word.original })
        };
        Some(Learned {
            model: model.version,
            needed: model.needed.map(f64::from),
            shares: shares.iter().filter_map(share).collect(),
            words: words.iter().filter_map(word).collect(),
        })
    }

    /// A danger as it is stored.
    fn endangered(&self, danger: &danger::Found) -> Option<Danger> {
        let name = self.rules.dangers.get(danger.number)?.name.clone();
        let words = danger.words.iter().take(KEPT_KIND_WORDS);
        let matches =
            words.map(|(hit, points)| self.evidence.matched(self.rules, *hit, &name, *points)).collect();
        Some(Danger { name, matches })
    }

    fn to(&self, seat: usize, basis: Basis) -> Outcome {
        let office = self.rules.seats.get(seat).and_then(Seat::office).cloned();
        Outcome { office, basis, doubt: None, outside: None }
    }

    fn triage(&self, doubt: Doubt, outside: Option<String>) -> Outcome {
        Outcome {
            office: Some(self.rules.fallback.clone()),
            basis: Basis::Triage,
            doubt: Some(doubt),
            outside,
        }
    }

    /// The one office, besides the owner of the channel, whose user name the message mentions.
    fn mentioned(&self, owner: Option<usize>) -> Option<usize> {
        if self.rules.handles.is_empty() {
            return None;
        }
        let whole = self.input.whole();
        let written = self.evidence.plain.handles.iter().filter_map(|(from, to)| whole.get(*from..*to));
        let handles = written
            .chain(self.input.mentions.iter().copied())
            .map(|handle| handle.trim_start_matches('@').trim_end_matches('.'));
        let mut seats = handles
            .filter_map(|handle| self.rules.handles.get(&handle.to_lowercase()).copied())
            .filter(|seat| Some(*seat) != owner);
        let first = seats.next()?;
        seats.all(|seat| seat == first).then_some(first)
    }

    /// The government of a named place that is not in the regency, where no place of ours is named too.
    fn outside_place(&self) -> Option<String> {
        let place = self.rules.places.get(self.evidence.place?)?;
        match self.rules.seats.get(place.seat)? {
            Seat::Outside(name) => Some(name.clone()),
            Seat::Office(_) | Seat::District => None,
        }
    }

    /// Points of somebody who is not an office are kept only where they decided: they are then credited to the office
    /// that sorts what is unclear.
    fn is_shown(&self, seat: usize, outcome: &Outcome) -> bool {
        match self.rules.seats.get(seat) {
            Some(Seat::Office(_)) => true,
            Some(Seat::District) => outcome.doubt == Some(Doubt::NoPlace),
            Some(Seat::Outside(name)) => outcome.outside.as_ref() == Some(name),
            None => false,
        }
    }

    fn score(&self, seat: usize, owner: Option<usize>) -> Score {
        let counted = self.evidence.counted.iter().filter(|counted| counted.seat == seat);
        let mut matches: Vec<Match> = counted.map(|counted| self.matched(counted)).collect();
        matches.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.span.cmp(&b.span)));
        Score {
            office: self.rules.seats.get(seat).and_then(Seat::office).unwrap_or(&self.rules.fallback).clone(),
            points: self.evidence.points.get(seat).copied().unwrap_or_default(),
            owner_points: if owner == Some(seat) { self.rules.weights.owner } else { 0.0 },
            matches,
        }
    }

    fn matched(&self, counted: &Counted) -> Match {
        let topic =
            counted.topic.and_then(|topic| self.rules.topics.get(topic)).map_or("", |topic| &topic.name);
        self.evidence.matched(self.rules, counted.hit, topic, counted.weight)
    }

    fn kind_words(&self) -> Vec<Match> {
        let words = self.evidence.kinds.iter().filter(|found| found.kind == self.kind).take(KEPT_KIND_WORDS);
        words
            .map(|found| self.evidence.matched(self.rules, found.hit, self.kind.as_str(), found.weight))
            .collect()
    }

    fn suppressed(&self) -> Vec<Suppressed> {
        let written = |phrase: usize| self.rules.book.phrase(phrase).written.clone();
        let mut suppressed: Vec<Suppressed> = Vec::new();
        for (seat, hit, by) in self.evidence.uncounted.iter().take(KEPT_SUPPRESSED) {
            let Some(office) = self.rules.seats.get(*seat).and_then(Seat::office) else { continue };
            let new =
                Suppressed { phrase: written(hit.phrase), office: office.clone(), by: written(by.phrase) };
            if !suppressed.contains(&new) {
                suppressed.push(new);
            }
        }
        suppressed
    }
}
