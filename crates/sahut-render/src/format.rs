//! Dates, times and numbers as people write them: "Kamis 26 Nov 2026 10.00 WIB", "1.234,5", "sisa 2 jam 10 menit".

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::report::Month;

use crate::catalogue::{pattern, say};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment with its weekday and the name of its zone: "Kamis 26 Nov 2026 10.00 WIB".
pub fn moment(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = zone.to_datetime(at);
    let day = weekday_name(local.date().weekday(), language);
    format!(
        "{day} {} {} {}",
        date(local.date(), language),
        clock(local.time(), language),
        zone_name(at, zone)
    )
}

/// What a day of the week is called: "Kamis".
pub fn weekday_name(of: Weekday, language: Language) -> String {
    say(language, &format!("weekday.{}", of.to_monday_one_offset()), &[])
}

/// A day with its weekday and without its year: "Kamis 26 Nov".
pub fn day(of: Date, language: Language) -> String {
    format!("{} {} {}", weekday_name(of.weekday(), language), of.day(), month(of, language))
}

/// A day with its year: "26 Nov 2026".
pub fn date(of: Date, language: Language) -> String {
    format!("{} {} {}", of.day(), month(of, language), of.year())
}

/// A month with its whole name: "Oktober 2026".
pub fn month_name(of: Month, language: Language) -> String {
    let first = of.first();
    format!("{} {}", say(language, &format!("month_name.{}", first.month()), &[]), first.year())
}

/// A time of day: "14.02", in English "14:02".
pub fn clock(time: Time, language: Language) -> String {
    let (hour, minute) = (format!("{:02}", time.hour()), format!("{:02}", time.minute()));
    say(language, "time.clock", &[("hour", &hour), ("minute", &minute)])
}

/// What the zone is called: WIB, WITA or WIT in Indonesia, also where only the offset is known.
pub fn zone_name(at: Timestamp, zone: &TimeZone) -> String {
    let info = zone.to_offset_info(at);
    if zone.iana_name().is_some() {
        return info.abbreviation().to_owned();
    }
    match info.offset().seconds() {
        25_200 => "WIB".to_owned(),
        28_800 => "WITA".to_owned(),
        32_400 => "WIT".to_owned(),
        _ => format!("UTC{}", info.offset()),
    }
}

/// A whole number with marks between the thousands: "1.234".
pub fn whole(number: i64, language: Language) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&number.unsigned_abs().to_string(), language))
}

/// A number with so many decimal places: "1.234,5".
pub fn decimal(number: f64, places: usize, language: Language) -> String {
    let text = format!("{:.places$}", number.abs());
    let sign =
        if number.is_sign_negative() && text.contains(|c: char| ('1'..='9').contains(&c)) { "-" } else { "" };
    match text.split_once('.') {
        Some((whole, part)) => {
            format!("{sign}{}{}{part}", grouped(whole, language), mark("number.point", language))
        }
        None => format!("{sign}{}", grouped(&text, language)),
    }
}

/// A stretch of time by the clock on the wall, in its two largest units: "2 jam 10 menit", "1 hari 3 jam".
pub fn span(seconds: i64, language: Language) -> String {
    let seconds = seconds.max(0);
    let (large, small) = match seconds {
        DAY.. => ((seconds / DAY, "unit.day"), (seconds % DAY / HOUR, "unit.hour")),
        _ => ((seconds / HOUR, "unit.hour"), (seconds % HOUR / MINUTE, "unit.minute")),
    };
    units(&[large, small], language)
}

/// A stretch of working time, in hours and minutes: a working day is not 24 hours long.
pub fn working_span(seconds: i64, language: Language) -> String {
    let seconds = seconds.max(0);
    units(&[(seconds / HOUR, "unit.hour"), (seconds % HOUR / MINUTE, "unit.minute")], language)
}

/// How far a deadline is: "sisa 2 jam 10 menit" before it, "terlambat 1 hari" after it.
pub fn time_left(due: Timestamp, now: Timestamp, language: Language) -> String {
    let left = due.duration_since(now).as_secs();
    let key = if now <= due { "time.left" } else { "time.late" };
    say(language, key, &[("span", &span(left.abs(), language))])
}

/// So many of a thing, in the singular or the plural of the language: `count(2, "unit.day", ...)` is "2 hari".
pub(crate) fn count(number: i64, unit: &str, language: Language) -> String {
    let form = if number == 1 { "one" } else { "other" };
    say(language, &format!("{unit}.{form}"), &[("n", &whole(number, language))])
}

