//! A small internet: every platform's contract with its limits and its moods, for the demo and tests.
//!
//! [`Simulator::start`] opens a port on this machine that behaves like the Graph API (Facebook Pages and Instagram)
//! and like the Telegram Bot API. Clients that others wrote get along with it when they are pointed at
//! [`Simulator::url`]; nothing in it knows anything about Sahut's own clients.
//!
//! How it fits together: a [`World`] holds what exists, and its verbs are what citizens, offices and fate do. Calls
//! come in by one door (`server`), where a [`Mood`] may strike them; `graph` and `telegram` answer them, with one module
//! for what belongs to Facebook, Instagram and direct messages each. The [`Ledger`] keeps what was written, what was
//! really shown, and what was accepted, so that a test can say "nothing lost, nothing twice".
//!
//! Time comes from the given clock, chance from the seed: the same calls in the same order get the same answers. Only
//! waiting (a long poll, a slow answer) takes real time. Tests in other processes use `GET /_sim/ledger` and
//! `POST /_sim/do`.
//!
//! It never leaves this machine, keeps nothing on disk, and is no place for real people's words.

mod bot;
mod call;
mod control;
mod courier;
mod facebook;
mod graph;
mod instagram;
mod ledger;
mod life;
mod messenger;
mod meta;
mod moods;
mod postbox;
mod server;
mod state;
mod telegram;
mod webhook;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use sahut_domain::Clock;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use ledger::{Accepted, Ledger, State as Shown, Written};
pub use life::{CitizenText, Life, Script};
pub use moods::{Limits, Mood, Moods};
pub use postbox::{Letter, Postbox};
pub use state::{App, Citizen, Unknown};
pub use world::{Keys, World};

use state::{Shared, State};

/// How long `stop` waits for calls that are being answered.
const FAREWELL: Duration = Duration::from_secs(5);

/// How a simulator starts.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Decides identifiers, tokens and moods.
    pub seed: u64,
    /// How often what goes wrong.
    pub moods: Moods,
    /// What the platforms allow.
    pub limits: Limits,
    /// The time that the platforms go by.
    pub clock: Clock,
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
}

impl Default for SimulatorSettings {
    /// Calm and generous, by the machine's clock, on a free port of the loopback.
    fn default() -> Self {
        Self {
            seed: 1,
            moods: Moods::calm(),
            limits: Limits::generous(),
            clock: Clock::system(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

/// A running simulator. Dropping it stops it.
pub struct Simulator {
    url: String,
    world: World,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts to listen. Fails when the address cannot be had.
    pub async fn start(settings: SimulatorSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let SimulatorSettings { seed, moods, limits, clock, bind: _ } = settings;
        let stop = CancellationToken::new();
        let shared = Shared::new(State::new(seed, moods, limits, clock, url.clone()), stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(server::serve(listener, shared.clone()));
        tasks.spawn(courier::carry(shared.clone()));
        tasks.close();
        Ok(Self { url, world: World::new(shared), stop, tasks })
    }

    /// The base of all addresses, such as `http://127.0.0.1:40123`; without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What citizens, offices and fate do.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// All that was written, served and accepted until now.
    pub fn ledger(&self) -> Ledger {
        self.world.ledger()
    }

    /// Stops listening, ends long polls, and waits a little for the rest.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = timeout(FAREWELL, self.tasks.wait()).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
