//! Telling mails of machines from mails of people. A machine's mail never becomes an inquiry and is never answered:
//! two machines that answer each other do not stop.

use mail_parser::{Message, MessagePart};

use crate::is_message_id;
use crate::read::{content, media_type, raw_headers};

/// Why a mail is a machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Automatic {
    /// One of Sahut's own notices came back.
    Loop,
    /// A mail could not be delivered, or is late.
    Bounce(Bounce),
    /// Out of office, a receipt, an acknowledgement (RFC 3834).
    AutoReply,
    /// A mailing list or a newsletter.
    List,
}

/// What a delivery report says (RFC 3464), as far as it says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounce {
    /// The address that the mail was for.
    pub recipient: Option<String>,
    /// Enhanced status code, such as 5.1.1.
    pub status: Option<String>,
    /// The server has given up; false while it only tells of a delay.
    pub failed: bool,
    /// Message-ID of the mail that is reported on.
    pub message_id: Option<String>,
    /// Where that mail wanted answers.
    pub reply_to: Option<String>,
}

/// Headers that only answering machines write.
const ANSWERING: [&str; 4] = ["X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply"];

/// How answering machines that write none of these headers begin their subjects.
const SUBJECTS: [&str; 8] = [
    "automatic reply:",
    "auto reply:",
    "autoreply:",
    "out of office:",
    "balasan otomatis:",
    "jawaban otomatis:",
    "auto-balas:",
    "di luar kantor:",
];

pub(crate) fn recognise(message: &Message<'_>) -> Option<Automatic> {
    if is_own_notice(message) {
        return Some(Automatic::Loop);
    }
    if let Some(bounce) = bounce(message) {
        return Some(Automatic::Bounce(bounce));
    }
    if is_auto_reply(message) {
        return Some(Automatic::AutoReply);
    }
    is_list(message).then_some(Automatic::List)
}

/// Answers of the offices (`<sahut.reply...>`) are people's words; all else that Sahut sends is not.
fn is_own_notice(message: &Message<'_>) -> bool {
    let ours = |id: &str| id.starts_with("<sahut.") && !id.starts_with("<sahut.reply.");
    value(message, "X-Sahut-Instance").is_some() || value(message, "Message-ID").is_some_and(|id| ours(&id))
}

fn is_auto_reply(message: &Message<'_>) -> bool {
    let submitted = value(message, "Auto-Submitted").is_some_and(|value| !value.starts_with("no"));
    let answering = ANSWERING.iter().any(|name| value(message, name).is_some());
    // Exchange writes it into out-of-office mails; people's mails carry it not at all, or name single kinds of answers.
    let silenced = value(message, "X-Auto-Response-Suppress").is_some_and(|value| value == "all");
    let precedence = value(message, "Precedence").is_some_and(|value| value.starts_with("auto"));
    let subject = value(message, "Subject").unwrap_or_default();
    let report = root_is(message, "multipart/report");
    submitted
        || answering
        || silenced
        || precedence
        || report
        || SUBJECTS.iter().any(|start| subject.starts_with(start))
}

fn is_list(message: &Message<'_>) -> bool {
    let precedence = value(message, "Precedence").unwrap_or_default();
    let list = ["List-ID", "List-Post", "List-Unsubscribe"].iter().any(|name| value(message, name).is_some());
    list || ["bulk", "list", "junk"].contains(&precedence.as_str())
}

fn bounce(message: &Message<'_>) -> Option<Bounce> {
    let report = message.parts.iter().find(|part| media_type(part) == "message/delivery-status");
    // RFC 5321, 4.5.5: a report on a mail has no return path, so that nobody reports on the report.
    let no_return = value(message, "Return-Path").is_some_and(|path| path == "<>");
    let from = value(message, "From").unwrap_or_default();
    let by_postmaster = ["mailer-daemon@", "postmaster@"].iter().any(|name| from.contains(name));
    if report.is_none() && !(no_return && by_postmaster) {
        return None;
    }
    let fields = report.map(|part| String::from_utf8_lossy(content(part)).into_owned()).unwrap_or_default();
    let field = |name: &str| {
        let mut lines = fields.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let address = |value: String| value.rsplit(';').next().map(|text| text.trim().to_lowercase());
    let status = field("Status").and_then(|value| value.split_whitespace().next().map(str::to_owned));
    let failed = match field("Action") {
        Some(action) => action.eq_ignore_ascii_case("failed"),
        None => status.as_ref().is_none_or(|status| status.starts_with('5')),
    };
    Some(Bounce {
        recipient: field("Original-Recipient").or_else(|| field("Final-Recipient")).and_then(address),
        status,
        failed,
        message_id: message
            .parts
            .iter()
            .find_map(|part| reported(part, "Message-ID"))
            .filter(|id| is_message_id(id)),
        reply_to: message.parts.iter().find_map(|part| reported(part, "Reply-To")),
    })
}

/// A header in the part that holds the reported mail, or its headers.
fn reported(part: &MessagePart<'_>, name: &str) -> Option<String> {
    if !["message/rfc822", "text/rfc822-headers", "message/rfc822-headers"]
        .contains(&media_type(part).as_str())
    {
        return None;
    }
    let text = String::from_utf8_lossy(content(part)).replace("\r\n", "\n");
    let text = text.replace("\n ", " ").replace("\n\t", " ");
    let head = text.lines().take_while(|line| !line.trim().is_empty());
    let (_, value) =
        head.filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim().to_owned())
}

fn root_is(message: &Message<'_>, kind: &str) -> bool {
    media_type(message.root_part()) == kind
}

/// A header's value in lower case.
fn value(message: &Message<'_>, name: &str) -> Option<String> {
    raw_headers(message, name).into_iter().next().map(|value| value.to_lowercase())
}
