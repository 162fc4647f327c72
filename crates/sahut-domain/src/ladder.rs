//! The ladder: who is told of a promise, and when, until somebody acts. And who is there to be told.
//!
//! A [`Step`] names a moment of a promise's life and the people of that moment. [`Ladder::rungs`] turns the steps into
//! moments of one promise; each has a key that the promise remembers once it is done, so that a step is taken once
//! whatever happens to the clock, the process or the configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::{Term, WorkingCalendar};
use crate::deadline::DeadlineKind;
use crate::inquiry::{Kind, Priority};
use crate::office::{OfficeCode, Person};
use crate::words::words;

words! {
    /// Who is told at a step, from the nearest to the citizen upwards.
    Whom as "recipient of a step" {
        /// The people on duty at the office that has the inquiry.
        Office = "office",
        /// The head of that office.
        Head = "head",
        /// The office that decides where people have to: the communications office.
        Communications = "communications",
        /// The regency's secretary.
        Secretary = "secretary",
        /// The regent.
        Regent = "regent",
    }
}

/// A moment of a promise's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When so many percent of its time are gone, in working time where it is counted in that.
    Share(u8),
    /// When it falls due.
    Due,
    /// So long after it fell due.
    After(Term),
}

/// A step that is taken again while nobody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// How long after the last time.
    pub every: Term,
    /// How often, beside the first time.
    pub most: u32,
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// Who is told.
    pub to: Vec<Whom>,
    /// Of which promise; both where none is named.
    pub promise: Option<DeadlineKind>,
    /// Of which kinds of inquiries; all where none is named.
    pub kinds: Vec<Kind>,
    /// Of inquiries how urgent; all where nothing is named.
    pub priority: Option<Priority>,
    /// Whether and how it is taken again.
    pub repeat: Option<Repeat>,
}

/// Somebody is away, the first and the last day included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// The address of who is away.
    pub mail: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Who stands in; without one the others do.
    pub deputy: Option<Person>,
}

/// Who is there at an office besides its people on duty, and who of them is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desk {
    /// Its head.
    pub head: Option<Person>,
    /// Who is away, and when.
    pub leave: Vec<Leave>,
    /// Mail to its people arrives, and none of them ever acts: its head is told as well.
    pub silent: bool,
}

impl Desk {
    /// Its head, and all who stand in for somebody.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.head.iter().chain(self.leave.iter().filter_map(|leave| leave.deputy.as_ref()))
    }

    /// Of these people who can be reached on a day, deputies in the place of those who are away.
    pub fn present(&self, people: &[Person], day: Date) -> Vec<Person> {
        let mut present: Vec<Person> = Vec::with_capacity(people.len());
        for person in people {
            let away = self.leave.iter().find(|leave| leave.covers(&person.mail, day));
            let there = away.map_or(Some(person), |leave| leave.deputy.as_ref());
            if let Some(there) = there.filter(|there| !present.iter().any(|known| known.mail == there.mail)) {
                present.push(there.clone());
            }
        }
        present
    }
}

impl Leave {
    /// Whether it keeps the owner of an address away on a day.
    pub fn covers(&self, mail: &str, day: Date) -> bool {
        self.mail == mail && self.from <= day && day <= self.to
    }
}

/// How many mails one person gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mails {
    /// With more than so many due at once, one digest is sent instead.
    pub digest_above: i64,
    /// At most so many an hour, without those about emergencies; the rest waits, and is folded into a digest.
    pub most_an_hour: i64,
    /// Whether people get a digest when their office opens and something is open.
    pub morning: bool,
    /// Whether heads get a summary of the last week.
    pub weekly: bool,
}

/// Who is told of promises, when, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// The steps.
    pub steps: Vec<Step>,
    /// The regency's secretary.
    pub secretary: Vec<Person>,
    /// The regent.
    pub regent: Vec<Person>,
    /// Who is there, by office.
    pub desks: BTreeMap<OfficeCode, Desk>,
    /// How many mails one person gets.
    pub mails: Mails,
}

