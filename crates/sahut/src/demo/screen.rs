//! The screen: what happens, as it happens, read from the journal like any other follower would.

use std::time::Duration;

use jiff::tz::TimeZone;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryNumber, Kind};
use sahut_domain::office::OfficeCode;
use sahut_domain::{Clock, Language};
use sahut_pipeline::Context;
use sahut_render::format::moment;
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_simulator::Postbox;
use sahut_store::inquiries::Inquiry;
use sahut_store::journal::Event;
use sahut_store::{StoreError, Tx};

use crate::output;

/// How often the journal is read.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Under one of so many mails its link is shown.
const LINK_EVERY: usize = 5;

/// How much of a citizen's text is shown, in characters.
const WIDTH: usize = 110;

const LANGUAGE: Language = Language::Indonesian;

/// Shows what happens.
pub(crate) struct Screen {
    context: Context,
    clock: Clock,
    colour: bool,
    /// The last line of the journal that was shown.
    after: EventId,
    /// How many mails were shown.
    mails: usize,
}

impl Screen {
    pub(crate) fn new(context: Context, clock: Clock) -> Self {
        let colour = output::shows_colours(&std::io::stdout());
        Self { context, clock, colour, after: EventId(0), mails: 0 }
    }

    /// Shows the journal and the mails until it is dropped.
    pub(crate) async fn watch(&mut self, postbox: &Postbox) {
        loop {
            self.catch_up(postbox).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Shows what happened since it was last looked. The journal is read after the mails were counted: what a mail tells
    /// of stands there before the mail leaves, and is shown before it.
    pub(crate) async fn catch_up(&mut self, postbox: &Postbox) {
        let letters = postbox.letters();
        while let Err(error) = self.show_journal().await {
            tracing::error!(%error, "demo.not_shown");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for letter in letters.iter().skip(self.mails) {
            self.mails += 1;
            let mail = mail_parser::MessageParser::default().parse(&letter.raw);
            let subject = mail.as_ref().and_then(|mail| mail.subject()).unwrap_or_default();
            self.print("34", &format!("   ✉  {} ← {}", letter.to.join(", "), one_line(subject)));
            let words = mail.as_ref().and_then(|mail| mail.body_text(0)).unwrap_or_default();
            let link = words.lines().find(|line| line.starts_with("http") && line.contains("/i/"));
            if let Some(link) = link.filter(|_| self.mails % LINK_EVERY == 1) {
                self.print("90", &format!("      {link}"));
            }
        }
    }

    /// Shows the journal to its end.
    async fn show_journal(&mut self) -> Result<(), StoreError> {
        let mut tx = self.context.db.read().await?;
        loop {
            let events = tx.events_after(self.after, 100).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                self.show(&mut tx, event).await?;
                self.after = event.id;
            }
        }
    }

    async fn show(&self, tx: &mut Tx, event: &Event) -> Result<(), StoreError> {
        let fact = |name: &str| event.data.get(name).and_then(serde_json::Value::as_str);
        let number = fact("number").and_then(|number| number.parse::<InquiryNumber>().ok());
        match (event.kind, number) {
            (EventKind::InquiryOpened, Some(number)) => {
                if let Some(inquiry) = tx.inquiry(number).await? {
                    self.show_inquiry(&inquiry);
                }
            }
            (EventKind::MessageSetAside, _) => {
                if let Some(text) = tx.message_text(event.message).await? {
                    let kind = fact("kind").and_then(|kind| kind.parse::<Kind>().ok());
                    let kind = kind.map_or("", |kind| word(kind, LANGUAGE));
                    self.print("90", &format!("   ·  disisihkan ({kind}): {}", cut(&text)));
                }
            }
            _ => self.show_event(event),
        }
        Ok(())
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
