//! The pages behind the links in mails, wired to the running configuration.

use std::sync::Arc;

use axum::Router;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::link::LinkKeys;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::reply::Limit;
use sahut_domain::{Language, Timestamp};
use sahut_pipeline::{Context, Regency};
use sahut_store::deliver::ReplyWork;
use sahut_web::pages::Pages;

/// The pages' router.
pub(crate) fn router(context: &Context) -> Router {
    let regency = context.regency.clone();
    sahut_web::pages::router(Pages {
        db: context.db.clone(),
        clock: context.clock.clone(),
        chance: context.chance.clone(),
        regency: Arc::new(move || Arc::new(Running(regency.get()))),
    })
}

/// The configuration that runs while one request is answered.
struct Running(Arc<Regency>);

impl sahut_web::pages::Regency for Running {
    fn language(&self) -> Language {
        self.0.language
    }

    fn links(&self) -> Option<(&str, &LinkKeys)> {
        self.0.links.as_ref().map(|links| (links.url.as_str(), &links.keys))
    }

    fn decides(&self) -> &OfficeCode {
        &self.0.triage_office
    }

    fn others(&self) -> Vec<Person> {
        self.0.others()
    }

    fn calendar(&self, office: &OfficeCode) -> Option<&WorkingCalendar> {
        self.0.calendar(office)
    }

    fn may_act(&self, office: &OfficeCode, mail: &str) -> bool {
        self.0.may_act(office, mail)
    }

    fn is_quoted_in(&self, text: &str) -> bool {
        self.0.is_quoted_in(text)
    }

    fn approver(&self, office: &OfficeCode, author: &Person) -> Option<Person> {
        self.0.approver(office, author).cloned()
    }

    fn fits(&self, draft: &ReplyWork, now: Timestamp) -> Result<(), Limit> {
        sahut_pipeline::deliver::fits(&self.0, draft, now)
    }
}
