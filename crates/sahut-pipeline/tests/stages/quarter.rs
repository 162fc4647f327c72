//! A quarter of a regency's life in a minute: forty offices, a thousand inquiries, holidays and Ramadan, a mail
//! server that is away for three days, a weekend without the process, a clock that jumps forward and back. In the end
//! every step was taken once, nobody was woken, and nobody got more mails than is right: by the journal and the
//! ledger of what the mail server took.
//!
//! `SAHUT_INQUIRIES=5000` lives through a busier one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sahut_domain::calendar::{Closure, ClosureKind, Hours, Season, Term, WorkingCalendar};
use sahut_domain::channel::{ChannelConfig, ChannelId, Platform};
use sahut_domain::deadline::{DeadlineKind, DeadlineState, Policy};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind};
use sahut_domain::ladder::{Desk, Ladder, Leave, Promised, Whom};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::notice::Template;
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_domain::{Chance, Language, ManualClock};
use sahut_mail::SmtpError;
use sahut_pipeline::notify::carry_due;
use sahut_pipeline::policies::{Entry, Policies};
use sahut_pipeline::route::route_batch;
use sahut_pipeline::watch::watch_deadlines;
use sahut_pipeline::{Connectors, Context, Regency, Shared, mornings};
use sahut_routing::{RuleSet, Source};
use sahut_store::collect::NewPage;
use sahut_store::configuration::NewRevision;
use sahut_store::{Db, Location};

const OFFICES: &str = include_str!("../../../../config/lebong/offices.toml");
const CALENDARS: &str = include_str!("../../../../config/lebong/calendars.toml");

/// Inquiries of the quarter when nobody says how many: as many as an unoptimised build on a busy machine lives through in a
/// minute or two.
const USUAL: u64 = 1000;

const START: &str = "2026-01-01T00:00:00+07:00";
const END: &str = "2026-04-01T00:00:00+07:00";

/// The ladder of what came last has gone to its end then.
const OVER: &str = "2026-04-14T00:00:00+07:00";

/// The mail server takes nothing.
const OUTAGE: [&str; 2] = ["2026-02-24T00:00:00+07:00", "2026-02-27T00:00:00+07:00"];

/// The process is not there.
const DOWN: [&str; 2] = ["2026-02-06T17:00:00+07:00", "2026-02-09T06:00:00+07:00"];

/// The clock shows two hours too much.
const FAST: [&str; 2] = ["2026-01-20T10:10:00+07:00", "2026-01-27T11:10:00+07:00"];

const JUMP: SignedDuration = SignedDuration::from_hours(2);

const GATE: &str = "[[kind]]\nkind = \"complaint\"\nstrong = [\"tolong diperbaiki\"]\n\n[[kind]]\nkind = \"emergency\"\n\
    strong = [\"kebakaran\"]\n";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn within(now: Timestamp, [from, to]: [&str; 2]) -> bool {
    at(from) <= now && now < at(to)
}

/// A mail that the server took.
struct Letter {
    /// As the machine's clock showed, and as it was.
    shown: Timestamp,
    true_at: Timestamp,
    recipient: String,
    template: Template,
    office: Option<OfficeCode>,
    urgent: bool,
}

/// What somebody will do about an inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Answer,
    Acknowledge,
    HandOver,
}

/// What the test remembers of an inquiry.
struct Known {
    number: InquiryNumber,
    office: OfficeCode,
    /// The look after which it was there, and before which it was answered.
    since: usize,
    until: Option<usize>,
    /// When the office has it in hand.
    in_hand: Option<(Timestamp, Timestamp)>,
}

struct Quarter {
    clock: ManualClock,
    now: Timestamp,
    context: Context,
    channel: ChannelId,
    chance: Chance,
    arrivals: Vec<(Timestamp, OfficeCode, bool)>,
    arrived: usize,
    deeds: BTreeMap<(Timestamp, InquiryId), Deed>,
    known: HashMap<InquiryId, Known>,
    read: EventId,
    /// What the clock showed at each look.
    looks: Vec<Timestamp>,
    ledger: Vec<Letter>,
    _folder: tempfile::TempDir,
}

