//! From the start of the process to `/readyz`, on a database of a million inquiries.
//!
//! The limit is this program itself, started to open the file and end.

use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use sahut_testing::measure::{Line, Target, median};
use sahut_tests::{Sahut, http};

use crate::{Outcome, million};

const STARTS: usize = 9;

const OPEN: &str = "--open";

/// The file to open, when this process was started as the limit.
pub(crate) fn file_to_open(arguments: &[String]) -> Option<&str> {
    match arguments {
        [open, file] if open == OPEN => Some(file),
        _ => None,
    }
}

/// Does what the limit does.
pub(crate) fn open(file: &str) -> Outcome {
    File::open(file)?.read_exact(&mut [0; 100])?;
    Ok(())
}

pub(crate) fn measure() -> Outcome {
    let database = million::database()?;
    let file = database.to_string_lossy();
    let mut sahut = Sahut::new()?;
    sahut.run(&["init", "."])?;
    sahut.set("SAHUT__DATABASE__LOCATION", &file);
    sahut.set("SAHUT__LISTEN__OPERATOR", &format!("127.0.0.1:{}", sahut.web_port()));
    sahut.set("SAHUT__LISTEN__PUBLIC", "127.0.0.1:0");
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        Command::new(std::env::current_exe()?).args([OPEN, &*file]).status()?;
        limit.push(millis(begun));
        let begun = Instant::now();
        sahut.launch(&["run"])?;
        while !http::get(sahut.web_port(), "/readyz").is_ok_and(|answer| answer.status == 200) {
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(format!("not ready; it said:\n{}", sahut.daemon()?.output()).into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        ours.push(millis(begun));
        sahut.stop();
    }
    let (ours, limit) = (median(ours), Some(median(limit)));
    Line { name: "start", ours, limit, unit: "ms", target: Target::More(100.0) }.print();
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