impl Default for Ladder {
    /// The office at half and at four fifths of the time; at the due moment its head as well; the communications office a
    /// working day later, the secretary after three, the regent after five.
    fn default() -> Self {
        let step = |at, to: &[Whom]| Step {
            at,
            to: to.to_vec(),
            promise: None,
            kinds: Vec::new(),
            priority: None,
            repeat: None,
        };
        let after = |days| Moment::After(Term::WorkingDays(days));
        Self {
            steps: vec![
                step(Moment::Share(50), &[Whom::Office]),
                step(Moment::Share(80), &[Whom::Office]),
                step(Moment::Due, &[Whom::Office, Whom::Head]),
                step(after(1), &[Whom::Communications]),
                step(after(3), &[Whom::Secretary]),
                step(after(5), &[Whom::Regent]),
            ],
            secretary: Vec::new(),
            regent: Vec::new(),
            desks: BTreeMap::new(),
            mails: Mails { digest_above: 5, most_an_hour: 12, morning: true, weekly: true },
        }
    }
}

/// What the ladder has to know of a promise.
#[derive(Debug, Clone, Copy)]
pub struct Promised {
    /// What is promised.
    pub promise: DeadlineKind,
    /// How it was counted.
    pub term: Term,
    /// When it began.
    pub started_at: Timestamp,
    /// When it falls due.
    pub due_at: Timestamp,
    /// The inquiry's kind.
    pub kind: Kind,
    /// How urgent that is.
    pub priority: Priority,
}

/// A step of one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What the promise remembers it by.
    pub key: String,
    /// When it is taken.
    pub at: Timestamp,
    /// Its place on the ladder, counted from 1.
    pub level: usize,
    /// The promise is due or overdue then.
    pub late: bool,
    /// Who is told.
    pub to: Vec<Whom>,
}

impl Ladder {
    /// The steps of a promise, the first one first. One whose moment the calendar does not have is left out.
    pub fn rungs(&self, calendar: &WorkingCalendar, promised: &Promised) -> Vec<Rung> {
        let mut rungs = Vec::new();
        for (level, step) in (1..).zip(&self.steps).filter(|(_, step)| step.applies(promised)) {
            let Some(mut at) = step.at.of(calendar, promised) else { continue };
            let times = step.repeat.map_or(0, |repeat| repeat.most);
            for time in 0..=times {
                let key = if time == 0 { step.key() } else { format!("{}#{time}", step.key()) };
                rungs.push(Rung { key, at, level, late: at >= promised.due_at, to: step.to.clone() });
                let next = step.repeat.and_then(|repeat| calendar.due(at, repeat.every).ok());
                let Some(next) = next else { break };
                at = next.at;
            }
        }
        rungs.sort_by_key(|rung| (rung.at, rung.level));
        rungs
    }

    /// When a fresh promise is looked at for the first time.
    pub fn first_look(&self, calendar: &WorkingCalendar, promised: &Promised) -> Timestamp {
        let first = self.rungs(calendar, promised).first().map(|rung| rung.at);
        first.map_or(promised.due_at, |first| first.min(promised.due_at))
    }

    /// The desk of an office.
    pub fn desk(&self, office: &OfficeCode) -> &Desk {
        const EMPTY: &Desk = &Desk { head: None, leave: Vec::new(), silent: false };
        self.desks.get(office).unwrap_or(EMPTY)
    }
}

impl Step {
    fn applies(&self, promised: &Promised) -> bool {
        self.promise.is_none_or(|promise| promise == promised.promise)
            && (self.kinds.is_empty() || self.kinds.contains(&promised.kind))
            && self.priority.is_none_or(|priority| priority == promised.priority)
    }

    /// What tells it from the others, also after the ladder was changed: its moment and its people.
    pub fn key(&self) -> String {
        let to: Vec<&str> = self.to.iter().map(|whom| whom.as_str()).collect();
        format!("{} {}", self.at.key(), to.join("+"))
    }
}

impl Moment {
    fn key(self) -> String {
        match self {
            Self::Share(percent) => format!("{percent}%"),
            Self::Due => "due".to_owned(),
            Self::After(Term::WorkingDays(days)) => format!("due+{days}d"),
            Self::After(Term::WorkingMinutes(minutes)) => format!("due+{minutes}m"),
            Self::After(Term::Minutes(minutes)) => format!("due+{minutes}min"),
        }
    }

