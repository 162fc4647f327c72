//! One mail, read into a message.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::message::{Attachment, Author, Item, Surface, ThreadKey, Visibility};
use sahut_mail::{Automatic, Correspondent, FetchedMail, Limits, ReadMail, read, without_quotes};

use super::reply::{is_reply_id, thread_of_mark};
use crate::reading::bad;
use crate::{BadItem, Returned};

/// How far a writer's clock may be ahead of the server's.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// How long a mail may have been under way or in an outbox before its date is taken for a mistake.
const BEHIND: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is known of the channel itself.
#[derive(Clone, Copy)]
pub(super) struct Office<'a> {
    /// Whether an address is one of the channel's own.
    pub(super) owns: &'a dyn Fn(&str) -> bool,
    /// The server whose word about a sender is believed, as it calls itself in Authentication-Results.
    pub(super) server: Option<&'a str>,
}

/// Reads a mail; of a report that an answer of ours did not arrive, also that.
pub(super) fn item(
    fetched: FetchedMail,
    office: Office<'_>,
    now: Timestamp,
) -> Result<(Item, Option<Returned>), BadItem> {
    // Files stay in the raw mail: of a message only their names are needed.
    let limits = Limits { attachment: 0, ..Limits::default() };
    let mail = read(&fetched.raw, &limits).map_err(|error| {
        let id = fetched.raw.is_empty().then(|| format!("uid {}", fetched.uid));
        bad(id, error.to_string(), &fetched.raw)
    })?;
    let own = office.wrote(&mail);
    let external_id = match &mail.message_id {
        Some(id) if own && is_reply_id(id) => id.clone(),
        _ => mail.identity.clone(),
    };
    let returned = returned(&mail, &external_id);
    let item = Item {
        thread: ThreadKey { external_id: thread(&mail, &external_id), surface: Surface::Mail, post: None },
        external_id,
        parent: parent(&mail),
        own,
        automatic: mail.automatic.is_some(),
        text: without_quotes(&mail.text),
        subject: mail.subject.clone(),
        written_at: written_at(mail.date, fetched.received_at, now),
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: attachments(mail.attachments, &fetched),
        author: author(office.writer(mail.from, mail.reply_to)),
        raw: fetched.raw,
    };
    Ok((item, returned))
}

/// The answer of ours that a report says was given up. One that is only late may still arrive.
fn returned(mail: &ReadMail, report: &str) -> Option<Returned> {
    let Some(Automatic::Bounce(bounce)) = &mail.automatic else { return None };
    let reply = bounce.message_id.as_ref().filter(|id| bounce.failed && is_reply_id(id))?;
    let status = bounce.status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
    let error = format!("the citizen's mail server gave it back{status}");
    Some(Returned { report: report.to_owned(), reply: reply.clone(), error })
}

impl Office<'_> {
    /// Whether the office itself wrote a mail that says so. Anybody can write an office's address into From, and the
    /// forms on an office's own site do, with the citizen in Reply-To; filed as the office's words, such a mail would
    /// keep a promise that nobody kept.
    fn wrote(&self, mail: &ReadMail) -> bool {
        if !mail.from.as_ref().is_some_and(|from| (self.owns)(&from.address)) {
            return false;
        }
        let for_somebody_else = mail.reply_to.as_ref().is_some_and(|to| !(self.owns)(&to.address));
        mail.message_id.as_deref().is_some_and(is_reply_id)
            || !for_somebody_else && self.server.is_some_and(|server| mail.is_vouched_for_by(server))
    }

    /// Who is behind a mail: in one that only says to be the office's, who wants the answer.
    fn writer(&self, from: Option<Correspondent>, reply_to: Option<Correspondent>) -> Option<Correspondent> {
        let says_ours = from.as_ref().is_some_and(|from| (self.owns)(&from.address));
        reply_to.filter(|to| says_ours && !(self.owns)(&to.address)).or(from)
    }
}

