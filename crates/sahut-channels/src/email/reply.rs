//! Writing the mail that answers a mail.

use sahut_domain::channel::ChannelConfig;
use sahut_mail::{AutoSubmitted, ComposeError, Limits, Mail, Mailbox, ReadMail, is_message_id, read};

use crate::reading::fingerprint;
use crate::{Limit, Outgoing};

/// Longest answer, in characters. Mail has no limit of its own; this is longer than any letter.
const MOST_CHARS: usize = 100_000;

/// What the Message-IDs of answers begin with.
const REPLY: &str = "<sahut.reply.";
/// What the id begins with that stands for a thread whose first mail has none.
const MARK: &str = "<sahut.reply.thread.";

/// Writes answers in the name of one channel.
pub(super) struct Writer {
    channel: String,
    name: String,
    from: Mailbox,
}

impl Writer {
    pub(super) fn new(channel: &ChannelConfig, from: &str) -> Result<Self, ComposeError> {
        let from = Mailbox::new(Some(&channel.name), from)?;
        Ok(Self { channel: channel.code.to_string(), name: channel.name.clone(), from })
    }

    /// Whether answers come from this address.
    pub(super) fn is(&self, address: &str) -> bool {
        self.from.address().eq_ignore_ascii_case(address)
    }

    /// The Message-ID of an answer: the same at every attempt, so that a copy is recognised as a copy.
    pub(super) fn message_id(&self, key: &str) -> String {
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let key = if plain && key.len() <= 64 { key.to_owned() } else { fingerprint(key.as_bytes()) };
        format!("{REPLY}{}.{key}@{}>", self.channel, self.from.domain())
    }

    /// The mail, or why there can be none. `is_own` knows the channel's own addresses.
    pub(super) fn write(&self, reply: &Outgoing, is_own: &dyn Fn(&str) -> bool) -> Result<Mail, Limit> {
        let has = reply.text.chars().count();
        if has > MOST_CHARS {
            return Err(Limit::Length { platform: "e-mail", unit: "characters", has, most: MOST_CHARS });
        }
        let limits = Limits { attachment: 0, ..Limits::default() };
        let answered = reply.answers_raw.as_deref().and_then(|raw| read(raw, &limits).ok());
        if answered.as_ref().is_some_and(|mail| mail.automatic.is_some()) {
            return Err(Limit::NotAnswerable("a machine wrote this mail: nobody would read the answer"));
        }
        let references = self.references(reply, answered.as_ref());
        Ok(Mail {
            from: self.from.clone(),
            return_to: None,
            to: recipient(reply, answered.as_ref(), is_own)?,
            reply_to: None,
            subject: self.subject(reply.subject.as_deref()),
            message_id: self.message_id(&reply.key),
            in_reply_to: answered.and_then(|mail| mail.message_id).or_else(|| references.last().cloned()),
            references,
            auto_submitted: if reply.automatic { AutoSubmitted::Replied } else { AutoSubmitted::No },
            plain: reply.text.clone(),
            html: None,
            headers: Vec::new(),
        })
    }

    /// The ids of the thread, oldest first (RFC 5322, 3.6.4). Where the thread has none, a mark stands for it, so
    /// that the citizen's next mail comes back to it.
    fn references(&self, reply: &Outgoing, answered: Option<&ReadMail>) -> Vec<String> {
        let mut references = Vec::new();
        if let Some(mail) = answered {
            references.clone_from(&mail.references);
            if references.is_empty() {
                references.extend(mail.in_reply_to.clone());
            }
            references.extend(mail.message_id.clone());
        }
        if references.is_empty() {
            let mark = format!("{MARK}{}@{}>", reply.thread, self.from.domain());
            references.extend([reply.thread.clone(), mark].into_iter().find(|id| is_message_id(id)));
        }
        references
    }

    fn subject(&self, subject: Option<&str>) -> String {
        let subject: String =
            subject.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let subject = subject.trim();
        let begun = ["re:", "bls:", "balas:"].iter().any(|start| subject.to_lowercase().starts_with(start));
        match subject {
            "" => format!("Balasan dari {}", self.name),
            subject if begun => subject.to_owned(),
            subject => format!("Re: {subject}"),
        }
    }
}

/// Whether an id is that of an answer of ours.
pub(super) fn is_reply_id(id: &str) -> bool {
    id.starts_with(REPLY) && !id.starts_with(MARK)
}

/// The thread that a mark stands for.
pub(super) fn thread_of_mark(id: &str) -> Option<&str> {
    id.strip_prefix(MARK)?.split('@').next()
}

