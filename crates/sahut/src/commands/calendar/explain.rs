//! `sahut calendar explain`: one promise, or one stretch of time, counted day by day.

use jiff::Timestamp;
use jiff::civil::DateTime;
use sahut_domain::calendar::{Due, Term, WorkingCalendar};
use sahut_render::explain::term_words;
use sahut_render::format::{clock, day, moment, working_span};
use serde::Serialize;

use super::{Calendars, LANGUAGE};
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a calendar, or code of an office.
    name: String,
    /// From when, in the calendar's zone: 2026-11-20T15:30. With an offset it is taken as it stands.
    from: String,
    /// How long, or until when: 5d (working days), 450wm (working minutes), 30m (minutes by the clock), or a moment.
    to: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was counted, as JSON tells of it.
#[derive(Serialize)]
struct Counted<'a> {
    calendar: &'a str,
    revision: i64,
    from: Timestamp,
    to: Timestamp,
    worked_seconds: i64,
    /// Absent where no promise was counted.
    due: Option<Due>,
}

pub(super) fn run(calendars: &Calendars, args: &Args) -> Result<(), Failure> {
    let calendar = calendars.find(&args.name)?;
    let from = moment_of(&args.from, calendar)?;
    let term = term_of(&args.to);
    let due = term.map(|term| calendar.due(from, term)).transpose();
    let due = due.map_err(|error| Failure::failed(error.to_string()))?;
    if args.json {
        let to = due.as_ref().map_or_else(|| moment_of(&args.to, calendar), |due| Ok(due.at))?;
        let (name, revision) = (calendar.name.as_str(), calendar.revision);
        let worked_seconds = calendar.worked(from, to);
        return output::json(&Counted { calendar: name, revision, from, to, worked_seconds, due });
    }
    let Some((term, due)) = term.zip(due) else {
        return between(calendar, from, moment_of(&args.to, calendar)?);
    };
    output::line(&format!(
        "{}, {} sejak {}:",
        calendar.name,
        term_words(term, LANGUAGE),
        at(calendar, from)
    ))?;
    match term {
        Term::Minutes(_) => output::line("  menurut jam dinding: siang malam, juga hari libur")?,
        Term::WorkingMinutes(_) | Term::WorkingDays(_) => days(calendar, from, due.at, term)?,
    }
    output::line(&format!("Tenggat: {}", at(calendar, due.at)))
}

fn between(calendar: &WorkingCalendar, from: Timestamp, to: Timestamp) -> Result<(), Failure> {
    output::line(&format!("{}, dari {} sampai {}:", calendar.name, at(calendar, from), at(calendar, to)))?;
    days(calendar, from, to, Term::WorkingMinutes(0))?;
    let worked = working_span(calendar.worked(from, to), LANGUAGE);
    output::line(&format!("Jumlah: {worked} waktu kerja"))
}

/// Each day from one moment to another: the hours that count, or why none do.
fn days(calendar: &WorkingCalendar, from: Timestamp, to: Timestamp, term: Term) -> Result<(), Failure> {
    let (first, mut counted) = (calendar.date_of(from), 0);
    let mut date = first;
    while date <= calendar.date_of(to) {
        let spans = calendar.spans(date).into_iter().map(|(open, close)| (open.max(from), close.min(to)));
        let spans: Vec<_> = spans.filter(|(open, close)| open < close).collect();
        let season = calendar.season(date).map(|season| format!("; jam {}", season.name)).unwrap_or_default();
        let words = match (calendar.closure(date), term) {
            (Some(closure), _) => format!("libur: {}", closure.name),
            (None, _) if calendar.spans(date).is_empty() => "libur mingguan".to_owned(),
            (None, Term::WorkingDays(_)) if date == first => "hari mulai, tidak dihitung".to_owned(),
            (None, Term::WorkingDays(_)) => {
                counted += 1;
                format!("hari kerja ke-{counted}{season}")
            }
            (None, _) if spans.is_empty() => "di luar jam kerja".to_owned(),
            (None, _) => {
                counted +=
                    spans.iter().map(|(open, close)| close.duration_since(*open).as_secs()).sum::<i64>();
                let hours = spans.iter().map(|(open, close)| hours(calendar, *open, *close));
                let sum = working_span(counted, LANGUAGE);
                format!("{}; sampai di sini {sum}{season}", hours.collect::<Vec<_>>().join(", "))
            }
        };
        output::line(&format!("  {:<14} {words}", day(date, LANGUAGE)))?;
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    Ok(())
}

fn hours(calendar: &WorkingCalendar, open: Timestamp, close: Timestamp) -> String {
    let shown = |at: Timestamp| clock(calendar.zone.to_datetime(at).time(), LANGUAGE);
    let end =
        if calendar.date_of(close) > calendar.date_of(open) { "24.00".to_owned() } else { shown(close) };
    format!("{}–{end}", shown(open))
}

fn at(calendar: &WorkingCalendar, at: Timestamp) -> String {
    moment(at, &calendar.zone, LANGUAGE)
}

fn moment_of(text: &str, calendar: &WorkingCalendar) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let shown: Option<DateTime> = text.parse().ok();
    let at = shown.and_then(|shown| calendar.zone.to_ambiguous_timestamp(shown).compatible().ok());
    at.ok_or_else(|| {
        Failure::failed(format!(
            "{text:?} is no moment and no term: write 2026-11-20T15:30, or 5d, 450wm, 30m"
        ))
    })
}

/// A term as it is typed: `5d`, `450wm`, `30m`.
fn term_of(text: &str) -> Option<Term> {
    let number = |ending: &str| text.strip_suffix(ending)?.parse().ok();
    if let Some(days) = number("d") {
        return Some(Term::WorkingDays(days));
    }
    if let Some(minutes) = number("wm") {
        return Some(Term::WorkingMinutes(minutes));
    }
    number("m").map(Term::Minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_they_are_typed() {
        assert_eq!(term_of("5d"), Some(Term::WorkingDays(5)));
        assert_eq!(term_of("450wm"), Some(Term::WorkingMinutes(450)));
        assert_eq!(term_of("30m"), Some(Term::Minutes(30)));
        assert_eq!(term_of("2026-11-20T15:30"), None);
    }
}
