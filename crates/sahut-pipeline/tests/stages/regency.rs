//! A small regency on a database of its own, for tests that drive the stages by hand.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sahut_channels::{Connector, Http, HttpPolicy};
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::channel::{ChannelConfig, ChannelId, Platform, ReceiptConfig};
use sahut_domain::deadline::{DeadlineKind, Policy};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::ladder::Ladder;
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_domain::{Chance, Clock, Language};
use sahut_mail::{Imap, ImapSettings, Login, Mailbox, Server, Smtp, SmtpSettings, Tls};
use sahut_pipeline::route::route_batch;
use sahut_pipeline::{Connectors, Context, Outbox, Regency, Replies, Shared, Trust};
use sahut_routing::{RuleSet, Source};
use sahut_simulator::Keys;
use sahut_store::collect::NewPage;
use sahut_store::configuration::NewRevision;
use sahut_store::journal::Event;
use sahut_store::{Db, Location};
use sahut_testing::Dovecot;
use secrecy::{SecretSlice, SecretString};

/// An account on the simulator.
pub(crate) struct Account {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
}

/// A regency with one office and a channel for each account.
pub(crate) struct Town {
    pub(crate) context: Context,
    pub(crate) channels: Vec<ChannelId>,
    revision: i64,
    connectors: Connectors,
    _folder: tempfile::TempDir,
}

/// What tells a complaint from talk: without it, everything is talk.
const GATE: &str = "[[kind]]\nkind = \"complaint\"\nstrong = [\"tolong diperbaiki\"]\n";

const RULES: &str = "duty = \"pupr\"\n\n[[topic]]\nname = \"jalan\"\nstrong = [\"jalan rusak\"]\n";

/// Waits for something that the stages do by themselves.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about");
}

impl Town {
    /// A town with two channels whose platforms nobody can reach.
    pub(crate) async fn without_platforms(clock: Clock) -> Self {
        let account =
            |platform| Account { platform, keys: Keys { id: "1".to_owned(), token: "1:a".to_owned() } };
        let accounts = [account(Platform::Facebook), account(Platform::Instagram)];
        Self::open("http://127.0.0.1:9", &accounts, clock, 1).await
    }

    pub(crate) async fn open(url: &str, accounts: &[Account], clock: Clock, seed: u64) -> Self {
        Self::open_with(url, accounts, clock, seed, None).await
    }

