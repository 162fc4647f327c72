//! The monthly report: made from the journal whenever it is asked for, and on the first working morning of each month
//! by itself, once, whoever notices that it is time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::calendar::Term;
use sahut_domain::event::EventId;
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::report::{Fold, Month, Report, Setting};
use sahut_store::notify::NewNotice;
use sahut_store::{Db, StoreError};

use crate::route::notices;
use crate::{Context, Regency};

/// The bell of a month's report.
const BELL: &str = "report";

/// As many offices are named in the mail, the worst first.
const NAMED: usize = 5;

/// Makes the report of a month, of one office or of all.
pub async fn make(
    db: &Db,
    regency: &Regency,
    month: Month,
    office: Option<OfficeCode>,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let mut tx = db.read().await?;
    let offices = tx.office_names().await?;
    let calendar = |code: &OfficeCode| Some((code.clone(), regency.calendar(code)?.clone()));
    let calendars: BTreeMap<_, _> = offices.keys().filter_map(calendar).collect();
    let channels = tx.channel_facts().await?;
    let setting =
        Setting { regency: regency.name.clone(), zone: zone(regency), offices, calendars, channels };
    let mut fold = Fold::new(month, setting, office, now);
    tx.tell_report(&mut fold).await?;
    Ok(fold.finish())
}

/// The month that it is, in the regency.
pub fn month_of(regency: &Regency, at: Timestamp) -> Month {
    Month::of(zone(regency).to_datetime(at).date())
}

fn zone(regency: &Regency) -> TimeZone {
    regency.calendar(&regency.triage_office).map_or(TimeZone::UTC, |calendar| calendar.zone.clone())
}

/// Makes the report of last month and mails its main numbers, once its first working morning has come.
pub async fn make_due(context: &Context) -> Result<(), StoreError> {
    let (regency, now) = (context.regency.get(), context.clock.now());
    let this = month_of(&regency, now);
    let (month, day) = (this.before(), this.before().to_string());
    if now < first_morning(&regency, this) || context.db.read().await?.has_rung(BELL, &day).await? {
        return Ok(());
    }
    let begins = context.db.read().await?.journal_begins().await?;
    // A month of which nothing is known has no report.
    let known = begins.is_some_and(|begins| begins < this.bounds(&zone(&regency)).0);
    let report = if known { Some(make(&context.db, &regency, month, None, now).await?) } else { None };
    let mut tx = context.db.begin().await?;
    if tx.ring_bell(BELL, &day, now).await? {
        if let Some(report) = report {
            let brief = report.brief(sahut_render::report::id(&report), NAMED);
            let triage = &regency.triage_office;
            let numbers = serde_json::to_value(brief).unwrap_or_default();
            let event = tx.note_report(triage, numbers, now).await?;
            let mut told = notices(&regency, event, Template::MonthlyReport, None, triage, false, now);
            told.extend(above(&regency, &told, event, now));
            tx.owe(told, now).await?;
            tracing::info!(month = day, "report.made");
        }
        tx.bell_done(BELL, &day, now).await?;
    }
    tx.commit().await
}

/// The same for the secretary and the regent, but those of them who are told already.
fn above(regency: &Regency, told: &[NewNotice], event: EventId, now: Timestamp) -> Vec<NewNotice> {
    let above = regency.ladder.secretary.iter().chain(&regency.ladder.regent);
    let untold = above.filter(|person| !told.iter().any(|notice| notice.recipient.mail == person.mail));
    let notice = |recipient: &Person| NewNotice {
        event,
        template: Template::MonthlyReport,
        recipient: recipient.clone(),
        office: Some(regency.triage_office.clone()),
        inquiry: None,
        channel: None,
        urgent: false,
        not_before: now,
    };
    untold.map(notice).collect()
}

/// When the office that decides opens for the first time in a month.
fn first_morning(regency: &Regency, month: Month) -> Timestamp {
    let (begins, _) = month.bounds(&zone(regency));
    let calendar = regency.calendar(&regency.triage_office);
    let opens = calendar.and_then(|calendar| calendar.due(begins, Term::WorkingMinutes(0)).ok());
    opens.map_or(begins, |opens| opens.at)
}
