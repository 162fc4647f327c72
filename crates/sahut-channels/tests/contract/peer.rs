//! A server under the test's control.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

/// What a client asked.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Call {
    /// A field of the form that was sent.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// The server.
pub(crate) struct Peer {
    pub(crate) url: Url,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Peer {
    /// Starts a server on this machine that answers with `answer`.
    pub(crate) async fn start(answer: impl Fn(&Call) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let seen = Arc::clone(&calls);
        let answer = Arc::new(answer);
        let app = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let call = read(request).await;
                let response = answer(&call);
                seen.lock().unwrap().push(call);
                response
            }
        });
        #[expect(clippy::disallowed_methods, reason = "a test's server, gone with the test")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, calls }
    }

    /// What was asked so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The last call.
    pub(crate) fn last(&self) -> Call {
        self.calls().pop().unwrap()
    }
}

/// An answer with JSON.
#[expect(clippy::needless_pass_by_value, reason = "so that literals, values and references all fit")]
pub(crate) fn json(status: u16, body: impl ToString) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

async fn read(request: Request) -> Call {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let query =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_owned())
    };
    Call {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query,
        headers: head.headers.iter().map(header).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
