//! Owed work, whatever it is: claimed with a lease, settled with the fencing number, given up visibly.
//!
//! Four tables owe outside effects (channels to read, deliveries to read, notices to mail, replies to send) and carry
//! the same work columns. A claim takes what is due and also what others claimed and let expire, so nobody has to
//! rescue anything. Settling names the attempt: when no row answers, the lease was lost and the result is dropped. How
//! often it failed is counted apart: waiting for a person or a budget is no failure.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use sahut_domain::work::{Lease, Outcome, WorkState};
use tokio::sync::Notify;

use crate::value::args;
use crate::{StoreError, Tx};

/// Who claims, how much, and until when.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The claiming process and task, as shown to people.
    pub owner: &'a str,
    /// The present moment.
    pub now: Timestamp,
    /// When others may take it over.
    pub until: Timestamp,
    /// At most so many rows.
    pub limit: i64,
}

/// The stages that find work in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Channels to read.
    Collect,
    /// Deliveries that were admitted.
    Receive,
    /// Messages without a decision.
    Route,
    /// Notices to mail.
    Notify,
    /// Replies to send.
    Deliver,
    /// Deadlines whose next moment has come.
    Watch,
    /// Letters that nobody has looked at.
    Letters,
}

/// Wakes stages in this process. A wake-up only saves waiting: every stage asks by itself as well.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<[Notify; 7]>);

impl Waker {
    /// Wakes one stage.
    pub fn wake(&self, stage: Stage) {
        self.0[stage as usize].notify_one();
    }

    /// Waits for the next wake-up of a stage. One that came before the call is not lost.
    pub async fn wait(&self, stage: Stage) {
        self.0[stage as usize].notified().await;
    }
}

/// A table with the work columns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owed {
    Delivery,
    Notice,
    Reply,
}

impl Owed {
    const fn table(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Notice => "notice",
            Self::Reply => "reply",
        }
    }

    /// How urgent a row is, and how rows are ordered by it: the most urgent go first, among them those that waited
    /// longest.
    const fn urgency(self) -> (&'static str, &'static str) {
        match self {
            Self::Notice => ("urgent", "urgent DESC, "),
            Self::Delivery | Self::Reply => ("0", ""),
        }
    }

    /// What else has to hold for a row to be claimed; `$1` is who claims, `$3` the present moment. One answer at a time
    /// leaves a channel, the others in their order: so none waits behind another while its lease runs out.
    const fn turn(self) -> &'static str {
        match self {
            Self::Delivery | Self::Notice => "",
            Self::Reply => {
                " AND NOT EXISTS (SELECT 1 FROM reply first WHERE first.channel_id = reply.channel_id
                    AND first.id <> reply.id AND first.state = 'due' AND CASE WHEN first.lease_until > $3
                        THEN first.lease_owner = $1
                        ELSE first.not_before <= $3
                            AND (first.not_before, first.id) < (reply.not_before, reply.id) END)"
            }
        }
    }

    /// What else a table keeps of how an attempt ended; `$3` is the state, `$4` the moment.
    const fn settled(self) -> &'static str {
        match self {
            Self::Delivery => "",
            Self::Notice => ", sent_at = CASE WHEN $3 = 'done' THEN $4 END",
            Self::Reply => ", delivery = CASE WHEN $3 = 'dead' THEN 'failed' ELSE 'queued' END",
        }
    }

    /// What else changes when a dead row is tried again.
    const fn retried(self) -> &'static str {
        match self {
            Self::Delivery | Self::Notice => "",
            Self::Reply => ", delivery = 'queued'",
        }
    }
}

