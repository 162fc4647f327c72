//! A town's talk: plays a list of texts on the world, with replies, edits and a few deletions.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use sahut_domain::Chance;
use sahut_domain::channel::Platform;
use sahut_domain::inquiry::Kind;
use sahut_domain::message::Surface;
use tokio_util::sync::CancellationToken;

use crate::state::Unknown;
use crate::world::World;

/// How many citizens the town has.
const CITIZENS: u64 = 400;

/// After how many comments an office publishes the next post.
const COMMENTS_A_POST: usize = 12;

/// Something that some citizen will write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenText {
    /// The words.
    pub text: String,
    /// The account: a page, an Instagram account or a bot of this world.
    pub channel: String,
    /// Whether it is a comment or a direct message; bots are written to directly in any case.
    pub surface: Surface,
    /// What it is, where the caller knows: others chime in with complaints, and nobody takes back a word of thanks.
    pub kind: Option<Kind>,
}

/// What the talk is made of.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What citizens write, in this order.
    pub texts: Vec<CitizenText>,
    /// What offices publish for citizens to comment on; used in turn.
    pub posts: Vec<String>,
    /// What citizens answer each other, such as "Di tempat saya juga"; used in turn.
    pub chorus: Vec<String>,
}

/// The talk, as far as it went.
pub struct Life {
    world: World,
    script: Script,
    chance: Chance,
    said: usize,
    /// The present post of each account, and how many comments it has.
    posts: HashMap<String, (String, usize)>,
    /// What was written last, for others to answer and authors to regret.
    latest: Option<Spoken>,
}

struct Spoken {
    channel: String,
    id: String,
    text: String,
    comment: bool,
    kind: Option<Kind>,
}

impl Life {
    /// A talk that is the same for the same seed.
    pub fn new(world: World, script: Script, seed: u64) -> Self {
        Self { world, script, chance: Chance::seeded(seed), said: 0, posts: HashMap::new(), latest: None }
    }

    /// The next deed, at this time: mostly the next text, sometimes an answer to, an edit or a deletion of the last
    /// one. False when all is said.
    pub fn step(&mut self, at: Timestamp) -> Result<bool, Unknown> {
        if let Some(latest) = self.latest.take() {
            self.react(&latest, at)?;
        }
        let Some(next) = self.script.texts.get(self.said).cloned() else { return Ok(false) };
        self.said += 1;
        let handle = self.somebody();
        let bot = self.world.platform(&next.channel) == Some(Platform::Telegram);
        let comment = !bot && next.surface == Surface::Comment;
        let id = if bot {
            self.world.telegram(&next.channel, &handle, &next.text, at)?
        } else if comment {
            let post = self.post_of(&next.channel, at)?;
            self.world.comment(&post, &handle, &next.text, at)?
        } else {
            self.world.direct(&next.channel, &handle, &next.text, at)?
        };
        self.latest = Some(Spoken { channel: next.channel, id, text: next.text, comment, kind: next.kind });
        Ok(true)
    }

    /// Says everything that is left, spread evenly between two moments: a past for the demo to begin with.
    pub fn live_through(&mut self, from: Timestamp, until: Timestamp) -> Result<(), Unknown> {
        let left =
            i32::try_from(self.script.texts.len().saturating_sub(self.said)).unwrap_or(i32::MAX).max(1);
        let pause = until.duration_since(from) / left;
        let mut at = from;
        while self.step(at)? {
            at = at.checked_add(pause).unwrap_or(until);
        }
        Ok(())
    }

    /// Goes on at this pace until all is said or the token says stop.
    pub async fn play(mut self, pace: Duration, stop: CancellationToken) -> Result<(), Unknown> {
        while !stop.is_cancelled() && self.step(self.world.clock().now())? {
            tokio::select! { () = tokio::time::sleep(pace) => {}, () = stop.cancelled() => {} }
        }
        Ok(())
    }

    /// One in five complaints is answered by another citizen; a few texts are changed, fewer are taken back.
    fn react(&mut self, latest: &Spoken, at: Timestamp) -> Result<(), Unknown> {
        let edited = format!("{} (diperbarui)", latest.text);
        match (self.chance.below(40), latest.comment) {
            (0..=7, true) if latest.kind == Some(Kind::Complaint) && !self.script.chorus.is_empty() => {
                let turn = self.said % self.script.chorus.len();
                let words = self.script.chorus.get(turn).cloned().unwrap_or_default();
                self.world.reply(&latest.id, &self.somebody(), &words, at).map(drop)
            }
            (8..=9, true) => self.world.edit(&latest.id, &edited),
            (8..=9, false) if self.world.platform(&latest.channel) == Some(Platform::Telegram) => {
                self.world.telegram_edit(&latest.channel, &latest.id, &edited)
            }
            (10, true) if latest.kind != Some(Kind::Thanks) => self.world.delete(&latest.id),
            _ => Ok(()),
        }
    }

    /// The post that citizens comment on now.
    fn post_of(&mut self, account: &str, at: Timestamp) -> Result<String, Unknown> {
        if let Some((post, comments)) = self.posts.get_mut(account).filter(|(_, n)| *n < COMMENTS_A_POST) {
            *comments += 1;
            return Ok(post.clone());
        }
        let turn = self.said % self.script.posts.len().max(1);
        let text = self.script.posts.get(turn).cloned().unwrap_or_default();
        let post = self.world.post(account, &text, at)?;
        self.posts.insert(account.to_owned(), (post.clone(), 1));
        Ok(post)
    }

    fn somebody(&self) -> String {
        format!("warga_{:04}", self.chance.below(CITIZENS))
    }
}
