//! Facts into the words that a letter's gaps want.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Value, context};
use sahut_domain::Language;
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::inquiry::{InquiryNumber, Kind, Passing};
use sahut_domain::mask::mask;
use sahut_domain::message::Surface;
use sahut_domain::report::Brief;

use super::context::{
    About, Approval, CalendarEnds, Candidate, ChannelSilent, ChannelTrouble, Confirmation, Context, Digest,
    DigestEntry, HandedOver, Incident, MailTrouble, Overdue, Place, Reminder, ReplyFailed, ReplyUncertain,
    Said, Triage, Unattended, Weekly,
};
use crate::catalogue::say;
use crate::explain::{deadline_words, due_words, move_words, zone_of};
use crate::format::{count, date, moment, month_name, span, time_left, whole, working_span};
use crate::report::{main_sentences, worst_line, written};
use crate::tame::{one_line, quote, web_address};
use crate::words::{advice, word};

/// Most of a citizen's text, in characters, where the mail is about that text.
const QUOTED: usize = 2000;

/// Most of it where the mail is about something else.
const RECALLED: usize = 500;

/// Most inquiries that a digest lists; the rest is counted.
const LISTED: usize = 40;

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
            Self::HandedOver(mail) => handed_over(mail, language),
            Self::FollowUp(mail) => about_inquiry(&mail.about, QUOTED, context! {}, language),
            Self::Reminder(mail) => reminder(mail, language),
            Self::Overdue(mail) => overdue(mail, language),
            Self::Triage(mail) => triage(mail, language),
            Self::ReplyFailed(mail) => reply_failed(mail, language),
            Self::ReplyUncertain(mail) => reply_uncertain(mail, language),
            Self::ChannelTrouble(mail) => channel_trouble(mail, language),
            Self::ChannelSilent(mail) => channel_silent(mail, language),
            Self::MailTrouble(mail) => mail_trouble(mail, language),
            Self::CalendarEnds(mail) => calendar_ends(mail, language),
            Self::Digest(mail) => digest(mail, language),
            Self::Weekly(mail) => weekly(mail, language),
            Self::Unattended(mail) => unattended(mail, language),
            Self::Confirmation(mail) => confirmation(mail, language),
            Self::Approval(mail) => approval(mail, language),
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
        settles => about.promise.policy.kind == DeadlineKind::Resolution,
        said => said(&about.said, longest, &zone, language),
        due => due_words(&about.promise, language),
        why_due => why_due(about, language),
        in_hand => about.in_hand.as_ref().map(|(until, note)| in_hand(*until, note, &zone, language)),
        reason => one_line(&about.reason),
        together => about.together.as_ref().map(|together| context! {
            incident => together.incident.to_string(),
            count => count(together.open, "unit.inquiry", language),
        }),
        tell => about.tell.as_deref().map(one_line),
        link => about.link.as_deref().and_then(web_address),
        not_ours => about.not_ours.as_deref().and_then(web_address),
        by_reply => about.by_reply,
        permalink => about.said.permalink.as_deref().and_then(web_address),
        ..own
    };
    Filled { subject: subject(about, language), values }
}

