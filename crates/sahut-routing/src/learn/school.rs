//! From lessons to a model: what is counted of each, what is kept of that, and the training.

use sahut_domain::inquiry::Kind;

use super::features::{self, SORTS, Told};
use super::model::{Head, Map, Model, NO_SUM};
use super::softmax::{Learned, Row, train};
use super::years::Years;
use super::{Lesson, NEED_PRIOR, OFFICE_PRIOR, Prior, Taught, hints, need_hints, seat_taught};
use crate::evidence::Evidence;
use crate::gate;
use crate::ruleset::RuleSet;

/// Features that a model keeps at most, those first that are seen most often.
const MOST_FEATURES: usize = 40_000;

/// A feature has to be seen in so many lessons.
const SEEN_AT_LEAST: u32 = 2;

/// What is counted of one text: keys by sort, each with how often.
type Counted = [Vec<(u64, f32)>; SORTS.len()];

/// What lessons of several years taught.
pub(super) struct School {
    seats: Option<Class>,
    needs: Option<Class>,
}

impl School {
    /// Teaches lessons, under the rules that are in force. A question with too few of them is left to the rules.
    pub(super) fn of(rules: &RuleSet, lessons: &[Lesson<'_>], years: &Years) -> Self {
        let class = |question| Class::teach(rules, lessons, years, question);
        Self { seats: class(Question::Seat), needs: class(Question::Need) }
    }

    /// The model for messages of a year.
    pub(super) fn model(&self, year: usize) -> Model {
        let head = |class: &Option<Class>| class.as_ref().map(|class| class.head(year));
        Model { seats: head(&self.seats), needs: head(&self.needs) }
    }
}

impl Model {
    /// Learns from lessons what to do with messages from now on.
    pub fn learn(rules: &RuleSet, lessons: &[Lesson<'_>]) -> Self {
        School::of(rules, lessons, &Years::of(lessons)).model(0)
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

    const fn prior(self) -> Prior {
        match self {
            Self::Seat => OFFICE_PRIOR,
            Self::Need => NEED_PRIOR,
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

/// What was taught about one question.
struct Class {
    answers: Vec<String>,
    index: Map<u32>,
    /// How big each feature is, by its number.
    sizes: Vec<f32>,
    /// The words among the features.
    letters: Map<String>,
    learned: Learned,
}

impl Class {
    /// Reads the lessons twice, so that what is too rare to be kept is never held in memory.
    fn teach(rules: &RuleSet, lessons: &[Lesson<'_>], years: &Years, question: Question) -> Option<Self> {
        let mut reading = Reading::default();
        let (index, seen, count) = vocabulary(rules, lessons, question, &mut reading)?;
        #[expect(clippy::cast_precision_loss, reason = "a count of lessons")]
        let size = |seen: u32| ((1.0 + count as f32) / (1.0 + seen as f32)).ln() + 1.0;
        let sizes: Vec<f32> = seen.iter().map(|seen| size(*seen)).collect();
        let (mut rows, mut letters) = (Vec::new(), Map::default());
        for lesson in lessons {
            let Some(row) = reading.read(rules, lesson, question) else { continue };
            let row = Row { year: years.number(lesson.at), ..row };
            rows.push(weigh(&reading.counted, row, &index, &sizes));
            for (key, at) in reading.told.words.iter().filter(|(key, _)| index.contains_key(key)) {
                let word = || features::letters(&reading.evidence.plain, *at).to_owned();
                letters.entry(*key).or_insert_with(word);
            }
        }
        let answers = question.answers(rules);
        let learned = train(&rows, &seen, answers.len(), question.prior(), years.count());
        Some(Self { answers, index, sizes, letters, learned })
    }

    /// What to answer in a year.
    fn head(&self, year: usize) -> Head {
        let mut weights = self.learned.in_year(year);
        let scaled = weights.features.chunks_mut(self.answers.len()).zip(&self.sizes);
        scaled.for_each(|(row, size)| row.iter_mut().for_each(|weight| *weight *= size));
        let mut head = Head {
            answers: self.answers.clone(),
            temper: 1.0,
            index: self.index.clone(),
            sums: vec![NO_SUM; self.sizes.len()],
            squares: self.sizes.iter().map(|size| size * size).collect(),
            weights,
        };
        head.sum_up_runs(&self.letters);
        head
    }
}

impl Head {
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
