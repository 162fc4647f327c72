//! Real servers for tests, thrown away afterwards.
//!
//! A test that talks to the real thing believes nothing that we made up. Each server here is the distribution's own
//! program, started in a folder of its own on a random port of the loopback address, without the machine's services
//! and without rights: run as root it becomes the server's usual user. It stops when its handle is dropped; when the
//! test dies in any other way the kernel stops it.
//!
//! What is not installed is [`Trouble::NotInstalled`], and [`or_skip`] turns that into a line that says which package
//! is missing:
//!
//! ```no_run
//! use sahut_testing::{Database, or_skip};
//!
//! let Some(database) = or_skip(Database::fresh()) else { return };
//! println!("connect to {}", database.url());
//! ```
//!
//! This crate knows nothing of Sahut, so that every crate's contract tests can use it.

mod canned;
mod certificate;
pub mod daemon;
mod dovecot;
pub mod measure;
mod postgres;
mod smtp_sink;
mod trouble;
mod wordpress;

pub use canned::Canned;
pub use daemon::{Daemon, Signal, free_port};
pub use dovecot::Dovecot;
pub use postgres::{Database, Postgres, URL_VARIABLE};
pub use smtp_sink::{Kept, Mood, SmtpSettings, SmtpSink, SmtpTls, Stage};
pub use trouble::{Trouble, in_ci, or_skip};
pub use wordpress::{WebComment, WordPress};

/// The variable in which the chores name the Python that has the packages of the tests.
pub const PYTHON_VARIABLE: &str = "SAHUT_TEST_PYTHON";
