//! `sahut inquiry show`: one inquiry with everything that a person would ask about it.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::deadline::{DeadlineKind, DeadlineState};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, Passing};
use sahut_domain::office::OfficeCode;
use sahut_domain::segments::Pause;
use sahut_render::explain::{clock_words, deadline_words, due_words, zone_of};
use sahut_render::format::{moment, span, time_left, working_span};
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_store::desk::Standing;
use sahut_store::extensions::Extension;
use sahut_store::inquiries::{Inquiry, Promise, ReplyFacts};
use sahut_store::journal::Event;

use super::unknown;
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

const LANGUAGE: Language = Language::Indonesian;

pub(crate) async fn run(app: &App, number: InquiryNumber, json: bool) -> Result<(), Failure> {
    let (inquiry, standing, set) = read(app, number).await?;
    if json {
        return output::json(&inquiry);
    }
    let sheet = Sheet::new(&inquiry, set, app.clock.now());
    sheet.head()?;
    sheet.passed_on(&standing)?;
    sheet.messages()?;
    inquiry.promises.iter().try_for_each(|promise| sheet.promise(promise))?;
    sheet.reason()?;
    inquiry.replies.iter().try_for_each(|reply| sheet.reply(reply))?;
    output::line("\nRiwayat:")?;
    inquiry.events.iter().try_for_each(|event| sheet.event(event))
}

/// Only its promises: why they are due when they are, and whose time it was.
pub(crate) async fn clocks(app: &App, number: InquiryNumber, json: bool) -> Result<(), Failure> {
    let (inquiry, _, set) = read(app, number).await?;
    if json {
        return output::json(&inquiry.promises);
    }
    let sheet = Sheet::new(&inquiry, set, app.clock.now());
    sheet.head()?;
    inquiry.promises.iter().try_for_each(|promise| {
        sheet.promise(promise)?;
        sheet.shares(promise)
    })
}

/// An inquiry, how it stands, and the set that runs, where it can be read.
async fn read(app: &App, number: InquiryNumber) -> Result<(Inquiry, Standing, Option<RegencySet>), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let inquiry = tx.inquiry(number).await?.ok_or_else(|| unknown(number))?;
    let standing = tx.how_it_stands(inquiry.line.id).await?;
    let set =
        tx.revision().await?.and_then(|revision| RegencySet::read(&Files(revision.files), revision.id).ok());
    Ok((inquiry, standing, set))
}

/// An inquiry as it is printed, with what its codes stand for.
struct Sheet<'a> {
    inquiry: &'a Inquiry,
    offices: HashMap<OfficeCode, String>,
    /// Names of the offices' calendars.
    calendar_of: HashMap<OfficeCode, String>,
    calendars: HashMap<String, WorkingCalendar>,
    zone: TimeZone,
    now: Timestamp,
}

impl<'a> Sheet<'a> {
    fn new(inquiry: &'a Inquiry, set: Option<RegencySet>, now: Timestamp) -> Self {
        let zone = inquiry.promises.first().map(|promise| zone_of(&promise.explanation));
        let zone = zone.or_else(|| set.as_ref().map(RegencySet::zone)).unwrap_or(TimeZone::UTC);
        let (offices, calendars) = set.map_or_else(Default::default, |set| (set.offices, set.calendars));
        let calendar_of =
            offices.iter().map(|office| (office.code.clone(), office.calendar.clone())).collect();
        let offices = offices.into_iter().map(|office| (office.code, office.short_name)).collect();
        Self { inquiry, offices, calendar_of, calendars, zone, now }
    }

    fn head(&self) -> Result<(), Failure> {
        let line = &self.inquiry.line;
        let mut facts = vec![
            line.office_name.clone(),
            word(line.kind, LANGUAGE).to_owned(),
            word(line.state, LANGUAGE).to_owned(),
            one_line(&line.channel),
        ];
        if line.triage {
            facts.push("OPD belum diputuskan petugas".to_owned());
        }
        output::line(&format!("{}  {}", line.number, one_line(&line.title)))?;
        output::line(&facts.join(" · "))?;
        if let Some(incident) = &self.inquiry.incident {
            output::line(&format!("Kejadian: {incident}"))?;
        }
        if let Some(in_hand) = &self.inquiry.in_hand {
            let note = if in_hand.note.is_empty() {
                String::new()
            } else {
                format!(": {}", one_line(&in_hand.note))
            };
            let (until, by) = (self.at(in_hand.until), one_line(&in_hand.by));
            output::line(&format!("Sedang ditangani sampai {until}, kata {by}{note}"))?;
        }
        let Some(post) = &self.inquiry.post else { return Ok(()) };
        output::line(&format!("Unggahan ({}): {}", self.at(post.published_at), one_line(&post.text)))
    }

