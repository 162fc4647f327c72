//! What the store promises, held on SQLite and on PostgreSQL by one suite.
//!
//! Every public method is called here on both databases; `truths` tries to break what the schema must hold by itself;
//! `models` compares pages and claims with a few lines of plain Rust.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod acts;
mod cancelled;
mod channels;
mod clocks;
mod configuration;
mod correct;
mod deliver;
mod deliveries;
mod digests;
mod files;
mod full;
mod incidents;
mod inquiries;
mod journal;
mod letters;
mod models;
mod notify;
mod pages;
mod pass_on;
mod people;
mod proposals;
mod quarantine;
mod receipts;
mod report;
mod route;
mod selfcheck;
mod status;
mod support;
mod truths;
mod twins;
mod watch;
