//! A web server that gives the same answer to everything, so fast that only who asks is measured.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::measure::OTHER_SIDE;

/// The server. It runs as long as the process does, on threads that [`crate::measure::cpu`] leaves out.
#[derive(Debug, Clone)]
pub struct Canned {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    answer: Mutex<Arc<Vec<u8>>>,
    answered: AtomicU64,
}

impl Canned {
    /// Starts answering with this JSON.
    pub fn start(json: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let canned = Self { address: listener.local_addr()?, shared: Arc::default() };
        canned.show(json);
        let shared = Arc::clone(&canned.shared);
        thread::Builder::new().name(OTHER_SIDE.to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                let one = thread::Builder::new().name(OTHER_SIDE.to_owned());
                // A client whose connection cannot be served sees it closed.
                let _ = one.spawn(move || shared.serve(stream));
            }
        })?;
        Ok(canned)
    }

    /// Answers with this JSON from now on.
    pub fn show(&self, json: &str) {
        let length = json.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        let answer = Arc::new(format!("{head} {length}\r\n\r\n{json}").into_bytes());
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Answers the requests of one connection until the other side is gone.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut lines = BufReader::new(stream);
        let (mut line, mut body) = (String::new(), 0);
        while lines.read_line(&mut line)? > 0 {
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(length) = header.strip_prefix("content-length:") {
                body = length.trim().parse().unwrap_or(0);
            } else if header.is_empty() {
                io::copy(&mut lines.by_ref().take(body), &mut io::sink())?;
                body = 0;
                let answer = Arc::clone(&self.answer.lock().unwrap_or_else(PoisonError::into_inner));
                lines.get_mut().write_all(&answer)?;
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            line.clear();
        }
        Ok(())
    }
}