    fn of(self, calendar: &WorkingCalendar, promised: &Promised) -> Option<Timestamp> {
        let (started_at, due_at) = (promised.started_at, promised.due_at);
        match self {
            Self::Due => Some(due_at),
            Self::After(term) => calendar.due(due_at, term).ok().map(|due| due.at),
            Self::Share(percent) => {
                let by_clock = matches!(promised.term, Term::Minutes(_));
                let all = if by_clock {
                    due_at.duration_since(started_at).as_secs()
                } else {
                    calendar.worked(started_at, due_at)
                };
                let minutes = u32::try_from(all * i64::from(percent) / 100 / 60).unwrap_or(0);
                let term = if by_clock { Term::Minutes(minutes) } else { Term::WorkingMinutes(minutes) };
                calendar.due(started_at, term).ok().map(|due| due.at.min(due_at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    fn calendar() -> WorkingCalendar {
        WorkingCalendar::civil_service("kantor", TimeZone::UTC)
    }

    /// Written on a Monday morning before the office opens, due at the end of Tuesday.
    fn promised() -> Promised {
        Promised {
            promise: DeadlineKind::FirstResponse,
            term: Term::WorkingDays(1),
            started_at: "2026-11-23T06:00:00Z".parse().unwrap(),
            due_at: "2026-11-24T16:00:00Z".parse().unwrap(),
            kind: Kind::Complaint,
            priority: Priority::Normal,
        }
    }

    fn told(ladder: &Ladder, promised: &Promised) -> Vec<(String, String)> {
        let rungs = ladder.rungs(&calendar(), promised);
        rungs.into_iter().map(|rung| (rung.key, rung.at.to_string())).collect()
    }

    #[test]
    fn the_usual_ladder_goes_up_in_working_time() {
        let expected = [
            ("50% office", "2026-11-23T16:00:00Z"),
            ("80% office", "2026-11-24T12:00:00Z"),
            ("due office+head", "2026-11-24T16:00:00Z"),
            ("due+1d communications", "2026-11-25T16:00:00Z"),
            ("due+3d secretary", "2026-11-27T16:30:00Z"),
            ("due+5d regent", "2026-12-01T16:00:00Z"),
        ];
        let expected = expected.map(|(key, at)| (key.to_owned(), at.to_owned()));
        assert_eq!(told(&Ladder::default(), &promised()), expected);
        let first = Ladder::default().first_look(&calendar(), &promised());
        assert_eq!(first.to_string(), "2026-11-23T16:00:00Z");
    }

    #[test]
    fn a_step_is_for_what_it_names_and_repeats_as_often_as_it_says() {
        let step = Step {
            at: Moment::Due,
            to: vec![Whom::Head],
            promise: Some(DeadlineKind::FirstResponse),
            kinds: vec![Kind::Complaint],
            priority: Some(Priority::Normal),
            repeat: Some(Repeat { every: Term::WorkingDays(1), most: 2 }),
        };
        let ladder = Ladder { steps: vec![step], ..Ladder::default() };
        let keys: Vec<_> = told(&ladder, &promised()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["due head", "due head#1", "due head#2"]);
        for other in [
            Promised { promise: DeadlineKind::Resolution, ..promised() },
            Promised { kind: Kind::Information, ..promised() },
            Promised { priority: Priority::Emergency, ..promised() },
        ] {
            assert_eq!(told(&ladder, &other), []);
            assert_eq!(ladder.first_look(&calendar(), &other), other.due_at);
        }
    }

    #[test]
    fn an_emergency_is_reminded_of_by_the_clock_on_the_wall() {
        let night: Timestamp = "2026-11-22T20:00:00Z".parse().unwrap();
        let due_at: Timestamp = "2026-11-22T20:30:00Z".parse().unwrap();
        let emergency = Promised {
            term: Term::Minutes(30),
            started_at: night,
            due_at,
            kind: Kind::Emergency,
            ..promised()
        };
        assert_eq!(told(&Ladder::default(), &emergency)[0].1, "2026-11-22T20:15:00Z");
    }

    #[test]
    fn a_deputy_stands_in_and_nobody_is_told_twice() {
        let person = |mail: &str| Person { name: mail.to_owned(), mail: mail.to_owned() };
        let away = |mail: &str, deputy: Option<&str>| Leave {
            mail: mail.to_owned(),
            from: date(2026, 11, 23),
            to: date(2026, 11, 24),
            deputy: deputy.map(person),
        };
        let desk = Desk { leave: vec![away("a", Some("b")), away("c", None)], ..Desk::default() };
        let present = |day| {
            let people = desk.present(&["a", "b", "c"].map(person), day);
            people.into_iter().map(|person| person.mail).collect::<Vec<_>>()
        };
        assert_eq!(present(date(2026, 11, 22)), ["a", "b", "c"]);
        assert_eq!(present(date(2026, 11, 24)), ["b"]);
        assert_eq!(present(date(2026, 11, 25)), ["a", "b", "c"]);
    }
}
