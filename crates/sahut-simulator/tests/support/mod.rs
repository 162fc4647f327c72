//! Runs scripts that use client libraries written by others.

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Runs `tests/clients/{script}` with a Python that has this package; fails with what the script said. Where the
/// package cannot be installed it says so and passes.
pub(crate) async fn judge(package: &str, script: &str, arguments: &[&str]) {
    let Some(python) = python_with(package).await else {
        println!(
            "skipped: {package} cannot be installed here (python3 with venv and a package index are needed)"
        );
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let run = Command::new(python).arg(script).args(arguments).env("NO_PROXY", "*").output().await;
    let said = run.map(|run| (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned()));
    assert!(matches!(said, Ok((true, _))), "{said:?}");
}

/// A Python with this package, from an environment that is made once and kept in the target folder.
async fn python_with(package: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let python = folder.join("bin/python");
    let made = folder.join("complete");
    if !made.exists() {
        succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).await?;
        succeeds(Command::new(&python).args(["-m", "pip", "install", "--quiet", package])).await?;
        std::fs::write(made, package).ok()?;
    }
    Some(python)
}

async fn succeeds(command: &mut Command) -> Option<()> {
    command.output().await.ok()?.status.success().then_some(())
}
