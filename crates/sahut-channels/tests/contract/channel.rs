//! A channel whose platform is a server of the test's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use sahut_channels::{BuildError, Connector, Http, HttpPolicy, Outgoing, build};
use sahut_domain::channel::{ChannelConfig, Platform};
use sahut_domain::message::{Author, Surface};
use sahut_domain::office::OfficeCode;
use secrecy::SecretString;
use serde_json::Value;

/// The present moment of these tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

/// Builds the connector of a channel, whose calls may go to this machine.
pub(crate) fn connector(
    platform: Platform,
    settings: Value,
    secrets: &[(&str, &str)],
) -> Result<Arc<dyn Connector>, BuildError> {
    let http = Http::new(HttpPolicy { private_hosts: vec!["127.0.0.1".to_owned()] }).unwrap();
    let channel = ChannelConfig {
        code: OfficeCode::parse("uji").unwrap(),
        office: OfficeCode::parse("dinkes").unwrap(),
        platform,
        name: "Uji".to_owned(),
        settings,
        secrets: BTreeMap::new(),
    };
    let find = |name: &str| {
        secrets.iter().find(|(known, _)| *known == name).map(|(_, secret)| SecretString::from(*secret))
    };
    build(&channel, &find, &http)
}

/// A reply to the message `answers`.
pub(crate) fn reply(surface: Surface, answers: &str, text: &str) -> Outgoing {
    Outgoing {
        key: "r-1".to_owned(),
        surface,
        thread: answers.to_owned(),
        post: None,
        answers: answers.to_owned(),
        answers_parent: None,
        answers_written_at: now(),
        citizen_wrote_at: now(),
        citizen: Author::default(),
        subject: None,
        text: text.to_owned(),
        automatic: false,
        first_attempt_at: None,
        answers_raw: None,
        others: Vec::new(),
    }
}
