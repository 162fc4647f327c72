//! What every command starts from: the settings, the database, and the running configuration compiled from it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sahut_channels::{Connector, Http, HttpPolicy};
use sahut_domain::channel::Platform;
use sahut_domain::office::OfficeCode;
use sahut_domain::{Chance, Clock};
use sahut_mail::{Imap, ImapSettings, Login, Mailbox, Server, Smtp, SmtpSettings, Tls};
use sahut_pipeline::{Connectors, Outbox, Regency, Replies, Trust};
use sahut_routing::{Model, RuleSet};
use sahut_store::collect::Channel;
use sahut_store::secrets::Sealed;
use sahut_store::{Db, Location};
use secrecy::SecretString;

use crate::failure::Failure;
use crate::regency::{Files, RegencySet};
use crate::settings::{MailSettings, ReplySettings, Settings, TrustSetting};
use crate::vault::Vault;

/// What every command starts from.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
    pub(crate) http: Http,
}

/// What the running configuration was compiled from: when it differs, it has to be compiled again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    revision: i64,
    /// What was learned and is in use.
    model: Option<i64>,
    secrets: Vec<(String, Vec<u8>)>,
    /// Nobody is mailed there, so the people of the offices are other ones.
    refused: BTreeSet<String>,
    /// Nobody acts there, so their heads are told as well.
    silent: BTreeSet<OfficeCode>,
}

impl Stamp {
    /// Names of secrets that are new or other ones than before.
    pub(crate) fn changed_secrets(&self, before: &Self) -> Vec<&str> {
        let changed = self.secrets.iter().filter(|secret| !before.secrets.contains(secret));
        changed.map(|(name, _)| name.as_str()).collect()
    }
}

impl App {
    pub(crate) fn load(config: &Path) -> Result<Self, Failure> {
        Self::with(Settings::load(config)?, Clock::system())
    }

