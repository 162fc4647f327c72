//! Mails: typed facts in, a subject and two equal bodies out.
//!
//! Every [`Context`] fills one letter (`templates/*.letter`) in two looks, plain and HTML, so that both always say the
//! same. The HTML is small, carries no picture and loads nothing; whatever a citizen wrote is escaped there. Nothing in
//! a mail acts by being opened: a button only leads to a page.

mod context;
mod fill;

use std::sync::LazyLock;

use fill::Filled;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};
use sahut_domain::Language;
use sahut_domain::notice::Template;
use thiserror::Error;

use crate::catalogue::{pattern, say};
pub use context::{
    About, Approval, Assignment, CalendarEnds, Candidate, ChannelSilent, ChannelTrouble, Confirmation,
    Context, Digest, DigestEntry, FollowUp, HandedOver, Incident, MailTrouble, Overdue, Place, Reminder,
    ReplyFailed, ReplyUncertain, Said, Together, Triage, Unattended, Weekly,
};

/// A mail that is ready to be addressed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line; the same for all mails to an office about one inquiry, so that they stay one thread.
    pub subject: String,
    /// The plain body.
    pub plain: String,
    /// The HTML body.
    pub html: String,
}

/// A template that could not be rendered: a mistake in this crate, so trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the mail {template} cannot be rendered in {language}: {detail}")]
pub struct RenderError {
    /// What was to be rendered.
    pub template: Template,
    /// In which language.
    pub language: Language,
    /// What the template engine says; names of templates and variables, never their values.
    pub detail: String,
}

/// Composes the mail that tells of `context`.
pub fn render_mail(context: &Context, language: Language) -> Result<RenderedMail, RenderError> {
    let template = context.template();
    let Filled { subject, values } = context.fill(language);
    let failed = |error: &Error| RenderError { template, language, detail: error.to_string() };
    let environment = environment(language).as_ref().map_err(failed)?;
    let body = |ending: &str| {
        let values =
            context! { ending, subject => subject.as_str(), language => language.as_str(), ..values.clone() };
        environment.get_template(&format!("{template}.{ending}"))?.render(values)
    };
    let plain = spaced(&body("txt").map_err(|error| failed(&error))?);
    let html = body("html").map_err(|error| failed(&error))?;
    Ok(RenderedMail { subject, plain, html })
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

/// No templates yet, and `t("key", gap=value)` that speaks one language.
pub(crate) fn sentences(language: Language) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_function("t", move |key: &str, values: Kwargs| sentence(language, key, &values));
    Ok(environment)
}

/// The letters and looks.
fn speaking(language: Language) -> Result<Environment<'static>, Error> {
    let mut environment = sentences(language)?;
    environment.add_template("look.txt", include_str!("../templates/look.txt"))?;
    environment.add_template("look.html", include_str!("../templates/look.html"))?;
    let letters = Template::ALL.iter().map(|template| (template.as_str(), letter(*template)));
    for (name, source) in letters.chain(PARTS) {
        // The ending decides whether what stands in a gap is escaped.
        environment.add_template_owned(format!("{name}.txt"), source)?;
        environment.add_template_owned(format!("{name}.html"), source)?;
    }
    Ok(environment)
}

/// What several letters say in the same way.
const PARTS: [(&str, &str); 6] = [
    ("said", include_str!("../templates/said.part")),
    ("promise", include_str!("../templates/promise.part")),
    ("tell", include_str!("../templates/tell.part")),
    ("answer", include_str!("../templates/answer.part")),
    ("together", include_str!("../templates/together.part")),
    ("source", include_str!("../templates/source.part")),
];

fn letter(template: Template) -> &'static str {
    match template {
        Template::Assignment => include_str!("../templates/assignment.letter"),
        Template::Incident => include_str!("../templates/incident.letter"),
        Template::HandedOver => include_str!("../templates/handed_over.letter"),
        Template::FollowUp => include_str!("../templates/follow_up.letter"),
        Template::Reminder => include_str!("../templates/reminder.letter"),
        Template::Overdue => include_str!("../templates/overdue.letter"),
        Template::Triage => include_str!("../templates/triage.letter"),
        Template::ReplyFailed => include_str!("../templates/reply_failed.letter"),
        Template::ReplyUncertain => include_str!("../templates/reply_uncertain.letter"),
        Template::ChannelTrouble => include_str!("../templates/channel_trouble.letter"),
        Template::ChannelSilent => include_str!("../templates/channel_silent.letter"),
        Template::MailTrouble => include_str!("../templates/mail_trouble.letter"),
        Template::CalendarEnds => include_str!("../templates/calendar_ends.letter"),
        Template::Digest => include_str!("../templates/digest.letter"),
        Template::Weekly => include_str!("../templates/weekly.letter"),
        Template::Unattended => include_str!("../templates/unattended.letter"),
        Template::Confirmation => include_str!("../templates/confirmation.letter"),
        Template::Approval => include_str!("../templates/approval.letter"),
        Template::MonthlyReport => include_str!("../templates/monthly_report.letter"),
    }
}

/// A sentence of the catalogue, for the templates; here a missing key is an error.
fn sentence(language: Language, key: &str, values: &Kwargs) -> Result<String, Error> {
    if pattern(language, key).is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("the catalogue has no {key:?}")));
    }
    let values: Vec<(String, String)> = values
        .args()
        .map(|name| Ok((name.to_owned(), values.get::<String>(name)?)))
        .collect::<Result<_, Error>>()?;
    let gaps: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(say(language, key, &gaps))
}

/// Paragraphs parted by one empty line each, however the templates broke their lines.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && (out.is_empty() || out.ends_with("\n\n"))) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}
