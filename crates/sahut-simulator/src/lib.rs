//! A small internet: every platform's contract with its limits and its moods, for the demo and tests.
