//! What work costs in processor time, and how that stands to the limit of its materials.
//!
//! The wall clock of a shared machine varies by half; processor time does not, and the ratio of two works that took turns
//! in one process varies least.

use std::fs;
use std::time::Duration;

/// Threads whose names begin like this play the other side (a platform, a mail server) and are not counted.
pub const OTHER_SIDE: &str = "other-side";

/// One line of the table of benchmarks.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What was measured.
    pub name: &'static str,
    /// Our value.
    pub ours: f64,
    /// The value of the bare materials, where there is one.
    pub limit: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// What is promised.
    pub target: Target,
}

/// What a benchmark promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Ours is at most so many times the limit.
    Times(f64),
    /// Ours is at most so much more than the limit.
    More(f64),
    /// Ours is at most this.
    Most(f64),
}

impl Line {
    /// Whether the promise is kept.
    pub fn met(&self) -> bool {
        let limit = self.limit.unwrap_or_default();
        match self.target {
            Target::Times(times) => self.ours <= limit * times,
            Target::More(more) => self.ours <= limit + more,
            Target::Most(most) => self.ours <= most,
        }
    }

    /// Prints the line as the JSON that `cargo xtask bench` gathers.
    pub fn print(&self) {
        let Self { name, ours, unit, .. } = self;
        let number =
            |value: Option<f64>| value.map_or_else(|| "null".to_owned(), |value| format!("{value:.3}"));
        let ratio = self.limit.filter(|limit| *limit > 0.0).map(|limit| ours / limit);
        let target = match self.target {
            Target::Times(times) => format!("<= {times}x"),
            Target::More(more) => format!("<= {more} {unit} more"),
            Target::Most(most) => format!("<= {most} {unit}"),
        };
        println!(
            "{{\"name\":\"{name}\",\"ours\":{},\"limit\":{},\"unit\":\"{unit}\",\"ratio\":{},\"target\":\"{target}\",\"met\":{}}}",
            number(Some(*ours)),
            number(self.limit),
            number(ratio),
            self.met()
        );
    }
}

/// Processor time of this process's living threads so far, without those of the other side.
pub fn cpu() -> Duration {
    cpu_of("self")
}

/// Processor time of another process's living threads so far.
pub fn cpu_of_process(id: u32) -> Duration {
    cpu_of(&id.to_string())
}

/// The memory that a process holds now, in bytes: its resident set.
pub fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// The middle value; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// See <https://docs.kernel.org/scheduler/sched-stats.html>: the first field is the time spent on a processor, in
/// nanoseconds.
fn cpu_of(process: &str) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let read = |file: &str| fs::read_to_string(thread.path().join(file)).ok();
        if read("comm")?.starts_with(OTHER_SIDE) {
            return None;
        }
        read("schedstat")?.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_kept_up_to_their_last_unit() {
        let line = |ours, target| Line { name: "x", ours, limit: Some(10.0), unit: "us", target };
        assert!(line(30.0, Target::Times(3.0)).met() && !line(30.1, Target::Times(3.0)).met());
        assert!(line(110.0, Target::More(100.0)).met() && !line(110.1, Target::More(100.0)).met());
        assert!(line(40.0, Target::Most(40.0)).met() && !line(40.1, Target::Most(40.0)).met());
    }

    #[test]
    fn work_and_memory_are_seen() {
        let before = cpu();
        while cpu().saturating_sub(before) < Duration::from_millis(5) {
            std::hint::black_box((0..1000).sum::<u64>());
        }
        assert!(resident(std::process::id()) > 100_000);
    }
}
