//! Finding the word of a rule that a word of a text was meant to be: by its stem, or with one letter changed.
//!
//! Only asked when the words as written gave nothing, because stems of formal Indonesian mislead as often as they help
//! (`perbaikan` and `baik` share one).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasherDefault;

use sahut_domain::decision::Manner;
use snowball_stemmers_rs::{Algorithm, Stemmer};

use crate::section::one_edit;
use crate::shorthand::WordHasher;

/// Shorter words have too many neighbours.
const SHORTEST_NEAR: usize = 6;
/// Shorter words have no affixes to speak of.
const SHORTEST_STEM: usize = 5;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// The words of all duty phrases.
pub(crate) struct Vocabulary {
    stemmer: Stemmer,
    words: Vec<String>,
    /// Words that are meant as they are written.
    known: HashSet<String, BuildHasherDefault<WordHasher>>,
    /// By stem: the shortest word with that stem.
    by_stem: Map<String, usize>,
    /// Three letters that stand within each stem: a word without any of them shares no stem.
    tails: Trigrams,
    /// By the hash of the word with one letter left out: the words to compare with.
    neighbours: Map<u64, Vec<usize>>,
}

impl Vocabulary {
    /// From the words of the duty phrases, and other words that are never changed.
    pub(crate) fn new(duty: BTreeSet<&str>, other: BTreeSet<&str>) -> Self {
        let stemmer = Stemmer::create(Algorithm::Indonesian);
        let mut words: Vec<String> =
            duty.iter().filter(|word| word.len() >= 4).map(|&word| word.to_owned()).collect();
        words.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        let known = duty.into_iter().chain(other).map(ToOwned::to_owned).collect();
        let mut by_stem = Map::default();
        let mut tails = Trigrams::default();
        let mut neighbours = Map::<u64, Vec<usize>>::default();
        for (number, word) in words.iter().enumerate() {
            let stem = stemmer.stem(word);
            if let Some(tail) = tail(&stem) {
                tails.insert(tail);
                by_stem.entry(stem.into_owned()).or_insert(number);
            }
            if word.len() >= SHORTEST_NEAR {
                without_one(word).for_each(|key| neighbours.entry(key).or_default().push(number));
            }
        }
        Self { stemmer, words, known, by_stem, tails, neighbours }
    }

    /// The word of a rule that is meant by a word that no rule knows, and how that is known.
    pub(crate) fn meant(&self, word: &str) -> Option<(&str, Manner)> {
        if word.len() < SHORTEST_STEM || self.known.contains(word) {
            return None;
        }
        if let Some(same) = self.same_stem(word) {
            return Some((same, Manner::Stem));
        }
        self.near(word).map(|near| (near, Manner::Fuzzy))
    }

    fn same_stem(&self, word: &str) -> Option<&str> {
        // Stemming is slow beside everything else here, and most words share no stem with any rule.
        if !word.as_bytes().windows(3).any(|letters| self.tails.contains(letters)) {
            return None;
        }
        let number = self.by_stem.get(self.stemmer.stem(word).as_ref())?;
        self.words.get(*number).map(String::as_str)
    }

    fn near(&self, word: &str) -> Option<&str> {
        if word.len() < SHORTEST_NEAR {
            return None;
        }
        let candidates = without_one(word).filter_map(|key| self.neighbours.get(&key)).flatten();
        let number =
            candidates.filter(|number| self.words.get(**number).is_some_and(|w| is_slip(w, word))).min()?;
        self.words.get(*number).map(String::as_str)
    }
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

/// The second to fourth letter of a stem. They stand in every word of that stem: affixes are put around it, and change
/// at most its first letter (`sapu`, `menyapu`). Shorter stems are taken for none: too many words share them.
fn tail(stem: &str) -> Option<&[u8]> {
    stem.as_bytes().get(1..4)
}

/// A set of three-letter sequences, one bit each; digits share the bits of letters.
#[derive(Debug, Default)]
struct Trigrams(Vec<u64>);

impl Trigrams {
    const BITS: usize = 1 << 15;

    fn place(letters: &[u8]) -> (usize, u64) {
        let number =
            letters.iter().fold(0, |number, letter| number << 5 | usize::from(letter & 31)) % Self::BITS;
        (number / 64, 1 << (number % 64))
    }

    fn insert(&mut self, letters: &[u8]) {
        self.0.resize(Self::BITS / 64, 0);
        let (word, bit) = Self::place(letters);
        self.0.get_mut(word).into_iter().for_each(|bits| *bits |= bit);
    }

    fn contains(&self, letters: &[u8]) -> bool {
        let (word, bit) = Self::place(letters);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// People rarely mistype the first letter, and words of different first letters are mostly different words.
fn is_slip(a: &str, b: &str) -> bool {
    a.as_bytes().first() == b.as_bytes().first() && one_edit(a, b)
}

/// Hashes of a word, whole and with each of its letters left out.
fn without_one(word: &str) -> impl Iterator<Item = u64> + '_ {
    let fold = |hash: u64, letter: &u8| (hash ^ u64::from(*letter)).wrapping_mul(0x0100_0000_01B3);
    (0..=word.len()).map(move |skip| {
        let (before, rest) = word.as_bytes().split_at(skip);
        let after = rest.get(1..).unwrap_or_default();
        before.iter().chain(after).fold(0xCBF2_9CE4_8422_2325, fold)
    })
}
