//! What people call the states and kinds that the program stores as one English word each.

use sahut_domain::Language;
use sahut_domain::channel::{Ailment, ChannelState, Platform};
use sahut_domain::deadline::{DeadlineKind, DeadlineState, ExtensionState, MoveReason};
use sahut_domain::decision::{Basis, Doubt, Manner};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{Closing, Kind, Priority, State};
use sahut_domain::letter::{LetterState, Outcome};
use sahut_domain::message::Surface;
use sahut_domain::office::{OfficeKind, Role};
use sahut_domain::reply::{Intent, ReplyState};
use sahut_domain::segments::Pause;
use sahut_domain::work::WorkState;

use crate::catalogue::{pattern, say};
use crate::format::whole;

/// A closed set of stored words that people read in their own language.
pub trait Spoken: Copy + 'static {
    /// Name of the set in the catalogue.
    const SET: &'static str;
    /// Every word of the set.
    const ALL: &'static [Self];

    /// The word as it is stored.
    fn stored(self) -> &'static str;
}

/// What people call it: `word(State::Open, Language::Indonesian)` is "Belum ditanggapi".
pub fn word<W: Spoken>(word: W, language: Language) -> &'static str {
    let key = format!("word.{}.{}", W::SET, word.stored());
    pattern(language, &key).unwrap_or(word.stored())
}

/// What helps against an ailment of a channel, in one sentence for the person who can do it.
pub fn advice(ailment: Ailment, language: Language) -> &'static str {
    pattern(language, &format!("advice.{}", ailment.as_str())).unwrap_or(ailment.as_str())
}

/// How much too long an answer is: "1.250 huruf, paling banyak 1.000".
pub fn too_long(has: usize, most: usize, language: Language) -> String {
    let number = |count: usize| whole(i64::try_from(count).unwrap_or(i64::MAX), language);
    say(language, "mail.confirmation.limit", &[("has", &number(has)), ("most", &number(most))])
}

macro_rules! spoken {
    ($($set:ident as $name:literal,)+) => {$(
        impl Spoken for $set {
            const SET: &'static str = $name;
            const ALL: &'static [Self] = $set::ALL;

            fn stored(self) -> &'static str {
                self.as_str()
            }
        }
    )+};
}

spoken! {
    State as "state",
    Kind as "kind",
    Priority as "priority",
    DeadlineKind as "deadline",
    DeadlineState as "deadline_state",
    Pause as "pause",
    MoveReason as "move",
    Platform as "platform",
    ChannelState as "channel_state",
    Ailment as "ailment",
    Surface as "surface",
    Basis as "basis",
    Doubt as "doubt",
    Manner as "manner",
    ReplyState as "reply_state",
    WorkState as "work_state",
    OfficeKind as "office_kind",
    EventKind as "event",
    Role as "role",
    Intent as "intent",
    Closing as "closing",
    ExtensionState as "extension",
    LetterState as "letter_state",
    Outcome as "letter",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalogue::keys_under;

    fn keys<W: Spoken>() -> Vec<String> {
        W::ALL.iter().map(|one| format!("word.{}.{}", W::SET, one.stored())).collect()
    }

    #[test]
    fn the_catalogue_holds_every_stored_word_and_no_other() {
        let words: BTreeSet<String> = [
            keys::<State>(),
            keys::<Kind>(),
            keys::<Priority>(),
            keys::<DeadlineKind>(),
            keys::<DeadlineState>(),
            keys::<Pause>(),
            keys::<MoveReason>(),
            keys::<Platform>(),
            keys::<ChannelState>(),
            keys::<Ailment>(),
            keys::<Surface>(),
            keys::<Basis>(),
            keys::<Doubt>(),
            keys::<Manner>(),
            keys::<ReplyState>(),
            keys::<WorkState>(),
            keys::<OfficeKind>(),
            keys::<EventKind>(),
            keys::<Role>(),
            keys::<Intent>(),
            keys::<Closing>(),
            keys::<ExtensionState>(),
            keys::<LetterState>(),
            keys::<Outcome>(),
            Ailment::ALL.iter().map(|ailment| format!("advice.{ailment}")).collect(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let known = keys_under(&["word.", "advice."]);
        assert_eq!(words, known);
    }

    #[test]
    fn every_outcome_that_is_told_has_its_sentence() {
        use sahut_domain::letter::Outcome::{self, Automatic, Bounced, Delayed, Dropped, Stranger};
        let silent = [Automatic, Bounced, Delayed, Dropped, Stranger];
        let told = Outcome::ALL.iter().filter(|outcome| !silent.contains(outcome));
        let told: BTreeSet<String> = told.map(|outcome| format!("outcome.{outcome}")).collect();
        assert_eq!(told, keys_under(&["outcome."]));
    }

    #[test]
    fn offices_read_their_own_words() {
        assert_eq!(word(State::Open, Language::Indonesian), "Belum ditanggapi");
        assert_eq!(word(Kind::Complaint, Language::English), "Complaint");
    }
}
