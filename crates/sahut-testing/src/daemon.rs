//! Server processes that never outlive the test that started them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Trouble;

/// How often a condition is looked at while waiting for it.
const GLANCE: Duration = Duration::from_millis(20);

/// How long a server may take to stop when asked politely.
const FAREWELL: Duration = Duration::from_secs(10);

/// A running server. It is stopped when dropped, and by the kernel when this process dies in any other way.
#[derive(Debug)]
pub struct Daemon {
    server: &'static str,
    child: Child,
    log: PathBuf,
    farewell: Signal,
}

/// The signals that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Please stop, as Ctrl-C does. To PostgreSQL: stop now, without waiting for clients.
    Int,
    /// Please stop.
    Term,
    /// Read the configuration again.
    Hup,
    /// Freeze.
    Stop,
    /// Go on after a freeze.
    Cont,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Hup => "HUP",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

impl Daemon {
    /// Starts a command made by [`program`]; what it prints goes to the file `log`. `farewell` is how it likes to be
    /// asked to stop.
    pub fn start(
        server: &'static str,
        mut command: Command,
        log: &Path,
        farewell: Signal,
    ) -> Result<Self, Trouble> {
        let out = File::options().create(true).append(true).open(log).map_err(Trouble::of(server))?;
        let err = out.try_clone().map_err(Trouble::of(server))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = spawn(command).map_err(Trouble::of(server))?;
        Ok(Self { server, child, log: log.to_owned(), farewell })
    }

    /// Waits until `ready` says so. Fails at once when the server has ended, and after `patience`.
    pub fn wait_until(&mut self, patience: Duration, mut ready: impl FnMut() -> bool) -> Result<(), Trouble> {
        let seen = until(patience, || if ready() { Ok(Some(None)) } else { Ok(self.ended()?.map(Some)) })?;
        let fault = match seen {
            Some(None) => return Ok(()),
            Some(Some(status)) => format!("ended early ({status})"),
            None => format!("not ready after {patience:?}"),
        };
        Err(Trouble::failed(self.server, format!("{fault}; it said:\n{}", self.output())))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Sends a signal. To a process that has ended, nothing.
    pub fn signal(&mut self, signal: Signal) {
        if matches!(self.ended(), Ok(None)) {
            // The shell's own `kill`: the program of that name is not on every machine.
            let line = format!("kill -{} {}", signal.name(), self.id());
            let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
        }
    }

    /// Kills it without warning (`SIGKILL`), and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself; its exit code, or `None` when a signal ended it.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<i32>, Trouble> {
        let ended = until(patience, || self.ended())?.map(|status| status.code());
        ended.ok_or_else(|| Trouble::failed(self.server, format!("still running after {patience:?}")))
    }

    /// Asks it to stop and waits; kills it when it does not.
    pub fn stop(&mut self) {
        self.signal(self.farewell);
        if self.wait(FAREWELL).is_err() {
            self.kill();
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Trouble> {
        self.child.try_wait().map_err(Trouble::of(self.server))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Looks until there is something to see; `None` when `patience` has run out.
fn until<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>, Trouble>,
) -> Result<Option<T>, Trouble> {
    let deadline = Instant::now() + patience;
    loop {
        match look()? {
            None if Instant::now() < deadline => thread::sleep(GLANCE),
            seen => return Ok(seen),
        }
    }
}

/// A command that runs as `user` when we are root (most servers refuse to be root), and that the kernel sends
/// `farewell` when this process ends, however it ends.
pub fn program(path: impl AsRef<OsStr>, user: Option<&str>, farewell: Signal) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", farewell.name()]);
    if let Some(user) = user.filter(|_| is_root()) {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]).env("HOME", "/");
    }
    command.arg("--").arg(path).current_dir("/");
    command
}

/// Runs a command to its end; its standard output, or what it complained about.
pub fn run(server: &'static str, command: &mut Command) -> Result<String, Trouble> {
    let output = command.stdin(Stdio::null()).output().map_err(Trouble::of(server))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Trouble::failed(server, format!("{}: {}", output.status, String::from_utf8_lossy(&said).trim())))
}

/// A fresh folder that `user` may write when we are root.
///
/// It is not under `target/`: a server that does not run as root could not reach a checkout in root's home.
pub fn scratch(server: &'static str, user: Option<&str>) -> Result<TempDir, Trouble> {
    let folder = tempfile::Builder::new().prefix("sahut-").tempdir().map_err(Trouble::of(server))?;
    if let Some(user) = user {
        give(server, folder.path(), user)?;
    }
    Ok(folder)
}

/// Gives a folder and all in it to `user` when we are root.
pub(crate) fn give(server: &'static str, folder: &Path, user: &str) -> Result<(), Trouble> {
    if is_root() {
        run(server, Command::new("chown").arg("-R").arg(format!("{user}:")).arg(folder))?;
    }
    Ok(())
}

/// A port of the loopback address that nobody listens on.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The name of the user that this process runs as.
pub(crate) fn whoami(server: &'static str) -> Result<String, Trouble> {
    Ok(run(server, Command::new("id").arg("-un"))?.trim().to_owned())
}

/// Spawns from a thread that lives as long as this process: the kernel counts the death of the spawning *thread* as
/// the parent's death, and the threads of a test runner come and go.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static KEEPER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in inbox {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, child) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts servers is gone");
    KEEPER.send((command, answer)).map_err(|_| gone(mpsc::RecvError))?;
    child.recv().map_err(gone)?
}
