//! The program as it is run: how soon it is ready, what it needs while nothing happens, what ten thousand channels cost.
//!
//! Names of benchmarks as arguments run only those.

mod idle;
mod many;
mod million;
mod start;

use std::error::Error;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(file) = start::file_to_open(&arguments) {
        return start::open(file);
    }
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(());
    }
    let asked: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| *asked == name);
    if wanted("start") {
        start::measure()?;
    }
    if wanted("idle") {
        idle::measure()?;
    }
    if wanted("many-channels") {
        many::measure()?;
    }
    Ok(())
}
