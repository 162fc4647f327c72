//! All phrases of a rule set as one tree of words: finding them takes one look-up a word, and a few more where a phrase
//! begins. That beats an automaton over letters, whose table outgrows the processor's cache.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::plain::Word;
use crate::shorthand::WordHasher;

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
    /// It speaks for a kind, by the number of a sign.
    Sign(usize),
    /// It tells of a danger, by the number of an emergency.
    Danger(usize),
    /// It silences a sign.
    Silences(usize),
    /// What follows only says where: `depan sekolah`.
    Landmark,
    /// What follows only compares: `macam kubangan kerbau`.
    Likening,
    /// The words in it do not mean what they mean elsewhere: `kebakaran jenggot`.
    Idiom,
}

/// A phrase with everything that it means.
#[derive(Debug)]
pub(crate) struct Phrase {
    /// As the rules write it.
    pub(crate) written: String,
    /// Meanings with their weights in points.
    pub(crate) uses: Vec<(Meaning, f64)>,
}

/// A phrase found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Number of its first word in the text.
    pub(crate) start: usize,
    /// Number of the word behind its last one.
    pub(crate) end: usize,
    /// Its number in the book.
    pub(crate) phrase: usize,
    /// Whether it was found only after changing words to their stems or near neighbours.
    pub(crate) near: bool,
}

/// A word of the book, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WordId(u32);

type Map<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// The phrases, and the tree that finds them.
#[derive(Debug, Default)]
pub(crate) struct Phrasebook {
    phrases: Vec<Phrase>,
    words: Map<Box<str>, WordId>,
    /// Where each word leads at the beginning of a phrase, by its number.
    first: Vec<Option<usize>>,
    nodes: Vec<Node>,
}

/// A beginning that some phrases share.
#[derive(Debug, Default)]
struct Node {
    /// The phrase that ends here.
    phrase: Option<usize>,
    /// Words that go on from here. Few, mostly none.
    next: Vec<(WordId, usize)>,
}

impl Phrasebook {
    /// From phrases in plain letters, each with what it means.
    pub(crate) fn new(phrases: Vec<(String, Phrase)>) -> Self {
        let mut book = Self::default();
        for (plain, phrase) in phrases {
            book.add(&plain, phrase);
        }
        for node in &mut book.nodes {
            node.next.sort_unstable_by_key(|(word, _)| word.0);
        }
        book
    }

    fn add(&mut self, plain: &str, phrase: Phrase) {
        let mut at = None;
        for word in plain.split(' ') {
            let word = self.learn(word);
            let known = match at {
                None => self.first.get(word.0 as usize).copied().flatten(),
                Some(node) => self.after(node, word),
            };
            at = Some(known.unwrap_or_else(|| self.grow(at, word)));
        }
        if let Some(node) = at.and_then(|node| self.nodes.get_mut(node)) {
            node.phrase = Some(self.phrases.len());
        }
        self.phrases.push(phrase);
    }

    fn learn(&mut self, word: &str) -> WordId {
        if let Some(known) = self.word(word) {
            return known;
        }
        let new = WordId(u32::try_from(self.words.len()).unwrap_or(u32::MAX));
        self.words.insert(word.into(), new);
        self.first.push(None);
        new
    }

    fn grow(&mut self, from: Option<usize>, word: WordId) -> usize {
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        match from {
            None => self.first.get_mut(word.0 as usize).into_iter().for_each(|first| *first = Some(new)),
            Some(from) => self.nodes.get_mut(from).into_iter().for_each(|node| node.next.push((word, new))),
        }
        new
    }

    /// Where a word leads from a node, while the book is still being written.
    fn after(&self, node: usize, word: WordId) -> Option<usize> {
        self.nodes.get(node)?.next.iter().find(|(known, _)| *known == word).map(|(_, next)| *next)
    }

    /// A word that some phrase has.
    pub(crate) fn word(&self, letters: &str) -> Option<WordId> {
        self.words.get(letters).copied()
    }

    /// Adds every phrase found to the hits: those that begin first, and of these the longest first. `ids` are the words
    /// of the text as the book knows them. A phrase does not reach over the end of a sentence.
    pub(crate) fn find(&self, words: &[Word], ids: &[Option<WordId>], near: bool, hits: &mut Vec<Hit>) {
        for (start, id) in ids.iter().enumerate() {
            let Some(mut node) = id.and_then(|id| self.first.get(id.0 as usize).copied().flatten()) else {
                continue;
            };
            let from = hits.len();
            let mut end = start + 1;
            while let Some(here) = self.nodes.get(node) {
                hits.extend(here.phrase.map(|phrase| Hit { start, end, phrase, near }));
                if here.next.is_empty() || words.get(end).is_none_or(|word| word.begins_sentence) {
                    break;
                }
                let Some(word) = ids.get(end).copied().flatten() else { break };
                let Ok(at) = here.next.binary_search_by_key(&word.0, |(w, _)| w.0) else { break };
                let Some((_, next)) = here.next.get(at) else { break };
                (node, end) = (*next, end + 1);
            }
            hits.get_mut(from..).into_iter().for_each(<[Hit]>::reverse);
        }
    }

    /// A phrase of one word.
    pub(crate) fn single(&self, letters: &str) -> Option<usize> {
        let node = self.first.get(self.word(letters)?.0 as usize).copied().flatten()?;
        self.nodes.get(node)?.phrase
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