    /// How often it was passed on, and how long each office had it.
    fn passed_on(&self, standing: &Standing) -> Result<(), Failure> {
        if standing.hops == 0 {
            return Ok(());
        }
        let bound = if standing.bound { ", OPD-nya sudah diputuskan" } else { "" };
        let (hops, returns) = (standing.hops, standing.returns);
        output::line(&format!("Berpindah OPD: {hops} kali, kembali ke OPD semula {returns} kali{bound}"))?;
        standing.segments.iter().try_for_each(|segment| {
            let until = segment.to.unwrap_or(self.now);
            let office = self.office(segment.office.as_str());
            let calendar = self.calendar_of.get(&segment.office).and_then(|name| self.calendars.get(name));
            let time = calendar.map_or_else(
                || span(until.duration_since(segment.from).as_secs(), LANGUAGE),
                |calendar| {
                    format!("{} waktu kerja", working_span(calendar.worked(segment.from, until), LANGUAGE))
                },
            );
            output::line(&format!("  {office}: {time}, sejak {}", self.at(segment.from)))
        })
    }

    fn messages(&self) -> Result<(), Failure> {
        output::line("")?;
        for message in &self.inquiry.messages {
            let who = if message.own { "OPD" } else { "Warga" };
            output::line(&format!("{who} ({}): {}", self.at(message.written_at), one_line(&message.text)))?;
        }
        output::line("")
    }

    fn promise(&self, promise: &Promise) -> Result<(), Failure> {
        let kept = match promise.kind {
            DeadlineKind::FirstResponse => "dijawab",
            DeadlineKind::Resolution => "selesai",
        };
        let stands = match promise.met_at {
            Some(met_at) if met_at > promise.due_at => {
                format!("{kept} {}, terlambat {}", self.at(met_at), self.lateness(promise, met_at))
            }
            Some(met_at) => format!("{kept} {}, tepat waktu", self.at(met_at)),
            None if promise.state != DeadlineState::Running => word(promise.state, LANGUAGE).to_lowercase(),
            None if promise.due_at < self.now => {
                format!("belum {kept}, terlambat {}", self.lateness(promise, self.now))
            }
            None => format!("belum {kept}, {}", time_left(promise.due_at, self.now, LANGUAGE)),
        };
        let what = match promise.kind {
            DeadlineKind::FirstResponse => "Tenggat",
            DeadlineKind::Resolution => "Tenggat penyelesaian",
        };
        output::line(&format!("{what}: {}", due_words(&promise.explanation, LANGUAGE)))?;
        output::line(&format!("  {stands}"))?;
        output::line(&format!("  dihitung: {}", deadline_words(&promise.explanation, LANGUAGE)))?;
        clock_words(&promise.explanation, &promise.segments, &promise.history, LANGUAGE)
            .iter()
            .try_for_each(|words| output::line(&format!("  {words}")))?;
        promise.extensions.iter().try_for_each(|extension| self.extension(extension))
    }

    /// How much working time each office had a promise, and how long it waited for the citizen.
    fn shares(&self, promise: &Promise) -> Result<(), Failure> {
        let Some(calendar) = self.calendars.get(&promise.explanation.calendar) else { return Ok(()) };
        for segment in promise.segments.as_slice() {
            let until = segment.to.or(promise.met_at).unwrap_or(self.now);
            let worked = working_span(calendar.worked(segment.from, until), LANGUAGE);
            let office = self.office(segment.office.as_str());
            let runs = segment.why.map_or("berjalan", |why| word(why, LANGUAGE));
            output::line(&format!(
                "    {office}: {worked} waktu kerja sejak {}, {runs}",
                self.at(segment.from)
            ))?;
        }
        Ok(())
    }

    fn extension(&self, extension: &Extension) -> Result<(), Failure> {
        let state = word(extension.state, LANGUAGE).to_lowercase();
        let by =
            extension.decided_by.as_ref().map(|by| format!(" oleh {}", one_line(by))).unwrap_or_default();
        output::line(&format!(
            "  tambahan waktu sampai {} diminta {} ({}){}: {state}{by}",
            self.at(extension.until),
            one_line(&extension.asked_by),
            self.at(extension.asked_at),
            because(Some(&extension.reason)),
        ))
    }

    /// How late an answer is: in the working time that the promise counts, beside the time by the clock.
    fn lateness(&self, promise: &Promise, until: Timestamp) -> String {
        let clock = span(until.duration_since(promise.due_at).as_secs(), LANGUAGE);
        let calendar = self.calendars.get(&promise.explanation.calendar);
        match (promise.explanation.policy.term, calendar) {
            (Term::WorkingMinutes(_) | Term::WorkingDays(_), Some(calendar)) => {
                let worked = working_span(calendar.worked(promise.due_at, until), LANGUAGE);
                format!("{worked} waktu kerja ({clock} menurut jam)")
            }
            _ => clock,
        }
    }

    fn reason(&self) -> Result<(), Failure> {
        let Some(decision) = &self.inquiry.decision else { return Ok(()) };
        let name = |code: &OfficeCode| self.office(code.as_str());
        output::line(&format!("Alasan: {}", sahut_routing::explain(decision, &name, LANGUAGE)))
    }

