//! The working calendar against a clerk who looks at the clock every minute and makes a tick while the office is open.

#![expect(clippy::unwrap_used, reason = "a moment that cannot be made fails the test")]

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use sahut_domain::calendar::{Closure, ClosureKind, Hours, Season, Term, Week, WorkingCalendar};
use sahut_domain::deadline::{DeadlineKind, Policy, promise, recount, resumed};
use sahut_domain::office::OfficeCode;
use sahut_domain::segments::{Pause, Segments};

/// Length of the stretch that the clerk watches.
const WATCHED_DAYS: i64 = 9;

/// What the clerk saw: for each minute from `start`, whether the office was open, and the day that it was there.
struct Watch {
    start: Timestamp,
    minutes: Vec<(Date, bool)>,
}

impl Watch {
    /// A clock that is set back shows some times twice: the second time changes nothing, so the clerk goes by the latest
    /// time ever seen.
    fn keep(calendar: &WorkingCalendar, start: Timestamp) -> Self {
        let mut latest = DateTime::MIN;
        let mut minutes = Vec::new();
        for minute in -180..WATCHED_DAYS * 1440 {
            latest = latest.max(calendar.zone.to_datetime(later(start, minute * 60)));
            if minute >= 0 {
                minutes.push((latest.date(), is_open(calendar, latest)));
            }
        }
        Self { start, minutes }
    }

    /// Ticks between two minutes.
    fn ticks(&self, from: usize, to: usize) -> i64 {
        i64::try_from(self.minutes[from..to].iter().filter(|(_, open)| *open).count()).unwrap()
    }

    /// The end of the minute in which the `wanted`-th tick from `from` on was made.
    fn after_ticks(&self, from: usize, wanted: usize) -> Option<Timestamp> {
        let ticks = self.minutes.iter().enumerate().skip(from).filter(|(_, (_, open))| *open);
        ticks.map(|(minute, _)| self.end_of(minute)).nth(wanted - 1)
    }

    /// The end of the last open minute of the `wanted`-th day with a tick after the day of `from`, unless that day may
    /// go on after the clerk went home.
    fn after_days(&self, from: usize, wanted: usize) -> Option<Timestamp> {
        let today = self.minutes[from].0;
        let last_day = self.minutes.last()?.0;
        let mut closing = BTreeMap::new();
        for (minute, (day, open)) in self.minutes.iter().enumerate() {
            if *open && *day > today && *day < last_day {
                closing.insert(*day, self.end_of(minute));
            }
        }
        closing.into_values().nth(wanted - 1)
    }

    fn end_of(&self, minute: usize) -> Timestamp {
        later(self.start, (i64::try_from(minute).unwrap() + 1) * 60)
    }

    fn at(&self, minute: usize) -> Timestamp {
        later(self.start, i64::try_from(minute).unwrap() * 60)
    }
}

fn is_open(calendar: &WorkingCalendar, shown: DateTime) -> bool {
    let day = shown.date();
    let season = calendar.seasons.iter().find(|season| (season.from..=season.to).contains(&day));
    let week = season.map_or(&calendar.week, |season| &season.week);
    let hours = &week[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap()];
    let within = |hours: &Hours| {
        shown.time() >= hours.from && (hours.to == Time::midnight() || shown.time() < hours.to)
    };
    !calendar.closures.contains_key(&day) && hours.iter().any(within)
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// Up to three spans of a day, parted by breaks or touching, in quarters of an hour; the last may end at midnight.
fn hours() -> impl Strategy<Value = Vec<Hours>> {
    let time = |quarter: i8| Time::constant(quarter / 4 % 24, quarter % 4 * 15, 0, 0);
    prop::collection::vec(0_i8..=96, 0..=6).prop_map(move |mut quarters| {
        quarters.sort_unstable();
        let pairs = quarters.chunks_exact(2).filter(|pair| pair[0] < pair[1]);
        pairs.map(|pair| Hours { from: time(pair[0]), to: time(pair[1]) }).collect()
    })
}

fn week() -> impl Strategy<Value = Week> {
    prop::array::uniform7(hours())
}

/// Days around the changes of the clock in Berlin, and around a turn of the year.
fn first_day() -> impl Strategy<Value = Date> {
    let days = [date(2026, 3, 26), date(2026, 10, 22), date(2026, 12, 28)];
    (prop::sample::select(days.to_vec()), 0..3_i64)
        .prop_map(|(day, more)| day.checked_add(more.days()).unwrap())
}

fn calendar(first: Date) -> impl Strategy<Value = WorkingCalendar> {
    let zones = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "Europe/Berlin", "Europe/Berlin"];
    let season = (0..8_i64, 0..5_i64, week());
    let seasons = prop::collection::vec(season, 0..=2);
    let closures = prop::collection::btree_set(0..9_i64, 0..=3);
    (prop::sample::select(zones.to_vec()), week(), seasons, closures).prop_map(
        move |(zone, week, seasons, closures)| {
            let day = |offset: i64| first.checked_add(offset.days()).unwrap();
            let closure = Closure { kind: ClosureKind::Local, name: "libur".to_owned() };
            WorkingCalendar {
                name: "acak".to_owned(),
                revision: 1,
                zone: TimeZone::get(zone).unwrap(),
                week,
                seasons: seasons
                    .into_iter()
                    .map(|(from, length, week)| Season {
                        name: "musim".to_owned(),
                        from: day(from),
                        to: day(from + length),
                        week,
                    })
                    .collect(),
                closures: closures.into_iter().map(|offset| (day(offset), closure.clone())).collect(),
                known_until: None,
            }
        },
    )
}

