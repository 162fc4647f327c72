//! A mail server that accepts, refuses, stalls and breaks off as a test wishes.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::daemon::{self, Daemon, Signal};
use crate::{PYTHON_VARIABLE, Trouble};

const SERVER: &str = "the SMTP server (aiosmtpd)";

const SCRIPT: &str = include_str!("../servers/smtp_sink.py");

/// A real SMTP server (Python's aiosmtpd) that keeps every mail it accepts.
#[derive(Debug)]
pub struct SmtpSink {
    daemon: Daemon,
    settings: SmtpSettings,
    certificate: Option<Certificate>,
    port: u16,
    folder: TempDir,
}

/// How a [`SmtpSink`] lets clients in.
#[derive(Debug, Clone, Default)]
pub struct SmtpSettings {
    /// Where encryption begins.
    pub tls: SmtpTls,
    /// The name and the password that a client must give.
    pub login: Option<(String, String)>,
}

/// Where encryption begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// Nowhere.
    #[default]
    None,
    /// When the client asks for it.
    StartTls,
    /// With the first byte.
    Implicit,
}

/// A step of the conversation, at which a [`Mood`] may strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In place of the greeting.
    Connect,
    /// At `EHLO`.
    Ehlo,
    /// At `AUTH`.
    Auth,
    /// At `MAIL FROM`.
    Mail,
    /// At `RCPT TO`.
    Rcpt,
    /// At `DATA`.
    Data,
    /// After the final dot, before the mail is kept.
    Body,
    /// After the mail is kept, before the client is told: the moment after which nobody can know.
    Kept,
}

/// Something the server does in place of what it should.
#[derive(Debug, Clone)]
pub struct Mood {
    stage: Stage,
    act: String,
    matching: String,
    times: u32,
}

impl Mood {
    /// Gives this reply, such as `450 4.2.0 nanti`.
    pub fn reply(stage: Stage, reply: &str) -> Self {
        Self { stage, act: reply.to_owned(), matching: String::new(), times: 0 }
    }

    /// Says nothing more, and keeps the connection.
    pub fn hang(stage: Stage) -> Self {
        Self::reply(stage, "hang")
    }

    /// Breaks the connection off.
    pub fn drop(stage: Stage) -> Self {
        Self::reply(stage, "drop")
    }

    /// From here on gives its replies at a byte a second.
    pub fn trickle(stage: Stage) -> Self {
        Self::reply(stage, "trickle")
    }

    /// Only where the step's argument (for the last two stages: the receivers) contains this text.
    #[must_use]
    pub fn matching(mut self, text: &str) -> Self {
        text.clone_into(&mut self.matching);
        self
    }

    /// Only so many times; without this, for as long as the mood lasts.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// A mail that the server has kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's receivers.
    pub to: Vec<String>,
    /// Who the client said it was.
    pub login: Option<String>,
    /// Whether the mail came inside TLS.
    pub encrypted: bool,
    /// Whether the client was told that the mail is kept.
    pub acknowledged: bool,
    /// The mail, byte for byte.
    pub raw: Vec<u8>,
}

impl SmtpSink {
    /// Starts a server that takes everything in the clear from anyone.
    pub fn start() -> Result<Self, Trouble> {
        Self::start_with(SmtpSettings::default())
    }

