//! How long promises may be: an ordered list, of which the first entry that fits counts.

use sahut_domain::calendar::Term;
use sahut_domain::deadline::{DeadlineKind, Policy};
use sahut_domain::inquiry::{Kind, Priority};
use sahut_domain::office::OfficeCode;

/// How long a citizen may be silent before an inquiry is closed, where no policy says so: the national complaint system
/// closes after ten days; it does not say which days, so they are working days.
pub const SILENCE: Term = Term::WorkingDays(10);

/// A policy, with what it is for. An empty list fits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is promised, how long it may take, what it rests on.
    pub policy: Policy,
    /// Kinds of inquiries.
    pub inquiry: Vec<Kind>,
    /// How urgent they are.
    pub priority: Vec<Priority>,
    /// Offices that the promise is made for.
    pub offices: Vec<OfficeCode>,
    /// So much more time may be taken once without asking.
    pub extension: Option<Term>,
    /// How long the citizen may be silent before the inquiry is closed.
    pub silence: Term,
}

impl Entry {
    /// An entry that fits everything.
    pub fn for_all(policy: Policy) -> Self {
        let (inquiry, priority, offices) = (Vec::new(), Vec::new(), Vec::new());
        Self { policy, inquiry, priority, offices, extension: None, silence: SILENCE }
    }

    fn fits(&self, promise: DeadlineKind, kind: Kind, priority: Priority, office: &OfficeCode) -> bool {
        self.policy.kind == promise
            && (self.inquiry.is_empty() || self.inquiry.contains(&kind))
            && (self.priority.is_empty() || self.priority.contains(&priority))
            && (self.offices.is_empty() || self.offices.contains(office))
    }

    /// Whether whatever fits `later` fits this one too.
    pub fn covers(&self, later: &Self) -> bool {
        fn all<T: PartialEq>(mine: &[T], theirs: &[T]) -> bool {
            mine.is_empty() || (!theirs.is_empty() && theirs.iter().all(|one| mine.contains(one)))
        }
        self.policy.kind == later.policy.kind
            && all(&self.inquiry, &later.inquiry)
            && all(&self.priority, &later.priority)
            && all(&self.offices, &later.offices)
    }
}

/// All policies, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(pub Vec<Entry>);

impl Policies {
    /// The policy of a promise on an inquiry of an office; `None`: nothing is promised.
    pub fn of(
        &self,
        promise: DeadlineKind,
        kind: Kind,
        priority: Priority,
        office: &OfficeCode,
    ) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.fits(promise, kind, priority, office))
    }
}

impl From<Policy> for Policies {
    fn from(policy: Policy) -> Self {
        Self(vec![Entry::for_all(policy)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(days: u32, inquiry: &[Kind], offices: &[&str]) -> Entry {
        let (kind, term) = (DeadlineKind::Resolution, Term::WorkingDays(days));
        let offices = offices.iter().map(|code| OfficeCode::parse(code).unwrap()).collect();
        let policy = Policy { kind, term, legal_basis: String::new() };
        Entry { inquiry: inquiry.to_vec(), offices, ..Entry::for_all(policy) }
    }

    #[test]
    fn the_first_that_fits_counts() {
        let policies = Policies(vec![
            entry(60, &[Kind::Complaint], &["inspektorat"]),
            entry(14, &[Kind::Complaint], &[]),
        ]);
        let days = |promise, kind, office: &str| {
            let found = policies.of(promise, kind, Priority::Normal, &OfficeCode::parse(office).unwrap());
            found.map(|entry| entry.policy.term)
        };
        let resolution = DeadlineKind::Resolution;
        assert_eq!(days(resolution, Kind::Complaint, "inspektorat"), Some(Term::WorkingDays(60)));
        assert_eq!(days(resolution, Kind::Complaint, "pupr"), Some(Term::WorkingDays(14)));
        assert_eq!(days(resolution, Kind::Information, "pupr"), None);
        assert_eq!(days(DeadlineKind::FirstResponse, Kind::Complaint, "pupr"), None);
    }

    #[test]
    fn an_entry_behind_a_wider_one_is_never_reached() {
        let wide = entry(14, &[Kind::Complaint, Kind::Information], &[]);
        assert!(wide.covers(&entry(5, &[Kind::Complaint], &["pupr"])));
        assert!(!wide.covers(&entry(5, &[], &[])), "it fits aspirations too");
        assert!(!entry(5, &[Kind::Complaint], &["pupr"]).covers(&wide));
    }
}
