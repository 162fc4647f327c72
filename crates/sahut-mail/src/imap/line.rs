//! The line to a server: a command may take as long as the server goes on talking.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};

use super::error::{ImapError, late};
use crate::wire::Wire;

/// How many times its patience a command may take in all, from a server that says a word now and then.
const MOST_PATIENCES: u32 = 30;

/// A connection that counts what comes in.
#[derive(Debug)]
pub(super) struct Line {
    wire: Wire,
    heard: Heard,
}

/// How many bytes came in.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicU64>);

impl Line {
    pub(super) fn new(wire: Wire, heard: Heard) -> Self {
        Self { wire, heard }
    }
}

impl Heard {
    /// Waits for an answer until the server has said nothing for so long. Mails of many megabytes come over a thin line
    /// in minutes; a time for the whole of them would be too short for ever.
    pub(super) async fn while_talking<T>(
        &self,
        patience: Duration,
        answer: impl Future<Output = Result<T, ImapError>>,
    ) -> Result<T, ImapError> {
        tokio::pin!(answer);
        let last = Instant::now() + patience * MOST_PATIENCES;
        loop {
            let before = self.0.load(Ordering::Relaxed);
            if let Ok(answered) = timeout(patience, &mut answer).await {
                return answered;
            }
            if self.0.load(Ordering::Relaxed) == before || Instant::now() >= last {
                return Err(late());
            }
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut line.wire).poll_read(cx, buf);
        line.heard.0.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
