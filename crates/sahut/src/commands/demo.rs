//! `sahut demo`: a whole regency, alive, with nothing to set up: the real program on a real database file, with
//! simulated platforms and a mail server of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use sahut_domain::Clock;

use crate::app::App;
use crate::demo::{Scene, Screen, Tally, Town};
use crate::failure::Failure;
use crate::output;
use crate::run::{Role, Signals, Works, stop_on_signals};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where its database and files are written; a new folder for temporary files when not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Stop after so many seconds; runs until Ctrl-C when not given.
    #[arg(long)]
    seconds: Option<u64>,
    /// Milliseconds between two citizens' messages.
    #[arg(long, default_value_t = 900)]
    pace: u64,
    /// Let the platforms have their moods: rate limits, faults, lost connections.
    #[arg(long)]
    moody: bool,
    /// Decides who writes when.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(crate) async fn run(args: &Args) -> Result<(), Failure> {
    crate::commands::log(false, "error");
    let clock = Clock::system();
    let mut scene = Scene::build(args.folder.clone(), args.seed, args.moody, &clock).await?;
    let app = Arc::new(App::load(&scene.settings_file())?);
    scene.fill_database(&app).await?;
    let works = Works::open(Arc::clone(&app)).await?;
    works.start(Role::value_variants());
    if let Some(listener) = scene.pages.take() {
        works.serve("door", "takes deliveries and serves pages", listener, works.public());
    }
    output::line(&scene.banner())?;

    let mut signals = Signals::listen()?;
    let town = Town::new(&scene, args.seed, Duration::from_millis(args.pace));
    let mut screen = Screen::new(works.context.clone(), clock.clone());
    let db = works.context.db.clone();
    let life = async {
        tokio::select! {
            () = town.live(db.clone(), &app) => {}
            () = signals.next() => {}
            () = after(args.seconds) => {}
        }
        // From now on a signal is not for the citizens, but for the program.
        stop_on_signals(&works.supervisor, signals);
        output::line(Scene::silence())?;
        Ok::<(), Failure>(Tally::when_quiet(&scene, &db, &clock).await?)
    };
    let stopping = works.supervisor.stopping();
    tokio::select! {
        quiet = life => quiet?,
        () = screen.watch(&scene.postbox) => {}
        () = stopping.cancelled() => {}
    }
    screen.catch_up(&scene.postbox).await;
    let tally = Tally::count(&scene, &works.context.db, &clock).await?;
    works.supervisor.stop();
    works.finish().await?;
    output::line(&format!("\n{tally}"))?;
    output::line(&scene.farewell())?;
    scene.leave().await;
    Ok(())
}

async fn after(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}
