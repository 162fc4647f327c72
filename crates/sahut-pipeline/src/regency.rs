//! The running configuration: everything that a configuration set says, compiled, and swapped whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use sahut_channels::Connector;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::{ChannelId, ReceiptConfig};
use sahut_domain::deadline::Policy;
use sahut_domain::inquiry::Kind;
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_mail::{Mailbox, Smtp};
use sahut_render::Language;
use sahut_routing::RuleSet;

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

/// Connectors by channel. A channel that could not be built keeps its reason.
pub type Connectors = HashMap<ChannelId, Result<Arc<dyn Connector>, String>>;

/// How long first responses may take, by kind of inquiry.
#[derive(Debug, Clone)]
pub struct Policies {
    /// For a kind that has one of its own.
    pub by_kind: HashMap<Kind, Policy>,
    /// For all others.
    pub usual: Policy,
}

impl Policies {
    /// The policy for a kind.
    pub fn first_response(&self, kind: Kind) -> &Policy {
        self.by_kind.get(&kind).unwrap_or(&self.usual)
    }
}

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
    /// How long first responses may take.
    pub policies: Policies,
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
}

/// Where mail goes out.
pub struct Outbox {
    /// The server.
    pub smtp: Smtp,
    /// Who writes.
    pub from: Mailbox,
}

impl Regency {
    /// The calendar of an office; that of the triage office where it has none.
    pub fn calendar(&self, office: &OfficeCode) -> Option<&WorkingCalendar> {
        let name = |code: &OfficeCode| self.offices.get(code).map(|office| office.calendar.as_str());
        name(office)
            .and_then(|name| self.calendars.get(name))
            .or_else(|| name(&self.triage_office).and_then(|name| self.calendars.get(name)))
    }

    /// Who is mailed for an office: its people, or those who decide where it has none, or the operators.
    pub fn people(&self, office: &OfficeCode) -> &[Person] {
        self.in_turn(office).into_iter().find(|people| !people.is_empty()).unwrap_or_default()
    }

    /// The same, without those whose address is refused; without an office: who is told about trouble of the machinery.
    pub fn reachable(&self, office: Option<&OfficeCode>, refused: &BTreeSet<String>) -> Vec<Person> {
        let in_turn = match office {
            Some(office) => self.in_turn(office),
            None => [&self.operators, self.people_of(&self.triage_office), &[]],
        };
        let reachable = |people: &[Person]| -> Vec<Person> {
            people.iter().filter(|person| !refused.contains(&person.mail)).cloned().collect()
        };
        in_turn.into_iter().map(reachable).find(|people| !people.is_empty()).unwrap_or_default()
    }

    /// Who is told about trouble of the machinery.
    pub fn operators(&self) -> &[Person] {
        if self.operators.is_empty() { self.people(&self.triage_office) } else { &self.operators }
    }

    /// Who could be mailed for an office, those who come first first.
    fn in_turn(&self, office: &OfficeCode) -> [&[Person]; 3] {
        [self.people_of(office), self.people_of(&self.triage_office), &self.operators]
    }

    fn people_of(&self, office: &OfficeCode) -> &[Person] {
        self.offices.get(office).map_or(&[], |office| &office.people)
    }
}
