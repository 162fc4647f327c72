//! `policies.toml`: how long promises are.

use jiff::Timestamp;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::deadline::{DeadlineKind, Policy};
use sahut_domain::inquiry::{Kind, Priority};
use sahut_domain::office::OfficeCode;
use sahut_pipeline::policies::{Entry, Policies, SILENCE};
use sahut_routing::{Problem, Source};
use serde::Deserialize;
use toml::Spanned;

use super::Files;
use super::calendars::USUAL;
use super::offices::Offices;

pub(super) const POLICIES: &str = "policies.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PolicyFile {
    policy: Vec<Spanned<PolicyEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyEntry {
    kind: Spanned<DeadlineKind>,
    #[serde(default)]
    inquiry: Vec<Kind>,
    #[serde(default)]
    priority: Vec<Priority>,
    #[serde(default)]
    offices: Vec<Spanned<String>>,
    term: Spanned<Term>,
    legal_basis: String,
    extension: Option<Spanned<Term>>,
    silence: Option<Spanned<Term>>,
}

impl PolicyEntry {
    fn terms(&self) -> impl Iterator<Item = &Spanned<Term>> {
        std::iter::once(&self.term).chain(&self.extension).chain(&self.silence)
    }
}

/// Reads the policies of a set, in their order; where none fits, a first response within one working day is promised.
pub(super) fn policies(files: &Files, offices: &Offices, problems: &mut Vec<Problem>) -> Policies {
    let parsed = files.parse::<PolicyFile>(POLICIES, problems).unwrap_or_default();
    let source = files.source(POLICIES);
    let mut entries: Vec<Entry> = Vec::new();
    for policy in parsed.policy {
        let place = policy.get_ref().kind.span();
        let policy = policy.into_inner();
        if let Some(source) = &source {
            unknown_offices(&policy, offices, source, problems);
        }
        let entry = entry(policy);
        if let Some((source, before)) = source.as_ref().zip(unreachable(&entries, &entry)) {
            let what =
                format!("this policy is never used: whatever fits it fits number {} before it", before + 1);
            let help = "put the narrower policy first, or remove one of the two";
            problems.push(Problem::at(
                source,
                place,
                what,
                "something that no policy before it covers",
                help,
            ));
        }
        entries.push(entry);
    }
    let (kind, term) = (DeadlineKind::FirstResponse, USUAL);
    entries.push(Entry::for_all(Policy { kind, term, legal_basis: String::new() }));
    Policies(entries)
}

fn entry(policy: PolicyEntry) -> Entry {
    let offices = policy.offices.iter().filter_map(|code| OfficeCode::parse(code.get_ref()).ok());
    Entry {
        offices: offices.collect(),
        inquiry: policy.inquiry,
        priority: policy.priority,
        extension: policy.extension.map(Spanned::into_inner),
        silence: policy.silence.map_or(SILENCE, Spanned::into_inner),
        policy: Policy {
            kind: policy.kind.into_inner(),
            term: policy.term.into_inner(),
            legal_basis: policy.legal_basis,
        },
    }
}

/// The first entry that leaves nothing to this one.
fn unreachable(before: &[Entry], entry: &Entry) -> Option<usize> {
    before.iter().position(|earlier| earlier.covers(entry))
}

fn unknown_offices(policy: &PolicyEntry, offices: &Offices, source: &Source, problems: &mut Vec<Problem>) {
    for code in policy.offices.iter().filter(|code| offices.lack(code.get_ref())) {
        let what = format!("there is no office {:?}", code.get_ref());
        let known: Vec<&str> = offices.read.iter().map(|office| office.code.as_str()).collect();
        let help = format!("name an office of offices.toml: {}", known.join(", "));
        problems.push(Problem::at(source, code.span(), what, "the code of an office", help));
    }
}

/// Makes every promise once in every calendar that works: one that cannot be kept is told here.
pub(super) fn try_terms(
    files: &Files,
    calendars: &[WorkingCalendar],
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    let policies = files.parse::<PolicyFile>(POLICIES, &mut Vec::new());
    let (Some(policies), Some(source)) = (policies, files.source(POLICIES)) else { return };
    for policy in &policies.policy {
        for term in policy.get_ref().terms() {
            let failed = calendars.iter().find_map(|calendar| calendar.due(now, *term.get_ref()).err());
            let Some(failed) = failed else { continue };
            let what =
                format!("this promise is not due within three years in calendar {:?}", failed.calendar);
            let help = "make the term shorter, or give the calendar more hours";
            problems.push(Problem::at(&source, term.span(), what, "a term that comes to its end", help));
        }
    }
}
