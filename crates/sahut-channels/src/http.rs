//! The one client through which every outgoing call passes.

/// What the client may do.
#[derive(Debug, Clone, Default)]
pub struct HttpPolicy {
    /// Hosts in private networks that may be called all the same, such as a site in the office's own network.
    pub private_hosts: Vec<String>,
}

/// The client. Cloned freely.
#[derive(Debug, Clone)]
pub struct Http;

/// An answer, read whole within the limits.
#[derive(Debug, Clone)]
pub struct Answer;