    /// With the secret of Meta's app, deliveries are taken.
    pub(crate) async fn open_with(
        url: &str,
        accounts: &[Account],
        clock: Clock,
        seed: u64,
        app_secret: Option<&str>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("sahut.db"));
        let (db, _) = Db::open_and_migrate(&location, "test").await.unwrap();
        let office = office();
        let configs: Vec<ChannelConfig> =
            accounts.iter().enumerate().map(|(at, account)| channel(url, account, &accounts[..at])).collect();
        let mut tx = db.begin().await.unwrap();
        let new = NewRevision {
            digest: "test".to_owned(),
            files: [("rules/pupr.toml".to_owned(), RULES.to_owned())].into(),
            offices: vec![office.clone()],
            standing: Vec::new(),
            channels: configs.clone(),
            since: configs.iter().map(|config| (config.code.clone(), jiff::Timestamp::UNIX_EPOCH)).collect(),
        };
        let revision = tx.apply(new, "test", clock.now()).await.unwrap();
        let rows = tx.channels().await.unwrap();
        tx.commit().await.unwrap();
        let http = Http::new(HttpPolicy { private_hosts: vec!["127.0.0.1".to_owned()] }).unwrap();
        let mut connectors = HashMap::new();
        let mut channels = Vec::new();
        for (config, account) in configs.iter().zip(accounts) {
            let row = rows.iter().find(|row| row.config.code == config.code).unwrap();
            let secrets = |name: &str| match name {
                "token" => Some(SecretString::from(account.keys.token.clone())),
                "app_secret" => app_secret.map(SecretString::from),
                _ => None,
            };
            let connector: Arc<dyn Connector> = sahut_channels::build(config, &secrets, &http).unwrap();
            connectors.insert(row.id, Ok(connector));
            channels.push(row.id);
        }
        let context = Context {
            db,
            clock,
            chance: Chance::seeded(seed),
            regency: Shared::new(regency(revision, connectors.clone())),
            owner: "test".to_owned(),
        };
        Self { context, channels, revision, connectors, _folder: folder }
    }

    /// Takes the connectors away, as a lost secret does, or gives them back.
    pub(crate) fn connect(&self, connected: bool) {
        let connectors = if connected { self.connectors.clone() } else { Connectors::new() };
        self.context.regency.set(regency(self.revision, connectors));
    }

    /// Lets this connector stand for that of a channel.
    pub(crate) fn connect_to(&self, channel: ChannelId, connector: Arc<dyn Connector>) {
        let mut connectors = self.context.regency.get().connectors.clone();
        connectors.insert(channel, Ok(connector));
        self.context.regency.set(regency(self.revision, connectors));
    }

    /// Decides by other rules.
    pub(crate) fn decide_by(&self, rules: RuleSet) {
        self.context.regency.set(Regency { rules, ..regency(self.revision, self.connectors.clone()) });
    }

    /// Runs another configuration, made from this town's.
    pub(crate) fn set(&self, change: impl FnOnce(Regency) -> Regency) {
        let policies = self.context.regency.get().policies.clone();
        self.context
            .regency
            .set(change(Regency { policies, ..regency(self.revision, self.connectors.clone()) }));
    }

    /// Tells people by another ladder.
    pub(crate) fn climb(&self, ladder: Ladder) {
        self.context.regency.set(Regency { ladder, ..regency(self.revision, self.connectors.clone()) });
    }

    /// Gives receipts on channels.
    pub(crate) fn give_receipts(&self, receipts: HashMap<ChannelId, ReceiptConfig>) {
        let connectors = self.connectors.clone();
        self.context.regency.set(Regency { receipts, ..regency(self.revision, connectors) });
    }

    /// Lets mail out through a server on this machine.
    pub(crate) fn mail_through(&self, port: u16) {
        let server = Server { host: "127.0.0.1".to_owned(), port, tls: Tls::None, ca_file: None };
        let smtp = Smtp::new(SmtpSettings::new(server, None)).unwrap();
        let operators =
            vec![Person { name: "Operator".to_owned(), mail: "operator@contoh.example".to_owned() }];
        let outbox =
            Outbox { smtp, from: Mailbox::new(None, "sahut@contoh.example").unwrap(), replies: None };
        self.context.regency.set(Regency {
            outbox: Some(outbox),
            links: None,
            operators,
            ..regency(self.revision, self.connectors.clone())
        });
    }

    /// Lets notices be answered by mail; the office has these people, and wants answers approved or not.
    pub(crate) fn answer_by_mail(&self, people: &[&str], approval: bool) {
        self.answer_at(people, approval, None);
    }

    /// The same, with answers that arrive in a mailbox.
    pub(crate) fn read_answers_at(&self, dovecot: &Dovecot, people: &[&str]) {
        let server =
            Server { host: "127.0.0.1".to_owned(), port: dovecot.imap_port(), tls: Tls::None, ca_file: None };
        let login =
            Login { user: "sahut@contoh.example".to_owned(), password: SecretString::from("rahasia") };
        let imap = Imap::new(ImapSettings::new(server, login, "INBOX".to_owned())).unwrap();
        self.answer_at(people, false, Some(("answers".to_owned(), imap)));
    }

    fn answer_at(&self, people: &[&str], approval: bool, mailbox: Option<(String, Imap)>) {
        let server = Server { host: "127.0.0.1".to_owned(), port: 9, tls: Tls::None, ca_file: None };
        let key = SecretSlice::from(b"a key of this town".to_vec());
        let trust = Trust::Server("mx.contoh.example".to_owned());
        let outbox = Outbox {
            smtp: Smtp::new(SmtpSettings::new(server, None)).unwrap(),
            from: Mailbox::new(None, "sahut@contoh.example").unwrap(),
            replies: Some(Replies::new("sahut@contoh.example", key, trust, mailbox).unwrap()),
        };
        let mut regency = regency(self.revision, self.connectors.clone());
        regency.outbox = Some(outbox);
        regency.operators =
            vec![Person { name: "Operator".to_owned(), mail: "operator@contoh.example".to_owned() }];
        for office in regency.offices.values_mut() {
            office.approval = approval;
            let person = |mail: &&str| Person { name: format!("Admin {mail}"), mail: (*mail).to_owned() };
            office.people = people.iter().map(person).collect();
        }
        self.context.regency.set(regency);
    }

    /// A citizen's complaint, written now on a channel and routed; answers how its inquiry began.
    pub(crate) async fn complaint(&self, channel: ChannelId, citizen: &str) -> Event {
        let now = self.context.clock.now();
        let item = Item {
            external_id: format!("m-{citizen}"),
            thread: ThreadKey { external_id: format!("t-{citizen}"), surface: Surface::Direct, post: None },
            parent: None,
            author: Author { external_id: Some(citizen.to_owned()), ..Author::default() },
            own: false,
            automatic: false,
            text: "jalan rusak di depan pasar, tolong diperbaiki".to_owned(),
            subject: None,
            written_at: now,
            edited_at: None,
            visibility: Visibility::Shown,
            permalink: None,
            attachments: Vec::new(),
            raw: Vec::new(),
        };
        let mut tx = self.context.db.begin().await.unwrap();
        let page = NewPage { items: vec![item], ..NewPage::default() };
        tx.store_page(channel, page, now).await.unwrap();
        tx.commit().await.unwrap();
        route_batch(&self.context).await.unwrap();
        let mut tx = self.context.db.read().await.unwrap();
        let events = tx.events_after(EventId(0), 1000).await.unwrap();
        events.into_iter().rfind(|event| event.kind == EventKind::InquiryOpened).unwrap()
    }

    /// What is owed and not done yet: who or where it is for, its state, and how often it was tried.
    pub(crate) async fn owed(&self) -> Vec<(String, String, i64)> {
        let outbox = self.context.db.read().await.unwrap().outbox(100).await.unwrap();
        outbox.into_iter().map(|line| (line.to, line.state, line.attempt)).collect()
    }
}

