//! Dovecot: the mail server that most offices' mailboxes live on.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::daemon::{self, Daemon, Signal};
use crate::{Trouble, trouble};

const SERVER: &str = "Dovecot";

/// Who the server runs as when we are root.
const USER: &str = "dovecot";

/// A Dovecot with mailboxes of its own: IMAP (plain, STARTTLS and TLS) and LMTP.
#[derive(Debug)]
pub struct Dovecot {
    daemon: Daemon,
    ports: Ports,
    certificate: Certificate,
    folder: TempDir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    imap: u16,
    imaps: u16,
    lmtp: u16,
}

impl Dovecot {
    /// Starts a server with these mailboxes, as pairs of address and password.
    pub fn start(mailboxes: &[(&str, &str)]) -> Result<Self, Trouble> {
        trouble::require(
            SERVER,
            &[
                ("/usr/sbin/dovecot", "dovecot-core"),
                ("/usr/lib/dovecot/imap", "dovecot-imapd"),
                ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
            ],
        )?;
        let folder = daemon::scratch(SERVER, None)?;
        let certificate = Certificate::make(SERVER, folder.path())?;
        let port = || daemon::free_port().map_err(Trouble::of(SERVER));
        let ports = Ports { imap: port()?, imaps: port()?, lmtp: port()? };
        let settings = settings(folder.path(), &certificate, ports)?;
        write(folder.path(), "dovecot.conf", &settings)?;
        write(folder.path(), "users", &passwords(mailboxes))?;
        daemon::give(SERVER, folder.path(), USER)?;

        let mut command = daemon::program("/usr/sbin/dovecot", Some(USER), Signal::Term);
        command.arg("-F").arg("-c").arg(folder.path().join("dovecot.conf"));
        let log = folder.path().join("server.log");
        let daemon = Daemon::start(SERVER, command, &log, Signal::Term)?;
        let mut dovecot = Self { daemon, ports, certificate, folder };
        dovecot.daemon.wait_until(Duration::from_secs(20), || greets(ports.imap) && greets(ports.lmtp))?;
        Ok(dovecot)
    }

    /// The port for IMAP in the clear, which also offers STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// The port for IMAP inside TLS.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps
    }

    /// The authority, in PEM, that a client must trust; the server's names are `localhost` and `127.0.0.1`.
    pub fn authority(&self) -> &Path {
        &self.certificate.authority
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.daemon.id()
    }

    /// Delivers a mail as the office's own mail server would, by LMTP. Line ends may be `\n` or `\r\n`.
    pub fn deliver(&self, to: &str, mail: &[u8]) -> Result<(), Trouble> {
        let mut session = Session::open(self.ports.lmtp)?;
        session.say("LHLO localhost", "250")?;
        session.say("MAIL FROM:<>", "250")?;
        session.say(&format!("RCPT TO:<{to}>"), "250")?;
        session.say("DATA", "354")?;
        session.say_data(mail)?;
        session.say("QUIT", "221")
    }

    /// The raw mails in a mailbox's inbox, oldest first.
    pub fn inbox(&self, address: &str) -> Result<Vec<Vec<u8>>, Trouble> {
        let maildir = home(self.folder.path(), address).join("Maildir");
        let mut files = Vec::new();
        for part in ["new", "cur"] {
            let entries = std::fs::read_dir(maildir.join(part)).into_iter().flatten().flatten();
            files.extend(entries.map(|entry| (entry.file_name(), entry.path())));
        }
        files.sort();
        files.into_iter().map(|(_, path)| std::fs::read(path).map_err(Trouble::of(SERVER))).collect()
    }
}

/// One conversation over LMTP.
struct Session(BufReader<TcpStream>);

impl Session {
    fn open(port: u16) -> Result<Self, Trouble> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(Trouble::of(SERVER))?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(Trouble::of(SERVER))?;
        let mut session = Self(BufReader::new(stream));
        session.hear("220")?;
        Ok(session)
    }

    fn say(&mut self, line: &str, expected: &str) -> Result<(), Trouble> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).map_err(Trouble::of(SERVER))?;
        self.hear(expected)
    }

    /// Sends a mail with the line ends and the doubled dots that the protocol asks for.
    fn say_data(&mut self, mail: &[u8]) -> Result<(), Trouble> {
        let mut data = Vec::with_capacity(mail.len() + 64);
        let mail = mail.strip_suffix(b"\n").unwrap_or(mail);
        for line in mail.split(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            data.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(b".\r\n");
        self.0.get_mut().write_all(&data).map_err(Trouble::of(SERVER))?;
        self.hear("250")
    }

    /// Reads one reply, to the last of its lines.
    fn hear(&mut self, expected: &str) -> Result<(), Trouble> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).map_err(Trouble::of(SERVER))?;
            if line.as_bytes().get(3) != Some(&b'-') {
                let wanted = line.starts_with(expected);
                return if wanted { Ok(()) } else { Err(Trouble::failed(SERVER, format!("LMTP: {line}"))) };
            }
        }
    }
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    BufReader::new(stream).read_line(&mut String::new()).is_ok_and(|bytes| bytes > 0)
}

fn home(folder: &Path, address: &str) -> PathBuf {
    folder.join("mail").join(address)
}

fn passwords(mailboxes: &[(&str, &str)]) -> String {
    let lines = mailboxes.iter().map(|(address, password)| format!("{address}:{{PLAIN}}{password}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Trouble> {
    std::fs::write(folder.join(name), text).map_err(Trouble::of(SERVER))
}

/// The whole configuration: everything in one folder, every process one ordinary user.
fn settings(folder: &Path, certificate: &Certificate, ports: Ports) -> Result<String, Trouble> {
    let user = if daemon::is_root() { USER.to_owned() } else { daemon::whoami(SERVER)? };
    let Ports { imap, imaps, lmtp } = ports;
    let (folder, chain, key) = (folder.display(), certificate.chain.display(), certificate.key.display());
    Ok(format!(
        "protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
default_internal_user = {user}
default_login_user = {user}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
}}
"
    ))
}
