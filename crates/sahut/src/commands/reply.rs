//! `sahut reply`: an answer goes into the queue and leaves on the platform where the citizen wrote; to an inquiry of an
//! incident, one for each of its citizens. Answers that somebody has to approve are approved here as well.

mod proposed;

use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::reply::ReplyId;
use sahut_pipeline::answer::{Answered, LeftOut, answer_together};
use sahut_store::Db;
use sahut_store::deliver::{Answer, Queued, Unanswerable};

use crate::app::App;
use crate::failure::{Failure, code};
use crate::output;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<proposed::Command>,
    /// Number of the inquiry, such as K-2026-00123.
    #[arg(required = true)]
    number: Option<InquiryNumber>,
    /// The answer, as plain text.
    #[arg(required = true)]
    text: Option<String>,
    /// Who answers, as the journal names them.
    #[arg(long, default_value = "operator", env = "USER")]
    author: String,
    /// The citizen was given this answer by another way (a letter, a call, at the counter): it is kept and counts from
    /// now on, and nothing is sent.
    #[arg(long)]
    elsewhere: bool,
    /// Answer this inquiry alone, and not all others of its incident.
    #[arg(long)]
    only: bool,
    /// Name of this operation: the same name a second time sends nothing again.
    #[arg(long)]
    key: Option<String>,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match (&args.command, args.number, &args.text) {
        (Some(command), ..) => proposed::run(app, command).await,
        (None, Some(number), Some(text)) if !text.trim().is_empty() => answer(app, args, number, text).await,
        _ => Err(Failure::new(code::USAGE, "an answer needs words")),
    }
}

async fn answer(app: &App, args: &Args, number: InquiryNumber, text: &str) -> Result<(), Failure> {
    let key = args.key.clone().unwrap_or_else(|| format!("cli-{:016x}", app.chance.bits()));
    let db = app.beside().await?;
    let answer = Answer::new(text, &args.author, &key);
    if !args.elsewhere && !args.only && db.read().await?.is_answered_with_others(number).await? {
        return answer_incident(app, &db, number, answer).await;
    }
    let mut tx = db.begin().await?;
    let now = app.clock.now();
    let queued = if args.elsewhere {
        tx.answer_elsewhere(number, answer, now).await?
    } else {
        tx.queue_reply(number, answer, now).await?
    };
    tx.commit().await?;
    match queued {
        Queued::New(reply) if args.elsewhere => {
            output::line(&format!("Answer {reply} to {number} is kept; nothing is sent."))
        }
        Queued::New(reply) => output::line(&format!("Answer {reply} to {number} is on its way.")),
        Queued::Known(reply) => known(reply),
        Queued::NoInquiry => Err(no_inquiry(number)),
        Queued::Imported => Err(Failure::failed(format!(
            "{number} came from a file, so no platform carries an answer back: answer the citizen by another way, then \
             `sahut reply {number} \"…\" --elsewhere`"
        ))),
        Queued::NothingToAnswer => Err(Failure::failed(format!(
            "{number} has no message of its citizen that could be answered: they were deleted on the platform"
        ))),
    }
}

/// One answer for all that owe one: each is held against the limits of its platform before anything is stored.
async fn answer_incident(
    app: &App,
    db: &Db,
    number: InquiryNumber,
    answer: Answer<'_>,
) -> Result<(), Failure> {
    let (regency, _) = app.regency(db).await?;
    let mut tx = db.begin().await?;
    let answered = answer_together(&mut tx, &regency, number, answer, app.clock.now()).await?;
    if let Answered::Queued { replies, .. } = &answered
        && !replies.is_empty()
    {
        tx.commit().await?;
    }
    tell(number, answered)
}

/// Says what became of an answer.
fn tell(number: InquiryNumber, answered: Answered) -> Result<(), Failure> {
    match answered {
        Answered::Known(reply) => known(reply),
        Answered::NoInquiry => Err(no_inquiry(number)),
        Answered::TooLong { number, channel, limit } => {
            Err(Failure::failed(format!("nothing is sent to anybody: for {number} on {channel}, {limit}")))
        }
        Answered::Queued { replies, left_out, underway } => {
            if replies.is_empty() {
                let why = left_out.first().map(|(_, why)| reason(why)).unwrap_or_default();
                return Err(Failure::failed(format!("none of its inquiries can be answered: {why}")));
            }
            let count = replies.len();
            let to = match left_out.as_slice() {
                [] => format!("to {number} and all others of its incident."),
                left_out if left_out.iter().any(|(left_out, _)| *left_out == number) => {
                    format!("to others of its incident, and not to {number}.")
                }
                _ => format!("to {number} and others of its incident."),
            };
            output::line(&format!("{count} answers are on their way: {to}"))?;
            if underway > 0 {
                output::line(&format!(
                    "{underway} others have an answer on its way already, and get no second one."
                ))?;
            }
            left_out.iter().try_for_each(|(number, why)| {
                output::line(&format!("Not answered: {number}: {}", reason(why)))
            })
        }
    }
}

fn reason(why: &LeftOut) -> String {
    match why {
        LeftOut::Limit(limit) => limit.to_string(),
        LeftOut::Unanswerable(Unanswerable::Imported) => {
            "it came from a file, so no platform carries an answer back: answer by another way, with --elsewhere"
                .to_owned()
        }
        LeftOut::Unanswerable(Unanswerable::NoMessage) => {
            "its citizen's messages were deleted on the platform".to_owned()
        }
    }
}

fn known(reply: ReplyId) -> Result<(), Failure> {
    output::line(&format!("Answer {reply} with this key was queued before; nothing is sent again."))
}

fn no_inquiry(number: InquiryNumber) -> Failure {
    Failure::failed(format!("there is no inquiry {number}: `sahut inquiry list` shows what there is"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::commands::Cli;

    #[test]
    fn an_answer_and_a_decision_on_one_are_told_apart() {
        let is_read = |words: &[&str]| Cli::try_parse_from([&["sahut", "reply"], words].concat()).is_ok();
        for right in [
            &["K-2026-00123", "Terima kasih"][..],
            &["K-2026-00123", "Terima kasih", "--author", "Admin", "--elsewhere"],
            &["waiting", "--json"],
            &["approve", "7"],
            &["return", "7", "kurang sopan", "--by", "Kepala"],
        ] {
            assert!(is_read(right), "{right:?}");
        }
        for wrong in [&["K-2026-00123"][..], &["approve"], &["return", "7"], &[], &["--only"]] {
            assert!(!is_read(wrong), "{wrong:?}");
        }
    }
}
