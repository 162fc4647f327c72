//! What a platform does when it is not in the mood, and what it allows when it is.

use sahut_domain::Chance;
use serde::{Deserialize, Serialize};

/// How often each mood strikes, as a share (0 to 1) of all calls. At most one strikes a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moods {
    /// See [`Mood::RateLimit`].
    pub rate_limit: f64,
    /// See [`Mood::AbsurdRateLimit`].
    pub absurd_rate_limit: f64,
    /// See [`Mood::ServerError`].
    pub server_error: f64,
    /// See [`Mood::Slow`].
    pub slow: f64,
    /// See [`Mood::Hang`].
    pub hang: f64,
    /// See [`Mood::DropBefore`].
    pub drop_before: f64,
    /// See [`Mood::DropAfter`].
    pub drop_after: f64,
    /// See [`Mood::Truncate`].
    pub truncate: f64,
    /// See [`Mood::Html`].
    pub html: f64,
    /// See [`Mood::WrongType`].
    pub wrong_type: f64,
    /// See [`Mood::Reorder`].
    pub reorder: f64,
    /// See [`Mood::Repeat`].
    pub repeat: f64,
    /// See [`Mood::Skip`].
    pub skip: f64,
    /// See [`Mood::EmptyPage`].
    pub empty_page: f64,
    /// See [`Mood::BadItem`].
    pub bad_item: f64,
    /// Share of webhook deliveries that come twice.
    pub duplicate_delivery: f64,
    /// How long a rate limit lasts: minutes on Graph, seconds on Telegram. At 0 only the one call is refused.
    pub regain: u32,
    /// How long a slow answer takes, in milliseconds of real time.
    pub slow_millis: u64,
    /// How long a hanging call is held before its connection is cut, in milliseconds of real time.
    pub hang_millis: u64,
}

impl Moods {
    /// Nothing ever goes wrong.
    pub fn calm() -> Self {
        Self {
            rate_limit: 0.0,
            absurd_rate_limit: 0.0,
            server_error: 0.0,
            slow: 0.0,
            hang: 0.0,
            drop_before: 0.0,
            drop_after: 0.0,
            truncate: 0.0,
            html: 0.0,
            wrong_type: 0.0,
            reorder: 0.0,
            repeat: 0.0,
            skip: 0.0,
            empty_page: 0.0,
            bad_item: 0.0,
            duplicate_delivery: 0.0,
            regain: 0,
            slow_millis: 300,
            hang_millis: 30_000,
        }
    }

    /// About every fourth call goes wrong, in every way there is.
    pub fn moody() -> Self {
        Self {
            rate_limit: 0.02,
            absurd_rate_limit: 0.005,
            server_error: 0.03,
            slow: 0.02,
            hang: 0.002,
            drop_before: 0.02,
            drop_after: 0.02,
            truncate: 0.02,
            html: 0.015,
            wrong_type: 0.015,
            reorder: 0.03,
            repeat: 0.03,
            skip: 0.02,
            empty_page: 0.02,
            bad_item: 0.01,
            duplicate_delivery: 0.1,
            hang_millis: 3_000,
            ..Self::calm()
        }
    }

    /// The mood for one call.
    pub(crate) fn draw(&self, chance: &Chance) -> Mood {
        let mut at = chance.fraction();
        for (share, mood) in self.shares() {
            if at < share {
                return mood;
            }
            at -= share;
        }
        Mood::Fine
    }

    fn shares(&self) -> [(f64, Mood); 15] {
        [
            (self.rate_limit, Mood::RateLimit),
            (self.absurd_rate_limit, Mood::AbsurdRateLimit),
            (self.server_error, Mood::ServerError),
            (self.slow, Mood::Slow),
            (self.hang, Mood::Hang),
            (self.drop_before, Mood::DropBefore),
            (self.drop_after, Mood::DropAfter),
            (self.truncate, Mood::Truncate),
            (self.html, Mood::Html),
            (self.wrong_type, Mood::WrongType),
            (self.reorder, Mood::Reorder),
            (self.repeat, Mood::Repeat),
            (self.skip, Mood::Skip),
            (self.empty_page, Mood::EmptyPage),
            (self.bad_item, Mood::BadItem),
        ]
    }
}

impl Default for Moods {
    fn default() -> Self {
        Self::calm()
    }
}

/// What goes wrong with one call. The last five only show in answers that are pages of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// Nothing.
    Fine,
    /// Refused for [`Moods::regain`]; so is every call of the account until then.
    RateLimit,
    /// Refused, with a wait that cannot be meant: nothing, less than nothing, or years. The next call works.
    AbsurdRateLimit,
    /// A server error before any effect.
    ServerError,
    /// A good answer that takes its time.
    Slow,
    /// Done, but no answer comes; the connection is cut much later.
    Hang,
    /// The connection is cut before any effect.
    DropBefore,
    /// Done, but the connection is cut instead of an answer: a reply was published and nobody was told.
    DropAfter,
    /// Done, but only half of the answer arrives.
    Truncate,
    /// A proxy's page of HTML with status 200, before any effect.
    Html,
    /// Done, but the answer is JSON of another type.
    WrongType,
    /// The items of the page stand in another order.
    Reorder,
    /// The last item of the page comes again on the next one.
    Repeat,
    /// The first item of the next page is passed over, as happens when items in front of it are deleted meanwhile.
    Skip,
    /// A page without items that still has a next one.
    EmptyPage,
    /// One item of the page is malformed, its neighbours are not.
    BadItem,
}

impl Mood {
    /// Whether the client gets the answer as it was meant.
    pub(crate) fn answers(self) -> bool {
        !matches!(self, Self::Hang | Self::DropBefore | Self::DropAfter | Self::Truncate | Self::WrongType)
    }
}

/// What the platforms allow in a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Graph calls of one account in a rolling hour (4800 for each engaged user).
    pub calls_per_hour: u32,
    /// Calls for conversations of one account in a second; more is error 613.
    pub conversation_calls_per_second: u32,
    /// How many of the newest messages of a conversation come with their words.
    pub detailed_messages: usize,
    /// Telegram messages to one chat in a second.
    pub telegram_per_chat: u32,
    /// Telegram messages of one bot in a second.
    pub telegram_per_bot: u32,
    /// Whether Graph refuses the same comment under the same target with error 506.
    pub refuse_duplicates: bool,
}

impl Limits {
    /// What the vendors document, for a page with ten engaged users.
    pub fn documented() -> Self {
        Self {
            calls_per_hour: 48_000,
            conversation_calls_per_second: 2,
            detailed_messages: 20,
            telegram_per_chat: 1,
            telegram_per_bot: 30,
            refuse_duplicates: false,
        }
    }

    /// Never in the way of a demo or a test that is about something else.
    pub fn generous() -> Self {
        Self {
            calls_per_hour: 100_000_000,
            conversation_calls_per_second: 100_000,
            detailed_messages: usize::MAX,
            telegram_per_chat: 100_000,
            telegram_per_bot: 100_000,
            refuse_duplicates: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::generous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moods_strike_as_often_as_they_say_and_repeat_with_the_seed() {
        let drawn = |seed| {
            let chance = Chance::seeded(seed);
            (0..20_000).map(|_| Moods::moody().draw(&chance)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let dropped = drawn(7).iter().filter(|mood| **mood == Mood::DropAfter).count();
        assert!((300..500).contains(&dropped), "2 % of 20,000: {dropped}");
        let calm = Chance::seeded(7);
        assert!((0..1000).all(|_| Moods::calm().draw(&calm) == Mood::Fine));
    }
}
