//! What a text says: the phrases found in it, which of them count, and for whom.

use sahut_domain::decision::{Manner, Match};
use sahut_domain::inquiry::Kind;

use crate::phrasebook::{Hit, Meaning, WordId};
use crate::plain::{Plain, Word};
use crate::ruleset::{RuleSet, Sign};

/// A match found by a stem or a near neighbour weighs half.
pub(crate) const NEAR: f64 = 0.5;
/// So does one that only says where (`depan sekolah`) or like what (`macam kubangan kerbau`).
pub(crate) const LANDMARK: f64 = 0.5;
/// What stands in a subject weighs double: it is what the writer thought to be the point.
const SUBJECT: f64 = 2.0;
/// So many words behind a word of comparison only compare: `macam kubangan kerbau`.
const LIKENED: usize = 2;
/// How many earlier words of a kind are compared with a new one, so that time stays in proportion to the text.
const LOOK_BACK: usize = 32;

/// Everything found in one text. Kept by each thread, so that its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The text as the rules compare it.
    pub(crate) plain: Plain,
    /// Its words as the phrases know them.
    ids: Vec<Option<WordId>>,
    /// Words that are meant by words that no phrase knows, where that was needed: number, and how that is known.
    meant: Vec<(usize, Manner)>,
    /// All phrases found, those that begin first and are longest first.
    pub(crate) hits: Vec<Hit>,
    /// What speaks for each kind, in the order of the text.
    pub(crate) kinds: Vec<KindWord>,
    /// Points of each sign, by number.
    signs: Vec<f64>,
    /// What each topic's conditions say.
    conditions: Vec<Condition>,
    /// Points by seat.
    pub(crate) points: Vec<f64>,
    /// What counted: seat and use, in the order of the text.
    pub(crate) counted: Vec<Counted>,
    /// What was found and did not count: seat, hit, and the hit that covers it or silenced its topic.
    pub(crate) uncounted: Vec<(usize, Hit, Hit)>,
    /// What was found within the name of a place, and that name.
    in_places: Vec<(Hit, Hit)>,
    /// Where words of comparison end, by the number of the word behind.
    likened: Vec<usize>,
    /// Phrases that counted already, by number.
    seen: Vec<bool>,
    /// How many words the subject has.
    subject_end: usize,
    /// Place found first, by number: one of ours before one of others.
    pub(crate) place: Option<usize>,
}

/// A phrase that speaks for a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KindWord {
    pub(crate) kind: Kind,
    pub(crate) hit: Hit,
    pub(crate) weight: f64,
    /// Whether it only says that somebody is needed, and not as what.
    pub(crate) supports: bool,
    /// Whether it says what is wrong with a thing, or wished for.
    pub(crate) beside: bool,
}

/// A phrase that counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) seat: usize,
    /// `None` for the name of the seat itself.
    pub(crate) topic: Option<usize>,
    pub(crate) hit: Hit,
    pub(crate) weight: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Condition {
    /// Points that the topic has so far.
    points: f64,
    met: bool,
    silenced: Option<Hit>,
}

impl Evidence {
    /// Finds every phrase of a text.
    pub(crate) fn gather(&mut self, rules: &RuleSet, text: &str, subject: usize) {
        self.plain.read(text, &rules.shorthand);
        let words = &self.plain.words;
        self.subject_end = words.partition_point(|word| word.original.0 < subject);
        self.ids.clear();
        self.ids.extend(words.iter().map(|word| rules.book.word(self.plain.letters(word))));
        self.meant.clear();
        self.hits.clear();
        rules.book.find(words, &self.ids, false, &mut self.hits);
        self.find_short(rules, text);
        self.in_places.clear();
        self.drop_unmeant(rules);
        self.find_around_places(rules);
        if !self.hits.iter().any(|hit| is_duty(rules, hit)) {
            self.look_near(rules);
            self.drop_unmeant(rules);
        }
        self.find_kinds(rules);
    }

    /// Finds abbreviations that say something as they are written: `jl` begins an address, `jalan` need not.
    fn find_short(&mut self, rules: &RuleSet, text: &str) {
        let found = self.hits.len();
        for (start, word) in self.plain.words.iter().enumerate().filter(|(_, word)| word.expanded) {
            let written = text.get(word.original.0..word.original.1).unwrap_or_default();
            if let Some(phrase) = rules.book.single(&written.to_ascii_lowercase()) {
                self.hits.push(Hit { start, end: start + 1, phrase, near: false });
            }
        }
        if self.hits.len() > found {
            self.hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
        }
    }

