//! What people read: mails, words, dates and numbers, in Indonesian first and in English.
//!
//! The crate turns facts into text and does nothing else: it sends nothing, stores nothing and asks no clock. Whoever
//! calls it has looked up every fact before.
//!
//! How it fits together: the [`catalogue`] holds every sentence, one file a language; [`words`] names states and kinds
//! with it; [`format`](mod@format) writes dates and numbers as people write them; [`explain`] says why a deadline is
//! when it is; [`report`] lays out the monthly report; [`tame`] makes a stranger's text harmless; [`mail`] composes all of
//! that into a mail, and [`page`] into the page behind its link. A mail is laid out
//! twice from one letter: `templates/*.letter` say what stands in it and in which order, `templates/look.txt` and
//! `templates/look.html` say how that looks.
//!
//! Where to start: [`mail::render_mail`].

pub mod catalogue;
pub mod explain;
pub mod format;
pub mod mail;
pub mod page;
mod receipt;
pub mod report;
pub mod tame;
pub mod words;

pub use mail::{Context, RenderError, RenderedMail, render_mail};
pub use page::{PageError, render_page};
pub use receipt::{CODE, receipt};
pub use sahut_domain::Language;
