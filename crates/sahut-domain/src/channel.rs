//! Channels: one account on one platform that an office owns.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message::Surface;
use crate::office::OfficeCode;
use crate::words::{row_id, words};

row_id! {
    /// A stored channel.
    ChannelId
}

words! {
    /// Where a channel lives.
    Platform as "platform" {
        /// A Telegram bot.
        Telegram = "telegram",
        /// A mailbox read by IMAP and answered by SMTP.
        Email = "email",
        /// Comments of a WordPress site.
        Wordpress = "wordpress",
        /// A Facebook Page: comments and Messenger.
        Facebook = "facebook",
        /// A professional Instagram account: comments and messages.
        Instagram = "instagram",
        /// Any other source that signs what it delivers (Standard Webhooks).
        Webhook = "webhook",
        /// Files brought in by hand.
        Import = "import",
    }
}

words! {
    /// Whether a channel is read.
    ChannelState as "channel state" {
        /// Read on its cadence.
        Active = "active",
        /// Not read because a person said so.
        Paused = "paused",
        /// Not read until a person mends a credential or a permission.
        Parked = "parked",
    }
}

words! {
    /// What ails a channel, told apart because each needs somebody else.
    Ailment as "ailment" {
        /// The token or password is dead: reconnect.
        Credential = "credential",
        /// The account may not do this: grant the permission.
        Permission = "permission",
        /// The platform asks for patience: it passes by itself.
        Rate = "rate",
        /// Name resolution, connection or time-out: the line.
        Network = "network",
        /// The platform answers with faults: wait.
        Platform = "platform",
        /// Answers that this program does not understand: report it.
        Parser = "parser",
    }
}

words! {
    /// Where citizens are told that their message arrived, and by which code they can ask for it.
    Receipts as "receipt" {
        /// Only where nobody else reads it: in a direct conversation, by mail.
        Private = "private",
        /// Also under comments, for all to read.
        Public = "public",
    }
}

impl Receipts {
    /// Whether a message that stands there is told of. Mentions and reviews never are: they stand on a page of somebody
    /// else.
    pub const fn reach(self, surface: Surface) -> bool {
        match surface {
            Surface::Direct | Surface::Mail => true,
            Surface::Comment => matches!(self, Self::Public),
            Surface::Mention | Surface::Review => false,
        }
    }
}

/// The receipts of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptConfig {
    /// Where they are given.
    pub reach: Receipts,
    /// The office's own words, with `{code}` where the code stands; absent: those of the catalogue.
    pub text: Option<String>,
}

/// How a channel does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What ails it; nothing when the last read was good.
    pub ailment: Option<Ailment>,
    /// The last error in words, without secrets or citizens' texts.
    pub detail: Option<String>,
    /// Since when it has ailed.
    pub since: Option<Timestamp>,
}

/// A channel as configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelConfig {
    /// Unique short code, written like an office's, such as `fb-dinkes`.
    pub code: OfficeCode,
    /// The office that owns it.
    pub office: OfficeCode,
    /// Where it lives.
    pub platform: Platform,
    /// Name as it is shown.
    pub name: String,
    /// What the platform's connector needs, in its own words; never a secret.
    pub settings: serde_json::Value,
    /// Names of the secrets that it needs (`token`, `password`, `app_secret`), each with the name it is stored under.
    pub secrets: std::collections::BTreeMap<String, String>,
}
