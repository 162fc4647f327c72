//! A model: what was learned, how it is kept, and what it says about a text.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use sahut_domain::inquiry::Kind;
use thiserror::Error;

use super::features::{self, SORTS, Sort, Told};
use super::softmax::{Row, Weights, softmax, train};
use super::{HINTS, Lesson, NEED_PRESET, OFFICE_PRESET, Taught, hints, need_hints, seat_taught};
use crate::evidence::Evidence;
use crate::gate;
use crate::ruleset::RuleSet;
use crate::shorthand::WordHasher;

/// Features that a model keeps at most, those first that are seen most often.
const MOST_FEATURES: usize = 40_000;

/// A feature has to be seen in so many lessons.
const SEEN_AT_LEAST: u32 = 2;

type Map<V> = HashMap<u64, V, BuildHasherDefault<WordHasher>>;

/// What was learned from people's decisions: whose messages are, and whether they need somebody. Made by
/// [`Model::learn`], used by [`RuleSet::teach`].
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(super) seats: Option<Head>,
    pub(super) needs: Option<Head>,
}

/// The bytes are not those of a model. Training again makes a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the stored model cannot be read: it is cut off or of another version; training makes a new one")]
pub struct UnreadableModel;

/// The answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    /// What each answer is called.
    pub(super) answers: Vec<String>,
    /// Divides the sums before they become shares, so that a share is the probability to be right.
    pub(super) temper: f32,
    index: Map<u32>,
    /// For each feature the square of its size.
    squares: Vec<f32>,
    /// The weights; those of features already times their sizes.
    weights: Weights,
}

/// What is counted of one text: keys by sort, each with how often.
type Counted = [Vec<(u64, f32)>; SORTS.len()];

impl Model {
    /// Learns from lessons, under the rules that are in force. A question with too few lessons is left to the rules.
    pub fn learn(rules: &RuleSet, lessons: &[Lesson<'_>]) -> Self {
        let mut school = School::default();
        for lesson in lessons {
            school.attend(rules, lesson);
        }
        let seats = rules.seats.iter().map(ToString::to_string).collect();
        let needs = vec!["nobody".to_owned(), "somebody".to_owned()];
        Self {
            seats: Head::train(&school.seats, &school.letters, seats, OFFICE_PRESET),
            needs: Head::train(&school.needs, &school.letters, needs, NEED_PRESET),
        }
    }

    /// Whether it has an opinion on anything.
    pub fn is_empty(&self) -> bool {
        self.seats.is_none() && self.needs.is_none()
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for head in [&self.seats, &self.needs] {
            out.push(u8::from(head.is_some()));
            if let Some(head) = head {
                head.write(&mut out);
            }
        }
        out
    }

    /// From the bytes that were kept.
    ///
    /// # Errors
    /// They are cut off, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnreadableModel> {
        let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(UnreadableModel)?);
        let mut head = || if reader.byte()? == 0 { Some(None) } else { Some(Some(Head::read(&mut reader)?)) };
        let (seats, needs) = (head().ok_or(UnreadableModel)?, head().ok_or(UnreadableModel)?);
        Ok(Self { seats, needs })
    }
}

/// Lessons, counted.
#[derive(Default)]
struct School {
    seats: Vec<(Counted, Row)>,
    needs: Vec<(Counted, Row)>,
    /// The letters of words by their keys.
    letters: Map<String>,
    evidence: Evidence,
    told: Told,
}

impl School {
    fn attend(&mut self, rules: &RuleSet, lesson: &Lesson<'_>) {
        let kind = self.look(rules, lesson);
        let needed = match lesson.taught {
            Taught::Needed(needed) => needed,
            Taught::Seat(_) => true,
        };
        // Who writes a subject wants something: that is settled, and would only mislead here.
        if lesson.input.subject.is_none() {
            let mut row = Row { answer: usize::from(needed), ..Row::default() };
            need_hints(&self.evidence, kind, &mut row.hints);
            self.told.read_manner(&self.evidence);
            let counted = self.count();
            self.needs.push((counted, row));
        }
        let Taught::Seat(name) = lesson.taught else { return };
        let Some(seat) = rules.seats.iter().position(|seat| seat.to_string() == name) else { return };
        let mut row = Row { answer: seat_taught(rules, seat), ..Row::default() };
        hints(rules, &self.evidence, rules.owner_seat(lesson.input.owner), &mut row.hints);
        self.told.read(&self.evidence, |topic| rules.topic_key(topic));
        let counted = self.count();
        self.seats.push((counted, row));
    }

