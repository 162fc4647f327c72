//! Named places where a test may kill the process.
//!
//! With the feature `fault-points` the environment variable `SAHUT_CRASH_AT=name` (or `name:7` for the seventh pass)
//! aborts the process at that point, without unwinding, as a power cut would. Without the feature [`point`] is empty.

/// Passes a named point, such as `collect.before_commit`.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn point(_name: &str) {}

/// Passes a named point, such as `collect.before_commit`; aborts here when the environment asks for it.
#[cfg(feature = "fault-points")]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let value = std::env::var("SAHUT_CRASH_AT").ok()?;
        let (point, pass) = value.split_once(':').unwrap_or((&value, "1"));
        Some((point.to_owned(), pass.parse().unwrap_or(1)))
    });
    if let Some((point, pass)) = wanted
        && point == name
        && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == *pass
    {
        std::process::abort();
    }
}
