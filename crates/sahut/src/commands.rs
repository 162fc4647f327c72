//! The command line: what can be asked of the program, and who answers.

pub(crate) mod apply;
mod aside;
mod backup;
mod calendar;
mod channel;
mod check;
mod deadlines;
mod demo;
mod doctor;
mod import;
mod incident;
mod init;
mod inquiry;
mod letter;
mod mail_pipe;
mod migrate;
mod outbox;
mod people;
mod quarantine;
mod reply;
mod report;
mod route;
mod routing;
mod rules;
mod secret;
mod selfcheck;
mod status;

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::run::{self, Role};

/// Sahut: collects what citizens write, gives it to the office responsible, carries the answer back.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// The settings file.
    #[arg(long, short, global = true, default_value = "sahut.toml", env = "SAHUT_CONFIG")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  sahut demo                                    a whole regency, alive, with nothing to set up
  sahut init                                    write the files of an installation of your own
  sahut run                                     collect, route, notify, deliver until stopped
  sahut route \"Jalan ke Topos rusak parah\"      say where a text would go, and why
  sahut inquiry list --overdue                  what is late
  sahut reply K-2026-00123 \"Terima kasih, …\"    answer a citizen on the platform";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the files of an installation: settings, key, and a regency to start from.
    Init(init::Args),
    /// Read and check the settings and the regency's files; change nothing.
    Check(check::Args),
    /// Make the files of a folder the running configuration.
    Apply(apply::Args),
    /// Work until stopped.
    Run {
        /// What this process does; everything when nothing is named.
        #[arg(long, value_enum, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Show a whole regency, alive, on simulated platforms, with nothing to set up.
    Demo(demo::Args),
    /// Bring in messages from a file: CSV, TSV, JSON Lines or mbox.
    Import(import::Args),
    /// Say where a text would go, and why.
    Route(route::Args),
    /// Measure routing on labelled texts; look at what was learned.
    Routing(routing::Args),
    /// Check rules, run their examples, try them on what came in so far, go back to earlier ones.
    Rules(rules::Args),
    /// Answer a citizen.
    Reply(reply::Args),
    /// Look at inquiries.
    Inquiry(inquiry::Args),
    /// Look at promises: why they are due when they are; give more time, count again under changed calendars.
    Deadlines(deadlines::Args),
    /// Look at working calendars; count with them step by step; bring in holidays.
    Calendar(calendar::Args),
    /// Look at mails of the offices that are held, and say what becomes of them.
    Letter(letter::Args),
    /// Take one mail from standard input, as a mail server's pipe hands it over.
    MailPipe,
    /// Look at happenings behind many inquiries; join inquiries and take them apart.
    Incident(incident::Args),
    /// Look at messages that need nobody, and bring back those that do.
    Aside(aside::Args),
    /// Show who is mailed, who is away, and who never acts.
    People(people::Args),
    /// Look at channels, test, pause and resume them.
    Channel(channel::Args),
    /// Store the tokens and passwords of channels.
    Secret(secret::Args),
    /// Look at items that could not be read, and try them again.
    Quarantine(quarantine::Args),
    /// Look at mails and answers that are owed, retry, hold and release them.
    Outbox(outbox::Args),
    /// Make the report of a month: a page, PDF, Excel, CSV or JSON.
    Report(report::Args),
    /// Everything in a few numbers.
    Status(status::Args),
    /// Look for what could go wrong: database, disk, clock, mail, channels.
    Doctor(doctor::Args),
    /// Ask the database whether every promise holds.
    Selfcheck(selfcheck::Args),
    /// Make, verify and restore backups.
    Backup(backup::Args),
    /// Bring the database's schema up to this version.
    Migrate(migrate::Args),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Does what was asked.
pub(crate) async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let config = cli.config;
    // Commands that start from nothing, or from what is not sound, read no settings first.
    let command = match cli.command {
        Command::Init(args) => return init::run(&args),
        Command::Check(args) => return check::run(&config, &args),
        Command::Demo(args) => return Box::pin(demo::run(&args)).await,
        Command::Doctor(args) => return Box::pin(doctor::run(&config, &args)).await,
        Command::Routing(args) => return routing::run(&config, &args).await,
        Command::Rules(args) => return rules::run(&config, &args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sahut", &mut script);
            return output::print(&script);
        }
        other => other,
    };
    if let Command::MailPipe = command {
        return mail_pipe::run(&config).await;
    }
    let app = App::load(&config)?;
    let is_long = matches!(command, Command::Run { .. });
    log(app.settings.log.json, if is_long { "info" } else { "warn" });
    match command {
        Command::Run { roles } => {
            let all = <Role as clap::ValueEnum>::value_variants();
            run::run(app, if roles.is_empty() { all } else { &roles }).await
        }
        Command::Apply(args) => apply::run(&app, &args).await,
        Command::Import(args) => import::run(&app, &args).await,
        Command::Route(args) => route::run(&app, &args).await,
        Command::Reply(args) => reply::run(&app, &args).await,
        Command::Inquiry(args) => inquiry::run(&app, &args).await,
        Command::Letter(args) => letter::run(&app, &args).await,
        Command::Incident(args) => incident::run(&app, &args).await,
        Command::Aside(args) => aside::run(&app, &args).await,
        Command::People(args) => people::run(&app, &args).await,
        Command::Channel(args) => channel::run(&app, &args).await,
        Command::Secret(args) => secret::run(&app, &args).await,
        Command::Quarantine(args) => quarantine::run(&app, &args).await,
        Command::Outbox(args) => outbox::run(&app, &args).await,
        Command::Report(args) => report::run(&app, &args).await,
        Command::Status(args) => status::run(&app, &args).await,
        Command::Deadlines(args) => deadlines::run(&app, &args).await,
        Command::Calendar(args) => calendar::run(&app, &args).await,
        Command::Selfcheck(args) => selfcheck::run(&app, &args).await,
        Command::Backup(args) => backup::run(&app, &args).await,
        Command::Migrate(args) => migrate::run(&app, &args).await,
        Command::Init(_)
        | Command::Check(_)
        | Command::Demo(_)
        | Command::Doctor(_)
        | Command::Routing(_)
        | Command::Rules(_)
        | Command::MailPipe
        | Command::Completions { .. } => Ok(()),
    }
}

/// Logs to standard error, so that standard output is data alone. `RUST_LOG` says more.
pub(crate) fn log(json: bool, usual: &str) {
    // The ringer of bells tells of its own inside at this level; nobody who operates Sahut wants to know.
    let usual = format!("{usual},tokio_cron_scheduler=warn");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::shows_colours(&std::io::stderr()))
        // It would tell on standard error that standard error is gone.
        .log_internal_errors(false)
        .with_target(false);
    let installed = if json { logging.json().try_init() } else { logging.try_init() };
    if let Err(error) = installed {
        output::say(&format!("sahut: nothing is logged: {error}"));
    }
}