    pub(crate) fn with(settings: Settings, clock: Clock) -> Result<Self, Failure> {
        let policy = HttpPolicy { private_hosts: settings.network.private_hosts.clone() };
        let http = Http::new(policy).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { settings, clock, chance: Chance::system(), http })
    }

    pub(crate) fn location(&self) -> Location {
        self.settings.database.place()
    }

    /// Opens the database beside a running process, for a command of a few statements.
    pub(crate) async fn beside(&self) -> Result<Db, Failure> {
        Ok(Db::open_beside(&self.location()).await?)
    }

    /// How this process names itself: on locks and on leases.
    pub(crate) fn owner(purpose: &str) -> String {
        let system = rustix::system::uname();
        format!("{purpose} {} (process {})", system.nodename().to_string_lossy(), std::process::id())
    }

    /// Compiles the configuration that is in the database, with its connectors.
    pub(crate) async fn regency(&self, db: &Db) -> Result<(Regency, Stamp), Failure> {
        let mut tx = db.begin().await?;
        // Before the secrets are read, of which its key is one.
        let links = crate::links::links(self, &mut tx).await;
        let revision = tx.revision().await?.ok_or_else(no_configuration)?;
        let mut fresh = [0; 6];
        self.chance.fill(&mut fresh);
        let fresh = hex(&fresh);
        let instance = tx.instance(&fresh).await?;
        let channels = tx.channels().await?;
        let offices = tx.offices().await?;
        let sealed = tx.secrets().await?;
        let refused = tx.refused_addresses().await?;
        let silent = tx.silent_offices().await?;
        let model = tx.model_in_use().await?;
        tx.commit().await?;
        let stamp = Stamp {
            revision: revision.id,
            model: model.as_ref().map(|(number, _)| *number),
            secrets: sealed.iter().map(|(name, sealed)| (name.clone(), sealed.nonce.clone())).collect(),
            refused,
            silent: silent.clone(),
        };
        let files = Files(revision.files);
        let mut set =
            RegencySet::read(&files, revision.id).map_err(|problems| Failure::problems(&problems))?;
        teach(&mut set.rules, model);
        for office in silent {
            set.ladder.desks.entry(office).or_default().silent = true;
        }
        let receipt = |channel: &Channel| Some((channel.id, set.receipts.get(&channel.config.code)?.clone()));
        let receipts = channels.iter().filter_map(receipt).collect();
        let connectors = self.connectors(&channels, &sealed.into_iter().collect())?;
        let regency = Regency {
            revision: revision.id,
            name: set.name,
            instance,
            language: set.language,
            triage_office: set.triage_office,
            // The rows, not the file: they know which addresses are refused.
            offices: offices.into_iter().map(|office| (office.code.clone(), office)).collect(),
            calendars: set.calendars,
            policies: set.policies,
            ladder: set.ladder,
            operators: set.operators,
            rules: set.rules,
            receipts,
            connectors,
            outbox: self.outbox()?,
            links,
        };
        Ok((regency, stamp))
    }

    /// What the running configuration would be compiled from now.
    pub(crate) async fn stamp(&self, db: &Db) -> Result<Stamp, Failure> {
        let mut tx = db.read().await?;
        let revision = tx.revision_number().await?.ok_or_else(no_configuration)?;
        let sealed = tx.secrets().await?;
        let secrets = sealed.into_iter().map(|(name, sealed)| (name, sealed.nonce)).collect();
        let model = tx.model_number().await?;
        Ok(Stamp {
            revision,
            model,
            secrets,
            refused: tx.refused_addresses().await?,
            silent: tx.silent_offices().await?,
        })
    }

    pub(crate) fn vault(&self) -> Result<Vault, Failure> {
        Vault::open(&self.settings.secrets.key_file)
    }

    /// Where mail goes out.
    pub(crate) fn outbox(&self) -> Result<Option<Outbox>, Failure> {
        let Some(mail) = &self.settings.mail else { return Ok(None) };
        let outbox = outbox(mail)?;
        let replies = mail.replies.as_ref().map(|replies| self.replies(replies)).transpose()?;
        Ok(Some(Outbox { replies, ..outbox }))
    }

    /// How notices are answered by mail.
    fn replies(&self, settings: &ReplySettings) -> Result<Replies, Failure> {
        let wrong = |what: String| Failure::config(format!("[mail.replies]: {what}"));
        let trust = match (settings.trust, &settings.authserv_id) {
            (TrustSetting::Token, _) => Trust::Address,
            (TrustSetting::Server, Some(name)) => Trust::Server(name.clone()),
            (TrustSetting::Server, None) => {
                return Err(wrong(
                    "authserv_id is missing: give the name that your mail server writes into Authentication-Results, or \
                     trust = \"token\" where it writes none"
                        .to_owned(),
                ));
            }
        };
        let key = self.vault()?.key_for("mail replies");
        let mut replies = Replies::new(&settings.address, key, trust, mailbox(settings)?)
            .map_err(|error| wrong(format!("address: {error}")))?;
        replies.takes_reports = settings.reports;
        Ok(replies)
    }

    /// Builds the connectors of channels. A secret that cannot be opened is the trouble of the channels that need it.
    fn connectors(
        &self,
        channels: &[Channel],
        sealed: &HashMap<String, Sealed>,
    ) -> Result<Connectors, Failure> {
        // Without secrets no key is needed: a first look at the program asks for none.
        let needed = |channel: &Channel| sealed.keys().any(|name| uses_secret(channel, name));
        let vault = channels.iter().any(needed).then(|| self.vault()).transpose()?;
        let read = |channel: &&Channel| channel.config.platform != Platform::Import;
        let build = |channel: &Channel| (channel.id, self.connector(channel, sealed, vault.as_ref()));
        Ok(channels.iter().filter(read).map(build).collect())
    }

    fn connector(
        &self,
        channel: &Channel,
        sealed: &HashMap<String, Sealed>,
        vault: Option<&Vault>,
    ) -> Result<Arc<dyn Connector>, String> {
        let closed = RefCell::new(None);
        let find = |name: &str| {
            let name = secret_name(channel, name);
            match vault?.unseal(&name, sealed.get(&name)?) {
                Ok(secret) => Some(secret),
                Err(failure) => {
                    closed.borrow_mut().get_or_insert(failure.message);
                    None
                }
            }
        };
        let built = sahut_channels::build(&channel.config, &find, &self.http);
        closed.into_inner().map_or_else(|| built.map_err(|error| error.to_string()), Err)
    }
}