    /// Starts a server with encryption or a login.
    pub fn start_with(settings: SmtpSettings) -> Result<Self, Trouble> {
        let folder = daemon::scratch(SERVER, None)?;
        let certificate = match settings.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls | SmtpTls::Implicit => Some(Certificate::make(SERVER, folder.path())?),
        };
        std::fs::write(folder.path().join("sink.py"), SCRIPT).map_err(Trouble::of(SERVER))?;
        std::fs::write(folder.path().join("moods"), "").map_err(Trouble::of(SERVER))?;
        let port = daemon::free_port().map_err(Trouble::of(SERVER))?;
        let daemon = launch(folder.path(), port, &settings, certificate.as_ref())?;
        Ok(Self { daemon, settings, certificate, port, folder })
    }

    /// The port on `127.0.0.1`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority, in PEM, that a client must trust, when the server speaks TLS.
    pub fn authority(&self) -> Option<&Path> {
        self.certificate.as_ref().map(|certificate| certificate.authority.as_path())
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.daemon.id()
    }

    /// Replaces the server's moods; none makes it well-behaved again. Takes effect at the next step of a client.
    pub fn moods(&self, moods: &[Mood]) -> Result<(), Trouble> {
        let mut text = String::new();
        for Mood { stage, act, matching, times } in moods {
            let stage = format!("{stage:?}").to_lowercase();
            let _ = writeln!(text, "{stage}\t{act}\t{matching}\t{times}");
        }
        let unfinished = self.folder.path().join("moods.new");
        std::fs::write(&unfinished, text).map_err(Trouble::of(SERVER))?;
        std::fs::rename(unfinished, self.folder.path().join("moods")).map_err(Trouble::of(SERVER))
    }

    /// Every mail kept so far, in order.
    pub fn kept(&self) -> Result<Vec<Kept>, Trouble> {
        let entries = std::fs::read_dir(self.folder.path().join("mails")).into_iter().flatten().flatten();
        let mut envelopes: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
            .collect();
        envelopes.sort();
        envelopes.iter().map(|envelope| read(envelope)).collect()
    }

    /// Takes the server off the net: clients are refused until [`resume`](Self::resume).
    pub fn pause(&mut self) {
        self.daemon.kill();
    }

    /// Brings the server back on the same port, with the mails it has kept.
    pub fn resume(&mut self) -> Result<(), Trouble> {
        self.daemon = launch(self.folder.path(), self.port, &self.settings, self.certificate.as_ref())?;
        Ok(())
    }
}

fn launch(
    folder: &Path,
    port: u16,
    settings: &SmtpSettings,
    certificate: Option<&Certificate>,
) -> Result<Daemon, Trouble> {
    let mut command = daemon::program(python()?, None, Signal::Term);
    command.arg(folder.join("sink.py")).arg("--folder").arg(folder).args(["--port", &port.to_string()]);
    if let Some(certificate) = certificate {
        let tls = if settings.tls == SmtpTls::Implicit { "implicit" } else { "starttls" };
        command
            .args(["--tls", tls])
            .arg("--chain")
            .arg(&certificate.chain)
            .arg("--key")
            .arg(&certificate.key);
    }
    if let Some((name, password)) = &settings.login {
        command.arg("--login").arg(format!("{name}:{password}"));
    }
    let mut daemon = Daemon::start(SERVER, command, &folder.join("server.log"), Signal::Term)?;
    daemon.wait_until(Duration::from_secs(20), || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok(daemon)
}

fn read(envelope: &Path) -> Result<Kept, Trouble> {
    let text = std::fs::read_to_string(envelope).map_err(Trouble::of(SERVER))?;
    let fields: Vec<&str> = text.split('\t').collect();
    let [from, to, login, way, fate] = fields[..] else {
        return Err(Trouble::failed(SERVER, format!("unreadable envelope {text:?}")));
    };
    Ok(Kept {
        from: from.to_owned(),
        to: to.split(',').map(str::to_owned).collect(),
        login: Some(login.to_owned()).filter(|login| !login.is_empty()),
        encrypted: way == "tls",
        acknowledged: fate == "acknowledged",
        raw: std::fs::read(envelope.with_extension("eml")).map_err(Trouble::of(SERVER))?,
    })
}

/// A Python that has aiosmtpd: the tests' own, or Debian's.
fn python() -> Result<PathBuf, Trouble> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/test-python/bin/python");
    let named = std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from);
    named
        .into_iter()
        .chain([own.into(), "/usr/bin/python3".into()])
        .find(|python| daemon::run(SERVER, Command::new(python).args(["-c", "import aiosmtpd.smtp"])).is_ok())
        .ok_or(Trouble::NotInstalled { server: SERVER, package: "python3-aiosmtpd" })
}
