//! Which receipts a channel can give.

use sahut_domain::channel::{ChannelConfig, Platform, Receipts};

/// Whether a channel can tell citizens that their message arrived, and there.
///
/// # Errors
/// Why not, and what can be written instead.
pub fn can_give(channel: &ChannelConfig, receipts: Receipts) -> Result<(), &'static str> {
    let has = |setting: &str| channel.settings.get(setting).is_some();
    match (channel.platform, receipts) {
        (Platform::Import, _) => Err("a file takes no answers: remove it"),
        (Platform::Email, Receipts::Public) => {
            Err("nobody but the citizen reads what a mailbox answers: write \"private\"")
        }
        (Platform::Email, Receipts::Private) if !has("smtp") => {
            Err("this mailbox is only read: give it smtp settings, or remove it")
        }
        (Platform::Wordpress, Receipts::Private) => {
            Err("everybody reads what a WordPress site answers: write \"public\", or remove it")
        }
        (Platform::Webhook, _) if !has("reply_url") => {
            Err("this source takes no answers: give it a reply_url, or remove it")
        }
        _ => Ok(()),
    }
}
