//! A whole set: read, checked against itself, ready to be applied or to run.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_channels::Http;
use sahut_domain::Language;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::{ChannelConfig, ReceiptConfig};
use sahut_domain::ladder::Ladder;
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person, Role};
use sahut_pipeline::policies::Policies;
use sahut_routing::{Problem, RuleSet, Source, Tested};
use sahut_store::configuration::{NewRevision, Standing};

use super::offices::Offices;
use super::{Files, calendars, ladder, offices, policies};

/// Files that are not routing rules.
const NOT_RULES: [&str; 6] = [
    offices::REGENCY,
    offices::OFFICES,
    offices::CHANNELS,
    calendars::CALENDARS,
    policies::POLICIES,
    ladder::LADDER,
];

/// A set that was checked.
pub(crate) struct RegencySet {
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) triage_office: OfficeCode,
    pub(crate) operators: Vec<Person>,
    pub(crate) offices: Vec<Office>,
    pub(crate) calendars: HashMap<String, WorkingCalendar>,
    pub(crate) policies: Policies,
    pub(crate) ladder: Ladder,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) since: BTreeMap<OfficeCode, Timestamp>,
    pub(crate) receipts: BTreeMap<OfficeCode, ReceiptConfig>,
    pub(crate) rules: RuleSet,
}

impl RegencySet {
    /// Reads a set that is to be applied, and tries what only its use would show: whether channels can work with their
    /// settings and every promise can be kept in every calendar.
    pub(crate) fn check(files: &Files, http: &Http, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let read = Self::read(files, 0);
        let mut found = Vec::new();
        offices::try_channels(files, http, &mut found);
        calendars::try_promises(files, now, &mut found);
        match read {
            Ok(set) if found.is_empty() => Ok(set),
            Ok(_) => Err(found),
            Err(problems) => Err([problems, found].concat()),
        }
    }

    /// The zone that the regency lives in: that of its first office.
    pub(crate) fn zone(&self) -> TimeZone {
        let calendar = self.offices.first().and_then(|office| self.calendars.get(&office.calendar));
        calendar.map_or(TimeZone::UTC, |calendar| calendar.zone.clone())
    }

    /// Reads a set; all problems of all files at once. `revision` is the number that its decisions name.
    pub(crate) fn read(files: &Files, revision: i64) -> Result<Self, Vec<Problem>> {
        let mut problems: Vec<Problem> = files.illegible().collect();
        let regency = offices::regency(files, &mut problems);
        let calendars = calendars::calendars(files, revision, &mut problems);
        let names = calendars.as_ref().map(|known| known.keys().map(String::as_str).collect());
        let offices = offices::offices(files, names.as_ref(), &mut problems);
        let policies = policies::policies(files, &offices, &mut problems);
        let calendars = calendars.unwrap_or_default();
        let zone = offices.read.first().and_then(|office| calendars.get(&office.calendar));
        let zone = zone.map_or(TimeZone::UTC, |calendar| calendar.zone.clone());
        let channels = offices::channels(files, &offices, &zone, &mut problems);
        let triage_office =
            regency.as_ref().and_then(|regency| triage_office(files, regency, &offices, &mut problems));
        let regency = regency.unwrap_or_default();
        let (name, language) = (regency.name.clone(), regency.language.unwrap_or(Language::Indonesian));
        let told = offices::told(regency, files, &mut problems);
        let ladder = ladder::ladder(files, &told, &mut problems);
        let ladder = ladder.map(|ladder| Ladder { desks: offices.desks.clone(), ..ladder });
        let rules = rules(files, &offices, triage_office.as_ref(), &mut problems);
        let offices = offices.read;
        match (triage_office, rules, ladder) {
            (Some(triage_office), Some(rules), Some(ladder)) if problems.is_empty() => Ok(Self {
                name,
                language,
                triage_office,
                operators: told.operators,
                ladder,
                offices,
                calendars,
                policies,
                channels: channels.read,
                since: channels.since,
                receipts: channels.receipts,
                rules,
            }),
            _ => Err(problems),
        }
    }

