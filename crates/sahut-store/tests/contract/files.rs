//! The file: held by one process, never replaced when it is damaged, never opened by a program that does not know it.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sahut_domain::Chance;
use sahut_store::{Db, FileLock, HeldFor, Location, StoreError, backup};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::{World, at, item, on_both};

fn sqlite(path: &Path) -> Location {
    Location::Sqlite(path.to_owned())
}

async fn error(opened: impl Future<Output = Result<Db, StoreError>>) -> StoreError {
    opened.await.err().unwrap()
}

/// A closed database with some content, all of it in the file itself.
async fn made(folder: &Path) -> PathBuf {
    let path = folder.join("sahut.db");
    let (db, _) = Db::open_and_migrate(&sqlite(&path), "test").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.apply(crate::support::revision("first"), "test", at(0)).await.unwrap();
    let channel = tx.channel("tg-dinkes").await.unwrap().unwrap().id;
    let items = (0..500).map(|n| item(&format!("m{n}"), &format!("w{n}"))).collect();
    tx.store_page(channel, sahut_store::collect::NewPage { items, ..Default::default() }, at(0))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    assert!(!beside(&path, "-wal").exists());
    path
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

/// Runs a statement past the store.
async fn raw(path: &Path, sql: &str) {
    let mut conn = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Every way in refuses the file, says where it is, and leaves it as it is.
async fn refuses_as_damaged(path: &Path) {
    let before = std::fs::read(path).ok();
    for opened in [
        Db::open(&sqlite(path), "test").await.map(drop),
        Db::open_and_migrate(&sqlite(path), "test").await.map(drop),
        Db::open_beside(&sqlite(path)).await.map(drop),
    ] {
        let Err(StoreError::Damaged { path: named, .. }) = &opened else { panic!("{opened:?}") };
        assert_eq!(named.canonicalize().ok(), path.canonicalize().ok());
    }
    assert_eq!(std::fs::read(path).ok(), before, "nothing was changed");
}

#[tokio::test]
async fn a_second_process_is_refused_at_once_and_told_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::holds_a_database", "--ignored", "--nocapture"])
        .env("HOLD", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("holding")), "the other process opened it");
    let began = Instant::now();
    let refused = error(Db::open(&sqlite(&path), "second")).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(
        matches!(&refused, StoreError::Held { holder, .. } if holder == "the first process"),
        "{refused}"
    );
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let refused = error(Db::open(&sqlite(&link), "second")).await;
    assert!(matches!(refused, StoreError::Held { .. }), "another name for the same file: {refused}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    Db::open(&sqlite(&path), "second").await.unwrap();
}

#[tokio::test]
#[ignore = "a process of its own, started by the test above"]
async fn holds_a_database() {
    let Some(path) = std::env::var_os("HOLD") else { return };
    let _db = Db::open(&sqlite(Path::new(&path)), "the first process").await.unwrap();
    println!("holding");
    let _ = std::io::stdin().read(&mut [0]);
}

#[tokio::test]
async fn a_reader_may_look_beside_the_process_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let db = Db::open(&sqlite(&path), "first").await.unwrap();
    let beside = Db::open_beside(&sqlite(&path)).await.unwrap();
    let channels = beside.read().await.unwrap().channels().await.unwrap();
    assert_eq!(channels.len(), 2);
    db.begin().await.unwrap().touch(at(0)).await.unwrap();
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_is_free_for_the_next_and_not_for_one_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let db = Db::open(&sqlite(&path), "first").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let stale = tx.claim_channels(&crate::support::claim(at(0), at(300))).await.unwrap();
    tx.commit().await.unwrap();
    let beside = Db::open_beside(&sqlite(&path)).await.unwrap();
    assert!(!beside.read().await.unwrap().has_due_channels(at(1)).await.unwrap(), "the first one is alive");
    drop((db, beside));
    let db = Db::open(&sqlite(&path), "second").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let again = tx.claim_channels(&crate::support::claim(at(1), at(300))).await.unwrap();
    assert_eq!((stale.len(), again.len()), (2, 2));
    assert!(again.iter().all(|(lease, _)| lease.attempt == 2), "the fencing number goes on");
}

