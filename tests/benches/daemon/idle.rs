//! Two hundred channels of a regency while nobody writes.

use std::thread;
use std::time::{Duration, Instant};

use sahut_testing::measure::{Line, Target, cpu_of_process, resident};
use sahut_tests::Town;

use crate::Outcome;

/// Bots and pages: half of the channels each.
const PAIRS: usize = 100;

/// Until every channel has been read for the first time.
const WARM_UP: Duration = Duration::from_secs(15);

/// Twice the time between two readings of a channel, which is as often as Sahut reads by itself.
const WATCHED: Duration = Duration::from_secs(40);

pub(crate) fn measure() -> Outcome {
    let mut town = Town::on_sqlite()?;
    for (name, seconds) in
        [("SHORTEST_SECONDS", "20.0"), ("LONGEST_SECONDS", "20.0"), ("PATIENCE_SECONDS", "25")]
    {
        town.sahut.set(&format!("SAHUT__COLLECT__{name}"), seconds);
    }
    for number in 0..PAIRS {
        let keys = town.world().create_bot(&format!("Bot {number}"), &format!("bot_{number}_bot"));
        let page = town.world().create_page(&format!("Halaman {number}"));
        for (short, platform, own, keys) in [
            ("tg", "telegram", String::new(), &keys),
            ("fb", "facebook", format!("page_id = \"{}\", ", page.id), &page),
        ] {
            let code = format!("{short}-{number}");
            let settings = format!("{own}base_url = \"{}\"", town.platforms());
            town.channel(&code, "kominfo", platform, &settings);
            town.secret(&code, "token", &keys.token);
        }
    }
    town.settle()?;
    town.start()?;
    let id = town.sahut.daemon()?.id();
    thread::sleep(WARM_UP);
    let (begun, before) = (Instant::now(), cpu_of_process(id));
    thread::sleep(WATCHED);
    let used = cpu_of_process(id).saturating_sub(before).as_secs_f64();
    let share = 100.0 * used / begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below the 52 bits that are exact")]
    let memory = resident(id) as f64 / (1024.0 * 1024.0);
    let ailing = town.json(&["status"])?["channels_ailing"].clone();
    eprintln!("idle: channels ailing: {ailing}; CPU seconds a day: {:.0}", share / 100.0 * 86_400.0);
    Line { name: "idle", ours: memory, limit: None, unit: "MiB", target: Target::Most(40.0) }.print();
    Line { name: "idle-cpu", ours: share, limit: None, unit: "% of a core", target: Target::Most(1.0) }
        .print();
    Ok(())
}
