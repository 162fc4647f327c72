//! `sahut aside`: messages that need nobody by the rules, and the way back for those that do.

use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::mask::mask;
use sahut_domain::message::MessageId;
use sahut_render::format::moment;
use sahut_render::tame::one_line;
use sahut_render::words::word;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What was set aside, the newest first.
    List {
        /// Only those before this number.
        #[arg(long)]
        before: Option<i64>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Bring messages back: they are routed again as ones that need somebody. Routing learns from it.
    BringBack {
        /// Their numbers, as `sahut aside list` shows them.
        #[arg(required = true)]
        messages: Vec<i64>,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
}

#[derive(Serialize)]
struct Line {
    message: MessageId,
    written_at: jiff::Timestamp,
    channel: String,
    kind: sahut_domain::inquiry::Kind,
    /// Masked.
    text: String,
    why: String,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List { before, limit, json } => list(app, before.map(MessageId), *limit, *json).await,
        Command::BringBack { messages, by } => bring_back(app, messages, by).await,
    }
}

async fn list(app: &App, before: Option<MessageId>, limit: i64, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    // One more than is shown tells whether there are more.
    let mut found = tx.set_asides(before, limit + 1).await?;
    let is_cut = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    if is_cut {
        found.pop();
    }
    let last = found.last().map(|aside| aside.message).filter(|_| is_cut);
    let set =
        tx.revision().await?.and_then(|revision| RegencySet::read(&Files(revision.files), revision.id).ok());
    let zone = set.map_or(TimeZone::UTC, |set| set.zone());
    let language = Language::Indonesian;
    let lines: Vec<Line> = found
        .into_iter()
        .map(|aside| Line {
            message: aside.message,
            written_at: aside.written_at,
            channel: aside.channel,
            kind: aside.decision.kind,
            text: one_line(&mask(&aside.text)),
            why: sahut_routing::explain(&aside.decision, &ToString::to_string, language),
        })
        .collect();
    if json {
        output::json(&lines)?;
    } else {
        print(lines, &zone)?;
    }
    if let Some(last) = last {
        output::say(&format!("Ada lagi. Lanjutannya: --before {last}; lebih banyak: --limit N."));
    }
    Ok(())
}

fn print(lines: Vec<Line>, zone: &TimeZone) -> Result<(), Failure> {
    if lines.is_empty() {
        return output::line("Tidak ada.");
    }
    let language = Language::Indonesian;
    let rows: Vec<[String; 6]> = lines
        .into_iter()
        .map(|line| {
            let kind = word(line.kind, language).to_owned();
            let at = moment(line.written_at, zone, language);
            [line.message.to_string(), at, line.channel, kind, line.text, line.why]
        })
        .collect();
    output::table(["PESAN", "DITULIS", "KANAL", "JENIS", "ISI", "MENGAPA"], &rows)
}

async fn bring_back(app: &App, messages: &[i64], by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    for message in messages {
        if !tx.bring_back(MessageId(*message), by, app.clock.now()).await? {
            return Err(Failure::failed(format!(
                "message {message} is not set aside; nothing was changed: `sahut aside list` shows what is"
            )));
        }
    }
    tx.commit().await?;
    output::line(&format!("{} message(s) are routed again.", messages.len()))
}
