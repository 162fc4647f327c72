//! What the collect stage asks of the database: channels to read and their feeds, pages to store, deliveries to keep.

mod changes;
mod channels;
mod deliveries;
mod feeds;
mod pages;
mod payload;

pub use channels::{Channel, HeldChannels, RoundEnd, channel_budget, sending_budget};
pub use deliveries::DeliveryWork;
pub use feeds::{Feed, FeedFound, Walk};
pub use pages::{NewPage, Stored};
pub(crate) use payload::{pack, unpack};
