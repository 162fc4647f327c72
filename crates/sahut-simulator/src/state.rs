//! All that the simulator holds, behind one lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sahut_domain::{Chance, Clock};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::call::Call;
use crate::courier::Parcel;
use crate::ledger::Ledger;
use crate::meta::{Account, Comment, Conversation, Letter, Pace, Post, Token};
use crate::moods::{Limits, Mood, Moods};
use crate::server::Answer;

/// Something that the simulator does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the simulator has no {what} {id:?}")]
pub struct Unknown {
    what: &'static str,
    id: String,
}

impl Unknown {
    pub(crate) fn new(what: &'static str, id: impl Into<String>) -> Self {
        Self { what, id: id.into() }
    }
}

/// An invented citizen, the same on every platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Citizen {
    /// Handle and display name, such as `warga_0123`.
    pub handle: String,
    /// Identifier on Facebook and Instagram.
    pub meta_id: String,
    /// Identifier on Telegram, also of the private chat with a bot.
    pub telegram_id: i64,
}

/// The Meta app that tokens belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct App {
    /// Its identifier.
    pub id: String,
    /// Its secret: signs the webhooks.
    pub secret: String,
}

pub(crate) struct State {
    pub(crate) clock: Clock,
    /// Identifiers and tokens come from here; moods do not, so that a moody run has the same identifiers as a calm one.
    pub(crate) ids: Chance,
    pub(crate) seed: u64,
    pub(crate) moods: Moods,
    pub(crate) limits: Limits,
    /// Moods for the next calls that fit: a part of `METHOD /path`, and the mood.
    pub(crate) scripted: Vec<(String, Mood)>,
    /// One generator for each caller, so that callers at the same time do not change each other's luck.
    tempers: HashMap<String, Chance>,
    /// Where the simulator listens, without a slash at the end.
    pub(crate) url: String,
    pub(crate) app: App,
    pub(crate) citizens: BTreeMap<String, Citizen>,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Pages of each user.
    pub(crate) users: BTreeMap<String, Vec<String>>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) posts: HashMap<String, Post>,
    pub(crate) comments: HashMap<String, Comment>,
    pub(crate) conversations: HashMap<String, Conversation>,
    /// Conversations by account and citizen.
    pub(crate) talks: HashMap<(String, String), String>,
    pub(crate) letters: HashMap<String, Letter>,
    pub(crate) paces: HashMap<String, Pace>,
    /// Bots by their token.
    pub(crate) bots: BTreeMap<String, Bot>,
    pub(crate) ledger: Ledger,
    /// Where Meta's webhooks go.
    pub(crate) webhook: Option<String>,
    pub(crate) outbox: VecDeque<Parcel>,
}

impl State {
    pub(crate) fn new(seed: u64, moods: Moods, limits: Limits, clock: Clock, url: String) -> Self {
        let mut state = Self {
            clock,
            ids: Chance::seeded(seed),
            seed,
            moods,
            limits,
            scripted: Vec::new(),
            tempers: HashMap::new(),
            url,
            app: App { id: String::new(), secret: String::new() },
            citizens: BTreeMap::new(),
            accounts: BTreeMap::new(),
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            posts: HashMap::new(),
            comments: HashMap::new(),
            conversations: HashMap::new(),
            talks: HashMap::new(),
            letters: HashMap::new(),
            paces: HashMap::new(),
            bots: BTreeMap::new(),
            ledger: Ledger::default(),
            webhook: None,
            outbox: VecDeque::new(),
        };
        state.app = App { id: state.digits("7", 15), secret: state.hex(32) };
        state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The mood for this call: a scripted one that fits, else one by chance.
    pub(crate) fn mood(&mut self, call: &Call) -> Mood {
        let line = format!("{} /{}", call.method, call.path);
        if let Some(at) = self.scripted.iter().position(|(part, _)| line.contains(part.as_str())) {
            return self.scripted.remove(at).1;
        }
        let chance = self.temper(call.caller());
        self.moods.draw(&chance)
    }

    /// Counts a call, and what was shown by it if the answer gets through.
    pub(crate) fn settle(&mut self, answer: &Answer, mood: Mood) {
        *self.ledger.calls.entry(answer.account.clone()).or_default() += 1;
        if mood.answers() {
            self.ledger.serve(&answer.shown);
        }
    }

    /// The generator of one caller.
    pub(crate) fn temper(&mut self, caller: &str) -> Chance {
        if let Some(chance) = self.tempers.get(caller) {
            return chance.clone();
        }
        let own = caller.bytes().fold(self.seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let chance = Chance::seeded(own);
        self.tempers.insert(caller.to_owned(), chance.clone());
        chance
    }

    pub(crate) fn citizen(&mut self, handle: &str) -> Citizen {
        if let Some(citizen) = self.citizens.get(handle) {
            return citizen.clone();
        }
        let citizen = Citizen {
            handle: handle.to_owned(),
            meta_id: self.digits("2", 17),
            // More than 32 and at most 52 significant bits, as Telegram says of its identifiers.
            telegram_id: 5_000_000_000 + i64::try_from(self.ids.below(4_000_000_000)).unwrap_or(0),
        };
        self.citizens.insert(handle.to_owned(), citizen.clone());
        citizen
    }

    /// A number as text that begins so and has so many digits.
    pub(crate) fn digits(&self, start: &str, length: usize) -> String {
        self.random(start, length, b"0123456789")
    }

    pub(crate) fn letters(&self, length: usize) -> String {
        self.random("", length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    }

    pub(crate) fn hex(&self, length: usize) -> String {
        self.random("", length, b"0123456789abcdef")
    }

    fn random(&self, start: &str, length: usize, alphabet: &[u8]) -> String {
        let mut text = start.to_owned();
        while text.len() < length {
            let at = usize::try_from(self.ids.below(alphabet.len() as u64)).unwrap_or(0);
            text.extend(alphabet.get(at).map(|letter| char::from(*letter)));
        }
        text
    }
}

/// The state with what wakes those who wait for it.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something was written: long polls and the courier look again.
    pub(crate) stirred: Notify,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(state: State, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), stirred: Notify::new(), stop })
    }

    /// The state, for a short while. A test that died while it held the lock does not take the others with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
