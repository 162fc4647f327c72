//! Answering a notice by mail: the address that a notice wants its answer at, and whom to believe that one comes from.
//!
//! The address names the notice, and by it the inquiry and the person: `sahut+77-k3j4h5g6f7d2s3a4@lebong.go.id`. What
//! follows the number is a code over both that only this installation can make: 80 bits, so that nobody finds one by
//! trying, in letters that survive servers which know no upper case.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::notice::NoticeId;
use sahut_mail::{ComposeError, Imap, Mailbox, ReadMail};
use sahut_store::letters::NoticeFacts;
use sahut_store::notify::NoticeWork;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Bytes of the code.
const CODE: usize = 10;

/// How notices are answered by mail.
pub struct Replies {
    local: String,
    domain: String,
    key: SecretSlice<u8>,
    trust: Trust,
    /// The mailbox where answers arrive, with a name that tells it from others; absent: they come in by a pipe.
    pub mailbox: Option<(String, Imap)>,
    /// Whether reports on a notice come back to its own address, and not to the sender's.
    pub takes_reports: bool,
}

/// Whom to believe that a mail comes from where it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Our own mail server, which calls itself so in `Authentication-Results`.
    Server(String),
    /// Whoever knows the address. Weaker: who sees a notice can answer it under the name of its recipient.
    Address,
}

/// An address that answers cannot be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplyAddressError {
    /// It is no address.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// There is no room for the code.
    #[error("the part before the at sign is too long: at most 30 characters, without a plus sign")]
    Local,
}

impl Replies {
    /// Answers at an address whose server delivers `name+anything@…` to `name@…`. `key` is this installation's own.
    ///
    /// # Errors
    /// It is no address, or has no room for a code.
    pub fn new(
        address: &str,
        key: SecretSlice<u8>,
        trust: Trust,
        mailbox: Option<(String, Imap)>,
    ) -> Result<Self, ReplyAddressError> {
        Mailbox::new(None, address)?;
        let address = address.to_lowercase();
        let (local, domain) = address.rsplit_once('@').unwrap_or_default();
        if local.len() > 30 || local.contains('+') {
            return Err(ReplyAddressError::Local);
        }
        Ok(Self {
            local: local.to_owned(),
            domain: domain.to_owned(),
            key,
            trust,
            mailbox,
            takes_reports: true,
        })
    }

    /// Where a notice wants its answer; nowhere when it is about no inquiry.
    pub fn address_of(&self, work: &NoticeWork) -> Option<Mailbox> {
        let inquiry = work.inquiry.as_ref()?.id;
        let code = self.code(work.id, inquiry, &work.recipient.mail, work.at);
        Mailbox::new(None, &format!("{}+{}-{code}@{}", self.local, work.id, self.domain)).ok()
    }

