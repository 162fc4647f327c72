//! Pages behind the links in mails: typed facts in, one HTML page out.
//!
//! A page is whole: its style stands in it, it loads nothing, holds no script, and works on a telephone of 360 pixels.
//! Whatever a citizen wrote is tamed, masked and escaped as in mails. Forms carry a key and a version; what they do is the
//! web's.

mod context;
mod fill;

use std::sync::LazyLock;

use minijinja::{Environment, Error, context};
use sahut_domain::Language;
use thiserror::Error as ThisError;

pub use context::{
    Act, Deed, Done, Filled, Forms, Given, InHand, InquiryPage, Page, PostShown, Problem, Refusal, Said, Stay,
};

/// The style that stands in every page: who serves pages allows this one by its hash, and no other.
pub const STYLE: &str = include_str!("../templates/pages/style.css");

/// A page that could not be rendered: a mistake in this crate, so trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("the page {page} cannot be rendered in {language}: {detail}")]
pub struct PageError {
    /// Which.
    pub page: &'static str,
    /// In which language.
    pub language: Language,
    /// What the template engine says; names of templates and variables, never their values.
    pub detail: String,
}

/// Renders a page.
pub fn render_page(page: &Page, language: Language) -> Result<String, PageError> {
    let name = page.name();
    let failed = |error: &Error| PageError { page: name, language, detail: error.to_string() };
    let environment = environment(language).as_ref().map_err(failed)?;
    let values = context! { style => STYLE, language => language.as_str(), ..page.fill(language) };
    let rendered = environment.get_template(&format!("{name}.html")).and_then(|page| page.render(values));
    rendered.map_err(|error| failed(&error))
}

fn environment(language: Language) -> &'static Result<Environment<'static>, Error> {
    static INDONESIAN: LazyLock<Result<Environment<'static>, Error>> =
        LazyLock::new(|| speaking(Language::Indonesian));
    static ENGLISH: LazyLock<Result<Environment<'static>, Error>> =
        LazyLock::new(|| speaking(Language::English));
    match language {
        Language::Indonesian => &INDONESIAN,
        Language::English => &ENGLISH,
    }
}

fn speaking(language: Language) -> Result<Environment<'static>, Error> {
    let mut environment = crate::mail::sentences(language)?;
    environment.add_template("base.html", include_str!("../templates/pages/base.html"))?;
    environment.add_template("forms.html", include_str!("../templates/pages/forms.html"))?;
    environment.add_template("inquiry.html", include_str!("../templates/pages/inquiry.html"))?;
    environment.add_template("done.html", include_str!("../templates/pages/done.html"))?;
    environment.add_template("refusal.html", include_str!("../templates/pages/refusal.html"))?;
    Ok(environment)
}
