//! `sahut doctor`: looks for what could go wrong, and says what to do about it.

use std::path::Path;

use sahut_domain::{Language, Timestamp};
use sahut_mail::{ImapError, SmtpError};
use sahut_render::format::span;
use sahut_store::{HeldFor, Location};
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

/// How long work may wait beyond its moment before the operator is asked whether anything works, in seconds.
const LATE_SECONDS: i64 = 10 * 60;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also read every page of the database: slow on a large one.
    #[arg(long)]
    full: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    subject: String,
    detail: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, verdict: Verdict, subject: &str, detail: impl Into<String>) {
        self.0.push(Finding { verdict, subject: subject.to_owned(), detail: detail.into() });
    }

    fn result(&mut self, subject: &str, good: impl Into<String>, result: Result<(), String>) {
        match result {
            Ok(()) => self.add(Verdict::Ok, subject, good),
            Err(problem) => self.add(Verdict::Fail, subject, problem),
        }
    }
}

pub(crate) async fn run(config: &Path, args: &Args) -> Result<(), Failure> {
    let mut findings = Findings::default();
    match App::load(config) {
        Ok(app) => {
            findings.add(Verdict::Ok, "settings", config.display().to_string());
            clock(&app, &mut findings);
            key(&app, &mut findings);
            disk(&app, &mut findings);
            database(&app, args.full, &mut findings).await;
        }
        Err(failure) => findings.add(Verdict::Fail, "settings", failure.message),
    }
    report(&findings.0, args.json)
}

fn report(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        output::json(&findings)?;
    } else {
        for finding in findings {
            let verdict = match finding.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            output::line(&format!("{verdict} {:<10} {}", finding.subject, finding.detail))?;
        }
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    if failed == 0 { Ok(()) } else { Err(Failure::failed(format!("{failed} thing(s) have to be mended"))) }
}

/// A clock that is years off makes every deadline wrong.
fn clock(app: &App, findings: &mut Findings) {
    let now = app.clock.now();
    let built: Timestamp = BUILT_AFTER.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    if now < built {
        findings.add(
            Verdict::Fail,
            "clock",
            format!("it shows {now}, before this program was written: set the clock"),
        );
    } else {
        findings.add(Verdict::Ok, "clock", now.to_string());
    }
}

/// This program did not exist before.
const BUILT_AFTER: &str = "2026-11-01T00:00:00Z";

fn key(app: &App, findings: &mut Findings) {
    let path = app.settings.secrets.key_file.display().to_string();
    findings.result("key", path, app.vault().map(|_| ()).map_err(|failure| failure.message));
}

fn disk(app: &App, findings: &mut Findings) {
    let Location::Sqlite(path) = app.location() else { return };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = folder.join(format!(".sahut-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, [0; 4096]).and_then(|()| std::fs::remove_file(&probe));
    let problem = |error: std::io::Error| format!("cannot write in {}: {error}", folder.display());
    findings.result("disk", folder.display().to_string(), written.map_err(problem));
}

async fn database(app: &App, full: bool, findings: &mut Findings) {
    let db = match app.beside().await {
        Ok(db) => db,
        Err(failure) => return findings.add(Verdict::Fail, "database", failure.message),
    };
    findings.add(Verdict::Ok, "database", app.location().to_string());
    if full {
        let checked = async { db.read().await?.integrity().await }.await;
        let sound = checked
            .map_err(|error| error.to_string())
            .and_then(|faults| if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) });
        findings.result("pages", "every page holds together", sound);
    }
    match app.regency(&db).await {
        Ok((regency, _)) => {
            findings.add(Verdict::Ok, "regency", format!("configuration {}", regency.revision));
            calendars(app, &regency, findings);
            people(&regency, findings);
            presence(&regency, app.clock.now(), findings);
            links(app, &regency, findings);
            mail(&regency, findings).await;
        }
        Err(failure) => findings.add(Verdict::Fail, "regency", failure.message),
    }
    channels(&db, findings).await;
    work(app, &db, findings).await;
}