#[tokio::test]
async fn a_quarter_of_the_ladder() {
    let inquiries = std::env::var("SAHUT_INQUIRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    let began = Instant::now();
    let mut quarter = Quarter::open(inquiries).await;
    while quarter.now < at(OVER) {
        quarter.tick().await;
    }
    println!("{inquiries} inquiries, {} mails, {:?}", quarter.ledger.len(), began.elapsed());
    quarter.every_step_was_taken_once().await;
    quarter.nobody_was_woken();
    quarter.nobody_got_too_many();
    quarter.the_first_morning_was_one_mail();
    let checks =
        quarter.context.db.read().await.unwrap().selfcheck(quarter.clock.clock().now()).await.unwrap();
    let broken: Vec<_> = checks.iter().filter(|check| check.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:?}");
    println!("checked after {:?}", began.elapsed());
}

impl Quarter {
    async fn open(inquiries: u64) -> Self {
        let shm = std::path::Path::new("/dev/shm");
        let folder = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let location = Location::Sqlite(folder.path().join("sahut.db"));
        let (db, _) = Db::open_and_migrate(&location, "test").await.unwrap();
        let offices = offices();
        let (now, chance) = (at(START), Chance::seeded(2026));
        let clock = ManualClock::at(now);
        let config = ChannelConfig {
            code: OfficeCode::parse("fb").unwrap(),
            office: offices[0].code.clone(),
            platform: Platform::Facebook,
            name: "Facebook".to_owned(),
            settings: serde_json::json!({}),
            secrets: BTreeMap::new(),
        };
        let mut tx = db.begin().await.unwrap();
        let new = NewRevision {
            digest: "quarter".to_owned(),
            files: [("regency.toml".to_owned(), String::new())].into(),
            offices: offices.clone(),
            standing: Vec::new(),
            since: [(config.code.clone(), Timestamp::UNIX_EPOCH)].into(),
            channels: vec![config],
        };
        let revision = tx.apply(new, "test", now).await.unwrap();
        let channel = tx.channel("fb").await.unwrap().unwrap().id;
        tx.commit().await.unwrap();
        let seconds = u64::try_from(at(END).duration_since(now).as_secs()).unwrap();
        let mut arrivals: Vec<_> = (0..inquiries)
            .map(|_| {
                let later = SignedDuration::from_secs(i64::try_from(chance.below(seconds)).unwrap());
                let office = pick(&chance, &offices).code.clone();
                (now + later, office, chance.below(50) == 0)
            })
            .collect();
        arrivals.sort();
        let context = Context {
            db,
            clock: clock.clock(),
            chance: Chance::seeded(7),
            regency: Shared::new(regency(revision, offices)),
            owner: "test".to_owned(),
        };
        Self {
            clock,
            now,
            context,
            channel,
            chance,
            arrivals,
            arrived: 0,
            deeds: BTreeMap::new(),
            known: HashMap::new(),
            read: EventId(0),
            looks: Vec::new(),
            ledger: Vec::new(),
            _folder: folder,
        }
    }

    /// What the machine's clock shows.
    fn shown(&self) -> Timestamp {
        if within(self.now, FAST) { self.now + JUMP } else { self.now }
    }

    async fn tick(&mut self) {
        let hour = TimeZone::get("Asia/Jakarta").unwrap().to_datetime(self.now).hour();
        let pause = if (6..18).contains(&hour) { 30 } else { 60 };
        self.now += SignedDuration::from_mins(pause);
        if within(self.now, DOWN) {
            return;
        }
        self.clock.set(self.shown());
        self.collect().await;
        self.act().await;
        while watch_deadlines(&self.context).await.unwrap() > 0 {}
        self.looks.push(self.shown());
        mornings::ring(&self.context).await.unwrap();
        let (outage, true_at) = (within(self.now, OUTAGE), self.now);
        let ledger = &mut self.ledger;
        while carry_due(&self.context, 200, |work, shown| {
            if outage {
                return Err(SmtpError::Again("connection refused".to_owned()));
            }
            ledger.push(Letter {
                shown,
                true_at,
                recipient: work.recipient.mail.clone(),
                template: work.template,
                office: work.office.as_ref().map(|(code, ..)| code.clone()),
                urgent: work.urgent,
            });
            Ok(())
        })
        .await
        .unwrap()
            > 0
        {}
    }

    /// What citizens wrote is stored and routed.
    async fn collect(&mut self) {
        let (now, shown) = (self.now, self.shown());
        let new = self.arrivals[self.arrived..].iter().take_while(|(at, ..)| *at <= now).count();
        if new == 0 {
            return;
        }
        let mut page = NewPage::default();
        for (written_at, office, emergency) in &self.arrivals[self.arrived..self.arrived + new] {
            self.arrived += 1;
            let item = item(self.arrived, *written_at + (shown - now), *emergency);
            page.given.insert(item.external_id.clone(), office.clone());
            page.items.push(item);
        }
        let mut tx = self.context.db.begin().await.unwrap();
        tx.store_page(self.channel, page, shown).await.unwrap();
        tx.commit().await.unwrap();
        while route_batch(&self.context).await.unwrap() > 0 {}
        let events = self.context.db.read().await.unwrap().events_after(self.read, 100_000).await.unwrap();
        for event in &events {
            self.read = event.id;
            if event.kind == EventKind::InquiryOpened {
                let number = event.data["number"].as_str().unwrap().parse().unwrap();
                self.plan(event.inquiry.unwrap(), number, event.office.clone().unwrap());
            }
        }
    }

    /// One in seven is never answered.
    fn plan(&mut self, inquiry: InquiryId, number: InquiryNumber, office: OfficeCode) {
        let later = |most: u64| SignedDuration::from_mins(i64::try_from(self.chance.below(most)).unwrap());
        let answered = self.now + later(8 * 24 * 60);
        let early = self.now + later(24 * 60);
        if self.chance.below(7) > 0 {
            self.deeds.insert((answered, inquiry), Deed::Answer);
        }
        match self.chance.below(12) {
            0 => drop(self.deeds.insert((early, inquiry), Deed::Acknowledge)),
            1 => drop(self.deeds.insert((early, inquiry), Deed::HandOver)),
            _ => {}
        }
        let since = self.looks.len();
        self.known.insert(inquiry, Known { number, office, since, until: None, in_hand: None });
    }

    async fn act(&mut self) {
        let shown = self.shown();
        let later = self.deeds.split_off(&(self.now, InquiryId(i64::MAX)));
        let due = std::mem::replace(&mut self.deeds, later);
        if due.is_empty() {
            return;
        }
        let regency = self.context.regency.get();
        let mut tx = self.context.db.begin().await.unwrap();
        for ((_, inquiry), deed) in due {
            let known = self.known.get_mut(&inquiry).unwrap();
            match deed {
                Deed::Answer => {
                    if tx.answer_inquiry(inquiry, &known.office, shown, "platform", shown).await.unwrap() {
                        known.until.get_or_insert(self.looks.len());
                    }
                }
                Deed::Acknowledge if known.until.is_none() => {
                    let until = shown + SignedDuration::from_hours(30);
                    tx.acknowledge(known.number, until, "tim ke lapangan", "Admin", shown)
                        .await
                        .unwrap()
                        .unwrap();
                    known.in_hand = Some((shown, until));
                }
                Deed::HandOver if known.until.is_none() => {
                    let same = &regency.offices[&known.office].calendar;
                    let mut others: Vec<_> =
                        regency.offices.values().filter(|office| office.calendar == *same).collect();
                    others.sort_by(|a, b| a.code.cmp(&b.code));
                    let to = pick(&self.chance, &others).code.clone();
                    tx.hand_over(known.number, &to, "bukan kami", "Admin", shown).await.unwrap().unwrap();
                    known.office = to;
                }
                Deed::Acknowledge | Deed::HandOver => {}
            }
        }
        tx.commit().await.unwrap();
    }

    async fn every_step_was_taken_once(&self) {
        let regency = self.context.regency.get();
        let mut tx = self.context.db.read().await.unwrap();
        let (mut taken, mut missed) = (0, 0);
        for (inquiry, known) in &self.known {
            let whole = tx.inquiry(known.number).await.unwrap().unwrap();
            let promise = &whole.promises[0];
            let promised = Promised {
                promise: DeadlineKind::FirstResponse,
                term: promise.explanation.policy.term,
                started_at: promise.explanation.started_at,
                due_at: promise.due_at,
                kind: whole.line.kind,
                priority: whole.line.priority,
            };
            let calendar = regency.calendar(&known.office).unwrap();
            let looks = &self.looks[known.since..known.until.unwrap_or(self.looks.len())];
            let last = looks.iter().max();
            let mut seen = HashSet::new();
            for event in &whole.events {
                match event.kind {
                    EventKind::ReminderDue => {
                        let step = event.data["step"].as_str().unwrap().to_owned();
                        assert!(seen.insert(step.clone()), "{inquiry}: {step} twice");
                    }
                    EventKind::DeadlineMissed => missed += 1,
                    _ => {}
                }
            }
            taken += seen.len();
            for rung in regency.ladder.rungs(calendar, &promised) {
                let fell = last.is_some_and(|last| rung.at <= *last);
                // The office has it in hand: it is told when that is over, if it is still needed.
                let held = rung.to == [Whom::Office]
                    && known.in_hand.is_some_and(|(from, until)| {
                        rung.at > from - SignedDuration::from_hours(72)
                            && last.is_some_and(|last| *last < until)
                    });
                let handed_over_in_hand = known.in_hand.is_some() && rung.to == [Whom::Office];
                if fell && !held && !handed_over_in_hand {
                    assert!(
                        seen.contains(&rung.key),
                        "{} {}: {} was left out",
                        known.number,
                        known.office,
                        rung.key
                    );
                }
                assert!(fell || !seen.contains(&rung.key), "{}: {} was not due", known.number, rung.key);
            }
            if promise.state == DeadlineState::Running {
                assert!(seen.contains("due+5d regent"), "{}: {seen:?}", known.number);
            }
        }
        println!("{taken} steps, {missed} promises missed");
        assert!(taken > self.known.len() && missed > 0);
    }

    fn nobody_was_woken(&self) {
        let regency = self.context.regency.get();
        for letter in self.ledger.iter().filter(|letter| !letter.urgent) {
            let quiet =
                !matches!(letter.template, Template::Assignment | Template::Triage | Template::FollowUp);
            let calendar = letter.office.as_ref().and_then(|office| regency.calendar(office));
            if let Some(calendar) = calendar.filter(|_| quiet) {
                assert!(
                    calendar.is_open(letter.shown),
                    "{} to {} at {}",
                    letter.template,
                    letter.recipient,
                    letter.shown
                );
            }
        }
        assert!(self.ledger.iter().any(|letter| letter.urgent), "emergencies do not wait");
    }

    fn nobody_got_too_many(&self) {
        let most = usize::try_from(self.context.regency.get().ladder.mails.most_an_hour).unwrap();
        let mut by_person: HashMap<&str, Vec<Timestamp>> = HashMap::new();
        for letter in self.ledger.iter().filter(|letter| !letter.urgent) {
            by_person.entry(&letter.recipient).or_default().push(letter.true_at);
        }
        for (person, moments) in by_person {
            for window in moments.windows(most + 1) {
                let apart = window[most].duration_since(window[0]);
                assert!(apart >= SignedDuration::from_hours(1), "{person}: {} within {apart}", most + 1);
            }
        }
    }

    fn the_first_morning_was_one_mail(&self) {
        let noon = at("2026-02-27T08:29:00+07:00");
        let mut mails: HashMap<&str, usize> = HashMap::new();
        for letter in self.ledger.iter().filter(|letter| !letter.urgent) {
            if at(OUTAGE[1]) <= letter.true_at && letter.true_at <= noon {
                *mails.entry(&letter.recipient).or_default() += 1;
            }
        }
        let regency = self.context.regency.get();
        let many = mails.iter().filter(|(person, count)| {
            let office = regency.offices.values().find(|office| {
                let head = format!("kepala@{}.example", office.code);
                head == **person || office.people.iter().any(|one| one.mail == **person)
            });
            **count > 1 && office.is_none_or(|office| office.calendar == "kantor")
        });
        let many: Vec<_> = many.collect();
        assert!(mails.len() > 10, "{} people were mailed", mails.len());
        assert!(many.is_empty(), "{many:?}");
    }
}

fn pick<'a, T>(chance: &Chance, from: &'a [T]) -> &'a T {
    &from[usize::try_from(chance.below(from.len() as u64)).unwrap()]
}

