//! `sahut inquiry`: lists, one inquiry with everything around it, and what people put right about it.

pub(super) mod show;

use jiff::Timestamp;
use sahut_domain::Language;
use sahut_domain::inquiry::{InquiryNumber, Passing, State};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_render::format::{time_left, whole};
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_store::Tx;
use sahut_store::inquiries::{Filter, Line};
use sahut_store::pass_on::{NotOurs, PassedOn};

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Inquiries: the open ones first, emergencies before others, then by due moment; then what owes no answer, the newest
    /// first.
    List(ListArgs),
    /// One inquiry: messages, reasons, promises, answers, journal.
    Show {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give an inquiry to an office, or confirm the one that has it. Routing learns from it.
    Give(GiveArgs),
    /// Say for an office that an inquiry is not its own ("bukan wewenang kami"). It goes to the office that is named, else to
    /// the one that decides; after it was passed on twice, that one decides for good.
    NotOurs {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Code of the office that it is for; left out where nobody knows.
        #[arg(long)]
        to: Option<String>,
        /// Why, for the next office and the journal.
        #[arg(long)]
        reason: String,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
    /// Close an inquiry that asks for nothing: talk, thanks, an advertisement. Routing learns from it.
    Talk {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
    /// Close an inquiry whose citizen was answered and whose matter is settled.
    Settle {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
    /// Take back a mistaken `inquiry talk` or `settle`: the inquiry stands as it stood, its promise runs from when it always ran, and
    /// with the next training routing forgets the lesson.
    Reopen {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
}

#[derive(Debug, clap::Args)]
struct GiveArgs {
    /// Its number, such as K-2026-00123.
    number: InquiryNumber,
    /// Code of the office.
    office: String,
    /// Why, for the office and the journal.
    #[arg(long, default_value = "")]
    reason: String,
    /// Only this one: it is taken out of its incident first. Otherwise the whole incident is given.
    #[arg(long)]
    only: bool,
    /// Who decides.
    #[arg(long, default_value = "operator")]
    by: String,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command, each on its own")]
struct ListArgs {
    /// Only of this office.
    #[arg(long)]
    office: Option<String>,
    /// Only in this state: open, answered, waiting, closed.
    #[arg(long)]
    state: Option<State>,
    /// Only what is late.
    #[arg(long)]
    overdue: bool,
    /// Only what people have to decide.
    #[arg(long)]
    triage: bool,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
    /// All there are.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Only those that stand behind this one in the list: the last of the page before.
    #[arg(long, value_name = "NUMBER")]
    after: Option<InquiryNumber>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list(app, args).await,
        Command::Show { number, json } => show::run(app, *number, *json).await,
        Command::Give(args) => give(app, args).await,
        Command::NotOurs { number, to, reason, by } => {
            not_ours(app, *number, to.as_deref(), reason, by).await
        }
        Command::Talk { number, by } => talk(app, *number, by).await,
        Command::Settle { number, by } => settle(app, *number, by).await,
        Command::Reopen { number, by } => reopen(app, *number, by).await,
    }
}

async fn give(app: &App, args: &GiveArgs) -> Result<(), Failure> {
    let now = app.clock.now();
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let office = known_office(&mut tx, &args.office).await?;
    if args.only {
        tx.leave_incident(args.number, &args.by, now).await?.ok_or_else(|| unknown(args.number))?;
    }
    let given = tx.hand_over(args.number, &office, &args.reason, &args.by, now).await?;
    let given = given.ok_or_else(|| unknown(args.number))?;
    let confirmed = given.from == office;
    let template = match given.others {
        // What owes no answer any more is nothing to mail about.
        0 => ((!confirmed || args.only) && given.state == State::Open).then_some(Template::Assignment),
        // Of these some may owe one, whether the named one does or not.
        _ => (!confirmed).then_some(Template::Incident),
    };
    if let Some(template) = template {
        tx.tell_office(template, given.event, given.inquiry, &office, None, now).await?;
    }
    tx.commit().await?;
    let others = match given.others {
        0 => String::new(),
        others => format!(", with {others} others of its incident"),
    };
    output::line(&if confirmed {
        format!("{} stays with {office}{others}: confirmed.", args.number)
    } else {
        format!("{} is {office}'s now, from {}{others}.", args.number, given.from)
    })
}

async fn not_ours(
    app: &App,
    number: InquiryNumber,
    to: Option<&str>,
    reason: &str,
    by: &str,
) -> Result<(), Failure> {
    let db = app.beside().await?;
    let decides = app.regency(&db).await?.0.triage_office;
    let mut tx = db.begin().await?;
    let to = match to {
        Some(to) => Some(known_office(&mut tx, to).await?),
        None => None,
    };
    let said = NotOurs { to: to.as_ref(), reason, actor: by, decides: &decides };
    let passed = tx.not_ours(number, said, app.clock.now()).await?.ok_or_else(|| unknown(number))?;
    tx.commit().await?;
    let PassedOn { from, to, .. } = &passed;
    output::line(&match passed.passing {
        Passing::Named => format!("{number} is {to}'s now, from {from}."),
        Passing::Unknown => format!("{number} is at {to}, which decides whose it is."),
        Passing::Disputed => {
            format!("{number} was passed on too often: it is at {to}, which decides, and that holds.")
        }
        Passing::Decided => format!("{number} is {to}'s now: {from} has decided."),
    })
}

async fn talk(app: &App, number: InquiryNumber, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    tx.close_as_talk(number, by, app.clock.now()).await?.ok_or_else(|| unknown(number))?;
    tx.commit().await?;
    output::line(&format!(
        "{number} is closed: it asks for nothing. `sahut inquiry reopen {number}` takes that back."
    ))
}

async fn settle(app: &App, number: InquiryNumber, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    tx.close_as_settled(number, by, app.clock.now()).await?.ok_or_else(|| unknown(number))?;
    tx.commit().await?;
    output::line(&format!("{number} is settled and closed. `sahut inquiry reopen {number}` takes that back."))
}

async fn reopen(app: &App, number: InquiryNumber, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let reopened = tx.reopen(number, by, app.clock.now()).await?.ok_or_else(|| unknown(number))?;
    let open = reopened.state == State::Open;
    if open {
        let (event, inquiry, office) = (reopened.event, reopened.inquiry, &reopened.office);
        tx.tell_office(Template::Assignment, event, inquiry, office, None, app.clock.now()).await?;
    }
    tx.commit().await?;
    let office = &reopened.office;
    output::line(&if open {
        format!("{number} is open again at {office}, with the deadline that it had.")
    } else {
        format!("{number} stands at {office}: {}.", reopened.state)
    })
}

/// The office with this code.
async fn known_office(tx: &mut Tx, text: &str) -> Result<OfficeCode, Failure> {
    let offices = tx.offices().await?;
    let found = offices.iter().find(|office| office.code.as_str() == text);
    found.map(|office| office.code.clone()).ok_or_else(|| {
        let known: Vec<&str> = offices.iter().map(|office| office.code.as_str()).collect();
        Failure::failed(format!("there is no office {text:?}; there are: {}", known.join(", ")))
    })
}

pub(super) fn unknown(number: InquiryNumber) -> Failure {
    Failure::failed(format!("there is no inquiry {number}: `sahut inquiry list` shows what there is"))
}

async fn list(app: &App, args: &ListArgs) -> Result<(), Failure> {
    let now = app.clock.now();
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let office = match &args.office {
        Some(office) => Some(known_office(&mut tx, office).await?),
        None => None,
    };
    let filter = Filter {
        office,
        state: args.state,
        due_before: args.overdue.then_some(now),
        triage: args.triage,
        after: args.after,
    };
    let limit = if args.all { i64::MAX - 1 } else { args.limit };
    // One more than is shown tells whether there are more.
    let mut lines = tx.inquiries(&filter, limit + 1).await?;
    let is_cut = i64::try_from(lines.len()).is_ok_and(|found| found > limit);
    if is_cut {
        lines.pop();
    }
    if args.json {
        output::json(&lines)?;
    } else {
        print(&lines, now)?;
    }
    if is_cut {
        say_cut(&mut tx, &filter, &lines).await?;
    }
    Ok(())
}

/// A list that was cut says so, beside the data.
async fn say_cut(tx: &mut Tx, filter: &Filter, lines: &[Line]) -> Result<(), Failure> {
    let Some(last) = lines.last() else { return Ok(()) };
    let language = Language::Indonesian;
    let shown = whole(i64::try_from(lines.len()).unwrap_or(i64::MAX), language);
    let count = whole(tx.count_inquiries(filter).await?, language);
    output::say(&format!(
        "{shown} dari {count}. Lanjutannya: --after {}; lebih banyak: --limit N; semuanya: --all.",
        last.number
    ));
    Ok(())
}

fn print(lines: &[Line], now: Timestamp) -> Result<(), Failure> {
    if lines.is_empty() {
        return output::line("Tidak ada.");
    }
    let language = Language::Indonesian;
    let row = |line: &Line| {
        let left = match line.state {
            State::Open => time_left(line.due_at, now, language),
            _ => String::new(),
        };
        let kind = word(line.kind, language).to_owned();
        let state = word(line.state, language).to_owned();
        [line.number.to_string(), line.office_name.clone(), kind, state, left, one_line(&line.title)]
    };
    let rows: Vec<_> = lines.iter().map(row).collect();
    output::table(["NOMOR", "OPD", "JENIS", "KEADAAN", "TENGGAT", "ISI"], &rows)
}
