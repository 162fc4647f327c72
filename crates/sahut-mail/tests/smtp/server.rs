//! An SMTP server with moods. Each connection has a thread of its own; it ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does instead of what it should.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Nothing: it is well.
    Well,
    /// Answers a command (`RCPT`, `.` for the end of the text) with this line.
    Says(&'static str, &'static str),
    /// Falls silent when it hears a command.
    SilentAt(&'static str),
    /// Hangs up when it hears a command, without an answer.
    HangsUpAt(&'static str),
    /// Hangs up while the text is coming in.
    HangsUpInText,
    /// Takes the mail and hangs up.
    HangsUpAfterMail,
    /// Answers one byte at a time.
    Slow,
    /// Does not offer STARTTLS, or somebody on the line took the offer away.
    WithoutStartTls,
}

/// What a server has seen.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) connections: usize,
    /// Commands, upper-case verbs only.
    pub(crate) verbs: Vec<String>,
    /// Texts it said 250 to.
    pub(crate) mails: Vec<String>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    ledger: Arc<Mutex<Ledger>>,
    mood: Arc<Mutex<Mood>>,
}

#[derive(Clone)]
struct Conversation {
    ledger: Arc<Mutex<Ledger>>,
    mood: Arc<Mutex<Mood>>,
    starttls: Option<Arc<ServerConfig>>,
}

trait Line: Read + Write + Send {}
impl<T: Read + Write + Send> Line for T {}

impl Server {
    pub(crate) fn start(mood: Mood) -> Self {
        Self::listen(mood, None, None)
    }

    pub(crate) fn with_tls(mood: Mood, config: Arc<ServerConfig>) -> Self {
        Self::listen(mood, Some(config), None)
    }

    pub(crate) fn with_starttls(mood: Mood, config: Arc<ServerConfig>) -> Self {
        Self::listen(mood, None, Some(config))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.ledger.lock().unwrap().mails.clone()
    }

    pub(crate) fn verbs(&self) -> Vec<String> {
        self.ledger.lock().unwrap().verbs.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.ledger.lock().unwrap().connections
    }

    fn listen(mood: Mood, tls: Option<Arc<ServerConfig>>, starttls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ledger, mood) = (Arc::<Mutex<Ledger>>::default(), Arc::new(Mutex::new(mood)));
        let conversation = Conversation { ledger: Arc::clone(&ledger), mood: Arc::clone(&mood), starttls };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_nodelay(true).unwrap();
                let (conversation, tls) = (conversation.clone(), tls.clone());
                conversation.ledger.lock().unwrap().connections += 1;
                thread::spawn(move || {
                    let line: Box<dyn Line> = match tls {
                        Some(config) => Box::new(encrypted(stream, config)),
                        None => Box::new(stream),
                    };
                    // An error is a client that left, as some moods make it do.
                    let _ = conversation.hold(line, true);
                });
            }
        });
        Self { port, ledger, mood }
    }
}

fn encrypted<S: Read + Write>(stream: S, config: Arc<ServerConfig>) -> StreamOwned<ServerConnection, S> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), stream)
}

impl Conversation {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn hold(&self, line: Box<dyn Line>, greet: bool) -> std::io::Result<()> {
        let mut line = BufReader::new(line);
        if greet && !self.answer(line.get_mut(), "GREETING", "220 test ESMTP")? {
            return Ok(());
        }
        let mut command = String::new();
        loop {
            command.clear();
            if line.read_line(&mut command)? == 0 {
                return Ok(());
            }
            let verb = command.split([' ', '\r']).next().unwrap_or_default().to_uppercase();
            self.ledger.lock().unwrap().verbs.push(verb.clone());
            let offer = self.starttls.is_some() && greet && self.mood() != Mood::WithoutStartTls;
            let ehlo = if offer {
                "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN"
            } else {
                "250-test\r\n250 AUTH PLAIN"
            };
            let usual = match verb.as_str() {
                "EHLO" => ehlo,
                "AUTH" => "235 2.7.0 welcome",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                "STARTTLS" => "220 go ahead",
                _ => "250 2.0.0 fine",
            };
            if !self.answer(line.get_mut(), &verb, usual)? {
                return Ok(());
            }
            match (verb.as_str(), &self.starttls) {
                ("STARTTLS", Some(config)) => {
                    return self.hold(Box::new(encrypted(line.into_inner(), Arc::clone(config))), false);
                }
                ("DATA", _)
                    if !matches!(self.mood(), Mood::Says("DATA", _)) && !self.take_text(&mut line)? =>
                {
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn take_text(&self, line: &mut BufReader<Box<dyn Line>>) -> std::io::Result<bool> {
        let mut text = String::new();
        loop {
            if line.read_line(&mut text)? == 0 || self.mood() == Mood::HangsUpInText {
                return Ok(false);
            }
            if text.ends_with("\r\n.\r\n") {
                break;
            }
        }
        let taken = !matches!(self.mood(), Mood::Says(".", _) | Mood::SilentAt(".") | Mood::HangsUpAt("."));
        if taken {
            self.ledger.lock().unwrap().mails.push(text);
        }
        let stays = self.answer(line.get_mut(), ".", "250 2.0.0 queued as 4711")?;
        Ok(stays && self.mood() != Mood::HangsUpAfterMail)
    }

    /// Answers as the mood is; false to hang up.
    fn answer(&self, line: &mut Box<dyn Line>, verb: &str, usual: &str) -> std::io::Result<bool> {
        match self.mood() {
            Mood::Says(at, words) if at == verb => {
                line.write_all(format!("{words}\r\n").as_bytes())?;
                return Ok(!words.starts_with("421"));
            }
            Mood::SilentAt(at) if at == verb => thread::sleep(Duration::from_hours(1)),
            Mood::HangsUpAt(at) if at == verb => return Ok(false),
            Mood::Slow => {
                for byte in format!("{usual}\r\n").bytes() {
                    line.write_all(&[byte])?;
                    line.flush()?;
                }
            }
            _ => line.write_all(format!("{usual}\r\n").as_bytes())?,
        }
        line.flush()?;
        Ok(true)
    }
}

/// A port where nobody listens.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