    /// Leaves out what was found inside of sayings and of names of places, and notes what only compares.
    fn drop_unmeant(&mut self, rules: &RuleSet) {
        let (mut saying, mut place) = (0, None::<Hit>);
        self.likened.clear();
        let Self { hits, likened, in_places, .. } = self;
        hits.retain(|hit| {
            if is_idiom(rules, *hit) {
                saying = hit.end;
                return true;
            }
            let longer = place.filter(|place| hit.end <= place.end);
            if is_place(rules, *hit) {
                place = longer.or(Some(*hit));
            } else if let Some(place) = longer.filter(|_| !is_name(rules, *hit)) {
                // In `camat amen` the office is named as well as the place.
                in_places.push((*hit, place));
                return false;
            }
            if is_likening(rules, *hit) {
                likened.push(hit.end);
            }
            hit.end > saying
        });
    }

    /// Finds phrases that a place stands within: `jalan di Topos rusak`.
    fn find_around_places(&mut self, rules: &RuleSet) {
        if !self.hits.iter().any(|hit| is_place(rules, *hit)) {
            return;
        }
        let (kept, words) = self.beside_places(rules);
        let ids: Vec<Option<WordId>> = kept.iter().map(|at| self.ids.get(*at).copied().flatten()).collect();
        let mut found = Vec::new();
        rules.book.find(&words, &ids, false, &mut found);
        let at = |number: usize| kept.get(number).copied().unwrap_or_default();
        let around = found.into_iter().filter_map(|hit| {
            let (start, end) = (at(hit.start), at(hit.end - 1) + 1);
            // Those without a place within them were found before.
            (end - start > hit.end - hit.start).then_some(Hit { start, end, ..hit })
        });
        self.hits.extend(around);
        self.hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    }

    /// The words that name no place and lead to none, with their numbers.
    fn beside_places(&self, rules: &RuleSet) -> (Vec<usize>, Vec<Word>) {
        let mut places = self.hits.iter().filter(|hit| is_place(rules, **hit)).peekable();
        let (mut end, mut begins_sentence) = (0, false);
        let kept = self.plain.words.iter().enumerate().filter_map(|(number, word)| {
            while let Some(place) = places.next_if(|place| place.start <= number) {
                end = end.max(place.end);
            }
            begins_sentence |= word.begins_sentence;
            let leads = places.peek().is_some_and(|place| place.start == number + 1)
                && matches!(self.plain.letters(word), "di" | "ke" | "dari");
            (number >= end && !leads)
                .then(|| (number, Word { begins_sentence: std::mem::take(&mut begins_sentence), ..*word }))
        });
        kept.unzip()
    }

    /// Whether something is only compared with what a hit says.
    pub(crate) fn is_likened(&self, hit: &Hit) -> bool {
        let before = self.likened.partition_point(|end| *end <= hit.start);
        let last = before.checked_sub(1).and_then(|last| self.likened.get(last));
        last.is_some_and(|end| hit.start < end + LIKENED && !self.plain.is_parted(end - 1, hit.start + 1))
    }

