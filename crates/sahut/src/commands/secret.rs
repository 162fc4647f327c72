//! `sahut secret`: tokens and passwords, read from standard input, sealed, never shown again.

use std::io::{IsTerminal as _, Read as _};

use secrecy::SecretString;

use crate::app::{App, secret_name};
use crate::failure::{Failure, code};
use crate::output;

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
    /// Forget a secret.
    Forget {
        /// Code of the channel.
        channel: String,
        /// Name of the secret.
        name: String,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    match &args.command {
        Command::Set { channel, name } => {
            let stored = stored_name(&db, channel, name).await?;
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
            let stored = stored_name(&db, channel, name).await?;
            let mut tx = db.begin().await?;
            if !tx.forget_secret(&stored).await? {
                return Err(Failure::failed(format!("there is no secret {stored}")));
            }
            tx.commit().await?;
            output::line(&format!("Forgot {stored}."))
        }
    }
}

async fn stored_name(db: &sahut_store::Db, channel: &str, name: &str) -> Result<String, Failure> {
    let found = db.read().await?.channel(channel).await?;
    let found = found.ok_or_else(|| {
        Failure::failed(format!(
            "there is no channel {channel:?}: see `sahut channel list`, or apply its configuration first"
        ))
    })?;
    Ok(secret_name(&found, name))
}

fn read_secret() -> Result<SecretString, Failure> {
    if std::io::stdin().is_terminal() {
        eprintln!("Paste the secret, then press Enter and Ctrl-D (it is shown while you type):");
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
