//! From the journal's lines to the numbers of a month.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Deserialize;

use super::case::{Begun, Case, Happening, Lines};
use super::tally::{Received, Stands, Tally, minutes_between};
use super::{
    ChannelCounts, Counts, FEW, IncidentCounts, KindCounts, Month, Named, OfficeCounts, OpenInquiry, Report,
    Setting, TOP,
};
use crate::channel::ChannelId;
use crate::deadline::DeadlineKind;
use crate::decision::Basis;
use crate::event::EventKind;
use crate::inquiry::{InquiryId, Kind};
use crate::office::OfficeCode;

/// A line of the journal, as far as the report reads it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number.
    pub id: i64,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// The office it concerns.
    pub office: Option<OfficeCode>,
    /// The channel it concerns.
    pub channel: Option<ChannelId>,
    /// The inquiry it concerns.
    pub inquiry: Option<InquiryId>,
    /// Its facts.
    pub told: Told,
}

/// The facts of a line that the report reads; all others are passed over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    number: Option<String>,
    kind: Option<Kind>,
    basis: Option<Basis>,
    topic: Option<String>,
    due_at: Option<Timestamp>,
    promise: Option<DeadlineKind>,
    deadline: Option<i64>,
    from: Option<OfficeCode>,
    to: Option<OfficeCode>,
    triage: Option<bool>,
    incident: Option<String>,
    why: Option<String>,
}

impl Told {
    fn is_history(&self) -> bool {
        self.basis == Some(Basis::History)
    }
}

/// Gathers the journal's lines for the report of one month.
#[derive(Debug)]
pub struct Fold {
    month: Month,
    setting: Setting,
    begins: Timestamp,
    as_of: Timestamp,
    is_over: bool,
    only: Option<OfficeCode>,
    cases: BTreeMap<InquiryId, Lines>,
    stops: Vec<Stop>,
    extensions: Vec<(EventKind, OfficeCode)>,
    aside: Vec<(Kind, Option<ChannelId>)>,
    brought_back: Vec<Option<ChannelId>>,
    channels: HashMap<ChannelId, Activity>,
}

/// The time of a promise stops, or runs again.
#[derive(Debug)]
struct Stop {
    id: i64,
    inquiry: Option<InquiryId>,
    deadline: Option<i64>,
    at: Timestamp,
    office: OfficeCode,
    starts: bool,
}

impl Stop {
    fn promise(&self) -> (Option<InquiryId>, Option<i64>) {
        (self.inquiry, self.deadline)
    }
}

#[derive(Debug, Default)]
struct Activity {
    messages: u64,
    replies: u64,
    last: Option<Timestamp>,
}

