//! The stages, driven by hand against simulated platforms.

#![cfg(test)]

mod delivering;
mod door;
mod ledger;
mod regency;
mod routing;
