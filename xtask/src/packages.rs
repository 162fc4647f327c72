//! What the tests need from the machine, and how it gets there.

use std::path::Path;

use sahut_testing::daemon::is_root;
use sahut_testing::in_ci;

use crate::shell::{self, Outcome};

/// Debian packages with a file that shows that they are there; `*` stands for one folder of any name.
const PACKAGES: &[(&str, &str)] = &[
    ("postgresql", "/usr/lib/postgresql/*/bin/initdb"),
    ("dovecot-imapd", "/usr/lib/dovecot/imap"),
    ("dovecot-lmtpd", "/usr/lib/dovecot/lmtp"),
    ("wordpress", "/usr/share/wordpress/wp-load.php"),
    ("mariadb-server", "/usr/sbin/mariadbd"),
    ("php-cli", "/usr/bin/php"),
    ("php-mysql", "/usr/lib/php/*/mysqli.so"),
    ("openssl", "/usr/bin/openssl"),
    ("sqlite3", "/usr/bin/sqlite3"),
];

/// The Python packages of the tests, pinned.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// Brings in what is missing. On a developer's machine what cannot be installed is only named, because the tests that
/// need it are skipped; in CI it is an error.
pub(crate) fn ensure(may_install: bool) -> Outcome {
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|(_, file)| !present(file)).map(|(package, _)| *package).collect();
    if !shell::works("python3 -m ensurepip --version") {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let installed = if may_install { install(&names) } else { Err("not asked to".to_owned()) };
    match installed {
        Err(reason) if in_ci() => Err(format!("cannot install {names}: {reason}")),
        Err(reason) => {
            eprintln!("xtask: the tests that need these packages are skipped: {names} ({reason})");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// A Python of the tests' own under `target/`, with the packages they name. `None` when it cannot be made here.
pub(crate) fn python() -> Outcome<Option<std::path::PathBuf>> {
    let home = shell::target().join("test-python");
    let python = home.join("bin/python");
    let made = make_python(&home, &python);
    match made {
        Ok(()) => Ok(Some(python)),
        Err(reason) if in_ci() => Err(reason),
        Err(reason) => {
            eprintln!("xtask: the tests that need Python packages are skipped ({reason})");
            Ok(None)
        }
    }
}

/// Makes the environment anew whenever the list of packages is not the one it was made with.
fn make_python(home: &Path, python: &Path) -> Outcome {
    let wanted = std::fs::read_to_string(shell::root().join(REQUIREMENTS)).map_err(|e| e.to_string())?;
    let marker = home.join("installed.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::run(shell::command("python3 -m venv --clear").arg(home))?;
    let mut pip = std::process::Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::run(pip.arg(shell::root().join(REQUIREMENTS)))?;
    std::fs::write(marker, wanted).map_err(|e| e.to_string())
}

fn install(names: &str) -> Outcome {
    if !shell::works("apt-get --version") {
        return Err("this machine has no apt-get".to_owned());
    }
    let prefix = match (is_root(), in_ci()) {
        (true, _) => "env",
        (false, true) => "sudo -n env",
        (false, false) => "sudo env",
    };
    let apt = format!("{prefix} DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet");
    // A list that is partly out of reach may still have what we need.
    if let Err(reason) = shell::run(&mut shell::command(&format!("{apt} update"))) {
        eprintln!("xtask: {reason}");
    }
    shell::run(&mut shell::command(&format!("{apt} install --no-install-recommends {names}")))
}

fn present(pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => Path::new(pattern).exists(),
        Some((folder, rest)) => std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.path().join(rest.trim_start_matches('/')).exists()),
    }
}
