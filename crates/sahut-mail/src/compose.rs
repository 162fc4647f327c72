//! A mail to one recipient, and how it becomes bytes.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Message, MultiPart, SinglePart};
use thiserror::Error;

use crate::fingerprint;

/// Longest line of a mail in bytes, without its end (RFC 5322, 2.1.1).
const LINE_MOST: usize = 998;
/// Longest subject and display name, in characters: what is longer is cut, since no mail program shows it.
const TEXT_MOST: usize = 250;
/// How many ids of older mails are kept in References besides the first one.
const REFERENCES_MOST: usize = 20;

/// A mail to one recipient. Composed twice with the same moment, it is the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// Who writes.
    pub from: Mailbox,
    /// Where it is given back when it cannot be delivered; to who writes when absent.
    pub return_to: Option<Mailbox>,
    /// Who is written to.
    pub to: Mailbox,
    /// Where answers go, when not to the writer.
    pub reply_to: Option<Mailbox>,
    /// Subject; cut after 250 characters.
    pub subject: String,
    /// Message-ID in angle brackets, chosen before the first attempt so that copies are recognised.
    pub message_id: String,
    /// Message-ID of the mail that is answered.
    pub in_reply_to: Option<String>,
    /// Message-IDs of the thread, oldest first.
    pub references: Vec<String>,
    /// Whether a person or a machine wrote it.
    pub auto_submitted: AutoSubmitted,
    /// The words as plain text.
    pub plain: String,
    /// The words as HTML, for mail programs that prefer it.
    pub html: Option<String>,
    /// Further headers, such as List-Unsubscribe.
    pub headers: Vec<(String, String)>,
}

/// Whether a person or a machine wrote a mail (RFC 3834): machines do not answer machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoSubmitted {
    /// A person wrote it.
    No,
    /// A machine wrote it of its own accord.
    Generated,
    /// A machine answered.
    Replied,
}

impl AutoSubmitted {
    fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Generated => "auto-generated",
            Self::Replied => "auto-replied",
        }
    }
}

/// A checked address with the name of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox(lettre::message::Mailbox);

/// A mail that cannot be composed. Trying again does not help. Never names an address or a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ComposeError {
    /// Not an address that every mail server understands.
    #[error("not a plain mail address such as name@example.go.id, in ASCII")]
    Address,
    /// A header would break the mail apart, or could forge another header.
    #[error("header {name}: {problem}")]
    Header {
        /// The header's name.
        name: String,
        /// What is wrong with its value.
        problem: &'static str,
    },
}

impl Mailbox {
    /// Checks an address. International domains have to be written in their `xn--` form: not every server takes
    /// another.
    pub fn new(name: Option<&str>, address: &str) -> Result<Self, ComposeError> {
        let email = address.parse().map_err(|_| ComposeError::Address)?;
        if !address.is_ascii() {
            return Err(ComposeError::Address);
        }
        if name.is_some_and(breaks_out) {
            return Err(ComposeError::Header {
                name: "display name".to_owned(),
                problem: "it contains a line end",
            });
        }
        Ok(Self(lettre::message::Mailbox::new(name.map(short), email)))
    }

    /// The address alone.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }

    /// The part after the at sign.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(crate) fn email(&self) -> &lettre::Address {
        &self.0.email
    }
}

