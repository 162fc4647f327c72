//! A text as the rules compare it, with the way back to the words that were written.

use crate::letters::{self, Folded};
use crate::shorthand::Shorthand;

/// Lower-case words of plain letters, each with a space before and after it: ` jalan rusak `.
///
/// Addresses of the web and handles are left out, letters written three times or more count once, `jalan2` is `jalan`,
/// letters written one by one are joined, and abbreviations are written out. A phrase is read by the same reader, so
/// that looking for `" " + phrase + " "` respects word boundaries.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// The words with their spaces; a single space when there are none.
    pub(crate) text: String,
    /// The words in their order.
    pub(crate) words: Vec<Word>,
    /// Where handles (`@dinkes`) stand in the original, without their `@`.
    pub(crate) handles: Vec<(usize, usize)>,
    /// How many question marks were seen.
    pub(crate) questions: usize,
    /// Whether somebody laughs in it.
    pub(crate) laughs: bool,
    /// Whether a word mixes Latin letters with those of another alphabet that are drawn like them.
    pub(crate) mixed: bool,
    /// Whether something was written in a way that hides it from a word list: letter by letter, or digits as letters.
    pub(crate) disguised: bool,
}

/// One word of a [`Plain`] text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    /// Where it begins in the plain text.
    pub(crate) start: usize,
    /// Where it ends in the plain text: the place of a space.
    pub(crate) end: usize,
    /// Where it stands in the original, in bytes.
    pub(crate) original: (usize, usize),
    /// Whether an abbreviation was written out.
    pub(crate) expanded: bool,
    /// Whether a sentence ended before it. A full stop ends none, because it also stands behind abbreviations.
    pub(crate) begins_sentence: bool,
}

/// As many letters written one by one are taken for one disguised word.
const SPELLED_OUT: usize = 4;

impl Plain {
    /// Reads a text, reusing the buffers.
    pub(crate) fn read(&mut self, original: &str, shorthand: &Shorthand) {
        self.text.clear();
        self.words.clear();
        self.handles.clear();
        self.questions = 0;
        self.laughs = false;
        self.disguised = false;
        self.mixed = false;
        self.text.push(' ');
        let mut reader = Reader {
            plain: self,
            shorthand,
            original,
            word: None,
            sentence_ended: true,
            untidy: false,
            alphabets: Alphabets::default(),
            singles: 0,
        };
        let mut at = 0;
        while at < original.len() {
            at = reader.step(at);
        }
        reader.close(original.len());
        if reader.singles >= SPELLED_OUT {
            reader.join_spelled();
        }
    }

    /// Where a stretch of words stands in the original.
    pub(crate) fn original(&self, start: usize, end: usize) -> (usize, usize) {
        let words = self.words.get(start..end).unwrap_or_default();
        let first = words.first().map_or(0, |word| word.original.0);
        (first, words.last().map_or(first, |word| word.original.1))
    }

    /// How many bytes of plain text a stretch of words takes.
    pub(crate) fn length(&self, start: usize, end: usize) -> usize {
        let words = self.words.get(start..end).unwrap_or_default();
        words.iter().map(|word| word.end - word.start).sum()
    }

    /// Whether a sentence ends within a stretch of words.
    pub(crate) fn is_parted(&self, start: usize, end: usize) -> bool {
        self.words.get(start + 1..end).is_some_and(|words| words.iter().any(|word| word.begins_sentence))
    }

    /// The letters of a word.
    pub(crate) fn letters(&self, word: &Word) -> &str {
        self.text.get(word.start..word.end).unwrap_or_default()
    }

    /// Where letters stand that were written one by one (`g a c o r`), by the numbers of the words.
    fn spelled_out(&self) -> Vec<std::ops::Range<usize>> {
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(first) = self.words.get(from) {
            if self.letters(first).starts_with(|c: char| c.is_ascii_digit()) {
                from += 1;
                continue;
            }
            let rest = self.words.get(from..).unwrap_or_default();
            let run = rest.iter().take_while(|word| word.end - word.start == 1).count();
            if run >= SPELLED_OUT {
                runs.push(from..from + run);
            }
            from += run + 1;
        }
        runs
    }
}

/// `wkwk`, however long and however it is mistyped.
fn is_laughter(word: &str) -> bool {
    word.len() >= 4 && word.starts_with(['w', 'k']) && word.bytes().all(|b| b == b'w' || b == b'k')
}

/// Reads one original into one [`Plain`].
struct Reader<'a> {
    plain: &'a mut Plain,
    shorthand: &'a Shorthand,
    original: &'a str,
    /// The word being read: where it begins in the plain text and in the original.
    word: Option<(usize, usize)>,
    /// Whether the next word begins a sentence.
    sentence_ended: bool,
    /// Whether the word has digits, letters outside ASCII, or one letter three times in a row.
    untidy: bool,
    alphabets: Alphabets,
    /// How many words of one letter there are.
    singles: usize,
}

