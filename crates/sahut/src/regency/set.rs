//! A whole set: read, checked against itself, ready to be applied or to run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::ChannelConfig;
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_pipeline::Policies;
use sahut_routing::{Problem, RuleSet, Source};
use sahut_store::configuration::NewRevision;

use super::{Files, calendars, offices};

/// Files that are not routing rules.
const NOT_RULES: [&str; 5] =
    [offices::REGENCY, offices::OFFICES, offices::CHANNELS, calendars::CALENDARS, calendars::POLICIES];

/// A set that was checked.
pub(crate) struct RegencySet {
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) triage_office: OfficeCode,
    pub(crate) operators: Vec<Person>,
    pub(crate) offices: Vec<Office>,
    pub(crate) calendars: HashMap<String, WorkingCalendar>,
    pub(crate) policies: Policies,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) since: BTreeMap<OfficeCode, Timestamp>,
    pub(crate) rules: RuleSet,
}

impl RegencySet {
    /// Reads and checks a set; all problems of all files at once. `revision` is the number that its decisions name.
    pub(crate) fn read(files: &Files, revision: i64) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let regency = offices::regency(files, &mut problems);
        let calendars = calendars::calendars(files, revision, &mut problems);
        let policies = calendars::policies(files, &mut problems);
        let names: BTreeSet<&str> = calendars.keys().map(String::as_str).collect();
        let offices = offices::offices(files, &names, &mut problems);
        let zone = offices.first().and_then(|office| calendars.get(&office.calendar));
        let zone = zone.map_or(TimeZone::UTC, |calendar| calendar.zone.clone());
        let (channels, since) = offices::channels(files, &offices, &zone, &mut problems);
        let triage_office = triage_office(files, &regency, &offices, &mut problems);
        let rules = match &triage_office {
            Some(office) => rules(files, &offices, office, &mut problems),
            None => None,
        };
        match (triage_office, rules) {
            (Some(triage_office), Some(rules)) if problems.is_empty() => Ok(Self {
                name: regency.name,
                language: regency.language.unwrap_or(Language::Indonesian),
                triage_office,
                operators: regency.operators,
                offices,
                calendars,
                policies,
                channels,
                since,
                rules,
            }),
            _ => Err(problems),
        }
    }

    /// The rows that the database needs of it.
    pub(crate) fn new_revision(&self, files: &Files) -> NewRevision {
        NewRevision {
            digest: files.digest(),
            files: files.0.clone(),
            offices: self.offices.clone(),
            channels: self.channels.clone(),
            since: self.since.clone(),
        }
    }
}

fn triage_office(
    files: &Files,
    regency: &offices::RegencyFile,
    offices: &[Office],
    problems: &mut Vec<Problem>,
) -> Option<OfficeCode> {
    let source = files
        .source(offices::REGENCY)
        .unwrap_or_else(|| Source { path: offices::REGENCY.to_owned(), text: String::new() });
    let known: Vec<&str> = offices.iter().map(|office| office.code.as_str()).collect();
    let help = format!("write triage_office = \"…\" with the code of an office: {}", known.join(", "));
    let expected = "the office that decides where people have to, usually the communications office";
    let Some(named) = &regency.triage_office else {
        problems.push(Problem::at(&source, 0..0, "no triage_office is named", expected, help));
        return None;
    };
    let found = offices.iter().find(|office| office.code.as_str() == named.get_ref());
    if found.is_none() {
        let what = format!("there is no office {:?}", named.get_ref());
        problems.push(Problem::at(&source, named.span(), what, expected, help));
    }
    found.map(|office| office.code.clone())
}

fn rules(
    files: &Files,
    offices: &[Office],
    fallback: &OfficeCode,
    problems: &mut Vec<Problem>,
) -> Option<RuleSet> {
    let paths = files.0.keys().filter(|path| !NOT_RULES.contains(&path.as_str()));
    let sources: Vec<Source> = paths.filter_map(|path| files.source(path)).collect();
    let offices: Vec<(OfficeCode, OfficeKind)> =
        offices.iter().map(|office| (office.code.clone(), office.kind)).collect();
    match RuleSet::compile(&sources, &offices, fallback) {
        Ok(rules) => Some(rules),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}
