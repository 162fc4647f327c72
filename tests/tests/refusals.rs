//! What is broken is refused with a reason and a way out, and what runs goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use sahut_tests::{Finished, Signal, Town, Trouble, daemon, header, http, or_skip, webhook};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(45);

/// Exit codes, as in `crates/sahut/src/failure.rs`.
const IO: i32 = 74;
const TRY_AGAIN: i32 = 75;
const CONFIG: i32 = 78;

#[test]
fn broken_files_are_named_by_place_and_the_running_configuration_stays() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    town.settle().unwrap();
    town.start().unwrap();
    let regency = fs::read_to_string(town.sahut.folder().join("regency/regency.toml")).unwrap();
    let channels = fs::read_to_string(town.sahut.folder().join("regency/channels.toml")).unwrap();

    town.sahut.write("regency/regency.toml", "name = \"Kabupaten\ntriage_office = \"kominfo\"\n").unwrap();
    refused(&town, &["apply", "regency"], CONFIG, &["regency.toml:1:", "nothing was changed"]);
    refused(&town, &["check"], CONFIG, &["regency.toml:1:"]);
    town.sahut.write("regency/regency.toml", &regency).unwrap();
    let unknown = channels.replace("office = \"kominfo\"", "office = \"kominfoo\"");
    town.sahut.write("regency/channels.toml", &unknown).unwrap();
    refused(
        &town,
        &["apply", "regency"],
        CONFIG,
        &["channels.toml:3:", "there is no office \"kominfoo\"", "kominfo"],
    );

    // It goes on as it was, also after a restart: what runs is what was applied, not what lies in the folder.
    written_is_known(&mut town, &bot.id, 1);
    town.sahut.stop();
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 2);
}

#[test]
fn broken_settings_are_named_by_place() {
    let Some(town) = or_skip(Town::on_sqlite()) else { return };
    town.settle().unwrap();
    town.sahut.write("sahut.toml", "[database]\nlocatoin = \"sahut.db\"\n").unwrap();
    refused(&town, &["run"], CONFIG, &["sahut.toml:2:1", "locatoin"]);
}

#[test]
fn a_wrong_token_parks_the_channel_until_a_person_mends_it() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let page = town.facebook("puprhub");
    town.settle().unwrap();
    town.store_secret("fb-puprhub", "token", "EAAwrong").unwrap();
    town.start().unwrap();
    town.wait_for("parked channel", PATIENCE, |town| Ok((channel(town)?["state"] == "parked").then_some(())))
        .unwrap();
    assert_eq!(channel(&town).unwrap()["ailment"], "credential");
    let told = |town: &Town| {
        let letters = town.letters();
        letters.iter().filter(|letter| letter.to == ["operator@lebong.example"]).cloned().collect::<Vec<_>>()
    };
    let letters = town
        .wait_for("mail to the operator", PATIENCE, |town| {
            Ok(Some(told(town)).filter(|told| !told.is_empty()))
        })
        .unwrap();
    assert_eq!(
        letters.len(),
        1,
        "{:?}",
        letters.iter().map(|told| header(&told.raw, "Subject")).collect::<Vec<_>>()
    );

    let post = town.world().post(&page.id, "Jalan", town.world().clock().now()).unwrap();
    let words = "Jalan Topos rusak parah, tolong diaspal";
    let comment = town.world().comment(&post, "warga", words, town.world().clock().now()).unwrap();
    town.store_secret("fb-puprhub", "token", &page.token).unwrap();
    town.ask(&["channel", "resume", "fb-puprhub"]).unwrap();
    let known = format!("SELECT id FROM message WHERE external_id = '{comment}'");
    town.wait_for("comment", PATIENCE, |town| Ok((town.query(&known)?.len() == 1).then_some(()))).unwrap();
    town.wait_for("healthy channel", PATIENCE, |town| {
        let channel = channel(town)?;
        Ok((channel["state"] == "active" && channel["ailment"].is_null()).then_some(()))
    })
    .unwrap();
    assert_eq!(told(&town).len(), 1, "one mail for one trouble");
}