/// What the letters of a word are taken from.
#[derive(Default)]
struct Alphabets {
    latin: bool,
    /// Greek or Cyrillic.
    others: bool,
}

impl Reader<'_> {
    /// Reads what stands at a place and returns the next place.
    fn step(&mut self, at: usize) -> usize {
        let rest = self.original.get(at..).unwrap_or_default();
        match rest.as_bytes().first().copied().unwrap_or_default() {
            first if first.is_ascii_alphanumeric() => {
                if self.word.is_none() && is_link(rest) {
                    return at + rest.find(char::is_whitespace).unwrap_or(rest.len());
                }
                at + self.letters(at, rest)
            }
            b'\'' => at + 1,
            b'@' => self.handle(at, rest),
            128.. => self.beyond_ascii(at, rest),
            other => {
                self.plain.questions += usize::from(other == b'?');
                self.close(at);
                self.sentence_ended |= matches!(other, b'\n' | b'?' | b'!' | b';');
                at + 1
            }
        }
    }

    /// Takes the letters and digits that stand together, and returns how many there are.
    fn letters(&mut self, at: usize, rest: &str) -> usize {
        let from = self.plain.text.len();
        self.word.get_or_insert((from, at));
        let (mut length, mut last, mut run) = (0, 0, 0);
        for byte in rest.bytes() {
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            run = if byte | 32 == last { run + 1 } else { 1 };
            self.untidy |= byte.is_ascii_digit() || run == 3;
            self.alphabets.latin |= byte.is_ascii_alphabetic();
            last = byte | 32;
            length += 1;
        }
        self.plain.text.push_str(rest.get(..length).unwrap_or_default());
        if let Some(new) = self.plain.text.get_mut(from..) {
            new.make_ascii_lowercase();
        }
        length
    }

    fn handle(&mut self, at: usize, rest: &str) -> usize {
        self.close(at);
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let length =
            rest.get(1..).and_then(|rest| rest.find(|c| !name(c))).map_or(rest.len(), |found| found + 1);
        if length > 1 {
            self.plain.handles.push((at + 1, at + length));
            self.drop_repost_mark();
        }
        at + length
    }

    /// Takes back the `RT` before a handle: it says that somebody else wrote this, and is no neighbourhood.
    fn drop_repost_mark(&mut self) {
        let Some(last) = self.plain.words.pop_if(|word| self.plain.text.get(word.start..) == Some("rt "))
        else {
            return;
        };
        self.plain.text.truncate(last.start);
        self.sentence_ended |= last.begins_sentence;
    }

    fn beyond_ascii(&mut self, at: usize, rest: &str) -> usize {
        let Some(c) = rest.chars().next() else { return self.original.len() };
        let from = self.plain.text.len();
        match letters::fold(c, &mut self.plain.text) {
            Folded::Letters => {
                self.untidy = true;
                self.alphabets.others |= matches!(c, '\u{370}'..='\u{52F}');
                self.word.get_or_insert((from, at));
            }
            Folded::Invisible => {}
            Folded::Break if matches!(c, '’' | 'ʼ') => {}
            Folded::Break => {
                self.plain.laughs |= matches!(c, '😂' | '🤣' | '😆' | '😅' | '😁' | '😄' | '😹' | '🤭');
                self.close(at);
            }
        }
        at + c.len_utf8()
    }

    /// Joins letters that were written one by one, and reads what they make like any other word.
    fn join_spelled(&mut self) {
        let runs = self.plain.spelled_out();
        if runs.is_empty() {
            return;
        }
        self.plain.disguised = true;
        let (text, words) = (std::mem::take(&mut self.plain.text), std::mem::take(&mut self.plain.words));
        self.plain.text.push(' ');
        let mut runs = runs.into_iter().peekable();
        for (at, word) in words.into_iter().enumerate() {
            let start = self.plain.text.len();
            self.plain.text.push_str(text.get(word.start..word.end).unwrap_or_default());
            if self.word.is_none() {
                self.sentence_ended = word.begins_sentence;
            }
            let Some(run) = runs.peek().filter(|run| run.contains(&at)) else {
                self.push(start, word.original, word.expanded);
                continue;
            };
            self.word.get_or_insert((start, word.original.0));
            self.untidy = true;
            if at + 1 == run.end {
                runs.next();
                self.close(word.original.1);
            }
        }
    }

    /// Ends the word being read, if there is one.
    fn close(&mut self, at: usize) {
        let Some((start, from)) = self.word.take() else { return };
        let Alphabets { latin, others } = std::mem::take(&mut self.alphabets);
        self.plain.mixed |= latin && others;
        if std::mem::take(&mut self.untidy) {
            self.tidy(start);
        }
        let word = self.plain.text.get(start..).unwrap_or_default();
        self.plain.laughs |= is_laughter(word);
        let original = (from, at);
        let Some(written_out) = self.shorthand.get(word) else {
            self.push(start, original, false);
            return;
        };
        self.plain.text.truncate(start);
        for word in written_out.split(' ') {
            let start = self.plain.text.len();
            self.plain.text.push_str(word);
            self.push(start, original, true);
        }
    }

    fn push(&mut self, start: usize, original: (usize, usize), expanded: bool) {
        let end = self.plain.text.len();
        self.singles += usize::from(end - start == 1);
        let begins_sentence = std::mem::take(&mut self.sentence_ended);
        self.plain.words.push(Word { start, end, original, expanded, begins_sentence });
        self.plain.text.push(' ');
    }

    /// Takes back drawn-out letters (`rusaaak`) and the digit of a reduplication (`jalan2`).
    fn tidy(&mut self, start: usize) {
        let word = self.plain.text.as_bytes().get(start..).unwrap_or_default();
        let drawn_out = |w: &[u8]| matches!(w, [a, b, c] if a == b && b == c && a.is_ascii_lowercase());
        if word.len() > 4 && word.windows(3).any(drawn_out) {
            let word = self.plain.text.split_off(start);
            push_shortened(&word, &mut self.plain.text);
        }
        let word = self.plain.text.get(start..).unwrap_or_default();
        let Some(digit) = word.bytes().position(|b| b.is_ascii_digit()) else { return };
        let tail = word.get(digit..).unwrap_or_default();
        if digit >= 3 && matches!(tail, "2" | "2nya" | "2an") {
            self.plain.text.truncate(start + digit);
        } else if word.bytes().any(|b| b.is_ascii_lowercase()) {
            self.plain.disguised = true;
        }
    }
}

