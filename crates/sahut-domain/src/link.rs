//! Signed links: who holds one may look at one inquiry for one office, and act on it, until the link expires.
//!
//! A link is 40 letters or so: number of the inquiry, when it expires, a mark of the person and the office that it was made
//! for, and an HMAC-SHA256 over them, cut to 128 bits. It names no person in clear and needs no row: whoever has the key
//! can tell a link that was made from one that was guessed, before anything is asked of a database.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as LETTERS;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use thiserror::Error;

use crate::inquiry::InquiryId;
use crate::office::OfficeCode;

/// Bytes of a link: inquiry, expiry in seconds, mark, signature.
const INQUIRY: usize = 5;
const EXPIRY: usize = 5;
const MARK: usize = 8;
const SIGNED: usize = INQUIRY + EXPIRY + MARK;
const SIGNATURE: usize = 16;

/// A key that links are signed with: 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; 32]);

/// The keys of an installation: the present one signs, both are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkKeys {
    present: LinkKey,
    before: Option<LinkKey>,
}

/// What a link is good for. Made by [`LinkKeys::read`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// Until when.
    pub expires_at: Timestamp,
    mark: [u8; MARK],
    key: LinkKey,
}

/// A link that opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadLink {
    /// Nobody here has made it: guessed, cut off, or signed with a key that is gone.
    #[error("the link was not made here")]
    Forged,
    /// It was good once.
    #[error("the link has expired")]
    Expired,
}

impl LinkKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be kept as a secret.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA256 over the parts, each with its length, for one use and no other.
    fn sign(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        // RFC 2104: a key that is shorter than the block is filled up with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in [purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    fn mark(&self, office: &OfficeCode, mail: &str) -> [u8; MARK] {
        let whole = self.sign("sahut link person", &[office.as_str().as_bytes(), mail.as_bytes()]);
        let whole = whole.finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl LinkKeys {
    /// Keys to sign with and to check with; `before` is what links that are still out were signed with.
    pub const fn new(present: LinkKey, before: Option<LinkKey>) -> Self {
        Self { present, before }
    }

    /// Makes a link for one person about one inquiry at one office.
    pub fn sign(&self, inquiry: InquiryId, office: &OfficeCode, mail: &str, expires_at: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(SIGNED + SIGNATURE);
        bytes.extend_from_slice(&inquiry.0.to_be_bytes()[8 - INQUIRY..]);
        bytes.extend_from_slice(&expires_at.as_second().to_be_bytes()[8 - EXPIRY..]);
        bytes.extend_from_slice(&self.present.mark(office, mail));
        let signature = self.present.sign("sahut link", &[&bytes]).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        LETTERS.encode(bytes)
    }

    /// Reads a link, in time that does not depend on what is wrong with its signature.
    pub fn read(&self, link: &str, now: Timestamp) -> Result<Pass, BadLink> {
        let bytes = LETTERS.decode(link).map_err(|_| BadLink::Forged)?;
        let (signed, signature) = bytes.split_at_checked(SIGNED).ok_or(BadLink::Forged)?;
        if signature.len() != SIGNATURE {
            return Err(BadLink::Forged);
        }
        let signs =
            |key: &&LinkKey| key.sign("sahut link", &[signed]).verify_truncated_left(signature).is_ok();
        let mut keys = [Some(&self.present), self.before.as_ref()].into_iter().flatten();
        let key = keys.find(signs).ok_or(BadLink::Forged)?;
        let (inquiry, rest) = signed.split_at(INQUIRY);
        let (expiry, mark) = rest.split_at(EXPIRY);
        let expires_at = Timestamp::from_second(number(expiry)).map_err(|_| BadLink::Forged)?;
        if expires_at <= now {
            return Err(BadLink::Expired);
        }
        let mark = std::array::from_fn(|at| mark[at]);
        Ok(Pass { inquiry: InquiryId(number(inquiry)), expires_at, mark, key: key.clone() })
    }
}

impl Pass {
    /// Whether it was made for this person at this office.
    pub fn is_for(&self, office: &OfficeCode, mail: &str) -> bool {
        self.key.mark(office, mail) == self.mark
    }
}

fn number(bytes: &[u8]) -> i64 {
    bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(seed: u8) -> LinkKeys {
        LinkKeys::new(LinkKey::new([seed; 32]), None)
    }

    fn office(code: &str) -> OfficeCode {
        OfficeCode::parse(code).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_link_names_what_it_was_made_for_and_nothing_else() {
        let link = keys(1).sign(InquiryId(4711), &office("dinkes"), "admin@dinkes.example", at(60));
        assert!(link.len() <= 48 && link.is_ascii(), "{link}");
        let pass = keys(1).read(&link, at(0)).unwrap();
        assert_eq!((pass.inquiry, pass.expires_at), (InquiryId(4711), at(60)));
        assert!(pass.is_for(&office("dinkes"), "admin@dinkes.example"));
        assert!(!pass.is_for(&office("dinkes"), "admin@dinsos.example"));
        assert!(!pass.is_for(&office("dinsos"), "admin@dinkes.example"));
    }

    #[test]
    fn a_link_ends_with_its_time_and_with_its_key() {
        let link = keys(1).sign(InquiryId(1), &office("dinkes"), "a@b.example", at(60));
        assert_eq!(keys(1).read(&link, at(60)), Err(BadLink::Expired));
        assert_eq!(keys(2).read(&link, at(0)), Err(BadLink::Forged));
        let rotated = LinkKeys::new(LinkKey::new([2; 32]), Some(LinkKey::new([1; 32])));
        assert!(rotated.read(&link, at(0)).unwrap().is_for(&office("dinkes"), "a@b.example"));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", LinkKey::new([7; 32])), "LinkKey(…)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn every_link_is_read_back(inquiry in 1_i64..1 << 39, second in 1_i64..1_000_000_000, mail in "[a-z]{1,20}@[a-z]{1,20}\\.id") {
            let link = keys(3).sign(InquiryId(inquiry), &office("dinkes"), &mail, at(second));
            let pass = keys(3).read(&link, at(0)).unwrap();
            prop_assert_eq!((pass.inquiry, pass.expires_at), (InquiryId(inquiry), at(second)));
            prop_assert!(pass.is_for(&office("dinkes"), &mail));
        }

        #[test]
        fn a_link_that_was_changed_is_forged(at_byte in 0_usize..34, bit in 0_u8..8) {
            let link = keys(3).sign(InquiryId(9), &office("dinkes"), "a@b.example", at(60));
            let mut bytes = LETTERS.decode(&link).unwrap();
            bytes[at_byte] ^= 1 << bit;
            prop_assert_eq!(keys(3).read(&LETTERS.encode(bytes), at(0)), Err(BadLink::Forged));
        }

        #[test]
        fn any_text_is_read_and_nothing_guessed_opens(text in any::<String>()) {
            prop_assert_eq!(keys(3).read(&text, at(0)), Err(BadLink::Forged));
        }
    }
}
