//! A small regency on either database.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::Chance;
use sahut_domain::calendar::{Due, Term};
use sahut_domain::channel::{ChannelConfig, ChannelId, Platform};
use sahut_domain::deadline::{DeadlineKind, Explanation, Policy};
use sahut_domain::decision::{Basis, Decision};
use sahut_domain::event::EventId;
use sahut_domain::inquiry::{InquiryId, Kind, Priority};
use sahut_domain::ladder::{Rung, Whom};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::notice::Template;
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_store::collect::{NewPage, Stored};
use sahut_store::configuration::NewRevision;
use sahut_store::deliver::{Answer, ReplyWork};
use sahut_store::notify::NewNotice;
use sahut_store::route::{NewInquiry, Opened, Waiting};
use sahut_store::watch::{DueDeadline, Looked};
use sahut_store::{Claim, Db, Location, Tx};
use sahut_testing::{Database, or_skip};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;

/// Runs each test on both databases. One that is not there is skipped aloud.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: &World) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn run($world: &World) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(&World::sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(world) = World::postgres().await {
                    run(&world).await;
                }
            }
        }
    )* };
}
pub(crate) use on_both;

/// An open database with two offices and two channels.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) location: Location,
    pub(crate) chance: Chance,
    /// A Telegram channel of `dinkes`.
    pub(crate) channel: ChannelId,
    /// A webhook channel of `kominfo`.
    pub(crate) other: ChannelId,
    // Dropped last.
    _place: Place,
}

/// Holds the files or the database until the world is gone.
enum Place {
    Sqlite { _folder: TempDir },
    Postgres { _database: Database },
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("sahut.db"));
        Self::open(location, Place::Sqlite { _folder: folder }).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let database = or_skip(Database::fresh())?;
        let location = Location::Postgres(database.url().to_owned());
        Some(Self::open(location, Place::Postgres { _database: database }).await)
    }

    async fn open(location: Location, place: Place) -> Self {
        let (db, migrated) = Db::open_and_migrate(&location, "the test").await.unwrap();
        assert_eq!(migrated.from, 0);
        let mut tx = db.begin().await.unwrap();
        tx.apply(revision("first"), "test", at(-3600)).await.unwrap();
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap().id;
        let other = tx.channel("hook-kominfo").await.unwrap().unwrap().id;
        tx.commit().await.unwrap();
        Self { db, location, chance: Chance::seeded(7), channel, other, _place: place }
    }

    pub(crate) async fn begin(&self) -> Tx {
        self.db.begin().await.unwrap()
    }

    pub(crate) async fn read(&self) -> Tx {
        self.db.read().await.unwrap()
    }

    /// Stores items in a transaction of their own.
    pub(crate) async fn store(&self, items: Vec<Item>, now: Timestamp) -> Stored {
        self.store_page(NewPage { items, ..NewPage::default() }, now).await
    }

    pub(crate) async fn store_page(&self, page: NewPage, now: Timestamp) -> Stored {
        let mut tx = self.begin().await;
        let stored = tx.store_page(self.channel, page, now).await.unwrap();
        tx.commit().await.unwrap();
        stored
    }

    /// Stores one message and begins an inquiry with it, due two hours after it was written.
    pub(crate) async fn inquiry(&self, item: Item) -> Opened {
        self.store(vec![item], at(0)).await;
        let mut tx = self.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        assert_eq!(waiting.len(), 1, "one message waits");
        let opened = tx.open_inquiries(vec![new_inquiry(&waiting[0])], &self.chance, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        opened.into_iter().next().unwrap()
    }

    /// The same with a promise of a resolution within a hundred hours.
    pub(crate) async fn promised(&self, item: Item) -> Opened {
        self.store(vec![item], at(0)).await;
        let mut tx = self.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let mut new = new_inquiry(&waiting[0]);
        new.resolution = Some((resolution(new.opened_at), at(80 * 3600)));
        let opened = tx.open_inquiries(vec![new], &self.chance, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        opened.into_iter().next().unwrap()
    }

    /// An inquiry with a reply that is queued and claimed.
    pub(crate) async fn claimed_reply(&self, text: &str) -> (Opened, ReplyWork) {
        let opened = self.inquiry(item("m1", "ani")).await;
        let mut tx = self.begin().await;
        tx.queue_reply(opened.number, Answer::new(text, "Admin Dinkes", text), at(60)).await.unwrap();
        let work = tx.claim_replies(&claim(at(60), at(120))).await.unwrap();
        tx.commit().await.unwrap();
        (opened, work.into_iter().next().unwrap())
    }

    /// Owes a notice about an inquiry.
    pub(crate) async fn owe(&self, opened: &Opened, mail: &str, urgent: bool) {
        let mut tx = self.begin().await;
        tx.owe(vec![notice(opened, mail, urgent)], at(1)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Another connection to the same database, past the store.
    pub(crate) async fn raw(&self) -> Raw {
        match &self.location {
            Location::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).foreign_keys(true);
                let options = options.busy_timeout(std::time::Duration::from_secs(20));
                Raw::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            Location::Postgres(url) => Raw::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.raw().await.count(sql).await
    }
}

/// A connection that knows nothing of the store.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs statements as they stand.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::raw_sql(sql).execute(conn).await.map(drop),
            Self::Postgres(conn) => sqlx::raw_sql(sql).execute(conn).await.map(drop),
        }
    }

    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(conn) => sqlx::query(sql).fetch_one(conn).await.unwrap().get(0),
            Self::Postgres(conn) => sqlx::query(sql).fetch_one(conn).await.unwrap().get(0),
        }
    }

    /// The first column of each row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(conn) => {
                sqlx::query(sql).fetch_all(conn).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            Self::Postgres(conn) => {
                sqlx::query(sql).fetch_all(conn).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
        }
    }
}