#[tokio::test]
async fn an_answer_that_a_dead_process_was_sending_is_left_alone_until_its_lease_ends() {
    let world = World::sqlite().await;
    let (opened, work) = world.claimed_reply("sudah buka").await;
    world.owe(&opened, "a@x.example", false).await;
    let mut tx = world.begin().await;
    tx.begin_sending(&work, at(300), at(61)).await.unwrap();
    tx.claim_notices(&crate::support::claim(at(61), at(300))).await.unwrap();
    tx.commit().await.unwrap();
    let World { db, location, .. } = world;
    drop(db);
    let db = Db::open(&location, "second").await.unwrap();
    let mut tx = db.read().await.unwrap();
    assert!(tx.has_due_notices(at(62)).await.unwrap());
    assert!(!tx.has_due_replies(at(299)).await.unwrap(), "the platform may still be at work on it");
    assert!(tx.has_due_replies(at(300)).await.unwrap());
}

#[tokio::test]
async fn looking_for_a_database_does_not_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.db");
    assert!(matches!(error(Db::open(&sqlite(&path), "test")).await, StoreError::Missing(_)));
    assert!(matches!(error(Db::open_beside(&sqlite(&path))).await, StoreError::Missing(_)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn damaged_files_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let whole = std::fs::read(&path).unwrap();
    for kept in [0, 1, 99, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..kept]).unwrap();
        refuses_as_damaged(&path).await;
    }
    let mut magic = whole.clone();
    magic[..6].copy_from_slice(b"MySQL ");
    std::fs::write(&path, &magic).unwrap();
    refuses_as_damaged(&path).await;
    std::fs::write(&path, b"this is a text that somebody saved under the wrong name ".repeat(200)).unwrap();
    refuses_as_damaged(&path).await;
    std::fs::write(&path, &whole).unwrap();
    Db::open(&sqlite(&path), "test").await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_gone_beside_its_log_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let db = Db::open(&sqlite(&path), "test").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.touch(at(0)).await.unwrap();
    tx.commit().await.unwrap();
    let log = std::fs::read(beside(&path, "-wal")).unwrap();
    db.close().await;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(beside(&path, "-wal"), log).unwrap();
    refuses_as_damaged(&path).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn pages_of_garbage_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() as u64 / 4096;
    let chance = Chance::seeded(11);
    for _ in 0..25 {
        let page = chance.below(pages);
        std::fs::write(&path, &whole).unwrap();
        let mut garbage = [0; 4096];
        chance.fill(&mut garbage);
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&garbage).unwrap();
        match backup::verify(&path).await {
            Ok(faults) => assert!(!faults.is_empty(), "page {page} of {pages}"),
            Err(found) => assert!(matches!(found, StoreError::Damaged { .. }), "page {page}: {found}"),
        }
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(backup::verify(&path).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn damage_that_is_met_while_working_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    for page in 1..std::fs::metadata(&path).unwrap().len() / 4096 {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xEE; 64]).unwrap();
    }
    let found = match Db::open(&sqlite(&path), "test").await {
        Ok(db) => db.begin().await.unwrap().channels().await.err().unwrap(),
        Err(found) => found,
    };
    assert!(
        matches!(&found, StoreError::Damaged { path: named, .. } if named.ends_with("sahut.db")),
        "{found:?}"
    );
    assert!(found.to_string().contains("sahut backup restore"), "{found}");
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    raw(&path, "INSERT INTO schema_migration (number) VALUES (999)").await;
    for refused in
        [error(Db::open(&sqlite(&path), "test")).await, error(Db::open_beside(&sqlite(&path))).await]
    {
        assert!(matches!(refused, StoreError::TooNew { found: 999, .. }), "{refused}");
    }
    let refused = Db::open_and_migrate(&sqlite(&path), "test").await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { .. }), "{refused}");
    let empty = folder.path().join("empty.db");
    let db = Db::connect(&sqlite(&empty), "test").await.unwrap();
    assert_eq!((db.schema().await.unwrap(), db.pending().await.unwrap().len()), (0, 1));
    assert_eq!(db.path().unwrap().canonicalize().unwrap(), empty.canonicalize().unwrap());
    db.close().await;
    drop(db);
    assert!(matches!(error(Db::open(&sqlite(&empty), "test")).await, StoreError::TooOld { found: 0, .. }));
}

#[tokio::test]
async fn a_copy_is_made_while_work_goes_on() {
    let world = World::sqlite().await;
    world.store(vec![item("m1", "ani")], at(0)).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    let mut open = world.begin().await;
    open.store_page(
        world.channel,
        sahut_store::collect::NewPage { items: vec![item("m2", "ani")], ..Default::default() },
        at(1),
    )
    .await
    .unwrap();
    world.db.backup_to(&copy).await.unwrap();
    open.commit().await.unwrap();
    assert!(world.db.backup_to(&copy).await.is_err(), "a copy is not overwritten");
    assert_eq!(backup::verify(&copy).await.unwrap(), [""; 0]);
    let db = Db::open(&sqlite(&copy), "test").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.take_waiting(10).await.unwrap().len(), 1, "what was committed, and only that");
    assert!(backup::copy(&folder.path().join("none.db"), &folder.path().join("x.db")).await.is_err());
}

