//! Sockets for both protocols: connected without delay, and encrypted as the settings say, never less.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long one address of a host may take to answer, before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// From the first byte (ports 465 and 993).
    Implicit,
    /// After STARTTLS; a server that does not offer it is refused (port 587). Only for SMTP.
    StartTls,
    /// Not at all: only to addresses of this machine or of a private network.
    None,
}

/// Where a mail server is, and how to know that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, as it stands in the server's certificate.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Encryption.
    pub tls: Tls,
    /// Certificates (PEM) that are trusted besides those of the system: the authority of an office's own server.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// The line or the server: trying again may help.
    #[error("{0}")]
    Again(String),
    /// A certificate or a setting: somebody has to mend it.
    #[error("{0}")]
    Person(String),
}

/// Opens connections to one server. Built once, since reading the trusted certificates is not cheap.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    server: Server,
    config: Arc<ClientConfig>,
    extra_roots: Vec<u8>,
}

impl Dialer {
    pub(crate) fn new(server: Server) -> Result<Self, ConnectError> {
        let extra_roots = match &server.ca_file {
            Some(path) => std::fs::read(path)
                .map_err(|error| ConnectError::Person(format!("ca_file {}: {error}", path.display())))?,
            None => Vec::new(),
        };
        let config = client_config(&extra_roots)
            .map_err(|problem| ConnectError::Person(format!("trusted certificates: {problem}")))?;
        Ok(Self { server, config: Arc::new(config), extra_roots })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The content of the CA file, empty without one.
    pub(crate) fn extra_roots(&self) -> &[u8] {
        &self.extra_roots
    }

    /// Connects, and encrypts when that is done from the first byte.
    pub(crate) async fn dial(&self) -> Result<Wire, ConnectError> {
        let stream = self.connect().await?;
        if self.server.tls != Tls::Implicit {
            return Ok(Wire::Plain(stream));
        }
        let host = &self.server.host;
        let name = ServerName::try_from(host.clone())
            .map_err(|_| ConnectError::Person(format!("{host} is neither a host name nor an address")))?;
        match TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await {
            Ok(stream) => Ok(Wire::Tls(Box::new(stream))),
            Err(error) if is_distrust(&error) => Err(self.distrust(&error)),
            Err(error) => Err(ConnectError::Again(format!("TLS with {host}: {error}"))),
        }
    }

    /// What a person is told when the certificate is not accepted.
    pub(crate) fn distrust(&self, error: &dyn StdError) -> ConnectError {
        ConnectError::Person(format!(
            "the certificate of {} is not accepted, so nothing was sent: {error}",
            self.server.host
        ))
    }

    async fn connect(&self) -> Result<TcpStream, ConnectError> {
        let Server { host, port, .. } = &self.server;
        let addresses = tokio::net::lookup_host((host.as_str(), *port))
            .await
            .map_err(|error| ConnectError::Again(format!("{host} cannot be resolved: {error}")))?;
        let mut last = ConnectError::Again(format!("{host} has no address"));
        for address in addresses {
            match self.connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<TcpStream, ConnectError> {
        let Server { host, port, tls, .. } = &self.server;
        if *tls == Tls::None && !is_private(address.ip()) {
            return Err(ConnectError::Person(format!(
                "{host} is not in a private network: set tls to \"implicit\" or \"starttls\""
            )));
        }
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        let stream = connected
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        stream.map_err(|error| ConnectError::Again(format!("{host}:{port} cannot be reached: {error}")))
    }
}

fn client_config(extra_roots: &[u8]) -> Result<ClientConfig, String> {
    let roots = CertificateDer::pem_slice_iter(extra_roots)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|e| e.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    // "Dangerous" is rustls' word for any verifier but its own; this one asks the system's trust store.
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Whether a certificate is the reason of an error, however deep it lies.
pub(crate) fn is_distrust(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // An I/O error hides what it wraps from `source`.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    false
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
