//! Where the queue of updates was left.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// After a week without updates the next update's id is random and may be lower than all before (reference of
/// `Update`). A day earlier the queue is asked from its beginning instead: what was acknowledged is gone from it.
const QUIET: SignedDuration = SignedDuration::from_hours(6 * 24);

/// The next update that is wanted, and when that was last moved. Stored as `offset@seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    next: i64,
    moved_at: Timestamp,
}

impl Cursor {
    /// Reads a stored cursor. One that cannot be read is as good as none: Telegram then gives everything that is not
    /// acknowledged yet, and what is known already is recognised.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (next, moved_at) = text.split_once('@')?;
        let moved_at = Timestamp::from_second(moved_at.parse().ok()?).ok()?;
        Some(Self { next: next.parse().ok()?, moved_at })
    }

    /// The cursor after a page whose highest update id is `last`.
    pub(super) fn after(last: i64, now: Timestamp) -> Self {
        Self { next: last.saturating_add(1), moved_at: now }
    }

    /// The offset to ask from; none when the queue was quiet for so long that ids may have started anew.
    pub(super) fn offset(self, now: Timestamp) -> Option<i64> {
        (now.duration_since(self.moved_at) < QUIET).then_some(self.next)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.next, self.moved_at.as_second())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_quiet_week_makes_lower_ids_welcome() {
        let cursor = Cursor::after(900_000_000, at("2026-11-01T00:00:00Z"));
        assert_eq!(cursor.offset(at("2026-11-06T23:59:59Z")), Some(900_000_001));
        assert_eq!(cursor.offset(at("2026-11-07T00:00:00Z")), None);

        let lower = Cursor::after(17, at("2026-11-09T00:00:00Z"));
        assert_eq!(lower.offset(at("2026-11-09T00:00:01Z")), Some(18));
    }

    #[test]
    fn a_clock_set_back_keeps_the_offset() {
        let cursor = Cursor::after(5, at("2026-11-24T00:00:00Z"));
        assert_eq!(cursor.offset(at("2020-01-01T00:00:00Z")), Some(6));
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_again(id: i64, second in -9_999_999_999_i64..99_999_999_999) {
            let cursor = Cursor::after(id, Timestamp::from_second(second).unwrap());
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".*") {
            let _ = Cursor::parse(&text);
        }
    }
}
