//! The one client through which every outgoing call passes.
//!
//! It calls only public addresses (and the private hosts that the operator named), follows no redirect, uses no proxy
//! and keeps no cookie, caps time and size, and names nothing but the host in its errors: a path or a query may hold
//! a secret.

mod answer;
mod error;
mod guard;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

pub use answer::Answer;
pub(crate) use answer::without_words;
pub use error::HttpError;
use guard::Resolver;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// What the client may do.
#[derive(Debug, Clone, Default)]
pub struct HttpPolicy {
    /// Hosts in private networks that may be called all the same, and without TLS, such as a site in the office's own
    /// network: names or addresses as they are written in a URL, without a port.
    pub private_hosts: Vec<String>,
}

/// The client. Cloned freely; clones share connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    policy: Arc<HttpPolicy>,
}

impl Http {
    /// Builds the client. Fails when the system's TLS roots cannot be read.
    pub fn new(policy: HttpPolicy) -> Result<Self, HttpError> {
        // An error means that a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = Arc::new(policy);
        #[expect(clippy::disallowed_methods, reason = "the one place where a client is built")]
        let client = reqwest::Client::builder()
            .user_agent(concat!("Sahut/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver(Arc::clone(&policy)))
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(64)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .build()
            .map_err(|error| HttpError::Setup(error::cause(&error)))?;
        Ok(Self { client, policy })
    }

    /// Begins a GET.
    pub fn get(&self, url: Url) -> Request {
        self.request(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: Url) -> Request {
        self.request(Method::POST, url)
    }

    /// Begins a PUT.
    pub fn put(&self, url: Url) -> Request {
        self.request(Method::PUT, url)
    }

    /// Begins a DELETE.
    pub fn delete(&self, url: Url) -> Request {
        self.request(Method::DELETE, url)
    }

    fn request(&self, method: Method, url: Url) -> Request {
        let host = url.host_str().unwrap_or_default().to_owned();
        let refused = guard::check(&url, &self.policy).err().map(|why| HttpError::refused(&host, why));
        Request { host, refused, builder: self.client.request(method, url) }
    }
}

/// A call being put together.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    host: String,
    refused: Option<HttpError>,
    builder: reqwest::RequestBuilder,
}

impl Request {
    /// Adds pairs to the query.
    pub fn query(self, pairs: &[(&str, &str)]) -> Self {
        self.with(|builder| builder.query(pairs))
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|builder| builder.header(name, value))
    }

    /// Shows a token in the `Authorization` header.
    pub fn bearer(self, token: &SecretString) -> Self {
        self.with(|builder| builder.bearer_auth(token.expose_secret()))
    }

    /// Shows a name and a password in the `Authorization` header.
    pub fn basic(self, name: &str, password: &SecretString) -> Self {
        self.with(|builder| builder.basic_auth(name, Some(password.expose_secret())))
    }

    /// Sends a JSON body.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|builder| builder.json(body))
    }

    /// Sends a form as body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        self.with(|builder| builder.form(pairs))
    }

    /// Sends these very bytes as body, such as ones that are signed; a `content-type` header says what they are.
    pub fn body(self, bytes: Vec<u8>) -> Self {
        self.with(|builder| builder.body(bytes))
    }

    /// Allows this much time from the connection to the last byte of the answer, instead of 20 seconds.
    pub fn timeout(self, most: Duration) -> Self {
        self.with(|builder| builder.timeout(most))
    }

    /// Sends the request once and reads the answer whole, whatever its status.
    pub async fn send(self) -> Result<Answer, HttpError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        match self.builder.send().await {
            Ok(response) => Answer::read(self.host, response).await,
            Err(error) => Err(HttpError::from_reqwest(&self.host, &error)),
        }
    }

    fn with(mut self, add: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        self.builder = add(self.builder);
        self
    }
}
