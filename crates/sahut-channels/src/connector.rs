//! The one trait that all platforms are reached through.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::message::{Author, Item, Post, Surface};
pub use sahut_domain::reply::Limit;
use thiserror::Error;

use crate::{NotSent, Trouble};

/// What one platform can do. See the crate's page for what a connector never does.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The feeds that every channel of this platform has, such as the update queue, or the list of posts. Feeds that
    /// hang under something that is found while reading (comments of one post) are announced in [`Page::feeds`].
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)>;

    /// Names of the budgets that this channel shares with others, such as `app:1234`: while one of them is blocked
    /// ([`crate::Scope::Shared`]), none of its channels is read.
    fn budgets(&self) -> Vec<String> {
        Vec::new()
    }

    /// The shortest time between two calls for this feed and others like it, where the platform has a limit for them
    /// that is narrower than its usual ones.
    fn pace(&self, _feed: &str) -> Duration {
        Duration::ZERO
    }

    /// Proves that the credentials work and says whose account it is.
    async fn identify(&self) -> Result<Identity, Trouble>;

    /// Asks for one page of one feed.
    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble>;

    /// Reads the payload of an item that was set apart once more ([`BadItem::raw`]), since a mended reader may understand
    /// it. `None`: the payload does not say enough by itself; the platform shows the item again when the feeds are walked
    /// to their ends.
    fn read_again(&self, _raw: &[u8], _first_seen_at: Timestamp) -> Option<Page> {
        None
    }

    /// Holds a reply against the platform's limits: length in its own unit, windows, who may be answered. `now` is the
    /// moment of sending.
    fn check(&self, reply: &Outgoing, now: Timestamp) -> Result<(), Limit>;

    /// The longest time that [`Connector::send`] may take: for so long nobody else touches the reply, and after it nobody
    /// knows what became of it.
    fn longest_send(&self) -> Duration {
        Duration::from_secs(90)
    }

    /// Sends a reply once. `now` is the moment of sending: signatures and "come back in N seconds" are counted from it.
    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent>;

    /// Looks for a reply whose outcome is unknown among what the account has written since `reply.first_attempt_at`.
    /// `Ok(None)` is a promise that it is not there; where a platform cannot tell, [`NotSent::Uncertain`] is answered
    /// and a person is asked.
    async fn look_up(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent>;

    /// The push side, where the platform has one.
    fn push(&self) -> Option<&dyn Push> {
        None
    }
}

/// What a platform delivers by itself (webhooks). The door calls [`Push::admit`] on the raw bytes, commits the
/// delivery, and only then answers; the stored delivery is read later.
pub trait Push: Send + Sync {
    /// Answers the platform's test of the address (a GET with a challenge): the body to send back.
    fn challenge(&self, query: &[(String, String)]) -> Result<String, PushRefused>;

    /// Verifies signature and age of a delivery over its raw bytes, in constant time. `header` finds a header's value
    /// by its lower-case name.
    fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Delivery, PushRefused>;

    /// Whether an account that a delivery tells of ([`Delivery::accounts`]) is this channel's.
    fn owns(&self, _account: &str) -> bool {
        false
    }

    /// Reads a delivery that was admitted before, as far as it tells of this channel's account. What it holds comes back as a page; a delivery that is only a
    /// wake-up gives an empty page with the feeds that should be read now in [`Page::feeds`].
    fn read_delivery(&self, body: &[u8], received_at: Timestamp) -> Result<Page, Trouble>;
}

/// An admitted delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Stable over the platform's retries: a second delivery with the same key is answered and dropped.
    pub key: String,
    /// The accounts that it tells of, where the platform has one address for all accounts of an app (Meta): it is for
    /// every channel that owns one of them. Empty: it is for the channel whose address it came to.
    pub accounts: Vec<String>,
}

/// Why a delivery is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PushRefused {
    /// The signature is missing or wrong.
    #[error("the signature does not match")]
    Signature,
    /// Too old or from the future: perhaps a replay.
    #[error("the timestamp is outside the tolerated five minutes")]
    Stale,
    /// Not something this platform sends.
    #[error("{0}")]
    Malformed(String),
}

/// Name of a feed within its channel, in the connector's own words, such as `updates` or `comments:12_34`.
pub type FeedKey = String;

/// How a feed is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// The server keeps a queue and forgets what the cursor acknowledges (Telegram).
    Queue,
    /// Ids only grow; the cursor is the highest one read (IMAP).
    Growing,
    /// Newest first, without a reliable "since": walked down to an overlap, and deeper now and then.
    NewestFirst,
}

