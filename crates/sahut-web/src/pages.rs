//! The pages behind the links in mails: one inquiry, for one person, on a telephone, without signing in.
//!
//! A link names the inquiry, the person and the office ([`sahut_domain::link`]). Opening one changes nothing about the
//! inquiry: programs that look through mails may follow links. What acts is a form, and each form carries the key of one
//! operation, so that a second tap does nothing again, and the version that was shown, so that two people at once are told
//! about each other. Every page is whole and holds no script; its headers allow nothing else.

mod acts;
mod facts;
mod guard;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, Path, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::link::LinkKeys;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::Limit;
use sahut_domain::{Chance, Clock};
use sahut_render::Language;
use sahut_render::page::{Act, Done, Filled, Page, Problem, Refusal, STYLE, render_page};
use sahut_store::deliver::ReplyWork;
use sahut_store::{Db, StoreError};
use sha2::{Digest as _, Sha256};

use acts::{Acted, Sent};
use guard::{Caller, Meters};
use visit::{Visit, Visitor};

/// The largest form, in bytes: the longest answer that a platform takes, as browsers write it.
const LARGEST: usize = 256 * 1024;

/// What the pages need to know of the running configuration.
pub trait Regency: Send + Sync {
    /// The language of the pages.
    fn language(&self) -> Language;
    /// Where the pages are reached from outside, and what links are signed with; absent: no link is good.
    fn links(&self) -> Option<(&str, &LinkKeys)>;
    /// The office that decides what is disputed.
    fn decides(&self) -> &OfficeCode;
    /// People who are mailed besides those on duty at an office.
    fn others(&self) -> Vec<Person>;
    /// The working calendar of an office.
    fn calendar(&self, office: &OfficeCode) -> Option<&WorkingCalendar>;
    /// Whether somebody with an address has a say in what an office has.
    fn may_act(&self, office: &OfficeCode, mail: &str) -> bool;
    /// Whether words hold a link or an address that was made for one person.
    fn is_quoted_in(&self, text: &str) -> bool;
    /// Who has to approve an answer of somebody for an office; nobody where it may leave at once.
    fn approver(&self, office: &OfficeCode, author: &Person) -> Option<Person>;
    /// Holds an answer against the limits of its platform.
    fn fits(&self, draft: &ReplyWork, now: Timestamp) -> Result<(), Limit>;
}

/// What the pages work with.
#[derive(Clone)]
pub struct Pages {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Chance, for the keys of forms.
    pub chance: Chance,
    /// The running configuration, taken anew for each request.
    pub regency: Arc<dyn Fn() -> Arc<dyn Regency> + Send + Sync>,
}

/// The pages with what counts their visitors.
#[derive(Clone)]
struct Desk {
    pages: Pages,
    meters: Arc<Meters>,
}

/// `GET /i/{link}` and `/i/{link}/{act}` show; `POST /i/{link}/{act}` acts and leads to `/i/{link}/done/{operation}`.
pub fn router(pages: Pages) -> Router {
    let headers = Arc::new(strict());
    Router::new()
        .route("/i/{link}", get(show))
        .route("/i/{link}/{act}", get(show_act).merge(post(act)))
        .route("/i/{link}/done/{operation}", get(done))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let headers = Arc::clone(&headers);
            async move {
                let mut response = next.run(request).await;
                response.headers_mut().extend((*headers).clone());
                response
            }
        }))
        .with_state(Desk { pages, meters: Arc::default() })
}

