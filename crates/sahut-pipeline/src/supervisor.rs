//! Starts every long task by name, watches it, restarts it, and stops all in order.
//!
//! A task that dies is an error and never a silence: it is restarted with a growing pause, and when a needed task keeps
//! dying the whole process stops with a failure, so that whoever supervises the process knows. The first
//! [`Supervisor::stop`] asks tasks to finish what they hold; whoever has not finished after the grace is dropped, and
//! its leases expire by themselves.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use sahut_domain::Clock;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Deaths of a needed task within [`DEATH_WINDOW`] that end the process.
const TOO_MANY_DEATHS: usize = 6;

/// The stretch of time in which deaths count together, in seconds.
const DEATH_WINDOW: i64 = 600;

/// How long a loop may go without a sign of life before it counts as stuck, in seconds.
const STUCK_AFTER: i64 = 120;

/// Why a task ended by itself.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// What became of the process's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// All finished in order.
    InOrder,
    /// The grace ended with these tasks unfinished; their leases expire by themselves.
    Dropped(Vec<&'static str>),
    /// A needed task kept dying.
    Failed {
        /// The task.
        task: &'static str,
        /// How it died last.
        error: String,
    },
}

/// How a task does, as shown to the operator.
#[derive(Debug, Clone, Serialize)]
pub struct TaskStatus {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// The task that it is a part of, when it is none of its own.
    pub part_of: Option<&'static str>,
    /// Since when this run of it lasts.
    pub running_since: Option<Timestamp>,
    /// Its last sign of life.
    pub last_beat: Option<Timestamp>,
    /// How often it died.
    pub deaths: usize,
    /// How it died last.
    pub last_error: Option<String>,
}

/// Starts, watches and stops tasks. Cloned freely.
#[derive(Clone)]
pub struct Supervisor {
    clock: Clock,
    tracker: TaskTracker,
    soft: CancellationToken,
    hard: CancellationToken,
    board: Arc<Mutex<Board>>,
}

#[derive(Default)]
struct Board {
    tasks: BTreeMap<&'static str, TaskStatus>,
    failed: Option<(&'static str, String)>,
}

/// A task's line to its supervisor.
#[derive(Clone)]
pub struct Heart {
    name: &'static str,
    clock: Clock,
    soft: CancellationToken,
    board: Arc<Mutex<Board>>,
}

impl Heart {
    /// The line of a task that nobody supervises: work that is done once, for a test or a benchmark.
    pub fn alone(clock: Clock) -> Self {
        Self { name: "alone", clock, soft: CancellationToken::new(), board: Arc::default() }
    }

    /// Gives a sign of life. Loops give one each time round; the system's watchdog is fed only while all do.
    pub fn beat(&self) {
        let now = self.clock.now();
        if let Some(task) = lock(&self.board).tasks.get_mut(self.name) {
            task.last_beat = Some(now);
        }
    }

    /// A line of its own for what runs beside the rest of the task, such as a writer beside readers: when one of them
    /// hangs, it is seen although the other goes on. It ends with this run of the task.
    #[must_use]
    pub fn part(&self, name: &'static str, purpose: &'static str) -> Self {
        let now = Some(self.clock.now());
        let status = TaskStatus {
            part_of: Some(self.name),
            running_since: now,
            last_beat: now,
            ..TaskStatus::new(name, purpose)
        };
        lock(&self.board).tasks.insert(name, status);
        Self { name, ..self.clone() }
    }

