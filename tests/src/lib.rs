//! Sahut from the outside: what the tests in this folder start and look at.
//!
//! [`Sahut`] runs the real program in a folder of its own; [`Town`] puts simulated platforms, a mail server and a regency
//! around it; [`Sahut::with_archive`] makes a regency
//! for files. Other servers that it talks to come from [`sahut_testing`].
//! `cargo xtask test` builds the program and says where it is.

mod archive;
pub mod http;
mod sahut;
mod town;
pub mod webhook;

pub use sahut::{Finished, Sahut};
pub use sahut_testing::*;
pub use town::{Town, header};
