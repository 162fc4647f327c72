//! `sahut backup`: consistent copies of an SQLite database while it is in use, verified, and restored on hold.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sahut_store::{FileLock, Location, backup};
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
    /// `sahut outbox release`; what may have left since the backup was made is looked for before it is sent again.
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
            let checked = verify(file).await?;
            output::line(&format!("{}: {}", file.display(), checked.words(file)))
        }
        Command::Restore { file, to } => restore(app, file, to.as_ref().unwrap_or(&database)).await,
    }
}

async fn create(database: &Path, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::failed(format!("{} is there already; nothing was written", file.display())));
    }
    backup::copy(database, file).await?;
    let sum = checksum(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let sums = sums_of(file);
    fs::write(&sums, format!("{sum}  {name}\n"))
        .map_err(|error| Failure::file(&sums, "cannot write", &error))?;
    output::line(&format!("{} is written, with its checksum in {}.", file.display(), sums.display()))
}

/// What was seen of a backup whose pages hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// It is, to the byte, what `backup create` wrote.
    Whole,
    /// There is no checksum beside it.
    PagesOnly,
}

impl Checked {
    fn words(self, file: &Path) -> String {
        let sums = sums_of(file);
        match self {
            Self::Whole => {
                format!(
                    "whole. Every page holds together, and its checksum is the one in {}.",
                    sums.display()
                )
            }
            Self::PagesOnly => format!(
                "every page holds together. NOT verified: that it is what was written, because there is no {}; \
                 keep the file that `sahut backup create` writes beside a backup together with it.",
                sums.display()
            ),
        }
    }
}

async fn verify(file: &Path) -> Result<Checked, Failure> {
    let sums = sums_of(file);
    let checked = match fs::read_to_string(&sums) {
        Ok(expected) if expected.split_whitespace().next() == Some(&checksum(file)?) => Checked::Whole,
        Ok(_) => {
            return Err(Failure::new(
                code::IO,
                format!("{} is not what was written: its checksum differs", file.display()),
            ));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Checked::PagesOnly,
        Err(error) => return Err(Failure::file(&sums, "cannot read", &error)),
    };
    let faults = backup::verify(file).await?;
    if faults.is_empty() {
        return Ok(checked);
    }
    Err(Failure::new(code::IO, format!("{} is damaged: {}", file.display(), faults.join("; "))))
}

async fn restore(app: &App, file: &Path, database: &Path) -> Result<(), Failure> {
    // A process that works on the database would go on with the file that is set aside.
    let lock = FileLock::take(database, &App::owner("sahut backup restore"))?;
    let checked = verify(file).await?;
    if checked != Checked::Whole {
        output::say(&format!("{}: {}", file.display(), checked.words(file)));
    }
    if let Some(aside) = backup::restore(file, &lock, "operator", app.clock.now()).await? {
        output::line(&format!("What was there before is now {}.", aside.display()))?;
    }
    output::line(&format!(
        "{} is restored. Mail and answers are held: look at `sahut outbox list`, then `sahut outbox release`.",
        database.display()
    ))
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

/// Where the checksum of a backup stands.
fn sums_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}