fn item(number: usize, written_at: Timestamp, emergency: bool) -> Item {
    let text = if emergency { "kebakaran di dekat pasar" } else { "lampu padam, tolong diperbaiki" };
    Item {
        external_id: format!("m{number}"),
        thread: ThreadKey { external_id: format!("t{number}"), surface: Surface::Direct, post: None },
        parent: None,
        author: Author { external_id: Some(format!("warga{number}")), ..Author::default() },
        own: false,
        automatic: false,
        text: format!("{text}, laporan {number}"),
        subject: None,
        written_at,
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: Vec::new(),
    }
}

/// The offices of the example, with their people.
fn offices() -> Vec<Office> {
    let file: toml::Table = toml::from_str(OFFICES).unwrap();
    let entries = file["office"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
            let person = |person: &toml::Value| Person {
                name: person["name"].as_str().unwrap().to_owned(),
                mail: person["mail"].as_str().unwrap().to_owned(),
            };
            Office {
                code: OfficeCode::parse(text("code").unwrap()).unwrap(),
                name: text("name").unwrap().to_owned(),
                short_name: text("short_name").or(text("name")).unwrap().to_owned(),
                kind: OfficeKind::Technical,
                calendar: text("calendar").unwrap().to_owned(),
                approval: false,
                people: entry["people"].as_array().unwrap().iter().map(person).collect(),
            }
        })
        .collect()
}