/// The first mail of the thread as far as the headers tell, else this one. Mail programs carry References along, so
/// all mails of a conversation name the same first one.
fn thread(mail: &ReadMail, external_id: &str) -> String {
    let root = mail.references.first().or(mail.in_reply_to.as_ref()).or(mail.message_id.as_ref());
    match root {
        Some(id) => thread_of_mark(id).unwrap_or(id).to_owned(),
        None => external_id.to_owned(),
    }
}

/// The answer of ours that is answered, or that a report is about: the only mails whose id is their Message-ID.
fn parent(mail: &ReadMail) -> Option<String> {
    let reported = match &mail.automatic {
        Some(Automatic::Bounce(bounce)) => bounce.message_id.as_ref(),
        _ => None,
    };
    reported.or(mail.in_reply_to.as_ref()).filter(|id| is_reply_id(id)).cloned()
}

/// The writer's Date where it can be true, else when the mailbox received the mail: citizens' clocks are often wrong,
/// and deadlines are counted from here.
fn written_at(date: Option<Timestamp>, received_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let received_at = received_at.unwrap_or(now);
    let credible = |date: &Timestamp| {
        let ahead = date.duration_since(received_at);
        ahead <= AHEAD && -ahead <= BEHIND
    };
    date.filter(credible).unwrap_or(received_at)
}

fn author(from: Option<Correspondent>) -> Author {
    match from {
        Some(Correspondent { name, address }) => {
            Author { external_id: Some(address.clone()), name, handle: Some(address) }
        }
        None => Author::default(),
    }
}

