//! Sahut from the outside: what the tests in this folder start and look at.
//!
//! [`Sahut`] runs the real program in a folder of its own; the servers that it talks to come from [`sahut_testing`].
//! `cargo xtask test` builds the program and says where it is.

pub mod http;
mod sahut;

pub use sahut::{Finished, Sahut};
pub use sahut_testing::*;
