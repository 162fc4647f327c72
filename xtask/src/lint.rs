//! `cargo xtask lint`: everything that proves the code.

use crate::shell::{self, Outcome};

/// Checks that come with the toolchain.
const ALWAYS: &[&str] = &[
    "fmt --all --check",
    "clippy --workspace --all-targets --quiet -- -D warnings",
    "doc --workspace --no-deps --document-private-items --quiet",
];

/// Checks that take long to install: the command that tells whether one is here, and the check.
const WHEN_INSTALLED: &[(&str, &str)] = &[
    // Advisories need a database from outside; a release checks them.
    ("cargo deny --version", "cargo deny --workspace check --hide-inclusion-graph bans licenses sources"),
    ("cargo machete --version", "cargo machete"),
    ("typos --version", "typos"),
];

/// Runs every check, even after one has failed, so that one run tells all.
pub(crate) fn run() -> Outcome {
    let mut failed = Vec::new();
    for words in ALWAYS {
        failed.extend(shell::run(shell::cargo(words).env("RUSTDOCFLAGS", "-D warnings")).err());
    }
    for (probe, words) in WHEN_INSTALLED {
        if shell::works(probe) {
            failed.extend(shell::run(&mut shell::command(words)).err());
        } else {
            eprintln!("\nxtask: skipped `{words}`: not installed");
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\nxtask: ")) }
}