/// Nothing is loaded, framed, kept or told to other sites; only the style that stands in every page is allowed.
fn strict() -> HeaderMap {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    let mut headers = HeaderMap::new();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("x-robots-tag", "noindex, nofollow"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

async fn show(
    State(desk): State<Desk>,
    Path(link): Path<String>,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    shown(&desk, &link, Act::Answer, &method, &headers, &extensions).await
}

async fn show_act(
    State(desk): State<Desk>,
    Path((link, act)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let act = Act::parse(&act).unwrap_or(Act::Answer);
    shown(&desk, &link, act, &method, &headers, &extensions).await
}

async fn shown(
    desk: &Desk,
    link: &str,
    act: Act,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Response {
    let visitor = desk.visitor(link, headers, extensions);
    let page = async {
        let visit = visitor.open(desk.pages.db.read().await?).await?;
        let page = facts::page(&visitor, &visit, act, Filled::default(), None).await?;
        // Programs that look through mails do not navigate; a person's browser says that it does.
        let navigates = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        if *method == Method::GET && navigates {
            note_seen(desk, &visit).await;
        }
        Ok(page)
    };
    match page.await {
        Ok(page) => answer(StatusCode::OK, &Page::Inquiry(Box::new(page)), visitor.language()),
        Err(refused) => refuse(refused, visitor.language()),
    }
}

async fn act(
    State(desk): State<Desk>,
    Path((link, act)): Path<(String, String)>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let visitor = desk.visitor(&link, &headers, &extensions);
    let acted = async {
        let url = visitor.regency.links().map(|(url, _)| url);
        if !guard::is_own_form(&headers, url) {
            return Err(Refused::from(Refusal::Foreign));
        }
        let (Some(act), Ok(Form(sent))) = (Act::parse(&act), form) else {
            return Err(Refusal::Malformed.into());
        };
        if !sent.is_whole() {
            return Err(Refusal::Malformed.into());
        }
        let visit = visitor.open(desk.pages.db.read().await?).await?;
        match acts::act(&visitor, &visit, act, &sent).await? {
            Acted::Done(operation) => {
                metrics::counter!("sahut_pages_total", "outcome" => act.as_str()).increment(1);
                Ok(Redirect::to(&format!("{}/done/{operation}", visitor.address())).into_response())
            }
            Acted::Not(problem) => {
                let page = facts::page(&visitor, &visit, act, sent.filled(), Some((act, problem))).await?;
                let status = match page.forms.problem {
                    Some((_, Problem::Changed(_))) => StatusCode::CONFLICT,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                Ok(answer(status, &Page::Inquiry(Box::new(page)), visitor.language()))
            }
        }
    };
    acted.await.unwrap_or_else(|refused| refuse(refused, visitor.language()))
}

/// Says that something was done, as the database has it; also where the inquiry is another office's now.
async fn done(
    State(desk): State<Desk>,
    Path((link, name)): Path<(String, String)>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let visitor = desk.visitor(&link, &headers, &extensions);
    let page = async {
        let pass = visitor.pass()?;
        let mut tx = desk.pages.db.read().await?;
        let found = tx.operation(&name).await?.filter(|done| done.inquiry == pass.inquiry);
        let operation = found.ok_or(Refusal::Forged)?;
        let (number, office) = tx.number_of(pass.inquiry).await?.ok_or(Refusal::Forged)?;
        let offices = tx.offices().await?;
        let act = Act::parse(&operation.act).ok_or(Refusal::Forged)?;
        let waits_for = facts::waits_for(&visitor, &mut tx, &name).await?;
        let back = visitor.open(tx).await.is_ok().then(|| visitor.address());
        let zone = visitor.regency.calendar(&office).map(|calendar| calendar.zone.clone());
        let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
        let office = facts::short_name(&offices, &office);
        Ok::<_, Refused>(Done { number, act, at: operation.done_at, zone, office, waits_for, back })
    };
    match page.await {
        Ok(page) => answer(StatusCode::OK, &Page::Done(page), visitor.language()),
        Err(refused) => refuse(refused, visitor.language()),
    }
}

impl Desk {
    fn visitor(&self, link: &str, headers: &HeaderMap, extensions: &Extensions) -> Visitor {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Visitor {
            pages: self.pages.clone(),
            meters: Arc::clone(&self.meters),
            regency: (self.pages.regency)(),
            caller: Caller::of(peer, headers),
            link: link.to_owned(),
            now: self.pages.clock.now(),
        }
    }
}

/// Notes that a person opened the page. It is worth no more than that: where it cannot be noted, they see the page.
async fn note_seen(desk: &Desk, visit: &Visit) {
    let noted = async {
        let mut tx = desk.pages.db.begin().await?;
        tx.note_seen(&visit.person.mail, desk.pages.clock.now()).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "page.not_noted");
    }
}

/// Why nothing of an inquiry is shown.
enum Refused {
    Page(Refusal),
    Store(StoreError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Page(refusal)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn refuse(refused: Refused, language: Language) -> Response {
    let refusal = match refused {
        Refused::Page(refusal) => refusal,
        Refused::Store(error) => {
            tracing::error!(%error, "page.not_shown");
            Refusal::Unavailable
        }
    };
    let (status, outcome) = match refusal {
        Refusal::Forged => (StatusCode::NOT_FOUND, "forged"),
        Refusal::Expired => (StatusCode::GONE, "expired"),
        Refusal::Moved(..) => (StatusCode::GONE, "moved"),
        Refusal::Left => (StatusCode::FORBIDDEN, "left"),
        Refusal::TooOften => (StatusCode::TOO_MANY_REQUESTS, "too_often"),
        Refusal::Foreign => (StatusCode::FORBIDDEN, "foreign"),
        Refusal::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    metrics::counter!("sahut_pages_refused_total", "outcome" => outcome).increment(1);
    answer(status, &Page::Refusal(refusal), language)
}

fn answer(status: StatusCode, page: &Page, language: Language) -> Response {
    match render_page(page, language) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page.not_rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
