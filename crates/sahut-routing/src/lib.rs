//! Text in, decision out: which office a message concerns, what it is, and why. No input or output, no clock, no chance.
//!
//! A regency's rules are TOML files. A file describes a *duty* (roads, health) by topics of phrases, each strong, normal
//! or weak (3, 2, 1 points), with examples that must or must not hold; `[[office]]` says which office has which duties;
//! `[[place]]`, `[[outside]]`, `[[kind]]` and `[words]` say where, who else, what sort, and what abbreviations mean.
//! [`RuleSet::compile`] reads them all and tells all problems at once, each with its place and what to do. A set that
//! fails one of its own examples is refused.
//!
//! [`RuleSet::decide`] then goes through five steps, each in time that grows with the text and no faster:
//! 1. `plain`: the text as words of plain letters, with the way back to what was written (`letters`, `shorthand`);
//! 2. `evidence`: all phrases in it (`phrasebook`), and only where no duty was found, what its words may have been meant
//!    to be (`vocabulary`: stems, one wrong letter, at half weight);
//! 3. `gate`: the kind. Talk, thanks and advertisements (`spam`) need nobody, and stay countable;
//! 4. counting: a phrase once, a longer one instead of those inside it, half for a mere landmark, double in a subject;
//! 5. `decide`: an emergency to whoever receives its sort (`danger`); hard routes first, then the best office if it is good enough and far enough ahead; otherwise people
//!    decide, and see the best three. A tie is never broken by the order of files.
//!
//! [`Sketch`] is what is kept of a message to see later whether another one tells of the same happening.
//!
//! [`explain()`] says in plain words what a stored decision says; the rules are not asked again.
//!
//! Start reading at `ruleset`.

mod compile;
mod danger;
mod decide;
mod evidence;
mod example;
mod explain;
mod file;
mod gate;
mod learn;
mod letters;
mod likeness;
mod phrasebook;
mod plain;
mod problem;
mod reach;
mod ruleset;
mod section;
mod shorthand;
mod sketch;
mod spam;
mod vocabulary;

pub use example::Tested;
pub use explain::explain;
pub use learn::{Lesson, Measured, Model, Taught, Trial, UnreadableModel};
pub use problem::{Problem, Severity, Source};
pub use ruleset::{Input, RuleSet};
pub use sketch::{Alike, Setting, Sketch};
