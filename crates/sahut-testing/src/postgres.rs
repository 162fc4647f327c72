//! PostgreSQL, thrown away after use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::{self, Daemon, Signal};
use crate::{Trouble, trouble};

const SERVER: &str = "PostgreSQL";

/// Who the server runs as when we are root, and the name of its superuser.
const USER: &str = "postgres";

/// The variable in which the chores hand a running server's URL to the tests.
pub const URL_VARIABLE: &str = "SAHUT_TEST_POSTGRES";

/// A PostgreSQL server: the one that `SAHUT_TEST_POSTGRES` names, or one of our own.
///
/// Our own trusts every local client and writes to disk as carefully as in earnest (`fsync` is on).
#[derive(Debug)]
pub struct Postgres {
    url: String,
    /// Dropped in this order: the process stops before its files go.
    own: Option<(Daemon, TempDir)>,
}

impl Postgres {
    /// The server that the tests of this process share: it is started when none is named, and stops when the last
    /// [`Database`] goes.
    pub fn shared() -> Result<Arc<Self>, Trouble> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(match std::env::var(URL_VARIABLE) {
            Ok(url) => Self { url, own: None },
            Err(_) => Self::start()?,
        });
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// Starts a server of one's own on a random port of the loopback address, for a test that means it harm.
    pub fn start() -> Result<Self, Trouble> {
        let folder = daemon::scratch(SERVER, Some(USER))?;
        let data = folder.path().join("data");
        let mut init = daemon::program(binary("initdb")?, Some(USER), Signal::Int);
        init.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        daemon::run(SERVER, init.arg("--no-sync").arg("--pgdata").arg(&data))?;

        let port = daemon::free_port().map_err(Trouble::of(SERVER))?;
        let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres");
        let server = serve(&data, port, folder.path())?;
        let mut own = (server, folder);
        own.0.wait_until(Duration::from_secs(30), || ask(&url, "SELECT 1").is_ok())?;
        Ok(Self { url, own: Some(own) })
    }

    /// The URL of the server's own database, as its superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process id, when it is our own.
    pub fn process(&self) -> Option<u32> {
        self.own.as_ref().map(|(server, _)| server.id())
    }

    /// A fresh, empty database that is dropped with its handle.
    pub fn database(self: &Arc<Self>) -> Result<Database, Trouble> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("sahut_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // A process killed earlier may have had our number.
        ask(&self.url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        ask(&self.url, &format!("CREATE DATABASE {name}"))?;
        let url = with_database(&self.url, &name);
        Ok(Database { name, url, server: Arc::clone(self) })
    }
}

/// One database of a [`Postgres`], dropped with this handle even while clients are connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    server: Arc<Postgres>,
}

impl Database {
    /// A fresh database on the [shared](Postgres::shared) server: all that most tests need.
    pub fn fresh() -> Result<Self, Trouble> {
        Postgres::shared()?.database()
    }

    /// `postgres://…`, for a client.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is already gone took the database with it.
        let _ = ask(&self.server.url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn serve(data: &Path, port: u16, folder: &Path) -> Result<Daemon, Trouble> {
    let mut command = daemon::program(binary("postgres")?, Some(USER), Signal::Int);
    command.arg("-D").arg(data);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", folder.display()),
        "max_connections=200".to_owned(),
    ] {
        command.arg("-c").arg(setting);
    }
    Daemon::start(SERVER, command, &folder.join("server.log"), Signal::Int)
}

/// Runs one statement.
fn ask(url: &str, statement: &str) -> Result<String, Trouble> {
    let mut psql = Command::new(binary("psql")?);
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement, url]);
    daemon::run(SERVER, psql.env("PGCONNECT_TIMEOUT", "10"))
}

/// The same URL with another database: its path replaced, its query kept.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let host = address.find("://").map_or(0, |scheme| scheme + 3);
    let end = address[host..].find('/').map_or(address.len(), |slash| host + slash);
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{}/{name}{query}", &address[..end])
}

/// The newest installed program of that name. Debian keeps the server's out of the `PATH`.
fn binary(name: &str) -> Result<PathBuf, Trouble> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin").join(name)))
        .filter(|(_, path)| path.exists())
        .max();
    match newest {
        Some((_, path)) => Ok(path),
        None => trouble::on_path(name).ok_or(Trouble::NotInstalled { server: SERVER, package: "postgresql" }),
    }
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn another_database_of_the_same_server() {
        assert_eq!(with_database("postgres://u@h:5/postgres", "x"), "postgres://u@h:5/x");
        assert_eq!(with_database("postgres://u@h:5", "x"), "postgres://u@h:5/x");
        assert_eq!(with_database("postgres://u@h/a?host=/tmp", "x"), "postgres://u@h/x?host=/tmp");
    }
}
