//! The stretches of a promise's life: at which office it was, whether its time counted, and what it waited for.
//!
//! Stretches follow each other without a gap, so their working time adds up to the working time since the promise began,
//! however often it was paused, handed over or taken up again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::WorkingCalendar;
use crate::office::OfficeCode;
use crate::words::words;

words! {
    /// Why the time of a promise stands still.
    Pause as "pause" {
        /// The citizen was answered and may still come back.
        Answered = "answered",
        /// The office asked the citizen something and waits.
        Question = "question",
    }
}

/// A stretch of a promise's life at one office, running or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Begins.
    pub from: Timestamp,
    /// Ends; open while it is the present one.
    pub to: Option<Timestamp>,
    /// Whose time it is.
    pub office: OfficeCode,
    /// Whether time counts.
    pub running: bool,
    /// What is waited for while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Pause>,
}

/// All stretches of a promise's life, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Segments(Vec<Segment>);

impl Segments {
    /// A promise that begins to run.
    pub fn begin(at: Timestamp, office: &OfficeCode) -> Self {
        Self(vec![Segment { from: at, to: None, office: office.clone(), running: true, why: None }])
    }

    /// The stretches.
    pub fn as_slice(&self) -> &[Segment] {
        &self.0
    }

    /// Whether the present, or the last, stretch counts.
    pub fn is_running(&self) -> bool {
        self.0.last().is_none_or(|last| last.running)
    }

    /// What is waited for in the present, or the last, stretch.
    pub fn paused_for(&self) -> Option<Pause> {
        self.0.last()?.why
    }

    /// When the present, or the last, stretch began.
    pub fn last_began(&self) -> Option<Timestamp> {
        Some(self.0.last()?.from)
    }

    /// Since when time has been standing still, whatever was waited for and wherever; `None` while it runs.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        self.0.iter().rev().take_while(|segment| !segment.running).last().map(|segment| segment.from)
    }

    /// Since when what is waited for now has been waited for; `None` while time runs.
    pub fn waits_since(&self) -> Option<Timestamp> {
        let why = self.paused_for()?;
        self.0.iter().rev().take_while(|segment| segment.why == Some(why)).last().map(|segment| segment.from)
    }

    /// From `at` on time stands still, or something else is waited for; where time runs since later, as after a handover
    /// that came before an answer was read, from then on. `false`: the same, or something newer, is waited for already.
    pub fn pause(&mut self, at: Timestamp, why: Pause) -> bool {
        let fits = |last: &Segment| last.running || (last.from <= at && last.why != Some(why));
        let fits = self.0.last().is_some_and(fits);
        if fits {
            self.follow(at, |last| (last.office.clone(), false, Some(why)));
        }
        fits
    }

    /// From `at` on time runs again.
    pub fn resume(&mut self, at: Timestamp) {
        if !self.is_running() {
            self.follow(at, |last| (last.office.clone(), true, None));
        }
    }

    /// From `at` on it is another office's time, which runs or stands still as before.
    pub fn hand_over(&mut self, at: Timestamp, to: &OfficeCode) {
        self.follow(at, |last| (to.clone(), last.running, last.why));
    }

    /// The promise ends.
    pub fn end(&mut self, at: Timestamp) {
        for segment in &mut self.0 {
            segment.to.get_or_insert(at.max(segment.from));
        }
    }

    /// The end is taken back. What ran has run all the time; what stood still is waited for anew.
    pub fn take_up(&mut self, now: Timestamp) {
        if let Some(last) = self.0.last_mut() {
            last.to = None;
        }
        if !self.is_running() {
            self.follow(now, |last| (last.office.clone(), false, last.why));
        }
    }

    /// Times at which time stood still, as moments at which it stopped and ran again; the last is open while it does.
    pub fn pauses(&self) -> Vec<(Timestamp, Option<Timestamp>)> {
        let mut pauses: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
        let mut runs = true;
        for segment in &self.0 {
            match pauses.last_mut() {
                Some(last) if !runs && !segment.running => last.1 = segment.to,
                _ if !segment.running => pauses.push((segment.from, segment.to)),
                _ => {}
            }
            runs = segment.running;
        }
        pauses
    }

    /// Working time of the stretches that count, or of those that do not, in seconds; until `now` where one is open.
    pub fn worked(&self, calendar: &WorkingCalendar, running: bool, now: Timestamp) -> i64 {
        let fitting = self.0.iter().filter(|segment| segment.running == running);
        fitting.map(|segment| calendar.worked(segment.from, segment.to.unwrap_or(now))).sum()
    }

    fn follow(&mut self, at: Timestamp, next: impl Fn(&Segment) -> (OfficeCode, bool, Option<Pause>)) {
        let Some(last) = self.0.last_mut() else { return };
        let from = at.max(last.from);
        last.to = Some(from);
        let (office, running, why) = next(last);
        self.0.push(Segment { from, to: None, office, running, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn office(code: &str) -> OfficeCode {
        OfficeCode::parse(code).unwrap()
    }

    #[test]
    fn what_is_waited_for_and_since_when_is_known() {
        let mut segments = Segments::begin(at(0), &office("pupr"));
        assert_eq!((segments.stopped_at(), segments.waits_since()), (None, None));
        assert!(segments.pause(at(10), Pause::Answered));
        assert!(!segments.pause(at(11), Pause::Answered), "it is waited for already");
        segments.hand_over(at(20), &office("pdam"));
        assert!(segments.pause(at(30), Pause::Question));
        segments.hand_over(at(40), &office("pupr"));
        assert_eq!((segments.stopped_at(), segments.waits_since()), (Some(at(10)), Some(at(30))));
        assert_eq!(segments.pauses(), [(at(10), None)]);
        segments.resume(at(50));
        assert_eq!((segments.is_running(), segments.pauses()), (true, vec![(at(10), Some(at(50)))]));
    }

    #[test]
    fn an_end_that_is_taken_back_leaves_no_gap() {
        let mut running = Segments::begin(at(0), &office("pupr"));
        running.end(at(10));
        running.take_up(at(30));
        assert_eq!(running, Segments::begin(at(0), &office("pupr")));
        running.pause(at(40), Pause::Answered);
        running.end(at(50));
        running.take_up(at(60));
        assert_eq!((running.stopped_at(), running.last_began()), (Some(at(40)), Some(at(60))));
        let ends: Vec<_> = running.as_slice().iter().map(|segment| segment.to).collect();
        assert_eq!(ends, [Some(at(40)), Some(at(60)), None]);
    }

    #[test]
    fn what_is_learned_late_begins_no_stretch_before_the_one_before() {
        let mut segments = Segments::begin(at(100), &office("pupr"));
        segments.hand_over(at(200), &office("pdam"));
        assert!(segments.pause(at(150), Pause::Answered));
        assert_eq!(segments.stopped_at(), Some(at(200)));
        assert!(!segments.pause(at(160), Pause::Question), "something newer is waited for");
        segments.resume(at(150));
        assert_eq!(segments.last_began(), Some(at(200)));
    }
}
