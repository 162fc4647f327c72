//! What a message is: whether it needs somebody, and as what.

use sahut_domain::inquiry::Kind;

use crate::evidence::Evidence;
use crate::ruleset::{Input, RuleSet};

/// Points that make spam, less what speaks for a complaint about spam.
const SPAM: f64 = 3.0;
/// Points that make an emergency.
const EMERGENCY: f64 = 3.0;
/// Points that make a message one that needs somebody.
const NEEDED: f64 = 2.5;

/// Decides the kind of a message.
pub(crate) fn kind(rules: &RuleSet, input: &Input<'_>, evidence: &Evidence) -> Kind {
    let points = |kind| evidence.kind(kind);
    let plain = &evidence.plain;
    let complaint = points(Kind::Complaint);
    let mut spam = points(Kind::Spam);
    if plain.disguised {
        // Whoever hides words from a word list advertises: a citizen has no reason to.
        spam += 2.0 * SPAM * f64::from(u8::from(rules.disguises.count(&plain.text) > 0));
    }
    if spam >= SPAM && (complaint < 3.0 || spam >= 2.0 * SPAM + complaint) {
        return Kind::Spam;
    }
    if points(Kind::Emergency) >= EMERGENCY {
        return Kind::Emergency;
    }
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