/// A calendar, and a moment in it on a whole minute.
fn case() -> impl Strategy<Value = (WorkingCalendar, Timestamp)> {
    first_day().prop_flat_map(|first| {
        (calendar(first), 0..2880_i64).prop_map(move |(calendar, minute)| {
            let midnight = TimeZone::UTC.to_timestamp(first.to_datetime(Time::midnight())).unwrap();
            (calendar, later(midnight, minute * 60))
        })
    })
}

/// What the clerk's ticks say about any promise and any stretch, looked up instead of counted again.
struct Tally {
    watch: Watch,
    /// Ticks before each minute.
    before: Vec<i64>,
    /// Minutes with a tick.
    open: Vec<usize>,
    /// The end of the last tick of each day with one, in order.
    closing: Vec<(Date, Timestamp)>,
}

impl Tally {
    fn of(watch: Watch) -> Self {
        let (mut before, mut open) = (vec![0], Vec::new());
        let mut closing: BTreeMap<Date, Timestamp> = BTreeMap::new();
        for (minute, (day, is_open)) in watch.minutes.iter().enumerate() {
            before.push(before[minute] + i64::from(*is_open));
            if *is_open {
                open.push(minute);
                closing.insert(*day, watch.end_of(minute));
            }
        }
        // The last day may go on after the clerk went home.
        let last_day = watch.minutes.last().unwrap().0;
        closing.remove(&last_day);
        Self { before, open, closing: closing.into_iter().collect(), watch }
    }

    fn ticks(&self, from: usize, to: usize) -> i64 {
        self.before[to] - self.before[from]
    }

    fn after_ticks(&self, from: usize, wanted: usize) -> Option<Timestamp> {
        let first = self.open.partition_point(|minute| *minute < from);
        self.open.get(first + wanted - 1).map(|minute| self.watch.end_of(*minute))
    }

    fn after_days(&self, from: usize, wanted: usize) -> Option<Timestamp> {
        let today = self.watch.minutes[from].0;
        let first = self.closing.partition_point(|(day, _)| *day <= today);
        self.closing.get(first + wanted - 1).map(|(_, at)| *at)
    }

    /// Promises of all sorts from a random minute, each due when the clerk says, or not while the clerk watches. Answers
    /// the minute.
    fn hold(&self, calendar: &WorkingCalendar, chance: &mut impl FnMut(usize) -> usize) -> usize {
        let from = chance(2 * 1440);
        let start = self.watch.at(from);
        let (minutes, days) = (1 + chance(700), 1 + chance(4));
        let as_term = |number: usize| u32::try_from(number).unwrap();
        let seen = self.watch.end_of(self.watch.minutes.len() - 1);
        for (term, at) in [
            (Term::WorkingMinutes(as_term(minutes)), self.after_ticks(from, minutes)),
            (Term::WorkingDays(as_term(days)), self.after_days(from, days)),
        ] {
            let due = calendar.due(start, term).ok().map(|due| due.at);
            match at {
                Some(_) => assert_eq!(due, at, "{term:?} from {start} in {calendar:?}"),
                None if matches!(term, Term::WorkingMinutes(_)) => {
                    assert!(due.is_none_or(|due| due > seen), "{term:?} from {start} in {calendar:?}");
                }
                None => {}
            }
        }
        let to = from + chance(1440);
        assert_eq!(calendar.worked(start, self.watch.at(to)), self.ticks(from, to) * 60);
        from
    }

