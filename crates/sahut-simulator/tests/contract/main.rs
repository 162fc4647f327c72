//! What foreign clients may rely on, by plain HTTP, one module a platform.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test fail the test")]

mod control;
mod facebook;
mod instagram;
mod life;
mod moods;
mod push;
mod support;
mod telegram;
