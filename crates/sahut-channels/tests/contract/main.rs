//! Every platform's connector, and the client below them, against a server that answers by hand-written rules;
//! and Meta's platforms against a simulator that another hand wrote from the same contract.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod channel;
mod facebook;
mod graph;
mod http;
mod instagram;
mod meta;
mod peer;
mod simulator;
mod telegram;
mod webhook;
mod wordpress;
