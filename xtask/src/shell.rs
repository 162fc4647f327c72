//! Commands, said aloud before they run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a chore ends with: the reason is for the person who ran it.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The workspace's root, where every command runs.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A cargo command with its words, split at blanks.
pub(crate) fn cargo(words: &str) -> Command {
    command(&format!("cargo {words}"))
}

/// A command from its words, split at blanks, in the workspace's root.
pub(crate) fn command(words: &str) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root());
    command
}

/// Says and runs a command; an error when it fails.
pub(crate) fn run(command: &mut Command) -> Outcome {
    eprintln!("\n$ {}", spoken(command));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` failed ({status})", spoken(command))),
        Err(error) => Err(format!("`{}` did not start: {error}", spoken(command))),
    }
}

/// Whether a command can be run and succeeds; it stays silent.
pub(crate) fn works(words: &str) -> bool {
    let mut command = command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn spoken(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
