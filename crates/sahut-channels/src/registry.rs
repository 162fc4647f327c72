//! Where platforms are registered: one line each.

use std::sync::Arc;

use sahut_domain::channel::{ChannelConfig, Platform};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::email::Email;
use crate::facebook::Facebook;
use crate::instagram::Instagram;
use crate::telegram::Telegram;
use crate::webhook::Webhook;
use crate::wordpress::WordPress;
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
    secrets: Secrets<'_>,
    http: &Http,
) -> Result<Arc<dyn Connector>, BuildError> {
    match channel.platform {
        Platform::Email => Ok(Arc::new(Email::build(channel, secrets)?)),
        Platform::Facebook => Ok(Arc::new(Facebook::build(channel, secrets, http)?)),
        Platform::Instagram => Ok(Arc::new(Instagram::build(channel, secrets, http)?)),
        Platform::Telegram => Ok(Arc::new(Telegram::build(channel, secrets, http)?)),
        Platform::Webhook => Ok(Arc::new(Webhook::build(channel, secrets, http)?)),
        Platform::Wordpress => Ok(Arc::new(WordPress::build(channel, secrets, http)?)),
        platform @ Platform::Import => {
            Err(BuildError::NoConnector { channel: channel.code.to_string(), platform })
        }
    }
}

/// Whether a channel has nothing that could be asked for and lives from deliveries alone, so that nobody can say up to
/// when it is complete.
pub fn is_push_only(channel: &ChannelConfig) -> bool {
    match channel.platform {
        Platform::Webhook => true,
        Platform::Telegram => channel.settings.get("webhook").is_some_and(|webhook| webhook == true),
        _ => false,
    }
}

/// Reads a channel's settings into the type in which a connector declares what it knows.
pub(crate) fn settings<T: DeserializeOwned>(channel: &ChannelConfig) -> Result<T, BuildError> {
    T::deserialize(&channel.settings).map_err(|error| {
        let problem = error.to_string();
        // serde quotes the name of an unknown or missing field; of a wrong value it tells only the value.
        let setting = problem.split('`').nth(1).unwrap_or("settings").to_owned();
        BuildError::Setting { channel: channel.code.to_string(), setting, problem }
    })
}

/// Reads a setting that must be an absolute URL.
pub(crate) fn url(channel: &ChannelConfig, setting: &str, text: &str) -> Result<Url, BuildError> {
    let wrong = |problem: String| BuildError::Setting {
        channel: channel.code.to_string(),
        setting: setting.to_owned(),
        problem,
    };
    let url = Url::parse(text).map_err(|error| wrong(format!("not a URL: {error}")))?;
    if url.cannot_be_a_base() || !url.has_host() {
        return Err(wrong("a URL such as https://example.go.id is expected".to_owned()));
    }
    Ok(url)
}

/// Finds a secret that a channel cannot work without.
pub(crate) fn secret(
    channel: &ChannelConfig,
    secrets: Secrets<'_>,
    secret: &'static str,
) -> Result<SecretString, BuildError> {
    secrets(secret).ok_or_else(|| BuildError::Secret { channel: channel.code.to_string(), secret })
}