#[test]
fn a_lost_key_costs_the_channels_whose_secrets_it_sealed_and_nothing_else() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    let page = town.facebook("puprhub");
    town.settle().unwrap();
    refused(&town, &["secret", "new-key"], IO, &["cannot create the key"]);
    fs::remove_file(town.sahut.folder().join("sahut.key")).unwrap();
    refused(&town, &["run"], CONFIG, &["there is no key", "sahut secret new-key"]);
    let told = town.ask(&["secret", "new-key"]).unwrap();
    assert!(told.contains("fb-puprhub/token") && told.contains("tg-kominfo/token"), "{told}");
    town.store_secret("tg-kominfo", "token", &bot.token).unwrap();
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 1);
    let parked = |town: &mut Town| {
        let channel = channel(town)?;
        let detail = channel["detail"].as_str().unwrap_or_default();
        Ok((channel["state"] == "parked" && detail.contains("sahut secret set")).then_some(()))
    };
    town.wait_for("channel that names its secret", PATIENCE, parked).unwrap();
    town.store_secret("fb-puprhub", "token", &page.token).unwrap();
    town.wait_for(
        "healthy channel",
        PATIENCE,
        |town| Ok((channel(town)?["state"] == "active").then_some(())),
    )
    .unwrap();

    // What is no longer configured can be forgotten all the same.
    let channels = fs::read_to_string(town.sahut.folder().join("regency/channels.toml")).unwrap();
    let (_, rest) = channels.split_once("[[channel]]").unwrap();
    let (kept, _) = rest.split_once("[[channel]]").unwrap();
    town.sahut.write("regency/channels.toml", &format!("[[channel]]{kept}")).unwrap();
    town.ask(&["apply", "regency"]).unwrap();
    town.ask(&["secret", "forget", "fb-puprhub/token"]).unwrap();
    assert_eq!(
        town.json(&["secret", "list"]).unwrap(),
        serde_json::json!(["sahut.links", "tg-kominfo/token"])
    );
}

#[test]
fn a_second_process_on_the_same_file_is_refused_at_once() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    town.settle().unwrap();
    town.start().unwrap();
    let holder = format!("process {}", town.sahut.daemon().unwrap().id());
    let begun = Instant::now();
    refused(&town, &["run"], TRY_AGAIN, &["sahut.db is in use by", &holder]);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(http::get(town.sahut.web_port(), "/readyz").unwrap().status, 200);
}

#[test]
fn a_damaged_database_is_never_started_empty() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    town.settle().unwrap();
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 1);
    town.sahut.stop();
    let database = town.sahut.folder().join("sahut.db");
    town.query("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let whole = fs::read(&database).unwrap();
    let mut garbled = whole.clone();
    garbled[..4096].fill(0xA5);
    let damages: [(&str, &[u8]); 3] =
        [("garbled", &garbled), ("cut short", &whole[..whole.len() / 2]), ("emptied", &[])];
    for (damage, bytes) in damages {
        for log in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{log}", database.display()));
        }
        fs::write(&database, bytes).unwrap();
        println!("{damage}");
        refused(
            &town,
            &["run"],
            IO,
            &["is damaged", "sahut backup restore FILE --to", "Nothing was changed"],
        );
        assert!(fs::read(&database).unwrap() == bytes, "a database that was {damage} is left as it was");
    }
    fs::write(&database, &whole).unwrap();
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 2);
}

#[test]
fn a_full_disk_is_waited_out() {
    let Some(disk) = SmallDisk::mount() else { return };
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    let database = disk.0.join("sahut.db");
    town.sahut.set("SAHUT__DATABASE__LOCATION", &database.display().to_string());
    town.settle().unwrap();
    town.start().unwrap();
    let port = town.sahut.web_port();
    let ready = |town: &mut Town, status: u16| {
        let look = |_: &mut Town| {
            Ok(http::get(port, "/readyz").is_ok_and(|answer| answer.status == status).then_some(()))
        };
        town.wait_for(&format!("{status} from /readyz"), PATIENCE, look).unwrap();
    };
    disk.fill();
    let now = town.world().clock().now();
    for citizen in 0..300 {
        let words =
            format!("Jalan Topos titik {citizen} rusak parah, tolong diaspal. {}", "Mohon. ".repeat(60));
        town.world().telegram(&bot.id, &format!("warga_{citizen}"), &words, now).unwrap();
    }
    ready(&mut town, 503);
    disk.free();
    ready(&mut town, 200);
    town.wait_for("all messages", PATIENCE, |town| {
        Ok((town.json(&["status"])?["inquiries"] == 300).then_some(()))
    })
    .unwrap();
    town.ask(&["selfcheck"]).unwrap();
}

