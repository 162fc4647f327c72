//! What the tests of Meta's platforms share.

use std::sync::Arc;

use sahut_channels::{Ask, Connector, Http, HttpPolicy, Outgoing, build};
use sahut_domain::Timestamp;
use sahut_domain::channel::{ChannelConfig, Platform};
use sahut_domain::message::{Author, Surface};
use sahut_domain::office::OfficeCode;
use secrecy::SecretString;
use serde_json::Value;

use super::Peer;

/// A moment that all tests share.
pub(crate) const NOW: &str = "2026-11-24T10:00:00Z";

/// A token that must never be seen outside a header.
pub(crate) const TOKEN: &str = "EAAB0rahasia";

/// A moment.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A channel's configuration.
pub(crate) fn channel(platform: Platform, settings: Value) -> ChannelConfig {
    ChannelConfig {
        code: OfficeCode::parse("kanal-uji").unwrap(),
        office: OfficeCode::parse("diskominfo").unwrap(),
        platform,
        name: "Kanal uji".to_owned(),
        settings,
        secrets: std::collections::BTreeMap::new(),
    }
}

/// The secrets of every channel here.
pub(crate) fn secrets(name: &str) -> Option<SecretString> {
    match name {
        "token" => Some(TOKEN.into()),
        "app_secret" => Some("app-secret-uji".into()),
        "verify_token" => Some("kata-sandi-uji".into()),
        _ => None,
    }
}

/// The connector of a platform that lives at `peer`.
pub(crate) fn connector(platform: Platform, peer: &Peer, mut settings: Value) -> Arc<dyn Connector> {
    settings["base_url"] = Value::from(peer.url.as_str());
    let http = Http::new(HttpPolicy { private_hosts: vec!["127.0.0.1".to_owned()] }).unwrap();
    build(&channel(platform, settings), &secrets, &http).unwrap()
}

/// A request for a page.
pub(crate) fn ask<'a>(feed: &'a str, page: Option<&'a str>) -> Ask<'a> {
    Ask { feed, cursor: None, page, patience: std::time::Duration::ZERO, now: at(NOW) }
}

/// A reply whose first attempt began five minutes ago.
pub(crate) fn reply(surface: Surface, text: &str) -> Outgoing {
    Outgoing {
        key: "balasan-1".to_owned(),
        surface,
        thread: "thread".to_owned(),
        post: Some("post".to_owned()),
        answers: "answered".to_owned(),
        answers_written_at: at("2026-11-24T08:00:00Z"),
        citizen_wrote_at: at("2026-11-24T08:00:00Z"),
        citizen: Author { external_id: Some("citizen".to_owned()), ..Author::default() },
        subject: None,
        text: text.to_owned(),
        first_attempt_at: Some(at("2026-11-24T09:55:00Z")),
        answers_raw: None,
    }
}
