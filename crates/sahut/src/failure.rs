//! How commands fail: one sentence that names the place and the next step, and an exit code that scripts can read.

use std::fmt;

use sahut_routing::Problem;
use sahut_store::StoreError;

/// Exit codes, after sysexits.h.
pub(crate) mod code {
    /// The command was understood and could not be done.
    pub(crate) const FAILED: u8 = 1;
    /// The command was not understood.
    pub(crate) const USAGE: u8 = 2;
    /// A service that is needed is not there.
    pub(crate) const UNAVAILABLE: u8 = 69;
    /// Reading or writing failed.
    pub(crate) const IO: u8 = 74;
    /// Somebody else holds it: try again later.
    pub(crate) const TRY_AGAIN: u8 = 75;
    /// The configuration is wrong.
    pub(crate) const CONFIG: u8 = 78;
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The process's exit code.
    pub(crate) code: u8,
    /// What happened, to what, and what to do.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The command was understood and could not be done.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(code::FAILED, message)
    }

    /// The configuration is wrong.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(code::CONFIG, message)
    }

    /// All problems of a configuration set at once.
    pub(crate) fn problems(problems: &[Problem]) -> Self {
        let rendered: Vec<String> = problems.iter().map(Problem::render).collect();
        Self::config(format!(
            "{}\n\n{} problem(s); nothing was changed.",
            rendered.join("\n\n"),
            problems.len()
        ))
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, doing: &str, error: &std::io::Error) -> Self {
        Self::new(code::IO, format!("{doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Held { .. } => code::TRY_AGAIN,
            StoreError::TooNew { .. } | StoreError::TooOld { .. } | StoreError::NotLetIn { .. } => {
                code::CONFIG
            }
            StoreError::Unavailable(_) | StoreError::Unreachable { .. } => code::UNAVAILABLE,
            StoreError::Damaged { .. } | StoreError::Full | StoreError::ReadOnly(_) => code::IO,
            _ => code::FAILED,
        };
        Self::new(code, error.to_string())
    }
}
