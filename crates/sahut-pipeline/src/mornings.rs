//! Once a day, when an office opens: each of its people is told what is open, in one mail with all that is owed to them.
//! Once a week its head is told how it went. And once a day somebody looks whether anybody is there.
//!
//! Nothing here is a timer: a bell's row, keyed by the day and the office, says that it was done, so that a restart or a
//! clock that jumps does it once, however late.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp};
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::notice::Template;
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_store::journal::NewEvent;
use sahut_store::notify::NewNotice;
use sahut_store::people::Week;
use sahut_store::{StoreError, Tx};

use crate::digests::Summary;
use crate::{Context, Regency};

/// Units that never close have their morning at seven.
const NOT_BEFORE: Time = Time::constant(7, 0, 0, 0);

/// The bell of the day on which it was looked whether anybody is there.
const PRESENCE: &str = "presence";

/// Rings the bells of offices that have opened, and does what they ring for.
pub async fn ring(context: &Context) -> Result<(), StoreError> {
    let (regency, now) = (context.regency.get(), context.clock.now());
    let opened: HashMap<&str, Days> = regency
        .calendars
        .values()
        .filter(|calendar| has_opened(calendar, now))
        .map(|calendar| (calendar.name.as_str(), Days::of(calendar.date_of(now))))
        .collect();
    if opened.is_empty() {
        return Ok(());
    }
    let asked: Vec<String> = opened.values().flat_map(|days| [days.day.clone(), days.week.clone()]).collect();
    let rung = context.db.read().await?.bells_of(&asked).await?;
    let mut bells = Bells { rung, now, weeks: BTreeMap::new() };
    let mut news: Vec<(&Office, &Days)> = regency
        .offices
        .values()
        .filter_map(|office| Some((office, opened.get(regency.calendar(&office.code)?.name.as_str())?)))
        .filter(|(office, days)| bells.has_news(&regency, &office.code, days))
        .collect();
    if news.is_empty() {
        return Ok(());
    }
    news.sort_by(|(a, _), (b, _)| a.code.cmp(&b.code));
    let mut tx = context.db.begin().await?;
    bells.mornings(&mut tx, &regency, &news).await?;
    for (office, days) in news {
        bells.week(&mut tx, &regency, office, days).await?;
        if office.code == regency.triage_office {
            bells.presence(&mut tx, &regency, days).await?;
        }
    }
    tx.commit().await
}

/// An office works, and it is morning or later.
fn has_opened(calendar: &WorkingCalendar, now: Timestamp) -> bool {
    calendar.is_open(now) && calendar.zone.to_datetime(now).time() >= NOT_BEFORE
}

/// A day, and the Monday of its week, as bells are keyed by them.
struct Days {
    day: String,
    week: String,
    monday: Date,
}

impl Days {
    fn of(day: Date) -> Self {
        let monday = monday(day);
        Self { day: day.to_string(), week: monday.to_string(), monday }
    }
}

fn monday(day: Date) -> Date {
    let since = day.weekday().to_monday_zero_offset();
    day.checked_sub(Span::new().days(since)).unwrap_or(day)
}

/// The bells of the days that it is now.
struct Bells {
    rung: HashSet<(String, String)>,
    now: Timestamp,
    /// What offices did in weeks that were asked for.
    weeks: BTreeMap<(Timestamp, Timestamp), BTreeMap<OfficeCode, Week>>,
}

impl Bells {
    fn has_news(&self, regency: &Regency, office: &OfficeCode, days: &Days) -> bool {
        let mails = &regency.ladder.mails;
        let rang = |name: String, day: &String| self.rung.contains(&(name, day.clone()));
        (mails.morning && !rang(format!("morning:{office}"), &days.day))
            || (mails.weekly && !rang(format!("week:{office}"), &days.week))
            || (*office == regency.triage_office && !rang(PRESENCE.to_owned(), &days.day))
    }

    /// Rings a bell whose work is done in this transaction. `false`: it rang before.
    async fn rings(&self, tx: &mut Tx, name: &str, day: &str) -> Result<bool, StoreError> {
        if self.rung.contains(&(name.to_owned(), day.to_owned()))
            || !tx.ring_bell(name, day, self.now).await?
        {
            return Ok(false);
        }
        tx.bell_done(name, day, self.now).await?;
        Ok(true)
    }

    /// Tells the people of offices what is open, and with it whatever they are owed.
    async fn mornings(
        &self,
        tx: &mut Tx,
        regency: &Regency,
        offices: &[(&Office, &Days)],
    ) -> Result<(), StoreError> {
        if !regency.ladder.mails.morning {
            return Ok(());
        }
        let owing = tx.owing_offices().await?;
        let mut told = Vec::new();
        for (office, days) in offices {
            let rings = self.rings(tx, &format!("morning:{}", office.code), &days.day).await?;
            if rings && owing.contains(&office.code) {
                let people = regency.people(&office.code, self.now).into_iter();
                told.extend(people.map(|person| (person, Some(office.code.clone()))));
            }
        }
        tx.fold(told, true, self.now).await?;
        Ok(())
    }

