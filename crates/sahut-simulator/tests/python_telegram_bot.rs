//! The judgement of a client that others wrote: python-telegram-bot, installed into the target folder.

use std::path::{Path, PathBuf};

use sahut_simulator::{Simulator, SimulatorSettings};
use tokio::process::Command;

/// The version that is tried. Its releases follow the Bot API.
const PACKAGE: &str = "python-telegram-bot==22.8";

#[tokio::test]
async fn python_telegram_bot_gets_along_with_the_simulator() {
    let Some(python) = python_with(PACKAGE).await else {
        println!(
            "skipped: {PACKAGE} cannot be installed here (python3 with venv and a package index are needed)"
        );
        return;
    };
    let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
    let bot = simulator.world().create_bot("Lapor", "lapor_bot");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python_telegram_bot.py");
    let arguments = [simulator.url(), &bot.token, &bot.id];
    let run = Command::new(python).arg(script).args(arguments).env("NO_PROXY", "*").output().await.unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(simulator.ledger().double_posts().is_empty());
    simulator.stop().await;
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
