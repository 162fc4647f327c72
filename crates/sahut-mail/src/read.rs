//! The bytes of a mail, turned into what somebody wrote.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use mail_parser::{
    Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};
use sahut_domain::message::Attachment;
use thiserror::Error;

use crate::automatic::{Automatic, recognise};
use crate::{fingerprint, html, is_message_id};

/// A mail as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMail {
    /// The same for every copy of the mail, and different for different mails: see [`read`].
    pub identity: String,
    /// Message-ID with its angle brackets; absent when missing or unusable.
    pub message_id: Option<String>,
    /// Message-ID of the mail that is answered.
    pub in_reply_to: Option<String>,
    /// Message-IDs of the thread, oldest first.
    pub references: Vec<String>,
    /// Who says to have written it. Easily forged.
    pub from: Option<Correspondent>,
    /// More than one sender is named: then nobody knows which of them others have looked at.
    pub has_many_senders: bool,
    /// Where the writer wants answers.
    pub reply_to: Option<Correspondent>,
    /// To and Cc.
    pub to: Vec<Correspondent>,
    /// Addresses in lower case that servers on the way say to have delivered it to.
    pub delivered_to: Vec<String>,
    /// Date as the writer's machine set it. Often wrong, sometimes by years.
    pub date: Option<Timestamp>,
    /// Subject.
    pub subject: Option<String>,
    /// The words with `\n` line ends: the plain parts, else the HTML without its tags.
    pub text: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// Why it is a machine's; absent when a person wrote it.
    pub automatic: Option<Automatic>,
    /// Authentication-Results headers as they stand: whom to believe is the reader's decision.
    pub authentication: Vec<String>,
}

/// Somebody in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// Display name.
    pub name: Option<String>,
    /// Address in lower case.
    pub address: String,
}

/// How much of a mail is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest content of one attachment, in bytes; of larger ones name and size are kept.
    pub attachment: usize,
    /// Largest content of all attachments together, in bytes.
    pub attachments: usize,
    /// Longest text, in characters.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attachment: 10 << 20, attachments: 25 << 20, text: 200_000 }
    }
}

/// A mail that cannot be read. Trying again does not help; a mended program may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReadError {
    /// There is no header in it.
    #[error("these bytes are not a mail")]
    NotAMail,
    /// The parser gave up on it.
    #[error("the mail makes the parser fail: keep it for a mended version")]
    Parser,
}

/// Reads a mail.
///
/// Its identity is a hash of Message-ID, Date, From, Subject and body. UIDs change when a mail is moved out and back or
/// a server is restored; Message-IDs may be missing, or repeated by broken programs. What was written, by whom and
/// when stays the same in every copy, while trace headers (Received, Delivered-To, X-...), which differ between
/// copies, are left out.
pub fn read(raw: &[u8], limits: &Limits) -> Result<ReadMail, ReadError> {
    // One mail that breaks the parser must not keep its neighbours from being read.
    catch_unwind(AssertUnwindSafe(|| {
        let message = MessageParser::default().parse(raw).ok_or(ReadError::NotAMail)?;
        if message.headers().is_empty() {
            return Err(ReadError::NotAMail);
        }
        Ok(take(&message, limits))
    }))
    .unwrap_or(Err(ReadError::Parser))
}

fn take(message: &Message<'_>, limits: &Limits) -> ReadMail {
    ReadMail {
        identity: identity(message),
        message_id: ids(message.header(HeaderName::MessageId)).pop(),
        in_reply_to: ids(Some(message.in_reply_to())).into_iter().next(),
        references: ids(Some(message.references())),
        from: message.from().and_then(first),
        has_many_senders: has_many_senders(message),
        reply_to: message.reply_to().and_then(first),
        to: [message.to(), message.cc()].into_iter().flatten().flat_map(all).collect(),
        delivered_to: ["Delivered-To", "X-Original-To", "Envelope-To"]
            .iter()
            .flat_map(|name| raw_headers(message, name))
            .map(|value| value.trim_matches(['<', '>']).to_lowercase())
            .collect(),
        date: message
            .date()
            .filter(|date| date.is_valid())
            .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        subject: message.subject().map(line).filter(|subject| !subject.is_empty()),
        text: text(message, limits.text),
        attachments: attachments(message, limits),
        automatic: recognise(message),
        authentication: raw_headers(message, "Authentication-Results"),
    }
}

