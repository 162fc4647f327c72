//! The program can be run, and a start that fails is told apart from one that takes long.

use std::time::{Duration, Instant};

use sahut_tests::{Sahut, or_skip};

#[test]
fn a_command_runs_to_its_end() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    assert_eq!(sahut.run(&["--version"]).unwrap().code, Some(0));
}

#[test]
fn a_daemon_that_ends_before_it_is_ready_is_noticed_at_once() {
    let Some(mut sahut) = or_skip(Sahut::new()) else { return };
    let begun = Instant::now();
    let trouble = sahut.start(&["--version"]).unwrap_err();
    assert!(trouble.to_string().contains("ended early"), "{trouble}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}
