//! The only code that speaks to platforms: one module a platform, one trait for all.
//!
//! A connector knows how to ask one platform for a page, how to read it, how to reply, and what an error means. It
//! never sleeps, never retries, never touches the database and never decides when: the pipeline does. Start with
//! [`Connector`]; [`registry`] is where a new platform is added, in one line; [`Http`] is the one client through which
//! every outgoing call passes.

mod connector;
mod email;
mod facebook;
mod graph;
mod http;
mod instagram;
mod reading;
mod receipts;
pub mod registry;
mod telegram;
mod trouble;
mod webhook;
mod wordpress;

pub use connector::{
    Ask, BadItem, Connector, Delivery, FeedKey, FeedKind, FeedSeen, Identity, Limit, Outgoing, Page, Push,
    PushRefused, Returned, Sent, Usage,
};
pub use http::{Answer, Http, HttpError, HttpPolicy, Request};
pub use receipts::can_give;
pub use registry::{BuildError, Secrets, build, is_push_only};
pub use trouble::{NotSent, Scope, Trouble};
