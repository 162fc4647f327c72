//! What an e-mail channel can be told.

use std::path::PathBuf;
use std::time::Duration;

use sahut_domain::channel::ChannelConfig;
use sahut_mail::{ImapSettings, Login, Server, SmtpSettings, Tls};
use secrecy::SecretString;
use serde::Deserialize;

use crate::registry::BuildError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The mailbox's address, such as `dinkes@example.go.id`.
    pub(super) address: String,
    imap: ImapPart,
    /// Absent: the mailbox is only read.
    smtp: Option<SmtpPart>,
    /// How the server that takes mail in calls itself in Authentication-Results; absent: no such header is believed.
    pub(super) authserv_id: Option<String>,
    /// Where copies of answers are kept, such as `Sent`; absent: nowhere.
    pub(super) sent_mailbox: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImapPart {
    host: String,
    #[serde(default = "imaps")]
    port: u16,
    #[serde(default = "implicit")]
    tls: Tls,
    /// Absent: the address.
    user: Option<String>,
    #[serde(default = "inbox")]
    mailbox: String,
    ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpPart {
    host: String,
    #[serde(default = "submissions")]
    port: u16,
    #[serde(default = "implicit")]
    tls: Tls,
    /// Absent: the address. Empty: the server knows us without a login.
    user: Option<String>,
    /// Absent: the address.
    from: Option<String>,
    ca_file: Option<PathBuf>,
}

impl Settings {
    pub(super) fn imap(&self, password: SecretString) -> ImapSettings {
        let ImapPart { host, port, tls, user, mailbox, ca_file } = &self.imap;
        let server = Server { host: host.clone(), port: *port, tls: *tls, ca_file: ca_file.clone() };
        let user = user.clone().unwrap_or_else(|| self.address.clone());
        ImapSettings::new(server, Login { user, password }, mailbox.clone())
    }

    /// An answer goes out once, so the server's last word is waited for as long as RFC 5321 (4.5.3.2.6) asks.
    pub(super) fn smtp(&self, password: SecretString) -> Option<SmtpSettings> {
        let SmtpPart { host, port, tls, user, ca_file, .. } = self.smtp.as_ref()?;
        let server = Server { host: host.clone(), port: *port, tls: *tls, ca_file: ca_file.clone() };
        let user = user.clone().unwrap_or_else(|| self.address.clone());
        let login = (!user.is_empty()).then_some(Login { user, password });
        let settings = SmtpSettings::new(server, login);
        Some(SmtpSettings { max_connections: 1, final_timeout: Duration::from_mins(10), ..settings })
    }

    /// The address that answers come from.
    pub(super) fn from(&self) -> &str {
        self.smtp.as_ref().and_then(|smtp| smtp.from.as_deref()).unwrap_or(&self.address)
    }
}

pub(super) fn wrong(channel: &ChannelConfig, setting: &str, problem: String) -> BuildError {
    BuildError::Setting { channel: channel.code.to_string(), setting: setting.to_owned(), problem }
}

fn imaps() -> u16 {
    993
}

fn submissions() -> u16 {
    465
}

fn implicit() -> Tls {
    Tls::Implicit
}

fn inbox() -> String {
    "INBOX".to_owned()
}
