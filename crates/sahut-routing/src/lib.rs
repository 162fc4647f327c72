//! Text in, decision out: normalising, rules, explaining. No input or output.
