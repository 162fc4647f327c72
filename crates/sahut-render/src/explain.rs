//! Why a deadline is when it is, in words: counted how, from when, and past which days off.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::calendar::{SkippedDay, Term};
use sahut_domain::deadline::{Explanation, Moved};
use sahut_domain::segments::Segments;

use crate::catalogue::say;
use crate::format::{count, day, moment};
use crate::tame::one_line;
use crate::words::word;

/// How many stretches of days off are named before the rest is only counted.
const NAMED_STRETCHES: usize = 6;

/// The moment that a deadline falls due, in the zone that it was counted in: "Senin 23 Nov 2026 16.00 WIB".
pub fn due_words(explanation: &Explanation, language: Language) -> String {
    moment(explanation.due.at, &zone_of(explanation), language)
}

/// Why it falls due then: "1 hari kerja sejak Jumat 20 Nov 2026 15.30 WIB; Sabtu 21 Nov - Minggu 22 Nov libur; ...".
pub fn deadline_words(explanation: &Explanation, language: Language) -> String {
    let zone = zone_of(explanation);
    let start = moment(explanation.started_at, &zone, language);
    let term = term_words(explanation.policy.term, language);
    let mut parts = vec![say(language, "deadline.since", &[("term", &term), ("start", &start)])];
    if explanation.due.counted_from != explanation.started_at {
        let from = moment(explanation.due.counted_from, &zone, language);
        parts.push(say(language, "deadline.counted_from", &[("from", &from)]));
    }
    parts.extend(days_off(&explanation.due.skipped, language));
    let basis = one_line(&explanation.policy.legal_basis);
    if !basis.is_empty() {
        parts.push(say(language, "deadline.basis", &[("basis", &basis)]));
    }
    parts.join("; ")
}

/// What became of a promise since it was made: when its time stood still and why, and when it was moved, by whom and why.
pub fn clock_words(
    explanation: &Explanation,
    segments: &Segments,
    history: &[Moved],
    language: Language,
) -> Vec<String> {
    let zone = zone_of(explanation);
    let at = |at| moment(at, &zone, language);
    let stood_still = segments.as_slice().iter().filter_map(|segment| {
        let why = word(segment.why?, language);
        let from = at(segment.from);
        let words = match segment.to {
            Some(to) => say(language, "deadline.paused", &[("from", &from), ("to", &at(to)), ("why", why)]),
            None => say(language, "deadline.pauses", &[("from", &from), ("why", why)]),
        };
        Some((segment.from, words))
    });
    let mut words: Vec<_> = stood_still.chain(move_words(explanation, history, language)).collect();
    words.sort_by_key(|(at, _)| *at);
    words.into_iter().map(|(_, words)| words).collect()
}

/// What moved a promise, each time with when that was.
pub(crate) fn move_words(
    explanation: &Explanation,
    history: &[Moved],
    language: Language,
) -> Vec<(Timestamp, String)> {
    let zone = zone_of(explanation);
    let at = |at| moment(at, &zone, language);
    let words = |moved: &Moved| {
        let by = if moved.by == "sahut" { String::new() } else { one_line(&moved.by) };
        let note = one_line(&moved.note);
        let said = [by, note].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        let said = if said.is_empty() { said } else { format!(" ({said})") };
        let (was, due, why) = (at(moved.was_due_at), at(moved.due_at), word(moved.why, language));
        let gaps = [("was", was.as_str()), ("due", &due), ("why", why), ("said", &said)];
        (moved.at, say(language, "deadline.moved", &gaps))
    };
    history.iter().map(words).collect()
}

/// How long a promise is: "1 hari kerja", "450 menit kerja", "30 menit".
pub fn term_words(term: Term, language: Language) -> String {
    match term {
        Term::WorkingMinutes(minutes) => count(minutes.into(), "unit.working_minute", language),
        Term::WorkingDays(days) => count(days.into(), "unit.working_day", language),
        Term::Minutes(minutes) => count(minutes.into(), "unit.minute", language),
    }
}

/// The zone that a deadline was counted in; UTC where its name is no longer known.
pub fn zone_of(explanation: &Explanation) -> TimeZone {
    TimeZone::get(&explanation.zone).unwrap_or(TimeZone::UTC)
}

/// Days in a row that were off for the same reason.
struct Stretch<'a> {
    from: Date,
    to: Date,
    closure: Option<&'a str>,
}

fn days_off(skipped: &[SkippedDay], language: Language) -> Vec<String> {
    let stretches = stretches(skipped);
    let mut said: Vec<_> =
        stretches.iter().take(NAMED_STRETCHES).map(|stretch| stretch_words(stretch, language)).collect();
    let rest: i64 = stretches.iter().skip(NAMED_STRETCHES).map(Stretch::days).sum();
    if rest > 0 {
        said.push(count(rest, "unit.more_days_off", language));
    }
    said
}

