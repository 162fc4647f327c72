//! `sahut run`: every stage, the door, the probes, and the way they are started and stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sahut_domain::channel::ChannelState;
use sahut_pipeline::{Context, Regency, Shared, Stopped, Supervisor, TaskError};
use sahut_store::{Db, Location, Migrated, StoreError};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, collect_settings, uses_secret};
use crate::failure::{Failure, code};

/// How long tasks may take to finish what they hold.
const GRACE: Duration = Duration::from_secs(30);

/// How often the database is asked for another configuration.
const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// How often a database server that does not answer is tried before the process gives up, and how long it waits between.
const TRIED_AT_START: u32 = 30;
const TRIED_EVERY: Duration = Duration::from_secs(2);

/// The roles that a process can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Read channels and deliveries.
    Collect,
    /// Decide where messages belong.
    Route,
    /// Mail notices, and do what is mailed back.
    Notify,
    /// Carry answers to the platforms.
    Deliver,
    /// Notice what came due.
    Watch,
    /// Take deliveries of platforms that push, and serve the pages behind the links in mails.
    Door,
}

/// A process that works: its parts, started and stopped together.
pub(crate) struct Works {
    pub(crate) supervisor: Supervisor,
    pub(crate) context: Context,
    app: Arc<App>,
}

impl Works {
    /// Opens the database, applies the configuration's folder where there is none yet, compiles it.
    pub(crate) async fn open(app: Arc<App>) -> Result<Self, Failure> {
        let owner = App::owner("sahut run");
        let (db, migrated) = open_patiently(&app.location(), &owner).await?;
        if migrated.from != migrated.to {
            let copy = migrated.copy.as_ref().map(|copy| copy.display().to_string());
            tracing::info!(from = migrated.from, to = migrated.to, copy, "schema.migrated");
        }
        if db.read().await?.revision_number().await?.is_none() {
            crate::commands::apply::apply_folder(&app, &db, &app.settings.regency.files).await?;
        }
        let (regency, stamp) = app.regency(&db).await?;
        let context = Context {
            db,
            clock: app.clock.clone(),
            chance: app.chance.clone(),
            regency: Shared::new(regency),
            owner,
        };
        let works = Self { supervisor: Supervisor::new(app.clock.clone()), context, app };
        works.start_reloading(stamp);
        Ok(works)
    }

    /// Starts the stages of the given roles.
    pub(crate) fn start(&self, roles: &[Role]) {
        let has = |role| roles.contains(&role);
        let settings = collect_settings(&self.app.settings);
        macro_rules! task {
            ($role:expr, $name:literal, $purpose:literal, $run:expr) => {
                if has($role) {
                    let context = self.context.clone();
                    self.supervisor.start($name, $purpose, true, move |heart| $run(context.clone(), heart));
                }
            };
        }
        task!(Role::Collect, "collect", "reads channels that are due", move |context, heart| {
            sahut_pipeline::collect::run(context, settings, heart)
        });
        task!(
            Role::Collect,
            "receive",
            "reads deliveries that were admitted",
            sahut_pipeline::collect::run_deliveries
        );
        task!(Role::Route, "route", "decides where messages belong", sahut_pipeline::route::run);
        task!(Role::Notify, "notify", "mails what is owed", sahut_pipeline::notify::run);
        task!(
            Role::Notify,
            "mailbox",
            "reads the mailbox where answers arrive",
            sahut_pipeline::mailroom::read_mailbox
        );
        task!(Role::Notify, "mailroom", "does what is mailed back", sahut_pipeline::mailroom::run);
        task!(Role::Deliver, "deliver", "carries answers to the platforms", sahut_pipeline::deliver::run);
        task!(Role::Watch, "watch", "notices what came due", sahut_pipeline::watch::run);
        task!(Role::Watch, "learn", "learns from what people put right", sahut_pipeline::learn::run);
        task!(Role::Watch, "bells", "rings at times of day", sahut_pipeline::ring_bells);
    }

    /// What is reached from outside: the door for deliveries, and the pages behind the links in mails.
    pub(crate) fn public(&self) -> axum::Router {
        sahut_pipeline::door::router(self.context.clone()).merge(crate::pages::router(&self.context))
    }

    /// Serves a router until the process stops.
    pub(crate) fn serve(
        &self,
        name: &'static str,
        purpose: &'static str,
        listener: TcpListener,
        router: axum::Router,
    ) {
        let listener = Arc::new(tokio::sync::Mutex::new(Some(listener)));
        self.supervisor.start(name, purpose, true, move |heart| {
            let (listener, router) = (Arc::clone(&listener), router.clone());
            async move {
                let Some(listener) = listener.lock().await.take() else {
                    return Err(TaskError::from("its address is lost: the process has to be started again"));
                };
                let stopping = heart.clone();
                let serving =
                    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
                        .with_graceful_shutdown(async move { stopping.stopping().await })
                        .into_future();
                let mut serving = std::pin::pin!(serving);
                loop {
                    heart.beat();
                    tokio::select! {
                        served = &mut serving => return Ok(served?),
                        () = tokio::time::sleep(Duration::from_secs(15)) => {}
                    }
                }
            }
        });
    }

    /// Waits for the end, and says how it was.
    pub(crate) async fn finish(self) -> Result<(), Failure> {
        let stopped = self.supervisor.finish(GRACE).await;
        self.context.db.close().await;
        match stopped {
            Stopped::InOrder => Ok(()),
            Stopped::Dropped(tasks) => {
                tracing::warn!(?tasks, "stopped.unfinished");
                Ok(())
            }
            Stopped::Failed { task, error } => {
                Err(Failure::failed(format!("the task {task} keeps dying, so the process stops: {error}")))
            }
        }
    }

