//! No space left, and nothing that may be written: nothing is lost, and it goes on when there is space again.

use std::path::{Path, PathBuf};
use std::process::Command;

use sahut_store::collect::NewPage;
use sahut_store::{Db, Location, StoreError};
use tempfile::TempDir;

use crate::support::{at, item};

/// A small file system of its own, where the test may make one.
struct Mount(TempDir);

impl Mount {
    fn tmpfs(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            run("mount", &["-t", "tmpfs", "-o", options, "none", &folder.path().display().to_string()]);
        if !mounted {
            println!("skipped: only root may mount a small file system");
        }
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", &format!("remount,{options}"), &self.path().display().to_string()]));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["--lazy", &self.path().display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

async fn made(folder: &Path) -> (PathBuf, Db, sahut_domain::channel::ChannelId) {
    let path = folder.join("sahut.db");
    let (db, _) = Db::open_and_migrate(&Location::Sqlite(path.clone()), "test").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.apply(crate::support::revision("first"), "test", at(0)).await.unwrap();
    let channel = tx.channel("tg-dinkes").await.unwrap().unwrap().id;
    tx.commit().await.unwrap();
    (path, db, channel)
}

async fn store(
    db: &Db,
    channel: sahut_domain::channel::ChannelId,
    first: i64,
    rows: i64,
) -> Result<(), StoreError> {
    let items = (first..first + rows).map(|n| item(&format!("m{n}"), &format!("w{n}"))).collect();
    let mut tx = db.begin().await?;
    tx.store_page(channel, NewPage { items, ..NewPage::default() }, at(1)).await?;
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_out() {
    let Some(mount) = Mount::tmpfs("size=3m") else { return };
    let (_, db, channel) = made(mount.path()).await;
    let ballast = mount.path().join("ballast");
    for round in 0..3 {
        let mut stored = 0;
        let refused = loop {
            match store(&db, channel, round * 1_000_000 + stored, 40).await {
                Ok(()) => stored += 40,
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        assert!(refused.is_transient());
        // One statement that is larger than what is left, so that SQLite gives the transaction up by itself.
        let big = store(&db, channel, 90_000_000, 3000).await;
        assert!(matches!(big, Err(StoreError::Full)), "{big:?}");
        let known = db.read().await.unwrap().has_waiting().await.unwrap();
        assert!(known, "what is there can be read");
        mount.remount(&format!("size={}m", 6 + round * 3));
        store(&db, channel, round * 1_000_000 + stored, 40).await.unwrap();
        std::fs::write(&ballast, b"").unwrap();
    }
    let mut tx = db.begin().await.unwrap();
    let waiting = tx.take_waiting(100_000).await.unwrap();
    assert!(
        waiting.iter().all(|message| !message.external_id.starts_with("m90000")),
        "a refused write left nothing"
    );
    assert_eq!(tx.integrity().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_for_new_files_is_full_too() {
    let Some(mount) = Mount::tmpfs("size=8m,nr_inodes=3") else { return };
    std::fs::write(mount.path().join("one"), b"").unwrap();
    std::fs::write(mount.path().join("two"), b"").unwrap();
    let path = mount.path().join("sahut.db");
    let refused = Db::open_and_migrate(&Location::Sqlite(path), "test").await.err().unwrap();
    assert!(refused.is_transient(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_says_so() {
    let Some(mount) = Mount::tmpfs("size=8m") else { return };
    let (path, db, channel) = made(mount.path()).await;
    db.close().await;
    drop(db);
    mount.remount("ro");
    let location = Location::Sqlite(path.clone());
    let refused = Db::open(&location, "test").await.err().unwrap();
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused:?}");
    mount.remount("rw");
    let name = path.display().to_string();
    assert!(run("mount", &["--bind", &name, &name]) && run("mount", &["-o", "remount,bind,ro", &name]));
    let refused = Db::open(&location, "test").await.err();
    assert!(run("umount", &["--lazy", &name]));
    assert!(matches!(refused, Some(StoreError::ReadOnly(_))), "{refused:?}");
    let db = Db::open(&location, "test").await.unwrap();
    store(&db, channel, 0, 1).await.unwrap();
}
