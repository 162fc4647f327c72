//! Sahut collects what citizens write to a regency's offices, gives it to the office responsible with a deadline, and
//! carries the answer back. This crate is the binary: command line, configuration, wiring.

mod app;
mod commands;
mod demo;
mod derive;
mod example;
mod failure;
mod links;
mod output;
mod pages;
mod probes;
mod regency;
mod run;
mod settings;
mod vault;

use std::process::ExitCode;

use clap::Parser as _;

use commands::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(failure::code::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("sahut: cannot start: {error}"));
            return ExitCode::from(failure::code::UNAVAILABLE);
        }
    };
    match runtime.block_on(commands::dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::say(&format!("sahut: {failure}"));
            ExitCode::from(failure.code)
        }
    }
}
