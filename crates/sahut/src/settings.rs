//! `sahut.toml`: where this process finds its database, its mail server and its files.
//!
//! What the regency is (offices, channels, rules, calendars) is not here but in a folder of its own, which is applied to
//! the database as a numbered set. Every setting can be given by the environment as well: `SAHUT__MAIL__HOST` stands for
//! `host` under `[mail]`. Secrets stand in neither: they are files (`…_file`) or sealed in the database.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sahut_mail::Tls;
use sahut_routing::{Problem, Source};
use sahut_store::Location;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;

/// Prefix of the environment's settings.
const PREFIX: &str = "SAHUT__";

/// Everything in `sahut.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) database: DatabaseSettings,
    pub(crate) regency: RegencySettings,
    pub(crate) secrets: SecretSettings,
    pub(crate) listen: ListenSettings,
    pub(crate) mail: Option<MailSettings>,
    pub(crate) network: NetworkSettings,
    pub(crate) collect: CollectSettings,
    pub(crate) routing: RoutingSettings,
    pub(crate) log: LogSettings,
}

/// `[database]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseSettings {
    /// A file, or `postgres://…`.
    pub(crate) location: String,
}

/// `[regency]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RegencySettings {
    /// The folder that is applied to an empty database.
    pub(crate) files: PathBuf,
}

/// `[secrets]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretSettings {
    /// The key that secrets in the database are sealed with.
    pub(crate) key_file: PathBuf,
}

/// `[listen]`: addresses with ports.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListenSettings {
    /// Where platforms deliver, behind a reverse proxy.
    #[serde(deserialize_with = "address")]
    pub(crate) public: String,
    /// Probes and metrics, for this machine or a protected network.
    #[serde(deserialize_with = "address")]
    pub(crate) operator: String,
    /// Where `public` is reached from outside, such as `https://sahut.lebong.go.id`: absent, mails carry no links.
    #[serde(deserialize_with = "outside")]
    pub(crate) url: Option<String>,
}

/// `[mail]`: how notices leave.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailSettings {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    #[serde(default = "starttls")]
    pub(crate) tls: Tls,
    /// A certificate authority of one's own, as a PEM file.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user: Option<String>,
    /// A file that holds the password.
    pub(crate) password_file: Option<PathBuf>,
    /// The address that notices come from.
    pub(crate) from: String,
    /// The name that is shown with it.
    #[serde(default = "from_name")]
    pub(crate) from_name: String,
    #[serde(default = "mail_connections")]
    pub(crate) connections: usize,
    /// How notices are answered by mail; absent: they are not.
    pub(crate) replies: Option<ReplySettings>,
}

/// `[mail.replies]`: how notices are answered by mail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplySettings {
    /// An address whose server delivers `name+anything@…` to it.
    pub(crate) address: String,
    /// Whom to believe who wrote a mail.
    #[serde(default)]
    pub(crate) trust: TrustSetting,
    /// How the server that takes our mail in calls itself in Authentication-Results.
    pub(crate) authserv_id: Option<String>,
    /// The mailbox's server; absent: mails come in by `sahut mail-pipe`.
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    #[serde(default = "implicit")]
    pub(crate) tls: Tls,
    pub(crate) ca_file: Option<PathBuf>,
    /// Absent: the address.
    pub(crate) user: Option<String>,
    /// A file that holds the password.
    pub(crate) password_file: Option<PathBuf>,
    #[serde(default = "inbox")]
    pub(crate) folder: String,
    /// Reports on a notice come back to its own address; otherwise to `from`.
    #[serde(default = "yes")]
    pub(crate) reports: bool,
}

/// Whom to believe who wrote a mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrustSetting {
    /// The server that took it in.
    #[default]
    Server,
    /// Whoever knows the address of the notice.
    Token,
}

/// `[network]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NetworkSettings {
    /// Hosts in private networks that connectors may call all the same.
    pub(crate) private_hosts: Vec<String>,
}

/// `[collect]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CollectSettings {
    /// Shortest wait between two rounds of reading a channel, in seconds.
    pub(crate) shortest_seconds: f64,
    /// Longest wait, in seconds.
    pub(crate) longest_seconds: f64,
    /// Channels that are read at once.
    pub(crate) at_once: usize,
    /// How long a queue may wait for something new, in seconds.
    pub(crate) patience_seconds: u64,
}

/// `[routing]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoutingSettings {
    /// How much of the last inquiries changed rules may send elsewhere without being asked, in percent.
    pub(crate) most_moved: f64,
}

/// `[log]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSettings {
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
}

impl DatabaseSettings {
    /// The location, read.
    pub(crate) fn place(&self) -> Location {
        match self.location.parse() {
            Ok(location) => location,
        }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { location: "sahut.db".to_owned() }
    }
}

impl Default for RegencySettings {
    fn default() -> Self {
        Self { files: PathBuf::from("regency") }
    }
}

