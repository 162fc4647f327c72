//! What a message is: whether it needs somebody, and as what.

use sahut_domain::decision::{Says, Sign, Weighing};
use sahut_domain::inquiry::Kind;

use crate::evidence::{Evidence, LANDMARK, NEAR};
use crate::phrasebook::{Hit, Meaning};
use crate::ruleset::{Input, RuleSet};

/// Points that make an advertisement.
const SPAM: f64 = 3.0;
/// What a word of two alphabets is worth: no citizen writes one by chance, but one alone proves nothing.
const MIXED: f64 = 2.0;
/// Points with which a complaint that names gambling is still a complaint.
const COMPLAINT: f64 = 4.0;
/// Points that make an emergency.
const EMERGENCY: f64 = 3.0;
/// So many words may stand between a danger and what supports it: who is in it, or a call for help.
const REACH: usize = 6;
/// How much more a word of mere talk weighs than one that asks for something.
const IDLE: f64 = 2.0;
/// What laughing is worth, as talk.
const LAUGHTER: f64 = 1.0;
/// What a question mark is worth.
const QUESTION: f64 = 1.0;
/// What a known place is worth: whoever names one mostly wants something done there.
const PLACE: f64 = 2.0;
/// What it is worth that an office is written to about its own duty.
const OWN: f64 = 2.0;
/// What it is worth that a strong phrase of a duty stands right beside what is wrong with it: `pupuk subsidi tidak ada`.
const BESIDE: f64 = 2.0;
/// So many words may stand between the two.
const GAP: usize = 2;
/// So many problems are compared with one phrase, so that time stays in proportion to the text.
const NEIGHBOURS: usize = 4;
/// From so many points a phrase is clear enough to say that.
const CLEAR: f64 = 2.0;
/// As many signs are kept with a decision.
const KEPT_SIGNS: usize = 12;