    /// Looks again with words changed to what they may have been meant to be.
    fn look_near(&mut self, rules: &RuleSet) {
        for (number, word) in self.plain.words.iter().enumerate() {
            let Some((meant, manner)) = rules.vocabulary.meant(self.plain.letters(word)) else { continue };
            self.ids.get_mut(number).into_iter().for_each(|id| *id = rules.book.word(meant));
            self.meant.push((number, manner));
        }
        if !self.meant.is_empty() {
            rules.book.find(&self.plain.words, &self.ids, true, &mut self.hits);
            self.hits.retain(|hit| !hit.near || is_duty(rules, hit));
            self.hits.sort_unstable_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end), hit.near));
        }
    }

    /// The number of the first word behind the subject.
    pub(crate) fn subject_end(&self) -> usize {
        self.subject_end
    }

    /// Points for a kind.
    pub(crate) fn kind(&self, kind: Kind) -> f64 {
        self.kinds.iter().filter(|found| found.kind == kind).map(|found| found.weight).sum()
    }

    /// Finds the words that speak for each kind: a phrase once, and not those inside a longer one for the same kind.
    fn find_kinds(&mut self, rules: &RuleSet) {
        self.kinds.clear();
        self.signs.clear();
        self.signs.resize(rules.signs.len(), 0.0);
        for hit in &self.hits {
            for (meaning, _) in &rules.book.phrase(hit.phrase).uses {
                let Meaning::Silences(number) = *meaning else { continue };
                self.signs.get_mut(number).into_iter().for_each(|points| *points = f64::INFINITY);
            }
        }
        for hit in self.hits.iter().filter(|hit| !hit.near) {
            for (meaning, weight) in &rules.book.phrase(hit.phrase).uses {
                let Meaning::Sign(number) = *meaning else { continue };
                let Some(sign) = rules.signs.get(number) else { continue };
                if sign.kind == Kind::Emergency && self.is_likened(hit) {
                    continue;
                }
                let same = |found: &&KindWord| found.kind == sign.kind;
                let mut covered = self.kinds.iter().rev().filter(same).take(LOOK_BACK);
                if covered.all(|found| hit.end > found.hit.end && hit.phrase != found.hit.phrase)
                    && let Some(points) = self.signs.get_mut(number)
                    && *points < sign.most
                {
                    let weight = weight.min(sign.most - *points);
                    *points += weight;
                    let Sign { kind, supports, beside, .. } = *sign;
                    self.kinds.push(KindWord { kind, hit: *hit, weight, supports, beside });
                }
            }
        }
    }

    /// Counts what speaks for each seat: a phrase once, a longer one instead of those inside it.
    pub(crate) fn count(&mut self, rules: &RuleSet, kind: Kind) {
        self.start_counting(rules);
        self.find_places(rules);
        self.find_conditions(rules);
        for (hit, by) in std::mem::take(&mut self.in_places) {
            self.leave_out(rules, hit, by);
        }
        let mut cover: Option<Hit> = None;
        let mut named: Option<Hit> = None;
        let mut landmark = None;
        for at in 0..self.hits.len() {
            let Some(hit) = self.hits.get(at).copied() else { break };
            if is_landmark(rules, hit) {
                landmark = Some(hit.end);
            }
            let inside = |longer: &Hit| hit.end <= longer.end && hit.near == longer.near;
            // In `camat amen` the office is named as well as the place.
            let apart = |longer: &Hit| is_name(rules, hit) && is_place(rules, *longer);
            let covered = cover.filter(inside).filter(|longer| !apart(longer)).or(named.filter(inside));
            if let Some(longer) = covered {
                self.leave_out(rules, hit, longer);
            } else if self.count_hit(rules, hit, kind, landmark == Some(hit.start) || self.is_likened(&hit)) {
                cover = Some(hit);
                named = if is_name(rules, hit) { Some(hit) } else { named };
            }
        }
    }

    fn start_counting(&mut self, rules: &RuleSet) {
        self.counted.clear();
        self.uncounted.clear();
        self.points.clear();
        self.points.resize(rules.seats.len(), 0.0);
        self.seen.clear();
        self.seen.resize(rules.book.len(), false);
        self.place = None;
    }

    /// A place of ours counts before one of others, and one of others only where it is more than a landmark.
    fn find_places(&mut self, rules: &RuleSet) {
        let mut landmark = None;
        let mut elsewhere = None;
        for hit in &self.hits {
            for (meaning, _) in &rules.book.phrase(hit.phrase).uses {
                match meaning {
                    Meaning::Landmark => landmark = Some(hit.end),
                    Meaning::Place(place) if rules.is_ours(*place) => {
                        self.place = Some(*place);
                        return;
                    }
                    Meaning::Place(place) if landmark != Some(hit.start) => {
                        elsewhere.get_or_insert(*place);
                    }
                    _ => {}
                }
            }
        }
        self.place = elsewhere;
    }

    fn find_conditions(&mut self, rules: &RuleSet) {
        self.conditions.clear();
        self.conditions.resize(rules.topics.len(), Condition::default());
        for hit in &self.hits {
            for (meaning, _) in &rules.book.phrase(hit.phrase).uses {
                match meaning {
                    Meaning::Requires(topic) => {
                        self.conditions
                            .get_mut(*topic)
                            .into_iter()
                            .for_each(|condition| condition.met = true);
                    }
                    Meaning::Excludes(topic) => {
                        self.conditions
                            .get_mut(*topic)
                            .into_iter()
                            .for_each(|condition| condition.silenced = Some(*hit));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Counts a hit for every seat that it speaks for, and says whether it says what the text is about.
    fn count_hit(&mut self, rules: &RuleSet, hit: Hit, kind: Kind, aside: bool) -> bool {
        let factor = if hit.near { NEAR } else { 1.0 }
            * if aside { LANDMARK } else { 1.0 }
            * if hit.start < self.subject_end { SUBJECT } else { 1.0 };
        let again = self.seen.get(hit.phrase).copied().unwrap_or(true);
        let mut subject = false;
        for (meaning, weight) in &rules.book.phrase(hit.phrase).uses {
            match self.speaks(rules, *meaning, kind) {
                Speaks::For(seat, topic) => {
                    subject = true;
                    if !again {
                        self.add(rules, Counted { seat, topic, hit, weight: weight * factor });
                    }
                }
                // It still says what it says: what is inside it does not count in its place.
                Speaks::Silenced(seat, by) => {
                    subject = true;
                    self.uncounted.push((seat, hit, by));
                }
                Speaks::OfPlace => subject = true,
                Speaks::ForNobody => {}
            }
        }
        if subject {
            self.seen.get_mut(hit.phrase).into_iter().for_each(|seen| *seen = true);
        }
        subject
    }

    /// Adds points, though not more than the topic may have.
    fn add(&mut self, rules: &RuleSet, mut counted: Counted) {
        if let Some(topic) = counted.topic
            && let (Some(known), Some(condition)) = (rules.topics.get(topic), self.conditions.get_mut(topic))
        {
            counted.weight = counted.weight.min(known.most - condition.points);
            if counted.weight <= 0.0 {
                return;
            }
            condition.points += counted.weight;
        }
        self.points.get_mut(counted.seat).into_iter().for_each(|points| *points += counted.weight);
        self.counted.push(counted);
    }

    fn speaks(&self, rules: &RuleSet, meaning: Meaning, kind: Kind) -> Speaks {
        let number = match meaning {
            Meaning::Duty(number) => number,
            Meaning::Name(seat) => return Speaks::For(seat, None),
            Meaning::Place(_) => return Speaks::OfPlace,
            _ => return Speaks::ForNobody,
        };
        let Some(topic) = rules.topics.get(number) else { return Speaks::ForNobody };
        let condition = self.conditions.get(number).copied().unwrap_or_default();
        let place = self.place.and_then(|place| rules.places.get(place)).map(|place| &place.name);
        if let Some(by) = condition.silenced {
            Speaks::Silenced(topic.seat, by)
        } else if (topic.required && !condition.met)
            || (!topic.kinds.is_empty() && !topic.kinds.contains(&kind))
            || (!topic.places.is_empty() && !place.is_some_and(|place| topic.places.contains(place)))
        {
            Speaks::ForNobody
        } else {
            Speaks::For(topic.seat, Some(number))
        }
    }

    fn leave_out(&mut self, rules: &RuleSet, hit: Hit, longer: Hit) {
        for (meaning, _) in &rules.book.phrase(hit.phrase).uses {
            if let Some(topic) = duty(*meaning).and_then(|topic| rules.topics.get(topic)) {
                self.uncounted.push((topic.seat, hit, longer));
            }
        }
    }

    /// A hit as it is stored with a decision.
    pub(crate) fn matched(&self, rules: &RuleSet, hit: Hit, topic: &str, weight: f64) -> Match {
        let span = self.plain.original(hit.start, hit.end);
        let inside = |number: usize| hit.start <= number && number < hit.end;
        let expanded =
            self.plain.words.get(hit.start..hit.end).unwrap_or_default().iter().any(|word| word.expanded);
        let meant =
            self.meant.iter().find(|(number, _)| hit.near && inside(*number)).map(|(_, manner)| *manner);
        let manner = meant.unwrap_or(if expanded { Manner::Abbreviation } else { Manner::Surface });
        Match {
            phrase: rules.book.phrase(hit.phrase).written.clone(),
            topic: topic.to_owned(),
            weight,
            span,
            manner,
        }
    }
}

/// What a phrase does here.
enum Speaks {
    /// It counts for a seat, by a topic or by its name.
    For(usize, Option<usize>),
    /// It would count for a seat, had another phrase not silenced its topic.
    Silenced(usize, Hit),
    /// It names a place.
    OfPlace,
    /// It says nothing about the subject.
    ForNobody,
}

fn duty(meaning: Meaning) -> Option<usize> {
    match meaning {
        Meaning::Duty(topic) => Some(topic),
        _ => None,
    }
}

fn is_place(rules: &RuleSet, hit: Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| matches!(meaning, Meaning::Place(_)))
}

fn is_name(rules: &RuleSet, hit: Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| matches!(meaning, Meaning::Name(_)))
}

fn is_landmark(rules: &RuleSet, hit: Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| *meaning == Meaning::Landmark)
}

fn is_idiom(rules: &RuleSet, hit: Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| *meaning == Meaning::Idiom)
}

fn is_likening(rules: &RuleSet, hit: Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| *meaning == Meaning::Likening)
}

fn is_duty(rules: &RuleSet, hit: &Hit) -> bool {
    rules.book.phrase(hit.phrase).uses.iter().any(|(meaning, _)| duty(*meaning).is_some())
}
