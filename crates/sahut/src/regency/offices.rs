//! `regency.toml`, `offices.toml` and `channels.toml`: who answers, and where citizens write to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sahut_channels::{BuildError, Http};
use sahut_domain::Language;
use sahut_domain::channel::{ChannelConfig, Platform, ReceiptConfig, Receipts};
use sahut_domain::ladder::{Desk, Leave};
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_routing::{Problem, Source};
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;

use super::Files;

pub(super) const REGENCY: &str = "regency.toml";
pub(super) const OFFICES: &str = "offices.toml";
pub(super) const CHANNELS: &str = "channels.toml";

/// `regency.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RegencyFile {
    /// Name of the regency.
    pub(super) name: String,
    /// The office that decides where people have to.
    pub(super) triage_office: Option<Spanned<String>>,
    /// Language of mails.
    pub(super) language: Option<Language>,
    /// Who is told about channels and mail that ail.
    operators: Vec<PersonEntry>,
    /// Who is told of what stays unanswered.
    superiors: SuperiorsEntry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SuperiorsEntry {
    secretary: Vec<PersonEntry>,
    regent: Vec<PersonEntry>,
}

/// Who is told about what, by `regency.toml`.
pub(super) struct Told {
    pub(super) operators: Vec<Person>,
    pub(super) secretary: Vec<Person>,
    pub(super) regent: Vec<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfficeFile {
    office: Vec<OfficeEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfficeEntry {
    code: Spanned<String>,
    name: String,
    short_name: Option<String>,
    kind: OfficeKind,
    calendar: Spanned<String>,
    #[serde(default)]
    people: Vec<PersonEntry>,
    /// Answers by mail leave only when the first of its people has approved them.
    #[serde(default)]
    approval: bool,
    head: Option<PersonEntry>,
    #[serde(default)]
    leave: Vec<LeaveEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaveEntry {
    mail: Spanned<String>,
    from: Spanned<String>,
    to: Spanned<String>,
    deputy: Option<PersonEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    name: String,
    mail: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ChannelFile {
    channel: Vec<ChannelEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelEntry {
    code: Spanned<String>,
    office: Spanned<String>,
    platform: Platform,
    name: String,
    #[serde(default)]
    settings: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Older messages are history.
    since: Option<Spanned<String>>,
    /// Where citizens are told that their message arrived; absent: nowhere.
    receipt: Option<Spanned<Receipts>>,
    /// In which words.
    receipt_text: Option<Spanned<String>>,
}

/// The offices of a set, as far as their file can be read.
pub(super) struct Offices {
    pub(super) read: Vec<Office>,
    /// Who is there besides the people on duty.
    pub(super) desks: BTreeMap<OfficeCode, Desk>,
    /// Every code that is written there, also of an office with problems of its own; nothing when the file is not TOML.
    named: Option<BTreeSet<String>>,
}

impl Offices {
    /// Whether a code is certainly none of an office: not where that only follows from the file's own problems.
    pub(super) fn lack(&self, code: &str) -> bool {
        self.named.as_ref().is_some_and(|named| !named.contains(code))
    }

    /// Whether all of them could be read.
    pub(super) fn are_whole(&self) -> bool {
        self.named.as_ref().is_some_and(|named| named.len() == self.read.len())
    }
}

/// Reads `regency.toml`; nothing when it is not TOML.
pub(super) fn regency(files: &Files, problems: &mut Vec<Problem>) -> Option<RegencyFile> {
    files.parse(REGENCY, problems)
}

/// Who is told about what ails, and about what stays unanswered.
pub(super) fn told(file: RegencyFile, files: &Files, problems: &mut Vec<Problem>) -> Told {
    let mut read =
        |entries| files.source(REGENCY).map_or_else(Vec::new, |source| people(entries, &source, problems));
    Told {
        operators: read(file.operators),
        secretary: read(file.superiors.secretary),
        regent: read(file.superiors.regent),
    }
}

/// Reads the offices of a set. `calendars` are the names of those there are, where they are known.
pub(super) fn offices(
    files: &Files,
    calendars: Option<&BTreeSet<&str>>,
    problems: &mut Vec<Problem>,
) -> Offices {
    let parsed: Option<OfficeFile> = files.parse(OFFICES, problems);
    let named = parsed
        .as_ref()
        .map(|parsed| parsed.office.iter().map(|entry| entry.code.get_ref().clone()).collect());
    let mut offices: Vec<Office> = Vec::new();
    let mut desks = BTreeMap::new();
    let (Some(parsed), Some(source)) = (parsed, files.source(OFFICES)) else {
        return Offices { read: offices, desks, named };
    };
    for entry in parsed.office {
        let Some(code) = code(&entry.code, &source, problems) else { continue };
        if offices.iter().any(|office| office.code == code) {
            let what = format!("office {code} stands here a second time");
            problems.push(Problem::at(
                &source,
                entry.code.span(),
                what,
                "another code",
                "remove one of the two",
            ));
            continue;
        }
        if let Some(calendars) = calendars
            && !calendars.contains(entry.calendar.get_ref().as_str())
        {
            let what = format!("there is no calendar {:?}", entry.calendar.get_ref());
            let known = format!("one of: {}", join(calendars.iter().copied()));
            let help = "name a calendar of calendars.toml, or add it there";
            problems.push(Problem::at(&source, entry.calendar.span(), what, known, help));
        }
        let people = people(entry.people, &source, problems);
        let desk = desk(entry.head, entry.leave, &people, &source, problems);
        if desk != Desk::default() {
            desks.insert(code.clone(), desk);
        }
        offices.push(Office {
            short_name: entry.short_name.unwrap_or_else(|| entry.name.clone()),
            code,
            name: entry.name,
            kind: entry.kind,
            calendar: entry.calendar.into_inner(),
            people,
            approval: entry.approval,
        });
    }
    Offices { read: offices, desks, named }
}

/// The head of an office, and who is away from it.
fn desk(
    head: Option<PersonEntry>,
    leave: Vec<LeaveEntry>,
    people_on_duty: &[Person],
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Desk {
    let head = people(head.into_iter().collect(), source, problems).pop();
    let mut away = Vec::new();
    for entry in leave {
        let mail = entry.mail.get_ref();
        let mut known = people_on_duty.iter().chain(&head);
        if !known.any(|person| person.mail == *mail) {
            let what = format!("nobody of this office has the address {mail:?}");
            let help = "name somebody of people, or the head";
            problems.push(Problem::at(source, entry.mail.span(), what, "an address of this office", help));
            continue;
        }
        let (from, to) = (day(&entry.from, source, problems), day(&entry.to, source, problems));
        let (Some(from), Some(to)) = (from, to) else { continue };
        if to < from {
            let what = format!("this leave ends before it begins, on {from}");
            problems.push(Problem::at(
                source,
                entry.to.span(),
                what,
                "the last day of the leave",
                "mend the day",
            ));
            continue;
        }
        let deputy = people(entry.deputy.into_iter().collect(), source, problems).pop();
        away.push(Leave { mail: entry.mail.into_inner(), from, to, deputy });
    }
    Desk { head, leave: away, silent: false }
}

fn day(text: &Spanned<String>, source: &Source, problems: &mut Vec<Problem>) -> Option<Date> {
    let day = text.get_ref().parse().ok();
    if day.is_none() {
        let expected = "a day such as \"2026-11-01\"";
        problems.push(Problem::at(source, text.span(), "this is not a day", expected, "mend the day"));
    }
    day
}

/// People whose addresses can be written to.
fn people(entries: Vec<PersonEntry>, source: &Source, problems: &mut Vec<Problem>) -> Vec<Person> {
    let read = entries.into_iter().filter_map(|person| {
        if sahut_mail::Mailbox::new(Some(&person.name), person.mail.get_ref()).is_err() {
            let expected = "an address such as \"admin@dinkes.example.go.id\"";
            let what = "this is not an address of mail";
            problems.push(Problem::at(source, person.mail.span(), what, expected, "mend the address"));
            return None;
        }
        Some(Person { name: person.name, mail: person.mail.into_inner() })
    });
    read.collect()
}

/// The channels of a set.
#[derive(Default)]
pub(super) struct Channels {
    pub(super) read: Vec<ChannelConfig>,
    /// Before when their messages are history, where that is said.
    pub(super) since: BTreeMap<OfficeCode, Timestamp>,
    /// The receipts of those that give any.
    pub(super) receipts: BTreeMap<OfficeCode, ReceiptConfig>,
}

/// Reads the channels of a set. `zone` is the regency's.
pub(super) fn channels(
    files: &Files,
    offices: &Offices,
    zone: &TimeZone,
    problems: &mut Vec<Problem>,
) -> Channels {
    let parsed: Option<ChannelFile> = files.parse(CHANNELS, problems);
    let (Some(parsed), Some(source)) = (parsed, files.source(CHANNELS)) else { return Channels::default() };
    let (mut channels, mut seen) = (Channels::default(), BTreeSet::new());
    for entry in parsed.channel {
        let Some(code) = code(&entry.code, &source, problems) else { continue };
        if !seen.insert(code.clone()) {
            let what = format!("channel {code} stands here a second time");
            problems.push(Problem::at(
                &source,
                entry.code.span(),
                what,
                "another code",
                "remove one of the two",
            ));
            continue;
        }
        if let Some(date) = &entry.since
            && let Some(moment) = beginning(date, zone, &source, problems)
        {
            channels.since.insert(code.clone(), moment);
        }
        let named = entry.office.get_ref();
        if offices.lack(named) {
            let what = format!("there is no office {named:?}");
            let known = join(offices.read.iter().map(|office| office.code.as_str()));
            let help = format!("name an office of offices.toml: {known}");
            problems.push(Problem::at(&source, entry.office.span(), what, "the code of an office", help));
        }
        if let Some(office) = offices.read.iter().find(|office| office.code.as_str() == named) {
            let (receipt, text) = (entry.receipt.clone(), entry.receipt_text.clone());
            let config = entry.config(code, office.code.clone());
            if let Some(receipt) = receipt_config(&config, receipt, text, &source, problems) {
                channels.receipts.insert(config.code.clone(), receipt);
            }
            channels.read.push(config);
        }
    }
    channels
}

/// Longest receipt in an office's own words, in characters: every platform takes it.
const LONGEST_RECEIPT: usize = 400;

/// The receipts of a channel, as far as its platform can give them.
fn receipt_config(
    channel: &ChannelConfig,
    receipt: Option<Spanned<Receipts>>,
    text: Option<Spanned<String>>,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<ReceiptConfig> {
    if let Some(text) = &text
        && !(text.get_ref().contains(sahut_render::CODE) && text.get_ref().chars().count() <= LONGEST_RECEIPT)
    {
        let what = "these words do not fit a receipt";
        let expected = format!("at most {LONGEST_RECEIPT} characters, with {{code}} where the code stands");
        problems.push(Problem::at(source, text.span(), what, expected, "mend the words"));
    }
    let receipt = receipt?;
    if let Err(why) = sahut_channels::can_give(channel, *receipt.get_ref()) {
        let what = format!("channel {} cannot give such receipts", channel.code);
        problems.push(Problem::at(source, receipt.span(), what, "what the platform can do", why));
        return None;
    }
    Some(ReceiptConfig { reach: receipt.into_inner(), text: text.map(Spanned::into_inner) })
}

/// The beginning of a day in the regency.
fn beginning(
    date: &Spanned<String>,
    zone: &TimeZone,
    source: &Source,
    problems: &mut Vec<Problem>,
) -> Option<Timestamp> {
    let day = day(date, source, problems)?;
    zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().ok()
}

impl ChannelEntry {
    fn config(self, code: OfficeCode, office: OfficeCode) -> ChannelConfig {
        let settings = self.settings.into_iter().map(|(name, value)| (name, value.into_inner()));
        let settings: toml::Table = settings.collect();
        ChannelConfig {
            code,
            office,
            platform: self.platform,
            name: self.name,
            settings: serde_json::to_value(settings).unwrap_or_default(),
            secrets: self.secrets,
        }
    }
}

/// A channel whose connector was built once, with secrets that open nothing.
pub(crate) struct Tried {
    /// What it cannot work with.
    problem: Option<BuildError>,
    /// Names of the secrets that it asked for, needed or not, in the order in which it did.
    pub(crate) asked: Vec<String>,
}

/// Builds a channel's connector once, with secrets that open nothing.
pub(crate) fn try_channel(config: &ChannelConfig, http: &Http) -> Tried {
    /// As every platform's secrets have to look.
    const DUMMY: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let asked = RefCell::new(Vec::new());
    let ask = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        Some(SecretString::from(DUMMY))
    };
    let problem = sahut_channels::build(config, &ask, http).err();
    Tried { problem, asked: asked.into_inner() }
}

/// Tries every channel: settings that cannot work are told here, not by a channel that is parked.
pub(super) fn try_channels(files: &Files, http: &Http, problems: &mut Vec<Problem>) {
    let Some(source) = files.source(CHANNELS) else { return };
    let Some(parsed) = files.parse::<ChannelFile>(CHANNELS, &mut Vec::new()) else { return };
    for entry in parsed.channel {
        let (Ok(code), Ok(office)) =
            (OfficeCode::parse(entry.code.get_ref()), OfficeCode::parse(entry.office.get_ref()))
        else {
            continue;
        };
        let places: BTreeMap<String, Range<usize>> =
            entry.settings.iter().map(|(name, value)| (name.clone(), value.span())).collect();
        let channel = entry.code.span();
        let config = entry.config(code, office);
        if let Some(BuildError::Setting { setting, problem, .. }) = try_channel(&config, http).problem {
            let what = format!("the settings of channel {} cannot work: {problem}", config.code);
            let place = places.get(&setting).cloned().unwrap_or(channel);
            let help = format!("docs/configuration.md tells the settings of {}", config.platform);
            problems.push(Problem::at(&source, place, what, format!("the setting {setting}"), help));
        }
    }
}

/// A code of an office or of a channel: both are written alike.
fn code(text: &Spanned<String>, source: &Source, problems: &mut Vec<Problem>) -> Option<OfficeCode> {
    match OfficeCode::parse(text.get_ref()) {
        Ok(code) => Some(code),
        Err(error) => {
            let expected = "2 to 40 of a-z, 0-9 and '-', beginning with a letter";
            problems.push(Problem::at(source, text.span(), error.to_string(), expected, "mend the code"));
            None
        }
    }
}

fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
