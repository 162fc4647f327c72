//! The program under test.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sahut_testing::{Daemon, Signal, Trouble, daemon, free_port};
use tempfile::TempDir;

use crate::http;

const PROGRAM: &str = "sahut";

/// The variable in which the chores say which program to test.
const PROGRAM_VARIABLE: &str = "SAHUT_BIN";

/// How soon it must be ready after a start, also after it was killed.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Sahut, in a folder of its own that outlives its crashes.
#[derive(Debug)]
pub struct Sahut {
    /// Stops before the folder goes.
    daemon: Option<Daemon>,
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    web_port: u16,
    folder: TempDir,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

impl Sahut {
    /// Prepares a folder and a port; nothing runs yet.
    pub fn new() -> Result<Self, Trouble> {
        let folder = daemon::scratch(PROGRAM, None)?;
        let web_port = free_port().map_err(failed)?;
        Ok(Self { daemon: None, program: program()?, environment: Vec::new(), web_port, folder })
    }

    /// The program itself, for what needs another way to run it.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where its database and configuration live; commands run here.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A free port for its pages, to be named in its configuration.
    pub fn web_port(&self) -> u16 {
        self.web_port
    }

    /// Writes a file of the configuration; its path.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Trouble> {
        let file = self.folder().join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&file, text).map_err(failed)?;
        Ok(file)
    }

    /// Sets a variable of its environment from the next command on, such as `SAHUT_CRASH_AT`.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.unset(variable);
        self.environment.push((variable.into(), value.into()));
    }

    /// Takes a variable back.
    pub fn unset(&mut self, variable: &str) {
        self.environment.retain(|(name, _)| name != variable);
    }

    /// Runs one command to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Finished, Trouble> {
        self.run_with(arguments, "")
    }

    /// Runs one command to its end, with this on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Result<Finished, Trouble> {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that ends without reading closes its end: what it says counts, not that.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        Ok(Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts the daemon and waits until `/readyz` on its [web port](Self::web_port) answers 200.
    pub fn start(&mut self, arguments: &[&str]) -> Result<(), Trouble> {
        self.launch(arguments)?;
        let port = self.web_port;
        let ready = || http::get(port, "/readyz").is_ok_and(|answer| answer.status == 200);
        self.daemon()?.wait_until(READY_WITHIN, ready)
    }

    /// Starts the daemon and does not wait: for one that is to crash on its way.
    pub fn launch(&mut self, arguments: &[&str]) -> Result<(), Trouble> {
        self.kill();
        let log = self.folder().join("output.log");
        self.daemon = Some(Daemon::start(PROGRAM, self.command(arguments), &log, Signal::Term)?);
        Ok(())
    }

    /// The running daemon, to signal, wait for, or read what it printed.
    pub fn daemon(&mut self) -> Result<&mut Daemon, Trouble> {
        self.daemon.as_mut().ok_or_else(|| Trouble::failed(PROGRAM, "was not started"))
    }

    /// Kills the daemon as a power cut would (`SIGKILL`); its folder stays.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// Asks the daemon to stop and waits until it is gone; its folder stays.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = daemon::program(&self.program, None, Signal::Term);
        command.args(arguments).current_dir(self.folder());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The program that the chores have built, or the last debug build.
fn program() -> Result<PathBuf, Trouble> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/sahut");
    let program = std::env::var_os(PROGRAM_VARIABLE).map_or_else(|| built.into(), PathBuf::from);
    if program.exists() {
        Ok(program)
    } else {
        Err(Trouble::failed(
            PROGRAM,
            format!("{} is not built: run `cargo build -p sahut`", program.display()),
        ))
    }
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::failed(PROGRAM, error)
}