#[test]
fn a_restore_that_the_disk_cannot_hold_leaves_what_is_there() {
    let Some(disk) = SmallDisk::mount() else { return };
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    town.sahut.set("SAHUT__DATABASE__LOCATION", &disk.0.join("sahut.db").display().to_string());
    town.settle().unwrap();
    town.ask(&["backup", "create", "backup.db"]).unwrap();
    disk.fill();
    refused(&town, &["backup", "restore", "backup.db"], IO, &["no space is left"]);
    disk.free();
    assert_eq!(town.json(&["status"]).unwrap()["held"], false, "nothing was restored");
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 1);
}

/// A disk of a few megabytes, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        if !daemon::is_root() {
            println!("skipped: only root mounts a small disk");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("sahut-disk-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&folder).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: this machine lets nobody mount");
        None
    }

    /// Leaves not a byte.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let mut chunk = 1 << 16;
        while chunk > 0 {
            match std::io::Write::write(&mut ballast, &vec![0; chunk]) {
                Ok(1..) => {}
                Ok(0) | Err(_) => chunk /= 2,
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the program may still hold its files when a test has failed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn it_stops_in_order_when_asked() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    let bot = town.telegram("kominfo");
    town.settle().unwrap();
    town.start().unwrap();
    written_is_known(&mut town, &bot.id, 1);
    let daemon = town.sahut.daemon().unwrap();
    daemon.signal(Signal::Term);
    assert_eq!(daemon.wait(Duration::from_secs(30)).unwrap(), Some(0), "{}", daemon.output());
    let held = town.query("SELECT COUNT(*) FROM channel WHERE lease_until IS NOT NULL").unwrap();
    assert_eq!(held, ["0"], "what it had claimed is given back");
}

#[test]
fn the_door_takes_what_is_signed_and_only_once() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const FORGED: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const BODY: &str =
        r#"{"id":"LAPOR-17","text":"Jalan Topos rusak parah, tolong diaspal","author":{"id":"u-204"}}"#;
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    town.channel("lapor", "kominfo", "webhook", "");
    town.secret("lapor", "secret", SECRET);
    town.settle().unwrap();
    town.start().unwrap();
    let (port, now) = (town.door(), town.world().clock().now());
    let deliver = |secret, id, body| webhook::deliver(port, "lapor", secret, id, now, body).unwrap().status;
    assert_eq!(deliver(FORGED, "msg_0", BODY), 401);
    assert_eq!(deliver(SECRET, "msg_1", BODY), 200);
    assert_eq!(deliver(SECRET, "msg_1", BODY), 200);
    let stale = now - jiff::SignedDuration::from_mins(10);
    assert_eq!(webhook::deliver(port, "lapor", SECRET, "msg_2", stale, BODY).unwrap().status, 401);
    assert_eq!(webhook::deliver(port, "nobody", SECRET, "msg_3", now, BODY).unwrap().status, 404);
    town.wait_for("inquiry", PATIENCE, |town| Ok((town.inquiries()?.len() == 1).then_some(()))).unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    assert_eq!(town.query("SELECT COUNT(*) FROM delivery").unwrap(), ["1"]);
    assert_eq!(town.query("SELECT COUNT(*) FROM message").unwrap(), ["1"]);
    assert_eq!(text(&town.inquiries().unwrap()[0], "office"), "puprhub");
}

/// A command that must fail, with this exit code and these words.
fn refused(town: &Town, arguments: &[&str], code: i32, words: &[&str]) {
    let Finished { code: found, stdout, stderr } = town.sahut.run(arguments).unwrap();
    assert_eq!(found, Some(code), "sahut {arguments:?}: {stdout}{stderr}");
    for word in words {
        assert!(stderr.contains(word), "sahut {arguments:?} does not say {word:?}: {stderr}");
    }
}

/// A citizen writes, and there are so many inquiries then.
fn written_is_known(town: &mut Town, bot: &str, inquiries: usize) {
    let handle = format!("warga_{inquiries}");
    let now = town.world().clock().now();
    town.world().telegram(bot, &handle, "KTP saya belum jadi, alasannya blangko kosong terus", now).unwrap();
    let look = |town: &mut Town| Ok((town.inquiries()?.len() == inquiries).then_some(()));
    town.wait_for(&format!("{inquiries} inquiries"), PATIENCE, look).unwrap();
}

fn channel(town: &Town) -> Result<Value, Trouble> {
    Ok(town.json(&["channel", "list"])?[0].clone())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