/// Names and contents of a folder's files; a lock is nobody's content.
fn contents(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files =
        files.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()));
    files.filter(|(name, _)| Path::new(name).extension().is_none_or(|ending| ending != "lock")).collect()
}

#[tokio::test]
async fn a_backup_takes_the_place_of_the_database_whole_and_held_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let good = folder.path().join("good.db");
    backup::copy(&path, &good).await.unwrap();
    let foreign = folder.path().join("foreign.db");
    std::fs::File::create(&foreign).unwrap();
    raw(&foreign, "CREATE TABLE t (x)").await;
    let cut = folder.path().join("cut.db");
    std::fs::write(&cut, &std::fs::read(&good).unwrap()[..9000]).unwrap();

    let lock = FileLock::take(&path, "test").unwrap();
    let before = contents(folder.path());
    for unfit in [&foreign, &cut, &folder.path().join("none.db")] {
        backup::restore(unfit, &lock, "operator", at(1)).await.unwrap_err();
        assert!(contents(folder.path()) == before, "{}: nothing was changed", unfit.display());
    }

    std::fs::write(beside(&path, "-wal"), b"newest rows").unwrap();
    let old = std::fs::read(&path).unwrap();
    let aside = backup::restore(&good, &lock, "operator", at(1)).await.unwrap().unwrap();
    assert_eq!(std::fs::read(&aside).unwrap(), old);
    assert_eq!(std::fs::read(beside(&aside, "-wal")).unwrap(), b"newest rows", "found with its file");
    let second = backup::restore(&good, &lock, "operator", at(1)).await.unwrap().unwrap();
    assert_ne!(second, aside);
    drop(lock);
    let db = Db::open(&sqlite(&path), "test").await.unwrap();
    assert_eq!(db.read().await.unwrap().held_for().await.unwrap(), Some(HeldFor::Restore));
    let names: Vec<String> = contents(folder.path()).into_keys().collect();
    assert!(!names.iter().any(|name| name.contains("unfinished") || name.contains("restoring")), "{names:?}");
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_not_begun_anew_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(folder.path()).await;
    let good = folder.path().join("good.db");
    backup::copy(&path, &good).await.unwrap();
    std::fs::rename(&path, beside(&path, ".restoring")).unwrap();
    refuses_as_damaged(&path).await;
    let lock = FileLock::take(&path, "test").unwrap();
    backup::restore(&good, &lock, "operator", at(1)).await.unwrap();
    drop(lock);
    Db::open(&sqlite(&path), "test").await.unwrap();
}

on_both! {
    async fn opening_again_finds_everything_and_changes_nothing(world: &World) {
        world.store(vec![item("m1", "ani")], at(0)).await;
        world.db.close().await;
        if let Location::Sqlite(_) = world.location {
            return;
        }
        let (again, migrated) = Db::open_and_migrate(&world.location, "test").await.unwrap();
        assert_eq!((migrated.from, migrated.to), (1, 1));
        assert!(again.read().await.unwrap().has_waiting().await.unwrap());
        assert!(again.path().is_none() && again.backup_to(Path::new("/nowhere")).await.is_err());
    }

    async fn several_that_start_at_once_migrate_once(world: &World) {
        if let Location::Sqlite(_) = world.location {
            return;
        }
        let open = || Db::open_and_migrate(&world.location, "test");
        let (one, two, three) = tokio::join!(open(), open(), open());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        let beside = Db::open_beside(&world.location).await.unwrap();
        assert_eq!(beside.pending().await.unwrap(), []);
    }

    async fn a_stage_is_woken_by_work_and_not_before_it_is_durable(world: &World) {
        use sahut_store::work::Stage;
        let soon = Duration::from_millis(50);
        let mut tx = world.begin().await;
        tx.store_page(world.channel, sahut_store::collect::NewPage { items: vec![item("m1", "ani")], ..Default::default() }, at(0))
            .await
            .unwrap();
        assert!(tokio::time::timeout(soon, world.db.woken(Stage::Route)).await.is_err());
        tx.commit().await.unwrap();
        world.db.woken(Stage::Route).await;
        assert!(tokio::time::timeout(soon, world.db.woken(Stage::Route)).await.is_err(), "once");
    }
}
