//! Makes a stranger's text harmless before a person reads it in a mail.
//!
//! What could forge a header, turn a line around, hide words or cover the page goes; what identifies a person is masked;
//! what is too long is cut where a word ends. Markup is not touched here: the HTML look escapes all of it.

use sahut_domain::mask::mask;
use unicode_normalization::char::is_combining_mark;

/// Longest title of an inquiry, in characters.
const TITLE_CHARS: usize = 60;

/// Combining marks that a letter may carry: enough for every living script, too few to cover the line above.
const MARKS_PER_LETTER: usize = 3;

/// What is read beyond a cut, so that a number or an address across it is masked before it is cut.
const BEYOND: usize = 100;

/// A citizen's words, ready to be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotation {
    /// The lines, without line ends.
    pub lines: Vec<String>,
    /// Whether the text went on.
    pub cut: bool,
}

/// Quotes at most `longest` characters of a text: masked, without control characters, at most one empty line in a row.
pub fn quote(text: &str, longest: usize) -> Quotation {
    let (text, cut) = shortened(text, longest);
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(String::is_empty)) {
            lines.push(line.to_owned());
        }
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Quotation { lines, cut }
}

/// The title of an inquiry: the first words of what the citizen wrote, masked, on one line. Empty when there are none.
///
/// ```
/// use sahut_render::tame::title;
/// assert_eq!(title("Jalan rusak\ndi Pasar Baru"), "Jalan rusak di Pasar Baru");
/// ```
pub fn title(text: &str) -> String {
    let (text, cut) = shortened(text, TITLE_CHARS);
    let mut title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if cut {
        title.push('…');
    }
    title
}

/// A text on one line, without control characters, and otherwise as it is: names, reasons, errors.
pub fn one_line(text: &str) -> String {
    cleaned(text, usize::MAX).0.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An address that a person may be sent to by a click: `https` or `http`, and nothing that could end the attribute.
pub fn web_address(address: &str) -> Option<&str> {
    let web = address.starts_with("https://") || address.starts_with("http://");
    let plain = address.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>`\\".contains(&b));
    (web && plain && address.len() <= 2000).then_some(address)
}

/// The first `longest` characters, cleaned and masked and cut where a word ends, and whether the text went on.
fn shortened(text: &str, longest: usize) -> (String, bool) {
    let (text, went_on) = cleaned(text.trim_start(), longest + BEYOND);
    let masked = mask(&text);
    // The end of what was read may be half a number: it is never shown, however much the masks shortened the text.
    let readable = masked.chars().count().saturating_sub(if went_on { BEYOND / 2 } else { 0 });
    if !went_on && readable <= longest {
        return (masked, false);
    }
    let end = masked.char_indices().nth(longest.min(readable)).map_or(masked.len(), |(at, _)| at);
    (masked[..word_end(&masked, end)].trim_end().to_owned(), true)
}

/// The last place at or before `end` where a word ends, unless that would throw away more than half.
fn word_end(text: &str, end: usize) -> usize {
    if text[end..].starts_with(char::is_whitespace) {
        return end;
    }
    text[..end].rfind(char::is_whitespace).filter(|at| *at >= end / 2).unwrap_or(end)
}

/// At most `longest` characters without what disturbs a reader, and whether there were more.
fn cleaned(text: &str, longest: usize) -> (String, bool) {
    let mut out = String::new();
    let mut kept = 0;
    let mut marks = 0;
    let mut before = None;
    for c in text.chars() {
        let c = match (c, before.replace(c)) {
            ('\n', Some('\r')) => continue,
            ('\r' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}', _) => '\n',
            ('\t', _) => ' ',
            _ => c,
        };
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks > MARKS_PER_LETTER || is_hidden(c) {
            continue;
        }
        if kept == longest {
            return (out, true);
        }
        out.push(c);
        kept += 1;
    }
    (out, false)
}

/// Characters without a shape of their own that command a display, hide words or carry hidden ones. The joiners that
/// emoji and some scripts need stay.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_is_one_short_line() {
        let long = "Assalamualaikum pak, mohon diperhatikan jalan di depan SD kami sudah lama rusak parah";
        assert_eq!(title(long), "Assalamualaikum pak, mohon diperhatikan jalan di depan SD…");
        assert_eq!(title("  Lampu\r\nmati\t\tdi simpang "), "Lampu mati di simpang");
        assert_eq!(title("NIK saya 1707012345678901"), "NIK saya 17••••••••••••01");
        assert_eq!(title("\u{200b}\n \u{202e}"), "");
        assert_eq!(title(&"a".repeat(500)), "a".repeat(60) + "…");
    }

    #[test]
    fn nothing_turns_hides_or_covers() {
        assert_eq!(one_line("a\u{202e}b\u{200b}c\u{7}d\u{e0041}"), "abcd");
        assert_eq!(one_line("Bcc: x\r\nSubject: y"), "Bcc: x Subject: y");
        let zalgo = "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}a";
        assert_eq!(one_line(zalgo), "z\u{300}\u{301}\u{302}a");
        assert_eq!(one_line("👨\u{200d}👩\u{200d}👧"), "👨\u{200d}👩\u{200d}👧");
    }

    #[test]
    fn a_quotation_keeps_lines_and_ends_at_a_word() {
        let quotation = quote("satu\r\n\r\n\r\n\r\ndua  \n\n", 100);
        assert_eq!(
            quotation,
            Quotation { lines: vec!["satu".into(), String::new(), "dua".into()], cut: false }
        );
        let long = quote(&"kata ".repeat(1000), 52);
        assert_eq!(long, Quotation { lines: vec![["kata"; 10].join(" ")], cut: true });
    }

    #[test]
    fn a_number_across_the_cut_is_masked_whole() {
        for before in 0..80 {
            let text = format!("{}1707012345678901 {}", "x ".repeat(before), "y ".repeat(200));
            assert!(!title(&text).contains("0123"), "{}", title(&text));
        }
        let addresses = "seseorang.dengan.nama.panjang@contoh.go.id ".repeat(40);
        assert!(!title(&addresses).contains("eseorang"), "{}", title(&addresses));
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(web_address("https://www.instagram.com/p/abc/?x=1&y=2#z").is_some());
        for bad in
            ["javascript:alert(1)", "https://a\" onload=\"", "https://a b", "data:text/html,x", "", "//a.b"]
        {
            assert!(web_address(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_text_is_tamed(text in any::<String>(), longest in 1_usize..80) {
            let quotation = quote(&text, longest);
            prop_assert!(quotation.lines.iter().map(|line| line.chars().count()).sum::<usize>() <= longest);
            prop_assert!(quotation.lines.iter().all(|line| !line.contains(|c: char| c.is_control())));
            prop_assert!(title(&text).chars().count() <= TITLE_CHARS + 1);
            prop_assert!(!title(&text).contains(char::is_control));
        }
    }
}