impl Tx {
    /// Channels whose time has come.
    pub async fn has_due_channels(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str =
            "SELECT 1 FROM channel WHERE state = 'active' AND retired = 0 AND platform <> 'import'
            AND not_before <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Messages without a decision.
    pub async fn has_waiting(&mut self) -> Result<bool, StoreError> {
        const WAITING: &str = "SELECT 1 FROM message WHERE disposition = 'waiting' LIMIT 1";
        Ok(self.opt(WAITING, args![], |_| Ok(())).await?.is_some())
    }

    /// Notices to mail.
    pub async fn has_due_notices(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str = "SELECT 1 FROM notice WHERE state = 'due' AND not_before <= $1
            AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Replies to send or to look up.
    pub async fn has_due_replies(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str = "SELECT 1 FROM reply WHERE state = 'due' AND not_before <= $1
            AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Promises whose next moment has come.
    pub async fn has_due_deadlines(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str =
            "SELECT 1 FROM deadline WHERE live = 1 AND state = 'running' AND next_at <= $1 LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }
}

impl Tx {
    /// Claims what is due in a table, and answers it in the order in which it should be done.
    pub(crate) async fn claim(
        &mut self,
        owed: Owed,
        claim: &Claim<'_>,
    ) -> Result<Vec<Lease<i64>>, StoreError> {
        let (table, (urgency, first), turn) = (owed.table(), owed.urgency(), owed.turn());
        let take = self.dialect().take(table);
        // Materialised, so that no plan can run it twice and claim more than was asked for.
        let sql = format!(
            "WITH chosen AS MATERIALIZED (SELECT id FROM {table} WHERE state = 'due' AND not_before <= $3
                AND (lease_until IS NULL OR lease_until <= $3){turn} ORDER BY {first}not_before, id LIMIT $4{take})
             UPDATE {table} SET attempt = attempt + 1, lease_owner = $1, lease_until = $2
             WHERE id IN (SELECT id FROM chosen)
             RETURNING CAST({urgency} AS BIGINT), not_before, id, attempt, failures"
        );
        let until = claim.until;
        let mut claimed: Vec<(Reverse<i64>, i64, Lease<i64>)> = self
            .rows(&sql, args![claim.owner, until, claim.now, claim.limit], |row| {
                let lease = Lease { id: row.get(2)?, attempt: row.get(3)?, failures: row.get(4)?, until };
                Ok((Reverse(row.get(0)?), row.get(1)?, lease))
            })
            .await?;
        claimed.sort_by_key(|(urgency, not_before, lease)| (*urgency, *not_before, lease.id));
        Ok(claimed.into_iter().map(|(_, _, lease)| lease).collect())
    }

    /// Stores how an attempt ended (for a reply: that it did not arrive). `false`: the lease was lost and nothing was
    /// changed.
    pub(crate) async fn settle(
        &mut self,
        owed: Owed,
        lease: Lease<i64>,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, at, error) = match outcome {
            Outcome::Done => (WorkState::Done, now, None),
            Outcome::Again { at, error } | Outcome::Wait { at, error } => {
                (WorkState::Due, *at, Some(error.as_str()))
            }
            Outcome::Dead { error } => (WorkState::Dead, now, Some(error.as_str())),
        };
        let sql = format!(
            "UPDATE {} SET state = $3, not_before = $4, last_error = $5, failures = failures + $6, lease_owner = NULL,
                lease_until = NULL{}
             WHERE id = $1 AND attempt = $2 AND state = 'due'",
            owed.table(),
            owed.settled()
        );
        let failed = matches!(outcome, Outcome::Again { .. });
        let values = args![lease.id, lease.attempt, state.as_str(), at, error, failed];
        Ok(self.exec_built(sql, values).await? == 1)
    }

    /// Frees what a process that is gone had claimed. Only for the process that holds the database alone: nobody can be
    /// at work on it, so nothing has to wait for a lease to run out. Except an answer that it was sending: the platform
    /// may still be at work on it, and whoever looked now would not find what is published a moment later.
    pub(crate) async fn free_leases(&mut self) -> Result<(), StoreError> {
        const FREE: &str = "SET lease_owner = NULL, lease_until = NULL WHERE lease_until IS NOT NULL";
        self.exec_built(format!("UPDATE channel {FREE}"), args![]).await?;
        self.exec_built(format!("UPDATE delivery {FREE} AND state = 'due'"), args![]).await?;
        self.exec_built(format!("UPDATE notice {FREE} AND state = 'due'"), args![]).await?;
        let waiting = "AND state = 'due' AND delivery <> 'sending'";
        self.exec_built(format!("UPDATE reply {FREE} {waiting}"), args![]).await?;
        Ok(())
    }

    /// Keeps a lease for longer. `false`: it was lost.
    pub(crate) async fn extend(
        &mut self,
        owed: Owed,
        lease: Lease<i64>,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE {} SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'due'",
            owed.table()
        );
        Ok(self.exec_built(sql, args![lease.id, lease.attempt, until]).await? == 1)
    }

    /// Tries again what was given up. `false`: there is no such dead row.
    pub(crate) async fn retry(&mut self, owed: Owed, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        // The failures are forgotten; the attempt is not reset: it is the fencing number.
        let sql = format!(
            "UPDATE {} SET state = 'due', not_before = $2, failures = 0{} WHERE id = $1 AND state = 'dead'",
            owed.table(),
            owed.retried()
        );
        Ok(self.exec_built(sql, args![id, now]).await? == 1)
    }
}
