//! `sahut route`: where a text would go, and why. Nothing is stored.

use std::path::PathBuf;

use sahut_domain::Language;
use sahut_domain::office::OfficeCode;
use sahut_routing::Input;

use crate::app::{App, teach};
use crate::commands::apply;
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What a citizen might write.
    text: String,
    /// A subject line.
    #[arg(long)]
    subject: Option<String>,
    /// Code of the office on whose channel it is written.
    #[arg(long)]
    owner: Option<String>,
    /// It is written to the office alone, and not below a post.
    #[arg(long)]
    direct: bool,
    /// Use the files of a folder instead of the running configuration.
    #[arg(long)]
    files: Option<PathBuf>,
    /// Explain in English.
    #[arg(long)]
    english: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How a text is read that is not said to be anything else.
const READ_AS_COMMENT: &str = "(Dibaca sebagai komentar yang dapat dilihat semua orang; dengan --direct ia dibaca sebagai pesan langsung.)";
const READ_AS_COMMENT_ENGLISH: &str =
    "(Read as a comment for all to see; with --direct it is read as a private message.)";

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let (set, revision) = match &args.files {
        Some(folder) => (apply::read(app, folder)?.1, 0),
        None => running(app).await?,
    };
    let owner = args.owner.as_deref().map(|owner| known_office(&set, owner)).transpose()?;
    let input = Input {
        text: &args.text,
        subject: args.subject.as_deref(),
        owner: owner.as_ref(),
        revision,
        direct: args.direct,
        mentions: &[],
    };
    let decision = set.rules.decide(&input);
    if args.json {
        return output::json(&decision);
    }
    let language = if args.english { Language::English } else { set.language };
    let name = |code: &OfficeCode| {
        let office = set.offices.iter().find(|office| office.code == *code);
        office.map_or_else(|| code.to_string(), |office| office.name.clone())
    };
    output::line(&sahut_routing::explain(&decision, &name, language))?;
    if args.direct || args.subject.is_some() {
        return Ok(());
    }
    output::line(match language {
        Language::Indonesian => READ_AS_COMMENT,
        Language::English => READ_AS_COMMENT_ENGLISH,
    })
}

/// The running configuration; the folder that the settings name where none was applied yet.
async fn running(app: &App) -> Result<(RegencySet, i64), Failure> {
    let (revision, model) = match app.beside().await {
        Ok(db) => {
            let mut tx = db.read().await?;
            (tx.revision().await?, tx.model_in_use().await?)
        }
        Err(_) => (None, None),
    };
    let Some(revision) = revision else { return Ok((apply::read(app, &app.settings.regency.files)?.1, 0)) };
    let set = RegencySet::read(&Files(revision.files), revision.id);
    let mut set = set.map_err(|problems| Failure::problems(&problems))?;
    teach(&mut set.rules, model);
    Ok((set, revision.id))
}

fn known_office(set: &RegencySet, owner: &str) -> Result<OfficeCode, Failure> {
    let found = set.offices.iter().find(|office| office.code.as_str() == owner);
    found.map(|office| office.code.clone()).ok_or_else(|| {
        let known: Vec<&str> = set.offices.iter().map(|office| office.code.as_str()).collect();
        Failure::new(code::USAGE, format!("there is no office {owner:?}; there are: {}", known.join(", ")))
    })
}
