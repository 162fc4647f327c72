//! The short note that tells a citizen that their message arrived.

use sahut_domain::Language;

use crate::catalogue::say;

/// The gap where the code stands in an office's own words.
pub const CODE: &str = "{code}";

/// A receipt with the code that the citizen can ask by; in the office's own words where it has some.
pub fn receipt(code: &str, own: Option<&str>, language: Language) -> String {
    match own {
        Some(own) => own.replace(CODE, code),
        None => say(language, "receipt.text", &[("code", code)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_carries_the_code_in_whatever_words() {
        let usual = receipt("ABCDE-FGHJK", None, Language::Indonesian);
        assert!(usual.contains("kode ABCDE-FGHJK"), "{usual}");
        assert_eq!(receipt("A-B", Some("Kode {code}, {code}"), Language::English), "Kode A-B, A-B");
    }
}