/// The calendars of the example, as far as they concern this quarter.
fn calendars() -> HashMap<String, WorkingCalendar> {
    let zone = TimeZone::get("Asia/Jakarta").unwrap();
    let mut office = WorkingCalendar::civil_service("kantor", zone.clone());
    let file: toml::Table = toml::from_str(CALENDARS).unwrap();
    for closure in file["closure"].as_array().unwrap() {
        let date: Date = closure["date"].as_str().unwrap().parse().unwrap();
        let name = closure["name"].as_str().unwrap().to_owned();
        office.closures.insert(date, Closure { kind: ClosureKind::Holiday, name });
    }
    let hours = |from: (i8, i8), to: (i8, i8)| Hours {
        from: Time::constant(from.0, from.1, 0, 0),
        to: Time::constant(to.0, to.1, 0, 0),
    };
    let usual = vec![hours((8, 0), (12, 0)), hours((12, 30), (15, 0))];
    let friday = vec![hours((8, 0), (11, 30)), hours((12, 30), (15, 30))];
    let week = [usual.clone(), usual.clone(), usual.clone(), usual, friday, Vec::new(), Vec::new()];
    let (from, to) = ("2026-02-19".parse().unwrap(), "2026-03-20".parse().unwrap());
    office.seasons.push(Season { name: "Ramadan 1447 H".to_owned(), from, to, week });
    let always = [(); 7].map(|()| vec![hours((0, 0), (0, 0))]);
    let never_closes = WorkingCalendar { week: always, ..WorkingCalendar::civil_service("siaga", zone) };
    [("kantor".to_owned(), office), ("siaga".to_owned(), never_closes)].into()
}

