//! The running configuration: everything that a configuration set says, compiled, and swapped whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sahut_channels::Connector;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::channel::{ChannelId, ReceiptConfig};
use sahut_domain::ladder::{Desk, Ladder, Whom};
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_mail::{Mailbox, Smtp};
use sahut_render::Language;
use sahut_routing::RuleSet;

use crate::policies::Policies;
use crate::{Links, Replies};

/// A value that many read and one swaps. A reader keeps the one that it took.
#[derive(Debug)]
pub struct Shared<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// Shares a first value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The present value.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another value in its place.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

/// What waits for an office to open leaves so long after: the morning's digest comes first, and tells it too.
const AFTER_OPENING: SignedDuration = SignedDuration::from_mins(1);

/// Connectors by channel. A channel that could not be built keeps its reason.
pub type Connectors = HashMap<ChannelId, Result<Arc<dyn Connector>, String>>;

/// Everything that the stages need to know of the regency.
pub struct Regency {
    /// Number of the configuration set.
    pub revision: i64,
    /// Name of the regency.
    pub name: String,
    /// Name of this installation, part of every Message-ID.
    pub instance: String,
    /// Language of mails.
    pub language: Language,
    /// The office that decides where people have to.
    pub triage_office: OfficeCode,
    /// Offices by code, with the people who can be mailed.
    pub offices: HashMap<OfficeCode, Office>,
    /// Calendars by name.
    pub calendars: HashMap<String, WorkingCalendar>,
    /// How long promises may be.
    pub policies: Policies,
    /// Who is told of promises, when, and how often.
    pub ladder: Ladder,
    /// Who is told about channels and mail that ail.
    pub operators: Vec<Person>,
    /// The routing rules.
    pub rules: RuleSet,
    /// Receipts of the channels that give any.
    pub receipts: HashMap<ChannelId, ReceiptConfig>,
    /// Connectors of the channels.
    pub connectors: Connectors,
    /// Where mail goes out; absent: notices wait.
    pub outbox: Option<Outbox>,
    /// How links in mails are made; absent: mails carry none.
    pub links: Option<Links>,
}

/// Where mail goes out.
pub struct Outbox {
    /// The server.
    pub smtp: Smtp,
    /// Who writes.
    pub from: Mailbox,
    /// How notices are answered by mail; absent: they are not.
    pub replies: Option<Replies>,
}

impl Regency {
    /// The calendar of an office; that of the triage office where it has none.
    pub fn calendar(&self, office: &OfficeCode) -> Option<&WorkingCalendar> {
        let name = |code: &OfficeCode| self.offices.get(code).map(|office| office.calendar.as_str());
        name(office)
            .and_then(|name| self.calendars.get(name))
            .or_else(|| name(&self.triage_office).and_then(|name| self.calendars.get(name)))
    }

    /// Who is mailed for an office: its people on duty, deputies in the place of those who are away; its head where nobody
    /// is there, and beside them where nobody ever acts; else those who decide, else the operators.
    pub fn people(&self, office: &OfficeCode, at: Timestamp) -> Vec<Person> {
        first_of(self.in_turn(office, at), |_| true)
    }

    /// The same, without those whose address is refused; without an office: who is told about trouble of the machinery.
    pub fn reachable(
        &self,
        office: Option<&OfficeCode>,
        refused: &BTreeSet<String>,
        at: Timestamp,
    ) -> Vec<Person> {
        let in_turn = match office {
            Some(office) => self.in_turn(office, at),
            None => vec![self.operators.clone(), self.on_duty(&self.triage_office, at)],
        };
        first_of(in_turn, |person| !refused.contains(&person.mail))
    }

    /// Whether an address is that of somebody who is told of inquiries now.
    pub fn knows(&self, mail: &str) -> bool {
        let others = self.others();
        let people = self.offices.values().flat_map(|office| &office.people);
        people.chain(&others).any(|person| person.mail.eq_ignore_ascii_case(mail))
    }

    /// Who answers for an office: the people on duty, its head, and who stands in for them.
    pub fn colleagues(&self, office: &OfficeCode) -> Vec<Person> {
        let people = self.offices.get(office).map_or(&[][..], |office| &office.people);
        people.iter().chain(self.ladder.desk(office).others()).cloned().collect()
    }

    /// Whether somebody with an address has a say in what an office has: who answers for it, who decides for all, those above
    /// the offices, and operators.
    pub fn may_act(&self, office: &OfficeCode, mail: &str) -> bool {
        let near = [office, &self.triage_office].into_iter().flat_map(|code| self.colleagues(code));
        let above = self.ladder.secretary.iter().chain(&self.ladder.regent).chain(&self.operators);
        near.chain(above.cloned()).any(|person| person.mail.eq_ignore_ascii_case(mail))
    }

