//! What a model sees of a text.

use std::hash::Hasher as _;

use crate::evidence::Evidence;
use crate::plain::{Plain, Word};
use crate::shorthand::WordHasher;

/// Words of a text that a model looks at: far more than a complaint has, and few enough for a message of a megabyte.
const MOST_WORDS: usize = 600;

/// Runs of so many letters are seen, with the edges of the word.
const RUNS: std::ops::RangeInclusive<usize> = 3..=5;

/// What sort of thing a feature is; features of one sort share one length of 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Words and pairs of words.
    Words,
    /// Runs of letters.
    Runs,
    /// Words of the subject.
    Subject,
    /// Topics in which phrases were found; how a text is written.
    Traits,
}

/// All sorts, in the order of their numbers.
pub(crate) const SORTS: [Sort; 4] = [Sort::Words, Sort::Runs, Sort::Subject, Sort::Traits];

impl Sort {
    /// How long the features of this sort are together.
    pub(crate) const fn length(self) -> f32 {
        match self {
            Self::Words | Self::Runs => 1.0,
            Self::Subject => 0.7,
            Self::Traits => 0.3,
        }
    }
}

/// One text as a model sees it: keys, each once, in the order of the text. Kept and filled again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Different words, with the number of the first place where each stands.
    pub(crate) words: Vec<(u64, usize)>,
    /// Different pairs of neighbours, with the number of the first word.
    pub(crate) pairs: Vec<(u64, usize)>,
    /// Different words of the subject.
    pub(crate) subject: Vec<u64>,
    /// Different traits: topics, or how it is written.
    pub(crate) traits: Vec<u64>,
}

impl Told {
    /// Reads what was found in a text, with the topics in which phrases counted as its traits.
    pub(crate) fn read(&mut self, evidence: &Evidence, topic: impl Fn(usize) -> u64) {
        self.read_words(evidence);
        self.traits.clear();
        self.traits.extend(evidence.counted.iter().filter_map(|counted| counted.topic).map(topic));
        self.traits.sort_unstable();
        self.traits.dedup();
    }

    /// Reads a text, with how it is written as its traits: how long, whether it asks, whom it calls.
    pub(crate) fn read_manner(&mut self, evidence: &Evidence) {
        self.read_words(evidence);
        let plain = &evidence.plain;
        let trait_of = |what: &str, number: usize| key(b'm', what) ^ number as u64;
        self.traits.clear();
        self.traits.push(trait_of("words", plain.words.len().max(1).ilog2() as usize));
        self.traits.push(trait_of("questions", plain.questions.min(2)));
        self.traits.push(trait_of("handles", plain.handles.len().min(2)));
    }

    fn read_words(&mut self, evidence: &Evidence) {
        let (plain, words) = (&evidence.plain, &evidence.plain.words);
        let words = words.get(..words.len().min(MOST_WORDS)).unwrap_or_default();
        let (told, pairs) = (&mut self.words, &mut self.pairs);
        told.clear();
        told.extend(words.iter().enumerate().map(|(at, word)| (key(b'w', plain.letters(word)), at)));
        pairs.clear();
        pairs.extend(told.windows(2).zip(words.get(1..).unwrap_or_default()).filter_map(|(pair, second)| {
            let [(a, at), (b, _)] = pair else { return None };
            (!second.begins_sentence).then(|| (pair_key(*a, *b), *at))
        }));
        self.subject.clear();
        let subject = words.iter().take(evidence.subject_end());
        self.subject.extend(subject.map(|word| key(b's', plain.letters(word))));
        for keys in [told, pairs] {
            keys.sort_unstable();
            keys.dedup_by_key(|(key, _)| *key);
        }
        self.subject.sort_unstable();
        self.subject.dedup();
    }
}

/// The letters of a word that was told.
pub(crate) fn letters(plain: &Plain, at: usize) -> &str {
    plain.words.get(at).map_or("", |word: &Word| plain.letters(word))
}

/// The key of a topic, by what it is called and whose it is.
pub(crate) fn topic_key(name: &str, seat: &str) -> u64 {
    pair_key(key(b't', name), key(b't', seat))
}

/// Calls `each` with the key of each run of letters of a word.
pub(crate) fn runs(letters: &str, mut each: impl FnMut(u64)) {
    let mut edged = [0; 34];
    let taken = letters.as_bytes().get(..letters.len().min(32)).unwrap_or_default();
    edged[0] = b'_';
    edged.iter_mut().skip(1).zip(taken).for_each(|(to, from)| *to = *from);
    let end = taken.len() + 1;
    edged.get_mut(end).into_iter().for_each(|to| *to = b'_');
    let edged = edged.get(..=end).unwrap_or_default();
    for length in RUNS {
        edged.windows(length).for_each(|run| each(hash(b'c', run)));
    }
}

pub(crate) fn key(sort: u8, letters: &str) -> u64 {
    hash(sort, letters.as_bytes())
}

fn hash(sort: u8, letters: &[u8]) -> u64 {
    let mut hasher = WordHasher::default();
    hasher.write_u8(sort);
    hasher.write(letters);
    // The length keeps `ab` apart from `ab\0`.
    hasher.write_u64(letters.len() as u64);
    hasher.finish()
}

fn pair_key(a: u64, b: u64) -> u64 {
    let mut hasher = WordHasher::default();
    hasher.write_u64(a);
    hasher.write_u64(b.rotate_left(17));
    hasher.finish()
}
