//! The tally: what the platforms showed against what the database holds, message by message.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use sahut_domain::Clock;
use sahut_store::{Db, StoreError};

use super::Scene;
use super::scene::channel_code;

/// How long the program may take to read what the citizens wrote last.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What came of the demo.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Citizens' messages that a complete reader must know.
    written: usize,
    /// Those that are not held although their channel says that it is complete beyond them.
    missing: usize,
    /// Those that are not read yet: a platform keeps its channel waiting.
    unread: usize,
    /// The offices' own messages that are held.
    own: usize,
    inquiries: i64,
    set_aside: i64,
    mails: usize,
    posted_twice: usize,
    promises_broken: usize,
    /// Messages and answers that the program is still at work on.
    at_work: i64,
}

impl Tally {
    /// Waits until the program has caught up with the citizens, who are silent by now; at most for its patience.
    pub(crate) async fn when_quiet(scene: &Scene, db: &Db, clock: &Clock) -> Result<(), StoreError> {
        let mut left = PATIENCE;
        while !left.is_zero() && !Self::count(scene, db, clock).await?.is_quiet() {
            tokio::time::sleep(LOOK_EVERY).await;
            left = left.saturating_sub(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether everything that was written is read, decided and answered as far as it will be.
    fn is_quiet(&self) -> bool {
        self.missing + self.unread == 0 && self.at_work == 0
    }

    /// Counts as things stand.
    pub(crate) async fn count(scene: &Scene, db: &Db, clock: &Clock) -> Result<Self, StoreError> {
        let ledger = scene.simulator.ledger();
        let mut tx = db.read().await?;
        let mut tally = Self::default();
        for ((platform, office), keys) in &scene.accounts {
            let code = channel_code(*platform, office);
            let complete = tx.channel(&code).await?.and_then(|channel| channel.watermark);
            let held = tx.held_messages(&code).await?;
            tally.own += held.iter().filter(|(_, own)| *own).count();
            let held: BTreeSet<&str> = held.iter().map(|(id, _)| id.as_str()).collect();
            let written = ledger.must_be_known(&keys.id);
            tally.written += written.len();
            for id in written.difference(&held) {
                let said = ledger.find(&keys.id, id).map(|line| line.at);
                let missed = said.zip(complete).is_some_and(|(said, complete)| said <= complete);
                *(if missed { &mut tally.missing } else { &mut tally.unread }) += 1;
            }
        }
        let now = clock.now();
        let status = tx.status(now).await?;
        tally.inquiries = status.inquiries;
        tally.set_aside = tx.count_set_aside().await?;
        tally.at_work = status.messages_waiting + status.replies_due;
        tally.promises_broken = tx.selfcheck(now).await?.iter().filter(|check| check.broken > 0).count();
        tally.mails = scene.postbox.letters().len();
        tally.posted_twice = ledger.double_posts().len();
        Ok(tally)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} citizens' messages on the platforms, {} missing, {} not read yet; {} answers of the offices, \
             {} posted twice; {} inquiries, {} messages set aside that need nobody, {} mails taken, {} promises broken.",
            self.written,
            self.missing,
            self.unread,
            self.own,
            self.posted_twice,
            self.inquiries,
            self.set_aside,
            self.mails,
            self.promises_broken,
        )?;
        if self.is_quiet() {
            Ok(())
        } else {
            f.write_str("\nIt was counted while the program was still at work.")
        }
    }
}
