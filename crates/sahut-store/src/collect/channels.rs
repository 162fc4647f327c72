//! Channels: claimed when their time has come, settled with how they do.

use std::collections::HashMap;

use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig, ChannelId, ChannelState, Health};
use sahut_domain::event::EventKind;
use sahut_domain::office::OfficeCode;
use sahut_domain::work::Lease;

use crate::journal::NewEvent;
use crate::value::{Row, args, row};
use crate::work::{Claim, Stage};
use crate::{StoreError, Tx};

/// A channel as the collect stage sees it.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its row.
    pub id: ChannelId,
    /// As configured.
    pub config: ChannelConfig,
    /// Whether it is read.
    pub state: ChannelState,
    /// Everything that the platform showed up to this moment has been stored.
    pub watermark: Option<Timestamp>,
    /// When the last read ended well.
    pub read_at: Option<Timestamp>,
    /// When the newest message was written.
    pub item_at: Option<Timestamp>,
    /// When the office itself last posted or answered there.
    pub own_at: Option<Timestamp>,
    /// Smoothed gap between messages, in seconds.
    pub rhythm: Option<i64>,
    /// How it does.
    pub health: Health,
    /// Reads in a row that went wrong.
    pub failures: i64,
}

/// How a round of reading a channel ended.
#[derive(Debug, Clone)]
pub struct RoundEnd {
    /// When to read it again.
    pub next_at: Timestamp,
    /// The moment that the round began, when everything that was due was read to its end.
    pub complete_since: Option<Timestamp>,
    /// What went wrong, if anything: what ails it, and the words for the operator.
    pub trouble: Option<(Ailment, String)>,
    /// Stop reading until a person mends it.
    pub park: bool,
    /// A wake-up that came later than this is followed at once; absent: none is, the platform wants patience.
    pub wakes_since: Option<Timestamp>,
}

/// Channels that are held, each by the attempt that it stands at, with the office that was told of what ails it, if one
/// was.
#[derive(Debug)]
pub struct HeldChannels(HashMap<(ChannelId, i64), Option<OfficeCode>>);

impl HeldChannels {
    /// Whether a lease on a channel has not been lost.
    pub fn holds(&self, lease: &Lease<ChannelId>) -> bool {
        self.0.contains_key(&(lease.id, lease.attempt))
    }
}

const COLUMNS: &str = "SELECT id, code, office, platform, name, settings, secrets, state, watermark, read_at, \
    item_at, own_at, rhythm, ailment, ailment_detail, ailment_since, failures FROM channel";

fn channel(row: &Row) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: row.get(0)?,
        config: ChannelConfig {
            code: row.get(1)?,
            office: row.get(2)?,
            platform: row.word(3)?,
            name: row.get(4)?,
            settings: row.json(5)?,
            secrets: row.json(6)?,
        },
        state: row.word(7)?,
        watermark: row.get(8)?,
        read_at: row.get(9)?,
        item_at: row.get(10)?,
        own_at: row.get(11)?,
        rhythm: row.get(12)?,
        health: Health { ailment: row.opt_word(13)?, detail: row.get(14)?, since: row.get(15)? },
        failures: row.get(16)?,
    })
}

/// The budget of all calls about one channel.
pub fn channel_budget(channel: ChannelId) -> String {
    format!("channel:{channel}")
}

/// The budget of sending on one channel, apart from reading it.
pub fn sending_budget(channel: ChannelId) -> String {
    format!("send:{channel}")
}

impl Tx {
    /// All channels that are configured, by code.
    pub async fn channels(&mut self) -> Result<Vec<Channel>, StoreError> {
        self.rows(&format!("{COLUMNS} WHERE retired = 0 ORDER BY code"), args![], channel).await
    }

    /// The channel with this code.
    pub async fn channel(&mut self, code: &str) -> Result<Option<Channel>, StoreError> {
        self.opt(&format!("{COLUMNS} WHERE code = $1 AND retired = 0"), args![code], channel).await
    }

