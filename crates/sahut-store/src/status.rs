//! The state of everything in a few numbers, for people, probes and metrics.

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use serde::Serialize;

use crate::value::args;
use crate::{StoreError, Tx};

/// How much waits, and for how long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Messages without a decision.
    pub messages_waiting: i64,
    /// Deliveries that are not read yet.
    pub deliveries_due: i64,
    /// Mails that are owed.
    pub notices_due: i64,
    /// Mails that were given up.
    pub notices_dead: i64,
    /// Answers on their way.
    pub replies_due: i64,
    /// Answers that nobody knows the outcome of.
    pub replies_uncertain: i64,
    /// Answers that were given up.
    pub replies_dead: i64,
    /// Mails of people that are not trusted and wait for a person.
    pub letters_held: i64,
    /// Answers that wait for somebody's approval.
    pub proposals_waiting: i64,
    /// Items that were set apart.
    pub quarantined: i64,
    /// Inquiries that owe an answer.
    pub inquiries_open: i64,
    /// Of these, past their due moment.
    pub inquiries_overdue: i64,
    /// Of the open ones, left to people.
    pub inquiries_triage: i64,
    /// Of the open ones, come back to an office that had passed them on.
    pub inquiries_returned: i64,
    /// Inquiries in all.
    pub inquiries: i64,
    /// The highest number that a message was given: on PostgreSQL a little more than there are.
    pub messages: i64,
    /// Channels that are read.
    pub channels_active: i64,
    /// Channels that ail.
    pub channels_ailing: i64,
    /// Seconds that the oldest due piece of work has waited beyond its moment; a channel that is being read is not waiting.
    pub oldest_due_seconds: i64,
    /// Seconds since the oldest lease ended that nobody has taken over.
    pub oldest_lease_seconds: i64,
    /// Mail and replies are held after a restore.
    pub held: bool,
}

impl Tx {
    /// Identifiers of the messages that are held of a channel, each with whether it is the channel's own: to be compared
    /// with what its platform shows.
    pub async fn held_messages(&mut self, channel: &str) -> Result<Vec<(String, bool)>, StoreError> {
        const HELD: &str = "SELECT m.external_id, m.own FROM message m JOIN channel c ON c.id = m.channel_id
            WHERE c.code = $1 ORDER BY m.id";
        self.rows(HELD, args![channel], |row| Ok((row.get(0)?, row.get::<i64>(1)? == 1))).await
    }

    /// Counts everything. Each number comes from an index over what is open, so that the cost does not grow with history.
    pub async fn status(&mut self, now: Timestamp) -> Result<Status, StoreError> {
        const COUNTS: &str = "SELECT
            (SELECT COUNT(*) FROM message WHERE disposition = 'waiting'),
            (SELECT COUNT(*) FROM delivery WHERE state = 'due'),
            (SELECT COUNT(*) FROM notice WHERE state = 'due'),
            (SELECT COUNT(*) FROM notice WHERE state = 'dead'),
            (SELECT COUNT(*) FROM reply WHERE state = 'due' AND delivery <> 'uncertain'),
            (SELECT COUNT(*) FROM reply WHERE state = 'due' AND delivery = 'uncertain'),
            (SELECT COUNT(*) FROM reply WHERE state = 'dead'),
            (SELECT COUNT(*) FROM quarantine WHERE state = 'held'),
            (SELECT COUNT(*) FROM letter WHERE state = 'held'),
            (SELECT COUNT(*) FROM proposal WHERE state = 'waiting'),
            (SELECT COUNT(*) FROM inquiry WHERE state = 'open'),
            (SELECT COUNT(*) FROM inquiry WHERE state = 'open' AND due_at < $1),
            (SELECT COUNT(*) FROM inquiry WHERE triage = 1 AND state <> 'closed' AND state = 'open'),
            (SELECT CAST(COALESCE(SUM(last), 0) AS BIGINT) FROM inquiry_count),
            (SELECT COALESCE(MAX(id), 0) FROM message),
            (SELECT COUNT(*) FROM channel WHERE state = 'active' AND retired = 0),
            (SELECT COUNT(*) FROM channel WHERE ailment IS NOT NULL AND retired = 0),
            (SELECT MIN(not_before) FROM notice WHERE state = 'due' AND urgent = 1),
            (SELECT MIN(not_before) FROM notice WHERE state = 'due' AND urgent = 0),
            (SELECT MIN(not_before) FROM reply WHERE state = 'due'),
            (SELECT MIN(not_before) FROM delivery WHERE state = 'due'),
            (SELECT MIN(not_before) FROM channel WHERE state = 'active' AND retired = 0 AND platform <> 'import'
                AND (lease_until IS NULL OR lease_until <= $1)),
            (SELECT MIN(lease_until) FROM notice WHERE state = 'due' AND lease_until <= $1),
            (SELECT MIN(lease_until) FROM reply WHERE state = 'due' AND lease_until <= $1),
            (SELECT MIN(lease_until) FROM delivery WHERE state = 'due' AND lease_until <= $1),
            (SELECT MIN(lease_until) FROM channel WHERE state = 'active' AND retired = 0 AND lease_until <= $1),
            (SELECT COUNT(*) FROM inquiry WHERE state = 'open' AND returns > 0)";
        let held = self.is_held().await?;
        self.one(COUNTS, args![now], |row| {
            let since = |mut columns: std::ops::Range<usize>| {
                columns.try_fold(0, |longest: i64, column| {
                    let oldest: Option<Timestamp> = row.get(column)?;
                    Ok::<i64, StoreError>(
                        longest.max(oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs())),
                    )
                })
            };
            Ok(Status {
                messages_waiting: row.get(0)?,
                deliveries_due: row.get(1)?,
                notices_due: row.get(2)?,
                notices_dead: row.get(3)?,
                replies_due: row.get(4)?,
                replies_uncertain: row.get(5)?,
                replies_dead: row.get(6)?,
                quarantined: row.get(7)?,
                letters_held: row.get(8)?,
                proposals_waiting: row.get(9)?,
                inquiries_open: row.get(10)?,
                inquiries_overdue: row.get(11)?,
                inquiries_triage: row.get(12)?,
                inquiries_returned: row.get(26)?,
                inquiries: row.get(13)?,
                messages: row.get(14)?,
                channels_active: row.get(15)?,
                channels_ailing: row.get(16)?,
                oldest_due_seconds: since(17..22)?,
                oldest_lease_seconds: since(22..26)?,
                held,
            })
        })
        .await
    }

    /// External ids of all messages of a channel: to be held against what the platform says it has.
    pub async fn external_ids(&mut self, channel: ChannelId) -> Result<Vec<String>, StoreError> {
        let ids = "SELECT external_id FROM message WHERE channel_id = $1 ORDER BY id";
        self.rows(ids, args![channel], |row| row.get(0)).await
    }

    /// Proves that the database takes a write: part of being ready.
    pub async fn touch(&mut self, now: Timestamp) -> Result<(), StoreError> {
        const TOUCH: &str = "INSERT INTO meta (key, value) VALUES ('touched', $1)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.exec(TOUCH, args![now.to_string()]).await?;
        Ok(())
    }
}
