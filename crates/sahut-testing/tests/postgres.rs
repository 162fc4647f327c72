//! PostgreSQL starts, gives databases, and leaves nothing behind.

use std::path::Path;

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