    /// A promise that is paused, handed over and taken up again at random: its stretches add up to the elapsed working
    /// time, and once it is due, the stretches that count add up to what was promised.
    fn hold_clocks(&self, calendar: &WorkingCalendar, from: usize, chance: &mut impl FnMut(usize) -> usize) {
        let start = self.watch.at(from);
        let minutes = u32::try_from(1 + chance(900)).unwrap();
        let policy = Policy {
            kind: DeadlineKind::Resolution,
            term: Term::WorkingMinutes(minutes),
            legal_basis: String::new(),
        };
        let Ok(mut promised) = promise(&policy, calendar, start) else { return };
        let offices = ["pupr", "pdam"].map(|code| OfficeCode::parse(code).unwrap());
        let mut segments = Segments::begin(start, &offices[0]);
        let mut now = start;
        for _ in 0..chance(5) {
            now = later(now, i64::try_from(chance(900)).unwrap() * 60);
            match chance(4) {
                0 => segments.hand_over(now, &offices[chance(2)]),
                1 => {
                    segments.end(now);
                    segments.take_up(now);
                }
                _ => match segments.stopped_at() {
                    Some(stopped_at) => {
                        promised.due.at = resumed(&promised, calendar, stopped_at, now).unwrap();
                        segments.resume(now);
                    }
                    None => {
                        segments.pause(now, [Pause::Answered, Pause::Question][chance(2)]);
                    }
                },
            }
        }
        let sum = segments.worked(calendar, true, now) + segments.worked(calendar, false, now);
        assert_eq!(sum, calendar.worked(start, now));
        if segments.is_running() && promised.due.at >= now {
            let counted = segments.worked(calendar, true, promised.due.at);
            assert_eq!(counted, i64::from(minutes) * 60, "{segments:?} in {calendar:?}");
            let again = recount(&policy, calendar, &promised, &segments, &[]).unwrap();
            assert_eq!(again.due.at, promised.due.at);
        }
    }
}

/// A share of a million random promises, each held against a clerk who counted every minute: calendars with breaks, hours
/// to midnight, seasons and closures, in all three zones of Indonesia and in one that changes its clocks. Split, so that
/// they run beside each other.
fn a_share_of_a_million(seed: u64) {
    const CALENDARS: usize = 50;
    // Each in two terms, and every tenth with the life of a clock.
    const PROMISES: usize = 50_000 / CALENDARS;
    let mut state = seed;
    // A 64-bit linear congruential generator (Knuth, MMIX) is chance enough, and the same on every machine.
    let mut chance = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let bytes: [u8; 32] = std::array::from_fn(|_| u8::try_from(chance(256)).unwrap());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    for _ in 0..CALENDARS {
        let (calendar, start) = case().new_tree(&mut runner).unwrap().current();
        let tally = Tally::of(Watch::keep(&calendar, start));
        for promise in 0..PROMISES {
            let from = tally.hold(&calendar, &mut chance);
            if promise % 10 == 0 {
                tally.hold_clocks(&calendar, from, &mut chance);
            }
        }
    }
}

macro_rules! a_million {
    ($($name:ident = $seed:literal),+ $(,)?) => {$(
        #[test]
        fn $name() {
            a_share_of_a_million($seed);
        }
    )+};
}

a_million! {
    a_million_promises_1 = 1, a_million_promises_2 = 2, a_million_promises_3 = 3, a_million_promises_4 = 4,
    a_million_promises_5 = 5, a_million_promises_6 = 6, a_million_promises_7 = 7, a_million_promises_8 = 8,
    a_million_promises_9 = 9, a_million_promises_10 = 10,
}

