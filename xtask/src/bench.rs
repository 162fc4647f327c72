//! `cargo xtask bench`: every benchmark against its limit, in one table.

use std::process::Stdio;

use serde_json::Value;

use crate::shell::{self, Outcome};

/// The benchmarks: the name to choose one by, and the cargo command that runs it.
///
/// Each prints one line of JSON for each thing it measured:
/// `{"name","ours","limit","unit","ratio","target","met"}`.
const BENCHMARKS: &[(&str, &str)] = &[
    ("pipeline", "bench -p sahut-tests --bench pipeline"),
    ("route", "bench -p sahut-routing --bench route -- --json"),
    ("start", "bench -p sahut-tests --bench daemon -- start"),
    ("idle", "bench -p sahut-tests --bench daemon -- idle"),
    ("many-channels", "bench -p sahut-tests --bench daemon -- many-channels"),
    ("mail", "bench -p sahut-mail --bench mail"),
];

const COLUMNS: [&str; 7] = ["name", "ours", "limit", "unit", "ratio", "target", "met"];

/// Runs the benchmarks named, or all; fails when one did not meet its target.
pub(crate) fn run(names: &[String]) -> Outcome {
    if let Some(unknown) = names.iter().find(|name| !BENCHMARKS.iter().any(|(known, _)| known == name)) {
        let known: Vec<&str> = BENCHMARKS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no benchmark is called {unknown}; there are: {}", known.join(", ")));
    }
    // Some start the program itself.
    shell::run(&mut shell::cargo("build --release --package sahut"))?;
    let mut results = Vec::new();
    for (name, words) in BENCHMARKS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            results.extend(measure(words)?);
        }
    }
    print(&results);
    save(&results)?;
    match results.iter().filter(|result| result["met"] == Value::Bool(false)).count() {
        0 => Ok(()),
        missed => Err(format!("{missed} of {} targets missed", results.len())),
    }
}

/// Runs one benchmark and reads the lines that are JSON.
fn measure(words: &str) -> Outcome<Vec<Value>> {
    eprintln!("\n$ cargo {words}");
    let mut command = shell::cargo(words);
    command.env("SAHUT_BIN", shell::target().join("release/sahut")).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo {words}` failed ({})", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

fn print(results: &[Value]) {
    let head = COLUMNS.map(str::to_owned).to_vec();
    let rows = results.iter().map(|result| COLUMNS.map(|column| cell(&result[column])).to_vec());
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in table {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A value as a person reads it: numbers with at most three decimals.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(met) => if *met { "yes" } else { "NO" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(fraction) if fraction.fract() != 0.0 => format!("{fraction:.3}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn save(results: &[Value]) -> Outcome {
    let file = shell::target().join("bench.json");
    let text = Value::Array(results.to_vec()).to_string();
    std::fs::write(&file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    println!("\nwritten to {}", file.display());
    Ok(())
}
