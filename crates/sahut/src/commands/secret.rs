//! `sahut secret`: tokens and passwords, read from standard input, sealed, never shown again.

use std::io::{IsTerminal as _, Read as _};

use sahut_store::collect::Channel;
use secrecy::SecretString;

use crate::app::{App, secret_name};
use crate::failure::{Failure, code};
use crate::links;
use crate::output;
use crate::regency::try_channel;
use crate::vault::Vault;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read a secret from standard input and store it, in place of the one before.
    Set {
        /// Code of the channel.
        channel: String,
        /// Name of the secret, such as `token`, `password` or `app_secret`.
        name: String,
    },
    /// Names of the stored secrets.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget a secret, also one of a channel that is no longer configured.
    Forget {
        /// Code of the channel, or all of the name that `sahut secret list` shows.
        channel: String,
        /// Name of the secret; not with a whole name.
        name: Option<String>,
    },
    /// Make a new key where the old one is lost. Secrets that were stored before have to be set again.
    NewKey,
    /// Sign the links in mails with another key from now on. Those that are out hold until their time.
    NewLinkKey {
        /// End all links that are out: nobody opens anything by an older mail any more.
        #[arg(long)]
        at_once: bool,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    match &args.command {
        Command::Set { channel, name } => {
            let found = known_channel(&db, channel).await?;
            refuse_unasked(app, &found, name)?;
            let stored = secret_name(&found, name);
            let secret = read_secret()?;
            let sealed = app.vault()?.seal(&stored, &secret, &app.chance)?;
            let mut tx = db.begin().await?;
            tx.store_secret(&stored, sealed, app.clock.now()).await?;
            tx.commit().await?;
            output::line(&format!("Stored as {stored}; a running process uses it within seconds."))
        }
        Command::List { json } => {
            let names: Vec<String> =
                db.read().await?.secrets().await?.into_iter().map(|(name, _)| name).collect();
            if *json { output::json(&names) } else { names.iter().try_for_each(|name| output::line(name)) }
        }
        Command::Forget { channel, name } => {
            let stored = match name {
                Some(name) => secret_name(&known_channel(&db, channel).await?, name),
                None => channel.clone(),
            };
            let mut tx = db.begin().await?;
            if !tx.forget_secret(&stored).await? {
                return Err(Failure::failed(format!("there is no secret {stored}: see `sahut secret list`")));
            }
            tx.commit().await?;
            output::line(&format!("Forgot {stored}."))
        }
        Command::NewKey => new_key(app, &db).await,
        Command::NewLinkKey { at_once } => {
            let mut tx = db.begin().await?;
            links::rotate(app, &mut tx, *at_once).await?;
            tx.commit().await?;
            output::line(if *at_once {
                "Links are signed with another key now; those in older mails open nothing any more."
            } else {
                "Links are signed with another key now; those in older mails hold until their time."
            })
        }
    }
}

/// Makes a key where there is none, and names what it cannot open.
async fn new_key(app: &App, db: &sahut_store::Db) -> Result<(), Failure> {
    let path = &app.settings.secrets.key_file;
    Vault::create(path, &app.chance)?;
    output::line(&format!("Wrote {}: keep a copy of it apart from the backups.", path.display()))?;
    for (name, _) in db.read().await?.secrets().await? {
        output::line(&format!(
            "{name} was sealed with the key before: set it again with `sahut secret set`."
        ))?;
    }
    Ok(())
}

async fn known_channel(db: &sahut_store::Db, channel: &str) -> Result<Channel, Failure> {
    let found = db.read().await?.channel(channel).await?;
    found.ok_or_else(|| {
        Failure::failed(format!(
            "there is no channel {channel:?}: see `sahut channel list`, or apply its configuration first"
        ))
    })
}

/// Nothing would ever read a secret that the channel does not ask for.
fn refuse_unasked(app: &App, channel: &Channel, name: &str) -> Result<(), Failure> {
    let asked = try_channel(&channel.config, &app.http).asked;
    if asked.iter().any(|asked| asked == name) {
        return Ok(());
    }
    let (channel, platform) = (&channel.config.code, channel.config.platform);
    Err(Failure::new(
        code::USAGE,
        if asked.is_empty() {
            format!("channel {channel} ({platform}) asks for no secret; nothing was stored")
        } else {
            let asked = asked.join(", ");
            format!(
                "channel {channel} ({platform}) asks for no secret {name:?}, but for: {asked}; nothing was stored"
            )
        },
    ))
}

fn read_secret() -> Result<SecretString, Failure> {
    if std::io::stdin().is_terminal() {
        output::say("Paste the secret, then press Enter and Ctrl-D (it is shown while you type):");
    }
    let mut text = String::new();
    let read = std::io::stdin().take(64 * 1024).read_to_string(&mut text);
    read.map_err(|error| Failure::new(code::IO, format!("cannot read standard input: {error}")))?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Failure::new(
            code::USAGE,
            "no secret came on standard input: sahut secret set … < token.txt",
        ));
    }
    Ok(SecretString::from(secret.to_owned()))
}
