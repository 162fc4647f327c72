//! Phrases that stand in the rules and can never count, because the conditions of their topic cannot be met.

use sahut_domain::inquiry::Kind;

use crate::file::Topic;
use crate::problem::Problems;
use crate::section::Said;

/// Warns of every phrase of a topic that its own conditions make impossible. `plain` reads a phrase as texts are read;
/// `is_outside` says whether a place belongs to another government.
pub(crate) fn warn(
    topic: &Topic,
    plain: &mut dyn FnMut(&str) -> String,
    is_outside: &dyn Fn(&str) -> bool,
    problems: &mut Problems,
) {
    for phrase in topic.phrases.weighted().map(|(phrase, _)| phrase) {
        if let Some(why) = silenced(phrase, &topic.excludes, plain) {
            problems.warn(&phrase.at, never(phrase), why, "take out the phrase, or narrow `excludes`");
        }
    }
    let Some(first) = topic.phrases.weighted().map(|(phrase, _)| phrase).next() else { return };
    let never = format!("no phrase of the topic `{}` can ever count", topic.name.text);
    let kinds: Vec<Option<Kind>> = topic.kinds.iter().map(|kind| kind.text.parse().ok()).collect();
    if !kinds.is_empty() && kinds.iter().all(|kind| kind.is_some_and(|kind| !kind.needs_action())) {
        let help = "name a kind that needs somebody, or leave `kinds` out";
        problems.warn(&first.at, &never, "its `kinds` go to no office", help);
    }
    if !topic.requires.is_empty()
        && topic.requires.iter().all(|required| silenced(required, &topic.excludes, plain).is_some())
    {
        let help = "narrow `excludes`, or require something else";
        problems.warn(&first.at, &never, "whatever it requires is excluded too", help);
    }
    if !topic.places.is_empty() && topic.places.iter().all(|place| is_outside(&place.text)) {
        let help = "name a place of the regency, or leave `places` out";
        problems.warn(&first.at, &never, "its `places` belong to another government", help);
    }
}

/// By which word that silences its topic a phrase is silenced: one that it holds.
fn silenced(phrase: &Said, excludes: &[Said], plain: &mut dyn FnMut(&str) -> String) -> Option<String> {
    let written = format!(" {} ", plain(&phrase.text));
    let by = excludes.iter().find(|exclude| written.contains(&format!(" {} ", plain(&exclude.text))))?;
    Some(format!("its topic excludes `{}`", by.text))
}

fn never(phrase: &Said) -> String {
    format!("the phrase `{}` can never count", phrase.text)
}
