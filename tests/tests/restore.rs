//! A backup takes the place of the database, and nothing that has left since then leaves again.

use std::fs;
use std::time::Duration;

use sahut_tests::{Town, or_skip};

const PATIENCE: Duration = Duration::from_mins(1);

/// Exit codes, as in `crates/sahut/src/failure.rs`.
const IO: i32 = 74;
const TRY_AGAIN: i32 = 75;

#[test]
fn answers_that_left_after_the_backup_are_not_published_again() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let page = town.facebook("puprhub");
    let bot = town.telegram("kominfo");
    town.settle().unwrap();
    let (world, now) = (town.world().clone(), town.world().clock().now());
    let post = world.post(&page.id, "Perbaikan jalan", now).unwrap();
    world.comment(&post, "warga_topos", "Jalan Topos rusak parah, tolong diaspal", now).unwrap();
    world
        .telegram(&bot.id, "warga_amen", "KTP saya belum jadi, alasannya blangko kosong terus", now)
        .unwrap();
    town.start().unwrap();
    let look = |town: &mut Town| Ok(Some(town.inquiries()?).filter(|found| found.len() == 2));
    let inquiries = town.wait_for("inquiries", PATIENCE, look).unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    town.sahut.stop();
    for inquiry in &inquiries {
        let number = inquiry["number"].as_str().unwrap();
        town.ask(&["reply", number, &format!("Jawaban untuk {number}")]).unwrap();
    }
    town.ask(&["backup", "create", "backup.db"]).unwrap();
    town.start().unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    assert_eq!(town.ledger().accepted.len(), 2);
    town.sahut.stop();

    town.ask(&["backup", "restore", "backup.db"]).unwrap();
    let owed = town.ask(&["outbox", "list"]).unwrap();
    assert!(owed.contains("held after a restore") && owed.contains("uncertain"), "{owed}");
    assert!(inquiries.iter().all(|inquiry| owed.contains(inquiry["number"].as_str().unwrap())), "{owed}");
    town.start().unwrap();
    town.ask(&["outbox", "release"]).unwrap();
    // The page shows what stands there; a bot cannot look at what it said, so the office is asked.
    let sent = "SELECT c.code FROM reply r JOIN channel c ON c.id = r.channel_id WHERE r.delivery = 'sent'";
    town.wait_for("answer that is found", PATIENCE, |town| {
        Ok((town.query(sent)? == ["fb-puprhub"]).then_some(()))
    })
    .unwrap();
    town.wait_for("question to the office", PATIENCE, |town| {
        let asked = "SELECT DISTINCT template FROM notice WHERE template = 'reply_uncertain'";
        Ok((town.query(asked)?.len() == 1).then_some(()))
    })
    .unwrap();
    let uncertain = town.query("SELECT id FROM reply WHERE delivery = 'uncertain'").unwrap().remove(0);
    town.ask(&["outbox", "resolve", &uncertain, "--arrived"]).unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    assert_eq!(town.ledger().accepted.len(), 2, "published once each");
    town.ask(&["selfcheck"]).unwrap();
}

#[test]
fn a_backup_is_verified_before_it_takes_the_place_of_anything() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    town.telegram("kominfo");
    town.settle().unwrap();
    town.start().unwrap();
    town.ask(&["backup", "create", "backup.db"]).unwrap();
    town.ask(&["backup", "verify", "backup.db"]).unwrap();
    let again = town.sahut.run(&["backup", "create", "backup.db"]).unwrap();
    assert_eq!(again.code, Some(1), "never over an existing one: {}", again.stderr);
    let beside = town.sahut.run(&["backup", "restore", "backup.db"]).unwrap();
    assert_eq!(beside.code, Some(TRY_AGAIN), "{}", beside.stderr);
    town.sahut.stop();

    let (database, backup) = (town.sahut.folder().join("sahut.db"), town.sahut.folder().join("backup.db"));
    let before = fs::read(&database).unwrap();
    let mut changed = fs::read(&backup).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&backup, &changed).unwrap();
    for command in ["verify", "restore"] {
        let refused = town.sahut.run(&["backup", command, "backup.db"]).unwrap();
        assert_eq!(refused.code, Some(IO), "{}", refused.stderr);
        assert!(refused.stderr.contains("checksum differs"), "{}", refused.stderr);
    }
    assert!(fs::read(&database).unwrap() == before, "the database stands as it was");
}
