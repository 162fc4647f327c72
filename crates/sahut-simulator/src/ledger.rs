//! The simulator's own truth, to hold a client against: what exists, what it was shown, what it had accepted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sahut_domain::channel::Platform;
use sahut_domain::message::Surface;
use serde::Serialize;

use crate::moods::Mood;

/// Everything that was written, served and accepted. Identifiers are the ones a message is stored under: Telegram's
/// are `chat_id:message_id` and unique within their bot only, so everything is keyed by account and identifier.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Ledger {
    /// Every message of a citizen.
    pub written: Vec<Written>,
    /// Every comment, message and deletion that a client had done here.
    pub accepted: Vec<Accepted>,
    /// Calls answered, by account; refused and broken ones count as well.
    pub calls: BTreeMap<String, u64>,
    #[serde(skip)]
    index: BTreeMap<(String, String), usize>,
}

/// A message of a citizen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The account (page, Instagram account, bot) that can read it.
    pub account: String,
    /// Its platform.
    pub platform: Platform,
    /// Where it stands.
    pub surface: Surface,
    /// Its identifier.
    pub id: String,
    /// The post, conversation or chat that it stands in.
    pub place: String,
    /// The citizen's handle.
    pub handle: String,
    /// The words as they are now.
    pub text: String,
    /// When it was written, by the platform's clock.
    pub at: Timestamp,
    /// Whether the platform would still show it.
    pub state: State,
    /// How often its words stood in a well-formed answer that was sent whole.
    pub served: u32,
}

/// Whether the platform would still show a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Whoever asks rightly gets it.
    Shown,
    /// Hidden by the office or the platform.
    Hidden,
    /// Deleted by its author or by the office.
    Deleted,
    /// Not fetched in the time that the platform keeps it.
    Expired,
}

/// Something that a client had done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The account that did it.
    pub account: String,
    /// What was done, such as `comment`, `message`, `hide`.
    pub deed: String,
    /// What it was done to: the post, comment, citizen or chat.
    pub target: String,
    /// The words, where there are any.
    pub text: String,
    /// The identifier of what came of it.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Whether the client was told: false when the answer got lost.
    pub answered: bool,
}

impl Ledger {
    /// What a complete reader of this account must know: all that is shown now and all that it was ever shown. A
    /// mention is only known where it was pushed, so it counts from then on.
    pub fn must_be_known<'a>(&'a self, account: &'a str) -> BTreeSet<&'a str> {
        let due = |line: &&Written| {
            line.served > 0 || (line.state == State::Shown && line.surface != Surface::Mention)
        };
        self.of(account).filter(due).map(|line| line.id.as_str()).collect()
    }

    /// What was shown to readers of this account at least once.
    pub fn served<'a>(&'a self, account: &'a str) -> BTreeSet<&'a str> {
        self.of(account).filter(|line| line.served > 0).map(|line| line.id.as_str()).collect()
    }

    /// All messages of one account, in the order of writing.
    pub fn of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Written> {
        self.written.iter().filter(move |line| line.account == account)
    }

    /// One message.
    pub fn find(&self, account: &str, id: &str) -> Option<&Written> {
        let at = *self.index.get(&(account.to_owned(), id.to_owned()))?;
        self.written.get(at)
    }

    /// Words that were accepted more than once for the same target, with their number. Empty when all is well.
    pub fn double_posts(&self) -> Vec<(&Accepted, usize)> {
        let mut counts: BTreeMap<(&str, &str, &str), (&Accepted, usize)> = BTreeMap::new();
        for line in self.accepted.iter().filter(|line| !line.text.is_empty()) {
            counts.entry((&line.account, &line.target, &line.text)).or_insert((line, 0)).1 += 1;
        }
        counts.into_values().filter(|(_, count)| *count > 1).collect()
    }

    pub(crate) fn write(&mut self, line: Written) {
        self.index.insert((line.account.clone(), line.id.clone()), self.written.len());
        self.written.push(line);
    }

    pub(crate) fn change(&mut self, account: &str, id: &str, change: impl FnOnce(&mut Written)) {
        let at = self.index.get(&(account.to_owned(), id.to_owned()));
        if let Some(line) = at.and_then(|at| self.written.get_mut(*at)) {
            change(line);
        }
    }

    /// Counts messages, by account and identifier, whose words were shown.
    pub(crate) fn serve(&mut self, shown: &[(String, String)]) {
        for (account, id) in shown {
            self.change(account, id, |line| line.served += 1);
        }
    }

    /// Notes whether the client is told what it had done since there were so many lines.
    pub(crate) fn tell(&mut self, since: usize, mood: Mood) {
        self.accepted.iter_mut().skip(since).for_each(|line| line.answered = mood.answers());
    }
}
