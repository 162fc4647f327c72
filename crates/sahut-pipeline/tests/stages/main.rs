//! The stages, driven by hand against simulated platforms.

#![cfg(test)]

mod clocks;
mod connector;
mod delivering;
mod door;
mod incidents;
mod ladder;
mod learning;
mod ledger;
mod mailing;
mod mailroom;
mod quarter;
mod receipts;
mod regency;
mod reports;
mod rereading;
mod routing;
mod walking;