fn stretches(skipped: &[SkippedDay]) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    for SkippedDay { date, closure } in skipped {
        let closure = closure.as_deref();
        match stretches.last_mut() {
            Some(last) if last.closure == closure && last.to.tomorrow().ok() == Some(*date) => {
                last.to = *date;
            }
            _ => stretches.push(Stretch { from: *date, to: *date, closure }),
        }
    }
    stretches
}

fn stretch_words(stretch: &Stretch<'_>, language: Language) -> String {
    let mut days = day(stretch.from, language);
    if stretch.to > stretch.from {
        days = format!("{days} – {}", day(stretch.to, language));
    }
    match stretch.closure {
        Some(name) => say(language, "deadline.holiday", &[("days", &days), ("name", &one_line(name))]),
        None => say(language, "deadline.day_off", &[("days", &days)]),
    }
}

impl Stretch<'_> {
    fn days(&self) -> i64 {
        self.to.since(self.from).map_or(1, |span| i64::from(span.get_days()) + 1)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use sahut_domain::Language::{English, Indonesian};
    use sahut_domain::calendar::{Closure, ClosureKind, WorkingCalendar};
    use sahut_domain::deadline::{DeadlineKind, MoveReason, Policy, promise};
    use sahut_domain::office::OfficeCode;
    use sahut_domain::segments::Pause;

    use super::*;

    fn explained(term: Term, start: &str) -> Explanation {
        let mut calendar = WorkingCalendar::civil_service("kantor", TimeZone::get("Asia/Jakarta").unwrap());
        for (day, name) in [(24, "Cuti Bersama Natal"), (25, "Hari Raya Natal")] {
            let closure = Closure { kind: ClosureKind::Holiday, name: name.to_owned() };
            calendar.closures.insert(date(2026, 12, day), closure);
        }
        let policy =
            Policy { kind: DeadlineKind::FirstResponse, term, legal_basis: "Keputusan Bupati".to_owned() };
        promise(&policy, &calendar, start.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_weekend_is_named() {
        let friday = explained(Term::WorkingDays(1), "2026-11-20T08:30:00Z");
        assert_eq!(due_words(&friday, Indonesian), "Senin 23 Nov 2026 16.00 WIB");
        assert_eq!(
            deadline_words(&friday, Indonesian),
            "1 hari kerja sejak Jumat 20 Nov 2026 15.30 WIB; Sabtu 21 Nov – Minggu 22 Nov libur; \
             dasar: Keputusan Bupati"
        );
    }

    #[test]
    fn holidays_are_named_and_time_counts_from_the_opening() {
        let evening = explained(Term::WorkingMinutes(30), "2026-12-23T14:00:00Z");
        assert_eq!(
            deadline_words(&evening, English),
            "30 working minutes from Wednesday 23 Dec 2026 21:00 WIB; counted from Monday 28 Dec 2026 07:30 WIB; \
             Thursday 24 Dec is off (Cuti Bersama Natal); Friday 25 Dec is off (Hari Raya Natal); \
             Saturday 26 Dec – Sunday 27 Dec is off; basis: Keputusan Bupati"
        );
    }

    #[test]
    fn pauses_and_moves_are_told_in_their_order() {
        let office = OfficeCode::parse("pupr").unwrap();
        let at = |text: &str| text.parse().unwrap();
        let explained = explained(Term::WorkingDays(5), "2026-11-20T02:00:00Z");
        let mut segments = Segments::begin(explained.started_at, &office);
        segments.pause(at("2026-11-23T02:00:00Z"), Pause::Answered);
        segments.resume(at("2026-11-24T03:00:00Z"));
        let moved = Moved {
            at: at("2026-11-25T02:00:00Z"),
            by: "Sekda".to_owned(),
            why: MoveReason::Extended,
            note: "menunggu suku cadang".to_owned(),
            was_due_at: at("2026-11-30T09:00:00Z"),
            due_at: at("2026-12-02T09:00:00Z"),
            was_revision: 1,
        };
        assert_eq!(
            clock_words(&explained, &segments, &[moved], Indonesian),
            [
                "berhenti Senin 23 Nov 2026 09.00 WIB sampai Selasa 24 Nov 2026 10.00 WIB: menunggu warga sesudah dijawab",
                "Senin 30 Nov 2026 16.00 WIB menjadi Rabu 2 Des 2026 16.00 WIB: diperpanjang (Sekda: menunggu suku cadang)",
            ]
        );
    }

    #[test]
    fn an_emergency_runs_by_the_clock() {
        let night = explained(Term::Minutes(30), "2026-11-21T18:00:00Z");
        assert!(
            deadline_words(&night, Indonesian)
                .starts_with("30 menit sejak Minggu 22 Nov 2026 01.00 WIB; dasar")
        );
    }

    #[test]
    fn a_long_term_counts_what_it_does_not_name() {
        let words = deadline_words(&explained(Term::WorkingDays(60), "2026-01-05T02:00:00Z"), Indonesian);
        assert!(words.contains("dan 12 hari libur lain"), "{words}");
    }
}
