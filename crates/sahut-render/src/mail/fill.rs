//! Facts into the words that a letter's gaps want.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Value, context};
use sahut_domain::Language;
use sahut_domain::inquiry::{InquiryNumber, Kind};
use sahut_domain::mask::mask;
use sahut_domain::report::Brief;

use super::context::{
    About, Candidate, ChannelSilent, ChannelTrouble, Context, Incident, MailTrouble, Overdue, Reminder,
    ReplyFailed, ReplyUncertain, Said, Triage,
};
use crate::catalogue::say;
use crate::explain::{deadline_words, due_words, zone_of};
use crate::format::{count, moment, month_name, span, time_left, working_span};
use crate::report::{main_sentences, worst_line, written};
use crate::tame::{one_line, quote, web_address};
use crate::words::{advice, word};

/// Most of a citizen's text, in characters, where the mail is about that text.
const QUOTED: usize = 2000;

/// Most of it where the mail is about something else.
const RECALLED: usize = 500;

/// A subject, and what a letter says under it.
pub(super) struct Filled {
    pub(super) subject: String,
    pub(super) values: Value,
}

impl Context {
    pub(super) fn fill(&self, language: Language) -> Filled {
        match self {
            Self::Assignment(mail) => about_inquiry(&mail.about, QUOTED, context! {}, language),
            Self::Incident(mail) => incident(mail, language),
            Self::FollowUp(mail) => about_inquiry(&mail.about, QUOTED, context! {}, language),
            Self::Reminder(mail) => reminder(mail, language),
            Self::Overdue(mail) => overdue(mail, language),
            Self::Triage(mail) => triage(mail, language),
            Self::ReplyFailed(mail) => reply_failed(mail, language),
            Self::ReplyUncertain(mail) => reply_uncertain(mail, language),
            Self::ChannelTrouble(mail) => channel_trouble(mail, language),
            Self::ChannelSilent(mail) => channel_silent(mail, language),
            Self::MailTrouble(mail) => mail_trouble(mail, language),
            Self::MonthlyReport(brief) => monthly_report(brief, language),
        }
    }
}

/// What all letters about an inquiry share, and what only this one says.
fn about_inquiry(about: &About, longest: usize, own: Value, language: Language) -> Filled {
    let zone = zone_of(&about.promise);
    let values = context! {
        number => about.number.to_string(),
        office => one_line(&about.office),
        kind => word(about.kind, language),
        emergency => about.kind == Kind::Emergency,
        said => said(&about.said, longest, &zone, language),
        due => due_words(&about.promise, language),
        why_due => deadline_words(&about.promise, language),
        reason => one_line(&about.reason),
        together => about.together.as_ref().map(|together| context! {
            incident => together.incident.to_string(),
            count => count(together.open, "unit.inquiry", language),
        }),
        tell => about.tell.as_deref().map(one_line),
        link => about.link.as_deref().and_then(web_address),
        permalink => about.said.permalink.as_deref().and_then(web_address),
        ..own
    };
    Filled { subject: subject(about, language), values }
}

/// `[K-2026-00123] Jalan rusak di Pasar Baru (Dinas PUPR)`: always the same for one inquiry at one office.
fn subject(about: &About, language: Language) -> String {
    format!("[{}] {} ({})", about.number, titled(&about.title, language), one_line(&about.office))
}

fn titled(title: &str, language: Language) -> String {
    match one_line(title) {
        empty if empty.is_empty() => say(language, "mail.no_title", &[]),
        title => title,
    }
}

fn said(said: &Said, longest: usize, zone: &TimeZone, language: Language) -> Value {
    let quotation = quote(&said.text, longest);
    context! {
        citizen => mask(&one_line(&said.citizen)),
        channel => one_line(&said.channel),
        at => moment(said.at, zone, language),
        lines => quotation.lines,
        cut => quotation.cut,
    }
}

fn incident(mail: &Incident, language: Language) -> Filled {
    let number = mail.number.to_string();
    let titled_with_number =
        |(number, title): &(InquiryNumber, String)| format!("{number}  {}", titled(title, language));
    let own = context! {
        incident => number.as_str(),
        count => count(mail.members, "unit.inquiry", language),
        titles => mail.titles.iter().map(titled_with_number).collect::<Vec<_>>(),
    };
    let (title, office) = (titled(&mail.title, language), one_line(&mail.about.office));
    let subject = say(
        language,
        "mail.incident.subject",
        &[("incident", &number), ("title", &title), ("office", &office)],
    );
    Filled { subject, ..about_inquiry(&mail.about, RECALLED, own, language) }
}

