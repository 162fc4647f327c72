//! A database of a million inquiries, a tenth of them open. Made once for a schema and kept in the target folder.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use sahut_tests::Sahut;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::Outcome;

const INQUIRIES: u32 = 1_000_000;

/// Rows of every table that an inquiry has, put there past the program; the journal has lines already. Inquiry, message, thread, citizen and deadline
/// have the same number; the offices take turns.
const FILL: &str = "
CREATE TEMP TABLE place AS SELECT row_number() OVER (ORDER BY position) - 1 AS turn, code FROM office;
CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $INQUIRIES)
    SELECT i, i > $INQUIRIES * 9 / 10 AS open, code, (SELECT MIN(id) FROM channel) AS channel,
        1790000000000000 - ($INQUIRIES - i) * 60000000 AS at
    FROM n JOIN place ON turn = i % (SELECT COUNT(*) FROM place);
INSERT INTO thread (id, channel_id, surface, external_id, post) SELECT i, channel, 'comment', 't' || i, 'p' || i / 50 FROM n;
INSERT INTO citizen (id, channel_id, key, external_id, name) SELECT i, channel, 'c' || i, 'c' || i, 'Warga ' || i FROM n;
INSERT INTO message (id, channel_id, external_id, thread_id, citizen_id, text, written_at, recorded_at, visibility,
        digest, own, disposition, inquiry_id)
    SELECT i, channel, 'm' || i, i, i, 'Jalan di depan pasar rusak parah, sudah dua kali ada yang jatuh (' || i || ')',
        at, at, 'shown', i, 0, 'inquiry', i FROM n;
INSERT INTO inquiry (id, year, sequence, public_code, channel_id, thread_id, citizen_id, office, kind, priority, state,
        triage, title, opened_at, closed_at, closing, recorded_at, due_at, deadline_id, deadline_live)
    SELECT i, 2026, i, 'code' || i, channel, i, i, code, 'complaint', 'normal', iif(open, 'open', 'closed'), 0,
        'Jalan di depan pasar rusak parah', at, iif(open, NULL, at), iif(open, NULL, 'settled'), at, 4000000000000000, iif(open, i, NULL),
        iif(open, 1, NULL) FROM n;
INSERT INTO deadline (id, inquiry_id, kind, round, state, live, office, started_at, due_at, met_at, explanation,
        segments, next_at)
    SELECT i, i, 'first_response', 1, iif(open, 'running', 'met'), open, code, at, 4000000000000000, iif(open, NULL, at),
        '{}', '[]', iif(open, 4000000000000000, NULL) FROM n;
INSERT INTO event (id, kind, at, recorded_at, actor, office, channel_id, inquiry_id, message_id, data)
    SELECT (SELECT next FROM sequence WHERE name = 'event') + i, 'inquiry_opened', at, at, 'citizen', code, channel, i, i, '{}' FROM n;
INSERT INTO inquiry_count (year, last) VALUES (2026, $INQUIRIES);
UPDATE sequence SET next = next + $INQUIRIES WHERE name IN ('thread', 'citizen', 'message', 'inquiry', 'deadline', 'event');
";

/// The file; made when there is none for the present schema.
pub(crate) fn database() -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("million-{:016x}.db", schema()?));
    if !file.exists() {
        eprintln!("making {} …", file.display());
        make(&file)?;
    }
    Ok(file)
}

fn make(file: &Path) -> Outcome {
    let sahut = Sahut::new()?;
    for command in [&["init", "."][..], &["migrate"], &["apply", "regency"]] {
        let finished = sahut.run(command)?;
        if finished.code != Some(0) {
            return Err(format!("sahut {command:?}: {}", finished.stderr).into());
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let made = sahut.folder().join("sahut.db");
    runtime.block_on(fill(&made))?;
    let unfinished = file.with_extension("unfinished");
    fs::copy(&made, &unfinished)?;
    Ok(fs::rename(&unfinished, file)?)
}

async fn fill(file: &Path) -> Outcome {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(false)
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Off);
    let mut connection = options.connect().await?;
    let sql = format!("BEGIN; {} COMMIT;", FILL.replace("$INQUIRIES", &INQUIRIES.to_string()));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    Ok(())
}

/// What tells one schema from another.
fn schema() -> Outcome<u64> {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
    let mut files: Vec<PathBuf> =
        fs::read_dir(migrations)?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    files.sort();
    let mut hash = DefaultHasher::new();
    FILL.hash(&mut hash);
    for file in files {
        fs::read(file)?.hash(&mut hash);
    }
    Ok(hash.finish())
}
