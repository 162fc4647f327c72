//! The words of Sahut as types, and what they may do.
//!
//! Everything here is pure: no clock of its own, no randomness of its own, no files, no network, no database. Every
//! other crate speaks in these words, so a reader who knows this page knows the vocabulary of the whole program.
//!
//! Where to start: [`message::Item`] is what a connector read on a platform; [`decision::Decision`] says which office
//! it went to and why; [`inquiry`] is the unit of work that follows, and [`incident`] one happening behind many of them; [`calendar::WorkingCalendar`] turns working
//! minutes into moments; [`deadline`] is a promise made with it, and [`ladder`] who is told of it until somebody acts;
//! [`notice`] and [`reply`] are the two outside effects, [`letter`] what comes back by mail; [`link`] lets somebody who was
//! mailed look at one inquiry;
//! [`event`] is the journal that all reports are drawn from.
//!
//! Conventions: moments are [`jiff::Timestamp`]s in UTC (stored as microseconds); durations of work are *working
//! minutes*; identifiers from platforms are opaque strings, never numbers.

pub mod calendar;
mod chance;
pub mod channel;
mod clock;
pub mod deadline;
pub mod decision;
pub mod event;
pub mod fault;
pub mod incident;
pub mod inquiry;
pub mod ladder;
mod language;
pub mod letter;
pub mod link;
pub mod mask;
pub mod message;
pub mod notice;
pub mod office;
pub mod reply;
pub mod report;
pub mod segments;
mod words;
pub mod work;

pub use chance::Chance;
pub use clock::{Clock, ManualClock};
pub use jiff::Timestamp;
pub use language::Language;
pub use words::UnknownWord;