/// Few cases by default, as each one watches a clock for days; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(40), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_calendar_counts_what_the_clerk_ticks(
        (calendar, start) in case(),
        pairs in prop::collection::vec((0..9_usize * 1440, 0..9_usize * 1440), 8),
    ) {
        let watch = Watch::keep(&calendar, start);
        for (one, other) in pairs {
            let (from, to) = (one.min(other), one.max(other));
            prop_assert_eq!(calendar.worked(watch.at(from), watch.at(to)), watch.ticks(from, to) * 60);
            prop_assert_eq!(calendar.is_open(watch.at(from)), watch.minutes[from].1);
        }
    }

    #[test]
    fn a_promise_in_minutes_is_due_when_the_clerk_has_ticked_them(
        (calendar, start) in case(),
        promises in prop::collection::vec((0..1440_usize, 1..900_usize), 8),
    ) {
        let watch = Watch::keep(&calendar, start);
        for (from, minutes) in promises {
            let due = calendar.due(watch.at(from), Term::WorkingMinutes(u32::try_from(minutes).unwrap()));
            match watch.after_ticks(from, minutes) {
                Some(at) => prop_assert_eq!(due.unwrap().at, at),
                None => prop_assert!(due.is_err() || due.unwrap().at > watch.end_of(watch.minutes.len() - 1)),
            }
        }
    }

    #[test]
    fn a_promise_in_days_is_due_at_the_end_of_that_day(
        (calendar, start) in case(),
        promises in prop::collection::vec((0..1440_usize, 1..6_usize), 8),
    ) {
        let watch = Watch::keep(&calendar, start);
        for (from, days) in promises {
            let due = calendar.due(watch.at(from), Term::WorkingDays(u32::try_from(days).unwrap()));
            if let Some(at) = watch.after_days(from, days) {
                prop_assert_eq!(due.unwrap().at, at);
            }
        }
    }

    #[test]
    fn the_days_skipped_are_those_without_work(
        (calendar, start) in case(),
        minutes in 1..3000_u32,
    ) {
        let Ok(due) = calendar.due(start, Term::WorkingMinutes(minutes)) else { return Ok(()) };
        let skipped: Vec<_> = due.skipped.iter().map(|day| day.date).collect();
        let days = calendar.date_of(start).series(1.day()).take_while(|day| *day <= calendar.date_of(due.at));
        let idle: Vec<_> = days.filter(|day| calendar.spans(*day).is_empty()).collect();
        // Due at the midnight that ends a day belongs to that day.
        prop_assert_eq!(&skipped[..], &idle[..skipped.len()]);
        prop_assert!(idle[skipped.len()..].iter().all(|day| *day == calendar.date_of(due.at)));
        for day in due.skipped {
            prop_assert_eq!(day.closure.is_some(), calendar.closure(day.date).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases * 4, ..config() })]

    #[test]
    fn working_time_adds_up((calendar, start) in case(), first in 0..400_000_i64, second in 0..400_000_i64) {
        let middle = later(start, first);
        let end = later(middle, second);
        prop_assert_eq!(
            calendar.worked(start, end),
            calendar.worked(start, middle) + calendar.worked(middle, end)
        );
        prop_assert_eq!(calendar.worked(end, start), 0);
    }

    #[test]
    fn a_promise_takes_as_long_as_it_says(
        (calendar, start) in case(),
        seconds in 0..60_i64,
        first in 1..2000_u32,
        more in 1..2000_u32,
    ) {
        let from = later(start, seconds);
        let due = |from, minutes| calendar.due(from, Term::WorkingMinutes(minutes)).map(|due| due.at);
        let Ok(at) = due(from, first) else { return Ok(()) };
        prop_assert_eq!(calendar.worked(from, at), i64::from(first) * 60);
        prop_assert!(calendar.worked(from, later(at, -1)) < i64::from(first) * 60, "due later than needed");
        // Two promises in a row end when one promise of both would, unless there is no such moment.
        prop_assert_eq!(due(at, more).ok(), due(from, first + more).ok());
    }

    #[test]
    fn who_comes_later_is_never_served_earlier(
        (calendar, start) in case(),
        wait in 0..300_000_i64,
        minutes in 0..2000_u32,
        days in 0..9_u32,
    ) {
        for term in [Term::WorkingMinutes(minutes), Term::WorkingDays(days), Term::Minutes(minutes)] {
            let one = calendar.due(start, term);
            let other = calendar.due(later(start, wait), term);
            if let (Ok(one), Ok(other)) = (one, other) {
                prop_assert!(one.at <= other.at, "{:?}", term);
                prop_assert!(one.at >= start && one.counted_from >= start && one.counted_from <= one.at);
            }
        }
    }
}

