//! Nothing that a platform showed is lost, whatever its moods: seeded towns, held against the simulator's ledger.
//!
//! `SAHUT_SEEDS=2000` lives through that many towns instead of the usual ones; `SAHUT_SEED=17` through that one.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use sahut_domain::channel::Platform;
use sahut_domain::{Chance, ManualClock, Timestamp};
use sahut_pipeline::cadence::Cadence;
use sahut_pipeline::collect::{Settings, collect_due};
use sahut_pipeline::route::route_batch;
use sahut_simulator::{Keys, Moods, Simulator, SimulatorSettings};

use crate::regency::{Account, Town};

/// Towns that are lived through when nobody asks for more.
const USUAL_SEEDS: u64 = 24;

/// Deeds of citizens and platforms in one town.
const DEEDS: u64 = 40;

/// Everything goes wrong often, and nothing takes real time.
fn moods() -> Moods {
    Moods { slow: 0.0, hang: 0.0, regain: 1, rate_limit: 0.05, ..Moods::moody() }
}

fn settings() -> Settings {
    let cadence = Cadence { shortest: Duration::from_secs(20), longest: Duration::from_mins(5) };
    Settings { at_once: 8, cadence, patience: Duration::ZERO }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_shown_is_lost_and_nothing_is_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SAHUT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SAHUT_SEEDS").unwrap_or(USUAL_SEEDS),
    };
    for seed in seeds {
        Box::pin(live(seed)).await;
    }
}

async fn live(seed: u64) {
    let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let clock = ManualClock::at(start);
    let simulator = Simulator::start(SimulatorSettings {
        seed,
        moods: moods(),
        clock: clock.clock(),
        ..SimulatorSettings::default()
    })
    .await
    .unwrap();
    let world = simulator.world();
    let page = world.create_page("Dinas");
    let instagram = world.create_instagram("dinas.lebong", None).unwrap();
    let bot = world.create_bot("Bot", "dinas_bot");
    let accounts = [
        Account { platform: Platform::Facebook, keys: page.clone() },
        Account { platform: Platform::Instagram, keys: instagram.clone() },
        Account { platform: Platform::Telegram, keys: bot.clone() },
    ];
    let town = Town::open(simulator.url(), &accounts, clock.clock(), seed).await;

    let mut deeds = Deeds::new(&simulator, [page, instagram, bot], seed);
    for deed in 0..DEEDS {
        deeds.one(clock.clock().now());
        clock.advance(i64::try_from(Chance::seeded(seed ^ deed).below(400)).unwrap());
        Box::pin(collect_due(&town.context, settings())).await.unwrap();
        route_batch(&town.context).await.unwrap();
    }
    // Rate limits end, back-off passes; then a week later what slipped through is found by the deep walk.
    world.set_moods(Moods::calm());
    for pause in [3600, 3600, 3600, 9 * 24 * 3600, 3600, 3600] {
        clock.advance(pause);
        Box::pin(collect_due(&town.context, settings())).await.unwrap();
        while route_batch(&town.context).await.unwrap() > 0 {}
    }
    compare(&town, &simulator, &accounts, seed).await;
    simulator.stop().await;
}

async fn compare(town: &Town, simulator: &Simulator, accounts: &[Account], seed: u64) {
    let ledger = simulator.ledger();
    let mut tx = town.context.db.read().await.unwrap();
    for (account, channel) in accounts.iter().zip(&town.channels) {
        let held = tx.external_ids(*channel).await.unwrap();
        let unique: BTreeSet<&str> = held.iter().map(String::as_str).collect();
        assert_eq!(unique.len(), held.len(), "seed {seed}: {} doubled", account.platform);
        let known = ledger.must_be_known(&account.keys.id);
        let lost: Vec<_> = known.difference(&unique).collect();
        assert!(lost.is_empty(), "seed {seed}: {} lost {lost:?}", account.platform);
        let written: BTreeSet<&str> = ledger.of(&account.keys.id).map(|line| line.id.as_str()).collect();
        let invented: Vec<_> = unique.difference(&written).collect();
        assert!(invented.is_empty(), "seed {seed}: {} invented {invented:?}", account.platform);
    }
    let status = tx.status(town.context.clock.now()).await.unwrap();
    assert!(status.inquiries > 0, "seed {seed}: nobody's complaint became an inquiry");
    let broken: Vec<_> = tx
        .selfcheck(town.context.clock.now())
        .await
        .unwrap()
        .into_iter()
        .filter(|check| check.broken > 0)
        .collect();
    // Nobody sends mail or watches deadlines here: only what collecting and routing promise is asked.
    let broken: Vec<_> = broken.iter().filter(|check| check.name != "deadline-noticed").collect();
    assert!(broken.is_empty(), "seed {seed}: {broken:?}");
}

/// What citizens and platforms do.
struct Deeds<'a> {
    simulator: &'a Simulator,
    page: Keys,
    instagram: Keys,
    bot: Keys,
    chance: Chance,
    posts: Vec<String>,
    comments: Vec<String>,
    telegram: Vec<String>,
}

impl<'a> Deeds<'a> {
    fn new(simulator: &'a Simulator, [page, instagram, bot]: [Keys; 3], seed: u64) -> Self {
        let world = simulator.world();
        let now = world.clock().now();
        let posts = [&page, &page, &instagram].map(|keys| world.post(&keys.id, "Pengumuman", now).unwrap());
        let chance = Chance::seeded(seed.wrapping_mul(31) + 7);
        Self {
            simulator,
            page,
            instagram,
            bot,
            chance,
            posts: posts.to_vec(),
            comments: Vec::new(),
            telegram: Vec::new(),
        }
    }

    fn one(&mut self, now: Timestamp) {
        let world = self.simulator.world();
        let citizen = format!("warga_{}", self.chance.below(6));
        let text = format!("Jalan rusak di Topos, tolong diperbaiki, laporan ke-{}", self.chance.below(1000));
        let past = now - SignedDuration::from_secs(i64::try_from(self.chance.below(7200)).unwrap());
        match self.chance.below(16) {
            0..5 => {
                let under = self.pick(&self.posts).unwrap();
                self.comments.push(world.comment(&under, &citizen, &text, now).unwrap());
            }
            5 | 6 => {
                // One that was deleted takes no answer.
                let reply =
                    self.pick(&self.comments).map(|comment| world.reply(&comment, &citizen, &text, now));
                self.comments.extend(reply.and_then(Result::ok));
            }
            7 => {
                let under = self.pick(&self.posts).unwrap();
                self.comments.push(world.comment(&under, &citizen, &text, past).unwrap());
            }
            8 => drop(self.pick(&self.comments).map(|comment| world.edit(&comment, &text))),
            9 => drop(self.pick(&self.comments).map(|comment| world.delete(&comment))),
            10 | 11 => drop(world.direct(&self.page.id, &citizen, &text, now).unwrap()),
            12 => drop(world.direct(&self.instagram.id, &citizen, &text, now).unwrap()),
            13 => drop(
                self.pick(&self.telegram).map(|message| world.telegram_edit(&self.bot.id, &message, &text)),
            ),
            _ => self.telegram.push(world.telegram(&self.bot.id, &citizen, &text, now).unwrap()),
        }
    }

    fn pick(&self, from: &[String]) -> Option<String> {
        from.get(usize::try_from(self.chance.below(from.len() as u64)).unwrap()).cloned()
    }
}
