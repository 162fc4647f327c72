//! Between WordPress's HTML and plain text.

use mail_parser::decoders::html::html_to_text;

/// The plain text of HTML as it is displayed: line ends come from tags only.
pub(super) fn plain(html: &str) -> String {
    html_to_text(html).lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The plain text of a comment as it was typed: some tags, entities, and line ends that count.
pub(super) fn plain_lines(typed: &str) -> String {
    plain(&crate::reading::plain(typed).replace('\n', "<br>"))
}

/// Text that shows as it was written: an administrator's tags are not filtered by WordPress.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_reads_as_they_meant_it() {
        assert_eq!(
            plain_lines("Jalan <b>rusak</b>\r\nsejak 2 minggu\n\nTolong"),
            "Jalan rusak\nsejak 2 minggu\n\nTolong"
        );
        assert_eq!(plain_lines("A &amp; B &lt;3 &#8220;x&#8221;"), "A & B <3 “x”");
        assert_eq!(plain("<p>satu<br />\ndua</p>\n<p>tiga</p>\n"), "satu\ndua\ntiga");
    }

    #[test]
    fn markup_in_an_answer_stays_text() {
        assert_eq!(escape("<script>a && b</script>"), "&lt;script&gt;a &amp;&amp; b&lt;/script&gt;");
    }

    proptest! {
        #[test]
        fn any_html_is_read(html in "(?s).*") {
            let _ = plain(&html);
            let _ = plain_lines(&html);
        }

        #[test]
        fn an_escaped_answer_reads_back_as_itself(text in "[ -~é🙏\n]{0,200}") {
            let back = plain_lines(&escape(&text));
            prop_assert!(back.split_whitespace().eq(text.split_whitespace()), "{:?} {:?}", text, back);
        }
    }
}