/// A request for one page.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Which feed.
    pub feed: &'a str,
    /// What the last page with a [`Page::cursor`] left behind; survives restarts. Never set for newest-first feeds.
    pub cursor: Option<&'a str>,
    /// The next page of the present walk ([`Page::next`]); absent for its first page. Lives in memory only.
    pub page: Option<&'a str>,
    /// The walk goes to the end of the list, also below what is watched all the time.
    pub deep: bool,
    /// How long the connector may wait for something new (long poll, IDLE); zero: answer at once.
    pub patience: Duration,
    /// The present moment.
    pub now: Timestamp,
}

/// One page of a feed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Messages, in the platform's order.
    pub items: Vec<Item>,
    /// The office's own posts.
    pub posts: Vec<Post>,
    /// Items that could not be read, each with its raw payload; its neighbours are in `items`.
    pub bad: Vec<BadItem>,
    /// Feeds that were found under this one.
    pub feeds: Vec<FeedSeen>,
    /// Where the feeds are listed by when something last happened in them, the latest first: the earliest such moment
    /// on this page.
    pub listed_down_to: Option<Timestamp>,
    /// External ids of messages that the platform says are deleted.
    pub deleted: Vec<String>,
    /// Answers of ours that were taken, and then came back.
    pub returned: Vec<Returned>,
    /// When messages were written that the platform lists without telling their words any more.
    pub withheld: Vec<Timestamp>,
    /// The next page of this walk. Absent at the end of the list, and only there: a short or empty page is not an end.
    pub next: Option<String>,
    /// The durable position after this page, for queues and growing ids; stored in the same transaction as the items.
    pub cursor: Option<String>,
    /// The platform has more than it gave and will give it at once if asked again from `cursor`.
    pub more: bool,
    /// How much of the platform's budgets is used.
    pub usage: Vec<Usage>,
}

/// An answer of ours that came back: a report among the items says that it never reached the citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// External id of the report.
    pub report: String,
    /// External id of the answer.
    pub reply: String,
    /// Why, without an address.
    pub error: String,
}

/// An item that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadItem {
    /// Its external id where that could be read, else a hash of the payload: the same item is quarantined once.
    pub key: String,
    /// What is wrong with it, without a citizen's words.
    pub error: String,
    /// The payload.
    pub raw: Vec<u8>,
}

/// A feed that was found while reading another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSeen {
    /// Its name.
    pub key: FeedKey,
    /// How it is read.
    pub kind: FeedKind,
    /// The platform's own count or stamp of what is in it (`comment_count`, `updated_time`): when it changes, or
    /// differs from what was seen at the last complete walk, the feed is walked again.
    pub counter: Option<String>,
    /// How many messages the platform says are in it, where it says so: checked against what we hold.
    pub count: Option<i64>,
    /// Whether to read it as soon as possible, whatever the counter says (a webhook's wake-up).
    pub urgent: bool,
}

/// Use of a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// What is limited: `channel`, or a shared thing such as `app:1234`.
    pub scope: String,
    /// Share used, 0 to 1 (may be above).
    pub share: f64,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account's identifier on the platform.
    pub external_id: String,
    /// Its name as the platform shows it.
    pub name: String,
}

/// A reply to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Idempotency key: stored before the first attempt, the same at every attempt.
    pub key: String,
    /// Where the message that is answered stands.
    pub surface: Surface,
    /// External id of the thread.
    pub thread: String,
    /// External id of the post, for comments.
    pub post: Option<String>,
    /// External id of the message that is answered.
    pub answers: String,
    /// External id of what that message hangs under, where it hangs under one: in flat trees, the answer hangs there too.
    pub answers_parent: Option<String>,
    /// When that message was written.
    pub answers_written_at: Timestamp,
    /// When the citizen last wrote in this thread: windows are counted from here.
    pub citizen_wrote_at: Timestamp,
    /// Who is answered.
    pub citizen: Author,
    /// Subject of the mail that is answered.
    pub subject: Option<String>,
    /// The answer, as plain text.
    pub text: String,
    /// No person wrote it: where a platform can say so (mail), machines are told not to answer.
    pub automatic: bool,
    /// When the first attempt was begun; absent before it.
    pub first_attempt_at: Option<Timestamp>,
    /// The raw payload of the message that is answered, where it is still kept.
    pub answers_raw: Option<Vec<u8>>,
    /// External ids of the other replies of ours in this thread that are known to have arrived: whatever their words, none
    /// of them is this one.
    pub others: Vec<String>,
}

/// A reply that is on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its external id, so that it is recognised when the channel is read.
    pub external_id: String,
    /// When it was published, by the platform's clock where it says so.
    pub at: Timestamp,
    /// Where a person can look at it.
    pub permalink: Option<String>,
}