    fn look(&mut self, rules: &RuleSet, lesson: &Lesson<'_>) -> Kind {
        let evidence = &mut self.evidence;
        evidence.gather(rules, &lesson.input.whole(), lesson.input.subject.map_or(0, str::len));
        let kind = gate::kind(rules, &lesson.input, evidence);
        // A lesson about whose it is counts the duties of a message that needs somebody.
        let counts = if kind.needs_action() { kind } else { Kind::Complaint };
        evidence.count(rules, counts);
        kind
    }

    fn count(&mut self) -> Counted {
        let once = |keys: &[u64]| keys.iter().map(|key| (*key, 1.0)).collect();
        let mut words: Vec<(u64, f32)> = self.told.words.iter().map(|(key, _)| (*key, 1.0)).collect();
        words.extend(self.told.pairs.iter().map(|(key, _)| (*key, 1.0)));
        let mut runs = Vec::new();
        for (key, at) in &self.told.words {
            let letters = features::letters(&self.evidence.plain, *at);
            self.letters.entry(*key).or_insert_with(|| letters.to_owned());
            features::runs(letters, |run| runs.push(run));
        }
        runs.sort_unstable();
        let mut counted: Vec<(u64, f32)> = Vec::new();
        for run in runs {
            match counted.last_mut() {
                Some((key, count)) if *key == run => *count += 1.0,
                _ => counted.push((run, 1.0)),
            }
        }
        [words, counted, once(&self.told.subject), once(&self.told.traits)]
    }
}

impl Head {
    fn train(
        lessons: &[(Counted, Row)],
        letters: &Map<String>,
        answers: Vec<String>,
        preset: [f32; HINTS],
    ) -> Option<Self> {
        let first = lessons.first()?.1.answer;
        if lessons.iter().all(|(_, row)| row.answer == first) {
            return None;
        }
        let (index, seen) = vocabulary(lessons);
        #[expect(clippy::cast_precision_loss, reason = "a count of lessons")]
        let size = |seen: u32| ((1.0 + lessons.len() as f32) / (1.0 + seen as f32)).ln() + 1.0;
        let sizes: Vec<f32> = seen.iter().map(|seen| size(*seen)).collect();
        let rows: Vec<Row> =
            lessons.iter().map(|(counted, row)| weigh(counted, row, &index, &sizes)).collect();
        let mut weights = train(&rows, &seen, answers.len(), preset);
        let scaled = weights.features.chunks_mut(answers.len()).zip(&sizes);
        scaled.for_each(|(row, size)| row.iter_mut().for_each(|weight| *weight *= size));
        let squares = sizes.iter().map(|size| size * size).collect();
        let mut head = Self { answers, temper: 1.0, index, squares, weights };
        head.sum_up_runs(letters);
        Some(head)
    }

    /// Sums up the runs of each known word, so that they need not be looked up one by one.
    fn sum_up_runs(&mut self, letters: &Map<String>) {
        let mut known: Vec<(u64, &String)> =
            letters.iter().filter(|(key, _)| self.index.contains_key(*key)).map(|(k, l)| (*k, l)).collect();
        known.sort_unstable();
        for (key, letters) in known {
            let mut sum = vec![0.0; self.answers.len()];
            let square = self.add_runs(letters, &mut sum);
            let number = u32::try_from(self.squares.len()).unwrap_or(u32::MAX);
            self.index.insert(features::sum_key(key), number);
            self.squares.push(square);
            self.weights.features.extend(sum);
        }
    }

    fn row(&self, key: u64) -> Option<(&[f32], f32)> {
        let number = *self.index.get(&key)? as usize;
        let from = number * self.answers.len();
        Some((self.weights.features.get(from..from + self.answers.len())?, *self.squares.get(number)?))
    }

