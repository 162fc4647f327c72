//! `calendars.toml`: when offices work.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use sahut_domain::calendar::{Closure, ClosureKind, Hours, Season, Term, Week, WorkingCalendar};
use sahut_routing::{Problem, Source};
use serde::Deserialize;
use toml::Spanned;

use super::{Files, policies};

pub(super) const CALENDARS: &str = "calendars.toml";

/// What is promised where nothing else is.
pub(super) const USUAL: Term = Term::WorkingDays(1);

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CalendarFile {
    calendar: Vec<CalendarEntry>,
    closure: Vec<ClosureEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarEntry {
    name: Spanned<String>,
    zone: Spanned<String>,
    week: WeekEntry,
    #[serde(default)]
    season: Vec<SeasonEntry>,
    #[serde(default)]
    observes: Vec<ClosureKind>,
    known_until: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeasonEntry {
    name: String,
    from: Spanned<String>,
    to: Spanned<String>,
    week: WeekEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosureEntry {
    date: Spanned<String>,
    kind: ClosureKind,
    name: String,
}

/// Hours of each weekday, as `"07:30-12:00"`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WeekEntry {
    mon: Vec<Spanned<String>>,
    tue: Vec<Spanned<String>>,
    wed: Vec<Spanned<String>>,
    thu: Vec<Spanned<String>>,
    fri: Vec<Spanned<String>>,
    sat: Vec<Spanned<String>>,
    sun: Vec<Spanned<String>>,
}

/// Reads the calendars of a set; `revision` is the number of the set. Nothing when their file is not TOML.
pub(super) fn calendars(
    files: &Files,
    revision: i64,
    problems: &mut Vec<Problem>,
) -> Option<HashMap<String, WorkingCalendar>> {
    let parsed: CalendarFile = files.parse(CALENDARS, problems)?;
    let Some(source) = files.source(CALENDARS) else { return Some(HashMap::new()) };
    let mut read = Reader { source: &source, problems };
    let closures: Vec<(Date, Closure)> = parsed
        .closure
        .into_iter()
        .filter_map(|entry| Some((read.date(&entry.date)?, Closure { kind: entry.kind, name: entry.name })))
        .collect();
    let mut calendars = HashMap::new();
    for entry in parsed.calendar {
        if calendars.contains_key(entry.name.get_ref()) {
            let what = format!("calendar {:?} stands here a second time", entry.name.get_ref());
            read.problem(&entry.name, &what, "another name", "remove one of the two");
            continue;
        }
        calendars.insert(entry.name.get_ref().clone(), calendar(entry, revision, &closures, &mut read));
    }
    Some(calendars)
}

/// Makes every promise once in every calendar. One that cannot be kept is told here, not by messages that wait. Nothing is
/// tried in calendars that have problems of their own: hours that cannot be read are no hours.
pub(super) fn try_promises(files: &Files, now: Timestamp, problems: &mut Vec<Problem>) {
    let mut unsound = Vec::new();
    let calendars = calendars(files, 0, &mut unsound).filter(|_| unsound.is_empty());
    let (Some(calendars), Some(names)) = (calendars, files.parse::<CalendarFile>(CALENDARS, &mut Vec::new()))
    else {
        return;
    };
    if let Some(source) = files.source(CALENDARS) {
        for name in names.calendar.iter().map(|entry| &entry.name) {
            let calendar = calendars.get(name.get_ref());
            if calendar.is_some_and(|calendar| calendar.due(now, USUAL).is_err()) {
                let what = format!("calendar {:?} has no working day within three years", name.get_ref());
                let help =
                    "give it hours under [calendar.week]; a unit that never closes has \"00:00-24:00\"";
                problems.push(Problem::at(&source, name.span(), what, "a week with hours of work", help));
            }
        }
    }
    let mut working: Vec<_> =
        calendars.into_values().filter(|calendar| calendar.due(now, USUAL).is_ok()).collect();
    working.sort_by(|a, b| a.name.cmp(&b.name));
    policies::try_terms(files, &working, now, problems);
}

fn calendar(
    entry: CalendarEntry,
    revision: i64,
    closures: &[(Date, Closure)],
    read: &mut Reader<'_>,
) -> WorkingCalendar {
    let observed = closures.iter().filter(|(_, closure)| entry.observes.contains(&closure.kind));
    let seasons = entry.season.into_iter().filter_map(|season| {
        let (from, to) = (read.date(&season.from)?, read.date(&season.to)?);
        if to < from {
            read.problem(
                &season.to,
                "this season ends before it begins",
                "a day after the first",
                "mend one of the days",
            );
        }
        Some(Season { name: season.name, from, to, week: read.week(&season.week) })
    });
    let seasons = seasons.collect();
    WorkingCalendar {
        name: entry.name.into_inner(),
        revision,
        zone: read.zone(&entry.zone),
        week: read.week(&entry.week),
        seasons,
        closures: observed.cloned().collect::<BTreeMap<_, _>>(),
        known_until: entry.known_until.as_ref().and_then(|date| read.date(date)),
    }
}

/// Reads words of one file, and notes what cannot be read at its place.
struct Reader<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, at: &Spanned<String>, what: &str, expected: &str, help: &str) {
        self.problems.push(Problem::at(self.source, at.span(), what, expected, help));
    }

    fn date(&mut self, text: &Spanned<String>) -> Option<Date> {
        let date = text.get_ref().parse().ok();
        if date.is_none() {
            self.problem(
                text,
                "this is not a day",
                "a day such as \"2026-12-24\"",
                "write year, month and day",
            );
        }
        date
    }

    fn zone(&mut self, text: &Spanned<String>) -> TimeZone {
        TimeZone::get(text.get_ref()).unwrap_or_else(|_| {
            let expected = "\"Asia/Jakarta\" (WIB), \"Asia/Makassar\" (WITA) or \"Asia/Jayapura\" (WIT)";
            self.problem(
                text,
                "this is not a time zone",
                expected,
                "write the zone's name in the tz database",
            );
            TimeZone::UTC
        })
    }

    fn week(&mut self, week: &WeekEntry) -> Week {
        [&week.mon, &week.tue, &week.wed, &week.thu, &week.fri, &week.sat, &week.sun].map(|day| self.day(day))
    }

    /// The spans of a day: in order, and none over another.
    fn day(&mut self, spans: &[Spanned<String>]) -> Vec<Hours> {
        let mut hours: Vec<Hours> = Vec::new();
        for span in spans {
            let Some(next) = parse_hours(span.get_ref()) else {
                let expected = "hours such as \"07:30-12:00\"; \"24:00\" is the end of the day";
                self.problem(
                    span,
                    "these are not hours of work",
                    expected,
                    "write from and to, with a hyphen",
                );
                continue;
            };
            if hours.last().is_some_and(|last| last.to == Time::midnight() || next.from < last.to) {
                self.problem(
                    span,
                    "these hours begin before the ones before them end",
                    "later hours",
                    "order them",
                );
                continue;
            }
            hours.push(next);
        }
        hours
    }
}

fn parse_hours(text: &str) -> Option<Hours> {
    let (from, to) = text.split_once('-')?;
    let from: Time = parse_time(from)?;
    let to = if to.trim() == "24:00" { Time::midnight() } else { parse_time(to)? };
    (to == Time::midnight() || from < to).then_some(Hours { from, to })
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
