//! Taking an archive of mails (mbox) apart.

use std::io::{self, BufRead, Read};

/// How much of a line is looked at: what is longer cannot be a separator.
const LINE: u64 = 64 * 1024;

/// Reads the mails of an mbox file one after the other, holding one at a time in memory.
///
/// The variants that write a quoted `>From ` are understood (mboxo, mboxrd). After an interruption, seek to
/// [`MboxMail::end`] and go on with [`Mbox::resume`].
#[derive(Debug)]
pub struct Mbox<R> {
    reader: R,
    /// Where the next line begins.
    at: u64,
    /// Most bytes that are kept of one mail.
    most: usize,
    /// The separator of the mail to come was read already.
    separated: bool,
    line: Vec<u8>,
}

/// One mail of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MboxMail {
    /// Where its separator begins, in bytes from the start of the file.
    pub start: u64,
    /// Where the next mail's separator begins.
    pub end: u64,
    /// The mail, without separator and quoting.
    pub raw: Vec<u8>,
    /// It was longer than what is kept.
    pub cut: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Reads from the start of a file, keeping at most so many bytes of each mail.
    pub fn new(reader: R, most: usize) -> Self {
        Self::resume(reader, 0, most)
    }

    /// Reads on at an offset where a mail begins; the reader must stand there already.
    pub fn resume(reader: R, offset: u64, most: usize) -> Self {
        Self { reader, at: offset, most, separated: false, line: Vec::new() }
    }

    fn mail(&mut self) -> io::Result<Option<MboxMail>> {
        let separated = std::mem::take(&mut self.separated);
        if !separated && !self.find_separator()? {
            return Ok(None);
        }
        let start = self.at - length(&self.line);
        let mut mail = MboxMail { start, end: 0, raw: Vec::new(), cut: false };
        let mut after_blank = false;
        let mut whole_line = true;
        loop {
            if !self.read_line()? {
                mail.end = self.at;
                return Ok(Some(mail));
            }
            if whole_line && after_blank && is_separator(&self.line) {
                self.separated = true;
                mail.end = self.at - length(&self.line);
                // The blank line before a separator belongs to the archive, not to the mail.
                let blank = if mail.raw.ends_with(b"\r\n\r\n") { 2 } else { 1 };
                mail.raw.truncate(mail.raw.len() - if mail.cut { 0 } else { blank });
                return Ok(Some(mail));
            }
            let text = if whole_line { unquoted(&self.line) } else { &self.line };
            let room = self.most.saturating_sub(mail.raw.len());
            mail.raw.extend_from_slice(&text[..text.len().min(room)]);
            mail.cut |= text.len() > room;
            after_blank = whole_line && matches!(self.line.as_slice(), b"\n" | b"\r\n");
            whole_line = self.line.ends_with(b"\n");
        }
    }

    /// Skips to the first separator, which a file may begin with blank lines before.
    fn find_separator(&mut self) -> io::Result<bool> {
        while self.read_line()? {
            if is_separator(&self.line) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.reader.by_ref().take(LINE).read_until(b'\n', &mut self.line)?;
        self.at += length(&self.line);
        Ok(!self.line.is_empty())
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = io::Result<MboxMail>;

    fn next(&mut self) -> Option<Self::Item> {
        self.mail().transpose()
    }
}

fn length(line: &[u8]) -> u64 {
    u64::try_from(line.len()).unwrap_or(u64::MAX)
}

/// `From somebody Tue Nov 24 00:03:23 2026`: a sentence that begins with "From " has no time of day in it.
fn is_separator(line: &[u8]) -> bool {
    line.starts_with(b"From ")
        && line.windows(5).any(|window| {
            matches!(window, [a, b, b':', c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
        })
}

/// The line with one sign of quoting taken off, where it is a quoted separator.
fn unquoted(line: &[u8]) -> &[u8] {
    let signs = line.iter().take_while(|byte| **byte == b'>').count();
    if signs > 0 && line[signs..].starts_with(b"From ") { &line[1..] } else { line }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    const ARCHIVE: &str = "From a@contoh.id Tue Nov 24 00:03:23 2026\nSubject: satu\n\nFrom here on it rains.\n\
        \n>From 10:30 it floods.\n>>From 11:00 too.\n\nFrom - Tue Nov 24 00:04:00 2026\r\nSubject: dua\r\n\r\nisi\r\n";

    fn mails(text: &[u8]) -> Vec<MboxMail> {
        Mbox::new(Cursor::new(text), 1 << 20).map(Result::unwrap).collect()
    }

    #[test]
    fn mails_are_told_apart_and_unquoted() {
        let mails = mails(ARCHIVE.as_bytes());
        let texts: Vec<_> =
            mails.iter().map(|mail| String::from_utf8_lossy(&mail.raw).into_owned()).collect();
        assert_eq!(
            texts,
            [
                "Subject: satu\n\nFrom here on it rains.\n\nFrom 10:30 it floods.\n>From 11:00 too.\n",
                "Subject: dua\r\n\r\nisi\r\n"
            ]
        );
    }

    #[test]
    fn reading_goes_on_where_it_ended() {
        let all = mails(ARCHIVE.as_bytes());
        let end = all[0].end;
        let rest = &ARCHIVE.as_bytes()[usize::try_from(end).unwrap()..];
        let resumed: Vec<_> = Mbox::resume(Cursor::new(rest), end, 1 << 20).map(Result::unwrap).collect();
        assert_eq!(resumed, all[1..]);
    }

    #[test]
    fn a_huge_mail_is_cut_and_the_next_one_is_whole() {
        let huge = format!(
            "From a 10:00\nSubject: besar\n\n{}\n\nFrom b 10:01\nSubject: kecil\n\nisi\n",
            "x".repeat(300_000)
        );
        let mails: Vec<_> = Mbox::new(Cursor::new(huge.as_bytes()), 1000).map(Result::unwrap).collect();
        assert_eq!(mails.len(), 2);
        assert!(mails[0].cut && mails[0].raw.len() == 1000);
        assert_eq!(mails[1].raw, b"Subject: kecil\n\nisi\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(text in proptest::collection::vec(prop_oneof![
            Just("From a 10:00\n".to_owned()), Just("\n".to_owned()), Just("\r\n".to_owned()), "[ -~]{0,20}\n", ".{0,9}"
        ], 0..30)) {
            let text = text.concat();
            let mut before = 0;
            for mail in mails(text.as_bytes()) {
                prop_assert!(before <= mail.start && mail.start < mail.end);
                before = mail.end;
            }
            prop_assert!(before == 0 || before == length(text.as_bytes()));
        }
    }
}
