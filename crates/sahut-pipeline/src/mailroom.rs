//! The mailroom: what people of the offices mail back is read, believed or held, and done.
//!
//! A mail is committed before anything is made of it, by the reader of the mailbox ([`read_mailbox`]) or by whoever is
//! handed it ([`keep`]). What it is (`judging`), what is done because of it (`obeying`) and what is told about that
//! (`telling`) is one transaction each, so that a crash repeats it and a copy of the mail does nothing.

mod judging;
mod obeying;
mod telling;

use std::time::Duration;

use jiff::Timestamp;
use sahut_mail::{Fetched, Imap, ImapError, Limits, Opened};
use sahut_store::work::Stage;
use sahut_store::{Db, StoreError};
use sha2::{Digest as _, Sha256};

use crate::supervisor::{Heart, TaskError};
use crate::{Context, stage};
use judging::Verdict;
pub use obeying::{Approval, approve, send_back};

/// How long the mailbox's server may be silent until it is asked again.
const PATIENCE: Duration = Duration::from_secs(25);

/// The pauses while a mailbox cannot be read.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Of mails the words are read, never the files.
const LIMITS: Limits = Limits { attachment: 0, attachments: 0, text: 100_000 };

/// Does what letters say, until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    stage::run(&context, &heart, Stage::Letters, || handle(&context)).await
}

/// Does what the first letter says that nobody has looked at; answers how many there were.
pub async fn handle(context: &Context) -> Result<usize, StoreError> {
    let (regency, now) = (context.regency.get(), context.clock.now());
    let Some(replies) = regency.outbox.as_ref().and_then(|outbox| outbox.replies.as_ref()) else {
        return Ok(0);
    };
    if !context.db.read().await?.has_waiting_letters().await? {
        return Ok(0);
    }
    let mut tx = context.db.begin().await?;
    let Some(letter) = tx.take_letter().await? else { return Ok(0) };
    let verdict = match judging::judge(&mut tx, &regency, replies, &letter, now).await {
        Ok(verdict) => verdict,
        Err(error) if error.is_transient() => return Err(error),
        // It must not keep the others from being read, and nothing of it may stay done.
        Err(error) => {
            tracing::error!(letter = %letter.id, %error, "letter.failed");
            tx.roll_back().await?;
            tx = context.db.begin().await?;
            let failed = judging::failed(&mut tx, &regency, replies, &letter).await?;
            Verdict { detail: error.to_string(), ..failed }
        }
    };
    let outcome = verdict.outcome;
    if telling::conclude(&mut tx, &letter, verdict, now).await? {
        sahut_domain::fault::point("mailroom.before_commit");
        tx.commit().await?;
        metrics::counter!("sahut_letters_total", "outcome" => outcome.as_str()).increment(1);
        tracing::info!(letter = %letter.id, %outcome, "letter.handled");
    }
    Ok(1)
}

/// Keeps a mail; what it says is done later. `false`: a copy of it was kept before.
pub async fn keep(db: &Db, raw: &[u8], received_at: Timestamp) -> Result<bool, StoreError> {
    let key = key(raw);
    let mut tx = db.begin().await?;
    let kept = tx.keep_letter(&key, raw, received_at).await?;
    tx.commit().await?;
    Ok(kept)
}

/// The same for every copy of a mail; of what is no mail, a hash of its bytes.
fn key(raw: &[u8]) -> String {
    if let Ok(mail) = sahut_mail::read(raw, &LIMITS) {
        return mail.identity;
    }
    let hash: [u8; 32] = Sha256::digest(raw).into();
    format!("{:032x}", u128::from_be_bytes(std::array::from_fn(|at| hash[at])))
}

/// Reads the mailbox where answers arrive, until asked to stop.
pub async fn read_mailbox(context: Context, heart: Heart) -> Result<(), TaskError> {
    let mut pause = SHORTEST_PAUSE;
    while !heart.is_stopping() {
        heart.beat();
        let regency = context.regency.get();
        let replies = regency.outbox.as_ref().and_then(|outbox| outbox.replies.as_ref());
        let Some((name, imap)) = replies.and_then(|replies| replies.mailbox.as_ref()) else {
            rest(&heart, PATIENCE).await;
            continue;
        };
        if let Err(error) = read_on(&context, &heart, name, imap, &mut pause).await {
            tracing::warn!(%error, "mailbox.not_read");
            metrics::counter!("sahut_mailbox_failures_total").increment(1);
            if error.needs_person() {
                pause = LONGEST_PAUSE;
            }
        }
        rest(&heart, pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// Waits, giving signs of life.
async fn rest(heart: &Heart, mut pause: Duration) {
    while !pause.is_zero() && !heart.is_stopping() {
        heart.beat();
        let step = pause.min(PATIENCE);
        tokio::select! {
            () = heart.stopping() => {}
            () = tokio::time::sleep(step) => {}
        }
        pause -= step;
    }
}

/// Why a mailbox could not be read on.
#[derive(Debug, thiserror::Error)]
enum ReadingError {
    #[error("the mailbox for answers cannot be read: {0}")]
    Mailbox(#[from] ImapError),
    #[error("what the mailbox for answers holds cannot be kept: {0}")]
    Store(#[from] StoreError),
}

impl ReadingError {
    /// Whether trying again at once would only lock the account.
    const fn needs_person(&self) -> bool {
        matches!(self, Self::Mailbox(ImapError::Login(_) | ImapError::Person(_)))
    }
}

/// Reads over one connection until it breaks or the task should stop.
async fn read_on(
    context: &Context,
    heart: &Heart,
    name: &str,
    imap: &Imap,
    pause: &mut Duration,
) -> Result<(), ReadingError> {
    let mut opened = imap.open().await?;
    let revision = context.regency.get().revision;
    while !heart.is_stopping() && context.regency.get().revision == revision {
        heart.beat();
        let more = read_batch(context, name, &mut opened).await?;
        *pause = SHORTEST_PAUSE;
        if !more {
            tokio::select! {
                () = heart.stopping() => {}
                grown = opened.wait(PATIENCE) => drop(grown?),
            }
        }
    }
    Ok(())
}

/// Keeps the next mails of a mailbox and then moves the cursor over them; answers whether there are more.
async fn read_batch(context: &Context, name: &str, opened: &mut Opened) -> Result<bool, ReadingError> {
    let (validity, above) = context.db.read().await?.mailbox_cursor(name).await?.unwrap_or_default();
    let Fetched { uid_validity, mails, read_to, more } = opened.fetch(validity, above).await?;
    if mails.is_empty() && (uid_validity, read_to) == (validity, above) {
        return Ok(more);
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    for mail in &mails {
        tx.keep_letter(&key(&mail.raw), &mail.raw, mail.received_at.unwrap_or(now)).await?;
    }
    tx.move_mailbox_cursor(name, (uid_validity, read_to)).await?;
    sahut_domain::fault::point("mailroom.before_cursor");
    tx.commit().await?;
    Ok(more)
}
