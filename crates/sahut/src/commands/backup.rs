//! `sahut backup`: consistent copies of an SQLite database while it is in use, verified, and restored on hold.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sahut_store::{Db, Location, StoreError, backup};
use sha2::{Digest as _, Sha256};

use crate::app::{App, hex};
use crate::failure::{Failure, code};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write a consistent copy while work goes on, and its checksum beside it.
    Create {
        /// The file to write; never over an existing one.
        file: PathBuf,
    },
    /// Read every page of a backup and compare its checksum.
    Verify {
        /// The backup.
        file: PathBuf,
    },
    /// Put a backup in the place of a database that is damaged or gone. Mail and answers are held until
    /// `sahut outbox release`: what has left since the backup was made would leave again.
    Restore {
        /// The backup.
        file: PathBuf,
        /// The database to write; the one of the settings when not given.
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Location::Sqlite(database) = app.location() else {
        return Err(Failure::failed(
            "a PostgreSQL database is backed up and restored with pg_dump and pg_restore",
        ));
    };
    match &args.command {
        Command::Create { file } => create(&database, file).await,
        Command::Verify { file } => {
            verify(file).await?;
            output::line(&format!("{} is whole.", file.display()))
        }
        Command::Restore { file, to } => restore(app, file, to.as_ref().unwrap_or(&database)).await,
    }
}

async fn create(database: &Path, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::failed(format!("{} is there already; nothing was written", file.display())));
    }
    // A copy that was cut off must not look like a backup: it gets its name when it is whole.
    let unfinished = with_ending(file, "unfinished");
    let _ = fs::remove_file(&unfinished);
    backup::copy(database, &unfinished).await?;
    let sum = checksum(&unfinished)?;
    let named = fs::File::open(&unfinished)
        .and_then(|copy| copy.sync_all())
        .and_then(|()| fs::rename(&unfinished, file));
    named.map_err(|error| Failure::file(file, "cannot write", &error))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let sums = with_ending(file, "sha256");
    fs::write(&sums, format!("{sum}  {name}\n"))
        .map_err(|error| Failure::file(&sums, "cannot write", &error))?;
    output::line(&format!("{} is written ({sum}).", file.display()))
}

async fn verify(file: &Path) -> Result<(), Failure> {
    let sums = with_ending(file, "sha256");
    if let Ok(expected) = fs::read_to_string(&sums)
        && expected.split_whitespace().next() != Some(&checksum(file)?)
    {
        return Err(Failure::new(
            code::IO,
            format!("{} is not what was written: its checksum differs", file.display()),
        ));
    }
    let faults = backup::verify(file).await?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(Failure::new(code::IO, format!("{} is damaged: {}", file.display(), faults.join("; "))))
}

async fn restore(app: &App, file: &Path, database: &Path) -> Result<(), Failure> {
    verify(file).await?;
    refuse_beside_a_process(database).await?;
    let aside = set_aside(database)?;
    let unfinished = with_ending(database, "unfinished");
    let copied = fs::copy(file, &unfinished)
        .and_then(|_| fs::File::open(&unfinished)?.sync_all())
        .and_then(|()| fs::rename(&unfinished, database));
    copied.map_err(|error| Failure::file(database, "cannot write", &error))?;
    let location = Location::Sqlite(database.to_owned());
    let (db, _) = Db::open_and_migrate(&location, &App::owner("sahut backup restore")).await?;
    let mut tx = db.begin().await?;
    tx.hold(true, "operator", app.clock.now()).await?;
    tx.commit().await?;
    db.close().await;
    for path in aside {
        output::line(&format!("What was there before is now {}.", path.display()))?;
    }
    output::line(&format!(
        "{} is restored. Mail and answers are held: look at `sahut outbox list`, then `sahut outbox release`.",
        database.display()
    ))
}

/// A process that works on the database would go on with the file that was moved away. One that is damaged, and so
/// cannot even be opened, is in nobody's hands.
async fn refuse_beside_a_process(database: &Path) -> Result<(), Failure> {
    match Db::connect(&Location::Sqlite(database.to_owned()), &App::owner("sahut backup restore")).await {
        Err(error @ StoreError::Held { .. }) => Err(error.into()),
        Err(_) => Ok(()),
        Ok(db) => {
            db.close().await;
            Ok(())
        }
    }
}

/// Moves a database and its log out of the way, under names that are not taken.
fn set_aside(database: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut moved = Vec::new();
    for ending in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        if path.exists() {
            let mut names = (1..).map(|count| with_ending(&path, &format!("before-restore-{count}")));
            let Some(aside) = names.find(|name| !name.exists()) else { continue };
            fs::rename(&path, &aside).map_err(|error| Failure::file(&path, "cannot move", &error))?;
            moved.push(aside);
        }
    }
    Ok(moved)
}

pub(super) fn checksum(file: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::file(file, "cannot read", &error);
    let mut reader = fs::File::open(file).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(hex(&hash.finalize()))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
