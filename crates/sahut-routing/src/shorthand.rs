//! Abbreviations and what they stand for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Words that are written out before anything is looked for: `jln` is `jalan`.
#[derive(Debug, Default)]
pub(crate) struct Shorthand {
    written_out: HashMap<Box<str>, Box<str>, BuildHasherDefault<Fnv>>,
    longest: usize,
}

impl Shorthand {
    /// From pairs of an abbreviation and what it stands for, both in plain letters.
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let written_out: HashMap<_, _, _> =
            pairs.into_iter().map(|(short, long)| (short.into_boxed_str(), long.into_boxed_str())).collect();
        let longest = written_out.keys().map(|short| short.len()).max().unwrap_or_default();
        Self { written_out, longest }
    }

    /// What a word stands for.
    pub(crate) fn get(&self, word: &str) -> Option<&str> {
        if word.len() > self.longest { None } else { self.written_out.get(word).map(|long| &**long) }
    }
}

/// The Fowler-Noll-Vo hash: quicker than the standard one on words of a few letters. Its keys come from configuration,
/// so that nobody can choose them to collide.
#[derive(Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