    /// Claims channels whose time has come, those that waited longest first. A row that cannot be read is told of and
    /// passed over: it must not keep the others from being read.
    pub async fn claim_channels(
        &mut self,
        claim: &Claim<'_>,
    ) -> Result<Vec<(Lease<ChannelId>, Channel)>, StoreError> {
        let sql = format!(
            "WITH chosen AS MATERIALIZED (SELECT id FROM channel WHERE state = 'active' AND retired = 0
                AND not_before <= $3 AND (lease_until IS NULL OR lease_until <= $3) AND platform <> 'import'
                ORDER BY not_before, id LIMIT $4{})
             UPDATE channel SET attempt = attempt + 1, lease_owner = $1, lease_until = $2
             WHERE id IN (SELECT id FROM chosen) RETURNING not_before, id, attempt, failures",
            self.dialect().take("channel")
        );
        let until = claim.until;
        let mut leases: Vec<(i64, Lease<ChannelId>)> = self
            .rows(&sql, args![claim.owner, until, claim.now, claim.limit], |row| {
                Ok((
                    row.get(0)?,
                    Lease { id: row.get(1)?, attempt: row.get(2)?, failures: row.get(3)?, until },
                ))
            })
            .await?;
        leases.sort_by_key(|(not_before, lease)| (*not_before, lease.id));
        let ids = leases.iter().map(|(_, lease)| lease.id).collect();
        let found =
            self.rows_in(&format!("{COLUMNS} WHERE id"), args![], ids, |row| Ok(channel(row))).await?;
        let mut by_id = HashMap::new();
        for channel in found {
            match channel {
                Ok(channel) => drop(by_id.insert(channel.id, channel)),
                Err(error) => tracing::error!(%error, "channel.unreadable"),
            }
        }
        Ok(leases.into_iter().filter_map(|(_, lease)| Some((lease, by_id.remove(&lease.id)?))).collect())
    }

    /// Makes a channel due now: a wake-up came for it. Not while its platform wants to be left alone: what is new is found
    /// afterwards.
    pub async fn hurry_channel(&mut self, channel: ChannelId, now: Timestamp) -> Result<(), StoreError> {
        // Without a look at `not_before` first: where a round is just ending, this waits for what it leaves behind.
        const HURRY: &str =
            "UPDATE channel SET not_before = CASE WHEN not_before > $2 THEN $2 ELSE not_before END
            WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM budget WHERE scope = $3 AND blocked_until > $2)";
        self.exec(HURRY, args![channel, now, channel_budget(channel)]).await?;
        self.wake(Stage::Collect);
        Ok(())
    }

    /// Keeps the lease on a channel for longer. `false`: it was lost, or a person paused the channel.
    pub async fn keep_channel(
        &mut self,
        lease: Lease<ChannelId>,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        const KEEP: &str =
            "UPDATE channel SET lease_until = $3 WHERE id = $1 AND attempt = $2 AND state = 'active'";
        Ok(self.exec(KEEP, args![lease.id, lease.attempt, until]).await? == 1)
    }

    /// Holds channels until the transaction ends: nobody else can claim, hurry or settle them. Answers the attempts that
    /// they stand at.
    pub async fn hold_channels(
        &mut self,
        channels: impl Iterator<Item = ChannelId>,
    ) -> Result<HeldChannels, StoreError> {
        let sql = format!(
            "SELECT id, attempt, office, ailment_told_at FROM channel WHERE id{} ORDER BY id{}",
            self.dialect().within(1),
            self.dialect().hold("channel")
        );
        let held = self.rows(&sql, vec![channels.collect()], |row| {
            let (office, told_at): (OfficeCode, Option<Timestamp>) = (row.get(2)?, row.get(3)?);
            Ok(((row.get(0)?, row.get(1)?), told_at.map(|_| office)))
        });
        Ok(HeldChannels(held.await?.into_iter().collect()))
    }

    /// Stores how rounds ended. Nothing is stored of those whose lease was lost.
    pub async fn settle_channels(
        &mut self,
        held: &HeldChannels,
        ends: &[(Lease<ChannelId>, &RoundEnd)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ends: Vec<_> = ends.iter().filter(|(lease, _)| held.holds(lease)).collect();
        let rows = ends.iter().map(|(lease, end)| {
            row![
                lease.id,
                lease.attempt,
                end.next_at,
                end.complete_since.map_or(0, Timestamp::as_microsecond),
                end.trouble.is_some(),
                now,
                end.trouble.as_ref().map(|(ailment, _)| ailment.as_str()),
                end.trouble.as_ref().map(|(_, detail)| detail),
                end.park,
                end.wakes_since.unwrap_or(Timestamp::MAX)
            ]
        });
        const SETTLE: &str = "UPDATE channel SET lease_owner = NULL, lease_until = NULL,
                not_before = CASE WHEN EXISTS (SELECT 1 FROM feed WHERE feed.channel_id = channel.id
                    AND urgent_at > e.column10) THEN e.column6 ELSE e.column3 END,
                watermark = CASE WHEN e.column4 > COALESCE(watermark, 0) THEN e.column4 ELSE watermark END,
                read_at = CASE WHEN e.column5 = 0 THEN e.column6 ELSE read_at END,
                failures = CASE WHEN e.column5 = 0 THEN 0 ELSE failures + 1 END,
                ailment_since = CASE WHEN e.column7 IS NULL THEN NULL ELSE COALESCE(ailment_since, e.column6) END,
                ailment_told_at = CASE WHEN e.column7 IS NULL THEN NULL ELSE ailment_told_at END,
                ailment = e.column7, ailment_detail = e.column8,
                state = CASE WHEN e.column9 = 1 AND state = 'active' THEN 'parked' ELSE state END
            FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS e
            WHERE channel.id = e.column1 AND channel.attempt = e.column2";
        self.insert(SETTLE, rows.collect()).await?;
        for (lease, end) in ends {
            // Only who was told of an ailment has to hear that it is over.
            if let Some(Some(office)) = held.0.get(&(lease.id, lease.attempt))
                && end.trouble.is_none()
            {
                let mut event = NewEvent::new(EventKind::ChannelRecovered, now).channel(lease.id);
                event.office = Some(office.clone());
                self.record_one(event, now).await?;
            }
        }
        Ok(())
    }

    /// Notes that nobody may call in a scope before a moment.
    pub async fn block_budget(
        &mut self,
        scope: &str,
        until: Timestamp,
        detail: &str,
    ) -> Result<(), StoreError> {
        const BLOCK: &str = "INSERT INTO budget (scope, blocked_until, detail) VALUES ($1, $2, $3)
            ON CONFLICT (scope) DO UPDATE SET blocked_until = excluded.blocked_until, detail = excluded.detail
            WHERE budget.blocked_until < excluded.blocked_until";
        self.exec(BLOCK, args![scope, until, detail]).await?;
        Ok(())
    }

    /// The scopes that are blocked at this moment.
    pub async fn blocked_budgets(
        &mut self,
        now: Timestamp,
    ) -> Result<HashMap<String, Timestamp>, StoreError> {
        const BLOCKED: &str = "SELECT scope, blocked_until FROM budget WHERE blocked_until > $1";
        let found = self.rows(BLOCKED, args![now], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        Ok(found.into_iter().collect())
    }

    /// Pauses, resumes or parks a channel. `false`: there is no such channel.
    pub async fn set_channel_state(
        &mut self,
        code: &str,
        state: ChannelState,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(channel) = self.channel(code).await? else { return Ok(false) };
        const SET: &str = "UPDATE channel SET state = $2, not_before = $3, failures = 0 WHERE id = $1";
        self.exec(SET, args![channel.id, state.as_str(), now]).await?;
        // Who resumes it knows better than what the platform said before.
        const FREE: &str = "DELETE FROM budget WHERE scope IN ($1, $2)";
        self.exec(FREE, args![channel_budget(channel.id), sending_budget(channel.id)]).await?;
        let kind = match state {
            ChannelState::Active => EventKind::ChannelResumed,
            ChannelState::Paused | ChannelState::Parked => EventKind::ChannelPaused,
        };
        let mut event = NewEvent::new(kind, now).channel(channel.id).by(actor);
        event.office = Some(channel.config.office);
        self.record_one(event, now).await?;
        self.wake(Stage::Collect);
        Ok(true)
    }
}
