//! The town's talk.

use jiff::SignedDuration;
use sahut_domain::inquiry::Kind;
use sahut_domain::message::Surface;
use sahut_simulator::{CitizenText, Life, Script, Shown, World};

use crate::support::Stage;

fn script(world: &World) -> Script {
    let page = world.create_page("Dinas Contoh");
    let instagram = world.create_instagram("dinas.contoh", Some(&page.id)).unwrap();
    let bot = world.create_bot("Lapor", "lapor_bot");
    let texts = (0..120).map(|n: usize| CitizenText {
        text: format!("Keluhan {n}"),
        channel: [&page.id, &instagram.id, &bot.id][n % 3].clone(),
        surface: if n.is_multiple_of(4) { Surface::Direct } else { Surface::Comment },
        kind: Some(Kind::Complaint),
    });
    Script { texts: texts.collect(), posts: vec!["Info".to_owned()], chorus: vec!["Di sini juga".to_owned()] }
}

#[tokio::test]
async fn everything_is_said_once_with_some_answers_and_few_deletions_and_the_same_again() {
    let mut ledgers = Vec::new();
    for _ in 0..2 {
        let stage = Stage::open().await;
        let script = script(stage.world());
        let from = stage.now() - SignedDuration::from_hours(48);
        let mut life = Life::new(stage.world().clone(), script, 9);
        life.live_through(from, stage.now()).unwrap();
        let ledger = stage.sim.ledger();
        assert!(ledger.written.iter().all(|line| (from..=stage.now()).contains(&line.at)));
        ledgers.push(ledger);
    }
    assert_eq!(ledgers[0].written, ledgers[1].written);
    let written = &ledgers[0].written;
    let of = |keep: &dyn Fn(&str) -> bool| written.iter().filter(|line| keep(&line.text)).count();
    assert_eq!(of(&|text| text.starts_with("Keluhan")), 120);
    assert!((3..40).contains(&of(&|text| text == "Di sini juga")));
    assert!(of(&|text| text.ends_with("(diperbarui)")) > 0);
    let deleted = written.iter().filter(|line| line.state == Shown::Deleted).count();
    assert!((1..12).contains(&deleted), "{deleted}");
}

#[tokio::test]
async fn it_goes_on_at_its_pace_until_it_is_told_to_stop() {
    let stage = Stage::open().await;
    let life = Life::new(stage.world().clone(), script(stage.world()), 9);
    let stop = tokio_util::sync::CancellationToken::new();
    let playing = life.play(std::time::Duration::from_hours(1), stop.clone());
    let stopping = async { stop.cancel() };
    let (played, ()) = tokio::join!(playing, stopping);
    played.unwrap();
    assert_eq!(stage.sim.ledger().written.len(), 1);
}