    /// Whether words hold the address of a notice.
    pub(crate) fn is_quoted_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let begun = format!("{}+", self.local);
        lower.split(begun.as_str()).skip(1).any(|rest| {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            after.len() < rest.len() && after.starts_with('-')
        })
    }

    /// The notices that the addresses of a mail name, proven or not, each with the code that it brings.
    pub(crate) fn named_in<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
    ) -> Vec<(NoticeId, String)> {
        addresses.into_iter().filter_map(|address| self.named(address)).collect()
    }

    fn named(&self, address: &str) -> Option<(NoticeId, String)> {
        let lower = address.to_lowercase();
        // A report brings the address as it stood in a header: perhaps with a name and brackets.
        let bare = lower.rsplit('<').next()?.split('>').next()?.trim();
        let (local, domain) = bare.rsplit_once('@')?;
        let (number, code) = local.strip_prefix(&self.local)?.strip_prefix('+')?.split_once('-')?;
        (domain == self.domain).then_some((NoticeId(number.parse().ok()?), code.to_owned()))
    }

    /// Whether a code is the one that was given out with a notice.
    pub(crate) fn proves(&self, notice: &NoticeFacts, code: &str) -> bool {
        let Some((inquiry, _)) = notice.inquiry else { return false };
        let right = self.code(notice.id, inquiry, &notice.recipient.mail, notice.at);
        right.as_bytes().ct_eq(code.as_bytes()).into()
    }

    /// Whether a mail is believed to come from where it says.
    pub(crate) fn believes(&self, mail: &ReadMail) -> bool {
        match &self.trust {
            Trust::Server(name) => mail.is_vouched_for_by(name),
            Trust::Address => !mail.has_many_senders,
        }
    }

    /// The moment is in it, since a restored backup gives numbers a second time.
    fn code(&self, notice: NoticeId, inquiry: InquiryId, recipient: &str, at: Timestamp) -> String {
        // Keys of every length are fine for this code.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()) else {
            return String::new();
        };
        let moment = at.as_microsecond();
        mac.update(format!("{notice}\n{inquiry}\n{moment}\n{}", recipient.to_lowercase()).as_bytes());
        base32(mac.finalize().into_bytes().get(..CODE).unwrap_or_default())
    }
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// Base 32 in lower case, RFC 4648 section 6, of five bytes at a time.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut out, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let at = usize::try_from((held >> bits) & 31).unwrap_or(0);
            out.push(char::from(LETTERS[at]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use sahut_domain::inquiry::InquiryNumber;
    use sahut_domain::notice::Template;
    use sahut_domain::office::Person;

    use super::*;

    fn replies(key: &[u8]) -> Replies {
        Replies::new("Sahut@Lebong.go.id", SecretSlice::from(key.to_vec()), Trust::Address, None).unwrap()
    }

    fn notice(id: i64) -> NoticeFacts {
        NoticeFacts {
            id: NoticeId(id),
            template: Template::Assignment,
            recipient: Person { name: "Admin".to_owned(), mail: "admin@dinkes.example".to_owned() },
            office: None,
            inquiry: Some((InquiryId(5), InquiryNumber { year: 2026, sequence: 1 })),
            created_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            data: serde_json::Value::Null,
        }
    }

    fn code(replies: &Replies, notice: &NoticeFacts) -> String {
        replies.code(notice.id, InquiryId(5), &notice.recipient.mail, notice.at)
    }

    #[test]
    fn an_address_is_recognised_however_a_server_writes_it() {
        let replies = replies(b"key");
        let code = code(&replies, &notice(77));
        assert_eq!(code.len(), 16);
        let address = format!("sahut+77-{code}@lebong.go.id");
        for written in [address.clone(), address.to_uppercase(), format!("\"Sahut\" <{address}>")] {
            assert_eq!(replies.named_in([written.as_str()]), [(NoticeId(77), code.clone())]);
        }
        assert!(replies.proves(&notice(77), &code));
        for other in [
            "sahut@lebong.go.id",
            "sahut+77@lebong.go.id",
            "sahut+x-y@lebong.go.id",
            "a+77-b@lebong.go.id",
            "",
        ] {
            assert!(replies.named_in([other]).is_empty(), "{other}");
        }
        let elsewhere = address.replace("lebong", "penipu");
        assert!(replies.named_in([elsewhere.as_str()]).is_empty());
    }

    #[test]
    fn a_code_is_good_for_one_notice_of_one_installation() {
        let (ours, theirs) = (replies(b"key"), replies(b"other"));
        let code = code(&ours, &notice(77));
        assert!(!theirs.proves(&notice(77), &code));
        assert!(!ours.proves(&notice(78), &code));
        let mut other = notice(77);
        other.recipient.mail = "lain@dinkes.example".to_owned();
        assert!(!ours.proves(&other, &code));
        let mut restored = notice(77);
        restored.at = Timestamp::from_second(1).unwrap();
        assert!(!ours.proves(&restored, &code), "the same number after a restore is another notice");
        let untied = NoticeFacts { inquiry: None, ..notice(77) };
        assert!(!ours.proves(&untied, &code));
        for guess in ["", "a", "aaaaaaaaaaaaaaaa", &code[..15]] {
            assert!(!ours.proves(&notice(77), guess));
        }
    }

    #[test]
    fn an_address_without_room_is_refused() {
        let new =
            |address: &str| Replies::new(address, SecretSlice::from(vec![1]), Trust::Address, None).map(drop);
        assert!(matches!(new("nope"), Err(ReplyAddressError::Compose(_))));
        assert_eq!(new(&format!("{}@x.id", "a".repeat(40))), Err(ReplyAddressError::Local));
        assert_eq!(new("sahut+x@x.id"), Err(ReplyAddressError::Local));
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
    }
}
