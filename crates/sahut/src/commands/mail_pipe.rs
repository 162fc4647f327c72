//! `sahut mail-pipe`: one mail on standard input, kept before the mail server is told that it was taken.
//!
//! A mail server reads the exit code: 0 is given only after the mail is committed, and everything else is 75 (try again
//! later), so that the server keeps a mail that could not be kept here.

use std::io::Read as _;
use std::path::Path;

use sahut_pipeline::mailroom;

use crate::app::App;
use crate::failure::{Failure, code};

/// Most bytes of one mail: of a longer one the beginning is kept, where header and words are.
const MOST: u64 = 8 << 20;

pub(crate) async fn run(config: &Path) -> Result<(), Failure> {
    take(config).await.map_err(|failure| Failure::new(code::TRY_AGAIN, failure.message))
}

async fn take(config: &Path) -> Result<(), Failure> {
    let app = App::load(config)?;
    super::log(app.settings.log.json, "warn");
    let mut raw = Vec::new();
    let mut input = std::io::stdin().lock();
    let read = input.by_ref().take(MOST).read_to_end(&mut raw);
    // The rest is read as well: a server whose pipe breaks takes the mail for not taken.
    let read = read.and_then(|_| std::io::copy(&mut input, &mut std::io::sink()));
    read.map_err(|error| Failure::failed(format!("cannot read standard input: {error}")))?;
    if raw.is_empty() {
        return Err(Failure::failed("no mail came on standard input"));
    }
    let db = app.beside().await?;
    mailroom::keep(&db, &raw, app.clock.now()).await?;
    Ok(())
}