fn is_link(rest: &str) -> bool {
    let starts = |prefix: &str| {
        rest.as_bytes().get(..prefix.len()).is_some_and(|b| b.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    matches!(rest.as_bytes().first(), Some(b'h' | b'H' | b'w' | b'W'))
        && (starts("http://") || starts("https://") || starts("www."))
}

/// Pushes a word in which runs of three letters or more are one letter.
fn push_shortened(word: &str, out: &mut String) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let after = rest.trim_start_matches(first);
        let run = rest.len() - after.len();
        let keep = if run >= 3 && first.is_ascii_lowercase() { 1 } else { run };
        out.push_str(rest.get(..keep).unwrap_or_default());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Plain {
        let shorthand =
            Shorthand::new([("jln", "jalan"), ("rs", "rumah sakit")].map(|(a, b)| (a.into(), b.into())));
        let mut plain = Plain::default();
        plain.read(text, &shorthand);
        plain
    }

    #[test]
    fn words_are_compared_as_they_are_meant() {
        for (written, read) in [
            ("Jalan RUSAK!!", " jalan rusak "),
            ("jln2 rusaaaak", " jalan rusak "),
            ("jalan2nya, e-KTP; gorong-gorong", " jalan e ktp gorong gorong "),
            ("lihat https://contoh.id/a?b=c ya", " lihat ya "),
            ("@dinkes.lebong tolong", " tolong "),
            ("RT @warga: RT 02 gelap", " rt 02 gelap "),
            ("ma'af, du’o", " maaf duo "),
            ("s l o t g.a.c.o.r", " slotgacor "),
            ("RT 02 RW 5 a b c", " rt 02 rw 5 a b c "),
            ("maaf", " maaf "),
            ("Rp 1000000", " rp 1000000 "),
            ("😀", " "),
        ] {
            assert_eq!(plain(written).text, read, "{written}");
        }
    }

    proptest! {
        #[test]
        fn reading_what_was_read_changes_nothing(text in prop_oneof![any::<String>(), "[a-zA-Z2 .@!]{0,40}", "([a-z0-9] ){0,9}[a-z]{0,5}2?"]) {
            let once = plain(&text).text;
            prop_assert_eq!(&plain(&once).text, &once);
        }
    }

    #[test]
    fn letters_one_by_one_are_read_like_a_word() {
        for (written, read) in [
            ("r s a b c d e", " rsabcde "),
            ("j l n", " j l n "),
            ("di g a c o r ya s l o t", " di gacor ya slot "),
            ("a a a a a a", " a "),
            ("1 s l o t 2 3 4 5", " 1 slot2345 "),
        ] {
            assert_eq!(plain(written).text, read, "{written}");
        }
        let text = "di g a c o r ya";
        let read = plain(text);
        let span = read.original(1, 2);
        assert_eq!(&text[span.0..span.1], "g a c o r");
    }

    #[test]
    fn the_way_back_leads_to_what_was_written() {
        let text = "Di Jln. rusak dekat R\u{301}S! Ya";
        let plain = plain(text);
        assert_eq!(plain.text, " di jalan rusak dekat rumah sakit ya ");
        let written = |start, end| {
            let span = plain.original(start, end);
            &text[span.0..span.1]
        };
        assert_eq!(written(1, 3), "Jln. rusak");
        assert_eq!(written(4, 6), "R\u{301}S");
        let begin: Vec<bool> = plain.words.iter().map(|word| word.begins_sentence).collect();
        assert_eq!(begin, [true, false, false, false, false, false, true]);
    }
}
