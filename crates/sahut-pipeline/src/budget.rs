//! Budgets: what a platform wants to be left alone with, and until when. They stand in the database, so that every stage
//! and every process keeps to them.

use std::collections::HashMap;

use jiff::Timestamp;
use sahut_channels::{Connector, Scope};
use sahut_domain::channel::ChannelId;
use sahut_store::collect::{channel_budget, sending_budget};

/// What is asked of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Reading, which goes on while only sending is blocked.
    Reading,
    /// Sending an answer.
    Sending,
}

/// Until when this must not be done on a channel.
pub(crate) fn blocked_until(
    connector: &dyn Connector,
    channel: ChannelId,
    doing: Doing,
    blocked: &HashMap<String, Timestamp>,
) -> Option<Timestamp> {
    let sending = (doing == Doing::Sending).then(|| sending_budget(channel));
    let scopes = connector.budgets().into_iter().chain([channel_budget(channel)]).chain(sending);
    scopes.filter_map(|scope| blocked.get(&scope).copied()).max()
}

/// The budget that a platform's request for patience reaches; none where only the one call has to wait.
pub(crate) fn name(scope: &Scope, channel: ChannelId, doing: Doing) -> Option<String> {
    match (scope, doing) {
        (Scope::Shared(name), _) => Some(name.clone()),
        (Scope::Channel, _) => Some(channel_budget(channel)),
        (Scope::Call, Doing::Sending) => Some(sending_budget(channel)),
        (Scope::Call, Doing::Reading) => None,
    }
}
