//! How alike two texts are: whether two citizens write about one happening, or one citizen writes twice.

use crate::learn::key;
use crate::plain::Plain;

/// As many marks of a text are kept.
const MARKS: usize = 48;

/// So many of the smallest marks tell at a glance whether two texts can have much in common.
const GLANCED: usize = 12;
/// As many of these have to agree. Of texts of which half is the same, one pair in fifty has fewer.
const LEAST: u32 = 3;

/// What is remembered of a text for comparing it: the smallest hashes of its words and pairs of words (a bottom-k
/// sketch). Short, and not the text itself; but whoever guesses a word can see whether it may be in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Likeness {
    marks: Vec<u32>,
    /// A bit for each of the smallest marks.
    glance: u128,
}

impl Likeness {
    /// Of a text.
    pub(crate) fn of(plain: &Plain) -> Self {
        let words: Vec<u64> = plain.words.iter().map(|word| key(b'l', plain.letters(word))).collect();
        let pairs = words.windows(2).map(|pair| match pair {
            [a, b] => a ^ b.rotate_left(23),
            _ => 0,
        });
        Self::from_marks(pairs.chain(words.iter().copied()).map(mark).collect())
    }

    /// Of marks that were kept.
    pub(crate) fn from_marks(mut marks: Vec<u32>) -> Self {
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MARKS);
        let glance = marks.iter().take(GLANCED).fold(0, |glance, mark| glance | 1 << (mark % u128::BITS));
        Self { marks, glance }
    }

    /// How much of what either text says both say, estimated, from 0 to 1 (the Jaccard index); 0 also where it is very
    /// little.
    pub(crate) fn share(&self, other: &Self) -> f64 {
        // Short texts have few marks to agree in.
        let shortest = self.marks.len().min(other.marks.len()).min(GLANCED);
        if shortest == GLANCED && (self.glance & other.glance).count_ones() < LEAST {
            return 0.0;
        }
        let (mut mine, mut theirs) = (self.marks.iter().peekable(), other.marks.iter().peekable());
        let (mut looked, mut both) = (0_u32, 0_u32);
        // The smallest of both together are a fair sample of all that either says.
        while looked < u32::try_from(MARKS).unwrap_or(u32::MAX) {
            let (a, b) = match (mine.peek(), theirs.peek()) {
                (None, None) => break,
                (a, b) => (a.map_or(u32::MAX, |a| **a), b.map_or(u32::MAX, |b| **b)),
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
    pub(crate) fn marks(&self) -> &[u32] {
        &self.marks
    }
}

/// A mark from a key: all bits of the key in the few that are kept.
pub(crate) fn mark(key: u64) -> u32 {
    let mixed = (key ^ (key >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32
}
