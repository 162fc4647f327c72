//! `sahut check`: the settings and the regency's files, read as a running process would read them.

use std::path::{Path, PathBuf};

use sahut_domain::Clock;

use crate::app::App;
use crate::commands::apply;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Another folder than the one that the settings name.
    pub(crate) folder: Option<PathBuf>,
}

pub(crate) fn run(config: &Path, args: &Args) -> Result<(), Failure> {
    let app = match &args.folder {
        // A folder may be looked at where nothing is installed.
        Some(_) if !config.exists() => App::with(Settings::default(), Clock::system())?,
        _ => App::load(config)?,
    };
    let folder = args.folder.as_ref().unwrap_or(&app.settings.regency.files);
    let (files, set) = match (apply::read(&app, folder), app.outbox()) {
        (Ok(read), Ok(_)) => read,
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => return Err(failure),
        (Err(regency), Err(mail)) => {
            return Err(Failure::new(regency.code, format!("{mail}\n\n{regency}")));
        }
    };
    for warning in set.rules.warnings() {
        output::say(&format!("{}\n", warning.render()));
    }
    let mut ending: Vec<_> = set
        .calendars
        .values()
        .filter_map(|calendar| Some((&calendar.name, calendar.ends_soon(app.clock.now())?)))
        .collect();
    ending.sort_unstable();
    for (calendar, until) in &ending {
        output::say(&format!(
            "warning: calendars.toml: the holidays of calendar {calendar:?} are known until {until} only: add the next year's\n"
        ));
    }
    output::line(&format!(
        "{}: {} files, {} offices, {} channels, {} calendars, {} phrases: no errors, {} warning(s).",
        if set.name.is_empty() { "The regency" } else { &set.name },
        files.0.len(),
        set.offices.len(),
        set.channels.len(),
        set.calendars.len(),
        set.rules.phrases(),
        set.rules.warnings().len() + ending.len(),
    ))
}
