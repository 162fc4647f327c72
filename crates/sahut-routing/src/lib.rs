//! Text in, decision out.
mod compile;
mod decide;
mod evidence;
mod explain;
mod file;
mod gate;
mod letters;
mod phrasebook;
mod plain;
mod problem;
mod ruleset;
mod section;
mod shorthand;
mod spam;
mod vocabulary;

pub use explain::explain;
pub use problem::{Problem, Severity, Source};
pub use ruleset::{Input, RuleSet};