impl Fold {
    /// The kinds of lines that count; all others can be left out.
    pub const KINDS: &'static [EventKind] = &[
        EventKind::InquiryOpened,
        EventKind::InquiryContinued,
        EventKind::InquiryReopened,
        EventKind::InquiryAnswered,
        EventKind::InquiryClosed,
        EventKind::InquiryRestored,
        EventKind::InquiryHandedOver,
        EventKind::IncidentBegan,
        EventKind::IncidentJoined,
        EventKind::IncidentLeft,
        EventKind::DeadlineMoved,
        EventKind::DeadlinePaused,
        EventKind::DeadlineResumed,
        EventKind::DeadlineMet,
        EventKind::ExtensionAsked,
        EventKind::ExtensionGranted,
        EventKind::ExtensionRefused,
        EventKind::MessageSetAside,
        EventKind::MessageBroughtBack,
        EventKind::ReplySent,
    ];

    /// A report of a month as it stood at its end, or stands `now` where it is not over; of one office, or of all.
    pub fn new(month: Month, setting: Setting, only: Option<OfficeCode>, now: Timestamp) -> Self {
        let (begins, ends) = month.bounds(&setting.zone);
        Self {
            month,
            setting,
            begins,
            as_of: ends.min(now).max(begins),
            is_over: ends <= now,
            only,
            cases: BTreeMap::new(),
            stops: Vec::new(),
            extensions: Vec::new(),
            aside: Vec::new(),
            brought_back: Vec::new(),
            channels: HashMap::new(),
        }
    }

    /// Up to when lines count, by when they happened.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Takes one line.
    pub fn take(&mut self, line: Line) {
        if line.at >= self.as_of {
            return;
        }
        self.note_activity(&line);
        let of_month = self.is_of_month(line.at);
        match line.kind {
            // What was there before the channel was connected was for nobody here to look at.
            EventKind::MessageSetAside if of_month && !line.told.is_history() => {
                self.aside.push((line.told.kind.unwrap_or(Kind::Noise), line.channel));
            }
            EventKind::MessageBroughtBack if of_month => self.brought_back.push(line.channel),
            EventKind::ExtensionAsked | EventKind::ExtensionGranted | EventKind::ExtensionRefused
                if of_month =>
            {
                self.extensions.extend(line.office.map(|office| (line.kind, office)));
            }
            EventKind::DeadlinePaused | EventKind::DeadlineResumed | EventKind::DeadlineMet => {
                // Until an answered citizen writes again, nobody is waiting: that is no parking.
                let starts =
                    line.kind == EventKind::DeadlinePaused && line.told.why.as_deref() != Some("answered");
                let Line { id, at, office, inquiry, told: Told { deadline, .. }, .. } = line;
                let stop = |office| Stop { id, inquiry, deadline, at, office, starts };
                self.stops.extend(office.map(stop));
            }
            _ => self.take_happening(line),
        }
    }

    fn take_happening(&mut self, line: Line) {
        let Line { id, kind, at, office, inquiry, told, .. } = line;
        let Some(inquiry) = inquiry else { return };
        let happening = match kind {
            EventKind::InquiryOpened => {
                let (Some(number), Some(kind), Some(due_at), Some(office)) =
                    (told.number, told.kind, told.due_at, office)
                else {
                    return;
                };
                let begun = Begun { number, kind, topic: told.topic, office };
                self.cases.entry(inquiry).or_default().begun = Some(begun);
                Some(Happening::Opened { due_at })
            }
            EventKind::InquiryReopened => told.due_at.map(|due_at| Happening::Reopened { due_at }),
            EventKind::DeadlineMoved if told.promise != Some(DeadlineKind::Resolution) => {
                told.due_at.map(|due_at| Happening::Moved { due_at })
            }
            EventKind::InquiryAnswered => Some(Happening::Answered),
            EventKind::InquiryClosed => Some(Happening::Closed),
            EventKind::InquiryRestored => Some(Happening::Restored),
            EventKind::InquiryHandedOver => told.from.zip(told.to).map(|(from, to)| {
                let corrected = told.triage != Some(true);
                Happening::HandedOver { from, to, corrected }
            }),
            EventKind::IncidentBegan | EventKind::IncidentJoined => {
                told.incident.map(|incident| Happening::Joined { incident })
            }
            EventKind::IncidentLeft => Some(Happening::Left),
            _ => None,
        };
        if let Some(happening) = happening {
            self.cases.entry(inquiry).or_default().happened.push((at, id, happening));
        }
    }

    fn note_activity(&mut self, line: &Line) {
        let Some(channel) = line.channel else { return };
        let inbound = match line.kind {
            EventKind::InquiryOpened
            | EventKind::InquiryContinued
            | EventKind::InquiryReopened
            | EventKind::MessageSetAside => true,
            // A receipt is not the office's.
            EventKind::ReplySent if line.actor != "sahut" => false,
            _ => return,
        };
        let counts = self.is_of_month(line.at) && !line.told.is_history();
        let activity = self.channels.entry(channel).or_default();
        activity.last = activity.last.max(Some(line.at));
        activity.messages += u64::from(counts && inbound);
        activity.replies += u64::from(counts && !inbound);
    }

    pub(super) fn is_of_month(&self, at: Timestamp) -> bool {
        self.begins <= at && at < self.as_of
    }

    /// The report.
    pub fn finish(mut self) -> Report {
        let lines = std::mem::take(&mut self.cases);
        let all: Vec<Case> = lines.into_values().filter_map(Case::of).collect();
        let cases: Vec<&Case> = all.iter().filter(|case| self.is_asked_for(&case.office)).collect();
        let ours: Vec<&Case> = cases.iter().copied().filter(|case| self.is_of_month(case.first.at)).collect();
        let (total, offices) = self.counts(&cases, &all);
        Report {
            regency: self.setting.regency.clone(),
            month: self.month,
            office: self.only.as_ref().map(|office| self.named(office)),
            as_of: self.as_of,
            is_over: self.is_over,
            zone: self.setting.zone.iana_name().unwrap_or("UTC").to_owned(),
            total,
            offices,
            kinds: self.kinds(&ours),
            topics: topics(&ours),
            incidents: self.incidents(&ours),
            arrivals: self.arrivals(&ours),
            channels: self.channel_counts(),
            set_aside: self.set_aside(),
            brought_back: self.brought_back.iter().filter(|on| self.is_on_our_channel(**on)).count() as u64,
            longest_open: self.longest_open(&cases),
        }
    }

    fn is_asked_for(&self, office: &OfficeCode) -> bool {
        self.only.as_ref().is_none_or(|only| only == office)
    }

    /// The numbers of all together and of each office, worst first. `all` are also those that other offices have.
    fn counts(&self, cases: &[&Case], all: &[Case]) -> (Counts, Vec<OfficeCounts>) {
        let (mut total, mut by_office) = (Tally::default(), BTreeMap::<&OfficeCode, Tally>::new());
        for case in cases {
            // Measured once for both: working time is counted day by day.
            let received =
                self.is_of_month(case.first.at).then(|| Received::of(&self.setting, self.as_of, case));
            by_office.entry(&case.office).or_default().take(self, case, received.as_ref());
            total.take(self, case, received.as_ref());
        }
        let mut add = |office, count: &dyn Fn(&mut Counts)| {
            if self.is_asked_for(office) {
                count(&mut total.counts);
                count(&mut by_office.entry(office).or_default().counts);
            }
        };
        for hop in all.iter().flat_map(|case| &case.hops).filter(|hop| self.is_of_month(hop.at)) {
            add(&hop.from, &|counts| counts.handed_away += 1);
            add(&hop.to, &|counts| counts.handed_in += 1);
        }
        for (kind, office) in &self.extensions {
            add(office, &|counts| match kind {
                EventKind::ExtensionAsked => counts.extensions_asked += 1,
                EventKind::ExtensionGranted => counts.extensions_granted += 1,
                _ => counts.extensions_refused += 1,
            });
        }
        for (office, began, minutes) in self.stood_still() {
            add(office, &|counts| {
                counts.pauses += u64::from(began);
                counts.paused_minutes += minutes;
            });
        }
        let mut offices: Vec<OfficeCounts> = by_office
            .into_iter()
            .map(|(office, tally)| OfficeCounts { office: self.named(office), counts: tally.finish() })
            .filter(|office| office.counts != Counts::default())
            .collect();
        // Who has too few to be judged by a share stands behind those who can be; among them, who has more late ones first.
        offices.sort_by_key(|OfficeCounts { office, counts }| {
            let few = counts.judged() < FEW;
            let share = counts.punctuality().filter(|_| !few).unwrap_or(0);
            (few, share, Reverse((counts.late, counts.unanswered)), office.code.clone())
        });
        (total.finish(), offices)
    }

    /// Stretches in which time stood still, as far as they lie in the month: the office, whether it began in the month,
    /// and the minutes.
    fn stood_still(&self) -> Vec<(&OfficeCode, bool, u64)> {
        let mut stops: Vec<&Stop> = self.stops.iter().collect();
        stops.sort_by_key(|stop| (stop.inquiry, stop.deadline, stop.at, stop.id));
        let mut stretches = Vec::new();
        for (at, stop) in stops.iter().enumerate().filter(|(_, stop)| stop.starts) {
            let next = stops.get(at + 1).filter(|next| next.promise() == stop.promise());
            let until = next.map_or(self.as_of, |next| next.at);
            if until > self.begins {
                let minutes = minutes_between(stop.at.max(self.begins), until);
                stretches.push((&stop.office, self.is_of_month(stop.at), minutes));
            }
        }
        stretches
    }

    fn kinds(&self, ours: &[&Case]) -> Vec<KindCounts> {
        let mut kinds: BTreeMap<Kind, KindCounts> = BTreeMap::new();
        for case in ours {
            let kind = case.begun.kind;
            let zero = KindCounts { kind, received: 0, answered: 0, unanswered: 0, late: 0 };
            let counts = kinds.entry(kind).or_insert(zero);
            let (stands, late) = Stands::of(case, self.as_of);
            counts.received += 1;
            counts.answered += u64::from(stands == Stands::Answered);
            counts.unanswered += u64::from(stands == Stands::Unanswered);
            counts.late += u64::from(late);
        }
        kinds.into_values().collect()
    }

    fn incidents(&self, ours: &[&Case]) -> Vec<IncidentCounts> {
        let mut members: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        for case in ours {
            if let Some(incident) = &case.incident {
                members.entry(incident).or_default().push(case);
            }
        }
        let mut incidents: Vec<_> = members
            .into_iter()
            .filter_map(|(incident, cases)| {
                let most = most_common(cases.iter().map(|case| &case.office))?;
                Some(IncidentCounts {
                    incident: incident.to_owned(),
                    office: self.named(most),
                    inquiries: cases.len() as u64,
                    unanswered: cases.iter().filter(|case| case.owes()).count() as u64,
                })
            })
            .collect();
        incidents.sort_by(|a, b| b.inquiries.cmp(&a.inquiries).then_with(|| a.incident.cmp(&b.incident)));
        incidents.truncate(TOP);
        incidents
    }

    fn arrivals(&self, ours: &[&Case]) -> Vec<[u64; 7]> {
        let mut arrivals = vec![[0; 7]; 24];
        for case in ours {
            let local = self.setting.zone.to_datetime(case.first.at);
            let day = usize::try_from(local.date().weekday().to_monday_zero_offset()).unwrap_or(0);
            let hour = usize::try_from(local.hour()).unwrap_or(0);
            if let Some(cell) = arrivals.get_mut(hour).and_then(|row| row.get_mut(day)) {
                *cell += 1;
            }
        }
        arrivals
    }

    fn channel_counts(&self) -> Vec<ChannelCounts> {
        let nothing = Activity::default();
        let mut channels: Vec<_> = self
            .setting
            .channels
            .iter()
            .filter(|(_, facts)| self.is_asked_for(&facts.office))
            .map(|(id, facts)| (facts, self.channels.get(id).unwrap_or(&nothing)))
            .filter(|(facts, seen)| !facts.retired || seen.messages + seen.replies > 0)
            .map(|(facts, seen)| ChannelCounts {
                name: facts.name.clone(),
                platform: facts.platform,
                office: self.named(&facts.office),
                messages: seen.messages,
                replies: seen.replies,
                last_activity: seen.last,
                dormant_days: seen.last.map(|last| minutes_between(last, self.as_of) / (24 * 60)),
                complete_until: facts.complete_until.map(|until| until.min(self.as_of)),
            })
            .collect();
        channels.sort_by(|a, b| {
            a.last_activity
                .cmp(&b.last_activity)
                .then_with(|| (&a.office.code, &a.name).cmp(&(&b.office.code, &b.name)))
        });
        channels
    }

    fn set_aside(&self) -> Vec<(Kind, u64)> {
        let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
        for (kind, _) in self.aside.iter().filter(|(_, channel)| self.is_on_our_channel(*channel)) {
            *kinds.entry(*kind).or_default() += 1;
        }
        kinds.into_iter().collect()
    }

    fn is_on_our_channel(&self, channel: Option<ChannelId>) -> bool {
        let owner = channel.and_then(|channel| self.setting.channels.get(&channel));
        self.only.is_none() || owner.is_some_and(|facts| self.is_asked_for(&facts.office))
    }

    fn longest_open(&self, cases: &[&Case]) -> Vec<OpenInquiry> {
        let mut open: Vec<&Case> = cases.iter().copied().filter(|case| case.owes()).collect();
        open.sort_by(|a, b| a.last().at.cmp(&b.last().at).then_with(|| a.begun.number.cmp(&b.begun.number)));
        open.truncate(TOP);
        let line = |case: &&Case| {
            let ask = case.last();
            OpenInquiry {
                number: case.begun.number.clone(),
                kind: case.begun.kind,
                office: self.named(&case.office),
                since: ask.at,
                days: minutes_between(ask.at, self.as_of) / (24 * 60),
                due_at: ask.due_at,
                late: ask.is_late(self.as_of),
            }
        };
        open.iter().map(line).collect()
    }

    fn named(&self, office: &OfficeCode) -> Named {
        let name = self.setting.offices.get(office).cloned();
        Named { code: office.clone(), name: name.unwrap_or_else(|| office.to_string()) }
    }
}

fn topics(ours: &[&Case]) -> Vec<(String, u64)> {
    let mut topics: BTreeMap<&str, u64> = BTreeMap::new();
    for topic in ours.iter().filter_map(|case| case.begun.topic.as_deref()) {
        *topics.entry(topic).or_default() += 1;
    }
    let mut topics: Vec<_> = topics.into_iter().map(|(topic, count)| (topic.to_owned(), count)).collect();
    topics.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    topics.truncate(TOP);
    topics
}

fn most_common<'a>(offices: impl Iterator<Item = &'a OfficeCode>) -> Option<&'a OfficeCode> {
    let mut counts: BTreeMap<&OfficeCode, usize> = BTreeMap::new();
    for office in offices {
        *counts.entry(office).or_default() += 1;
    }
    let most = counts.values().copied().max();
    counts.into_iter().find(|(_, count)| Some(*count) == most).map(|(office, _)| office)
}
