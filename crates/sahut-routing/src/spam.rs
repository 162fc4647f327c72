//! Seeing through advertisements that hide from word lists.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

/// Shorter words turn up by chance when spaces are taken out.
const SHORTEST: usize = 6;

/// Spam phrases without their spaces, looked for in texts without theirs.
#[derive(Debug)]
pub(crate) struct Disguises {
    automaton: AhoCorasick,
}

impl Disguises {
    /// From spam phrases in plain letters.
    pub(crate) fn new<'a>(phrases: impl Iterator<Item = &'a str>) -> Result<Self, BuildError> {
        let squeezed = phrases.map(squeeze).filter(|phrase| phrase.len() >= SHORTEST);
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(squeezed)?;
        Ok(Self { automaton })
    }

    /// Whether a plain text shows a spam phrase once spaces are gone and digits are letters again.
    pub(crate) fn show_in(&self, plain: &str) -> bool {
        self.automaton.is_match(&squeeze(plain))
    }
}

/// Without spaces, and with digits as the letters they are drawn like.
fn squeeze(plain: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        other => other,
    };
    plain.chars().filter(|c| *c != ' ').map(letter).collect()
}
