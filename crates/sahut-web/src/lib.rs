//! What people and probes reach over HTTP.
//!
//! Today that is the operator's side: whether the process lives, whether it is ready, and its metrics ([`probes`]); and
//! the pages behind the links in mails ([`pages`]), where somebody at an office looks at one inquiry and acts on it. The
//! offices' inbox, the supervisors' dashboard and the citizen's page belong here as well. The web never calls a platform
//! or a stage: it asks for work by writing rows.

pub mod pages;
pub mod probes;