    /// Runs the examples of a set's rules; all problems of the files that the rules need, where there are any.
    pub(crate) fn examples(files: &Files) -> Result<Vec<Tested>, Vec<Problem>> {
        let mut problems: Vec<Problem> = files.illegible().collect();
        let regency = offices::regency(files, &mut problems);
        let calendars = calendars::calendars(files, 0, &mut problems);
        let names = calendars.as_ref().map(|known| known.keys().map(String::as_str).collect());
        let offices = offices::offices(files, names.as_ref(), &mut problems);
        let fallback =
            regency.as_ref().and_then(|regency| triage_office(files, regency, &offices, &mut problems));
        match fallback {
            Some(fallback) if problems.is_empty() => {
                RuleSet::test(&sources(files), &kinds(&offices.read), &fallback)
            }
            _ => Err(problems),
        }
    }

    /// Who belongs to an office without being on duty there; the superiors are the triage office's.
    fn standing(&self) -> Vec<Standing> {
        let mut all = Vec::new();
        for (office, desk) in &self.ladder.desks {
            all.extend(standing(office, desk.head.as_slice(), Role::Head));
            let deputies: Vec<Person> = desk.leave.iter().filter_map(|leave| leave.deputy.clone()).collect();
            all.extend(standing(office, &deputies, Role::Deputy));
        }
        all.extend(standing(&self.triage_office, &self.ladder.secretary, Role::Secretary));
        all.extend(standing(&self.triage_office, &self.ladder.regent, Role::Regent));
        all
    }

    /// The rows that the database needs of it.
    pub(crate) fn new_revision(&self, files: &Files) -> NewRevision {
        NewRevision {
            digest: files.digest(),
            files: files.0.clone(),
            offices: self.offices.clone(),
            standing: self.standing(),
            channels: self.channels.clone(),
            since: self.since.clone(),
        }
    }
}

/// People who stand at an office in the same way.
fn standing(office: &OfficeCode, people: &[Person], role: Role) -> Vec<Standing> {
    let stand = |person: &Person| Standing { office: office.clone(), person: person.clone(), role };
    people.iter().map(stand).collect()
}

fn triage_office(
    files: &Files,
    regency: &offices::RegencyFile,
    offices: &Offices,
    problems: &mut Vec<Problem>,
) -> Option<OfficeCode> {
    let source = files
        .source(offices::REGENCY)
        .unwrap_or_else(|| Source { path: offices::REGENCY.to_owned(), text: String::new() });
    let known: Vec<&str> = offices.read.iter().map(|office| office.code.as_str()).collect();
    let help = format!("write triage_office = \"…\" with the code of an office: {}", known.join(", "));
    let expected = "the office that decides where people have to, usually the communications office";
    let Some(named) = &regency.triage_office else {
        problems.push(Problem::at(&source, 0..0, "no triage_office is named", expected, help));
        return None;
    };
    if offices.lack(named.get_ref()) {
        let what = format!("there is no office {:?}", named.get_ref());
        problems.push(Problem::at(&source, named.span(), what, expected, help));
    }
    let found = offices.read.iter().find(|office| office.code.as_str() == named.get_ref());
    found.map(|office| office.code.clone())
}

/// Compiles the rules. Where it is not known which offices there are, they are only read: what does not fit together then
/// follows from that. Without a triage office any other stands in for it, so that what is wrong with the rules is told.
fn rules(
    files: &Files,
    offices: &Offices,
    triage_office: Option<&OfficeCode>,
    problems: &mut Vec<Problem>,
) -> Option<RuleSet> {
    let sources = sources(files);
    let fallback = triage_office.or(offices.read.first().map(|office| &office.code));
    let Some(fallback) = fallback.filter(|_| offices.are_whole()) else {
        problems.extend(RuleSet::unreadable(&sources));
        return None;
    };
    RuleSet::compile(&sources, &kinds(&offices.read), fallback).map_err(|found| problems.extend(found)).ok()
}

/// The files that hold rules.
fn sources(files: &Files) -> Vec<Source> {
    let paths = files.0.keys().filter(|path| !NOT_RULES.contains(&path.as_str()));
    paths.filter_map(|path| files.source(path)).collect()
}

fn kinds(offices: &[Office]) -> Vec<(OfficeCode, OfficeKind)> {
    offices.iter().map(|office| (office.code.clone(), office.kind)).collect()
}

