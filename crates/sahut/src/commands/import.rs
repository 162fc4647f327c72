//! `sahut import`: exports and history come in through the same path as everything else.
//!
//! A file is read once, record by record. Each batch of messages and the position after it are one transaction, so that
//! an import that was cut off goes on where it was left, and a running `sahut run` gives what came in to the offices.

mod fields;
mod item;
mod lines;
mod moment;
mod records;

use std::collections::{HashMap, HashSet};
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use sahut_domain::channel::Platform;
use sahut_domain::message::Item;
use sahut_domain::office::OfficeCode;
use sahut_store::collect::{Channel, NewPage};
use sahut_store::imports::Import;
use sahut_store::{Db, Tx};
use serde::Serialize;

use crate::app::App;
use crate::commands::backup::checksum;
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};
use fields::{Mapping, Wish, wish};
use item::Meaning;
use records::{Format, Record, Records};

/// How many records one transaction stores.
const BATCH: usize = 500;

/// How many bytes one transaction stores at most, where records are large: mails with their attachments.
const BATCH_BYTES: usize = 8 << 20;

/// How many refusals are told one by one; all of them are in the quarantine.
const TOLD: i64 = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// The channel that it belongs to: one of the platform `import`.
    #[arg(long)]
    channel: String,
    /// How the file is written; told by its name when not given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Which column tells what, where the usual headers do not: text=keluhan,office=opd. Fields: id, text, subject,
    /// `written_at`, author, thread, permalink, office.
    #[arg(long, value_name = "FIELD=COLUMN", value_delimiter = ',', value_parser = wish)]
    map: Vec<Wish>,
    /// The time zone of moments that name none, such as Asia/Jakarta; the regency's when not given.
    #[arg(long)]
    zone: Option<String>,
    /// Read at most so many records now; the next import of the file goes on after them.
    #[arg(long)]
    limit: Option<u64>,
    /// Read everything, store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What became of an import.
#[derive(Serialize)]
struct Summary<'a> {
    file: String,
    channel: &'a str,
    dry_run: bool,
    /// Nothing was done, because it was finished before.
    finished_before: bool,
    #[serde(flatten)]
    import: Import,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let format = format(args)?;
    let digest = checksum(&args.file)?;
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let channel = channel(&mut tx, &args.channel).await?;
    let records = open(&args.file, format)?;
    let meaning = Meaning {
        mapping: mapping(args, format, &records.columns)?,
        zone: zone(args, &mut tx).await?,
        offices: tx.offices().await?.into_iter().map(|office| office.code).collect(),
        now: app.clock.now(),
    };
    drop(tx);
    let import = if args.dry_run {
        Import { id: 0, position: 0, imported: 0, known: 0, refused: 0, finished_at: None }
    } else {
        let mut tx = db.begin().await?;
        let import = tx.begin_import(channel.id, &digest, &args.file.to_string_lossy(), meaning.now).await?;
        tx.commit().await?;
        import
    };
    let finished_before = import.finished_at.is_some();
    let mut work = Work {
        app,
        args,
        db: &db,
        channel: &channel,
        digest,
        meaning,
        records,
        import,
        ahead: None,
        tried: HashSet::new(),
    };
    if !finished_before {
        work.go_on().await?;
    }
    summarise(args, work.import, finished_before)
}

/// An import under way.
struct Work<'a> {
    app: &'a App,
    args: &'a Args,
    db: &'a Db,
    channel: &'a Channel,
    digest: String,
    meaning: Meaning,
    records: Records<BufReader<std::fs::File>>,
    import: Import,
    /// A record that was read and belongs to the next batch.
    ahead: Option<Meant>,
    /// What a dry run would have stored so far.
    tried: HashSet<String>,
}

/// A record that was read: where it stands, and what it says or what was expected of it.
struct Meant {
    place: u64,
    position: i64,
    bytes: u64,
    size: usize,
    said: Result<(Item, Option<OfficeCode>), (String, Vec<u8>)>,
}