/// How the promise was counted, and what moved it since.
fn why_due(about: &About, language: Language) -> String {
    let counted = deadline_words(&about.promise, language);
    let moves = move_words(&about.promise, &about.moved, language).into_iter().map(|(_, words)| words);
    std::iter::once(counted).chain(moves).collect::<Vec<_>>().join("; ")
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

fn handed_over(mail: &HandedOver, language: Language) -> Filled {
    let own = context! {
        from => one_line(&mail.from),
        by => one_line(&mail.by),
        words => quote(&mail.reason, RECALLED).lines,
        decide => matches!(mail.passing, Passing::Unknown | Passing::Disputed),
        disputed => mail.passing == Passing::Disputed,
        decided => mail.passing == Passing::Decided,
        named => mail.named.as_deref().map(one_line),
    };
    about_inquiry(&mail.about, QUOTED, own, language)
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

fn calendar_ends(mail: &CalendarEnds, language: Language) -> Filled {
    let (calendar, until) = (one_line(&mail.calendar), date(mail.until, language));
    Filled {
        subject: say(language, "mail.calendar_ends.subject", &[("calendar", &calendar), ("until", &until)]),
        values: context! { calendar, until },
    }
}

fn confirmation(mail: &Confirmation, language: Language) -> Filled {
    let number = mail.about.as_ref().map(|about| about.number.to_string()).unwrap_or_default();
    let office = mail.about.as_ref().map(|about| one_line(&about.office)).unwrap_or_default();
    let until = mail.until.map(|until| moment(until, &mail.zone, language)).unwrap_or_default();
    let detail = mask(&one_line(&mail.detail));
    let gaps = [("number", &number), ("office", &office), ("until", &until), ("detail", &detail)];
    let gaps = gaps.map(|(name, value)| (name, value.as_str()));
    let words = quote(&mail.words, QUOTED);
    let own = context! {
        headline => say(language, &format!("outcome.{}", mail.outcome), &gaps),
        is_done => mail.outcome.is_done(),
        is_held => mail.outcome.is_held(),
        words => words.lines,
        words_cut => words.cut,
        place => mail.place.map_or_else(
            || say(language, "mail.confirmation.words", &[]),
            |place| where_it_is_read(place, language),
        ),
        others => (mail.others > 0).then(|| count(mail.others, "unit.inquiry", language)),
        files => (mail.files > 0).then(|| mail.files.to_string()),
        offices => mail.offices.iter().map(|(code, name)| format!("{code}: {}", one_line(name))).collect::<Vec<_>>(),
        commands => if mail.outcome.wants_help() { commands(language) } else { Vec::new() },
    };
    match &mail.about {
        Some(about) => about_inquiry(about, RECALLED, own, language),
        None => Filled {
            subject: say(language, "mail.confirmation.subject", &[]),
            values: context! { said => (), number, ..own },
        },
    }
}

fn approval(mail: &Approval, language: Language) -> Filled {
    let words = quote(&mail.words, QUOTED);
    let own = context! {
        author => one_line(&mail.author),
        words => words.lines,
        words_cut => words.cut,
        place => mail.place.map(|place| where_it_is_read(place, language)),
        proposal => mail.proposal,
    };
    about_inquiry(&mail.about, RECALLED, own, language)
}

/// "Yang dikirim kepada warga (terlihat publik di Facebook):"
fn where_it_is_read(place: Place, language: Language) -> String {
    let platform = word(place.platform, language);
    let key = match place.surface {
        Surface::Comment | Surface::Mention | Surface::Review => "mail.confirmation.public",
        Surface::Direct | Surface::Mail => "mail.confirmation.private",
    };
    say(language, key, &[("platform", platform)])
}

/// What can be done by answering a mail.
fn commands(language: Language) -> Vec<String> {
    const COMMANDS: [&str; 8] = [
        "mail.command.answer",
        "mail.command.question",
        "mail.command.progress",
        "mail.command.in_hand",
        "mail.command.more_time",
        "mail.command.not_ours",
        "mail.command.note",
        "mail.command.settled",
    ];
    COMMANDS.iter().map(|key| say(language, key, &[])).collect()
}

fn moment_if_known(at: Option<Timestamp>, zone: &TimeZone, language: Language) -> String {
    at.map_or_else(|| say(language, "time.never", &[]), |at| moment(at, zone, language))
}

/// "OPD: sedang ditangani, sampai Kamis 26 Nov 2026 10.00 WIB".
fn in_hand(until: Timestamp, note: &str, zone: &TimeZone, language: Language) -> String {
    let said = say(language, "mail.in_hand", &[("until", &moment(until, zone, language))]);
    match one_line(note) {
        empty if empty.is_empty() => said,
        note => format!("{said} {}", mask(&note)),
    }
}

fn digest(mail: &Digest, language: Language) -> Filled {
    let late = mail.lines.iter().filter(|line| line.due_at < mail.now).count();
    let number = |count: usize| whole(i64::try_from(count).unwrap_or(i64::MAX), language);
    let (waiting, late) = (number(mail.lines.len()), number(late));
    let key = if mail.morning { "mail.digest.morning" } else { "mail.digest.subject" };
    let subject = say(language, key, &[("waiting", &waiting), ("late", &late)]);
    let more = mail.lines.len().saturating_sub(LISTED);
    let values = context! {
        waiting,
        late,
        lines => mail.lines.iter().take(LISTED).map(|line| digest_line(line, mail, language)).collect::<Vec<_>>(),
        more => (more > 0).then(|| number(more)),
    };
    Filled { subject, values }
}

fn digest_line(line: &DigestEntry, mail: &Digest, language: Language) -> String {
    let mut said = format!(
        "{}: {} ({}; {})",
        line.number,
        titled(&line.title, language),
        one_line(&line.office),
        time_left(line.due_at, mail.now, language)
    );
    if line.kind == Kind::Emergency {
        said = format!("{}! {said}", word(line.kind, language));
    }
    if let Some(until) = line.in_hand_until.filter(|until| *until > mail.now) {
        said.push_str("; ");
        said.push_str(&say(language, "mail.in_hand", &[("until", &moment(until, &mail.zone, language))]));
    }
    if let Some(link) = line.link.as_deref().and_then(web_address) {
        said.push(' ');
        said.push_str(link);
    }
    said
}

fn weekly(mail: &Weekly, language: Language) -> Filled {
    let office = one_line(&mail.office);
    let day = |at: Timestamp| date(mail.zone.to_datetime(at).date(), language);
    let last = mail.to.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(mail.to);
    let (from, to) = (day(mail.from), day(last));
    let count_of = |number: i64| whole(number, language);
    let mut numbers = vec![
        say(language, "mail.weekly.received", &[("n", &count_of(mail.received))]),
        say(
            language,
            "mail.weekly.moved",
            &[("taken", &count_of(mail.taken_over)), ("handed", &count_of(mail.handed_over))],
        ),
        say(
            language,
            "mail.weekly.answered",
            &[("n", &count_of(mail.answered)), ("on_time", &count_of(mail.on_time))],
        ),
    ];
    if let Some(median) = mail.median_seconds {
        let (span, n) = (working_span(median, language), count_of(mail.answered));
        numbers.push(say(language, "mail.weekly.median", &[("span", &span), ("n", &n)]));
    }
    let subject = say(language, "mail.weekly.subject", &[("office", &office), ("from", &from), ("to", &to)]);
    let values = context! {
        office,
        from,
        to,
        numbers,
        late => mail.late.iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>(),
        more => (mail.late.len() > LISTED).then(|| count_of(i64::try_from(mail.late.len() - LISTED).unwrap_or(0))),
        silent => mail.silent.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", "),
    };
    Filled { subject, values }
}

fn unattended(mail: &Unattended, language: Language) -> Filled {
    let line = |(office, head): &(String, Option<String>)| {
        let (key, head) = match head {
            Some(head) => ("mail.unattended.to_head", one_line(head)),
            None => ("mail.unattended.to_you", String::new()),
        };
        say(language, key, &[("office", &one_line(office)), ("head", &head)])
    };
    let count = whole(i64::try_from(mail.offices.len()).unwrap_or(0), language);
    Filled {
        subject: say(language, "mail.unattended.subject", &[("n", &count)]),
        values: context! { lines => mail.offices.iter().map(line).collect::<Vec<_>>() },
    }
}