#[cfg(test)]
mod tests {
    use sahut_channels::HttpPolicy;

    use super::*;

    const SOUND: [(&str, &str); 5] = [
        ("regency.toml", "name = \"Kabupaten\"\ntriage_office = \"kominfo\"\n"),
        (
            "offices.toml",
            "[[office]]\ncode = \"kominfo\"\nname = \"Dinas Kominfo\"\nkind = \"technical\"\ncalendar = \"kantor\"\n",
        ),
        (
            "calendars.toml",
            "[[calendar]]\nname = \"kantor\"\nzone = \"Asia/Jakarta\"\nweek = { mon = [\"08:00-12:00\"] }\n",
        ),
        (
            "channels.toml",
            "[[channel]]\ncode = \"fb\"\noffice = \"kominfo\"\nplatform = \"facebook\"\nname = \"Kominfo\"\n\
             settings = { page_id = \"1\" }\n",
        ),
        (
            "policies.toml",
            "[[policy]]\nkind = \"first_response\"\nterm = { working_days = 1 }\nlegal_basis = \"\"\n",
        ),
    ];

    /// What is told of the sound set when one of its texts is another one.
    fn told(path: &str, from: &str, to: &str) -> Vec<String> {
        let files = SOUND.map(|(name, text)| {
            let text = if name == path { text.replace(from, to) } else { text.to_owned() };
            (name.to_owned(), text)
        });
        let http = Http::new(HttpPolicy::default()).unwrap();
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        let problems = RegencySet::check(&Files(files.into()), &http, now).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_told_with_its_place_beside_all_else() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in SOUND {
            std::fs::write(folder.path().join(name), text.replace("kominfo", "kominfa")).unwrap();
        }
        let rules = b"duty = \"kominfo\"\nnames = [\"caf\xe9\"]\nstrong = []\n";
        std::fs::write(folder.path().join("rules.toml"), rules).unwrap();
        let files = Files::read(folder.path()).unwrap();
        let problems = RegencySet::read(&files, 0).err().unwrap();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told.contains(&"rules.toml:2:14: the file is not UTF-8".to_owned()), "{told:?}");
        assert!(told.iter().any(|told| told.contains("`strong`")), "{told:?}");
    }

    #[test]
    fn a_sound_set_has_no_problems() {
        assert_eq!(told("", "", ""), [""; 0]);
    }

    #[test]
    fn settings_that_would_park_a_channel_are_told_at_their_place() {
        let problems = told("channels.toml", "page_id = \"1\"", "pageid = \"1\"");
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("channels.toml:6:") && problems[0].contains("pageid"),
            "{problems:?}"
        );
        let problems = told("channels.toml", "{ page_id = \"1\" }", "{ }");
        assert!(
            problems[0].starts_with("channels.toml:2:") && problems[0].contains("page_id"),
            "{problems:?}"
        );
    }

    #[test]
    fn receipts_that_a_platform_cannot_give_are_told_at_their_place() {
        let with = |more: &str| format!("name = \"Kominfo\"\n{more}");
        assert_eq!(told("channels.toml", "name = \"Kominfo\"\n", &with("receipt = \"public\"\n")), [""; 0]);
        let mail = "[[channel]]\ncode = \"surel\"\noffice = \"kominfo\"\nplatform = \"import\"\n\
            name = \"Berkas\"\nreceipt = \"private\"\n[[channel]]";
        let problems = told("channels.toml", "[[channel]]", mail);
        assert_eq!(problems, ["channels.toml:6:11: channel surel cannot give such receipts"]);
        let text = with("receipt = \"private\"\nreceipt_text = \"Terima kasih\"\n");
        let problems = told("channels.toml", "name = \"Kominfo\"\n", &text);
        assert_eq!(problems, ["channels.toml:7:16: these words do not fit a receipt"]);
    }

    #[test]
    fn promises_that_never_come_due_are_told() {
        let problems = told("calendars.toml", "mon = [\"08:00-12:00\"]", "");
        assert!(
            problems[0].starts_with("calendars.toml:2:8: calendar \"kantor\" has no working day"),
            "{problems:?}"
        );
        let problems = told("policies.toml", "working_days = 1", "working_minutes = 4000000000");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("policies.toml:3:8: this promise is not due"), "{problems:?}");
    }

    #[test]
    fn policies_that_are_never_used_or_name_nobody_are_told() {
        let again = "[[policy]]\nkind = \"first_response\"\nterm = { working_days = 3 }\nlegal_basis = \"\"\n\
            inquiry = [\"complaint\"]\n[[policy]]\nkind = \"resolution\"\nterm = { working_days = 3 }\n\
            offices = [\"pupr\"]\nextension = { working_days = 7 }\nlegal_basis = \"\"\n";
        let problems = told("policies.toml", "legal_basis = \"\"\n", &format!("legal_basis = \"\"\n{again}"));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("policies.toml:6:8: this policy is never used"), "{problems:?}");
        assert!(problems[1].starts_with("policies.toml:13:12: there is no office \"pupr\""), "{problems:?}");
    }

    #[test]
    fn what_stands_twice_or_cannot_be_mailed_is_told() {
        let again = "[[calendar]]\nname = \"kantor\"\nzone = \"Asia/Jakarta\"\nweek = {}\n[[calendar]]";
        let problems = told("calendars.toml", "[[calendar]]", again);
        assert!(problems.iter().any(|told| told.contains("a second time")), "{problems:?}");
        let operator = "operators = [{ name = \"Admin\", mail = \"admin at kominfo\" }]\nname";
        let problems = told("regency.toml", "name", operator);
        assert_eq!(problems, ["regency.toml:1:39: this is not an address of mail"]);
    }

    #[test]
    fn who_is_away_is_somebody_of_the_office_and_comes_back_later() {
        let people = "code = \"kominfo\"\npeople = [{ name = \"A\", mail = \"a@k.example\" }]\n";
        let leave = |mail: &str, to: &str| {
            let leave = format!("leave = [{{ mail = \"{mail}\", from = \"2026-11-23\", to = \"{to}\" }}]\n");
            told("offices.toml", "code = \"kominfo\"\n", &format!("{people}{leave}"))
        };
        assert_eq!(leave("a@k.example", "2026-11-24"), [""; 0]);
        let problems = leave("b@k.example", "2026-11-24");
        assert!(problems[0].starts_with("offices.toml:4:19: nobody of this office"), "{problems:?}");
        let problems = leave("a@k.example", "2026-11-22");
        assert!(problems[0].contains("ends before it begins"), "{problems:?}");
        assert_eq!(leave("a@k.example", "besok").len(), 1);
    }

    #[test]
    fn a_file_that_is_not_toml_is_the_only_problem_of_it() {
        for (path, from, to) in [
            ("regency.toml", "\"Kabupaten\"", "\"Kabupaten"),
            ("offices.toml", "\"kominfo\"", "\"kominfo"),
            ("calendars.toml", "\"kantor\"", "\"kantor"),
            ("channels.toml", "\"fb\"", "\"fb"),
            ("policies.toml", "\"first_response\"", "\"first_response"),
        ] {
            let problems = told(path, from, to);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&format!("{path}:")), "{problems:?}");
        }
    }

    #[test]
    fn what_only_follows_from_another_problem_is_not_told() {
        let problems = told("calendars.toml", "08:00-12:00", "pagi");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("calendars.toml:4:"), "{problems:?}");
    }

    #[test]
    fn a_broken_file_hides_no_problem_of_another() {
        let mut files: BTreeMap<String, String> =
            SOUND.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        files.insert("offices.toml".to_owned(), "[[office]]\ncode = \"kominfo\n".to_owned());
        files.insert("duties.toml".to_owned(), "duti = \"pupr\"\n".to_owned());
        let channel =
            "[[channel]]\ncode = \"f b\"\noffice = \"kominfo\"\nplatform = \"facebook\"\nname = \"K\"\n";
        files.insert("channels.toml".to_owned(), channel.to_owned());
        let http = Http::new(HttpPolicy::default()).unwrap();
        let now = "2026-11-24T08:00:00Z".parse().unwrap();
        let problems = RegencySet::check(&Files(files), &http, now).err().unwrap_or_default();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for place in ["offices.toml:2:", "channels.toml:2:", "duties.toml:1:"] {
            assert!(told.iter().any(|told| told.starts_with(place)), "{place}: {told:?}");
        }
    }
}
