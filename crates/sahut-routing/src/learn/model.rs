//! A model: what was learned, how it is kept, and what it says about a text.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use sahut_domain::inquiry::Kind;
use thiserror::Error;

use super::features::{self, SORTS, Told};
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
    /// For each feature that is a word the row where its runs are summed up; [`NO_SUM`] for all others.
    sums: Vec<u32>,
    /// For each row the square of its size.
    squares: Vec<f32>,
    /// The weights; those of features already times their sizes.
    weights: Weights,
}

/// The row of runs of what is no word.
const NO_SUM: u32 = u32::MAX;

/// What is counted of one text: keys by sort, each with how often.
type Counted = [Vec<(u64, f32)>; SORTS.len()];

impl Model {
    /// Learns from lessons, under the rules that are in force. A question with too few lessons is left to the rules.
    pub fn learn(rules: &RuleSet, lessons: &[Lesson<'_>]) -> Self {
        Self {
            seats: Head::train(rules, lessons, Question::Seat),
            needs: Head::train(rules, lessons, Question::Need),
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

/// What lessons answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Whose a message is.
    Seat,
    /// Whether it needs somebody.
    Need,
}

impl Question {
    fn answers(self, rules: &RuleSet) -> Vec<String> {
        match self {
            Self::Seat => rules.seats.iter().map(ToString::to_string).collect(),
            Self::Need => vec!["nobody".to_owned(), "somebody".to_owned()],
        }
    }

    const fn preset(self) -> [f32; HINTS] {
        match self {
            Self::Seat => OFFICE_PRESET,
            Self::Need => NEED_PRESET,
        }
    }
}

/// Reads lessons one after the other.
#[derive(Default)]
struct Reading {
    evidence: Evidence,
    told: Told,
    counted: Counted,
    runs: Vec<u64>,
}

impl Reading {
    /// Reads a lesson and counts what is in it; nothing where it does not answer the question.
    fn read(&mut self, rules: &RuleSet, lesson: &Lesson<'_>, question: Question) -> Option<Row> {
        let mut row = Row { answer: answer(rules, lesson, question)?, ..Row::default() };
        let evidence = &mut self.evidence;
        evidence.gather(rules, &lesson.input.whole(), lesson.input.subject.map_or(0, str::len));
        let kind = gate::kind(rules, &lesson.input, evidence);
        match question {
            Question::Seat => {
                // Only messages that need somebody have an office, whatever the gate says.
                evidence.count(rules, if kind.needs_action() { kind } else { Kind::Complaint });
                hints(rules, evidence, rules.owner_seat(lesson.input.owner), &mut row.hints);
                self.told.read(evidence, |topic| rules.topic_key(topic));
            }
            Question::Need => {
                need_hints(evidence, kind, &mut row.hints);
                self.told.read_manner(evidence);
            }
        }
        self.count();
        Some(row)
    }

    fn count(&mut self) {
        let Self { told, evidence, counted: [words, runs, subject, traits], runs: found } = self;
        let once = |key: &u64| (*key, 1.0);
        words.clear();
        words.extend(told.words.iter().chain(&told.pairs).map(|(key, _)| (*key, 1.0)));
        subject.clear();
        subject.extend(told.subject.iter().map(once));
        traits.clear();
        traits.extend(told.traits.iter().map(once));
        found.clear();
        for (_, at) in &told.words {
            features::runs(features::letters(&evidence.plain, *at), |run| found.push(run));
        }
        found.sort_unstable();
        runs.clear();
        for run in found.iter() {
            match runs.last_mut() {
                Some((key, count)) if key == run => *count += 1.0,
                _ => runs.push((*run, 1.0)),
            }
        }
    }
}

/// What a lesson answers to a question, by number.
fn answer(rules: &RuleSet, lesson: &Lesson<'_>, question: Question) -> Option<usize> {
    match (question, lesson.taught) {
        (Question::Seat, Taught::Seat(name)) => {
            let seat = rules.seats.iter().position(|seat| seat.to_string() == name)?;
            Some(seat_taught(rules, seat))
        }
        (Question::Seat, Taught::Needed(_)) => None,
        // Who writes a subject wants something: that is settled, and would only mislead here.
        (Question::Need, _) if lesson.input.subject.is_some() => None,
        (Question::Need, Taught::Needed(needed)) => Some(usize::from(needed)),
        (Question::Need, Taught::Seat(_)) => Some(1),
    }
}

impl Head {
    /// Reads the lessons twice, so that what is too rare to be kept is never held in memory.
    fn train(rules: &RuleSet, lessons: &[Lesson<'_>], question: Question) -> Option<Self> {
        let mut reading = Reading::default();
        let (index, seen, count) = vocabulary(rules, lessons, question, &mut reading)?;
        #[expect(clippy::cast_precision_loss, reason = "a count of lessons")]
        let size = |seen: u32| ((1.0 + count as f32) / (1.0 + seen as f32)).ln() + 1.0;
        let sizes: Vec<f32> = seen.iter().map(|seen| size(*seen)).collect();
        let (mut rows, mut letters) = (Vec::new(), Map::default());
        for lesson in lessons {
            let Some(row) = reading.read(rules, lesson, question) else { continue };
            rows.push(weigh(&reading.counted, row, &index, &sizes));
            for (key, at) in reading.told.words.iter().filter(|(key, _)| index.contains_key(key)) {
                let word = || features::letters(&reading.evidence.plain, *at).to_owned();
                letters.entry(*key).or_insert_with(word);
            }
        }
        let answers = question.answers(rules);
        let mut weights = train(&rows, &seen, answers.len(), question.preset());
        let scaled = weights.features.chunks_mut(answers.len()).zip(&sizes);
        scaled.for_each(|(row, size)| row.iter_mut().for_each(|weight| *weight *= size));
        let squares = sizes.iter().map(|size| size * size).collect();
        let sums = vec![NO_SUM; seen.len()];
        let mut head = Self { answers, temper: 1.0, index, sums, squares, weights };
        head.sum_up_runs(&letters);
        Some(head)
    }

    /// Sums up the runs of each known word, so that they need not be looked up one by one.
    fn sum_up_runs(&mut self, letters: &Map<String>) {
        let mut known: Vec<(u64, &String)> = letters.iter().map(|(key, letters)| (*key, letters)).collect();
        known.sort_unstable();
        for (key, letters) in known {
            let Some(word) = self.index.get(&key).copied() else { continue };
            let mut sum = vec![0.0; self.answers.len()];
            let square = self.add_runs(letters, &mut sum);
            let row = u32::try_from(self.squares.len()).unwrap_or(NO_SUM);
            self.sums.get_mut(word as usize).into_iter().for_each(|to| *to = row);
            self.squares.push(square);
            self.weights.features.extend(sum);
        }
    }

    /// Adds a row, and answers its square.
    fn add(&self, row: u32, sum: &mut [f32]) -> f32 {
        let from = row as usize * self.answers.len();
        let weights = self.weights.features.get(from..from + self.answers.len()).unwrap_or_default();
        sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        self.squares.get(row as usize).copied().unwrap_or_default()
    }

    fn add_known(&self, keys: impl Iterator<Item = u64>, sum: &mut [f32]) -> f32 {
        keys.filter_map(|key| self.index.get(&key)).map(|row| self.add(*row, sum)).sum()
    }

    /// Adds the runs of a word, and answers the sum of their squares.
    fn add_runs(&self, letters: &str, sum: &mut [f32]) -> f32 {
        let mut squares = 0.0;
        features::runs(letters, |run| squares += self.add_known(std::iter::once(run), sum));
        squares
    }

    /// The share of each answer.
    fn shares(&self, evidence: &Evidence, told: &Told, hints: &[[f32; HINTS]], work: &mut Work) {
        let answers = self.answers.len();
        work.shares.clear();
        work.shares.resize(answers, 0.0);
        self.weights.begin(hints, &mut work.shares);
        let squares = self.add_all(evidence, told, work);
        for ((sort, square), (sum, scale)) in
            SORTS.into_iter().zip(squares).zip(work.sums.iter().zip(&mut work.scales))
        {
            *scale = if square > 0.0 { sort.length() / square.sqrt() } else { 0.0 };
            work.shares.iter_mut().zip(sum).for_each(|(share, sum)| *share += *scale * sum);
        }
        work.shares.iter_mut().for_each(|share| *share /= self.temper);
        softmax(&mut work.shares);
    }

    /// Adds up each sort, and answers its square.
    fn add_all(&self, evidence: &Evidence, told: &Told, work: &mut Work) -> [f32; SORTS.len()] {
        for sum in &mut work.sums {
            sum.clear();
            sum.resize(self.answers.len(), 0.0);
        }
        let [words, runs, subject, traits] = &mut work.sums;
        let mut squares = [0.0; SORTS.len()];
        work.rows.clear();
        for (key, at) in &told.words {
            if let Some(row) = self.index.get(key).copied() {
                let sum = self.sums.get(row as usize).copied().unwrap_or(NO_SUM);
                squares[0] += self.add(row, words);
                squares[1] += self.add(sum, runs);
                work.rows.push((*at, row, sum));
            } else {
                squares[1] += self.add_runs(features::letters(&evidence.plain, *at), runs);
            }
        }
        squares[0] += self.add_known(told.pairs.iter().map(|(key, _)| *key), words);
        squares[2] = self.add_known(told.subject.iter().copied(), subject);
        squares[3] = self.add_known(told.traits.iter().copied(), traits);
        squares
    }

    /// How much a known word, with its runs, says for one answer and against another.
    fn speaks(&self, row: u32, sum: u32, answer: usize, against: usize, scales: [f32; SORTS.len()]) -> f32 {
        let difference = |row: u32| {
            let from = row as usize * self.answers.len();
            let weight = |answer: usize| self.weights.features.get(from + answer).copied();
            weight(answer).zip(weight(against)).map_or(0.0, |(a, b)| a - b)
        };
        scales[0] * difference(row) + scales[1] * difference(sum)
    }
}

/// Numbers the features that are kept, tells in how many lessons each is seen, and how many lessons there are. Nothing
/// where there is only one answer: that teaches nothing.
fn vocabulary(
    rules: &RuleSet,
    lessons: &[Lesson<'_>],
    question: Question,
    reading: &mut Reading,
) -> Option<(Map<u32>, Vec<u32>, usize)> {
    let mut seen: Map<u32> = Map::default();
    let mut answers = Vec::new();
    for lesson in lessons {
        let Some(row) = reading.read(rules, lesson, question) else { continue };
        answers.push(row.answer);
        for (key, _) in reading.counted.iter().flatten() {
            *seen.entry(*key).or_default() += 1;
        }
    }
    if answers.iter().all(|answer| Some(answer) == answers.first()) {
        return None;
    }
    let mut kept: Vec<(u64, u32)> = seen.into_iter().filter(|(_, seen)| *seen >= SEEN_AT_LEAST).collect();
    kept.sort_unstable_by_key(|(key, seen)| (std::cmp::Reverse(*seen), *key));
    kept.truncate(MOST_FEATURES);
    let index = kept.iter().zip(0..).map(|((key, _), number)| (*key, number)).collect();
    Some((index, kept.into_iter().map(|(_, seen)| seen).collect(), answers.len()))
}

/// A lesson as the trainer takes it: rare features are bigger, and each sort has its length.
fn weigh(counted: &Counted, mut row: Row, index: &Map<u32>, sizes: &[f32]) -> Row {
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
    row.features.shrink_to_fit();
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
    /// Hints by the seats of the rules, and by the answers of the model.
    by_seat: Vec<[f32; HINTS]>,
    hints: Vec<[f32; HINTS]>,
    work: Work,
    /// The best seats with their shares, the best first.
    pub(crate) shares: Vec<(usize, f32)>,
    /// Words that spoke for the best and against the second: number of the word, and how much.
    pub(crate) words: Vec<(usize, f32)>,
}

#[derive(Debug, Default)]
struct Work {
    shares: Vec<f32>,
    /// For each sort the sum of its rows, and what that is multiplied by.
    sums: [Vec<f32>; SORTS.len()],
    scales: [f32; SORTS.len()],
    /// Known words: where they stand, their row, and that of their runs.
    rows: Vec<(usize, u32, u32)>,
}

/// Words that are kept to explain a share.
const KEPT_WORDS: usize = 3;
/// Seats whose shares are kept.
const KEPT_SEATS: usize = 5;

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
        hints(rules, evidence, owner, &mut opinion.by_seat);
        opinion.hints.clear();
        opinion.hints.extend(
            self.seats
                .iter()
                .map(|seat| seat.and_then(|seat| opinion.by_seat.get(seat)).copied().unwrap_or([0.0; HINTS])),
        );
        head.shares(evidence, &opinion.told, &opinion.hints, &mut opinion.work);
        let shares = opinion.work.shares.iter().zip(&self.seats);
        opinion.shares.clear();
        opinion.shares.extend(shares.filter_map(|(share, seat)| Some(((*seat)?, *share))));
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if opinion.shares.len() > KEPT_SEATS {
            opinion.shares.select_nth_unstable_by(KEPT_SEATS - 1, order);
            opinion.shares.truncate(KEPT_SEATS);
        }
        opinion.shares.sort_unstable_by(order);
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
        let scales = opinion.work.scales;
        let speaks =
            |(at, row, sum): &(usize, u32, u32)| (*at, head.speaks(*row, *sum, best, second, scales));
        let words = opinion.work.rows.iter().map(speaks).filter(|(_, speaks)| *speaks > 0.05);
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
        for row in &self.sums {
            out.extend(row.to_le_bytes());
        }
        number(out, self.squares.len());
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
        let sums = (0..features).map(|_| reader.take().map(u32::from_le_bytes)).collect::<Option<_>>()?;
        let rows = reader.count()?;
        let [temper] = reader.floats::<1>()?;
        let squares = reader.many(rows)?;
        let weights = Weights {
            answers: count,
            features: reader.many(rows.checked_mul(count)?)?,
            bias: reader.many(count)?,
            hints: reader.floats()?,
            own_hints: (0..count).map(|_| reader.floats()).collect::<Option<_>>()?,
        };
        Some(Self { answers, temper, index, sums, squares, weights })
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