/// Records that are stored together.
struct Batch {
    page: NewPage,
    records: u64,
    position: i64,
    bytes: u64,
    /// The file goes no further.
    last: bool,
}

impl Work<'_> {
    /// Reads from where the import stands to the end of the file or to the limit.
    async fn go_on(&mut self) -> Result<(), Failure> {
        let bar = bar(&self.args.file);
        self.records.skip_to(self.import.position).map_err(|error| unreadable(&self.args.file, &error))?;
        let mut left = self.args.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let batch = self.batch(left)?;
            if batch.records == 0 && self.import.position == 0 {
                return Err(Failure::failed(format!("{} holds no record", self.args.file.display())));
            }
            left -= batch.records;
            bar.set_position(batch.bytes);
            bar.suspend(|| self.tell(&batch.page));
            let last = batch.last;
            self.store(batch).await?;
            if last {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn batch(&mut self, most: u64) -> Result<Batch, Failure> {
        let page = NewPage { imported: true, ..NewPage::default() };
        let position = self.import.position;
        let mut batch = Batch { page, records: 0, position, bytes: 0, last: false };
        let mut held = 0;
        let mut texts: HashMap<String, String> = HashMap::new();
        while batch.records < most.min(BATCH as u64) && held < BATCH_BYTES {
            let Some(record) = self.read()? else {
                batch.last = true;
                break;
            };
            if let Ok((item, _)) = &record.said
                && texts.get(&item.external_id).is_some_and(|text| *text != item.text)
            {
                // One batch holds one text of a message; the other one revises it.
                self.ahead = Some(record);
                break;
            }
            batch.records += 1;
            (batch.position, batch.bytes) = (record.position, record.bytes);
            held += record.size;
            match record.said {
                Ok((item, office)) => {
                    batch.page.given.extend(office.map(|office| (item.external_id.clone(), office)));
                    texts.insert(item.external_id.clone(), item.text.clone());
                    batch.page.items.push(item);
                }
                Err((error, raw)) => {
                    let key = format!("import:{}:{}", self.digest, record.place);
                    let error = format!("{}:{}: {error}", self.args.file.display(), record.place);
                    batch.page.bad.push((key, error, raw));
                }
            }
        }
        Ok(batch)
    }

    /// The next record, and what it says.
    fn read(&mut self) -> Result<Option<Meant>, Failure> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let record = self.records.read().map_err(|error| unreadable(&self.args.file, &error))?;
        Ok(record.map(|Record { place, position, bytes, raw, content }| Meant {
            place,
            position,
            bytes,
            size: raw.len(),
            said: match content {
                Ok(content) => self.meaning.of(content, raw),
                Err(error) => Err((error, raw)),
            },
        }))
    }

    /// Stores a batch and where the import stands after it.
    async fn store(&mut self, batch: Batch) -> Result<(), Failure> {
        let now = self.app.clock.now();
        let items = batch.page.items.len();
        let mut page = batch.page;
        let mut import = self.import.clone();
        import.position = batch.position;
        import.refused += count(page.bad.len());
        import.finished_at = batch.last.then_some(now);
        if self.args.dry_run {
            // What an earlier batch would have stored is not there to be known.
            page.items.retain(|item| self.tried.insert(item.external_id.clone()));
        }
        let mut tx = self.db.begin().await?;
        let new = tx.store_page(self.channel.id, page, now).await?.new;
        import.imported += count(new);
        import.known += count(items - new);
        if self.args.dry_run {
            // Stored like any other and taken back: the numbers are those of the real thing.
            tx.roll_back().await?;
        } else {
            tx.advance_import(&import).await?;
            tx.commit().await?;
        }
        self.import = import;
        Ok(())
    }

    /// Tells the first refusals; the rest would only scroll them away.
    fn tell(&self, page: &NewPage) {
        let told = usize::try_from(TOLD - self.import.refused).unwrap_or(0);
        for (_, error, _) in page.bad.iter().take(told) {
            output::say(&format!("refused: {error}"));
        }
    }
}