impl Default for SecretSettings {
    fn default() -> Self {
        Self { key_file: PathBuf::from("sahut.key") }
    }
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self { public: "127.0.0.1:8080".to_owned(), operator: "127.0.0.1:9090".to_owned(), url: None }
    }
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self { most_moved: 10.0 }
    }
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self { shortest_seconds: 20.0, longest_seconds: 300.0, at_once: 256, patience_seconds: 25 }
    }
}

/// An address that can be listened on: a host, a colon, and a port.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text),
        _ => Err(D::Error::custom(format!(
            "{text:?} is no address to listen on: expected a host and a port from 0 to 65535, such as \"127.0.0.1:8080\""
        ))),
    }
}

/// An address that links begin with: a scheme, a host, perhaps a port and a folder, and nothing behind.
fn outside<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b));
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if plain && !host.is_empty() && !host.starts_with(['/', ':']) => {
            Ok(Some(text.trim_end_matches('/').to_owned()))
        }
        _ => Err(D::Error::custom(format!(
            "{text:?} is no address to begin links with: expected something like \"https://sahut.lebong.go.id\""
        ))),
    }
}

fn starttls() -> Tls {
    Tls::StartTls
}

fn implicit() -> Tls {
    Tls::Implicit
}

fn yes() -> bool {
    true
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn from_name() -> String {
    "Sahut".to_owned()
}

fn mail_connections() -> usize {
    4
}

impl Settings {
    /// Reads a settings file and the environment over it. Paths in the file are relative to the file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::config(format!(
                "there is no {}: make one with `sahut init`, or name one with --config",
                path.display()
            )),
            _ => Failure::file(path, "cannot read", &error),
        })?;
        let source = Source { path: path.display().to_string(), text };
        let mut settings = Self::parse(&source, std::env::vars_os())?;
        settings.anchor(path.parent().unwrap_or(Path::new("")));
        Ok(settings)
    }

    fn parse(
        source: &Source,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Failure> {
        // Read by itself first, so that a mistake in the file is shown at its place.
        toml::from_str::<Self>(&source.text)
            .map_err(|error| Failure::problems(&[toml_problem(source, &error)]))?;
        let mut table: toml::Table = toml::from_str(&source.text)
            .map_err(|error| Failure::problems(&[toml_problem(source, &error)]))?;
        let mut given = Vec::new();
        for (name, value) in environment {
            let name = name.to_string_lossy();
            if let Some(path) = name.strip_prefix(PREFIX) {
                let value = value
                    .to_str()
                    .ok_or_else(|| Failure::config(format!("{name} in the environment is not UTF-8")))?;
                set(&mut table, path, value)?;
                given.push(name.into_owned());
            }
        }
        table.try_into().map_err(|error: toml::de::Error| {
            Failure::config(format!("{} in the environment: {}", given.join(", "), error.message()))
        })
    }

    /// Makes relative paths relative to the folder of the file that names them.
    fn anchor(&mut self, folder: &Path) {
        let anchor = |path: &mut PathBuf| *path = folder.join(&*path);
        anchor(&mut self.regency.files);
        anchor(&mut self.secrets.key_file);
        if let Some(mail) = &mut self.mail {
            mail.password_file.as_mut().map(anchor);
            mail.ca_file.as_mut().map(anchor);
            if let Some(replies) = &mut mail.replies {
                replies.password_file.as_mut().map(anchor);
                replies.ca_file.as_mut().map(anchor);
            }
        }
        if let Location::Sqlite(file) = self.database.place() {
            self.database.location = folder.join(file).display().to_string();
        }
    }
}

/// Sets what `SECTION__KEY` names.
fn set(table: &mut toml::Table, path: &str, value: &str) -> Result<(), Failure> {
    let Some((section, key)) = path.split_once("__") else {
        return Err(Failure::config(format!(
            "{PREFIX}{path} names no setting: expected {PREFIX}SECTION__KEY"
        )));
    };
    let section =
        table.entry(section.to_lowercase()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let value = match value.parse::<toml::Value>() {
        Ok(
            value @ (toml::Value::Integer(_)
            | toml::Value::Boolean(_)
            | toml::Value::Float(_)
            | toml::Value::Array(_)),
        ) => value,
        _ => toml::Value::String(value.to_owned()),
    };
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_lowercase(), value);
    }
    Ok(())
}

