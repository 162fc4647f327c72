//! Abbreviations and what they stand for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Words that are written out before anything is looked for: `jln` is `jalan`.
#[derive(Debug, Default)]
pub(crate) struct Shorthand {
    written_out: HashMap<Box<str>, Box<str>, BuildHasherDefault<WordHasher>>,
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

/// A hash that takes eight letters at once: quicker than the standard one on words. Its keys come from configuration, so
/// that nobody can choose them to collide.
#[derive(Debug, Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(eight));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }

    fn finish(&self) -> u64 {
        // The low bits choose the place in a table, and the high ones are the better mixed.
        self.0.rotate_left(26)
    }
}