fn reminder(mail: &Reminder, language: Language) -> Filled {
    let own = context! { left => working_span(mail.left_seconds, language) };
    about_inquiry(&mail.about, QUOTED, own, language)
}

fn overdue(mail: &Overdue, language: Language) -> Filled {
    let due = mail.about.promise.due.at;
    let own = context! { late => time_left(due, mail.now, language), to_superior => mail.to_superior };
    let mut filled = about_inquiry(&mail.about, QUOTED, own, language);
    if mail.to_superior {
        let late = span(mail.now.duration_since(due).as_secs(), language);
        filled.subject =
            say(language, "mail.overdue.subject", &[("span", &late), ("subject", &filled.subject)]);
    }
    filled
}

fn triage(mail: &Triage, language: Language) -> Filled {
    let own = context! {
        doubt => word(mail.doubt, language),
        outside => mail.outside.as_deref().map(one_line),
        candidates => mail.candidates.iter().map(|one| candidate(one, language)).collect::<Vec<_>>(),
    };
    about_inquiry(&mail.about, QUOTED, own, language)
}

fn candidate(candidate: &Candidate, language: Language) -> String {
    let office = format!("{} ({})", one_line(&candidate.office), one_line(&candidate.code));
    if candidate.words.is_empty() {
        return office;
    }
    let words: Vec<_> = candidate.words.iter().map(|word| one_line(word)).collect();
    say(language, "mail.triage.candidate", &[("office", &office), ("words", &words.join(", "))])
}

fn reply_failed(mail: &ReplyFailed, language: Language) -> Filled {
    let own = context! { reply => quote(&mail.reply, QUOTED).lines, detail => one_line(&mail.detail) };
    about_inquiry(&mail.about, RECALLED, own, language)
}

fn reply_uncertain(mail: &ReplyUncertain, language: Language) -> Filled {
    let own = context! {
        reply => quote(&mail.reply, QUOTED).lines,
        tried_at => moment(mail.tried_at, &zone_of(&mail.about.promise), language),
    };
    about_inquiry(&mail.about, RECALLED, own, language)
}

fn channel_trouble(mail: &ChannelTrouble, language: Language) -> Filled {
    let channel = one_line(&mail.channel);
    Filled {
        subject: say(language, "mail.channel_trouble.subject", &[("channel", &channel)]),
        values: context! {
            channel,
            code => one_line(&mail.code),
            platform => word(mail.platform, language),
            office => one_line(&mail.office),
            ailment => word(mail.ailment, language),
            advice => advice(mail.ailment, language),
            detail => one_line(&mail.detail),
            since => moment(mail.since, &mail.zone, language),
            complete_until => moment_if_known(mail.complete_until, &mail.zone, language),
        },
    }
}

fn channel_silent(mail: &ChannelSilent, language: Language) -> Filled {
    let channel = one_line(&mail.channel);
    Filled {
        subject: say(language, "mail.channel_silent.subject", &[("channel", &channel)]),
        values: context! {
            channel,
            code => one_line(&mail.code),
            platform => word(mail.platform, language),
            office => one_line(&mail.office),
            last_at => moment_if_known(mail.last_at, &mail.zone, language),
            read_at => moment_if_known(mail.read_at, &mail.zone, language),
        },
    }
}

fn monthly_report(brief: &Brief, language: Language) -> Filled {
    let (month, total) = (month_name(brief.month, language), &brief.total);
    let (received, late) = (written(total.received, language), written(total.late, language));
    let subject = [("month", &*month), ("received", &received), ("late", &late)];
    Filled {
        subject: say(language, "mail.monthly_report.subject", &subject),
        values: context! {
            month,
            code => brief.month.to_string(),
            sentences => main_sentences(brief.month, total, language),
            worst => brief.worst.iter().map(|office| worst_line(office, language)).collect::<Vec<_>>(),
            id => &brief.id,
        },
    }
}

fn mail_trouble(mail: &MailTrouble, language: Language) -> Filled {
    let (person, office) = (one_line(&mail.person), one_line(&mail.office));
    Filled {
        subject: say(language, "mail.mail_trouble.subject", &[("person", &person), ("office", &office)]),
        values: context! {
            person,
            office,
            address => mask(&one_line(&mail.address)),
            // Mail servers repeat the address in what they say.
            detail => mask(&one_line(&mail.detail)),
            at => moment(mail.at, &mail.zone, language),
        },
    }
}

fn moment_if_known(at: Option<Timestamp>, zone: &TimeZone, language: Language) -> String {
    at.map_or_else(|| say(language, "time.never", &[]), |at| moment(at, zone, language))
}