/// Lets the model in use help to decide. One that cannot be read is left out: the rules decide without it.
pub(crate) fn teach(rules: &mut RuleSet, model: Option<(i64, Vec<u8>)>) {
    let Some((number, bytes)) = model else { return };
    match Model::from_bytes(&bytes) {
        Ok(model) => rules.teach(model, number),
        Err(error) => tracing::error!(model = number, %error, "model.unreadable"),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The name that a channel's secret is stored under: its own, unless the configuration shares another's.
pub(crate) fn secret_name(channel: &Channel, name: &str) -> String {
    let shared = channel.config.secrets.get(name);
    shared.cloned().unwrap_or_else(|| format!("{}/{name}", channel.config.code))
}

/// Whether a channel uses the secret that is stored under this name.
pub(crate) fn uses_secret(channel: &Channel, stored: &str) -> bool {
    let own = stored.strip_prefix(channel.config.code.as_str()).is_some_and(|rest| rest.starts_with('/'));
    own || channel.config.secrets.values().any(|shared| shared == stored)
}

fn no_configuration() -> Failure {
    Failure::config(
        "no configuration has been applied yet: `sahut run` applies the folder that the settings name, `sahut apply DIR` \
         another one",
    )
}

fn outbox(mail: &MailSettings) -> Result<Outbox, Failure> {
    let from = Mailbox::new(Some(&mail.from_name), &mail.from)
        .map_err(|error| Failure::config(format!("from under [mail]: {error}")))?;
    let login = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => {
            let password = std::fs::read_to_string(file)
                .map_err(|error| Failure::file(file, "cannot read the mail password", &error))?;
            Some(Login { user: user.clone(), password: SecretString::from(password.trim_end().to_owned()) })
        }
        (None, None) => None,
        _ => {
            return Err(Failure::config(
                "[mail] has only one of user and password_file: give both, or neither",
            ));
        }
    };
    let port = mail.port.unwrap_or(match mail.tls {
        Tls::Implicit => 465,
        Tls::StartTls => 587,
        Tls::None => 25,
    });
    let server = Server { host: mail.host.clone(), port, tls: mail.tls, ca_file: mail.ca_file.clone() };
    let settings =
        SmtpSettings { max_connections: mail.connections.max(1), ..SmtpSettings::new(server, login) };
    let smtp = Smtp::new(settings).map_err(|error| Failure::config(format!("[mail]: {error}")))?;
    Ok(Outbox { smtp, from, replies: None })
}

/// The mailbox where answers arrive, with its name; none where they come in by a pipe.
fn mailbox(settings: &ReplySettings) -> Result<Option<(String, Imap)>, Failure> {
    let Some(host) = &settings.host else { return Ok(None) };
    let Some(file) = &settings.password_file else {
        return Err(Failure::config("[mail.replies] has a host and no password_file: give both, or neither"));
    };
    let password = std::fs::read_to_string(file)
        .map_err(|error| Failure::file(file, "cannot read the password of the mailbox", &error))?;
    let user = settings.user.clone().unwrap_or_else(|| settings.address.clone());
    let port = settings.port.unwrap_or(if settings.tls == Tls::None { 143 } else { 993 });
    let name = format!("{user}@{host}:{port}/{}", settings.folder);
    let server = Server { host: host.clone(), port, tls: settings.tls, ca_file: settings.ca_file.clone() };
    let login = Login { user, password: SecretString::from(password.trim_end().to_owned()) };
    let imap = Imap::new(ImapSettings::new(server, login, settings.folder.clone()))
        .map_err(|error| Failure::config(format!("[mail.replies]: {error}")))?;
    Ok(Some((name, imap)))
}

/// How channels are read, from the settings.
pub(crate) fn collect_settings(settings: &Settings) -> sahut_pipeline::collect::Settings {
    let seconds = |value: f64| Duration::try_from_secs_f64(value).unwrap_or(Duration::from_mins(1));
    sahut_pipeline::collect::Settings {
        at_once: settings.collect.at_once.max(1),
        cadence: sahut_pipeline::cadence::Cadence {
            shortest: seconds(settings.collect.shortest_seconds),
            longest: seconds(settings.collect.longest_seconds),
        },
        patience: Duration::from_secs(settings.collect.patience_seconds),
    }
}
