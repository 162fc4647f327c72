//! The five stages, the door where deliveries come in, and what keeps all running and stopping in order.
//!
//! Every stage has one shape: claim a batch, work, commit once (`stage`). What a stage hands to the next stands in
//! the database, so a crash anywhere repeats work and never loses it:
//!
//! - [`collect`] reads channels that are due (`walk` is the one loop that reads them all) and admitted deliveries;
//!   everything it writes goes through `commit`, which gathers many small writes into few transactions;
//! - [`route`] decides where messages belong, opens inquiries and makes promises; `incidents` is the part of it that
//!   finds one happening behind many of them, and [`answer`] gives all of them one answer;
//! - [`notify`] mails what is owed; [`deliver`] carries answers to the platforms; [`watch`] notices what came due,
//!   and [`silence`] who does not write any more; [`clocks`] makes and moves promises by the [`policies`];
//! - [`mornings`] tells each person once a day what is open, and each head once a week how it went; `digests` makes one
//!   mail of many;
//! - [`mailroom`] reads what the offices answer by mail, and does it;
//! - beside them [`learn`] learns from what people put right.
//!
//! [`Regency`] is the running configuration, swapped whole. [`Supervisor`] starts every long task by name, restarts it
//! when it dies, and stops all in order. [`door`] verifies deliveries over their raw bytes, commits them, then answers.

pub mod answer;
mod bells;
mod budget;
pub mod cadence;
pub mod clocks;
pub mod collect;
mod commit;
pub mod deliver;
mod digests;
pub mod door;
pub mod endings;
mod incidents;
pub mod learn;
mod links;
pub mod mailroom;
pub mod mornings;
pub mod notify;
pub mod policies;
mod receipts;
mod regency;
mod replies;
pub mod reports;
mod reread;
pub mod route;
pub mod silence;
mod stage;
mod supervisor;
mod walk;
pub mod watch;

pub use bells::ring as ring_bells;
pub use links::Links;
pub use regency::{Connectors, Outbox, Regency, Shared};
pub use replies::{Replies, ReplyAddressError, Trust};
pub use stage::Context;
pub use supervisor::{Heart, Stopped, Supervisor, TaskError, TaskStatus};