/// Domains under which nobody has a mailbox: <https://www.rfc-editor.org/rfc/rfc2606>.
fn is_example(mail: &str) -> bool {
    const RESERVED: [&str; 4] = ["example", "test", "invalid", "localhost"];
    const SECOND: [&str; 4] = ["example.com", "example.net", "example.org", "example.go.id"];
    let domain = mail.rsplit('@').next().unwrap_or_default().to_lowercase();
    let last = domain.rsplit('.').next().unwrap_or_default();
    RESERVED.contains(&last)
        || SECOND.iter().any(|known| domain == *known || domain.ends_with(&format!(".{known}")))
}

/// Mail that nobody reads looks like mail that was read.
fn people(regency: &sahut_pipeline::Regency, findings: &mut Findings) {
    let people = regency.offices.values().flat_map(|office| &office.people).chain(&regency.operators);
    let (examples, real): (Vec<_>, Vec<_>) = people.partition(|person| is_example(&person.mail));
    if examples.is_empty() {
        findings.add(Verdict::Ok, "people", format!("{} addresses", real.len()));
    } else {
        let detail = format!(
            "{} of {} addresses are examples that nobody reads, such as …{}: write the real ones in offices.toml and \
             regency.toml, then `sahut apply`",
            examples.len(),
            examples.len() + real.len(),
            examples
                .first()
                .and_then(|person| person.mail.find('@').map(|at| &person.mail[at..]))
                .unwrap_or_default(),
        );
        findings.add(Verdict::Warn, "people", detail);
    }
    let mut nobody: Vec<&str> = regency
        .offices
        .values()
        .filter(|office| office.people.is_empty())
        .map(|office| office.code.as_str())
        .collect();
    nobody.sort_unstable();
    if !nobody.is_empty() {
        let detail = format!(
            "nobody can be mailed at {}: no people in offices.toml, or their addresses were refused",
            nobody.join(", ")
        );
        findings.add(Verdict::Warn, "people", detail);
    }
}

/// Offices whose mail reaches nobody who would act.
fn presence(regency: &sahut_pipeline::Regency, now: Timestamp, findings: &mut Findings) {
    let unattended = regency.unattended(now);
    if !unattended.is_empty() {
        let codes: Vec<&str> = unattended.iter().map(sahut_domain::office::OfficeCode::as_str).collect();
        let detail = format!(
            "nobody is on duty today at {}: their heads, or else the communications office, get the mails",
            codes.join(", ")
        );
        findings.add(Verdict::Warn, "people", detail);
    }
    let silent = regency.ladder.desks.iter().filter(|(_, desk)| desk.silent).map(|(code, _)| code.as_str());
    let silent: Vec<&str> = silent.collect();
    if !silent.is_empty() {
        let detail = format!(
            "mail arrives at {}, and nobody acts: `sahut people --silent` shows whose; their heads are told as well",
            silent.join(", ")
        );
        findings.add(Verdict::Warn, "people", detail);
    }
}

/// Without an address there is nothing to tap in a mail; over a plain connection others can read what is tapped.
fn links(app: &App, regency: &sahut_pipeline::Regency, findings: &mut Findings) {
    let (verdict, detail) = match (&app.settings.listen.url, &regency.links) {
        (None, _) => (
            Verdict::Warn,
            "mails carry no links to answer by: give url under [listen], such as https://sahut.lebong.go.id"
                .to_owned(),
        ),
        (Some(_), None) => {
            (Verdict::Fail, "the key of links cannot be opened: see the line about the key".to_owned())
        }
        (Some(url), Some(_)) if url.starts_with("http://") && !url.starts_with("http://127.") => (
            Verdict::Warn,
            format!("{url} is not https: whoever is on the way can read links and answer by them"),
        ),
        (Some(url), Some(_)) => (Verdict::Ok, format!("mails lead to {url}/i/…")),
    };
    findings.add(verdict, "links", detail);
}