/// All values of a header as they stand in the mail, unfolded.
pub(crate) fn raw_headers(message: &Message<'_>, name: &str) -> Vec<String> {
    let of_name = message.headers().iter().filter(|header| header.name.as_str().eq_ignore_ascii_case(name));
    of_name
        .filter_map(|header| {
            let (from, to) =
                (usize::try_from(header.offset_start).ok()?, usize::try_from(header.offset_end).ok()?);
            Some(line(&String::from_utf8_lossy(message.raw_message.get(from..to)?)))
        })
        .collect()
}

fn identity(message: &Message<'_>) -> String {
    let parts =
        ["Message-ID", "Date", "From", "Subject"].map(|name| raw_headers(message, name).join(",")).to_vec();
    let at = usize::try_from(message.root_part().offset_body).unwrap_or(usize::MAX);
    let body = message.raw_message.get(at..).unwrap_or_default();
    // Servers change line ends and what follows the last line; they do not change the lines.
    let lines = body.trim_ascii_end().split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    fingerprint(parts.iter().map(String::as_bytes).chain(lines))
}

fn ids(value: Option<&HeaderValue<'_>>) -> Vec<String> {
    let texts: Vec<&str> = match value {
        Some(HeaderValue::Text(text)) => vec![text],
        Some(HeaderValue::TextList(texts)) => texts.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().map(|id| format!("<{}>", id.trim())).filter(|id| is_message_id(id)).collect()
}

fn has_many_senders(message: &Message<'_>) -> bool {
    let headers = raw_headers(message, "From").len();
    headers > 1 || message.from().is_some_and(|from| from.iter().count() > 1)
}

fn first(address: &Address<'_>) -> Option<Correspondent> {
    all(address).next()
}

fn all(address: &Address<'_>) -> impl Iterator<Item = Correspondent> {
    address.iter().filter_map(|address| {
        let name = address.name().map(line).filter(|name| !name.is_empty());
        let address = line(address.address()?).to_lowercase();
        address.contains('@').then_some(Correspondent { name, address })
    })
}

/// One line without control characters.
fn line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text(message: &Message<'_>, most: usize) -> String {
    let parts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(Cow::Borrowed(text.as_ref())),
        PartType::Html(html) => Some(Cow::Owned(html::words(html))),
        _ => None,
    });
    let whole = parts.collect::<Vec<_>>().join("\n").replace("\r\n", "\n").replace('\r', "\n");
    let clean = whole.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    clean.take(most).collect::<String>().trim().to_owned()
}

fn attachments(message: &Message<'_>, limits: &Limits) -> Vec<Attachment> {
    let mut room = limits.attachments;
    let files = message.attachments().map(|part| {
        let content = content(part);
        let keep = content.len() <= limits.attachment.min(room);
        room -= if keep { content.len() } else { 0 };
        Attachment {
            media_type: media_type(part),
            name: part.attachment_name().and_then(file_name),
            bytes: u64::try_from(content.len()).ok(),
            reference: None,
            content: keep.then(|| content.to_vec()),
        }
    });
    files.collect()
}

/// The bytes of a part; of a mail within the mail, that whole mail.
pub(crate) fn content<'a>(part: &'a MessagePart<'_>) -> &'a [u8] {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        PartType::Message(message) => message.raw_message(),
        PartType::Multipart(_) => &[],
    }
}

/// The media type of a part in lower case.
pub(crate) fn media_type(part: &MessagePart<'_>) -> String {
    let known = part.content_type().and_then(|kind| Some(format!("{}/{}", kind.ctype(), kind.subtype()?)));
    let fits = |kind: &String| kind.bytes().all(|byte| byte.is_ascii_graphic()) && kind.len() <= 100;
    known.filter(fits).unwrap_or_else(|| "application/octet-stream".to_owned()).to_lowercase()
}