fn regency(revision: i64, offices: Vec<Office>) -> Regency {
    let kinds: Vec<_> = offices.iter().map(|office| (office.code.clone(), office.kind)).collect();
    let triage_office = OfficeCode::parse("kominfo").unwrap();
    let gate = Source { path: "rules/gate.toml".to_owned(), text: GATE.to_owned() };
    let person = |mail: String| Person { name: mail.clone(), mail };
    let desk = |office: &Office| Desk {
        head: Some(person(format!("kepala@{}.example", office.code))),
        leave: vec![Leave {
            mail: office.people[0].mail.clone(),
            from: "2026-01-12".parse().unwrap(),
            to: "2026-01-16".parse().unwrap(),
            deputy: (office.kind == OfficeKind::District)
                .then(|| person(format!("wakil@{}.example", office.code))),
        }],
        silent: false,
    };
    let ladder = Ladder {
        secretary: vec![person("sekda@lebong.example".to_owned())],
        regent: vec![person("bupati@lebong.example".to_owned())],
        desks: offices.iter().map(|office| (office.code.clone(), desk(office))).collect(),
        ..Ladder::default()
    };
    let usual =
        Policy { kind: DeadlineKind::FirstResponse, term: Term::WorkingDays(1), legal_basis: String::new() };
    let fast = Policy { term: Term::Minutes(30), ..usual.clone() };
    let fast = Entry { inquiry: vec![Kind::Emergency], ..Entry::for_all(fast) };
    Regency {
        revision,
        instance: "test".to_owned(),
        language: Language::Indonesian,
        calendars: calendars(),
        policies: Policies(vec![fast, Entry::for_all(usual)]),
        ladder,
        links: None,
        name: "Kabupaten".to_owned(),
        receipts: HashMap::new(),
        operators: Vec::new(),
        rules: RuleSet::compile(&[gate], &kinds, &triage_office).unwrap(),
        triage_office,
        offices: offices.into_iter().map(|office| (office.code.clone(), office)).collect(),
        connectors: Connectors::new(),
        outbox: None,
    }
}
