//! Carries webhooks to their receivers, one after the other, until somebody says 2xx.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::state::Shared;

/// After how many attempts a delivery is given up.
const LAST_ATTEMPT: u32 = 10;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One delivery on its way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) url: String,
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) attempt: u32,
    /// What the receiver has seen once it says 2xx: account and identifier.
    pub(crate) shows: Option<(String, String)>,
    /// The Telegram update that is confirmed by it: bot and number.
    pub(crate) update: Option<(String, i64)>,
}

/// Delivers what lies in the outbox and in the queues of bots with a webhook, one after the other.
pub(crate) async fn carry(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        let stirred = shared.stirred.notified();
        tokio::pin!(stirred);
        stirred.as_mut().enable();
        let next = shared.lock().next_parcel();
        let Some(parcel) = next else {
            tokio::select! { () = stirred => {}, () = shared.stop.cancelled() => {} }
            continue;
        };
        let pause = deliver(&shared, parcel).await;
        tokio::select! { () = sleep(pause) => {}, () = shared.stop.cancelled() => {} }
    }
}

/// Tries once; says how long to rest before the next delivery.
async fn deliver(shared: &Shared, mut parcel: Parcel) -> Duration {
    let status = match timeout(PATIENCE, hand_over(&parcel)).await {
        Ok(Ok(status)) => status,
        Ok(Err(_)) | Err(_) => 0,
    };
    let mut state = shared.lock();
    if (200..300).contains(&status) {
        state.ledger.serve(parcel.shows.as_slice());
        if let Some((bot, number)) = parcel.update.take() {
            state.confirm_update(&bot, number);
        }
        return Duration::ZERO;
    }
    parcel.attempt += 1;
    let rest = Duration::from_millis(u64::from(parcel.attempt.min(5)) * 200);
    if parcel.update.is_none() && parcel.attempt < LAST_ATTEMPT {
        state.outbox.push_back(parcel);
    }
    rest
}

/// A POST by hand: deliveries go to plain HTTP on this machine only, and no client library is needed for that.
async fn hand_over(parcel: &Parcel) -> io::Result<u16> {
    let broken = |error: &str| io::Error::new(io::ErrorKind::InvalidInput, error.to_owned());
    let url = Url::parse(&parcel.url).map_err(|error| broken(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| broken("no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let header =
        parcel.header.as_ref().map_or_else(String::new, |(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n{header}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        parcel.body.len()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(parcel.body.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| broken("no status line"))
}
