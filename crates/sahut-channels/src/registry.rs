//! Where platforms are registered: one line each.

use std::sync::Arc;

use sahut_domain::channel::{ChannelConfig, Platform};
use secrecy::SecretString;
use thiserror::Error;

use crate::{Connector, Http};

/// Finds a channel's secret by the name that the connector knows it under (`token`, `password`, `app_secret`).
pub type Secrets<'a> = &'a dyn Fn(&str) -> Option<SecretString>;

/// A channel whose configuration cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A setting is missing, unknown or wrong.
    #[error("setting {setting:?} of channel {channel}: {problem}")]
    Setting {
        /// The channel's code.
        channel: String,
        /// The setting.
        setting: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A secret is missing.
    #[error(
        "channel {channel} needs the secret {secret:?}: store it with `sahut secret set {channel} {secret}`"
    )]
    Secret {
        /// The channel's code.
        channel: String,
        /// The secret's name.
        secret: &'static str,
    },
    /// Nothing to read: the platform has no connector.
    #[error("channel {channel}: {platform} is not read by a connector")]
    NoConnector {
        /// The channel's code.
        channel: String,
        /// Its platform.
        platform: Platform,
    },
}

/// Builds the connector of a channel.
pub fn build(
    channel: &ChannelConfig,
    _secrets: Secrets<'_>,
    _http: &Http,
) -> Result<Arc<dyn Connector>, BuildError> {
    match channel.platform {
        platform => Err(BuildError::NoConnector { channel: channel.code.to_string(), platform }),
    }
}
