//! The project's chores, so that every machine does them alike.
//!
//! ```text
//! cargo xtask test [--no-install] [NEXTEST ARGUMENTS]   everything that proves the product
//! cargo xtask lint                                      everything that proves the code
//! cargo xtask bench [NAME...]                           the benchmarks, as a table and as target/bench.json
//! ```

mod bench;
mod lint;
mod packages;
mod shell;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test [--no-install] [NEXTEST ARGUMENTS] | lint | bench [NAME...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chore = arguments.split_first().map(|(chore, rest)| (chore.as_str(), rest));
    let outcome = match chore {
        Some(("test", rest)) => test::run(rest),
        Some(("lint", [])) => lint::run(),
        Some(("bench", names)) => bench::run(names),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