    /// Whether the task should finish what it holds and return.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Waits until the task should finish.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            tracker: TaskTracker::new(),
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            board: Arc::default(),
        }
    }

    /// Starts a task that runs until it is asked to stop. It is started again when it dies; `needed` says whether the
    /// process may go on without it when it keeps dying.
    pub fn start<Work, Running>(&self, name: &'static str, purpose: &'static str, needed: bool, work: Work)
    where
        Work: Fn(Heart) -> Running + Send + 'static,
        Running: Future<Output = Result<(), TaskError>> + Send,
    {
        lock(&self.board).tasks.insert(name, TaskStatus::new(name, purpose));
        let this = self.clone();
        let life = async move { this.keep_alive(name, needed, work).await };
        let hard = self.hard.clone();
        #[expect(clippy::disallowed_methods, reason = "this is the supervisor")]
        tokio::spawn(self.tracker.track_future(async move {
            tokio::select! {
                () = life => {}
                () = hard.cancelled() => {}
            }
        }));
    }

    /// Asks all tasks to finish.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Drops what has not finished, at once.
    pub fn stop_hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// A token that is cancelled when tasks should finish: for servers that end their streams.
    pub fn stopping(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Waits until somebody asks to stop, then for the tasks, at most for the grace.
    pub async fn finish(&self, grace: Duration) -> Stopped {
        self.soft.cancelled().await;
        self.tracker.close();
        let in_order =
            tokio::time::timeout(grace, self.tracker.wait()).await.is_ok() && !self.hard.is_cancelled();
        let unfinished = self.unfinished();
        self.hard.cancel();
        self.tracker.wait().await;
        let failed = lock(&self.board).failed.clone();
        match failed {
            Some((task, error)) => Stopped::Failed { task, error },
            None if in_order => Stopped::InOrder,
            None => Stopped::Dropped(unfinished),
        }
    }

    /// How each task does.
    pub fn statuses(&self) -> Vec<TaskStatus> {
        lock(&self.board).tasks.values().cloned().collect()
    }

    /// Tasks that have given no sign of life for too long.
    pub fn stuck(&self) -> Vec<&'static str> {
        let now = self.clock.now();
        let late = |task: &&TaskStatus| {
            task.running_since.is_some()
                && task.last_beat.is_some_and(|beat| now.duration_since(beat).as_secs() > STUCK_AFTER)
        };
        lock(&self.board).tasks.values().filter(late).map(|task| task.name).collect()
    }

    async fn keep_alive<Work, Running>(&self, name: &'static str, needed: bool, work: Work)
    where
        Work: Fn(Heart) -> Running,
        Running: Future<Output = Result<(), TaskError>>,
    {
        let heart = Heart {
            name,
            clock: self.clock.clone(),
            soft: self.soft.clone(),
            board: Arc::clone(&self.board),
        };
        let mut deaths: Vec<Timestamp> = Vec::new();
        loop {
            self.note_start(name);
            let run = AssertUnwindSafe(work(heart.clone())).catch_unwind().await;
            let error = match run {
                Ok(Ok(())) if self.soft.is_cancelled() => return self.note_end(name),
                Ok(Ok(())) => "it returned without being asked to".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
            };
            let now = self.clock.now();
            deaths.retain(|death| now.duration_since(*death).as_secs() < DEATH_WINDOW);
            deaths.push(now);
            tracing::error!(task = name, deaths = deaths.len(), error, "task.died");
            self.note_death(name, &error);
            if self.soft.is_cancelled() {
                return;
            }
            if needed && deaths.len() >= TOO_MANY_DEATHS {
                lock(&self.board).failed.get_or_insert((name, error));
                self.soft.cancel();
                return;
            }
            let pause = Duration::from_millis(200 << deaths.len().min(8));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.soft.cancelled() => return,
            }
        }
    }

    fn note_start(&self, name: &'static str) {
        let now = self.clock.now();
        if let Some(task) = lock(&self.board).tasks.get_mut(name) {
            task.running_since = Some(now);
            task.last_beat = Some(now);
        }
    }

    fn note_end(&self, name: &'static str) {
        lock(&self.board).end(name);
    }

    fn note_death(&self, name: &'static str, error: &str) {
        let mut board = lock(&self.board);
        board.end(name);
        if let Some(task) = board.tasks.get_mut(name) {
            task.deaths += 1;
            task.last_error = Some(error.to_owned());
        }
    }

    fn unfinished(&self) -> Vec<&'static str> {
        let board = lock(&self.board);
        let tasks = board.tasks.values().filter(|task| task.part_of.is_none());
        tasks.filter(|task| task.running_since.is_some()).map(|task| task.name).collect()
    }
}

impl TaskStatus {
    fn new(name: &'static str, purpose: &'static str) -> Self {
        Self {
            name,
            purpose,
            part_of: None,
            running_since: None,
            last_beat: None,
            deaths: 0,
            last_error: None,
        }
    }
}

impl Board {
    /// A run of a task is over, and with it what ran beside it.
    fn end(&mut self, name: &'static str) {
        self.tasks.retain(|_, task| task.part_of != Some(name));
        if let Some(task) = self.tasks.get_mut(name) {
            task.running_since = None;
        }
    }
}

/// A panic inside the lock leaves only counters behind: what is there is still good.
fn lock(board: &Mutex<Board>) -> std::sync::MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_dies_is_started_again() {
        let supervisor = Supervisor::new(Clock::system());
        let runs = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&runs);
        supervisor.start("shaky", "dies twice", true, move |heart| {
            let run = seen.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => panic!("first"),
                    1 => Err("second".into()),
                    _ => {
                        heart.stopping().await;
                        Ok(())
                    }
                }
            }
        });
        while runs.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        supervisor.stop();
        assert_eq!(supervisor.finish(Duration::from_secs(1)).await, Stopped::InOrder);
        let status = &supervisor.statuses()[0];
        assert_eq!((status.deaths, status.last_error.as_deref()), (2, Some("second")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_hangs_is_seen_although_the_rest_goes_on() {
        let clock = sahut_domain::ManualClock::at(Timestamp::UNIX_EPOCH);
        let supervisor = Supervisor::new(clock.clock());
        supervisor.start("reader", "reads", true, |heart| async move {
            let _hangs = heart.part("writer", "writes");
            while !heart.is_stopping() {
                heart.beat();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        clock.advance(STUCK_AFTER + 1);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(supervisor.stuck(), ["writer"]);
        supervisor.stop();
        assert_eq!(supervisor.finish(Duration::from_secs(5)).await, Stopped::InOrder);
        assert_eq!(supervisor.statuses().len(), 1, "a part ends with its task");
    }

    #[tokio::test(start_paused = true)]
    async fn a_needed_task_that_keeps_dying_ends_the_process() {
        let supervisor = Supervisor::new(Clock::system());
        supervisor.start("broken", "always dies", true, |_| async { Err("no luck".into()) });
        let stopped = supervisor.finish(Duration::from_secs(1)).await;
        assert_eq!(stopped, Stopped::Failed { task: "broken", error: "no luck".to_owned() });
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_in_time_is_dropped_and_named() {
        let supervisor = Supervisor::new(Clock::system());
        supervisor.start("deaf", "never stops", true, |_| std::future::pending());
        tokio::time::sleep(Duration::from_millis(1)).await;
        supervisor.stop();
        assert_eq!(supervisor.finish(Duration::from_secs(30)).await, Stopped::Dropped(vec!["deaf"]));
    }
}
