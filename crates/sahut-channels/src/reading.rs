//! What all readers of platforms' payloads share.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{BadItem, Page, Trouble};

/// Sets an item aside that could not be read. Without an id it is known by its payload, so that the same item is
/// quarantined once.
pub(crate) fn bad(id: Option<String>, error: String, raw: &[u8]) -> BadItem {
    BadItem { key: id.unwrap_or_else(|| fingerprint(raw)), error, raw: raw.to_vec() }
}

/// A page with nothing in it but what still cannot be read.
pub(crate) fn unread(raw: &[u8], trouble: &Trouble) -> Page {
    Page { bad: vec![bad(None, trouble.to_string(), raw)], ..Page::default() }
}

/// SHA-256 in hexadecimal.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A platform's own words for an error, fit for a log: one line, not too long, and without the secret that a
/// careless server might echo.
pub(crate) fn said(words: &str, secret: &str) -> String {
    const MOST_CHARS: usize = 200;
    let words = if secret.is_empty() { words.to_owned() } else { words.replace(secret, "***") };
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_CHARS).collect()
}

/// Text with `\n` line ends and no space around it.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platforms_words_are_cut_and_cleaned() {
        assert_eq!(said("no such bot\n12:ab", "12:ab"), "no such bot ***");
        assert_eq!(said(&"x".repeat(5000), "").len(), 200);
    }
}
