//! One inquiry at one of three offices, and a browser.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::channel::{ChannelConfig, Platform};
use sahut_domain::deadline::{DeadlineKind, Policy, promise};
use sahut_domain::decision::{Basis, Decision};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, Priority};
use sahut_domain::link::{LinkKey, LinkKeys};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::notice::Template;
use sahut_domain::office::{Office, OfficeCode, OfficeKind, Person};
use sahut_domain::reply::{Intent, Limit};
use sahut_domain::{Chance, ManualClock};
use sahut_render::Language;
use sahut_store::collect::NewPage;
use sahut_store::configuration::NewRevision;
use sahut_store::deliver::ReplyWork;
use sahut_store::inquiries::Inquiry;
use sahut_store::route::NewInquiry;
use sahut_store::{Claim, Db, Location};
use sahut_web::pages::{Pages, Regency};
use tempfile::TempDir;
use tower::ServiceExt as _;

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    /// Lines of the journal about the inquiry before anybody looked.
    pub(crate) begun: usize,
    db: Db,
    inquiry: InquiryId,
    router: Router,
    _folder: TempDir,
}

/// What the browser got.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    headers: HeaderMap,
}

/// So many seconds after Monday 2 March 2026, 10.00 WIB.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_420_400 + seconds).unwrap()
}

fn code(text: &str) -> OfficeCode {
    OfficeCode::parse(text).unwrap()
}

fn keys() -> LinkKeys {
    LinkKeys::new(LinkKey::new([7; 32]), None)
}

fn calendar() -> WorkingCalendar {
    WorkingCalendar::civil_service("kantor", TimeZone::get("Asia/Jakarta").unwrap())
}

struct Town {
    keys: LinkKeys,
    decides: OfficeCode,
    calendar: WorkingCalendar,
    limit: Option<Limit>,
    approver: Option<Person>,
}

impl Regency for Town {
    fn language(&self) -> Language {
        Language::Indonesian
    }

    fn links(&self) -> Option<(&str, &LinkKeys)> {
        Some(("https://sahut.lebong.example", &self.keys))
    }

    fn decides(&self) -> &OfficeCode {
        &self.decides
    }

    fn others(&self) -> Vec<Person> {
        Vec::new()
    }

    fn calendar(&self, _office: &OfficeCode) -> Option<&WorkingCalendar> {
        Some(&self.calendar)
    }

    fn may_act(&self, office: &OfficeCode, mail: &str) -> bool {
        [office, &self.decides].iter().any(|code| mail.ends_with(&format!("@{code}.example")))
    }

    fn is_quoted_in(&self, text: &str) -> bool {
        text.contains("https://sahut.lebong.example/i/")
    }

    fn approver(&self, _office: &OfficeCode, _author: &Person) -> Option<Person> {
        self.approver.clone()
    }

    fn fits(&self, draft: &ReplyWork, _now: Timestamp) -> Result<(), Limit> {
        let has = draft.text.chars().count();
        match self.limit {
            Some(Limit::Length { platform, unit, most, .. }) if has > most => {
                Err(Limit::Length { platform, unit, has, most })
            }
            _ => Ok(()),
        }
    }
}

fn office(text: &str, name: &str) -> Office {
    Office {
        code: code(text),
        name: format!("Dinas {name}"),
        short_name: name.to_owned(),
        kind: OfficeKind::Technical,
        calendar: "kantor".to_owned(),
        approval: false,
        people: vec![Person { name: format!("Admin {name}"), mail: format!("admin@{text}.example") }],
    }
}

fn revision() -> NewRevision {
    let channel = ChannelConfig {
        code: code("tg-dinkes"),
        office: code("dinkes"),
        platform: Platform::Telegram,
        name: "Telegram Dinkes".to_owned(),
        settings: serde_json::json!({}),
        secrets: BTreeMap::new(),
    };
    NewRevision {
        digest: "first".to_owned(),
        files: BTreeMap::new(),
        offices: vec![office("dinkes", "Dinkes"), office("kominfo", "Kominfo"), office("pupr", "PUPR")],
        standing: Vec::new(),
        channels: vec![channel],
        since: BTreeMap::new(),
    }
}

fn item() -> Item {
    Item {
        external_id: "m1".to_owned(),
        thread: ThreadKey { external_id: "t1".to_owned(), surface: Surface::Direct, post: None },
        parent: None,
        author: Author { external_id: Some("ani".to_owned()), name: Some("ani".to_owned()), handle: None },
        own: false,
        automatic: false,
        text: "puskesmas tutup?".to_owned(),
        subject: None,
        written_at: at(0),
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: b"{}".to_vec(),
    }
}

