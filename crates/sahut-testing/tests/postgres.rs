//! PostgreSQL starts, gives databases, and leaves nothing behind.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sahut_testing::{Database, Postgres, or_skip};

#[test]
fn each_database_is_its_own() {
    let Some(one) = or_skip(Database::fresh()) else { return };
    let Some(other) = or_skip(Database::fresh()) else { return };
    assert_ne!(one.url(), other.url());
}

#[test]
fn a_stopped_server_leaves_no_process() {
    let Some(server) = or_skip(Postgres::start()) else { return };
    let port = server.url().rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    let process = server.process().unwrap();
    drop(server);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

/// Set in the process that starts a server and is then killed.
const VICTIM: &str = "SAHUT_TEST_VICTIM";

#[test]
fn a_server_dies_with_the_process_that_started_it() {
    let Some(server) = or_skip(Postgres::start()) else { return };
    if std::env::var_os(VICTIM).is_some() {
        println!("\nserver {}", server.process().unwrap());
        std::thread::sleep(Duration::from_mins(1));
        return;
    }
    drop(server);
    // The victim cannot clean up after itself, and its server runs as another user.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "a_server_dies_with_the_process_that_started_it", "--nocapture"]);
    let mut victim =
        victim.env(VICTIM, "1").env("TMPDIR", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let process = lines.find_map(|line| line.strip_prefix("server ").map(str::to_owned)).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();

    let begun = Instant::now();
    while Path::new(&format!("/proc/{process}")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "PostgreSQL {process} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