/// So many seconds after Monday 2 March 2026, 10.00 WIB.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_420_400 + seconds).unwrap()
}

pub(crate) fn code(text: &str) -> OfficeCode {
    OfficeCode::parse(text).unwrap()
}

pub(crate) fn person(mail: &str) -> Person {
    Person { name: "Admin".to_owned(), mail: mail.to_owned() }
}

pub(crate) fn office(text: &str) -> Office {
    Office {
        code: code(text),
        name: format!("Dinas {text}"),
        short_name: text.to_owned(),
        kind: OfficeKind::Technical,
        calendar: "kantor".to_owned(),
        people: vec![person(&format!("admin@{text}.example"))],
        approval: false,
    }
}

pub(crate) fn channel(text: &str, office: &str, platform: Platform) -> ChannelConfig {
    ChannelConfig {
        code: code(text),
        office: code(office),
        platform,
        name: format!("Kanal {text}"),
        settings: serde_json::json!({ "account": text }),
        secrets: BTreeMap::from([("token".to_owned(), format!("{text}/token"))]),
    }
}

pub(crate) fn revision(digest: &str) -> NewRevision {
    NewRevision {
        digest: digest.to_owned(),
        files: BTreeMap::from([("regency.toml".to_owned(), format!("# {digest}"))]),
        offices: vec![office("dinkes"), office("kominfo")],
        standing: Vec::new(),
        channels: vec![
            channel("tg-dinkes", "dinkes", Platform::Telegram),
            channel("hook-kominfo", "kominfo", Platform::Webhook),
        ],
        since: BTreeMap::new(),
    }
}

