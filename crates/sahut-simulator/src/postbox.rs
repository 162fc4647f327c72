//! A mail server that takes every mail and keeps it: what the demo shows, and what tests count.
//!
//! It speaks as much SMTP (RFC 5321) as a sender needs: EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT. No encryption, no
//! login, nothing on disk: it never leaves this machine.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use sahut_domain::{Clock, Timestamp};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The largest mail that is taken, in bytes.
const LARGEST: usize = 10 * 1024 * 1024;

/// The longest command line, in bytes.
const LONGEST_LINE: u64 = 4096;

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The mail as it came, with headers, dots unstuffed.
    pub raw: Vec<u8>,
    /// When it was taken.
    pub at: Timestamp,
}

/// A running mail server. Dropping it stops it.
pub struct Postbox {
    address: SocketAddr,
    kept: Arc<Kept>,
    stop: CancellationToken,
}

struct Kept {
    letters: Mutex<Vec<Arc<Letter>>>,
    clock: Clock,
}

impl Postbox {
    /// Starts to listen; port 0 takes a free one.
    pub async fn start(bind: SocketAddr, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let kept = Arc::new(Kept { letters: Mutex::default(), clock });
        #[expect(clippy::disallowed_methods, reason = "it ends with the postbox")]
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&kept))));
        Ok(Self { address, kept, stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mails so far, in the order in which they were taken.
    pub fn letters(&self) -> Vec<Arc<Letter>> {
        self.kept.letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, kept: Arc<Kept>) {
    while let Ok((stream, _)) = listener.accept().await {
        let kept = Arc::clone(&kept);
        #[expect(clippy::disallowed_methods, reason = "a conversation ends with its connection")]
        tokio::spawn(async move {
            // A sender that hangs up in the middle has not sent the mail.
            let _ = converse(stream, &kept).await;
        });
    }
}

/// What the sender has said of the next mail.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

async fn converse(stream: TcpStream, kept: &Kept) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut envelope = Envelope::default();
    say(&mut write, "220 postbox ESMTP").await?;
    while let Some(line) = command(&mut read).await? {
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" => {
                say(&mut write, "250-postbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760").await?;
            }
            "HELO" | "NOOP" => say(&mut write, "250 ok").await?,
            "RSET" => {
                envelope = Envelope::default();
                say(&mut write, "250 ok").await?;
            }
            "MAIL" => {
                envelope = Envelope { from: Some(address(&line)), to: Vec::new() };
                say(&mut write, "250 ok").await?;
            }
            "RCPT" if envelope.from.is_some() => {
                envelope.to.push(address(&line));
                say(&mut write, "250 ok").await?;
            }
            "DATA" if !envelope.to.is_empty() => {
                say(&mut write, "354 go on").await?;
                let Some(raw) = data(&mut read).await? else {
                    say(&mut write, "552 5.3.4 larger than 10 MiB").await?;
                    continue;
                };
                keep(kept, std::mem::take(&mut envelope), raw);
                say(&mut write, "250 2.0.0 kept").await?;
            }
            "QUIT" => return say(&mut write, "221 bye").await,
            "RCPT" | "DATA" => say(&mut write, "503 5.5.1 not now").await?,
            _ => say(&mut write, "500 5.5.2 not understood").await?,
        }
    }
    Ok(())
}

fn keep(kept: &Kept, envelope: Envelope, raw: Vec<u8>) {
    let from = envelope.from.unwrap_or_default();
    let letter = Letter { from, to: envelope.to, raw, at: kept.clock.now() };
    kept.letters.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(letter));
}

async fn say(write: &mut (impl AsyncWrite + Unpin), line: &str) -> io::Result<()> {
    write.write_all(format!("{line}\r\n").as_bytes()).await
}

/// The next command; none when the sender has hung up.
async fn command(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let length = (&mut *read).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    Ok((length > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
}

/// The text of a mail up to the lone dot; none when it is too large.
async fn data(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    let mut too_large = false;
    loop {
        let mut line = Vec::new();
        if read.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" || line == b".\n" {
            return Ok((!too_large).then_some(raw));
        }
        let text = if line.starts_with(b".") { &line[1..] } else { &line[..] };
        too_large |= raw.len() + text.len() > LARGEST;
        if !too_large {
            raw.extend_from_slice(text);
        }
    }
}

/// The address between the angle brackets of MAIL or RCPT.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_mail_is_kept_as_it_was_sent() {
        let postbox = Postbox::start((Ipv4Addr::LOCALHOST, 0).into(), Clock::system()).await.unwrap();
        let mut stream = TcpStream::connect(postbox.address()).await.unwrap();
        let talk = "EHLO a\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n\
                    Subject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
        stream.write_all(talk.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.ends_with("250 2.0.0 kept\r\n221 bye\r\n"), "{said}");
        let letters = postbox.letters();
        assert_eq!(letters[0].from, "a@x.example");
        assert_eq!(letters[0].to, ["b@x.example"]);
        assert_eq!(letters[0].raw, b"Subject: hi\r\n\r\n.dot\r\n");
    }

    #[tokio::test]
    async fn half_a_mail_is_no_mail() {
        let postbox = Postbox::start((Ipv4Addr::LOCALHOST, 0).into(), Clock::system()).await.unwrap();
        let mut stream = TcpStream::connect(postbox.address()).await.unwrap();
        let talk = "EHLO a\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nSubject: hi\r\n";
        stream.write_all(talk.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(postbox.letters().is_empty());
    }
}
