//! `sahut reply`: an answer goes into the queue and leaves on the platform where the citizen wrote.

use sahut_domain::inquiry::InquiryNumber;
use sahut_store::deliver::Queued;

use crate::app::App;
use crate::failure::{Failure, code};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Number of the inquiry, such as K-2026-00123.
    number: InquiryNumber,
    /// The answer, as plain text.
    text: String,
    /// Who answers, as the journal names them.
    #[arg(long, default_value = "operator", env = "USER")]
    author: String,
    /// The citizen was given this answer by another way (a letter, a call, at the counter): it is kept and counts from
    /// now on, and nothing is sent.
    #[arg(long)]
    elsewhere: bool,
    /// Name of this operation: the same name a second time sends nothing again.
    #[arg(long)]
    key: Option<String>,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if args.text.trim().is_empty() {
        return Err(Failure::new(code::USAGE, "an answer needs words"));
    }
    let key = args.key.clone().unwrap_or_else(|| format!("cli-{:016x}", app.chance.bits()));
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let now = app.clock.now();
    let queued = if args.elsewhere {
        tx.answer_elsewhere(args.number, &args.text, &args.author, &key, now).await?
    } else {
        tx.queue_reply(args.number, &args.text, &args.author, &key, now).await?
    };
    tx.commit().await?;
    match queued {
        Queued::New(reply) if args.elsewhere => {
            output::line(&format!("Answer {reply} to {} is kept; nothing is sent.", args.number))
        }
        Queued::New(reply) => output::line(&format!("Answer {reply} to {} is on its way.", args.number)),
        Queued::Known(reply) => {
            output::line(&format!("Answer {reply} with this key was queued before; nothing is sent again."))
        }
        Queued::NoInquiry => Err(Failure::failed(format!(
            "there is no inquiry {}: `sahut inquiry list` shows what there is",
            args.number
        ))),
        Queued::Imported => Err(Failure::failed(format!(
            "{} came from a file, so no platform carries an answer back: answer the citizen by another way, then \
             `sahut reply {} \"…\" --elsewhere`",
            args.number, args.number
        ))),
        Queued::NothingToAnswer => Err(Failure::failed(format!(
            "{} has no message of its citizen that could be answered: they were deleted on the platform",
            args.number
        ))),
    }
}
