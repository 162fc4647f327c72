//! Facts into the words that a page's gaps want.

use jiff::Timestamp;
use minijinja::{Value, context};
use sahut_domain::Language;
use sahut_domain::inquiry::{Kind, State};
use sahut_domain::mask::mask;
use sahut_domain::message::{Surface, Visibility};
use sahut_domain::reply::{Intent, Limit};

use super::context::{
    Act, Deed, Done, Forms, Given, InHand, InquiryPage, Page, PostShown, Problem, Refusal, Said, Stay,
};
use crate::catalogue::say;
use crate::explain::{deadline_words, due_words};
use crate::format::{count, moment, time_left, whole, working_span};
use crate::tame::{one_line, quote, web_address};
use crate::words::{Spoken as _, word};

/// Most of one message, in characters.
const MESSAGE: usize = 2000;

/// Most of a post, and of what others wrote.
const POST: usize = 500;

/// What an answer may be meant for, on the page.
const INTENTS: [Intent; 3] = [Intent::Answer, Intent::Question, Intent::Progress];

impl Page {
    pub(super) fn fill(&self, language: Language) -> Value {
        match self {
            Self::Inquiry(page) => inquiry(page, language),
            Self::Done(page) => done(page, language),
            Self::Refusal(refusal) => self::refusal(refusal, language),
        }
    }
}

fn inquiry(page: &InquiryPage, language: Language) -> Value {
    let number = page.number.to_string();
    let title = match one_line(&page.title) {
        empty if empty.is_empty() => say(language, "mail.no_title", &[]),
        title => title,
    };
    let at = |at: Timestamp| moment(at, &page.zone, language);
    let open = page.state == State::Open;
    let problem = page.forms.problem.as_ref();
    let problem = problem.map(|(_, problem)| problem_words(problem, page, language));
    let known = page.promise.as_ref();
    context! {
        title => match &problem {
            Some(_) => say(language, "page.problem.title", &[("title", &title)]),
            None => format!("{number} {title}"),
        },
        number,
        heading => title,
        office => one_line(&page.office),
        kind => word(page.kind, language),
        state => word(page.state, language),
        emergency => page.kind == Kind::Emergency,
        person => one_line(&page.person),
        channel => one_line(&page.channel),
        public => matches!(page.surface, Surface::Comment | Surface::Mention | Surface::Review),
        open,
        due => known.filter(|_| open).map(|promise| due_words(promise, language)),
        left => known.filter(|_| open).map(|promise| time_left(promise.due.at, page.now, language)),
        late => open && known.is_some_and(|promise| promise.due.at < page.now),
        why_due => known.map(|promise| deadline_words(promise, language)),
        post => page.post.as_ref().map(|post| post_words(post, page, language)),
        thread => page.thread.iter().map(|said| said_words(said, page, language)).collect::<Vec<_>>(),
        left_out => (page.left_out > 0).then(|| whole(i64::try_from(page.left_out).unwrap_or(i64::MAX), language)),
        reason => one_line(&page.reason),
        tell => page.tell.as_deref().map(one_line),
        together => page.together.as_ref().map(|(incident, open)| context! {
            incident => incident.to_string(),
            count => count(*open, "unit.inquiry", language),
        }),
        in_hand => page.in_hand.as_ref().map(|in_hand| until_words(in_hand, &at)),
        asked => page.asked.as_ref().map(|asked| until_words(asked, &at)),
        replies => page.replies.iter().map(|given| given_words(given, &at, language)).collect::<Vec<_>>(),
        deeds => page.deeds.iter().map(|deed| deed_words(deed, page, language)).collect::<Vec<_>>(),
        stays => page.stays.iter().map(|stay| stay_words(stay, language)).collect::<Vec<_>>(),
        problem,
        wrong => page.forms.problem.as_ref().map(|(act, _)| act.as_str()),
        checked_at => at(page.now),
        ..forms(page, language)
    }
}