/// Where the writer wants answers, else who wrote; never ourselves.
fn recipient(
    reply: &Outgoing,
    answered: Option<&ReadMail>,
    is_own: &dyn Fn(&str) -> bool,
) -> Result<Mailbox, Limit> {
    let name = reply.citizen.name.as_deref();
    let wanted = answered.and_then(|mail| mail.reply_to.as_ref());
    let wanted = wanted.map(|to| (to.name.as_deref(), to.address.as_str()));
    let wrote = [&reply.citizen.external_id, &reply.citizen.handle].map(|address| {
        let address = address.as_deref()?;
        Some((name, address))
    });
    let candidates = [wanted].into_iter().chain(wrote).flatten();
    let mut addresses = candidates.filter(|(_, address)| !is_own(&address.to_lowercase()));
    addresses
        .find_map(|(name, address)| Mailbox::new(name, address).ok())
        .ok_or(Limit::NotAnswerable("the mail names no address that an answer can go to"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sahut_domain::channel::Platform;
    use sahut_domain::message::{Author, Surface};
    use sahut_domain::office::OfficeCode;

    use super::*;

    fn writer() -> Writer {
        let channel = ChannelConfig {
            code: OfficeCode::parse("surel-dinkes").unwrap(),
            office: OfficeCode::parse("dinkes").unwrap(),
            platform: Platform::Email,
            name: "Dinas Kesehatan".to_owned(),
            settings: serde_json::Value::Null,
            secrets: std::collections::BTreeMap::new(),
        };
        Writer::new(&channel, "dinkes@contoh.go.id").unwrap()
    }

    fn outgoing(raw: Option<&str>) -> Outgoing {
        Outgoing {
            key: "op-1".to_owned(),
            surface: Surface::Mail,
            thread: "0123456789abcdef".to_owned(),
            post: None,
            answers: "0123456789abcdef".to_owned(),
            answers_parent: None,
            answers_written_at: Timestamp::UNIX_EPOCH,
            citizen_wrote_at: Timestamp::UNIX_EPOCH,
            citizen: Author {
                external_id: Some("warga@contoh.id".to_owned()),
                name: Some("Warga".to_owned()),
                handle: None,
            },
            subject: Some("Air mati".to_owned()),
            text: "Sudah kami perbaiki.".to_owned(),
            automatic: false,
            first_attempt_at: None,
            answers_raw: raw.map(|raw| raw.as_bytes().to_vec()),
            others: Vec::new(),
        }
    }

    fn write(raw: Option<&str>) -> Result<Mail, Limit> {
        writer().write(&outgoing(raw), &|address| address == "dinkes@contoh.go.id")
    }

    #[test]
    fn an_answer_stands_in_its_thread_and_goes_where_the_writer_wants_it() {
        let mail = write(Some(
            "From: warga@contoh.id\nReply-To: Kantor <kantor@contoh.id>\nMessage-ID: <c@x>\nIn-Reply-To: <b@x>\n\
             References: <a@x> <b@x>\n\nMati lagi.\n",
        ))
        .unwrap();
        assert_eq!(mail.to.address(), "kantor@contoh.id");
        assert_eq!(mail.in_reply_to.as_deref(), Some("<c@x>"));
        assert_eq!(mail.references, ["<a@x>", "<b@x>", "<c@x>"]);
        assert_eq!(mail.subject, "Re: Air mati");
        assert_eq!(mail.message_id, "<sahut.reply.surel-dinkes.op-1@contoh.go.id>");
        assert_eq!(mail.auto_submitted, AutoSubmitted::No);
        assert!(is_reply_id(&mail.message_id));
    }

    #[test]
    fn a_thread_without_ids_is_found_again() {
        for raw in [None, Some("From: warga@contoh.id\n\nMati.\n")] {
            let mail = write(raw).unwrap();
            assert_eq!(mail.references.len(), 1);
            assert_eq!(thread_of_mark(&mail.references[0]), Some("0123456789abcdef"));
            assert!(mail.compose(Timestamp::UNIX_EPOCH).is_ok());
        }
    }

    #[test]
    fn machines_and_ourselves_are_not_answered() {
        let automatic = "From: warga@contoh.id\nAuto-Submitted: auto-replied\n\nSaya cuti.\n";
        assert!(matches!(write(Some(automatic)), Err(Limit::NotAnswerable(_))));
        let loops = "From: warga@contoh.id\nReply-To: dinkes@contoh.go.id\nMessage-ID: <a@x>\n\nHalo.\n";
        assert_eq!(write(Some(loops)).unwrap().to.address(), "warga@contoh.id");
        let nobody = Outgoing { citizen: Author::default(), ..outgoing(None) };
        assert!(writer().write(&nobody, &|_| false).is_err());
    }

    #[test]
    fn a_subject_cannot_forge_a_header() {
        let evil = Outgoing { subject: Some("a\r\nBcc: x@y.id".to_owned()), ..outgoing(None) };
        let mail = writer().write(&evil, &|_| false).unwrap();
        let bytes = mail.compose(Timestamp::UNIX_EPOCH).unwrap();
        assert!(!String::from_utf8(bytes).unwrap().contains("\r\nBcc"));
        assert_eq!(writer().subject(Some("RE: Air")), "RE: Air");
        assert_eq!(writer().subject(None), "Balasan dari Dinas Kesehatan");
    }

    #[test]
    fn a_key_of_any_kind_gives_a_usable_id() {
        for key in ["op-1", "kunci dengan spasi", "<>@", "é", ""] {
            assert!(is_message_id(&writer().message_id(key)), "{key}");
        }
        assert_ne!(writer().message_id("a b"), writer().message_id("a c"));
    }
}
