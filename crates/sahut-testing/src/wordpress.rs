//! WordPress: the website that most offices have.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::{self, Daemon, Signal};
use crate::{Trouble, trouble};

const SERVER: &str = "WordPress";

/// Who the servers run as when we are root.
const USER: &str = "mysql";

/// The site's only account, an administrator.
const ACCOUNT: &str = "kominfo";

/// Where Debian keeps the site's code.
const CODE: &str = "/usr/share/wordpress";

/// A website with a database of its own, in Jakarta's time and with readable links.
#[derive(Debug)]
pub struct WordPress {
    /// In the order in which they are stopped.
    web: Daemon,
    _database: Daemon,
    password: String,
    port: u16,
    folder: TempDir,
}

/// A comment as the site keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebComment {
    /// The site's number for it.
    pub id: u64,
    /// The post that it stands under.
    pub post: u64,
    /// The comment that it answers; 0 for none.
    pub parent: u64,
    /// `approved`, `unapproved`, `spam` or `trash`.
    pub status: String,
    /// The name given.
    pub author: String,
    /// The words, as HTML.
    pub text: String,
}

impl WordPress {
    /// Starts a site without posts. Takes about ten seconds.
    pub fn start() -> Result<Self, Trouble> {
        trouble::require(
            SERVER,
            &[
                ("/usr/share/wordpress/wp-load.php", "wordpress"),
                ("/usr/sbin/mariadbd", "mariadb-server"),
                ("/usr/bin/php", "php-cli"),
            ],
        )?;
        let folder = daemon::scratch(SERVER, None)?;
        let port = daemon::free_port().map_err(Trouble::of(SERVER))?;
        lay_out(folder.path(), port).map_err(Trouble::of(SERVER))?;
        daemon::give(SERVER, folder.path(), USER)?;
        let database = serve_database(folder.path())?;
        let password = verb(folder.path(), &["install", ACCOUNT])?;
        let web = serve_web(folder.path(), port)?;
        Ok(Self { web, _database: database, password, port, folder })
    }

    /// The site's address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The account that may read and moderate everything.
    pub fn account(&self) -> &'static str {
        ACCOUNT
    }

    /// The account's application password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The web server's process id.
    pub fn process(&self) -> u32 {
        self.web.id()
    }

    /// Publishes a post; its id.
    pub fn publish_post(&self, title: &str) -> Result<u64, Trouble> {
        self.id(&["publish_post", title])
    }

    /// A citizen's comment that everyone sees at once; its id.
    pub fn comment(&self, post: u64, author: &str, text: &str) -> Result<u64, Trouble> {
        self.id(&["comment", &post.to_string(), "0", author, text, "1"])
    }

    /// A citizen's comment that waits for [`approve`](Self::approve); its id.
    pub fn held_comment(&self, post: u64, author: &str, text: &str) -> Result<u64, Trouble> {
        self.id(&["comment", &post.to_string(), "0", author, text, "0"])
    }

    /// A citizen's answer to a comment; its id.
    pub fn answer(&self, to: &WebComment, author: &str, text: &str) -> Result<u64, Trouble> {
        self.id(&["comment", &to.post.to_string(), &to.id.to_string(), author, text, "1"])
    }

    /// Shows a held comment.
    pub fn approve(&self, comment: u64) -> Result<(), Trouble> {
        self.id(&["set_status", &comment.to_string(), "approve"]).map(drop)
    }

    /// Puts a comment into the trash.
    pub fn trash(&self, comment: u64) -> Result<(), Trouble> {
        self.id(&["set_status", &comment.to_string(), "trash"]).map(drop)
    }

    /// Changes a comment's words.
    pub fn edit(&self, comment: u64, text: &str) -> Result<(), Trouble> {
        self.id(&["edit", &comment.to_string(), text]).map(drop)
    }

    /// All comments, also those in the trash, in the order they came.
    pub fn comments(&self) -> Result<Vec<WebComment>, Trouble> {
        let rows = verb(self.folder.path(), &["comments"])?;
        rows.split_terminator('\x1E').map(read).collect()
    }

    /// A verb that answers with an id; 0 says that WordPress did not do it.
    fn id(&self, words: &[&str]) -> Result<u64, Trouble> {
        match verb(self.folder.path(), words)?.parse() {
            Ok(0) | Err(_) => Err(Trouble::failed(SERVER, format!("did not {}", words[0]))),
            Ok(id) => Ok(id),
        }
    }
}

