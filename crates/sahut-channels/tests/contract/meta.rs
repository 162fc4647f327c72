//! What the tests of Meta's platforms share.

use std::sync::Arc;
use std::time::Duration;

use sahut_channels::{Ask, BuildError, Connector, Outgoing};
use sahut_domain::Timestamp;
use sahut_domain::channel::Platform;
use sahut_domain::message::{Author, Surface};
use serde_json::Value;

use crate::channel;
use crate::peer::Peer;

/// The present moment of these tests.
pub(crate) const NOW: &str = "2026-11-24T10:00:00Z";

/// A token that must never be seen outside a header.
pub(crate) const TOKEN: &str = "EAAB0rahasia";

/// A moment.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Builds a connector with all secrets that it may have.
pub(crate) fn try_connector(platform: Platform, settings: Value) -> Result<Arc<dyn Connector>, BuildError> {
    let secrets = [("token", TOKEN), ("app_secret", "app-secret-uji"), ("verify_token", "kata-sandi-uji")];
    channel::connector(platform, settings, &secrets)
}

/// The connector of a platform that lives at `peer`.
pub(crate) fn connector(platform: Platform, peer: &Peer, mut settings: Value) -> Arc<dyn Connector> {
    settings["base_url"] = Value::from(peer.url.as_str());
    try_connector(platform, settings).unwrap()
}

/// A request for a page.
pub(crate) fn ask<'a>(feed: &'a str, page: Option<&'a str>) -> Ask<'a> {
    Ask { feed, cursor: None, page, deep: false, patience: Duration::ZERO, now: at(NOW) }
}

/// A reply to a message of two hours ago, whose first attempt began five minutes ago.
pub(crate) fn reply(surface: Surface, text: &str) -> Outgoing {
    Outgoing {
        thread: "thread".to_owned(),
        post: Some("post".to_owned()),
        answers_written_at: at("2026-11-24T08:00:00Z"),
        citizen_wrote_at: at("2026-11-24T08:00:00Z"),
        citizen: Author { external_id: Some("citizen".to_owned()), ..Author::default() },
        automatic: false,
        first_attempt_at: Some(at("2026-11-24T09:55:00Z")),
        ..channel::reply(surface, "answered", text)
    }
}
