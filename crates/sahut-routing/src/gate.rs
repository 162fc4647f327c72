//! What a message is: whether it needs somebody, and as what.

use sahut_domain::inquiry::Kind;

use crate::evidence::Evidence;
use crate::ruleset::{Input, RuleSet};

/// Points that make an advertisement.
const SPAM: f64 = 3.0;
/// Points with which a complaint that names gambling is still a complaint.
const COMPLAINT: f64 = 3.0;
/// Points that make an emergency.
const EMERGENCY: f64 = 3.0;
/// Points that make a message one that needs somebody.
const NEEDED: f64 = 2.5;

/// Decides the kind of a message.
pub(crate) fn kind(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Kind {
    let points = |kind| evidence.kind(kind);
    if is_spam(rules, evidence) {
        return Kind::Spam;
    }
    if points(Kind::Emergency) >= EMERGENCY {
        return Kind::Emergency;
    }
    let plain = &evidence.plain;
    let complaint = points(Kind::Complaint);
    let (information, aspiration) = (points(Kind::Information), points(Kind::Aspiration));
    let asked = if plain.questions > 0 { 0.5 } else { 0.0 };
    let subject = evidence.hits.iter().filter_map(|hit| rules.duty_weight(hit.phrase)).fold(0.0, f64::max);
    let idle = points(Kind::Noise) + points(Kind::Thanks);
    let needed = complaint + information + aspiration + asked + subject / 2.0 - idle;
    let formal = input.subject.is_some() && !plain.words.is_empty();
    if needed < NEEDED && !formal {
        return if points(Kind::Thanks) > 0.0 { Kind::Thanks } else { Kind::Noise };
    }
    if information + asked > complaint && information + asked >= aspiration {
        Kind::Information
    } else if aspiration > complaint {
        Kind::Aspiration
    } else {
        Kind::Complaint
    }
}

/// An advertisement, and not a complaint about one: a complaint lost is worse than an advertisement read.
fn is_spam(rules: &RuleSet, evidence: &Evidence) -> bool {
    let (spam, complaint) = (evidence.kind(Kind::Spam), evidence.kind(Kind::Complaint));
    let plain = &evidence.plain;
    // Whoever hides words from a word list advertises: a citizen has no reason to.
    let hidden = plain.disguised && rules.disguises.show_in(&plain.text);
    hidden || (spam >= SPAM && complaint < COMPLAINT) || spam >= 2.0 * SPAM + complaint
}
