//! The words of an HTML mail, with marks where somebody else is quoted.

use mail_parser::decoders::html::html_to_text;

/// Stand for the begin and the end of a quote while tags become text; no mail can bring them along.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// HTML without its tags; lines within a `<blockquote>` begin with `> `, as they do in a plain mail.
///
/// Without the marks nobody could tell an answer below or between quotes from the quotes.
pub(crate) fn words(html: &str) -> String {
    let text = html_to_text(&marked(html));
    let mut depth = 0_usize;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut words = String::with_capacity(line.len());
        for c in line.chars() {
            match c {
                OPEN | CLOSE => {
                    put(&mut out, &words, depth, false);
                    words.clear();
                    depth = if c == OPEN { depth + 1 } else { depth.saturating_sub(1) };
                }
                c => words.push(c),
            }
        }
        put(&mut out, &words, depth, true);
    }
    out
}

/// Adds a line under its marks. Pieces around a mark make no empty lines of their own, and blocks within blocks only one.
fn put(out: &mut String, words: &str, depth: usize, is_line: bool) {
    let words = words.trim_end();
    let is_empty = words.trim().is_empty();
    if is_empty && (!is_line || depth > 0 || out.is_empty() || out.ends_with("\n\n")) {
        return;
    }
    if depth > 0 {
        out.extend(std::iter::repeat_n('>', depth.min(9)));
        out.push(' ');
    }
    out.push_str(words);
    out.push('\n');
}

/// The same HTML with a mark in the text at each begin and end of a quote.
fn marked(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + 64);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.extend(before.chars().filter(|c| ![OPEN, CLOSE].contains(c)));
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let name =
            tag[1..end].split(|c: char| !(c.is_ascii_alphanumeric() || c == '/')).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("blockquote") {
            out.extend(["<br>", &OPEN.to_string()]);
        } else if name.eq_ignore_ascii_case("/blockquote") {
            out.extend([CLOSE.to_string(), "<br>".to_owned()]);
        } else {
            out.push_str(&tag[..end]);
            // Each line of a mail is a block to most programs, and the parser breaks lines only after paragraphs.
            if name.eq_ignore_ascii_case("/div") {
                out.push_str("<br>");
            }
        }
        rest = &tag[end..];
    }
    out.extend(rest.chars().filter(|c| ![OPEN, CLOSE].contains(c)));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::words;

    #[test]
    fn quotes_are_marked_and_what_stands_between_them_is_not() {
        let html = "<p>Atas</p><blockquote type=cite>Satu<br>Dua<BLOCKQUOTE>Dalam</BLOCKQUOTE></blockquote><p>Bawah</p>";
        let text = words(html);
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines, ["Atas", "> Satu", "> Dua", ">> Dalam", "Bawah"]);
    }

    #[test]
    fn blocks_are_lines() {
        assert_eq!(
            words("<div><div>Satu</div><div>Dua</div></div><div><br></div><div>Tiga</div>").trim(),
            "Satu\nDua\n\nTiga"
        );
    }

    #[test]
    fn a_mark_that_a_mail_brings_along_is_none() {
        assert_eq!(words("<p>a\u{e000}b\u{e001}c</p>").trim(), "abc");
        assert_eq!(
            words("<p>a&#xe000;b</p>").lines().count(),
            2,
            "as an entity it quotes, and takes nothing away"
        );
    }

    proptest! {
        #[test]
        fn any_html_is_survived(html in "(<blockquote>|</blockquote>|<p|>|&[#x]{0,2}[0-9a-z]{0,5};|[a-z <>\u{e000}]){0,40}") {
            words(&html);
        }
    }
}