fn office() -> WorkingCalendar {
    WorkingCalendar::civil_service("kantor", TimeZone::get("Asia/Jakarta").unwrap())
}

/// A moment in Lebong.
fn wib(text: &str) -> Timestamp {
    format!("{text}:00+07:00").parse().unwrap()
}

fn due(calendar: &WorkingCalendar, from: &str, term: Term) -> Timestamp {
    calendar.due(wib(from), term).unwrap().at
}

#[test]
fn a_civil_servants_week_has_37_and_a_half_hours() {
    assert_eq!(office().worked(wib("2026-11-23T00:00"), wib("2026-11-30T00:00")), 37 * 3600 + 1800);
}

#[test]
fn what_fits_to_the_last_minute_is_due_at_closing_time() {
    for (from, minutes, at) in [
        ("2026-11-26T15:30", 30, "2026-11-26T16:00"),
        ("2026-11-26T15:30", 31, "2026-11-27T07:31"),
        ("2026-11-27T16:00", 30, "2026-11-27T16:30"),
        ("2026-11-27T16:30", 1, "2026-11-30T07:31"),
        ("2026-11-28T12:00", 450, "2026-11-30T16:00"),
        ("2026-11-26T12:15", 60, "2026-11-26T14:00"),
        ("2026-11-26T00:00", 270, "2026-11-26T12:00"),
    ] {
        assert_eq!(
            due(&office(), from, Term::WorkingMinutes(minutes)),
            wib(at),
            "{minutes} minutes from {from}"
        );
    }
}

#[test]
fn working_days_are_counted_from_the_day_after() {
    for (from, days, at) in [
        ("2026-11-26T08:00", 1, "2026-11-27T16:30"),
        ("2026-11-26T23:59", 1, "2026-11-27T16:30"),
        ("2026-11-27T00:00", 1, "2026-11-30T16:00"),
        ("2026-11-28T10:00", 1, "2026-11-30T16:00"),
        ("2026-11-26T08:00", 0, "2026-11-26T16:00"),
        ("2026-11-26T16:00", 0, "2026-11-27T16:30"),
        ("2026-11-26T08:00", 14, "2026-12-16T16:00"),
    ] {
        assert_eq!(due(&office(), from, Term::WorkingDays(days)), wib(at), "{days} days from {from}");
    }
}

#[test]
fn an_office_that_never_closes_counts_every_minute() {
    let whole_day = vec![Hours { from: Time::midnight(), to: Time::midnight() }];
    let mut calendar = office();
    calendar.week = std::array::from_fn(|_| whole_day.clone());
    assert_eq!(due(&calendar, "2026-11-28T22:00", Term::WorkingMinutes(180)), wib("2026-11-29T01:00"));
    assert_eq!(due(&calendar, "2026-11-28T22:00", Term::WorkingMinutes(120)), wib("2026-11-29T00:00"));
    assert_eq!(due(&calendar, "2026-11-28T22:00", Term::WorkingDays(1)), wib("2026-11-30T00:00"));
    assert_eq!(calendar.worked(wib("2026-11-28T00:00"), wib("2026-12-01T00:00")), 3 * 86_400);
}

#[test]
fn hours_that_the_clock_skips_do_not_exist() {
    let hours =
        |from: i8, to: i8| Hours { from: Time::constant(from, 0, 0, 0), to: Time::constant(to, 30, 0, 0) };
    let mut calendar = office();
    calendar.zone = TimeZone::get("Europe/Berlin").unwrap();
    calendar.week = std::array::from_fn(|_| vec![hours(2, 2), hours(3, 3)]);
    // On 29 March 2026 the clock goes from 02:00 to 03:00.
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(calendar.worked(day("2026-03-28T23:00:00Z"), day("2026-03-29T22:00:00Z")), 1800);
    assert_eq!(calendar.worked(day("2026-03-29T22:00:00Z"), day("2026-03-30T22:00:00Z")), 3600);
}

#[test]
fn a_calendar_without_hours_is_an_error_and_not_a_wait() {
    let mut calendar = office();
    calendar.week = Week::default();
    for term in [Term::WorkingMinutes(1), Term::WorkingDays(1)] {
        let error = calendar.due(wib("2026-11-26T08:00"), term).unwrap_err();
        assert!(error.to_string().contains("kantor"), "{error}");
    }
    assert!(calendar.due(wib("2026-11-26T08:00"), Term::Minutes(30)).is_ok());
}
