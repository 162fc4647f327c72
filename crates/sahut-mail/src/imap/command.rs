//! Commands, each driven to its tagged answer.

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, RequestId, Response, Status};
use tokio::time::{Instant, timeout, timeout_at};

use super::Opened;
use super::error::{ImapError, answered, late, lost};

impl Opened {
    /// Sends a command and hands every untagged answer to `each`. Only the tagged OK is success.
    pub(super) async fn command(
        &mut self,
        command: &str,
        each: impl FnMut(&Response<'_>),
    ) -> Result<(), ImapError> {
        let (heard, patience) = (self.heard.clone(), self.settings.timeout);
        let answer = async {
            let tag = self.session.run_command(command).await?;
            self.finish(&tag, each).await
        };
        heard.while_talking(patience, answer).await
    }

    /// Waits with IDLE until the mailbox grows (RFC 2177); false when the time is over, or the server knows no IDLE.
    pub(super) async fn idle(&mut self, patience: Duration) -> Result<bool, ImapError> {
        let command_time = self.settings.timeout;
        let idling = timeout(command_time, async {
            let tag = self.session.run_command("IDLE").await?;
            loop {
                let answer = self.session.read_response().await?.ok_or_else(lost)?;
                match answer.parsed() {
                    Response::Continue { .. } => return Ok(Some(tag)),
                    Response::Done { .. } => return Ok(None),
                    _ => {}
                }
            }
        });
        let Some(tag) = idling.await.unwrap_or_else(|_| Err(late()))? else { return Ok(false) };
        let grown = timeout_at(Instant::now() + patience, self.growth()).await.unwrap_or(Ok(false))?;
        timeout(command_time, async {
            self.session.run_command_untagged("DONE").await?;
            self.finish(&tag, |_| ()).await
        })
        .await
        .unwrap_or_else(|_| Err(late()))?;
        Ok(grown)
    }

    async fn growth(&mut self) -> Result<bool, ImapError> {
        loop {
            let answer = self.session.read_response().await?.ok_or_else(lost)?;
            match answer.parsed() {
                Response::MailboxData(MailboxDatum::Exists(_)) => return Ok(true),
                Response::Data { status: Status::Bye, .. } => return Err(lost()),
                _ => {}
            }
        }
    }

    async fn finish(
        &mut self,
        tag: &RequestId,
        mut each: impl FnMut(&Response<'_>),
    ) -> Result<(), ImapError> {
        loop {
            let answer = self.session.read_response().await?.ok_or_else(lost)?;
            match answer.parsed() {
                Response::Done { tag: answered_tag, status, outcome } if answered_tag == tag => {
                    return answered(status, outcome.information.as_deref());
                }
                other => each(other),
            }
        }
    }
}

/// A text as a quoted string (RFC 3501, 4.3).
pub(super) fn quoted(text: &str) -> Result<String, ImapError> {
    if text.chars().any(char::is_control) || !text.is_ascii() {
        return Err(ImapError::Person(
            "a mailbox's name has to be written as the server spells it, in ASCII (modified UTF-7)"
                .to_owned(),
        ));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
