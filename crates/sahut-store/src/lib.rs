//! The only SQL: SQLite and PostgreSQL behind one face.
//!
//! [`Db::begin`] is the only place that opens a write transaction and [`Db::read`] the only one that opens a snapshot;
//! everything else is a method on the [`Tx`] they give, named for what its caller intends, with its SQL beside it. The
//! methods stand in one module per intent: [`collect`], [`route`], [`notify`], [`deliver`] and [`watch`] for the five
//! stages; [`digests`] for many mails in one, and [`people`] for who is there; [`configuration`], [`journal`],
//! [`inquiries`], [`quarantine`], [`status`], [`selfcheck`], [`secrets`] and [`imports`] for what stands beside them;
//! [`acts`] and [`pass_on`] for what people do about an inquiry, and [`desk`] for the page they do it on; [`letters`] for
//! what they mail back, and [`proposals`] for answers that somebody has to approve; [`clocks`] and [`extensions`] for what
//! pauses and moves promises; [`correct`] and [`learn`] for what
//! they put right, and what that teaches; [`incidents`] for one happening behind many
//! inquiries; [`history`] for trying other rules. [`work`] is the one mechanism by which owed work is claimed and settled.
//!
//! What must always hold is a constraint of the schema (`migrations/`), not code. What differs between the databases
//! stands in the module `dialect`. Moments are stored as microseconds in UTC; transactions never span a call to the network.

pub mod acts;
pub mod answer;
pub mod backup;
pub mod clocks;
pub mod collect;
pub mod configuration;
pub mod correct;
mod db;
pub mod deliver;
pub mod desk;
mod dialect;
pub mod digests;
mod error;
pub mod extensions;
pub mod history;
pub mod imports;
pub mod incidents;
pub mod inquiries;
pub mod journal;
pub mod learn;
pub mod letters;
mod lock;
mod migrate;
pub mod notify;
pub mod pass_on;
pub mod people;
#[cfg(test)]
mod plans;
pub mod proposals;
pub mod quarantine;
pub mod receipts;
pub mod report;
pub mod route;
pub mod secrets;
pub mod selfcheck;
pub mod status;
mod tx;
mod value;
pub mod watch;
pub mod work;

pub use db::{Db, Location};
pub use dialect::Dialect;
pub use error::StoreError;
pub use lock::FileLock;
pub use migrate::{Migrated, Pending};
pub use notify::HeldFor;
pub use tx::Tx;
pub use work::Claim;