/// Decides the kind of a message.
pub(crate) fn kind(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Kind {
    if is_spam(rules, evidence) {
        Kind::Spam
    } else if emergency(evidence) >= EMERGENCY {
        Kind::Emergency
    } else {
        Scales::of(rules, input, evidence).kind(input, evidence)
    }
}

/// What told whether a message needs somebody, where that was in doubt.
pub(crate) fn weighing(
    rules: &RuleSet,
    input: &Input<'_>,
    evidence: &Evidence,
    kind: Kind,
) -> Option<Weighing> {
    let settled = matches!(kind, Kind::Spam | Kind::Emergency) || is_formal(input, evidence);
    (!settled).then(|| Scales::of(rules, input, evidence).told(rules, input, evidence))
}

/// What speaks for a message's needing somebody, in points.
struct Scales {
    complaint: f64,
    /// What of it says what the message is, and not only where or since when.
    grievance: f64,
    /// A known place, which counts with a complaint.
    place: f64,
    question: f64,
    aspiration: f64,
    /// The clearest phrase that says whose business it is, by number.
    subject: Option<(usize, f64)>,
    /// For a clear phrase of the duty of the office on whose channel it stands.
    own_duty: f64,
    /// For a strong phrase of a duty right beside what is wrong with it.
    beside: f64,
    /// What speaks against it.
    idle: f64,
    threshold: f64,
}

impl Scales {
    fn of(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Self {
        let clear = |hit: &Hit| {
            let weight = rules.subject_weight(hit.phrase)?;
            let weight = if hit.near { NEAR * weight } else { weight };
            Some((hit.phrase, if evidence.is_likened(hit) { LANDMARK * weight } else { weight }))
        };
        let subject = evidence.hits.iter().rev().filter_map(clear);
        let idle = IDLE * (evidence.kind(Kind::Noise) + laughter(evidence)) + evidence.kind(Kind::Thanks);
        Self {
            complaint: evidence.kind(Kind::Complaint),
            grievance: grievance(evidence),
            place: named_place(rules, evidence),
            question: evidence.kind(Kind::Information) + question_mark(evidence),
            aspiration: evidence.kind(Kind::Aspiration),
            subject: subject.max_by(|a, b| a.1.total_cmp(&b.1)),
            own_duty: own_duty(rules, input, evidence),
            // Beside talk or thanks it may be meant either way.
            beside: if idle > 0.0 { 0.0 } else { beside(rules, evidence) },
            idle,
            threshold: if input.direct { rules.weights.direct } else { rules.weights.open },
        }
    }

    /// Signs of different wishes do not add up: somebody who asks and grumbles a little does neither in earnest.
    fn wish(&self) -> (Kind, f64) {
        let complaint = self.complaint + self.place;
        let wishes = [
            (Kind::Aspiration, self.aspiration),
            (Kind::Information, self.question),
            (Kind::Complaint, complaint),
        ];
        wishes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((Kind::Complaint, complaint))
    }

    fn sum(&self) -> f64 {
        self.wish().1 + self.subject.map_or(0.0, |(_, weight)| weight) + self.own_duty + self.beside
            - self.idle
    }

    fn kind(&self, input: &Input<'_>, evidence: &Evidence) -> Kind {
        if self.sum() < self.threshold && !is_formal(input, evidence) {
            if evidence.kind(Kind::Thanks) > 0.0 { Kind::Thanks } else { Kind::Noise }
        } else if self.question > self.grievance && self.question >= self.aspiration {
            Kind::Information
        } else if self.aspiration > 0.0 && self.aspiration >= self.grievance {
            Kind::Aspiration
        } else {
            Kind::Complaint
        }
    }

    fn told(&self, rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Weighing {
        let (wish, _) = self.wish();
        let phrase = |phrase: usize| rules.book.phrase(phrase).written.clone();
        let found = evidence.kinds.iter().filter_map(|word| {
            let (says, times) = says(word.kind, wish)?;
            Some(Sign { says, phrase: phrase(word.hit.phrase), points: times * word.weight })
        });
        let plain = |says, points| Sign { says, phrase: String::new(), points };
        let others = [
            plain(Says::Question, if wish == Kind::Information { question_mark(evidence) } else { 0.0 }),
            plain(Says::Place, if wish == Kind::Complaint { self.place } else { 0.0 }),
            plain(Says::Laughter, -IDLE * laughter(evidence)),
            plain(Says::OwnDuty, self.own_duty),
            plain(Says::Beside, self.beside),
        ];
        let subject =
            self.subject.map(|(number, points)| Sign { says: Says::Subject, phrase: phrase(number), points });
        // The words come last: there may be too many of them.
        let signs = subject.into_iter().chain(others).chain(found).filter(|sign| sign.points != 0.0);
        let signs = signs.take(KEPT_SIGNS);
        Weighing { signs: signs.collect(), sum: self.sum(), threshold: self.threshold, direct: input.direct }
    }
}

/// What a word of a kind says where one wish is the clearest, and how often its points count.
fn says(kind: Kind, wish: Kind) -> Option<(Says, f64)> {
    match kind {
        Kind::Noise => Some((Says::Talk, -IDLE)),
        Kind::Thanks => Some((Says::Thanks, -1.0)),
        _ if kind != wish => None,
        Kind::Complaint => Some((Says::Complaint, 1.0)),
        Kind::Information => Some((Says::Question, 1.0)),
        Kind::Aspiration => Some((Says::Aspiration, 1.0)),
        Kind::Emergency | Kind::Spam => None,
    }
}

/// Points for an emergency. Of what only supports, the clearest near a danger counts: in a long report somebody is named and
/// something asked anyhow.
fn emergency(evidence: &Evidence) -> f64 {
    let (mut told, mut support) = (0.0, 0.0_f64);
    let (mut last_told, mut last_support) = (None::<usize>, None::<(usize, f64)>);
    for word in evidence.kinds.iter().filter(|word| word.kind == Kind::Emergency) {
        let near = |end: usize| word.hit.start <= end + REACH;
        if word.supports {
            support = if last_told.is_some_and(near) { support.max(word.weight) } else { support };
            last_support = Some((word.hit.end, word.weight));
        } else {
            told += word.weight;
            support =
                last_support.filter(|(end, _)| near(*end)).map_or(support, |(_, weight)| support.max(weight));
            last_told = last_told.max(Some(word.hit.end));
        }
    }
    told + support
}

/// Points for a complaint without those that only say where, when or to whom.
fn grievance(evidence: &Evidence) -> f64 {
    let words = evidence.kinds.iter().filter(|word| word.kind == Kind::Complaint && !word.supports);
    words.map(|word| word.weight).sum()
}

/// Who writes a subject wants something.
fn is_formal(input: &Input<'_>, evidence: &Evidence) -> bool {
    input.subject.is_some() && !evidence.plain.words.is_empty()
}

fn question_mark(evidence: &Evidence) -> f64 {
    if evidence.plain.questions > 0 { QUESTION } else { 0.0 }
}

fn laughter(evidence: &Evidence) -> f64 {
    if evidence.plain.laughs { LAUGHTER } else { 0.0 }
}

/// Points for a clear phrase of the duty of the office on whose channel it stands.
fn own_duty(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> f64 {
    let Some(owner) = rules.owner_seat(input.owner) else { return 0.0 };
    let own = |topic: usize| rules.topics.get(topic).is_some_and(|topic| topic.seat == owner);
    let uses = evidence.hits.iter().flat_map(|hit| &rules.book.phrase(hit.phrase).uses);
    let clear = |(meaning, weight): &(Meaning, f64)| {
        *weight >= CLEAR && matches!(meaning, Meaning::Duty(topic) if own(*topic))
    };
    if uses.into_iter().any(clear) { OWN } else { 0.0 }
}

/// Points for a strong phrase of a duty with what is wrong right beside it, in one sentence.
fn beside(rules: &RuleSet, evidence: &Evidence) -> f64 {
    let mut problems = evidence.kinds.iter().filter(|word| word.beside).map(|word| word.hit).peekable();
    let strong =
        |hit: &&Hit| !hit.near && rules.subject_weight(hit.phrase).is_some_and(|weight| weight > CLEAR);
    for matter in evidence.hits.iter().filter(strong) {
        while problems.next_if(|problem| problem.end + GAP < matter.start).is_some() {}
        let near = problems.clone().take(NEIGHBOURS).filter(|problem| problem.start <= matter.end + GAP);
        let together = |problem: &Hit| {
            let (start, end) = (problem.start.min(matter.start), problem.end.max(matter.end));
            let within = problem.start <= matter.start && matter.end <= problem.end;
            !within && !evidence.plain.is_parted(start, end)
        };
        if near.into_iter().any(|problem| together(&problem)) {
            return BESIDE;
        }
    }
    0.0
}

/// Points for a known place in the text, also one of another government: who asks the wrong one is told so.
fn named_place(rules: &RuleSet, evidence: &Evidence) -> f64 {
    let mut uses = evidence.hits.iter().flat_map(|hit| &rules.book.phrase(hit.phrase).uses);
    if uses.any(|(meaning, _)| matches!(meaning, Meaning::Place(_))) { PLACE } else { 0.0 }
}

/// An advertisement, and not a complaint about one: a complaint lost is worse than an advertisement read.
fn is_spam(rules: &RuleSet, evidence: &Evidence) -> bool {
    let plain = &evidence.plain;
    let spam = evidence.kind(Kind::Spam) + if plain.mixed { MIXED } else { 0.0 };
    let complaint = evidence.kind(Kind::Complaint);
    // Whoever hides words from a word list advertises: a citizen has no reason to.
    let hidden = plain.disguised && rules.disguises.show_in(&plain.text);
    hidden || (spam >= SPAM && complaint < COMPLAINT) || spam >= 2.0 * SPAM + complaint
}

/// The kind after people's decisions on messages like it were heard. An advertisement, an emergency and whoever writes a
/// subject are beyond doubt.
pub(crate) fn corrected(input: &Input<'_>, evidence: &Evidence, kind: Kind, needed: Option<f32>) -> Kind {
    let settled = matches!(kind, Kind::Spam | Kind::Emergency) || input.subject.is_some();
    match needed.filter(|_| !settled) {
        Some(needed) if needed >= 0.5 && !kind.needs_action() => {
            if evidence.plain.questions > 0 {
                Kind::Information
            } else {
                Kind::Complaint
            }
        }
        Some(needed) if needed < 0.5 && kind.needs_action() => Kind::Noise,
        _ => kind,
    }
}