fn decision() -> Decision {
    Decision {
        revision: 1,
        kind: Kind::Complaint,
        priority: Priority::Normal,
        office: Some(code("dinkes")),
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

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("sahut.db"));
        let (db, _) = Db::open_and_migrate(&location, "the test").await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.apply(revision(), "test", at(-3600)).await.unwrap();
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap().id;
        let page = NewPage { items: vec![item()], ..NewPage::default() };
        tx.store_page(channel, page, at(0)).await.unwrap();
        let waiting = tx.take_waiting(10).await.unwrap().remove(0);
        let policy = Policy {
            kind: DeadlineKind::FirstResponse,
            term: Term::WorkingDays(1),
            legal_basis: "Perbup".to_owned(),
        };
        let new = NewInquiry {
            message: waiting.message,
            channel: waiting.channel,
            thread: waiting.thread,
            citizen: waiting.citizen.unwrap(),
            office: code("dinkes"),
            title: "puskesmas tutup?".to_owned(),
            opened_at: at(0),
            year: 2026,
            decision: decision(),
            promise: promise(&policy, &calendar(), at(0)).unwrap(),
            next_at: at(0) + SignedDuration::from_hours(4),
            resolution: None,
        };
        let opened = tx.open_inquiries(vec![new], &Chance::seeded(7), at(0)).await.unwrap().remove(0);
        let begun = tx.events_of(opened.id).await.unwrap().len();
        tx.commit().await.unwrap();
        let clock = ManualClock::at(at(60));
        let router = router(&db, &clock, None, None);
        Self { clock, begun, db, inquiry: opened.id, router, _folder: folder }
    }

    /// The platform takes no more than this.
    pub(crate) fn limit(&mut self, limit: Limit) {
        self.router = router(&self.db, &self.clock, Some(limit), None);
    }

    /// Answers of this office leave when somebody has approved them.
    pub(crate) fn approve_by(&mut self, name: &str, mail: &str, limit: Option<Limit>) {
        let approver = Person { name: name.to_owned(), mail: mail.to_owned() };
        self.router = router(&self.db, &self.clock, limit, Some(approver));
    }

    /// What waits for approval.
    pub(crate) async fn waiting(&self) -> Vec<String> {
        let waiting = self.db.read().await.unwrap().waiting_proposals().await.unwrap();
        waiting.into_iter().map(|proposal| proposal.text).collect()
    }

    /// Who is owed which mail.
    pub(crate) async fn owed(&self) -> Vec<(Template, String)> {
        let mut tx = self.db.begin().await.unwrap();
        let claim = Claim { owner: "test", now: at(9000), until: at(9060), limit: 10 };
        let claimed = tx.claim_notices(&claim).await.unwrap();
        claimed.into_iter().map(|work| (work.template, work.recipient.mail)).collect()
    }

    /// The link in the mail to the office's admin.
    pub(crate) fn link(&self) -> String {
        self.link_for("dinkes", "admin@dinkes.example")
    }

    pub(crate) fn link_for(&self, office: &str, mail: &str) -> String {
        format!("/i/{}", keys().sign(self.inquiry, &code(office), mail, at(30 * 24 * 3600)))
    }

    pub(crate) fn link_until(&self, until: Timestamp) -> String {
        format!("/i/{}", keys().sign(self.inquiry, &code("dinkes"), "admin@dinkes.example", until))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, String::new(), headers).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, form, &[("origin", "https://sahut.lebong.example")]).await
    }

    pub(crate) async fn post_with(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("POST", path, form.to_owned(), headers).await
    }

    async fn ask(&self, method: &str, path: &str, body: String, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1_000_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, body, headers: parts.headers }
    }

    pub(crate) async fn inquiry(&self) -> Inquiry {
        self.db.read().await.unwrap().inquiry(FIRST).await.unwrap().unwrap()
    }

    /// All that the database says of the inquiry.
    pub(crate) async fn journal(&self) -> String {
        let standing = self.db.read().await.unwrap().how_it_stands(self.inquiry).await.unwrap();
        format!("{:?} {standing:?}", self.inquiry().await.events)
    }

    pub(crate) async fn intent_of_reply(&self) -> Intent {
        let mut tx = self.db.begin().await.unwrap();
        let claim = Claim { owner: "test", now: at(100), until: at(200), limit: 1 };
        tx.claim_replies(&claim).await.unwrap()[0].intent
    }

    pub(crate) async fn answer_elsewhere(&self) {
        let mut tx = self.db.begin().await.unwrap();
        let answer = sahut_store::deliver::Answer::new("sudah ditelepon", "Admin Dinkes", "by hand");
        tx.answer_elsewhere(FIRST, answer, at(61)).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn acted(&self, mail: &str) -> bool {
        self.db.read().await.unwrap().last_seen(mail).await.unwrap().is_some_and(|(_, acted)| acted.is_some())
    }

    pub(crate) async fn seen(&self, mail: &str) -> bool {
        self.db.read().await.unwrap().last_seen(mail).await.unwrap().is_some_and(|(seen, _)| seen.is_some())
    }
}

fn router(db: &Db, clock: &ManualClock, limit: Option<Limit>, approver: Option<Person>) -> Router {
    let (keys, decides, calendar) = (keys(), code("kominfo"), calendar());
    let town: Arc<dyn Regency> = Arc::new(Town { keys, decides, calendar, limit, approver });
    sahut_web::pages::router(Pages {
        db: db.clone(),
        clock: clock.clock(),
        chance: Chance::seeded(3),
        regency: Arc::new(move || Arc::clone(&town)),
    })
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// What a hidden field of the first form holds.
    pub(crate) fn hidden(&self, name: &str) -> String {
        self.between(&format!("type=\"hidden\" name=\"{name}\" value=\""))
    }

    /// The first choice of a list.
    pub(crate) fn choice(&self, id: &str) -> String {
        let list = self.body.split(&format!("<select id=\"{id}\"")).nth(1).unwrap_or_default();
        let choice = list.split("<option value=\"").nth(1).unwrap_or_default();
        choice.split('"').next().unwrap_or_default().to_owned()
    }

    fn between(&self, start: &str) -> String {
        let rest = self.body.split(start).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}