/// A file's name without folders, control characters and marks that turn the direction of writing ("fdp.exe").
fn file_name(name: &str) -> Option<String> {
    const TURNS: [char; 11] = [
        '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
        '\u{2067}', '\u{2068}', '\u{2069}',
    ];
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control() && !TURNS.contains(c)).take(120).collect();
    let clean = clean.trim().trim_start_matches('.');
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(raw: &str) -> ReadMail {
        read(raw.replace('\n', "\r\n").as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn copies_are_one_and_mails_with_a_repeated_id_are_two() {
        let mail = "Message-ID: <sama@contoh.id>\nFrom: Warga <warga@contoh.id>\nSubject: air\n\nAir mati.\n";
        let copy = format!("Received: from a by b\nDelivered-To: dinkes@contoh.id\n{mail}");
        let other = mail.replace("mati", "keruh");
        assert_eq!(parsed(mail).identity, parsed(&copy).identity);
        assert_ne!(parsed(mail).identity, parsed(&other).identity);
        let unix = read(mail.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(parsed(mail).identity, unix.identity, "line ends do not matter");
    }

    #[test]
    fn a_file_name_is_only_a_name() {
        for (sent, kept) in [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\foto.jpg", Some("foto.jpg")),
            ("surat\u{202e}fdp.exe", Some("suratfdp.exe")),
            (".bashrc", Some("bashrc")),
            ("a\r\nb.txt", Some("ab.txt")),
            ("..", None),
            ("dir/", None),
        ] {
            assert_eq!(file_name(sent).as_deref(), kept);
        }
    }

    #[test]
    fn large_attachments_keep_name_and_size_only() {
        let raw = "From: a@b.id\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhalo\n--x\n\
            Content-Type: image/jpeg; name=foto.jpg\nContent-Disposition: attachment; filename=foto.jpg\n\
            Content-Transfer-Encoding: base64\n\nAAAAAAAAAAAAAAAA\n--x--\n";
        let read = read(raw.as_bytes(), &Limits { attachment: 4, ..Limits::default() }).unwrap();
        assert_eq!(read.text, "halo");
        assert_eq!(read.attachments[0].name.as_deref(), Some("foto.jpg"));
        assert_eq!((read.attachments[0].bytes, &read.attachments[0].content), (Some(12), &None));
    }

    #[test]
    fn a_mail_without_headers_within_another_does_not_stop_the_reading() {
        let mail = parsed(
            "From: warga@contoh.id\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nAir mati.\n--x\n\
             Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\n--x--\n",
        );
        assert_eq!(mail.text, "Air mati.");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_ne!(read(&raw, &Limits::default()), Err(ReadError::Parser));
        }

        #[test]
        fn any_mail_of_pieces_is_survived(pieces in proptest::collection::vec(prop_oneof![
            Just("From: "), Just("Date: Thu, 99 Foo 99999 99:99:99 +9999\n"), Just("\n"), Just("--x\n"), Just("--x--\n"),
            Just("Content-Type: multipart/mixed; boundary=x\n"), Just("Content-Type: message/rfc822\n"),
            Just("Content-Type: text/html; charset=utf-7\n"), Just("Content-Transfer-Encoding: base64\n"),
            Just("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n"),
            Just("Content-Type: message/delivery-status\n"), Just("=?utf-8?b?4pyT?= <a@b>\n"), Just("<<a@b> "),
            Just("<p>&#x1F600;&nbsp;</"), Just("Message-ID: <a@b> <c\n"), Just("\u{e9}\u{0}=E9=\n"), Just(" folded\n"),
        ], 0..40)) {
            let mail = read(pieces.concat().as_bytes(), &Limits::default());
            prop_assert_ne!(&mail, &Err(ReadError::Parser));
            if let Ok(mail) = mail {
                prop_assert!(!mail.text.contains(['\r', '\0']));
                prop_assert_eq!(mail.identity.len(), 32);
            }
        }
    }
}