fn read(row: &str) -> Result<WebComment, Trouble> {
    let fields: Vec<&str> = row.split_terminator('\x1F').collect();
    let unreadable = || Trouble::failed(SERVER, format!("unreadable comment {row:?}"));
    let [id, post, parent, status, author, text] = fields[..] else { return Err(unreadable()) };
    let number = |text: &str| text.parse().map_err(|_| unreadable());
    Ok(WebComment {
        id: number(id)?,
        post: number(post)?,
        parent: number(parent)?,
        status: status.to_owned(),
        author: author.to_owned(),
        text: text.to_owned(),
    })
}

/// Puts the site's folder together: the distribution's code by links, the configuration and the scripts.
fn lay_out(folder: &Path, port: u16) -> std::io::Result<()> {
    let www = folder.join("www");
    std::fs::create_dir(&www)?;
    for entry in std::fs::read_dir(CODE)? {
        let entry = entry?;
        if entry.file_name() != "wp-config.php" {
            std::os::unix::fs::symlink(entry.path(), www.join(entry.file_name()))?;
        }
    }
    let config = include_str!("../servers/wordpress_config.php")
        .replace("@SOCKET@", &folder.join("database.sock").to_string_lossy())
        .replace("@URL@", &format!("http://127.0.0.1:{port}"));
    std::fs::write(www.join("wp-config.php"), config)?;
    std::fs::write(folder.join("prepend.php"), include_str!("../servers/wordpress_prepend.php"))?;
    std::fs::write(folder.join("verbs.php"), include_str!("../servers/wordpress_verbs.php"))
}

fn serve_database(folder: &Path) -> Result<Daemon, Trouble> {
    let data = format!("--datadir={}", folder.join("data").display());
    let socket = format!("--socket={}", folder.join("database.sock").display());
    let mut install = daemon::program("mariadb-install-db", Some(USER), Signal::Term);
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data]);
    daemon::run(SERVER, &mut install)?;

    let mut command = daemon::program("/usr/sbin/mariadbd", Some(USER), Signal::Term);
    command.args(["--no-defaults", "--skip-networking", "--skip-log-bin", &data, &socket]);
    command.arg(format!("--pid-file={}", folder.join("database.pid").display()));
    let mut daemon = Daemon::start(SERVER, command, &folder.join("database.log"), Signal::Term)?;
    let create = ["--no-defaults", "--user=root", &socket, "--execute=CREATE DATABASE wordpress"];
    daemon.wait_until(Duration::from_mins(1), || {
        daemon::run(SERVER, Command::new("mariadb").args(create)).is_ok()
    })?;
    Ok(daemon)
}

fn serve_web(folder: &Path, port: u16) -> Result<Daemon, Trouble> {
    let mut command = php(folder);
    command.arg("-S").arg(format!("127.0.0.1:{port}")).arg("-t").arg(folder.join("www"));
    let mut daemon = Daemon::start(SERVER, command, &folder.join("web.log"), Signal::Term)?;
    daemon.wait_until(Duration::from_secs(20), || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok(daemon)
}

fn verb(folder: &Path, words: &[&str]) -> Result<String, Trouble> {
    daemon::run(SERVER, php(folder).arg(folder.join("verbs.php")).args(words))
}

fn php(folder: &Path) -> Command {
    let mut command = daemon::program("/usr/bin/php", Some(USER), Signal::Term);
    command.arg("-d").arg(format!("auto_prepend_file={}", folder.join("prepend.php").display()));
    command.args(["-d", "display_errors=stderr"]);
    command
}