    /// Who is told of inquiries besides people on duty: heads, those who stand in, those above the offices, operators.
    pub fn others(&self) -> Vec<Person> {
        let desks = self.ladder.desks.values().flat_map(Desk::others);
        let above = self.ladder.secretary.iter().chain(&self.ladder.regent);
        desks.chain(above).chain(&self.operators).cloned().collect()
    }

    /// Whether words hold a link or an address that was made for one person: a notice was quoted that must not go out.
    pub fn is_quoted_in(&self, text: &str) -> bool {
        let link = self.links.as_ref().map(|links| format!("{}/i/", links.url));
        let replies = self.outbox.as_ref().and_then(|outbox| outbox.replies.as_ref());
        link.is_some_and(|link| text.contains(&link))
            || replies.is_some_and(|replies| replies.is_quoted_in(text))
    }

    /// Who has to approve an answer of somebody for an office: its head, or where it has none the first of its people;
    /// nobody where the office wants no approval, or where there is nobody else who could.
    pub fn approver(&self, office: &OfficeCode, author: &Person) -> Option<&Person> {
        let wanting = self.offices.get(office).filter(|office| office.approval)?;
        let approver = self.ladder.desk(office).head.as_ref().or(wanting.people.first())?;
        (!approver.mail.eq_ignore_ascii_case(&author.mail)).then_some(approver)
    }

    /// Who is told about trouble of the machinery.
    pub fn operators(&self, at: Timestamp) -> Vec<Person> {
        if self.operators.is_empty() { self.people(&self.triage_office, at) } else { self.operators.clone() }
    }

    /// Who is told at a step of the ladder, and whose working hours they keep. Whoever is not configured is stood in for by
    /// the communications office.
    pub fn step_people(&self, whom: Whom, office: &OfficeCode, at: Timestamp) -> (OfficeCode, Vec<Person>) {
        let (hours, people) = match whom {
            Whom::Office => return (office.clone(), self.people(office, at)),
            Whom::Head => (office, self.head(office, at)),
            Whom::Communications => (&self.triage_office, Vec::new()),
            Whom::Secretary => (&self.triage_office, self.ladder.secretary.clone()),
            Whom::Regent => (&self.triage_office, self.ladder.regent.clone()),
        };
        if people.is_empty() {
            return (self.triage_office.clone(), self.people(&self.triage_office, at));
        }
        (hours.clone(), people)
    }

    /// People on duty at an office who are there, or their deputies.
    pub fn on_duty(&self, office: &OfficeCode, at: Timestamp) -> Vec<Person> {
        let people = self.offices.get(office).map_or(&[][..], |office| &office.people);
        self.ladder.desk(office).present(people, self.day(office, at))
    }

    /// The head of an office, or who stands in.
    pub fn head(&self, office: &OfficeCode, at: Timestamp) -> Vec<Person> {
        let desk = self.ladder.desk(office);
        desk.present(desk.head.as_slice(), self.day(office, at))
    }

    /// Offices where nobody is on duty, in the order of their codes.
    pub fn unattended(&self, at: Timestamp) -> Vec<OfficeCode> {
        let empty = self.offices.keys().filter(|office| self.on_duty(office, at).is_empty());
        let mut empty: Vec<OfficeCode> = empty.cloned().collect();
        empty.sort();
        empty
    }

    /// The day that it is at an office.
    pub fn day(&self, office: &OfficeCode, at: Timestamp) -> Date {
        self.calendar(office)
            .map_or_else(|| TimeZone::UTC.to_datetime(at).date(), |calendar| calendar.date_of(at))
    }

    /// The present moment while an office works, else soon after its next opening.
    pub fn opening(&self, office: &OfficeCode, now: Timestamp) -> Timestamp {
        let opening = |calendar: &WorkingCalendar| {
            if calendar.is_open(now) {
                return Some(now);
            }
            calendar.due(now, Term::WorkingMinutes(0)).ok().map(|due| due.at + AFTER_OPENING)
        };
        self.calendar(office).and_then(opening).unwrap_or(now)
    }

    /// Who could be mailed for an office, those who come first first.
    fn in_turn(&self, office: &OfficeCode, at: Timestamp) -> Vec<Vec<Person>> {
        let mut people = self.on_duty(office, at);
        let head = self.head(office, at);
        if self.ladder.desk(office).silent && !people.is_empty() {
            people.extend(head.iter().filter(|head| !people.contains(head)).cloned().collect::<Vec<_>>());
        }
        vec![people, head, self.on_duty(&self.triage_office, at), self.operators.clone()]
    }
}

/// The first group of which somebody can be reached.
fn first_of(in_turn: Vec<Vec<Person>>, reachable: impl Fn(&Person) -> bool) -> Vec<Person> {
    let mut groups =
        in_turn.into_iter().map(|people| people.into_iter().filter(&reachable).collect::<Vec<_>>());
    groups.find(|people| !people.is_empty()).unwrap_or_default()
}
