//! A platform that a test has in its hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sahut_channels::{
    Ask, Connector, FeedKey, FeedKind, Identity, Limit, NotSent, Outgoing, Page, Scope, Sent, Trouble,
};
use sahut_domain::Timestamp;
use tokio::sync::Semaphore;

/// As long as a mail server may take.
pub(crate) const LONGEST_SEND: Duration = Duration::from_mins(11);

/// Takes replies, or keeps silent about them.
pub(crate) struct Platform {
    sent: Mutex<Vec<String>>,
    reads: Mutex<usize>,
    patience: Mutex<Option<Trouble>>,
    answering: Semaphore,
}

impl Platform {
    /// Takes every reply at once.
    pub(crate) fn ready() -> Arc<Self> {
        Self::with(Semaphore::MAX_PERMITS)
    }

    /// Says nothing.
    pub(crate) fn silent() -> Arc<Self> {
        Self::with(0)
    }

    fn with(answers: usize) -> Arc<Self> {
        Arc::new(Self {
            sent: Mutex::default(),
            reads: Mutex::default(),
            patience: Mutex::default(),
            answering: Semaphore::new(answers),
        })
    }

    /// Answers to the next call that it wants to be left alone.
    pub(crate) fn ask_for_patience(&self, scope: Scope, until: Timestamp) {
        let detail = "called too often".to_owned();
        *self.patience.lock().unwrap() = Some(Trouble::Wait { until: Some(until), scope, detail });
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }

    /// The texts of the replies that it was sent, taken or not.
    pub(crate) fn called_with(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Connector for Platform {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        vec![("posts".to_owned(), FeedKind::NewestFirst)]
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        Ok(Identity { external_id: "1".to_owned(), name: "Dinas".to_owned() })
    }

    async fn read(&self, _ask: Ask<'_>) -> Result<Page, Trouble> {
        *self.reads.lock().unwrap() += 1;
        self.patience.lock().unwrap().take().map_or_else(|| Ok(Page::default()), Err)
    }

    fn check(&self, _reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        Ok(())
    }

    fn longest_send(&self) -> Duration {
        LONGEST_SEND
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        self.sent.lock().unwrap().push(reply.text.clone());
        self.answering.acquire().await.unwrap().forget();
        if let Some(patience) = self.patience.lock().unwrap().take() {
            return Err(patience.into());
        }
        Ok(Sent { external_id: format!("r-{}", reply.key), at: now, permalink: None })
    }

    async fn look_up(&self, _reply: &Outgoing, _now: Timestamp) -> Result<Option<Sent>, NotSent> {
        Err(NotSent::Uncertain("it does not tell".to_owned()))
    }
}