fn units(parts: &[(i64, &str)], language: Language) -> String {
    let said: Vec<_> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| count(*n, unit, language)).collect();
    if said.is_empty() { say(language, "time.moment", &[]) } else { said.join(" ") }
}

fn month(of: Date, language: Language) -> String {
    say(language, &format!("month.{}", of.month()), &[])
}

fn mark(key: &str, language: Language) -> &'static str {
    pattern(language, key).unwrap_or_default()
}

fn grouped(digits: &str, language: Language) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push_str(mark("number.thousands", language));
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as civil;
    use sahut_domain::Language::{English, Indonesian};

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_told_in_the_zone_of_its_office() {
        let thursday = at("2026-11-26T03:00:00Z");
        assert_eq!(moment(thursday, &zone("Asia/Jakarta"), Indonesian), "Kamis 26 Nov 2026 10.00 WIB");
        assert_eq!(moment(thursday, &zone("Asia/Jakarta"), English), "Thursday 26 Nov 2026 10:00 WIB");
        assert_eq!(moment(thursday, &zone("Asia/Makassar"), Indonesian), "Kamis 26 Nov 2026 11.00 WITA");
        assert_eq!(moment(thursday, &zone("Asia/Jayapura"), Indonesian), "Kamis 26 Nov 2026 12.00 WIT");
        assert_eq!(moment(thursday, &zone("Europe/Berlin"), Indonesian), "Kamis 26 Nov 2026 04.00 CET");
        let fixed = |hours| TimeZone::fixed(jiff::tz::offset(hours));
        assert_eq!(zone_name(thursday, &fixed(7)), "WIB");
        assert_eq!(zone_name(thursday, &fixed(-3)), "UTC-03");
    }

    #[test]
    fn every_month_and_weekday_has_a_name() {
        for language in Language::ALL {
            for month in 1..=12 {
                assert!(!date(civil(2026, month, 1), *language).contains("month."));
                assert!(!day(civil(2026, 1, month), *language).contains("weekday."));
            }
        }
        assert_eq!(crate::catalogue::keys_under(&["month.", "weekday."]).len(), 12 + 7);
        assert_eq!(date(civil(2026, 8, 17), Indonesian), "17 Agu 2026");
        assert_eq!(day(civil(2026, 11, 27), Indonesian), "Jumat 27 Nov");
    }

    #[test]
    fn numbers_carry_the_marks_of_the_language() {
        for (number, indonesian, english) in [
            (0.0, "0,0", "0.0"),
            (-0.04, "0,0", "0.0"),
            (1234.56, "1.234,6", "1,234.6"),
            (-1_234_567.8, "-1.234.567,8", "-1,234,567.8"),
        ] {
            assert_eq!(decimal(number, 1, Indonesian), indonesian);
            assert_eq!(decimal(number, 1, English), english);
        }
        for (number, text) in [(7, "7"), (999, "999"), (1000, "1.000"), (-12_345, "-12.345")] {
            assert_eq!(whole(number, Indonesian), text);
        }
        assert_eq!(whole(i64::MIN, Indonesian), "-9.223.372.036.854.775.808");
    }

    #[test]
    fn time_is_told_in_its_two_largest_units() {
        for (seconds, indonesian, english) in [
            (0, "kurang dari 1 menit", "less than a minute"),
            (59, "kurang dari 1 menit", "less than a minute"),
            (60, "1 menit", "1 minute"),
            (2 * HOUR + 10 * MINUTE + 9, "2 jam 10 menit", "2 hours 10 minutes"),
            (DAY, "1 hari", "1 day"),
            (DAY + 3 * HOUR + 59 * MINUTE, "1 hari 3 jam", "1 day 3 hours"),
            (1200 * DAY, "1.200 hari", "1,200 days"),
        ] {
            assert_eq!(span(seconds, Indonesian), indonesian);
            assert_eq!(span(seconds, English), english);
        }
        assert_eq!(working_span(30 * HOUR + 60, Indonesian), "30 jam 1 menit");
    }

    #[test]
    fn a_deadline_is_ahead_or_past() {
        let due = at("2026-11-26T03:00:00Z");
        assert_eq!(time_left(due, at("2026-11-26T00:50:00Z"), Indonesian), "sisa 2 jam 10 menit");
        assert_eq!(time_left(due, due, Indonesian), "sisa kurang dari 1 menit");
        assert_eq!(time_left(due, at("2026-11-27T03:00:00Z"), Indonesian), "terlambat 1 hari");
        assert_eq!(time_left(due, at("2026-11-27T03:00:00Z"), English), "1 day late");
    }
}
