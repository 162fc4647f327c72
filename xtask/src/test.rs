//! `cargo xtask test`: everything that proves the product, with real servers beside it.

use std::process::Command;

use sahut_testing::{Postgres, Trouble, URL_VARIABLE, in_ci};

use crate::packages;
use crate::shell::{self, Outcome};

/// Lets a test kill the program at a named point.
const FEATURES: &str = "--features sahut-domain/fault-points";

/// Runs all tests, or those that the arguments choose as nextest does: `cargo xtask test -E 'package(sahut-store)'`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let may_install = !arguments.iter().any(|argument| argument == "--no-install");
    let chosen: Vec<&String> = arguments.iter().filter(|argument| *argument != "--no-install").collect();
    packages::ensure(may_install)?;
    let bench = Bench { postgres: postgres()?, python: packages::python()? };

    // One build for all that follows: the tests start the same program that they were built with.
    shell::run(&mut shell::cargo(&format!("build --workspace --bins --tests {FEATURES}")))?;
    if chosen.is_empty() {
        shell::run(bench.lend(&mut shell::cargo(&format!("test --workspace --doc --quiet {FEATURES}"))))?;
    }
    shell::run(bench.lend(shell::cargo(&format!("{} --workspace {FEATURES}", runner())).args(chosen)))
}

/// What stands ready for the tests while they run.
struct Bench {
    postgres: Option<Postgres>,
    python: Option<std::path::PathBuf>,
}

impl Bench {
    /// Tells a command where everything is.
    fn lend<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if let Some(postgres) = &self.postgres {
            command.env(URL_VARIABLE, postgres.url());
        }
        if let Some(python) = &self.python {
            command.env(sahut_testing::PYTHON_VARIABLE, python);
        }
        command.env("SAHUT_BIN", shell::target().join("debug/sahut"))
    }
}

/// One PostgreSQL for the whole run; a server that someone has named already is used as it is.
fn postgres() -> Outcome<Option<Postgres>> {
    if std::env::var_os(URL_VARIABLE).is_some() {
        return Ok(None);
    }
    match Postgres::start() {
        Ok(server) => Ok(Some(server)),
        Err(trouble @ Trouble::NotInstalled { .. }) if !in_ci() => {
            eprintln!("xtask: tests on PostgreSQL are skipped: {trouble}");
            Ok(None)
        }
        Err(trouble) => Err(trouble.to_string()),
    }
}

fn runner() -> &'static str {
    if shell::works("cargo nextest --version") {
        return "nextest run --profile ci";
    }
    eprintln!(
        "xtask: cargo-nextest is not installed (cargo install --locked cargo-nextest): using cargo test"
    );
    "test --lib --bins --tests"
}
