//! The screen: what happens, as it happens, read from the journal like any other follower would.

use std::time::Duration;

use jiff::tz::TimeZone;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::office::OfficeCode;
use sahut_domain::{Clock, Language};
use sahut_pipeline::Context;
use sahut_render::format::moment;
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_simulator::Postbox;
use sahut_store::StoreError;
use sahut_store::inquiries::Inquiry;
use sahut_store::journal::Event;

use crate::output;

/// How often the journal is read.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How much of a citizen's text is shown, in characters.
const WIDTH: usize = 110;

const LANGUAGE: Language = Language::Indonesian;

/// Shows what happens.
pub(crate) struct Screen {
    context: Context,
    clock: Clock,
    colour: bool,
}

impl Screen {
    pub(crate) fn new(context: Context, clock: Clock) -> Self {
        let colour = output::shows_colours(&std::io::stdout());
        Self { context, clock, colour }
    }

    /// Shows the journal and the mails until it is dropped.
    pub(crate) async fn watch(&self, postbox: &Postbox) {
        tokio::join!(self.follow(), self.read_mails(postbox));
    }

    /// Follows the journal.
    async fn follow(&self) {
        let mut after = EventId(0);
        loop {
            match self.show_after(after).await {
                Ok(last) => after = last,
                Err(error) => tracing::error!(%error, "demo.not_shown"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Shows mails as the mail server takes them.
    async fn read_mails(&self, postbox: &Postbox) {
        let mut read = 0;
        loop {
            for letter in postbox.after(read).await {
                read += 1;
                let subject = mail_parser::MessageParser::default().parse(&letter.raw);
                let subject = subject.as_ref().and_then(|mail| mail.subject()).unwrap_or_default();
                self.print("34", &format!("   ✉  {} ← {}", letter.to.join(", "), one_line(subject)));
            }
        }
    }

    async fn show_after(&self, after: EventId) -> Result<EventId, StoreError> {
        let mut tx = self.context.db.read().await?;
        let events = tx.events_after(after, 100).await?;
        let mut last = after;
        for event in &events {
            last = event.id;
            let number = event.data.get("number").and_then(serde_json::Value::as_str);
            match (event.kind, number.and_then(|number| number.parse::<InquiryNumber>().ok())) {
                (EventKind::InquiryOpened, Some(number)) => {
                    if let Some(inquiry) = tx.inquiry(number).await? {
                        self.show_inquiry(&inquiry);
                    }
                }
                (EventKind::MessageSetAside, _) => {
                    if let Some(text) = tx.message_text(event.message).await? {
                        let kind =
                            event.data.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default();
                        let kind =
                            kind.parse().map_or("", |kind: sahut_domain::inquiry::Kind| word(kind, LANGUAGE));
                        self.print("90", &format!("   ·  disisihkan ({kind}): {}", cut(&text)));
                    }
                }
                _ => self.show_event(event),
            }
        }
        Ok(last)
    }

    fn show_inquiry(&self, inquiry: &Inquiry) {
        let line = &inquiry.line;
        let regency = self.context.regency.get();
        let name = |code: &OfficeCode| {
            regency.offices.get(code).map_or_else(|| code.to_string(), |office| office.short_name.clone())
        };
        let zone = inquiry.promises.first().and_then(|promise| TimeZone::get(&promise.explanation.zone).ok());
        let zone = zone.unwrap_or(TimeZone::UTC);
        let text = inquiry.messages.first().map(|message| cut(&message.text)).unwrap_or_default();
        let now = moment(self.clock.now(), &zone, LANGUAGE);
        self.print("0", &format!("\n{now}  {}  {}", one_line(&line.channel), one_line(&inquiry.citizen)));
        self.print("0", &format!("   “{text}”"));
        let due = moment(line.due_at, &zone, LANGUAGE);
        let colour = if line.triage { "33" } else { "32" };
        self.print(
            colour,
            &format!(
                "   →  {}  {}  {}  tenggat {due}",
                line.number,
                line.office_name,
                word(line.kind, LANGUAGE)
            ),
        );
        if let Some(decision) = &inquiry.decision {
            self.print("90", &format!("      {}", sahut_routing::explain(decision, &name, LANGUAGE)));
        }
    }

    fn show_event(&self, event: &Event) {
        let line = match event.kind {
            EventKind::ReplySent => format!("   ↩  jawaban {} tampil di kanal", event.actor),
            EventKind::InquiryContinued => "   +  warga menambah pesan".to_owned(),
            EventKind::InquiryReopened => "   +  warga bertanya lagi: janji baru berjalan".to_owned(),
            EventKind::DeadlineMissed => "   !  tenggat terlewat".to_owned(),
            EventKind::ReplyUncertain => "   ?  jawaban belum pasti terkirim: dicari di kanal".to_owned(),
            EventKind::ChannelTroubled => "   !  kanal bermasalah".to_owned(),
            _ => return,
        };
        self.print("36", &line);
    }

    fn print(&self, colour: &str, text: &str) {
        let text = if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() };
        // Standard output that is gone ends the demo in `output`; anything else is not worth an end.
        let _ = output::line(&text);
    }
}

fn cut(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= WIDTH {
        return line;
    }
    line.chars().take(WIDTH).collect::<String>() + "…"
}