    fn reply(&self, reply: &ReplyFacts) -> Result<(), Failure> {
        let error = reply.last_error.as_ref().map(|error| format!(" – {error}")).unwrap_or_default();
        let (author, at) = (one_line(&reply.author), self.at(reply.created_at));
        let state = word(reply.delivery, LANGUAGE);
        output::line(&format!("Balasan {} oleh {author} ({at}): {state}{error}", reply.id))?;
        output::line(&format!("  “{}”", one_line(&reply.text)))
    }

    fn event(&self, event: &Event) -> Result<(), Failure> {
        let mut line = format!("  {}  {}", self.at(event.at), word(event.kind, LANGUAGE));
        for part in [self.detail(event), actor(&event.actor)].into_iter().flatten() {
            line.push_str(&part);
        }
        output::line(&line)
    }

    /// What a line of the journal says beyond its kind.
    fn detail(&self, event: &Event) -> Option<String> {
        let fact = |name: &str| event.data.get(name).and_then(serde_json::Value::as_str);
        let moment_of =
            |name: &str| fact(name)?.parse::<Timestamp>().ok().map(|moment_at| self.at(moment_at));
        match event.kind {
            EventKind::InquiryHandedOver => {
                let (from, to) = (self.office(fact("from")?), self.office(fact("to")?));
                let passing = fact("passing").and_then(|passing| passing.parse().ok());
                let passing = match passing {
                    Some(Passing::Named) => " (bukan wewenang)",
                    Some(Passing::Unknown) => " (bukan wewenang, OPD belum diketahui)",
                    Some(Passing::Disputed) => " (sudah berpindah-pindah, untuk diputuskan)",
                    Some(Passing::Decided) => " (diputuskan)",
                    None => "",
                };
                Some(format!(" {from} → {to}{passing}{}", because(fact("reason"))))
            }
            EventKind::InquiryNoted => Some(format!(": {}", one_line(fact("text")?))),
            EventKind::InquiryConfirmed => {
                Some(format!(": {}{}", self.office(fact("to")?), because(fact("reason"))))
            }
            EventKind::InquiryOpened | EventKind::InquiryReopened => {
                let office = self.office(event.office.as_ref()?.as_str());
                let due = moment_of("due_at").map(|due| format!(", tenggat {due}")).unwrap_or_default();
                Some(format!(" di {office}{due}"))
            }
            EventKind::IncidentBegan | EventKind::IncidentJoined | EventKind::IncidentLeft => {
                Some(format!(" {}", fact("incident")?))
            }
            EventKind::InquiryClosed if fact("reason") == Some("talk") => {
                Some(": tidak meminta apa-apa".to_owned())
            }
            EventKind::InquiryClosed if fact("reason") == Some("silent") => {
                Some(": warga tidak menulis lagi".to_owned())
            }
            EventKind::DeadlinePaused => {
                let why: Pause = fact("why")?.parse().ok()?;
                Some(format!(": {}", word(why, LANGUAGE)))
            }
            EventKind::ExtensionAsked | EventKind::ExtensionGranted | EventKind::ExtensionRefused => {
                Some(format!(" sampai {}{}", moment_of("until")?, because(fact("reason"))))
            }
            EventKind::DeadlineMoved => {
                Some(format!(": {} → {}", moment_of("was_due_at")?, moment_of("due_at")?))
            }
            EventKind::InquiryAcknowledged => {
                Some(format!(" sampai {}{}", moment_of("until")?, because(fact("note"))))
            }
            EventKind::ReminderDue => Some(format!(": {}", fact("step")?)),
            EventKind::DeadlineMet if event.data.get("late") == Some(&true.into()) => {
                Some(", tetapi terlambat".to_owned())
            }
            EventKind::NoticeFailed => Some(format!(" untuk {}", one_line(fact("recipient_name")?))),
            EventKind::ReplyFailed | EventKind::ReplyUncertain => {
                Some(format!(": {}", one_line(fact("error")?)))
            }
            _ => None,
        }
    }

    fn office(&self, code: &str) -> String {
        let known = OfficeCode::parse(code).ok().and_then(|code| self.offices.get(&code).cloned());
        known.unwrap_or_else(|| code.to_owned())
    }

    fn at(&self, at: Timestamp) -> String {
        moment(at, &self.zone, LANGUAGE)
    }
}

fn because(reason: Option<&str>) -> String {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    reason.map(|reason| format!(", karena: {}", one_line(reason))).unwrap_or_default()
}

/// Who did it; nothing for what the program does by itself.
fn actor(actor: &str) -> Option<String> {
    match actor {
        "sahut" => None,
        "citizen" => Some("  (warga)".to_owned()),
        "platform" => Some("  (kanal)".to_owned()),
        person => Some(format!("  (oleh {})", one_line(person))),
    }
}
