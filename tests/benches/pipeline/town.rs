//! The example regency on a database of its own, with one page of Facebook.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use sahut_channels::{Ask, Connector, Http, HttpPolicy};
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::channel::{ChannelConfig, ChannelId, Platform};
use sahut_domain::deadline::{DeadlineKind, Policy};
use sahut_domain::ladder::Ladder;
use sahut_domain::office::{Office, OfficeCode, Person};
use sahut_domain::{Chance, Language, ManualClock};
use sahut_pipeline::{Context, Regency, Shared};
use sahut_routing::{RuleSet, Source};
use sahut_store::collect::{NewPage, Stored};
use sahut_store::configuration::NewRevision;
use sahut_store::{Db, Location};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Outcome;
use crate::platform::{PAGE_ID, POST_ID};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/lebong");

/// The regency, with its one channel.
pub(crate) struct Town {
    /// What the stages are given.
    pub(crate) context: Context,
    channel: ChannelId,
    connector: Arc<dyn Connector>,
}

#[derive(Deserialize)]
struct OfficeFile {
    office: Vec<OfficeEntry>,
}

#[derive(Deserialize)]
struct OfficeEntry {
    code: OfficeCode,
    name: String,
    short_name: Option<String>,
    kind: sahut_domain::office::OfficeKind,
    people: Vec<Person>,
}

impl Town {
    /// Makes the database and compiles the regency.
    pub(crate) async fn open(file: &Path, url: &str) -> Outcome<Self> {
        let now = "2026-11-24T01:00:00Z".parse()?;
        let clock = ManualClock::at(now);
        let (db, _) = Db::open_and_migrate(&Location::Sqlite(file.to_owned()), "bench").await?;
        let (offices, config) = (offices()?, channel(url)?);
        let new = NewRevision {
            digest: "bench".to_owned(),
            files: [("bench".to_owned(), String::new())].into(),
            offices: offices.clone(),
            standing: Vec::new(),
            channels: vec![config.clone()],
            since: [(config.code.clone(), jiff::Timestamp::UNIX_EPOCH)].into(),
        };
        let mut tx = db.begin().await?;
        let revision = tx.apply(new, "bench", now).await?;
        let row = tx.channel(config.code.as_str()).await?.ok_or("the channel is not there")?;
        tx.commit().await?;
        let http = Http::new(HttpPolicy { private_hosts: vec!["127.0.0.1".to_owned()] })?;
        let secrets = |_: &str| Some(SecretString::from("token"));
        let connector = sahut_channels::build(&config, &secrets, &http)?;
        let regency = Shared::new(regency(revision, offices)?);
        let context = Context {
            db,
            clock: clock.clock(),
            chance: Chance::seeded(1),
            regency,
            owner: "bench".to_owned(),
        };
        Ok(Self { context, channel: row.id, connector })
    }

    /// Fetches the page that the platform shows and stores it.
    pub(crate) async fn collect(&self) -> Outcome<Stored> {
        let now = self.context.clock.now();
        let feed = format!("comments:{POST_ID}");
        let ask = Ask {
            feed: &feed,
            cursor: None,
            page: None,
            deep: false,
            patience: std::time::Duration::ZERO,
            now,
        };
        let page = NewPage { items: self.connector.read(ask).await?.items, ..NewPage::default() };
        let mut tx = self.context.db.begin().await?;
        let stored = tx.store_page(self.channel, page, now).await?;
        tx.commit().await?;
        Ok(stored)
    }
}

fn regency(revision: i64, offices: Vec<Office>) -> Outcome<Regency> {
    let triage_office = OfficeCode::parse("kominfo")?;
    let kinds: Vec<_> = offices.iter().map(|office| (office.code.clone(), office.kind)).collect();
    let mut sources = Vec::new();
    read(&Path::new(FILES).join("rules"), &mut sources)?;
    let rules =
        RuleSet::compile(&sources, &kinds, &triage_office).map_err(|problems| format!("{problems:?}"))?;
    let usual = Policy {
        kind: DeadlineKind::FirstResponse,
        term: Term::WorkingDays(1),
        legal_basis: "ketetapan".to_owned(),
    };
    let zone = TimeZone::get("Asia/Jakarta")?;
    Ok(Regency {
        revision,
        name: "Kabupaten".to_owned(),
        instance: "bench".to_owned(),
        language: Language::Indonesian,
        triage_office,
        offices: offices.into_iter().map(|office| (office.code.clone(), office)).collect(),
        calendars: [("kantor".to_owned(), WorkingCalendar::civil_service("kantor", zone))].into(),
        policies: usual.into(),
        ladder: Ladder::default(),
        operators: Vec::new(),
        rules,
        receipts: HashMap::new(),
        connectors: HashMap::new(),
        outbox: None,
        links: None,
    })
}

fn offices() -> Outcome<Vec<Office>> {
    let file: OfficeFile = toml::from_str(&fs::read_to_string(Path::new(FILES).join("offices.toml"))?)?;
    let office = |entry: OfficeEntry| Office {
        short_name: entry.short_name.unwrap_or_else(|| entry.name.clone()),
        code: entry.code,
        name: entry.name,
        kind: entry.kind,
        calendar: "kantor".to_owned(),
        people: entry.people,
        approval: false,
    };
    Ok(file.office.into_iter().map(office).collect())
}

fn channel(url: &str) -> Outcome<ChannelConfig> {
    Ok(ChannelConfig {
        code: OfficeCode::parse("fb-pupr")?,
        office: OfficeCode::parse("kominfo")?,
        platform: Platform::Facebook,
        name: "Facebook".to_owned(),
        settings: serde_json::json!({ "page_id": PAGE_ID, "base_url": url }),
        secrets: [("token".to_owned(), "token".to_owned())].into(),
    })
}

/// Reads the rules of a folder and of the folders in it.
fn read(folder: &Path, sources: &mut Vec<Source>) -> Outcome {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(&path, sources)?;
        } else {
            let text = fs::read_to_string(&path)?;
            let name = path.strip_prefix(FILES)?.to_string_lossy().into_owned();
            sources.push(Source { path: name, text });
        }
    }
    Ok(())
}
