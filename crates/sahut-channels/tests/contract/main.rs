//! Every platform's connector, and the client below them, against a server that answers by hand-written rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod channel;
mod facebook;
mod graph;
mod http;
mod instagram;
mod meta;
mod peer;
mod telegram;
mod webhook;
mod wordpress;
