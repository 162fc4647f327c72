//! Moments as people and programs write them in tables.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// What is understood, for the error of what is not.
pub(super) const EXPECTED: &str = "a date such as 2026-11-24T10:15:00+07:00, 2026-11-24 10:15, 24/11/2026, 24-11-2026 10.15, seconds since 1970, or a year";

/// Reads a moment. What names no offset is a time of `zone`; a day alone is its first moment, a year alone its first.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text, zone);
    }
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, clock(time.trim())?),
        None => (text, Time::midnight()),
    };
    at(day(date)?, time, zone)
}

/// Four digits are a year, nine to eleven are seconds; of others nobody can tell.
fn number(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    match text.len() {
        4 => at(Date::new(text.parse().ok()?, 1, 1).ok()?, Time::midnight(), zone),
        9..=11 => Timestamp::from_second(text.parse().ok()?).ok(),
        _ => None,
    }
}

/// `2026-11-24`, `24/11/2026` or `24-11-2026`: the part of four digits is the year, and days come before months.
fn day(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let [first, month, last] = parts.as_slice() else { return None };
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `10:15`, `10.15`, `10:15:30`.
fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split([':', '.']).map(str::parse);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

fn at(day: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jakarta() -> TimeZone {
        TimeZone::get("Asia/Jakarta").unwrap()
    }

    #[test]
    fn the_usual_ways_of_writing_are_understood() {
        for (text, moment) in [
            ("2026-11-24T10:15:00+08:00", "2026-11-24T02:15:00Z"),
            ("2026-11-24T03:15:00Z", "2026-11-24T03:15:00Z"),
            ("2026-11-24T10:15:30", "2026-11-24T03:15:30Z"),
            (" 2026-11-24 10:15 ", "2026-11-24T03:15:00Z"),
            ("24/11/2026", "2026-11-23T17:00:00Z"),
            ("3/1/2026", "2026-01-02T17:00:00Z"),
            ("24-11-2026 10.15", "2026-11-24T03:15:00Z"),
            ("1795490100", "2026-11-24T03:15:00Z"),
            ("2023", "2022-12-31T17:00:00Z"),
        ] {
            assert_eq!(parse(text, &jakarta()), moment.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_not_guessed() {
        for text in [
            "",
            "kemarin",
            "31/02/2026",
            "11/24/2026",
            "24/11/26",
            "2026-11-24 25:00",
            "10:15",
            "20261124",
            "1-2",
        ] {
            assert_eq!(parse(text, &jakarta()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9:/. TZ+-]{0,30}|.{0,20}") {
            let _ = parse(&text, &jakarta());
        }

        #[test]
        fn a_day_means_the_same_however_it_is_written(year in 1990_i16..2100, month in 1_i8..13, day in 1_i8..29) {
            let one = parse(&format!("{year}-{month:02}-{day:02}"), &jakarta());
            prop_assert!(one.is_some());
            prop_assert_eq!(one, parse(&format!("{day:02}/{month:02}/{year}"), &jakarta()));
            prop_assert_eq!(one, parse(&format!("{day:02}-{month:02}-{year} 00.00"), &jakarta()));
        }
    }
}
