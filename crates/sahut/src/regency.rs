//! A regency's files: offices, people, calendars, policies, channels and rules, read whole, checked whole.
//!
//! The files of a folder become a numbered set in the database; a running process compiles the set that is in the
//! database, never the folder. So what was checked is what runs, on every machine that shares the database.

mod calendars;
mod files;
mod ladder;
mod offices;
mod policies;
mod set;

pub(crate) use files::Files;
pub(crate) use offices::try_channel;
pub(crate) use set::RegencySet;