/// Takes a step of a promise, and notes that it passed where it did; answers the step's line.
pub(crate) async fn step(
    tx: &mut Tx,
    due: &DueDeadline,
    missed: bool,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> EventId {
    let (key, at) = if missed { ("due office", due.due_at) } else { ("80% office", now) };
    let rung = Rung { key: key.to_owned(), at, level: 2, late: missed, to: vec![Whom::Office] };
    let looked = Looked { missed, taken: vec![rung], next_at };
    tx.note_looks(&[(due, looked)], now).await.unwrap().remove(0).unwrap()
}

pub(crate) fn item(id: &str, author: &str) -> Item {
    Item {
        external_id: id.to_owned(),
        thread: ThreadKey {
            external_id: "t1".to_owned(),
            surface: Surface::Comment,
            post: Some("p1".to_owned()),
        },
        parent: None,
        author: Author { external_id: Some(author.to_owned()), name: Some(author.to_owned()), handle: None },
        own: false,
        automatic: false,
        text: format!("puskesmas tutup? {id}"),
        subject: None,
        written_at: at(0),
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: format!("{{\"id\":\"{id}\"}}").into_bytes(),
    }
}

/// What the office wrote itself.
pub(crate) fn own(id: &str, text: &str) -> Item {
    Item { own: true, text: text.to_owned(), ..item(id, "dinkes") }
}

pub(crate) fn decision(office: &str, kind: Kind) -> Decision {
    Decision {
        revision: 1,
        kind,
        priority: Priority::Normal,
        office: Some(code(office)),
        basis: Basis::Topics,
        doubt: None,
        margin: 1.5,
        scores: Vec::new(),
        kind_words: Vec::new(),
        danger: None,
        weighing: None,
        suppressed: Vec::new(),
        place: None,
        tell: None,
        outside: None,
        learned: None,
    }
}

/// A promise of a resolution within a hundred hours.
pub(crate) fn resolution(started_at: Timestamp) -> Explanation {
    let mut promise = promise(started_at);
    promise.policy.kind = DeadlineKind::Resolution;
    promise.due.at = started_at + SignedDuration::from_hours(100);
    promise
}

/// A promise of two hours.
pub(crate) fn promise(started_at: Timestamp) -> Explanation {
    Explanation {
        policy: Policy {
            kind: DeadlineKind::FirstResponse,
            term: Term::WorkingMinutes(120),
            legal_basis: "Perbup".to_owned(),
        },
        calendar: "kantor".to_owned(),
        revision: 1,
        zone: "Asia/Jakarta".to_owned(),
        started_at,
        due: Due {
            at: started_at + SignedDuration::from_hours(2),
            counted_from: started_at,
            skipped: Vec::new(),
        },
    }
}

pub(crate) fn new_inquiry(waiting: &Waiting) -> NewInquiry {
    NewInquiry {
        message: waiting.message,
        channel: waiting.channel,
        thread: waiting.thread,
        citizen: waiting.citizen.unwrap(),
        office: code("dinkes"),
        title: "puskesmas tutup?".to_owned(),
        opened_at: waiting.written_at,
        year: 2026,
        decision: decision("dinkes", Kind::Complaint),
        promise: promise(waiting.written_at),
        next_at: waiting.written_at + SignedDuration::from_hours(1),
        resolution: None,
    }
}

pub(crate) fn notice(opened: &Opened, mail: &str, urgent: bool) -> NewNotice {
    NewNotice {
        event: opened.event,
        template: Template::Assignment,
        recipient: person(mail),
        office: Some(code("dinkes")),
        inquiry: Some(opened.id),
        channel: None,
        urgent,
        not_before: at(1),
    }
}

pub(crate) fn claim(now: Timestamp, until: Timestamp) -> Claim<'static> {
    Claim { owner: "test", now, until, limit: 100 }
}

/// The state of an inquiry as it stands in the table.
pub(crate) async fn state_of(world: &World, inquiry: InquiryId) -> String {
    world.raw().await.texts(&format!("SELECT state FROM inquiry WHERE id = {inquiry}")).await.remove(0)
}

/// Waits until a transaction of another connection waits for one of ours. On SQLite it waits before it begins, and
/// there is nothing to see.
pub(crate) async fn somebody_waits(world: &World) {
    let mut raw = world.raw().await;
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pid IN
        (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    while !raw.is_sqlite() && raw.count(waiting).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
