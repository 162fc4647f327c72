//! `sahut calendar`: working calendars as offices live by them, counted with step by step, and holidays brought in.

mod explain;
mod icalendar;
mod import;

use std::collections::{BTreeMap, HashMap};

use jiff::ToSpan as _;
use jiff::civil::{Date, Time};
use sahut_domain::Language;
use sahut_domain::calendar::{Closure, Hours, Season, Week, WorkingCalendar, weekday};
use sahut_render::format::{clock, date, day, weekday_name};
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

const LANGUAGE: Language = Language::Indonesian;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Calendars: hours, seasons, days off, and which offices work by them.
    Show {
        /// Name of a calendar, or code of an office; all calendars where nothing is said.
        name: Option<String>,
        /// Only this month, day by day, such as 2026-03.
        #[arg(long)]
        month: Option<String>,
        /// Print JSON.
        #[arg(long, conflicts_with = "month")]
        json: bool,
    },
    /// Count step by step: which hours count, which days are passed over and why.
    Explain(explain::Args),
    /// Read days off from an iCalendar file, and write them as closures of calendars.toml.
    Import(import::Args),
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Show { name, month, json } => {
            let calendars = running(app).await?;
            let chosen = calendars.chosen(name.as_deref())?;
            if *json { as_json(&calendars, &chosen) } else { show(&calendars, &chosen, month.as_deref()) }
        }
        Command::Explain(args) => explain::run(&running(app).await?, args),
        Command::Import(args) => import::run(app, args),
    }
}

/// The calendars that are in force, and who works by which.
struct Calendars {
    by_name: HashMap<String, WorkingCalendar>,
    offices: Vec<(String, String)>,
}

impl Calendars {
    /// One calendar, or all in the order of their names.
    fn chosen(&self, name: Option<&str>) -> Result<Vec<&WorkingCalendar>, Failure> {
        let mut chosen: Vec<&WorkingCalendar> = match name {
            Some(name) => vec![self.find(name)?],
            None => self.by_name.values().collect(),
        };
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(chosen)
    }

    /// Codes of the offices that work by a calendar.
    fn offices_of(&self, calendar: &WorkingCalendar) -> Vec<&str> {
        let offices = self.offices.iter().filter(|(_, name)| *name == calendar.name);
        offices.map(|(code, _)| code.as_str()).collect()
    }

    /// A calendar by its name, or that of an office by the office's code.
    fn find(&self, name: &str) -> Result<&WorkingCalendar, Failure> {
        let of_office =
            self.offices.iter().find(|(code, _)| code == name).map(|(_, calendar)| calendar.as_str());
        self.by_name.get(of_office.unwrap_or(name)).ok_or_else(|| {
            let mut known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            known.sort_unstable();
            Failure::failed(format!(
                "there is no calendar and no office {name:?}; calendars: {}",
                known.join(", ")
            ))
        })
    }
}

async fn running(app: &App) -> Result<Calendars, Failure> {
    let db = app.beside().await?;
    let revision = db.read().await?.revision().await?;
    let revision =
        revision.ok_or_else(|| Failure::config("no configuration has been applied yet: `sahut apply`"))?;
    let set = RegencySet::read(&Files(revision.files), revision.id)
        .map_err(|problems| Failure::problems(&problems))?;
    let offices = set.offices.iter().map(|office| (office.code.to_string(), office.calendar.clone()));
    Ok(Calendars { offices: offices.collect(), by_name: set.calendars })
}

/// A calendar as JSON tells of it.
#[derive(Serialize)]
struct Sheet<'a> {
    name: &'a str,
    zone: Option<&'a str>,
    revision: i64,
    known_until: Option<Date>,
    offices: Vec<&'a str>,
    /// Monday first.
    week: &'a Week,
    seasons: &'a [Season],
    closures: &'a BTreeMap<Date, Closure>,
}

fn as_json(calendars: &Calendars, chosen: &[&WorkingCalendar]) -> Result<(), Failure> {
    let sheet = |calendar: &&'_ WorkingCalendar| -> serde_json::Value {
        let sheet = Sheet {
            name: &calendar.name,
            zone: calendar.zone.iana_name(),
            revision: calendar.revision,
            known_until: calendar.known_until,
            offices: calendars.offices_of(calendar),
            week: &calendar.week,
            seasons: &calendar.seasons,
            closures: &calendar.closures,
        };
        serde_json::to_value(sheet).unwrap_or_default()
    };
    output::json(&chosen.iter().map(sheet).collect::<Vec<_>>())
}

fn show(calendars: &Calendars, chosen: &[&WorkingCalendar], month: Option<&str>) -> Result<(), Failure> {
    for calendar in chosen {
        head(calendars, calendar)?;
        match month {
            Some(month) => days_of(calendar, month)?,
            None => whole(calendar)?,
        }
        output::line("")?;
    }
    Ok(())
}

fn head(calendars: &Calendars, calendar: &WorkingCalendar) -> Result<(), Failure> {
    let zone = calendar.zone.iana_name().unwrap_or("UTC");
    let known = calendar.known_until.map_or_else(
        || "sampai kapan libur diketahui tidak ditulis".to_owned(),
        |until| format!("libur diketahui sampai {}", date(until, LANGUAGE)),
    );
    output::line(&format!("{} ({zone}; konfigurasi {}; {known})", calendar.name, calendar.revision))?;
    let offices = calendars.offices_of(calendar);
    output::line(&format!(
        "  OPD: {}",
        if offices.is_empty() { "tidak ada".to_owned() } else { offices.join(", ") }
    ))
}

fn whole(calendar: &WorkingCalendar) -> Result<(), Failure> {
    week(&calendar.week, "  ")?;
    for season in &calendar.seasons {
        let (from, to) = (date(season.from, LANGUAGE), date(season.to, LANGUAGE));
        output::line(&format!("  {}: {from} – {to}", season.name))?;
        week(&season.week, "    ")?;
    }
    calendar.closures.iter().try_for_each(|(on, closure)| {
        output::line(&format!("  {} {}  {}", day(*on, LANGUAGE), on.year(), closure.name))
    })
}

fn week(week: &Week, indent: &str) -> Result<(), Failure> {
    week.iter().enumerate().try_for_each(|(position, hours)| {
        let name = weekday_name(weekday(position), LANGUAGE);
        output::line(&format!("{indent}{name:<7} {}", hours_words(hours)))
    })
}

fn hours_words(hours: &[Hours]) -> String {
    let end = |time: Time| {
        if time == Time::midnight() { "24.00".to_owned() } else { clock(time, LANGUAGE) }
    };
    let spans: Vec<String> =
        hours.iter().map(|hours| format!("{}–{}", clock(hours.from, LANGUAGE), end(hours.to))).collect();
    if spans.is_empty() { "libur".to_owned() } else { spans.join(", ") }
}

fn days_of(calendar: &WorkingCalendar, month: &str) -> Result<(), Failure> {
    let first: Date = format!("{month}-01").parse().map_err(|_| {
        Failure::failed(format!("{month:?} is no month: write year and month, such as 2026-03"))
    })?;
    let days = first.series(1.day()).take_while(|day| day.month() == first.month());
    days.into_iter().try_for_each(|on| {
        let hours = calendar.closure(on).map_or_else(
            || {
                let season = calendar.season(on).map(|season| format!("  ({})", season.name));
                format!("{}{}", hours_words(calendar.hours(on)), season.unwrap_or_default())
            },
            |closure| format!("libur: {}", closure.name),
        );
        output::line(&format!("  {:<14} {hours}", day(on, LANGUAGE)))
    })
}