fn forms(page: &InquiryPage, language: Language) -> Value {
    let forms: &Forms = &page.forms;
    let moments = |moments: &[Timestamp]| -> Vec<Value> {
        let choice = |at: &Timestamp| {
            let value = at.as_second().to_string();
            context! { chosen => value == forms.filled.until, value, words => moment(*at, &page.zone, language) }
        };
        moments.iter().map(choice).collect()
    };
    let office = |(code, name): &(String, String)| {
        context! { chosen => *code == forms.filled.office, code => code.as_str(), name => one_line(name) }
    };
    let intent = |intent: &Intent| {
        let chosen = forms.filled.intent.unwrap_or(Intent::Answer) == *intent;
        context! { value => intent.stored(), words => word(*intent, language), chosen }
    };
    let closed = forms.limit.as_ref().filter(|limit| !matches!(limit, Limit::Length { .. }));
    let length = forms.limit.as_ref().filter(|limit| matches!(limit, Limit::Length { .. }));
    let acts: Vec<&str> = forms
        .acts
        .iter()
        .filter(|act| **act != Act::Answer || closed.is_none())
        .map(|act| act.as_str())
        .collect();
    context! {
        action => forms.action.as_str(),
        key => forms.key.as_str(),
        version => forms.version,
        acts,
        opened => forms.opened.as_str(),
        most => length.map(|limit| limit_words(limit, language)),
        closed => closed
            .filter(|_| forms.acts.contains(&Act::Answer))
            .map(|limit| limit_words(limit, language)),
        offices => forms.offices.iter().map(office).collect::<Vec<_>>(),
        until => moments(&forms.until),
        more => moments(&forms.more),
        intents => INTENTS.iter().map(intent).collect::<Vec<_>>(),
        decides => one_line(&forms.decides),
        is_deciding => forms.is_deciding,
        bound => forms.bound,
        text => forms.filled.text.as_str(),
    }
}

fn post_words(post: &PostShown, page: &InquiryPage, language: Language) -> Value {
    let quotation = quote(&post.text, POST);
    context! {
        at => moment(post.at, &page.zone, language),
        lines => quotation.lines,
        cut => quotation.cut,
        permalink => post.permalink.as_deref().and_then(web_address),
    }
}

fn said_words(said: &Said, page: &InquiryPage, language: Language) -> Value {
    let quotation = quote(&said.text, MESSAGE);
    let citizen = match mask(&one_line(&page.citizen)) {
        empty if empty.is_empty() => say(language, "page.citizen", &[]),
        citizen => citizen,
    };
    context! {
        own => said.own,
        who => if said.own { one_line(&page.channel) } else { citizen },
        at => moment(said.at, &page.zone, language),
        lines => quotation.lines,
        cut => quotation.cut,
        edited => said.edited,
        gone => said.visibility != Visibility::Shown,
        permalink => said.permalink.as_deref().and_then(web_address),
    }
}

fn until_words(held: &InHand, at: &impl Fn(Timestamp) -> String) -> Value {
    context! { until => at(held.until), by => one_line(&held.by), words => mask(&one_line(&held.words)) }
}

fn given_words(given: &Given, at: &impl Fn(Timestamp) -> String, language: Language) -> Value {
    let quotation = quote(&given.text, POST);
    context! {
        lines => quotation.lines,
        cut => quotation.cut,
        by => one_line(&given.by),
        at => at(given.at),
        state => word(given.state, language),
        error => given.error.as_deref().map(|error| mask(&one_line(error))),
    }
}

fn deed_words(deed: &Deed, page: &InquiryPage, language: Language) -> Value {
    context! {
        at => moment(deed.at, &page.zone, language),
        what => word(deed.kind, language),
        by => deed.by.as_deref().map(one_line),
        moved => deed.moved.as_ref().map(|(from, to)| format!("{} → {}", one_line(from), one_line(to))),
        until => deed.until.map(|until| moment(until, &page.zone, language)),
        lines => deed.words.as_deref().map(|words| quote(words, POST).lines).unwrap_or_default(),
    }
}

