//! Ten thousand channels of one process, each with nothing new, against bare polls over connections that are kept.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use sahut_testing::Canned;
use sahut_testing::measure::{Line, Target, cpu, cpu_of_process, median};
use sahut_tests::Sahut;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};

use crate::Outcome;

const CHANNELS: usize = 10_000;

/// What Telegram answers when there is nothing new.
const NOTHING: &str = r#"{"ok":true,"result":[]}"#;

/// Until every channel has been read for the first time and they have spread.
const WARM_UP: Duration = Duration::from_secs(50);

const WATCHED: Duration = Duration::from_secs(30);

/// How often the schedule is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Bare polls, and how many of them are under way at once.
const POLLS: usize = 20_000;
const AT_ONCE: usize = 32;

pub(crate) fn measure() -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    let server = Canned::start(NOTHING)?;
    let limit = runtime.block_on(bare(&server.url()))?;
    let mut sahut = installed(&server.url())?;
    sahut.start(&["run"])?;
    let id = sahut.daemon()?.id();
    thread::sleep(WARM_UP);
    let (polled, before) = (server.answered(), cpu_of_process(id));
    let file = sahut.folder().join("sahut.db");
    let lag = runtime.block_on(lags(&file))?;
    let used = cpu_of_process(id).saturating_sub(before);
    let polls = server.answered() - polled;
    eprintln!("many-channels: {polls} polls in {WATCHED:?}");
    #[expect(clippy::cast_precision_loss, reason = "some thousand is exact")]
    let ours = used.as_secs_f64() * 1e6 / polls.max(1) as f64;
    let target = Target::Times(3.0);
    Line { name: "many-channels", ours, limit: Some(limit), unit: "us CPU a poll", target }.print();
    Line { name: "many-channels-lag", ours: lag, limit: None, unit: "ms", target: Target::Most(1000.0) }
        .print();
    Ok(())
}

/// An installation with its channels, as an operator would make it.
fn installed(url: &str) -> Outcome<Sahut> {
    let mut sahut = Sahut::new()?;
    let operator = format!("127.0.0.1:{}", sahut.web_port());
    for (name, value) in [
        ("LISTEN__OPERATOR", &*operator),
        ("LISTEN__PUBLIC", "127.0.0.1:0"),
        ("NETWORK__PRIVATE_HOSTS", "[\"127.0.0.1\"]"),
        ("COLLECT__SHORTEST_SECONDS", "20.0"),
        ("COLLECT__LONGEST_SECONDS", "20.0"),
        ("COLLECT__PATIENCE_SECONDS", "0"),
    ] {
        sahut.set(&format!("SAHUT__{name}"), value);
    }
    let mut channels = String::new();
    for number in 0..CHANNELS {
        let _ = writeln!(
            channels,
            "[[channel]]\ncode = \"tg-{number}\"\noffice = \"kominfo\"\nplatform = \"telegram\"\nname = \"{number}\"\n\
             settings = {{ base_url = \"{url}\" }}\nsecrets = {{ token = \"bot\" }}\n"
        );
    }
    sahut.run(&["init", "."])?;
    sahut.write("regency/channels.toml", &channels)?;
    for (command, input) in [
        (&["migrate"][..], ""),
        (&["apply", "regency"], ""),
        (&["secret", "set", "tg-0", "token"], "42:secret"),
    ] {
        let finished = sahut.run_with(command, input)?;
        if finished.code != Some(0) {
            return Err(format!("sahut {command:?}: {}", finished.stderr).into());
        }
    }
    Ok(sahut)
}

/// Looks again and again how late the channel is that has waited longest; the 99th of a hundred looks, in milliseconds.
async fn lags(file: &std::path::Path) -> Outcome<f64> {
    let options = SqliteConnectOptions::new().filename(file).pragma("query_only", "ON");
    let mut connection: SqliteConnection = options.connect().await?;
    let mut lags = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < WATCHED {
        let row = sqlx::query(
            "SELECT MAX(unixepoch('subsec') * 1000.0 - MIN(not_before) / 1000.0, 0.0) FROM channel
             WHERE state = 'active' AND retired = 0 AND platform <> 'import' AND lease_until IS NULL",
        );
        lags.push(row.fetch_one(&mut connection).await?.try_get::<f64, _>(0)?);
        tokio::time::sleep(GLANCE).await;
    }
    lags.sort_by(f64::total_cmp);
    Ok(lags.get(lags.len() * 99 / 100).copied().unwrap_or_default())
}

/// Processor time of one bare poll, in microseconds.
async fn bare(url: &str) -> Outcome<f64> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the limit is a client without our guards")]
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = cpu();
        let polling = (0..AT_ONCE).map(|_| poll(&client, url, POLLS / 5 / AT_ONCE));
        futures_util::future::try_join_all(polling).await?;
        #[expect(clippy::cast_precision_loss, reason = "some thousand is exact")]
        times.push(cpu().saturating_sub(begun).as_secs_f64() * 1e6 / (POLLS / 5 / AT_ONCE * AT_ONCE) as f64);
    }
    Ok(median(times))
}

async fn poll(client: &reqwest::Client, url: &str, times: usize) -> Outcome {
    for _ in 0..times {
        client.post(url).body("{}").send().await?.bytes().await?;
    }
    Ok(())
}