/// The files; of a mail that was too long to be read whole, also the mail itself as it lies on the server.
fn attachments(mut files: Vec<Attachment>, fetched: &FetchedMail) -> Vec<Attachment> {
    if fetched.is_cut() {
        files.push(Attachment {
            media_type: "message/rfc822".to_owned(),
            name: None,
            bytes: Some(u64::from(fetched.size)),
            reference: None,
            content: None,
        });
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read_one(mail: &str) -> Item {
        read_report(mail).0
    }

    fn read_report(mail: &str) -> (Item, Option<Returned>) {
        let raw = mail.replace('\n', "\r\n").into_bytes();
        let size = u32::try_from(raw.len()).unwrap();
        let fetched = FetchedMail { uid: 1, received_at: Some(at("2026-11-24T01:00:00Z")), size, raw };
        let office =
            Office { owns: &|address| address == "dinkes@contoh.go.id", server: Some("mx.contoh.go.id") };
        item(fetched, office, at("2026-11-24T02:00:00Z")).unwrap()
    }

    #[test]
    fn a_form_that_writes_in_the_offices_name_is_the_citizens() {
        let form = read_one(
            "Authentication-Results: mx.contoh.go.id; dmarc=pass\nFrom: Formulir <dinkes@contoh.go.id>\n\
             Reply-To: Warga <w@contoh.id>\nSubject: air\n\nAir mati.\n",
        );
        assert!(!form.own);
        assert_eq!((form.author.key(), form.author.name.as_deref()), (Some("w@contoh.id"), Some("Warga")));
    }

    #[test]
    fn what_says_to_be_the_offices_has_to_be_vouched_for_by_its_own_server() {
        let own = |results: &str| {
            read_one(&format!(
                "{results}From: dinkes@contoh.go.id\nMessage-ID: <a@x>\n\nSudah kami perbaiki.\n"
            ))
            .own
        };
        let passed = |server: &str, result: &str| format!("Authentication-Results: {server}; {result}\n");
        assert!(!own(""), "anybody can write this");
        assert!(own(&passed("mx.contoh.go.id", "spf=none; dmarc=pass (p=none) header.from=contoh.go.id")));
        assert!(own(&passed("MX.contoh.go.id 1", "auth=pass smtp.auth=dinkes")));
        assert!(own(&passed("mx.contoh.go.id", "dkim=pass header.d=contoh.go.id header.s=a")));
        assert!(!own(&passed("mx.contoh.go.id", "dkim=pass header.d=penipu.id")));
        assert!(!own(&passed("mx.contoh.go.id", "dmarc=fail header.from=contoh.go.id")));
        assert!(!own(&passed("mx.penipu.id", "dmarc=pass")));
        let forged = passed("mx.lain.id", "spf=pass") + &passed("mx.contoh.go.id", "dmarc=pass");
        assert!(!own(&forged), "below another server's, it is not ours");
    }

    #[test]
    fn a_thread_is_named_by_its_first_mail() {
        let first = read_one("From: Warga <W@contoh.id>\nMessage-ID: <a@x>\nSubject: air\n\nMati.\n");
        let answer = read_one(
            "From: w@contoh.id\nMessage-ID: <b@x>\nIn-Reply-To: <sahut.reply.uji.k@y>\n\
             References: <a@x> <sahut.reply.uji.k@y>\n\nMasih mati.\n",
        );
        let bare = read_one("From: w@contoh.id\n\nHalo.\n");
        assert_eq!(first.thread.external_id, "<a@x>");
        assert_eq!(answer.thread, first.thread);
        assert_eq!(answer.parent.as_deref(), Some("<sahut.reply.uji.k@y>"));
        assert_eq!(bare.thread.external_id, bare.external_id);
        assert_eq!(first.author.key(), Some("w@contoh.id"));
        assert!(!first.own && !first.automatic);
    }

    #[test]
    fn only_our_own_answers_are_known_by_their_message_id() {
        let own = read_one("From: dinkes@contoh.go.id\nMessage-ID: <sahut.reply.uji.k@y>\n\nSudah.\n");
        assert!(own.own);
        assert_eq!(own.external_id, "<sahut.reply.uji.k@y>");
        let forged = read_one("From: w@contoh.id\nMessage-ID: <sahut.reply.uji.k@y>\n\nSudah.\n");
        assert!(!forged.own);
        assert_ne!(forged.external_id, own.external_id, "nobody can take the place of our answer");
    }

    #[test]
    fn a_wrong_clock_does_not_move_a_deadline() {
        let (received, now) = (at("2026-11-24T01:00:00Z"), at("2026-11-24T02:00:00Z"));
        let written = |date: &str| written_at(Some(at(date)), Some(received), now);
        assert_eq!(written("2026-11-23T22:00:00Z"), at("2026-11-23T22:00:00Z"));
        assert_eq!(written("2010-01-01T00:00:00Z"), received);
        assert_eq!(written("2030-01-01T00:00:00Z"), received);
        assert_eq!(written_at(None, None, now), now);
    }

    #[test]
    fn machines_are_marked_and_a_report_hangs_under_the_answer_it_is_about() {
        let mail = |action: &str, status: &str| {
            format!(
                "Return-Path: <>\nFrom: MAILER-DAEMON@mx\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\
             Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; w@contoh.id\n\
             Action: {action}\nStatus: {status}\n--r\nContent-Type: text/rfc822-headers\n\n\
             Message-ID: <sahut.reply.uji.k@y>\n--r--\n",
            )
        };
        let (report, returned) = read_report(&mail("failed", "5.1.1"));
        assert!(report.automatic);
        assert_eq!(report.parent.as_deref(), Some("<sahut.reply.uji.k@y>"));
        let returned = returned.unwrap();
        assert_eq!((returned.report, returned.reply.as_str()), (report.external_id, "<sahut.reply.uji.k@y>"));
        assert!(
            returned.error.contains("5.1.1") && !returned.error.contains("w@contoh.id"),
            "{}",
            returned.error
        );
        assert_eq!(read_report(&mail("delayed", "4.4.1")).1, None, "it may still arrive");
    }

    #[test]
    fn what_is_no_mail_is_set_aside() {
        let fetched = FetchedMail { uid: 9, received_at: None, size: 0, raw: Vec::new() };
        let office = Office { owns: &|_| false, server: None };
        assert!(item(fetched, office, at("2026-11-24T02:00:00Z")).is_err());
    }
}