fn stay_words(stay: &Stay, language: Language) -> Value {
    context! { office => one_line(&stay.office), time => working_span(stay.seconds, language) }
}

fn problem_words(problem: &Problem, page: &InquiryPage, language: Language) -> String {
    match problem {
        Problem::Changed(Some(deed)) => {
            let by = deed.by.as_deref().map_or_else(|| "Sahut".to_owned(), one_line);
            let (at, what) = (moment(deed.at, &page.zone, language), word(deed.kind, language));
            say(language, "page.problem.changed", &[("what", what), ("by", &by), ("at", &at)])
        }
        Problem::Changed(None) => say(language, "page.problem.changed_somehow", &[]),
        Problem::NoWords => say(language, "page.problem.no_words", &[]),
        Problem::Quoted => say(language, "page.problem.quoted", &[]),
        Problem::TooMany(most) => {
            let most = whole(i64::try_from(*most).unwrap_or(i64::MAX), language);
            say(language, "page.problem.too_many", &[("most", &most)])
        }
        Problem::NoMoment => say(language, "page.problem.no_moment", &[]),
        Problem::NoOffice => say(language, "page.problem.no_office", &[]),
        Problem::Limit(limit) => over_limit(limit, language),
        Problem::Unanswerable => say(language, "page.problem.unanswerable", &[]),
        Problem::Unfit => say(language, "page.problem.unfit", &[]),
    }
}

fn limit_words(limit: &Limit, language: Language) -> String {
    match limit {
        Limit::Length { platform, unit, most, .. } => {
            let most = whole(i64::try_from(*most).unwrap_or(i64::MAX), language);
            let unit = unit_words(unit, language);
            say(language, "page.limit.length", &[("platform", platform), ("most", &most), ("unit", &unit)])
        }
        Limit::Window { .. } => say(language, "page.limit.window", &[]),
        Limit::NotAnswerable(_) => say(language, "page.limit.never", &[]),
    }
}

fn over_limit(limit: &Limit, language: Language) -> String {
    let Limit::Length { unit, has, .. } = limit else { return limit_words(limit, language) };
    let has = whole(i64::try_from(*has).unwrap_or(i64::MAX), language);
    let (unit, most) = (unit_words(unit, language), limit_words(limit, language));
    say(language, "page.limit.over", &[("has", &has), ("unit", &unit), ("most", &most)])
}

fn unit_words(unit: &str, language: Language) -> String {
    let key = if unit == "bytes" { "page.limit.bytes" } else { "page.limit.characters" };
    say(language, key, &[])
}

fn done(page: &Done, language: Language) -> Value {
    let key = match page.act {
        Act::Answer if page.waits_for.is_some() => "page.done.proposed",
        Act::Answer => "page.done.answer",
        Act::InHand => "page.done.in_hand",
        Act::MoreTime => "page.done.more_time",
        Act::NotOurs => "page.done.not_ours",
        Act::Note => "page.done.note",
        Act::Settle => "page.done.settle",
    };
    let office = one_line(&page.office);
    let approver = one_line(page.waits_for.as_deref().unwrap_or_default());
    context! {
        title => say(language, "page.done.title", &[("number", &page.number.to_string())]),
        number => page.number.to_string(),
        words => say(language, key, &[("office", &office), ("approver", &approver)]),
        at => moment(page.at, &page.zone, language),
        back => page.back.as_deref(),
    }
}

fn refusal(refusal: &Refusal, language: Language) -> Value {
    let sentence = |part: &str| {
        let (number, office) = match refusal {
            Refusal::Moved(number, office) => (number.to_string(), one_line(office)),
            _ => Default::default(),
        };
        say(
            language,
            &format!("refusal.{}.{part}", refusal.name()),
            &[("number", &number), ("office", &office)],
        )
    };
    context! { title => sentence("title"), words => sentence("words"), next => sentence("next") }
}
