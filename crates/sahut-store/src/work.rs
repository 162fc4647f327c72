//! Owed work, whatever it is: claimed with a lease, settled with the fencing number, given up visibly.
//!
//! Four tables owe outside effects (channels to read, deliveries to read, notices to mail, replies to send) and carry
//! the same work columns. A claim takes what is due and also what others claimed and let expire, so nobody has to
//! rescue anything. Settling names the attempt: when no row answers, the lease was lost and the result is dropped.

use std::sync::Arc;

use jiff::Timestamp;
use sahut_domain::work::{Lease, Outcome};
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
}

/// Wakes stages in this process. A wake-up only saves waiting: every stage asks by itself as well.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<[Notify; 6]>);

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
    const fn claim_sql(self, skip_locked: bool) -> &'static str {
        macro_rules! claim {
            ($table:literal, $order:literal, $lock:literal) => {
                concat!(
                    "UPDATE ", $table, " SET attempt = attempt + 1, lease_owner = $1, lease_until = $2 WHERE id IN ",
                    "(SELECT id FROM ", $table, " WHERE state = 'due' AND not_before <= $3 ",
                    "AND (lease_until IS NULL OR lease_until <= $3) ORDER BY ", $order, " LIMIT $4", $lock,
                    ") RETURNING id, attempt"
                )
            };
        }
        match (self, skip_locked) {
            (Self::Delivery, false) => claim!("delivery", "not_before, id", ""),
            (Self::Delivery, true) => claim!("delivery", "not_before, id", " FOR UPDATE SKIP LOCKED"),
            (Self::Notice, false) => claim!("notice", "urgent DESC, not_before, id", ""),
            (Self::Notice, true) => claim!("notice", "urgent DESC, not_before, id", " FOR UPDATE SKIP LOCKED"),
            (Self::Reply, false) => claim!("reply", "not_before, id", ""),
            (Self::Reply, true) => claim!("reply", "not_before, id", " FOR UPDATE SKIP LOCKED"),
        }
    }

    const fn settle_sql(self) -> &'static str {
        macro_rules! settle {
            ($table:literal, $more:literal) => {
                concat!(
                    "UPDATE ", $table, " SET state = $3, not_before = $4, last_error = $5, lease_owner = NULL, ",
                    "lease_until = NULL", $more, " WHERE id = $1 AND attempt = $2 AND state = 'due'"
                )
            };
        }
        match self {
            Self::Delivery => settle!("delivery", ""),
            Self::Notice => settle!("notice", ", sent_at = CASE WHEN $3 = 'done' THEN $4 END"),
            Self::Reply => settle!(
                "reply",
                ", delivery = CASE WHEN $3 = 'dead' THEN 'failed' ELSE 'queued' END"
            ),
        }
    }

    const fn extend_sql(self) -> &'static str {
        match self {
            Self::Delivery => "UPDATE delivery SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'due'",
            Self::Notice => "UPDATE notice SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'due'",
            Self::Reply => "UPDATE reply SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'due'",
        }
    }

    const fn retry_sql(self) -> &'static str {
        // The attempt is not reset: it is the fencing number.
        match self {
            Self::Delivery => "UPDATE delivery SET state = 'due', not_before = $2 WHERE id = $1 AND state = 'dead'",
            Self::Notice => "UPDATE notice SET state = 'due', not_before = $2 WHERE id = $1 AND state = 'dead'",
            Self::Reply => {
                "UPDATE reply SET state = 'due', delivery = 'queued', not_before = $2 WHERE id = $1 AND state = 'dead'"
            }
        }
    }
}

/// Whether a stage has anything to do: one look at an index, so that an idle process writes nothing.
impl Tx {
    /// Channels whose time has come.
    pub async fn has_due_channels(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str = "SELECT 1 FROM channel WHERE state = 'active' AND retired = 0 AND platform <> 'import'
            AND not_before <= $1 AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Deliveries to read.
    pub async fn has_due_deliveries(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str = "SELECT 1 FROM delivery WHERE state = 'due' AND not_before <= $1
            AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
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
        const DUE: &str = "SELECT 1 FROM deadline WHERE live = 1 AND next_at <= $1 LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }
}

impl Tx {
    /// Claims what is due in a table, the most urgent first.
    pub(crate) async fn claim(&mut self, owed: Owed, claim: &Claim<'_>) -> Result<Vec<Lease<i64>>, StoreError> {
        let sql = owed.claim_sql(self.dialect() == crate::Dialect::Postgres);
        let until = claim.until;
        self.rows(sql, args![claim.owner, until, claim.now, claim.limit], |row| {
            Ok(Lease { id: row.get(0)?, attempt: row.get(1)?, until })
        })
        .await
    }

    /// Stores how an attempt ended (for a reply: that it did not arrive). `false`: the lease was lost and nothing was changed.
    pub(crate) async fn settle(
        &mut self,
        owed: Owed,
        lease: Lease<i64>,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, at, error) = match outcome {
            Outcome::Done => ("done", now, None),
            Outcome::Again { at, error } => ("due", *at, Some(error.as_str())),
            Outcome::Dead { error } => ("dead", now, Some(error.as_str())),
        };
        Ok(self.exec(owed.settle_sql(), args![lease.id, lease.attempt, state, at, error]).await? == 1)
    }

    /// Keeps a lease for longer. `false`: it was lost.
    pub(crate) async fn extend(
        &mut self,
        owed: Owed,
        lease: Lease<i64>,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.exec(owed.extend_sql(), args![lease.id, lease.attempt, until]).await? == 1)
    }

    /// Tries again what was given up. `false`: there is no such dead row.
    pub(crate) async fn retry(&mut self, owed: Owed, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.exec(owed.retry_sql(), args![id, now]).await? == 1)
    }
}
