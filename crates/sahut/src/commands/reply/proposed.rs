//! `sahut reply waiting|approve|return`: answers that somebody has to approve before they leave.

use sahut_domain::letter::{Outcome, ProposalId};
use sahut_pipeline::mailroom::{self, Approval};
use sahut_render::tame::one_line;
use sahut_store::proposals::Proposal;

use super::tell;
use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Answers that wait for somebody's approval.
    Waiting {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Approve an answer: it goes to the citizen.
    Approve {
        /// Its number.
        proposal: i64,
        /// Who approves it, as the journal names them.
        #[arg(long, default_value = "operator", env = "USER")]
        by: String,
    },
    /// Give an answer back to its writer: it does not go to the citizen.
    Return {
        /// Its number.
        proposal: i64,
        /// Why, as its writer is told.
        reason: String,
        /// Who returns it, as the journal names them.
        #[arg(long, default_value = "operator", env = "USER")]
        by: String,
    },
}

pub(super) async fn run(app: &App, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Waiting { json } => waiting(app, *json).await,
        Command::Approve { proposal, by } => approve(app, ProposalId(*proposal), by).await,
        Command::Return { proposal, reason, by } => give_back(app, ProposalId(*proposal), reason, by).await,
    }
}

async fn waiting(app: &App, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let waiting = db.read().await?.waiting_proposals().await?;
    if json {
        return output::json(&waiting);
    }
    if waiting.is_empty() {
        return output::line("Tidak ada.");
    }
    let row = |one: &Proposal| {
        let text = one_line(&one.text);
        [one.id.to_string(), one.number.to_string(), one.office.to_string(), one_line(&one.author), text]
    };
    output::table(["USUL", "NOMOR", "OPD", "DARI", "JAWABAN"], &waiting.iter().map(row).collect::<Vec<_>>())
}

async fn approve(app: &App, id: ProposalId, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let (regency, _) = app.regency(&db).await?;
    let mut tx = db.begin().await?;
    let Some(proposal) = tx.proposal(id).await? else { return Err(unknown(id)) };
    match mailroom::approve(&mut tx, &regency, id, by, app.clock.now()).await? {
        Approval::Given(answered) => {
            tx.commit().await?;
            tell(proposal.number, answered)
        }
        Approval::NothingWaits => Err(unknown(id)),
        Approval::Overtaken(outcome, named) => Err(overtaken(&proposal, outcome, &named)),
    }
}

async fn give_back(app: &App, id: ProposalId, reason: &str, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    if !mailroom::send_back(&mut tx, id, reason, by, app.clock.now()).await? {
        return Err(unknown(id));
    }
    tx.commit().await?;
    output::line(&format!("Answer {id} is returned to its writer."))
}

fn overtaken(proposal: &Proposal, outcome: Outcome, named: &str) -> Failure {
    let number = proposal.number;
    let why = match outcome {
        Outcome::NotYours => format!("{number} is at {named} now"),
        Outcome::AnsweredMeanwhile => format!("{number} was answered meanwhile by {named}"),
        _ => format!("{number} is closed"),
    };
    Failure::failed(format!("{why}; answer {} still waits: `sahut reply return` gives it back", proposal.id))
}

fn unknown(id: ProposalId) -> Failure {
    Failure::failed(format!(
        "no answer {id} waits for approval: see `sahut reply waiting`; nothing was changed"
    ))
}
