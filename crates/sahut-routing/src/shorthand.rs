//! Abbreviations and what they stand for.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::plain::Plain;
use crate::problem::{At, Problems};
use crate::section::Said;

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

    /// From what rule files say, noting what is no abbreviation and what stands for two things.
    pub(crate) fn read<'a>(said: impl Iterator<Item = &'a (Said, Said)>, problems: &mut Problems) -> Self {
        let nothing = Self::default();
        let mut plain = Plain::default();
        let mut read = |text: &str| {
            plain.read(text, &nothing);
            plain.text.trim().to_owned()
        };
        let mut pairs: BTreeMap<String, (String, &At)> = BTreeMap::new();
        for (short, long) in said {
            let (key, value) = (read(&short.text), read(&long.text));
            if key.is_empty() || value.is_empty() || key.contains(' ') {
                problems.error(
                    &short.at,
                    format!("`{}` is not an abbreviation of one word", short.text),
                    "",
                    "write one word, and what it stands for",
                );
            } else if let Some((other, at)) = pairs.get(&key).filter(|(other, _)| *other != value) {
                let what = format!("`{}` stands for `{other}` in {}", short.text, problems.place(at));
                problems.error(&long.at, what, "and for something else here", "keep one of them");
            } else {
                pairs.insert(key, (value, &short.at));
            }
        }
        Self::new(pairs.into_iter().map(|(short, (long, _))| (short, long)))
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
