//! Looking at a folder's rules before anything decides by them: its problems, and its examples one by one.

use std::path::Path;

use sahut_domain::{Clock, Language};
use sahut_routing::{Problem, Severity, Tested};
use serde::Serialize;

use crate::app::App;
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};
use crate::settings::Settings;

/// What is wrong, or was hardly meant.
#[derive(Serialize)]
struct Checked<'a> {
    errors: usize,
    warnings: usize,
    problems: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    severity: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    what: &'a str,
    expected: &'a str,
    help: &'a str,
}

/// Prints every problem of a folder as JSON.
pub(super) fn check(config: &Path, folder: Option<&Path>) -> Result<(), Failure> {
    let (app, files) = read(config, folder)?;
    let checked = RegencySet::check(&files, &app.http, app.clock.now());
    let problems: &[Problem] = match &checked {
        Ok(set) => set.rules.warnings(),
        Err(problems) => problems,
    };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let lines = problems.iter().map(found).collect();
    output::json(&Checked { errors, warnings: problems.len() - errors, problems: lines })?;
    if errors > 0 { Err(Failure::new(code::CONFIG, format!("{errors} error(s)."))) } else { Ok(()) }
}

fn found(problem: &Problem) -> Found<'_> {
    Found {
        severity: match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        file: &problem.path,
        line: problem.line,
        column: problem.column,
        what: &problem.what,
        expected: &problem.expected,
        help: &problem.help,
    }
}

#[derive(Serialize)]
struct Report<'a> {
    passed: usize,
    failed: usize,
    examples: Vec<Example<'a>>,
}

#[derive(Serialize)]
struct Example<'a> {
    file: &'a str,
    line: usize,
    text: &'a str,
    /// Whether it must, or must not, go there.
    must: bool,
    /// Where that is: an office, somebody outside, or a kind.
    to: &'a str,
    holds: bool,
    /// What was decided, and why.
    decided: String,
}

/// Runs the examples of a folder's rules and tells of each.
pub(super) fn test(config: &Path, folder: Option<&Path>, json: bool) -> Result<(), Failure> {
    let (_, files) = read(config, folder)?;
    let tested = RegencySet::examples(&files).map_err(|problems| Failure::problems(&problems))?;
    let failed = tested.iter().filter(|example| !example.holds).count();
    let passed = tested.len() - failed;
    if json {
        output::json(&Report { passed, failed, examples: tested.iter().map(example).collect() })?;
    } else {
        tested.iter().try_for_each(print)?;
    }
    if failed > 0 {
        return Err(Failure::failed(format!("{failed} of {} examples fail.", tested.len())));
    }
    if json { Ok(()) } else { output::line(&format!("{passed} examples, all hold.")) }
}

fn example(tested: &Tested) -> Example<'_> {
    Example {
        file: &tested.path,
        line: tested.line,
        text: &tested.text,
        must: tested.must,
        to: &tested.meant,
        holds: tested.holds,
        decided: decided(tested),
    }
}

fn print(tested: &Tested) -> Result<(), Failure> {
    let Tested { path, line, text, meant, must, holds, .. } = tested;
    let must = if *must { "must" } else { "must not" };
    let holds_or = if *holds { "ok    " } else { "FAILS " };
    output::line(&format!("{holds_or} {path}:{line}: {must} go to {meant}: “{text}”"))?;
    if *holds { Ok(()) } else { output::line(&format!("        {}", decided(tested))) }
}

fn decided(tested: &Tested) -> String {
    sahut_routing::explain(&tested.decision, &ToString::to_string, Language::Indonesian)
}

/// The files of a folder, or of the one that the settings name. A folder may be looked at where nothing is installed.
fn read(config: &Path, folder: Option<&Path>) -> Result<(App, Files), Failure> {
    let app = match folder {
        Some(_) if !config.exists() => App::with(Settings::default(), Clock::system())?,
        _ => App::load(config)?,
    };
    let files = Files::read(folder.unwrap_or(&app.settings.regency.files))?;
    Ok((app, files))
}