fn format(args: &Args) -> Result<Format, Failure> {
    let file = &args.file;
    let found = file.metadata().map_err(|error| unreadable(file, &error))?;
    if found.len() == 0 {
        return Err(Failure::failed(format!("{} is empty", file.display())));
    }
    args.format.or_else(|| Format::of(file)).ok_or_else(|| {
        let help = "name the format with --format csv, tsv, jsonl or mbox";
        Failure::new(
            code::USAGE,
            format!("the name of {} does not tell how it is written: {help}", file.display()),
        )
    })
}

async fn channel(tx: &mut Tx, code: &str) -> Result<Channel, Failure> {
    let help = format!(
        "add a channel to channels.toml and run `sahut apply`:\n\n  [[channel]]\n  code = {code:?}\n  office = \"…\"\n  \
         platform = \"import\"\n  name = \"…\""
    );
    match tx.channel(code).await? {
        Some(channel) if channel.config.platform == Platform::Import => Ok(channel),
        Some(channel) => {
            let platform = channel.config.platform;
            Err(Failure::failed(format!(
                "channel {code} is read from {platform}, files belong to another one: {help}"
            )))
        }
        None => Err(Failure::failed(format!("there is no channel {code}: {help}"))),
    }
}

fn open(file: &Path, format: Format) -> Result<Records<BufReader<std::fs::File>>, Failure> {
    Records::open(file, format).map_err(|error| unreadable(file, &error))
}

fn mapping(args: &Args, format: Format, columns: &[String]) -> Result<Option<Mapping>, Failure> {
    let usage = |error: String| Failure::new(code::USAGE, format!("{}: {error}", args.file.display()));
    match format {
        Format::Mbox if args.map.is_empty() => Ok(None),
        Format::Mbox => Err(usage("an archive of mails has no columns: leave --map out".to_owned())),
        _ => Mapping::choose(columns, &args.map).map(Some).map_err(usage),
    }
}

async fn zone(args: &Args, tx: &mut Tx) -> Result<TimeZone, Failure> {
    if let Some(name) = &args.zone {
        let unknown = |_| {
            Failure::new(code::USAGE, format!("{name:?} is no time zone: write one such as Asia/Jakarta"))
        };
        return TimeZone::get(name).map_err(unknown);
    }
    let revision =
        tx.revision().await?.ok_or_else(|| Failure::config("no configuration has been applied yet"))?;
    let set = RegencySet::read(&Files(revision.files), revision.id)
        .map_err(|problems| Failure::problems(&problems))?;
    Ok(set.zone())
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::file(file, "cannot read", error)
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}

/// Progress by bytes, on a terminal only.
fn bar(file: &Path) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(file.metadata().map_or(0, |found| found.len()));
    match ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn summarise(args: &Args, import: Import, finished_before: bool) -> Result<(), Failure> {
    let Import { position, imported, known, refused, finished_at, .. } = import;
    if refused > 0 && !finished_before {
        let where_to = if args.dry_run { "they would be set apart" } else { "see `sahut quarantine list`" };
        output::say(&format!(
            "sahut: {refused} record(s) of {} were refused: {where_to}",
            args.file.display()
        ));
    }
    let file = args.file.display();
    if args.json {
        let summary = Summary {
            file: file.to_string(),
            channel: &args.channel,
            dry_run: args.dry_run,
            finished_before,
            import,
        };
        return output::json(&summary);
    }
    if finished_before {
        return output::line(&format!("{file} was brought into {} before; nothing was done.", args.channel));
    }
    let position = match finished_at {
        Some(_) => "the whole file is read".to_owned(),
        None => format!("read up to {position}; import it again to go on"),
    };
    let records = imported + known + refused;
    output::line(&if args.dry_run {
        format!(
            "{file}: {records} records, of which {imported} would be new, {known} are known already and {refused} would be \
             refused; nothing was stored; {position}."
        )
    } else {
        format!(
            "{file}: {records} records, of which {imported} are new, {known} were known already and {refused} were refused; \
             {position}."
        )
    })
}
