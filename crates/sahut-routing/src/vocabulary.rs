//! Finding the word of a rule that a word of a text was meant to be: by its stem, or with one letter changed.
//!
//! Only asked when the words as written gave nothing, because stems of formal Indonesian mislead as often as they help
//! (`perbaikan` and `baik` share one).

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use sahut_domain::decision::Manner;
use snowball_stemmers_rs::{Algorithm, Stemmer};

use crate::section::one_edit;
use crate::shorthand::Fnv;

/// Shorter words have too many neighbours.
const SHORTEST_NEAR: usize = 6;
/// Shorter words have no affixes to speak of.
const SHORTEST_STEM: usize = 5;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

/// The words of all duty phrases.
pub(crate) struct Vocabulary {
    stemmer: Stemmer,
    words: Vec<String>,
    /// Words that are meant as they are written.
    known: Map<String, ()>,
    /// By stem: the shortest word with that stem.
    by_stem: Map<String, usize>,
    /// By the hash of the word with one letter left out: the words to compare with.
    neighbours: Map<u64, Vec<usize>>,
}

impl Vocabulary {
    /// From the words of the duty phrases, and other words that are never changed.
    pub(crate) fn new(duty: BTreeSet<&str>, other: BTreeSet<&str>) -> Self {
        let stemmer = Stemmer::create(Algorithm::Indonesian);
        let mut words: Vec<String> = duty.iter().filter(|word| word.len() >= 4).map(|&word| word.to_owned()).collect();
        words.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        let known = duty.into_iter().chain(other).map(|word| (word.to_owned(), ())).collect();
        let mut by_stem = Map::default();
        let mut neighbours = Map::<u64, Vec<usize>>::default();
        for (number, word) in words.iter().enumerate() {
            by_stem.entry(stemmer.stem(word).into_owned()).or_insert(number);
            if word.len() >= SHORTEST_NEAR {
                without_one(word).for_each(|key| neighbours.entry(key).or_default().push(number));
            }
        }
        Self { stemmer, words, known, by_stem, neighbours }
    }

    /// The word of a rule that is meant by a word that no rule knows, and how that is known.
    pub(crate) fn meant(&self, word: &str) -> Option<(&str, Manner)> {
        if word.len() < SHORTEST_STEM || self.known.contains_key(word) {
            return None;
        }
        let stem = self.stemmer.stem(word);
        if let Some(same) = self.by_stem.get(stem.as_ref()).and_then(|number| self.words.get(*number)) {
            return Some((same, Manner::Stem));
        }
        self.near(word).map(|near| (near, Manner::Fuzzy))
    }

    fn near(&self, word: &str) -> Option<&str> {
        if word.len() < SHORTEST_NEAR {
            return None;
        }
        let candidates = without_one(word).filter_map(|key| self.neighbours.get(&key)).flatten();
        let number = candidates.filter(|number| self.words.get(**number).is_some_and(|w| is_slip(w, word))).min()?;
        self.words.get(*number).map(String::as_str)
    }
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

/// People rarely mistype the first letter, and words of different first letters are mostly different words.
fn is_slip(a: &str, b: &str) -> bool {
    a.as_bytes().first() == b.as_bytes().first() && one_edit(a, b)
}

/// Hashes of a word, whole and with each of its letters left out.
fn without_one(word: &str) -> impl Iterator<Item = u64> + '_ {
    (0..=word.len()).map(|skip| {
        let mut hash = Fnv::default();
        let bytes = word.as_bytes();
        hash.write(bytes.get(..skip).unwrap_or_default());
        hash.write(bytes.get(skip + 1..).unwrap_or_default());
        hash.finish()
    })
}
