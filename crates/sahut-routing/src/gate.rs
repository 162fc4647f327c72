//! What a message is: whether it needs somebody, and as what.

use sahut_domain::inquiry::Kind;

use crate::evidence::Evidence;
use crate::phrasebook::Meaning;
use crate::ruleset::{Input, RuleSet};

/// Points that make an advertisement.
const SPAM: f64 = 3.0;
/// Points with which a complaint that names gambling is still a complaint.
const COMPLAINT: f64 = 4.0;
/// Points that make an emergency.
const EMERGENCY: f64 = 3.0;
/// How much more a word of mere talk weighs than one that asks for something.
const IDLE: f64 = 2.0;
/// What laughing is worth, as talk.
const LAUGHTER: f64 = 1.0;
/// What a question mark is worth.
const QUESTION: f64 = 0.5;
/// What a place of the regency is worth: whoever names one mostly wants something done there.
const PLACE: f64 = 2.0;
/// What it is worth that an office is written to about its own duty.
const OWN: f64 = 2.0;
/// From so many points a phrase is clear enough to say that.
const CLEAR: f64 = 2.0;

/// Decides the kind of a message.
pub(crate) fn kind(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Kind {
    let points = |kind| evidence.kind(kind);
    if is_spam(rules, evidence) {
        return Kind::Spam;
    }
    if points(Kind::Emergency) >= EMERGENCY {
        return Kind::Emergency;
    }
    let asked = if evidence.plain.questions > 0 { QUESTION } else { 0.0 };
    let (complaint, question) = (points(Kind::Complaint), points(Kind::Information) + asked);
    let aspiration = points(Kind::Aspiration);
    // Signs of different wishes do not add up: somebody who asks and grumbles a little does neither in earnest.
    let wish = (complaint + named_place(rules, evidence)).max(question).max(aspiration);
    let open = if input.direct { rules.weights.direct } else { rules.weights.open };
    let formal = input.subject.is_some() && !evidence.plain.words.is_empty();
    if wish + subject(rules, input, evidence) - idle(evidence) < open && !formal {
        return if points(Kind::Thanks) > 0.0 { Kind::Thanks } else { Kind::Noise };
    }
    if question > complaint && question >= aspiration {
        Kind::Information
    } else if aspiration > 0.0 && aspiration >= complaint {
        Kind::Aspiration
    } else {
        Kind::Complaint
    }
}

/// Points for mere talk.
fn idle(evidence: &Evidence) -> f64 {
    let laughter = if evidence.plain.laughs { LAUGHTER } else { 0.0 };
    IDLE * (evidence.kind(Kind::Noise) + laughter) + evidence.kind(Kind::Thanks)
}

/// Points for the clearest phrase that says whose business it is.
fn subject(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> f64 {
    let clearest =
        evidence.hits.iter().filter_map(|hit| rules.subject_weight(hit.phrase)).fold(0.0, f64::max);
    clearest + own_duty(rules, input, evidence)
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

/// Points for a place of the regency in the text.
fn named_place(rules: &RuleSet, evidence: &Evidence) -> f64 {
    let uses = evidence.hits.iter().flat_map(|hit| &rules.book.phrase(hit.phrase).uses);
    let ours = |meaning: &Meaning| matches!(meaning, Meaning::Place(place) if rules.is_ours(*place));
    if uses.into_iter().any(|(meaning, _)| ours(meaning)) { PLACE } else { 0.0 }
}

/// An advertisement, and not a complaint about one: a complaint lost is worse than an advertisement read.
fn is_spam(rules: &RuleSet, evidence: &Evidence) -> bool {
    let (spam, complaint) = (evidence.kind(Kind::Spam), evidence.kind(Kind::Complaint));
    let plain = &evidence.plain;
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
