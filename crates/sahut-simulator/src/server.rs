//! The door: takes connections, reads calls, lets moods strike, sends answers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Path, Request, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::{IncomingStream, Listener};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::call::Call;
use crate::moods::Mood;
use crate::state::Shared;
use crate::{control, graph, telegram};

/// The largest request body, in bytes.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What a proxy says when it has nothing better.
const HTML: &str =
    "<!DOCTYPE html><html><head><title>Sorry</title></head><body>Something went wrong.</body></html>";

/// An answer before a mood gets hold of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
    /// Account and identifier of each message whose words stand in the body.
    pub(crate) shown: Vec<(String, String)>,
    /// Whose budget paid for it.
    pub(crate) account: String,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body, shown: Vec::new(), account: String::new() }
    }

    fn into_response(self, body: String) -> Response {
        let mut response = Response::builder().status(self.status).header("content-type", "application/json");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

/// Serves until the token says stop.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let app = Router::new()
        .route("/", any(root))
        .route("/{*path}", any(handle))
        .with_state(shared)
        .into_make_service_with_connect_info::<Line>();
    let served = axum::serve(Door(listener), app).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::warn!(%error, "simulator.stopped");
    }
}

async fn root(shared: Extract<Arc<Shared>>, line: ConnectInfo<Line>, request: Request) -> Response {
    handle(shared, line, Path(String::new()), request).await
}

async fn handle(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call::read(parts.method, &parts.uri, path, &parts.headers, &body);
    if let Some(what) = call.path.strip_prefix("_sim") {
        return control::answer(&shared, what.trim_matches('/'), &body);
    }
    let mood = shared.lock().mood(&call);
    match mood {
        Mood::DropBefore => line.cut(),
        Mood::Html => ([("content-type", "text/html")], HTML).into_response(),
        Mood::ServerError => server_error(&call),
        _ => send(&shared, &line, answer(&shared, &call, mood).await, mood).await,
    }
}

/// Does what the call asks for and keeps in the ledger what came of it.
async fn answer(shared: &Shared, call: &Call, mood: Mood) -> Answer {
    if call.path.starts_with("bot") {
        let answer = telegram::answer(shared, call, mood).await;
        shared.lock().settle(&answer, mood);
        return answer;
    }
    let mut state = shared.lock();
    let before = state.ledger.accepted.len();
    let answer = graph::answer(&mut state, call, mood);
    state.ledger.tell(before, mood);
    state.settle(&answer, mood);
    shared.stirred.notify_waiters();
    answer
}

async fn send(shared: &Shared, line: &Line, answer: Answer, mood: Mood) -> Response {
    let (slow, hang) = {
        let state = shared.lock();
        (Duration::from_millis(state.moods.slow_millis), Duration::from_millis(state.moods.hang_millis))
    };
    let body = answer.body.to_string();
    match mood {
        Mood::DropAfter => line.cut(),
        Mood::Hang => {
            tokio::select! { () = sleep(hang) => {}, () = shared.stop.cancelled() => {} }
            line.cut()
        }
        Mood::Slow => {
            tokio::select! { () = sleep(slow) => {}, () = shared.stop.cancelled() => {} }
            answer.into_response(body)
        }
        Mood::Truncate => {
            let half = body.chars().take(body.chars().count() / 2).collect();
            answer.into_response(half)
        }
        Mood::WrongType => {
            let wrong =
                if answer.body.get("data").is_some() { json!({"data": "none"}) } else { json!([true]) };
            answer.into_response(wrong.to_string())
        }
        _ => answer.into_response(body),
    }
}

fn server_error(call: &Call) -> Response {
    let body = if call.path.starts_with("bot") {
        json!({"ok": false, "error_code": 502, "description": "Bad Gateway"})
    } else {
        graph::GraphError::new(2, "Service temporarily unavailable").body("AAAAAAAAAAAAAAAAAAAAAAA")
    };
    let status = if call.path.starts_with("bot") { 502 } else { 503 };
    Answer::json(status, Value::Null).into_response(body.to_string())
}

/// Takes connections that can be cut in the middle of a call.
struct Door(TcpListener);

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small and come one by one: waiting to fill a packet would only slow them.
        let _ = stream.set_nodelay(true);
        (Wire { stream, line: Line::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What a handler knows of the connection that its call came by.
#[derive(Debug, Clone, Default)]
struct Line(Arc<AtomicBool>);

impl Line {
    /// Cuts the connection: the response that is returned here is never sent.
    fn cut(&self) -> Response {
        self.0.store(true, Ordering::SeqCst);
        StatusCode::OK.into_response()
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}

struct Wire {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.0.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
