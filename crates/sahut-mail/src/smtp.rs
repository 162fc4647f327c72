//! Sending over SMTP: a few kept connections, one recipient a transaction, and errors told apart by what helps.
//!
//! The conversation is lettre's; the sockets are ours, for one reason. lettre's own transport never sets
//! `TCP_NODELAY` and writes the final dot apart from the text, so Nagle's algorithm holds the dot back until the
//! server's delayed acknowledgement: about 45 ms a mail on each connection. On a socket without delay the same
//! conversation takes well under a millisecond (`cargo bench -p sahut-mail` shows both).
//!
//! Driving the commands one by one also tells *where* a conversation ended, which decides whether a mail may have
//! arrived: until the final dot is written it certainly has not.

mod connection;
mod error;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

pub use error::{Answer, SmtpError};

use crate::wire::{ConnectError, Dialer, Server};
use crate::{Login, Mail, said};
use connection::{Connector, Delivery};

/// How long a connection is kept unused. Servers hang up after a few minutes (RFC 5321, 4.5.3.2.7: five).
const IDLE: Duration = Duration::from_secs(30);

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server that takes our mails.
    pub server: Server,
    /// The account, where the server wants one.
    pub login: Option<Login>,
    /// Our name in the greeting: a host name; an address literal when absent.
    pub hello: Option<String>,
    /// How many connections may be open at once; at least 1.
    pub max_connections: usize,
    /// How long everything before the text may take: connecting, greeting, addresses.
    pub timeout: Duration,
    /// How long the text and the server's final answer may take. RFC 5321 (4.5.3.2.6) asks for ten minutes; less means
    /// that a slow server may get a mail twice, and that a dead one holds up fewer.
    pub final_timeout: Duration,
}

impl SmtpSettings {
    /// The usual settings: four connections, a minute before and two minutes after the text.
    pub fn new(server: Server, login: Option<Login>) -> Self {
        Self {
            server,
            login,
            hello: None,
            max_connections: 4,
            timeout: Duration::from_mins(1),
            final_timeout: Duration::from_mins(2),
        }
    }
}

/// Sends mails through one server. Made once and shared.
pub struct Smtp {
    connector: Connector,
    timeout: Duration,
    final_timeout: Duration,
    connections: usize,
    permits: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// The server has taken the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What it said, often with its queue number; addresses are masked.
    pub said: String,
}

impl Smtp {
    /// Prepares sending; connects to nobody yet. Fails when the trusted certificates cannot be read.
    pub fn new(settings: SmtpSettings) -> Result<Self, ConnectError> {
        let dialer = Dialer::new(settings.server)?;
        let connections = settings.max_connections.max(1);
        Ok(Self {
            connector: Connector::new(dialer, settings.login, settings.hello)?,
            timeout: settings.timeout,
            final_timeout: settings.final_timeout,
            connections,
            permits: Semaphore::new(connections),
            idle: Mutex::default(),
        })
    }

    /// How many mails can be on their way at once; one more waits for a connection.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// The longest time that [`Smtp::send`] may take, once there is a connection for it.
    pub fn longest_send(&self) -> Duration {
        self.timeout + self.final_timeout + connection::RESET
    }

    /// Sends one mail and waits for the server's final word. Never tries again by itself.
    pub async fn send(&self, mail: &Mail, now: Timestamp) -> Result<Accepted, SmtpError> {
        let text = mail.compose(now)?;
        // The semaphore is never closed, so waiting for it cannot fail.
        let _permit = self.permits.acquire().await.ok();
        let mut delivery = self.within(self.begin(mail)).await?;
        let answer = delivery.text(&text, self.final_timeout).await;
        self.keep(delivery).await;
        let response = answer?;
        Ok(Accepted { said: said(response.first_line().unwrap_or_default()) })
    }

    /// Connects, encrypts and logs in, without sending anything.
    pub async fn test(&self) -> Result<(), SmtpError> {
        self.within(async {
            let mut connection = self.connector.open().await?;
            let alive = connection.test_connected().await;
            connection.abort().await;
            if alive {
                Ok(())
            } else {
                Err(SmtpError::Again("the server hung up after the login".to_owned()))
            }
        })
        .await
    }

    /// Brings a connection to the point where the server waits for the text.
    async fn begin(&self, mail: &Mail) -> Result<Delivery, SmtpError> {
        let kept = self.kept();
        let reused = kept.is_some();
        let mut delivery = Delivery::new(match kept {
            Some(connection) => connection,
            None => self.connector.open().await?,
        });
        let mut sender = delivery.sender(mail).await;
        if reused && delivery.is_over() {
            // The server had hung up on the kept connection. Nothing was asked of it, so this is no second try.
            delivery = Delivery::new(self.connector.open().await?);
            sender = delivery.sender(mail).await;
        }
        let ready = match sender {
            Ok(()) => delivery.recipient(mail).await,
            Err(error) => Err(error),
        };
        match ready {
            Ok(()) => Ok(delivery),
            Err(error) => {
                self.keep(delivery).await;
                Err(error)
            }
        }
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, SmtpError>>) -> Result<T, SmtpError> {
        timeout(self.timeout, work).await.unwrap_or_else(|_| {
            let host = &self.connector.server().host;
            Err(SmtpError::Again(format!("{host} did not answer within {:?}", self.timeout)))
        })
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    async fn keep(&self, delivery: Delivery) {
        if let Some(connection) = delivery.finish().await {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection, Instant::now()));
        }
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("server", self.connector.server()).finish_non_exhaustive()
    }
}