/// An error of the TOML reader as a problem at its place.
pub(crate) fn toml_problem(source: &Source, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().replace('\n', ", ");
    let help = if message.contains("unknown field") || message.contains("unknown variant") {
        "remove it, or write it as one of the known names"
    } else {
        "mend this place; the documentation of the files is in docs/configuration.md"
    };
    Problem::at(source, span, message, "here", help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Failure> {
        let source = Source { path: "sahut.toml".to_owned(), text: text.to_owned() };
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::parse(&source, environment)
    }

    #[test]
    fn an_empty_file_is_a_whole_configuration() {
        let settings = parse("", &[]).unwrap();
        assert_eq!(settings.database.location, "sahut.db");
        assert!(settings.mail.is_none());
        assert!((settings.routing.most_moved - 10.0).abs() < f64::EPSILON);
        assert!(
            (parse("[routing]\nmost_moved = 25\n", &[]).unwrap().routing.most_moved - 25.0).abs()
                < f64::EPSILON
        );
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let text = "[mail]\nhost = \"a\"\nfrom = \"sahut@example.go.id\"\n";
        let given = [("SAHUT__MAIL__HOST", "b"), ("SAHUT__MAIL__PORT", "2525"), ("HOME", "/")];
        let mail = parse(text, &given).unwrap().mail.unwrap();
        assert_eq!((mail.host.as_str(), mail.port), ("b", Some(2525)));
    }

    #[test]
    fn answers_by_mail_are_believed_by_the_servers_word_unless_said_otherwise() {
        let text = "[mail]\nhost = \"a\"\nfrom = \"s@x.id\"\n[mail.replies]\naddress = \"s@x.id\"\n";
        let replies =
            |more: &str| parse(&format!("{text}{more}"), &[]).map(|all| all.mail.unwrap().replies.unwrap());
        let usual = replies("").unwrap();
        assert_eq!((usual.trust, usual.folder.as_str()), (TrustSetting::Server, "INBOX"));
        assert_eq!(replies("trust = \"token\"\n").unwrap().trust, TrustSetting::Token);
        assert!(replies("trust = \"nobody\"\n").unwrap_err().message.contains("sahut.toml:6"));
        assert!(
            parse("[mail]\nhost = \"a\"\nfrom = \"s@x.id\"\n", &[]).unwrap().mail.unwrap().replies.is_none()
        );
    }

    #[test]
    fn only_a_setting_has_to_be_readable_text() {
        use std::os::unix::ffi::OsStringExt as _;
        let source = Source { path: "sahut.toml".to_owned(), text: String::new() };
        let load = |name: &str| {
            let odd = OsString::from_vec(vec![b'x', 0xff]);
            Settings::parse(&source, [(OsString::from(name), odd)].into_iter())
        };
        assert!(load("LESSCHARSET").is_ok());
        assert!(load("SAHUT__MAIL__HOST").unwrap_err().message.contains("SAHUT__MAIL__HOST"));
    }

    #[test]
    fn a_file_is_found_from_the_settings_whatever_it_is_called() {
        let anchored = |location: &str| {
            let mut settings = Settings::default();
            location.clone_into(&mut settings.database.location);
            settings.anchor(Path::new("/etc/sahut"));
            settings.database.location
        };
        assert_eq!(anchored("postgres.db"), "/etc/sahut/postgres.db");
        assert_eq!(anchored("sqlite:a.db"), "/etc/sahut/a.db");
        assert_eq!(anchored("/var/lib/a.db"), "/var/lib/a.db");
        assert_eq!(anchored("postgres://u@h/d"), "postgres://u@h/d");
    }

    #[test]
    fn an_address_that_nobody_can_listen_on_is_shown_at_its_place() {
        for wrong in ["127.0.0.1:909090", "127.0.0.1", ":8080", "127.0.0.1:http"] {
            let failure = parse(&format!("[listen]\noperator = \"{wrong}\"\n"), &[]).unwrap_err();
            assert!(
                failure.message.contains("sahut.toml:2:12") && failure.message.contains(wrong),
                "{failure}"
            );
        }
        for right in ["127.0.0.1:0", "[::]:8080", "localhost:65535"] {
            assert!(parse(&format!("[listen]\npublic = \"{right}\"\n"), &[]).is_ok(), "{right}");
        }
        let url = |url: &str| parse(&format!("[listen]\nurl = \"{url}\"\n"), &[]).map(|read| read.listen.url);
        assert_eq!(url("https://a.go.id/").unwrap().as_deref(), Some("https://a.go.id"));
        assert_eq!(
            url("http://127.0.0.1:8080/sahut").unwrap().as_deref(),
            Some("http://127.0.0.1:8080/sahut")
        );
        for wrong in
            ["a.go.id", "javascript:alert(1)", "https://", "https:///i", "https://a.go.id/?x", "https://a b"]
        {
            assert!(url(wrong).unwrap_err().message.contains("sahut.toml:2:7"), "{wrong}");
        }
        let failure = parse("", &[("SAHUT__LISTEN__PUBLIC", "127.0.0.1:909090")]).unwrap_err();
        assert!(failure.message.contains("SAHUT__LISTEN__PUBLIC"), "{failure}");
    }

    #[test]
    fn a_mistake_is_shown_at_its_place() {
        let failure = parse("[database]\nlocatoin = \"x\"\n", &[]).unwrap_err();
        assert!(failure.message.contains("sahut.toml:2:1"), "{failure}");
        assert!(failure.message.contains("locatoin"), "{failure}");
        let failure = parse("", &[("SAHUT__MAIL__PORT", "many")]).unwrap_err();
        assert!(failure.message.contains("SAHUT__MAIL__PORT"), "{failure}");
    }
}