    /// Tells the head of an office, or else its people, how the last week went.
    async fn week(
        &mut self,
        tx: &mut Tx,
        regency: &Regency,
        office: &Office,
        days: &Days,
    ) -> Result<(), StoreError> {
        let Some(calendar) = regency.calendar(&office.code) else { return Ok(()) };
        let this = days.monday;
        if !regency.ladder.mails.weekly
            || !self.rings(tx, &format!("week:{}", office.code), &days.week).await?
        {
            return Ok(());
        }
        let beginning =
            |day: Date| calendar.zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().ok();
        let last = this.checked_sub(Span::new().days(7)).ok().and_then(beginning);
        let (Some(from), Some(to)) = (last, beginning(this)) else { return Ok(()) };
        // Of a week before this installation began there is nothing to tell.
        if tx.journal_begins().await?.is_none_or(|begins| begins >= to) {
            return Ok(());
        }
        let weeks = match self.weeks.entry((from, to)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(tx.weeks(from, to).await?),
        };
        let week = weeks.get(&office.code).cloned().unwrap_or_default();
        let silent = tx.silent_people(&office.code).await?;
        let summary = summary(calendar, &week, (from, to), silent);
        let mut event = NewEvent::new(EventKind::SummaryDue, self.now);
        event.office = Some(office.code.clone());
        let data = serde_json::to_value(summary).map_err(|error| StoreError::Refused(error.to_string()))?;
        let event = self.record(tx, event.with(data)).await?;
        let head = regency.head(&office.code, self.now);
        let people = if head.is_empty() { regency.people(&office.code, self.now) } else { head };
        self.owe(tx, people, Template::Weekly, event, &office.code).await
    }

    /// Looks whether anybody is there, and tells the communications office where nobody is.
    async fn presence(&self, tx: &mut Tx, regency: &Regency, days: &Days) -> Result<(), StoreError> {
        let triage = &regency.triage_office;
        if !self.rings(tx, PRESENCE, &days.day).await? {
            return Ok(());
        }
        tx.note_silence(self.now).await?;
        let offices = regency.unattended(self.now);
        if offices.is_empty() {
            return Ok(());
        }
        let event = NewEvent::new(EventKind::OfficesUnattended, self.now);
        let event = self.record(tx, event.with(serde_json::json!({ "offices": offices }))).await?;
        let people = regency.people(triage, self.now);
        self.owe(tx, people, Template::Unattended, event, triage).await
    }

    async fn record(&self, tx: &mut Tx, event: NewEvent) -> Result<EventId, StoreError> {
        tx.record_one(event, self.now).await
    }

    async fn owe(
        &self,
        tx: &mut Tx,
        people: Vec<Person>,
        template: Template,
        event: EventId,
        office: &OfficeCode,
    ) -> Result<(), StoreError> {
        let notice = |recipient| NewNotice {
            event,
            template,
            recipient,
            office: Some(office.clone()),
            inquiry: None,
            channel: None,
            urgent: false,
            not_before: self.now,
        };
        tx.owe(people.into_iter().map(notice).collect(), self.now).await
    }
}

fn summary(
    calendar: &WorkingCalendar,
    week: &Week,
    (from, to): (Timestamp, Timestamp),
    silent: Vec<String>,
) -> Summary {
    let mut worked: Vec<i64> =
        week.responses.iter().map(|(began, given)| calendar.worked(*began, *given)).collect();
    worked.sort_unstable();
    Summary {
        from,
        to,
        received: week.received,
        taken_over: week.taken_over,
        handed_over: week.handed_over,
        answered: week.answered,
        on_time: week.on_time,
        median_seconds: median(&worked),
        late: week.late.iter().map(ToString::to_string).collect(),
        silent,
    }
}

/// The middle one; of two in the middle their mean.
fn median(sorted: &[i64]) -> Option<i64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(i64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[1, 3]), Some(2));
        assert_eq!(median(&[1, 3, 100]), Some(3));
    }

    #[test]
    fn a_week_begins_on_its_monday() {
        let monday_of = |text: &str| monday(text.parse().unwrap()).to_string();
        assert_eq!(monday_of("2026-11-24"), "2026-11-23");
        assert_eq!(monday_of("2026-11-23"), "2026-11-23");
        assert_eq!(monday_of("2026-11-29"), "2026-11-23");
    }
}