impl Mail {
    /// The mail as it goes over the wire. `now` becomes its Date.
    ///
    /// Everything is ASCII: names and subject as encoded words, texts as quoted-printable or base64 where needed. No
    /// line is longer than 998 bytes. The plain text comes before the HTML.
    pub fn compose(&self, now: Timestamp) -> Result<Vec<u8>, ComposeError> {
        self.check()?;
        // HTTP dates, which the Date header is made with, begin with the epoch.
        let since_epoch = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        let mut builder = Message::builder()
            .date(UNIX_EPOCH + since_epoch)
            .from(self.from.0.clone())
            .to(self.to.0.clone())
            .subject(short(&self.subject))
            .message_id(Some(self.message_id.clone()))
            .raw_header(raw("Auto-Submitted", self.auto_submitted.as_str())?);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.0.clone());
        }
        if let Some(id) = &self.in_reply_to {
            builder = builder.in_reply_to(id.clone());
        }
        if !self.references.is_empty() {
            builder = builder.header(header::References::from(self.thread()));
        }
        for (name, value) in &self.headers {
            builder = builder.raw_header(raw(name, value)?);
        }
        let plain = SinglePart::plain(clean(&self.plain));
        let message = match &self.html {
            None => builder.singlepart(plain),
            Some(html) => builder.multipart(
                MultiPart::alternative()
                    .boundary(self.boundary())
                    .singlepart(plain)
                    .singlepart(SinglePart::html(clean(html))),
            ),
        };
        let bytes = message.map_err(|_| bad("From", "the mail has no sender or no recipient"))?.formatted();
        let long = bytes.split(|byte| *byte == b'\n').find(|line| line.len() > LINE_MOST + 1);
        match long {
            None => Ok(bytes),
            Some(line) => {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                Err(bad(&String::from_utf8_lossy(&name[..name.len().min(76)]), "a word in it is too long"))
            }
        }
    }

    fn check(&self) -> Result<(), ComposeError> {
        let ids = [("Message-ID", Some(&self.message_id)), ("In-Reply-To", self.in_reply_to.as_ref())];
        let references = self.references.iter().map(|id| ("References", Some(id)));
        for (name, id) in ids.into_iter().chain(references) {
            if id.is_some_and(|id| !is_message_id(id)) {
                return Err(bad(name, "not a Message-ID such as <left@right>"));
            }
        }
        if breaks_out(&self.subject) {
            return Err(bad("Subject", "it contains a line end"));
        }
        Ok(())
    }

    /// The ids of the thread: the root, by which threads are recognised, and the youngest ones.
    fn thread(&self) -> String {
        let skipped = self.references.len().saturating_sub(REFERENCES_MOST).max(1);
        let ids: Vec<&str> = self
            .references
            .iter()
            .take(1)
            .chain(self.references.iter().skip(skipped))
            .map(String::as_str)
            .collect();
        ids.join(" ")
    }

    /// A line that cannot stand in the texts, since it depends on them.
    fn boundary(&self) -> String {
        let html = self.html.as_deref().unwrap_or_default();
        fingerprint([&self.message_id, &self.plain, html].map(str::as_bytes))
    }
}

/// Whether a text is a Message-ID in angle brackets that can stand in a header as it is.
pub fn is_message_id(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|id| {
        (1..=250).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
    })
}

fn raw(name: &str, value: &str) -> Result<HeaderValue, ComposeError> {
    if breaks_out(value) {
        return Err(bad(name, "it contains a line end"));
    }
    let field = name.bytes().all(|byte| byte.is_ascii_graphic());
    let header = HeaderName::new_from_ascii(name.to_owned());
    match header {
        Ok(header) if field => Ok(HeaderValue::new(header, value.to_owned())),
        _ => Err(bad("(name)", "not a header's name")),
    }
}

fn bad(name: &str, problem: &'static str) -> ComposeError {
    ComposeError::Header { name: name.to_owned(), problem }
}

/// Whether a value would end its header: the way in which mails are forged.
fn breaks_out(value: &str) -> bool {
    value.contains(['\r', '\n', '\0'])
}

fn short(text: &str) -> String {
    if text.chars().count() <= TEXT_MOST {
        return text.to_owned();
    }
    text.chars().take(TEXT_MOST - 1).chain(['…']).collect()
}