    /// Swaps the running configuration when another was applied, or a secret changed; keeps the old one on any error.
    fn start_reloading(&self, stamp: crate::app::Stamp) {
        let (app, context) = (Arc::clone(&self.app), self.context.clone());
        self.supervisor.start(
            "reload",
            "swaps the configuration when another was applied",
            false,
            move |heart| {
                let (app, context, mut stamp) = (Arc::clone(&app), context.clone(), stamp.clone());
                async move {
                    while !heart.is_stopping() {
                        heart.beat();
                        tokio::select! {
                            () = heart.stopping() => break,
                            () = tokio::time::sleep(RELOAD_EVERY) => {}
                        }
                        if app.stamp(&context.db).await.is_ok_and(|now| now != stamp) {
                            reload(&app, &context.db, &context.regency, &mut stamp).await;
                        }
                    }
                    Ok(())
                }
            },
        );
    }
}

/// Opens the database; waits for a server that is not there yet, and says so: after a power cut everything starts at once.
async fn open_patiently(location: &Location, owner: &str) -> Result<(Db, Migrated), StoreError> {
    for tried in 1..TRIED_AT_START {
        match Db::open_and_migrate(location, owner).await {
            Err(error @ StoreError::Unreachable { .. }) => {
                tracing::warn!(%error, tried, of = TRIED_AT_START, "database.awaited");
                tokio::time::sleep(TRIED_EVERY).await;
            }
            opened => return opened,
        }
    }
    Db::open_and_migrate(location, owner).await
}

async fn reload(app: &App, db: &Db, regency: &Shared<Regency>, stamp: &mut crate::app::Stamp) {
    match app.regency(db).await {
        Ok((fresh, fresh_stamp)) => {
            tracing::info!(revision = fresh.revision, "configuration.running");
            regency.set(fresh);
            let before = std::mem::replace(stamp, fresh_stamp);
            if let Err(error) = try_again(app, db, &stamp.changed_secrets(&before)).await {
                tracing::warn!(%error, "channel.not_resumed");
            }
        }
        Err(error) => tracing::error!(%error, "configuration.kept"),
    }
}

/// Reads channels again that waited for a person, now that one gave them another secret. Not before the reload: a round
/// with the old secret would only park the channel once more.
async fn try_again(app: &App, db: &Db, secrets: &[&str]) -> Result<(), StoreError> {
    if secrets.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    for channel in tx.channels().await? {
        if channel.state == ChannelState::Parked && secrets.iter().any(|name| uses_secret(&channel, name)) {
            let code = channel.config.code.as_str();
            tx.set_channel_state(code, ChannelState::Active, "operator", app.clock.now()).await?;
        }
    }
    tx.commit().await
}

/// Runs until a signal.
pub(crate) async fn run(app: App, roles: &[Role]) -> Result<(), Failure> {
    let app = Arc::new(app);
    // The database first: of two processes started by mistake, the second names who holds it, not a port that is taken.
    let works = Works::open(Arc::clone(&app)).await?;
    let operator = bind(&app.settings.listen.operator, "operator").await?;
    let public = bind(&app.settings.listen.public, "public").await?;
    works.start(roles);
    let metrics = crate::probes::install_metrics()?;
    let router = crate::probes::router(&works.context, &works.supervisor, metrics);
    works.serve("probes", "answers probes and metrics", operator, router);
    if roles.contains(&Role::Door) {
        works.serve("door", "takes deliveries and serves pages", public, works.public());
    }
    stop_on_signals(&works.supervisor, Signals::listen()?);
    feed_watchdog(&works.supervisor);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(
        public = app.settings.listen.public,
        operator = app.settings.listen.operator,
        revision = works.context.regency.get().revision,
        "sahut.ready"
    );
    let finished = works.finish().await;
    tracing::info!("sahut.stopped");
    finished
}

async fn bind(address: &str, name: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let help = format!("give {name} under [listen] another address");
        Failure::new(code::UNAVAILABLE, format!("cannot listen on {address}: {error}; {help}"))
    })
}

/// What asks a process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))
        };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The first signal asks the tasks to finish; the second one drops what is left.
pub(crate) fn stop_on_signals(supervisor: &Supervisor, mut signals: Signals) {
    let supervisor = supervisor.clone();
    #[expect(clippy::disallowed_methods, reason = "it ends with the process, which it ends")]
    tokio::spawn(async move {
        for count in 0.. {
            signals.next().await;
            if count == 0 {
                tracing::info!("stop.asked");
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
                supervisor.stop();
            } else {
                supervisor.stop_hard();
            }
        }
    });
}

/// Feeds systemd's watchdog while every loop gives signs of life.
fn feed_watchdog(supervisor: &Supervisor) {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    supervisor.start("watchdog", "tells systemd that all loops make progress", false, {
        let supervisor = supervisor.clone();
        move |heart| {
            let supervisor = supervisor.clone();
            async move {
                while !heart.is_stopping() {
                    heart.beat();
                    let stuck = supervisor.stuck();
                    if stuck.is_empty() {
                        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                    } else {
                        tracing::error!(?stuck, "watchdog.not_fed");
                    }
                    tokio::select! {
                        () = heart.stopping() => {}
                        () = tokio::time::sleep(every / 3) => {}
                    }
                }
                Ok(())
            }
        }
    });
}
