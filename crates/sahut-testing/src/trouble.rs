//! What can go wrong before a test has even begun.

use std::path::{Path, PathBuf};

/// Why a server for a test is not there.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The machine lacks the server. A test that needs it is skipped, except in CI.
    #[error("{server} is not installed (Debian package {package})")]
    NotInstalled {
        /// What is missing, as people call it.
        server: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// The server is installed and yet does not do what it was told. Trying again rarely helps; the reason says why.
    #[error("{server}: {reason}")]
    Failed {
        /// Which server.
        server: &'static str,
        /// What was attempted and what it said.
        reason: String,
    },
}

impl Trouble {
    /// A server that failed, with the reason in words.
    pub fn failed(server: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Failed { server, reason: reason.to_string() }
    }

    /// Turns any error met while preparing `server` into a [`Trouble`].
    pub(crate) fn of<E: std::fmt::Display>(server: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::failed(server, error)
    }
}

/// Checks that every file stands where its package puts it.
pub(crate) fn require(server: &'static str, files: &[(&str, &'static str)]) -> Result<(), Trouble> {
    match files.iter().find(|(file, _)| !Path::new(file).exists()) {
        Some((_, package)) => Err(Trouble::NotInstalled { server, package }),
        None => Ok(()),
    }
}

/// The server, or `None` after printing why the test is skipped.
///
/// # Panics
/// When the server is there but failed, and in CI (`CI=true`) also when it is missing: there a skipped test would be
/// a promise nobody checks.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn or_skip<T>(started: Result<T, Trouble>) -> Option<T> {
    match started {
        Ok(server) => Some(server),
        Err(trouble @ Trouble::NotInstalled { .. }) if !in_ci() => {
            println!("skipped: {trouble}");
            None
        }
        Err(trouble) => panic!("{trouble}"),
    }
}

/// Whether nobody is watching, so that nothing may be left out.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Where the `PATH` has a program of that name.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
