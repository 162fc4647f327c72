//! A Dovecot of the test's own, on a free port of this machine, in a folder that vanishes.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sahut_mail::{Imap, ImapSettings, Login, Server, Tls};

pub(crate) const USER: &str = "dinkes";
pub(crate) const PASSWORD: &str = "rahasia \"dalam\" \\ kutipan";
/// Dovecot refuses to read mails as root; when it has to start as root, mails belong to this user.
const NOBODY: u32 = 65534;

pub(crate) struct Dovecot {
    process: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Dovecot {
    /// Starts one, or says why there is none.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let id = Command::new("id").arg("-u").output().unwrap();
        let root = id.stdout.starts_with(b"0\n");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::create_dir_all(path.join("mail")).unwrap();
        if root {
            chown(path.join("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        std::fs::write(path.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        std::fs::write(path.join("dovecot.conf"), configuration(path, port, root)).unwrap();
        let log = std::fs::File::create(path.join("out")).unwrap();
        let process = ["/usr/sbin/dovecot", "dovecot"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-F").arg("-c").arg(path.join("dovecot.conf"));
            command.stdout(Stdio::null()).stderr(log.try_clone().unwrap()).spawn().ok()
        });
        let Some(process) = process else {
            println!("skipped: dovecot is not installed");
            return None;
        };
        let started = Self { process, port, folder };
        started.until_ready();
        Some(started)
    }

    pub(crate) fn settings(&self, mailbox: &str) -> ImapSettings {
        let server = Server { host: "127.0.0.1".to_owned(), port: self.port, tls: Tls::None, ca_file: None };
        let login = Login { user: USER.to_owned(), password: PASSWORD.to_owned().into() };
        let settings = ImapSettings::new(server, login, mailbox.to_owned());
        ImapSettings { timeout: Duration::from_secs(10), ..settings }
    }

    pub(crate) fn imap(&self) -> Imap {
        Imap::new(self.settings("INBOX")).unwrap()
    }

    /// Another mail program, with which the tests do to the mailbox what people do.
    pub(crate) fn client(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = Client { lines: BufReader::new(stream) };
        client.line();
        let password = PASSWORD.replace('\\', "\\\\").replace('"', "\\\"");
        client.run(&format!("LOGIN {USER} \"{password}\""));
        client
    }

    /// Hangs up on everybody who is logged in.
    pub(crate) fn drop_clients(&self) {
        let configuration = self.folder.path().join("dovecot.conf");
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(configuration).args(["kick", USER]);
        assert!(command.stdout(Stdio::null()).status().unwrap().success());
    }

    fn until_ready(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "dovecot did not start");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // Its children end with it only when it is asked nicely.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

pub(crate) struct Client {
    lines: BufReader<TcpStream>,
}

impl Client {
    /// Runs a command to its tagged answer and gives everything that came.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let answer = self.attempt(command);
        assert!(answer.contains("\r\na OK") || answer.starts_with("a OK"), "{command}: {answer}");
        answer
    }

    pub(crate) fn append(&mut self, mailbox: &str, mail: &str) {
        let mail = mail.replace('\n', "\r\n");
        self.run(&format!("APPEND {mailbox} {{{}+}}\r\n{mail}", mail.len()));
    }

    fn attempt(&mut self, command: &str) -> String {
        self.lines.get_mut().write_all(format!("a {command}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        loop {
            let line = self.line();
            answer.push_str(&line);
            if line.starts_with("a ") {
                return answer;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "dovecot hung up");
        line
    }
}

fn configuration(path: &Path, port: u16, root: bool) -> String {
    let path = path.display();
    let users = if root {
        "default_internal_user = nobody\ndefault_login_user = nobody\ndefault_internal_group = nogroup\n\
         first_valid_uid = 1\nuserdb {\n driver = static\n args = uid=65534 gid=65534 home=%P/mail/%u\n}\n"
    } else {
        "default_internal_user = $USER\ndefault_login_user = $USER\n\
         userdb {\n driver = static\n args = home=%P/mail/%u\n}\n"
    };
    let users =
        users.replace("%P", &path.to_string()).replace("$USER", &std::env::var("USER").unwrap_or_default());
    format!(
        "base_dir = {path}/run\nstate_dir = {path}/state\nlog_path = {path}/log\nprotocols = imap\nssl = no\n\
         disable_plaintext_auth = no\nlisten = 127.0.0.1\nmail_location = maildir:{path}/mail/%u\n\
         auth_failure_delay = 0\nservice imap-login {{\n chroot =\n inet_listener imap {{\n port = {port}\n }}\n \
         inet_listener imaps {{\n port = 0\n }}\n}}\nservice anvil {{\n chroot =\n}}\n\
         passdb {{\n driver = passwd-file\n args = {path}/users\n}}\n{users}\
         namespace inbox {{\n inbox = yes\n mailbox Sent {{\n auto = create\n }}\n}}\n"
    )
}