fn regency(revision: i64, connectors: Connectors) -> Regency {
    let office = office();
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let rules = [source("rules/pupr.toml", RULES), source("rules/gate.toml", GATE)];
    let usual =
        Policy { kind: DeadlineKind::FirstResponse, term: Term::WorkingDays(1), legal_basis: String::new() };
    Regency {
        revision,
        name: "Kabupaten Contoh".to_owned(),
        instance: "test".to_owned(),
        language: Language::Indonesian,
        triage_office: office.code.clone(),
        calendars: [("kantor".to_owned(), WorkingCalendar::civil_service("kantor", TimeZone::UTC))].into(),
        policies: usual.into(),
        ladder: Ladder::default(),
        operators: Vec::new(),
        rules: RuleSet::compile(&rules, &[(office.code.clone(), OfficeKind::Technical)], &office.code)
            .unwrap(),
        offices: [(office.code.clone(), office)].into(),
        receipts: HashMap::new(),
        connectors,
        outbox: None,
        links: None,
    }
}

fn office() -> Office {
    Office {
        code: OfficeCode::parse("pupr").unwrap(),
        name: "Dinas Pekerjaan Umum".to_owned(),
        short_name: "PUPR".to_owned(),
        kind: OfficeKind::Technical,
        calendar: "kantor".to_owned(),
        people: vec![Person { name: "Admin PUPR".to_owned(), mail: "admin@pupr.example".to_owned() }],
        approval: false,
    }
}

/// The first channel of a platform is called like it, the others have a number behind.
fn channel(url: &str, account: &Account, before: &[Account]) -> ChannelConfig {
    let code = match before.iter().filter(|other| other.platform == account.platform).count() {
        0 => account.platform.to_string(),
        before => format!("{}-{}", account.platform, before + 1),
    };
    let settings = match account.platform {
        Platform::Facebook => {
            serde_json::json!({ "page_id": account.keys.id, "base_url": url, "direct_pause_ms": 0 })
        }
        Platform::Instagram => {
            serde_json::json!({ "ig_user_id": account.keys.id, "base_url": url, "direct_pause_ms": 0 })
        }
        _ => serde_json::json!({ "base_url": url }),
    };
    ChannelConfig {
        code: OfficeCode::parse(&code).unwrap(),
        office: OfficeCode::parse("pupr").unwrap(),
        platform: account.platform,
        name: account.platform.to_string(),
        settings,
        secrets: std::collections::BTreeMap::new(),
    }
}