/// A body without control characters, which have no place in a mail, and with the line ends of a mail: lettre would
/// put those in one by one, in time that grows with the square of the length.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail() -> Mail {
        Mail {
            from: Mailbox::new(Some("Sahut Kabupaten Contoh"), "sahut@contoh.go.id").unwrap(),
            return_to: None,
            to: Mailbox::new(Some("Admin Dinkes"), "dinkes@contoh.go.id").unwrap(),
            reply_to: None,
            subject: "[K-2026-00123] Jalan rusak (Dinas PUPR)".to_owned(),
            message_id: "<sahut.contoh.n1@contoh.go.id>".to_owned(),
            in_reply_to: None,
            references: Vec::new(),
            auto_submitted: AutoSubmitted::Generated,
            plain: "Jalan berlubang – mohon dicek.\n".to_owned(),
            html: Some("<p>Jalan berlubang</p>".to_owned()),
            headers: vec![("X-Sahut-Instance".to_owned(), "contoh".to_owned())],
        }
    }

    fn composed(mail: &Mail) -> String {
        let now = "2026-11-24T00:03:23Z".parse().unwrap();
        String::from_utf8(mail.compose(now).unwrap()).unwrap()
    }

    #[test]
    fn the_plain_text_comes_first_and_the_date_is_the_given_one() {
        let text = composed(&mail());
        assert!(text.contains("Date: Tue, 24 Nov 2026 00:03:23 +0000\r\n"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated\r\n"));
        assert!(text.contains("MIME-Version: 1.0\r\n"));
        assert!(text.find("text/plain").unwrap() < text.find("text/html").unwrap());
        assert_eq!(text, composed(&mail()), "the same mail is the same bytes");
    }

    #[test]
    fn a_header_is_not_broken_out_of() {
        for evil in ["a\r\nBcc: x@y.id", "a\nb", "a\rb", "a\0b"] {
            assert!(Mail { subject: evil.to_owned(), ..mail() }.compose(Timestamp::UNIX_EPOCH).is_err());
            assert!(Mailbox::new(Some(evil), "a@contoh.id").is_err());
            assert!(Mailbox::new(None, &format!("{evil}@contoh.id")).is_err());
            for id in [evil.to_owned(), format!("<{evil}@x>")] {
                assert!(Mail { message_id: id.clone(), ..mail() }.compose(Timestamp::UNIX_EPOCH).is_err());
                assert!(Mail { references: vec![id], ..mail() }.compose(Timestamp::UNIX_EPOCH).is_err());
            }
            let headers = vec![("X-A".to_owned(), evil.to_owned())];
            assert!(Mail { headers, ..mail() }.compose(Timestamp::UNIX_EPOCH).is_err());
            let headers = vec![(evil.to_owned(), "a".to_owned())];
            assert!(Mail { headers, ..mail() }.compose(Timestamp::UNIX_EPOCH).is_err());
        }
    }

    #[test]
    fn a_long_thread_keeps_its_root_and_its_youngest() {
        let references: Vec<String> = (0..100).map(|n| format!("<m{n}@x>")).collect();
        let text = composed(&Mail { references, ..mail() }).replace("\r\n", "");
        assert!(text.contains("<m0@x> <m80@x>"), "{text}");
        assert!(text.contains("<m99@x>"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_arrives(
            subject in "[^\r\n\0]{0,300}", name in "[^\r\n\0]{0,300}", plain in any::<String>(), html in any::<String>()
        ) {
            let to = Mailbox::new(Some(&name), "warga@contoh.id").unwrap();
            let sent = Mail { to, subject: subject.clone(), plain: plain.clone(), html: Some(html), ..mail() };
            match sent.compose(Timestamp::UNIX_EPOCH) {
                Err(error) => prop_assert_ne!(error, ComposeError::Address),
                Ok(bytes) => {
                    prop_assert!(bytes.is_ascii());
                    prop_assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= LINE_MOST + 1));
                    let read = crate::read(&bytes, &crate::Limits::default()).unwrap();
                    prop_assert_eq!(&read.to[0].address, "warga@contoh.id");
                    prop_assert_eq!(read.to.len(), 1);
                    let words = clean(&plain).replace("\r\n", "\n");
                    prop_assert_eq!(read.text, words.trim());
                    prop_assert_eq!(read.message_id.as_deref(), Some("<sahut.contoh.n1@contoh.go.id>"));
                }
            }
        }
    }
}
