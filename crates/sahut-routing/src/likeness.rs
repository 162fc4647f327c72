//! How alike two texts are: whether two citizens write about one happening, or one citizen writes twice.

use crate::learn::key;
use crate::plain::Plain;
use crate::shorthand::Shorthand;

/// As many marks of a text are kept.
const MARKS: usize = 48;

/// What is remembered of a text for comparing it: the smallest hashes of its words and pairs of words (a bottom-k
/// sketch). Short, and says nothing about the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Likeness(Vec<u64>);

impl Likeness {
    /// Of a text.
    pub(crate) fn of(text: &str, shorthand: &Shorthand) -> Self {
        let mut plain = Plain::default();
        plain.read(text, shorthand);
        let words: Vec<u64> = plain.words.iter().map(|word| key(b'l', plain.letters(word))).collect();
        let pairs = words.windows(2).map(|pair| match pair {
            [a, b] => (a ^ b.rotate_left(23)).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            _ => 0,
        });
        let mut marks: Vec<u64> = pairs.chain(words.iter().copied()).collect();
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MARKS);
        Self(marks)
    }

    /// How much of what either text says both say, estimated, from 0 to 1 (the Jaccard index).
    pub fn share(&self, other: &Self) -> f64 {
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let (mut looked, mut both) = (0_u32, 0_u32);
        // The smallest of both together are a fair sample of all that either says.
        while looked < u32::try_from(MARKS).unwrap_or(u32::MAX) {
            let (a, b) = match (mine.peek(), theirs.peek()) {
                (None, None) => break,
                (a, b) => (a.map_or(u64::MAX, |a| **a), b.map_or(u64::MAX, |b| **b)),
            };
            looked += 1;
            both += u32::from(a == b);
            if a <= b {
                mine.next();
            }
            if b <= a {
                theirs.next();
            }
        }
        if looked == 0 { 0.0 } else { f64::from(both) / f64::from(looked) }
    }

    /// The marks, for looking up what may be alike.
    pub(crate) fn marks(&self) -> &[u64] {
        &self.0
    }
}
