//! The stages, driven by hand against simulated platforms.

#![cfg(test)]

mod connector;
mod delivering;
mod door;
mod incidents;
mod learning;
mod ledger;
mod mailing;
mod receipts;
mod regency;
mod reports;
mod rereading;
mod routing;
mod walking;
