//! One connection: opened, logged in, and led through one transaction.

use std::iter;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::error::{SmtpError, Step, told};
use crate::wire::{ConnectError, Dialer, Server, Tls, Wire, is_distrust};
use crate::{Login, Mail};

/// How long a connection may take to be made ready for the next mail.
pub(super) const RESET: Duration = Duration::from_secs(5);

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        self.tcp().peer_addr()
    }
}

/// Opens connections that are ready for a first mail.
pub(super) struct Connector {
    dialer: Dialer,
    credentials: Option<Credentials>,
    hello: ClientId,
    starttls: Option<TlsParameters>,
}

impl Connector {
    pub(super) fn new(
        dialer: Dialer,
        login: Option<Login>,
        hello: Option<String>,
    ) -> Result<Self, ConnectError> {
        let starttls = match dialer.server().tls {
            Tls::StartTls => Some(tls_parameters(&dialer)?),
            Tls::Implicit | Tls::None => None,
        };
        let credentials =
            login.map(|login| Credentials::new(login.user, login.password.expose_secret().to_owned()));
        Ok(Self {
            dialer,
            credentials,
            hello: hello.map_or_else(ClientId::default, ClientId::Domain),
            starttls,
        })
    }

    pub(super) fn server(&self) -> &Server {
        self.dialer.server()
    }

    pub(super) async fn open(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let wire = self.dialer.dial().await?;
        let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &self.hello)
            .await
            .map_err(|error| told(Step::Greeting, &error))?;
        if let Some(parameters) = &self.starttls {
            self.encrypt(&mut connection, parameters.clone()).await?;
        }
        if let Some(credentials) = &self.credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(|error| told(Step::Login, &error))?;
        }
        Ok(connection)
    }

    /// A server that does not offer STARTTLS may be one whose offer somebody on the line has removed.
    async fn encrypt(
        &self,
        connection: &mut AsyncSmtpConnection,
        parameters: TlsParameters,
    ) -> Result<(), SmtpError> {
        if !connection.can_starttls() {
            let host = &self.server().host;
            return Err(SmtpError::Person(format!("{host} does not offer STARTTLS, so nothing was sent")));
        }
        connection.starttls(parameters, &self.hello).await.map_err(|error| {
            if is_distrust(&error) {
                self.dialer.distrust(&error).into()
            } else {
                told(Step::Greeting, &error)
            }
        })
    }
}

fn tls_parameters(dialer: &Dialer) -> Result<TlsParameters, ConnectError> {
    let mut builder = TlsParameters::builder(dialer.server().host.clone());
    if !dialer.extra_roots().is_empty() {
        let roots = Certificate::from_pem(dialer.extra_roots());
        builder =
            builder.add_root_certificate(roots.map_err(|error| ConnectError::Person(error.to_string()))?);
    }
    builder.build().map_err(|error| ConnectError::Person(error.to_string()))
}

/// One transaction on a connection.
pub(super) struct Delivery {
    connection: AsyncSmtpConnection,
    /// The server has heard MAIL and must be told to forget it, unless it took the mail.
    begun: bool,
    /// The connection cannot be used any more.
    over: bool,
}

impl Delivery {
    pub(super) fn new(connection: AsyncSmtpConnection) -> Self {
        Self { connection, begun: false, over: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) async fn sender(&mut self, mail: &Mail) -> Result<(), SmtpError> {
        let command =
            MailFrom::new(Some(mail.return_to.as_ref().unwrap_or(&mail.from).email().clone()), Vec::new());
        let answer = self.connection.command(command).await;
        self.heard(Step::Sender, answer)?;
        self.begun = true;
        Ok(())
    }

    pub(super) async fn recipient(&mut self, mail: &Mail) -> Result<(), SmtpError> {
        let answer = self.connection.command(Rcpt::new(mail.to.email().clone(), Vec::new())).await;
        self.heard(Step::Recipient, answer)?;
        let answer = self.connection.command(Data).await;
        self.heard(Step::Text, answer).map(drop)
    }

    /// Sends the text and the final dot. Once the dot may be under way, an ended connection tells nothing.
    pub(super) async fn text(&mut self, text: &[u8], patience: Duration) -> Result<Response, SmtpError> {
        let mut dot = false;
        let parts = iter::once(text).chain(iter::from_fn(|| {
            dot = true;
            None
        }));
        let ended = timeout(patience, self.connection.message_iter(parts)).await;
        let problem = match ended {
            Ok(Ok(response)) => {
                self.begun = false;
                return Ok(response);
            }
            Ok(Err(error)) if error.status().is_some() => return self.heard(Step::Text, Err(error)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {patience:?}"),
        };
        self.over = true;
        Err(if dot { SmtpError::Uncertain(problem) } else { SmtpError::Again(problem) })
    }

    /// The connection, ready for another mail, if it can be had.
    pub(super) async fn finish(mut self) -> Option<AsyncSmtpConnection> {
        if self.over {
            return None;
        }
        if self.begun {
            timeout(RESET, self.connection.command(Rset)).await.ok()?.ok()?;
        }
        Some(self.connection)
    }

    fn heard(&mut self, step: Step, answer: Result<Response, Error>) -> Result<Response, SmtpError> {
        answer.map_err(|error| {
            // 421 announces that the server hangs up (RFC 5321, 3.8).
            self.over |= error.status().is_none_or(|code| u16::from(code) == 421);
            told(step, &error)
        })
    }
}
