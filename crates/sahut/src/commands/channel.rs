//! `sahut channel`: how channels do; testing, pausing and resuming them.

use jiff::Timestamp;
use sahut_domain::channel::{ChannelState, Platform};
use serde::Serialize;

use crate::app::App;
use crate::failure::{Failure, code};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// All channels: state, up to when they are complete, what ails them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask the platform whose account it is.
    Test {
        /// Code of the channel.
        code: String,
    },
    /// Stop reading a channel.
    Pause {
        /// Code of the channel.
        code: String,
    },
    /// Read a channel again, also one that waits for a person.
    Resume {
        /// Code of the channel.
        code: String,
    },
}

#[derive(Debug, Serialize)]
struct Line {
    code: String,
    office: String,
    platform: Platform,
    state: ChannelState,
    complete_until: Option<Timestamp>,
    /// It comes by deliveries alone: nobody can say up to when it is complete.
    on_delivery: bool,
    last_item: Option<Timestamp>,
    last_own: Option<Timestamp>,
    ailment: Option<sahut_domain::channel::Ailment>,
    detail: Option<String>,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List { json } => list(app, *json).await,
        Command::Test { code } => test(app, code).await,
        Command::Pause { code } => set(app, code, ChannelState::Paused).await,
        Command::Resume { code } => set(app, code, ChannelState::Active).await,
    }
}

async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let channels = db.read().await?.channels().await?;
    let lines: Vec<Line> = channels
        .into_iter()
        .map(|channel| Line {
            on_delivery: sahut_channels::is_push_only(&channel.config),
            code: channel.config.code.to_string(),
            office: channel.config.office.to_string(),
            platform: channel.config.platform,
            state: channel.state,
            complete_until: channel.watermark.filter(|_| !sahut_channels::is_push_only(&channel.config)),
            last_item: channel.item_at,
            last_own: channel.own_at,
            ailment: channel.health.ailment,
            detail: channel.health.detail,
        })
        .collect();
    if json {
        return output::json(&lines);
    }
    let complete = |line: &Line| match line.complete_until {
        Some(at) => at.to_string().chars().take(19).collect(),
        None if line.on_delivery => "on delivery".to_owned(),
        None => "never".to_owned(),
    };
    let rows: Vec<[String; 6]> = lines
        .iter()
        .map(|line| {
            let ailment = line
                .ailment
                .map(|ailment| format!("{ailment}: {}", line.detail.as_deref().unwrap_or_default()));
            [
                line.code.clone(),
                line.office.clone(),
                line.platform.to_string(),
                line.state.to_string(),
                complete(line),
                ailment.unwrap_or_else(|| "well".to_owned()),
            ]
        })
        .collect();
    output::table(["CHANNEL", "OFFICE", "PLATFORM", "STATE", "COMPLETE UNTIL (UTC)", "HEALTH"], &rows)
}

async fn test(app: &App, channel: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let (regency, _) = app.regency(&db).await?;
    let found = db.read().await?.channel(channel).await?.ok_or_else(|| unknown(channel))?;
    let connector = match regency.connectors.get(&found.id) {
        Some(Ok(connector)) => connector,
        Some(Err(reason)) => return Err(Failure::config(reason.clone())),
        None => {
            return Err(Failure::failed(format!(
                "channel {channel} is not read: it holds what was imported"
            )));
        }
    };
    match connector.identify().await {
        Ok(identity) => output::line(&format!("{channel}: {} (id {})", identity.name, identity.external_id)),
        Err(trouble) => {
            Err(Failure::new(code::UNAVAILABLE, format!("{channel}: {}: {trouble}", trouble.ailment())))
        }
    }
}

async fn set(app: &App, channel: &str, state: ChannelState) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    if !tx.set_channel_state(channel, state, "operator", app.clock.now()).await? {
        return Err(unknown(channel));
    }
    tx.commit().await?;
    output::line(&format!("Channel {channel} is {state}."))
}

fn unknown(channel: &str) -> Failure {
    Failure::failed(format!("there is no channel {channel:?}: see `sahut channel list`"))
}