    fn add(&self, key: u64, sum: &mut [f32]) -> Option<f32> {
        let (row, square) = self.row(key)?;
        sum.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight);
        Some(square)
    }

    /// Adds the runs of a word, and answers the sum of their squares.
    fn add_runs(&self, letters: &str, sum: &mut [f32]) -> f32 {
        let mut squares = 0.0;
        features::runs(letters, |run| squares += self.add(run, sum).unwrap_or(0.0));
        squares
    }

    /// The share of each answer.
    fn shares(&self, evidence: &Evidence, told: &Told, hints: &[[f32; HINTS]], work: &mut Work) {
        let answers = self.answers.len();
        work.shares.clear();
        work.shares.resize(answers, 0.0);
        self.weights.begin(hints, &mut work.shares);
        work.lengths = [0.0; SORTS.len()];
        for (at, sort) in SORTS.into_iter().enumerate() {
            work.sum.clear();
            work.sum.resize(answers, 0.0);
            let square = self.add_sort(sort, evidence, told, &mut work.sum);
            if square > 0.0 {
                let scale = sort.length() / square.sqrt();
                if let Some(length) = work.lengths.get_mut(at) {
                    *length = scale;
                }
                work.shares.iter_mut().zip(&work.sum).for_each(|(share, sum)| *share += scale * sum);
            }
        }
        work.shares.iter_mut().for_each(|share| *share /= self.temper);
        softmax(&mut work.shares);
    }

    fn add_sort(&self, sort: Sort, evidence: &Evidence, told: &Told, sum: &mut [f32]) -> f32 {
        let mut square = 0.0;
        let mut add = |key: u64| square += self.add(key, sum).unwrap_or(0.0);
        match sort {
            Sort::Words => told.words.iter().chain(&told.pairs).for_each(|(key, _)| add(*key)),
            Sort::Subject => told.subject.iter().for_each(|key| add(*key)),
            Sort::Traits => told.traits.iter().for_each(|key| add(*key)),
            Sort::Runs => {
                for (key, at) in &told.words {
                    square += match self.add(features::sum_key(*key), sum) {
                        Some(known) => known,
                        None => self.add_runs(features::letters(&evidence.plain, *at), sum),
                    };
                }
            }
        }
        square
    }

    /// How much a word, with its runs, says for one answer and against another.
    fn speaks(&self, key: u64, answer: usize, against: usize, lengths: [f32; SORTS.len()]) -> f32 {
        let difference = |key: u64| {
            let (row, _) = self.row(key)?;
            Some(row.get(answer)? - row.get(against)?)
        };
        let [words, runs, ..] = lengths;
        words * difference(key).unwrap_or(0.0) + runs * difference(features::sum_key(key)).unwrap_or(0.0)
    }
}

/// Numbers the features that are kept, and tells in how many lessons each is seen.
fn vocabulary(lessons: &[(Counted, Row)]) -> (Map<u32>, Vec<u32>) {
    let mut seen: Map<u32> = Map::default();
    for key in lessons.iter().flat_map(|(counted, _)| counted.iter().flatten()) {
        *seen.entry(key.0).or_default() += 1;
    }
    let mut kept: Vec<(u64, u32)> = seen.into_iter().filter(|(_, seen)| *seen >= SEEN_AT_LEAST).collect();
    kept.sort_unstable_by_key(|(key, seen)| (std::cmp::Reverse(*seen), *key));
    kept.truncate(MOST_FEATURES);
    let index = kept.iter().zip(0..).map(|((key, _), number)| (*key, number)).collect();
    (index, kept.into_iter().map(|(_, seen)| seen).collect())
}

/// A lesson as the trainer takes it: rare features are bigger, and each sort has its length.
fn weigh(counted: &Counted, row: &Row, index: &Map<u32>, sizes: &[f32]) -> Row {
    let mut row = row.clone();
    for (sort, counted) in SORTS.into_iter().zip(counted) {
        let from = row.features.len();
        let mut squares = 0.0;
        for (key, count) in counted {
            let Some(number) = index.get(key) else { continue };
            let size = sizes.get(*number as usize).copied().unwrap_or_default();
            squares += count * size * size;
            row.features.push((*number, count * size));
        }
        let length = if squares > 0.0 { sort.length() / squares.sqrt() } else { 0.0 };
        row.features.iter_mut().skip(from).for_each(|(_, value)| *value *= length);
    }
    row
}

/// A model in use with a set of rules.
#[derive(Debug)]
pub(crate) struct Bound {
    model: Model,
    pub(crate) version: i64,
    /// For each answer of the model the seat of the rules.
    seats: Vec<Option<usize>>,
}

/// What a model says about a text. Kept and filled again.
#[derive(Debug, Default)]
pub(crate) struct Opinion {
    told: Told,
    hints: Vec<[f32; HINTS]>,
    work: Work,
    /// Seats with their shares, the best first.
    pub(crate) shares: Vec<(usize, f32)>,
    /// Words that spoke for the best and against the second: number of the word, and how much.
    pub(crate) words: Vec<(usize, f32)>,
}

#[derive(Debug, Default)]
struct Work {
    shares: Vec<f32>,
    sum: Vec<f32>,
    lengths: [f32; SORTS.len()],
}

/// Words that are kept to explain a share.
const KEPT_WORDS: usize = 3;

impl Bound {
    pub(crate) fn new(model: Model, version: i64, rules: &RuleSet) -> Self {
        let seat = |name: &String| rules.seats.iter().position(|seat| seat.to_string() == *name);
        let seats = model.seats.iter().flat_map(|head| head.answers.iter().map(seat)).collect();
        Self { model, version, seats }
    }

