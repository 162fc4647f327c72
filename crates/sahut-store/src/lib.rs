//! The only SQL: SQLite and PostgreSQL behind one face.
//!
//! [`Db::begin`] is the only place that opens a write transaction and [`Db::read`] the only one that opens a snapshot;
//! everything else is a method on the [`Tx`] they give, named for what its caller intends, with its SQL beside it. The
//! methods stand in one module per intent: [`collect`], [`route`], [`notify`], [`deliver`] and [`watch`] for the five
//! stages; [`configuration`], [`journal`], [`inquiries`], [`quarantine`], [`status`], [`selfcheck`], [`secrets`] and
//! [`imports`] for what stands beside them; [`acts`] for what people do about an inquiry; [`correct`] and [`learn`] for what
//! they put right, and what that teaches; [`incidents`] for one happening behind many
//! inquiries; [`history`] for trying other rules. [`work`] is the one mechanism by which owed work is claimed and settled.
//!
//! What must always hold is a constraint of the schema (`migrations/`), not code. What differs between the databases
//! stands in the module `dialect`. Moments are stored as microseconds in UTC; transactions never span a call to the network.

pub mod acts;
pub mod backup;
pub mod collect;
pub mod configuration;
pub mod correct;
mod db;
pub mod deliver;
mod dialect;
mod error;
pub mod history;
pub mod imports;
pub mod incidents;
pub mod inquiries;
pub mod journal;
pub mod learn;
mod lock;
mod migrate;
pub mod notify;
#[cfg(test)]
mod plans;
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