/// What is held, late or given up.
async fn work(app: &App, db: &sahut_store::Db, findings: &mut Findings) {
    let asked = async {
        let mut tx = db.read().await?;
        Ok::<_, sahut_store::StoreError>((tx.held_for().await?, tx.status(app.clock.now()).await?))
    };
    let (held, status) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return findings.add(Verdict::Fail, "work", error.to_string()),
    };
    if let Some(held) = held {
        let why = match held {
            HeldFor::Restore => "since a restore",
            HeldFor::Person => "on somebody's order",
        };
        let detail = format!(
            "mails and answers are held {why}: look at `sahut outbox list`, then `sahut outbox release`"
        );
        findings.add(Verdict::Warn, "outbox", detail);
    }
    let owed = format!("{} mails and {} answers are owed", status.notices_due, status.replies_due);
    let late = status.oldest_due_seconds;
    if late > LATE_SECONDS && held.is_none() {
        let detail = format!(
            "{owed}; the oldest work is {} late: is `sahut run` running?",
            span(late, Language::English)
        );
        findings.add(Verdict::Warn, "work", detail);
    } else {
        findings.add(Verdict::Ok, "work", owed);
    }
    for (count, what, command) in [
        (status.notices_dead, "mails were given up", "sahut outbox list"),
        (status.letters_held, "mails of offices are held", "sahut letter list"),
        (status.replies_dead, "answers were given up", "sahut outbox list"),
        (status.replies_uncertain, "answers may or may not have arrived", "sahut outbox list"),
        (status.quarantined, "items could not be read", "sahut quarantine list"),
    ] {
        if count > 0 {
            findings.add(Verdict::Warn, "work", format!("{count} {what}: `{command}` shows them"));
        }
    }
}

fn calendars(app: &App, regency: &sahut_pipeline::Regency, findings: &mut Findings) {
    let mut calendars: Vec<_> = regency.calendars.values().collect();
    calendars.sort_by(|a, b| a.name.cmp(&b.name));
    for calendar in calendars {
        let Some(until) = calendar.known_until else { continue };
        if calendar.ends_soon(app.clock.now()).is_some() {
            let detail = format!(
                "{}: holidays are known until {until}: add the next year's to calendars.toml",
                calendar.name
            );
            findings.add(Verdict::Warn, "calendar", detail);
        } else {
            findings.add(
                Verdict::Ok,
                "calendar",
                format!("{}: holidays are known until {until}", calendar.name),
            );
        }
    }
}

async fn mail(regency: &sahut_pipeline::Regency, findings: &mut Findings) {
    let Some(outbox) = &regency.outbox else {
        return findings.add(
            Verdict::Warn,
            "mail",
            "there is no [mail] in the settings: nobody is told of anything",
        );
    };
    match outbox.smtp.test().await {
        Ok(()) => findings.add(Verdict::Ok, "mail", "the server takes the login"),
        Err(error @ SmtpError::Again(_)) => {
            findings.add(Verdict::Warn, "mail", format!("{error}; it is tried again"));
        }
        Err(error) => findings.add(Verdict::Fail, "mail", error.to_string()),
    }
    if let Some((name, imap)) = outbox.replies.as_ref().and_then(|replies| replies.mailbox.as_ref()) {
        let read = async { imap.open().await?.test().await };
        match read.await {
            Ok(()) => findings.add(Verdict::Ok, "mailbox", format!("{name} can be read")),
            Err(error @ (ImapError::Login(_) | ImapError::Person(_))) => {
                findings.add(Verdict::Fail, "mailbox", error.to_string());
            }
            Err(error) => findings.add(Verdict::Warn, "mailbox", format!("{error}; it is tried again")),
        }
    }
}

async fn channels(db: &sahut_store::Db, findings: &mut Findings) {
    let channels = match async { db.read().await?.channels().await }.await {
        Ok(channels) => channels,
        Err(error) => return findings.add(Verdict::Fail, "channels", error.to_string()),
    };
    let ailing: Vec<_> = channels.iter().filter(|channel| channel.health.ailment.is_some()).collect();
    findings.add(Verdict::Ok, "channels", format!("{}, of which {} ail", channels.len(), ailing.len()));
    for channel in ailing {
        let ailment = channel.health.ailment.map(|ailment| ailment.to_string()).unwrap_or_default();
        let detail = channel.health.detail.as_deref().unwrap_or_default();
        findings.add(Verdict::Warn, "channel", format!("{}: {ailment}: {detail}", channel.config.code));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_examples_are_known_from_real_ones() {
        for mail in
            ["a@lebong.example", "a@example.com", "a@mail.example.go.id", "a@x.test", "sahut@localhost"]
        {
            assert!(is_example(mail), "{mail}");
        }
        for mail in ["a@lebongkab.go.id", "a@contoh.id", "a@myexample.com", "a@test.id"] {
            assert!(!is_example(mail), "{mail}");
        }
    }
}