    /// The share of those who say that the message needs somebody; nothing where that was not learned.
    pub(crate) fn needed(&self, evidence: &Evidence, kind: Kind, opinion: &mut Opinion) -> Option<f32> {
        let head = self.model.needs.as_ref()?;
        opinion.told.read_manner(evidence);
        need_hints(evidence, kind, &mut opinion.hints);
        head.shares(evidence, &opinion.told, &opinion.hints, &mut opinion.work);
        opinion.work.shares.get(1).copied()
    }

    /// Whose the message is. `false` where that was not learned.
    pub(crate) fn judge(
        &self,
        rules: &RuleSet,
        evidence: &Evidence,
        owner: Option<usize>,
        opinion: &mut Opinion,
    ) -> bool {
        let Some(head) = &self.model.seats else { return false };
        opinion.told.read(evidence, |topic| rules.topic_key(topic));
        let mut by_seat = Vec::new();
        hints(rules, evidence, owner, &mut by_seat);
        opinion.hints.clear();
        opinion.hints.extend(
            self.seats
                .iter()
                .map(|seat| seat.and_then(|seat| by_seat.get(seat)).copied().unwrap_or([0.0; HINTS])),
        );
        head.shares(evidence, &opinion.told, &opinion.hints, &mut opinion.work);
        let shares = opinion.work.shares.iter().zip(&self.seats);
        opinion.shares.clear();
        opinion.shares.extend(shares.filter_map(|(share, seat)| Some(((*seat)?, *share))));
        opinion.shares.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.find_words(head, opinion);
        true
    }

    fn find_words(&self, head: &Head, opinion: &mut Opinion) {
        opinion.words.clear();
        let answer = |rank: usize| {
            let (seat, _) = opinion.shares.get(rank)?;
            self.seats.iter().position(|known| known.as_ref() == Some(seat))
        };
        let (Some(best), Some(second)) = (answer(0), answer(1)) else { return };
        let lengths = opinion.work.lengths;
        let speaks = |(key, at): &(u64, usize)| (*at, head.speaks(*key, best, second, lengths));
        let words = opinion.told.words.iter().map(speaks).filter(|(_, speaks)| *speaks > 0.05);
        opinion.words.extend(words);
        opinion.words.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        opinion.words.truncate(KEPT_WORDS);
    }
}

/// What the bytes of a model begin with; the number is that of the version.
const MAGIC: &[u8] = b"sahut model 1\n";

impl Head {
    fn write(&self, out: &mut Vec<u8>) {
        let number = |out: &mut Vec<u8>, number: usize| out.extend((number as u64).to_le_bytes());
        number(out, self.answers.len());
        for answer in &self.answers {
            number(out, answer.len());
            out.extend(answer.as_bytes());
        }
        let mut keys: Vec<(u64, u32)> = self.index.iter().map(|(key, number)| (*key, *number)).collect();
        keys.sort_unstable_by_key(|(_, number)| *number);
        number(out, keys.len());
        for (key, _) in keys {
            out.extend(key.to_le_bytes());
        }
        let hints = self.weights.hints.iter().chain(self.weights.own_hints.iter().flatten());
        let floats = std::iter::once(&self.temper).chain(&self.squares).chain(&self.weights.features);
        floats.chain(&self.weights.bias).chain(hints).for_each(|float| out.extend(float.to_le_bytes()));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count = reader.count()?;
        let answers: Vec<String> = (0..count).map(|_| reader.text()).collect::<Option<_>>()?;
        let features = reader.count()?;
        let index = (0..features)
            .map(|number| Some((reader.number()?, u32::try_from(number).ok()?)))
            .collect::<Option<_>>()?;
        let [temper] = reader.floats::<1>()?;
        let squares = reader.many(features)?;
        let weights = Weights {
            answers: count,
            features: reader.many(features.checked_mul(count)?)?,
            bias: reader.many(count)?,
            hints: reader.floats()?,
            own_hints: (0..count).map(|_| reader.floats()).collect::<Option<_>>()?,
        };
        Some(Self { answers, temper, index, squares, weights })
    }
}

/// Reads what [`Head::write`] wrote. Nothing where it is cut off.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A count of things of which each takes at least a byte: never more than are left.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn floats<const N: usize>(&mut self) -> Option<[f32; N]> {
        let mut floats = [0.0; N];
        for float in &mut floats {
            *float = f32::from_le_bytes(self.take()?);
        }
        Some(floats)
    }

    fn many(&mut self, count: usize) -> Option<Vec<f32>> {
        if count.checked_mul(4)? > self.0.len() {
            return None;
        }
        (0..count).map(|_| self.take().map(f32::from_le_bytes)).collect()
    }
}
