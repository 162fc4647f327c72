//! Helpers for the tests from the outside.
