//! `sahut letter`: mails of the offices that were not believed, and what becomes of them.

use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::letter::LetterId;
use sahut_domain::mask::mask;
use sahut_mail::Limits;
use sahut_render::format::moment;
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_store::letters::LetterLine;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Who orders it, as the journal names them.
    #[arg(long, global = true, default_value = "operator", env = "USER")]
    by: String,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Mails that are held, the newest first.
    List {
        /// Also those about which nothing has to be done any more.
        #[arg(long)]
        all: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// A mail as its writer wrote it, without what is quoted.
    Show {
        /// Its number.
        id: i64,
        /// Print the whole mail as it came.
        #[arg(long)]
        raw: bool,
    },
    /// Believe held mails: the running service does what they say.
    Accept {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Say that held mails are not needed.
    Drop {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List { all, limit, json } => list(app, *all, *limit, *json).await,
        Command::Show { id, raw } => show(app, LetterId(*id), *raw).await,
        Command::Accept { ids } => decide(app, ids, &args.by, true).await,
        Command::Drop { ids } => decide(app, ids, &args.by, false).await,
    }
}

async fn list(app: &App, all: bool, limit: i64, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let letters = db.read().await?.letters(!all, limit).await?;
    if json {
        return output::json(&letters);
    }
    if letters.is_empty() {
        return output::line("Tidak ada.");
    }
    let rows: Vec<[String; 5]> = letters.iter().map(row).collect();
    output::table(["SURAT", "DITERIMA (UTC)", "DARI", "NOMOR", "KEADAAN"], &rows)
}

fn row(line: &LetterLine) -> [String; 5] {
    let language = Language::Indonesian;
    let state = line.outcome.map_or_else(|| word(line.state, language), |outcome| word(outcome, language));
    [
        line.id.to_string(),
        moment(line.received_at, &TimeZone::UTC, language),
        line.sender.as_deref().map(one_line).unwrap_or_default(),
        line.inquiry.map(|number| number.to_string()).unwrap_or_default(),
        state.to_owned(),
    ]
}

async fn show(app: &App, id: LetterId, raw: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let (line, mail) = db.read().await?.letter(id).await?.ok_or_else(|| unknown(id))?;
    let mail = mail.ok_or_else(|| Failure::failed(format!("letter {id} is so old that its mail is gone")))?;
    if raw {
        return output::print(&mail);
    }
    let [_, received, sender, number, state] = row(&line);
    for (name, value) in [("Diterima", received), ("Dari", sender), ("Nomor", number), ("Keadaan", state)] {
        output::line(&format!("{name:<9} {value}"))?;
    }
    if let Some(detail) = &line.detail {
        output::line(&format!("{:<9} {}", "Sebab", one_line(detail)))?;
    }
    let words = sahut_mail::read(&mail, &Limits::default())
        .map_or_else(|error| error.to_string(), |mail| sahut_mail::without_quotes(&mail.text));
    // What a stranger wrote must not move the terminal's cursor.
    mask(&words).lines().try_for_each(|line| output::line(&format!("  {}", one_line(line))))
}

async fn decide(app: &App, ids: &[i64], by: &str, accept: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    for id in ids.iter().copied().map(LetterId) {
        let now = app.clock.now();
        let decided =
            if accept { tx.accept_letter(id, by, now).await? } else { tx.drop_letter(id, by, now).await? };
        if !decided {
            return Err(unknown(id));
        }
    }
    tx.commit().await?;
    let count = ids.len();
    output::line(&if accept {
        format!("{count} letter(s) are believed: the running service does what they say.")
    } else {
        format!("{count} letter(s) are dropped.")
    })
}

fn unknown(id: LetterId) -> Failure {
    Failure::failed(format!("no letter {id} is held: see `sahut letter list`; nothing was changed"))
}
