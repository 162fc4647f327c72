//! Days off in an iCalendar file (RFC 5545): events that last whole days.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// The longest event that is taken for days off, in days.
const LONGEST: i32 = 60;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Days off with their names, in the order of the file.
    pub(super) days: Vec<(Date, String)>,
    /// Events that were left out, and why.
    pub(super) left_out: Vec<String>,
}

/// One event, as far as it matters.
#[derive(Default)]
struct Event {
    name: String,
    start: Option<String>,
    end: Option<String>,
    duration: Option<String>,
    repeats: bool,
    cancelled: bool,
}

/// Reads the events of a file.
pub(super) fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut event: Option<Event> = None;
    for line in unfolded(text) {
        let Some((name, value)) = property(&line) else { continue };
        match (name.as_str(), &mut event) {
            ("BEGIN", _) if value.eq_ignore_ascii_case("VEVENT") => event = Some(Event::default()),
            ("END", _) if value.eq_ignore_ascii_case("VEVENT") => {
                if let Some(event) = event.take() {
                    read.take(&event);
                }
            }
            ("SUMMARY", Some(event)) => event.name = unescaped(value),
            ("DTSTART", Some(event)) => event.start = Some(value.to_owned()),
            ("DTEND", Some(event)) => event.end = Some(value.to_owned()),
            ("DURATION", Some(event)) => event.duration = Some(value.to_owned()),
            ("RRULE" | "RDATE", Some(event)) => event.repeats = true,
            ("STATUS", Some(event)) => event.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
    }
    read
}

impl Read {
    fn take(&mut self, event: &Event) {
        if event.cancelled {
            return;
        }
        match event.days() {
            Ok(days) => self.days.extend(days.into_iter().map(|day| (day, event.name.clone()))),
            Err(why) => self.left_out.push(format!("{:?}: {why}", event.name)),
        }
    }
}

impl Event {
    fn days(&self) -> Result<Vec<Date>, String> {
        if self.repeats {
            return Err("it repeats by a rule: write each of its days as an event of its own".to_owned());
        }
        let start = self.start.as_deref().unwrap_or_default();
        let from = date(start).ok_or_else(|| format!("it does not begin with a whole day ({start:?})"))?;
        // The end is the first day that does not belong to it.
        let end = match (&self.end, &self.duration) {
            (Some(end), _) => {
                date(end).ok_or_else(|| format!("it does not end with a whole day ({end:?})"))?
            }
            (None, Some(duration)) => {
                let days = whole_days(duration).ok_or_else(|| format!("{duration:?} is not so many days"))?;
                from.checked_add(days.days()).map_err(|error| error.to_string())?
            }
            (None, None) => from.tomorrow().map_err(|error| error.to_string())?,
        };
        let length = from.until(end).map_or(0, |span| span.get_days()).max(1);
        if length > LONGEST {
            return Err(format!("it lasts {length} days: that is no holiday"));
        }
        Ok(from.series(1.day()).take(usize::try_from(length).unwrap_or(1)).collect())
    }
}

/// Lines with those that go on in the next one put together (RFC 5545, 3.1).
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Name and value of a property; its parameters, where a colon may stand between quotes, are passed over.
fn property(line: &str) -> Option<(String, &str)> {
    let mut quoted = false;
    let colon = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    });
    let (head, value) = line.split_at(colon?.0);
    let name = head.split(';').next().unwrap_or_default();
    Some((name.trim().to_uppercase(), value.trim_start_matches(':').trim()))
}

/// A whole day: `20261225`. A moment at midnight (`20261225T000000`) is one too, as some programs write it.
fn date(text: &str) -> Option<Date> {
    let (day, time) = text.split_once('T').unwrap_or((text, "000000"));
    let midnight = time.trim_end_matches('Z') == "000000" && !time.ends_with('Z');
    let number = |range: std::ops::Range<usize>| day.get(range)?.parse().ok();
    let (year, month, of) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let month = i8::try_from(month).ok()?;
    (day.len() == 8 && midnight).then(|| Date::new(year, month, i8::try_from(of).ok()?).ok()).flatten()
}

/// `P2D` or `P1W`.
fn whole_days(duration: &str) -> Option<i64> {
    let rest = duration.strip_prefix('P')?;
    if let Some(weeks) = rest.strip_suffix('W') {
        return weeks.parse::<i64>().ok()?.checked_mul(7);
    }
    rest.strip_suffix('D')?.parse().ok()
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;

    use super::*;

    fn event(lines: &str) -> Read {
        read(&format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
    }

    #[test]
    fn whole_days_and_spans_are_read_with_names_that_go_on_in_the_next_line() {
        let read = event(
            "DTSTART;VALUE=DATE:20270310\r\nDTEND;VALUE=DATE:20270312\r\nSUMMARY:Hari Raya\\, Idul \r\n Fitri",
        );
        let name = "Hari Raya, Idul Fitri".to_owned();
        assert_eq!(read.days, [(day(2027, 3, 10), name.clone()), (day(2027, 3, 11), name)]);
        let read = event("SUMMARY;LANGUAGE=\"id:ID\":Natal\nDTSTART:20261225T000000\nDURATION:P1D");
        assert_eq!(read.days, [(day(2026, 12, 25), "Natal".to_owned())]);
        assert_eq!(event("SUMMARY:Libur\nDTSTART;VALUE=DATE:20261231").days.len(), 1);
    }

    #[test]
    fn what_is_no_day_off_is_left_out_and_said() {
        for lines in [
            "SUMMARY:Ulang\nDTSTART;VALUE=DATE:20260817\nRRULE:FREQ=YEARLY",
            "SUMMARY:Rapat\nDTSTART:20260817T090000Z\nDTEND:20260817T100000Z",
            "SUMMARY:Setahun\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20270101",
            "SUMMARY:Kosong",
            "SUMMARY:Tidak ada\nDTSTART;VALUE=DATE:20260231",
        ] {
            let read = event(lines);
            assert_eq!((read.days.len(), read.left_out.len()), (0, 1), "{lines}: {read:?}");
        }
        assert_eq!(event("SUMMARY:Batal\nDTSTART;VALUE=DATE:20260817\nSTATUS:CANCELLED"), Read::default());
    }

    proptest::proptest! {
        #[test]
        fn no_file_breaks_the_reader(text in "(BEGIN:VEVENT\n)?(DTSTART|DTEND|DURATION|SUMMARY)?[:;]?\\PC{0,20}\n(END:VEVENT)?") {
            read(&text);
        }
    }
}
