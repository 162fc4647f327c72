//! One answer for all: an office answers an inquiry of an incident, and every citizen of it is answered.

use jiff::Timestamp;
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::reply::{Limit, ReplyId};

use crate::deliver::{Answer, Drafts, ReplyWork, Unanswerable};
use crate::{StoreError, Tx};

/// What became of an answer.
#[derive(Debug)]
pub enum Answered {
    /// Replies are on their way.
    Queued {
        /// To these inquiries, the oldest first.
        replies: Vec<(InquiryNumber, ReplyId)>,
        /// These cannot be answered.
        left_out: Vec<(InquiryNumber, LeftOut)>,
        /// How many others are passed over, since an answer to them is on its way already.
        underway: usize,
    },
    /// The same operation was done before.
    Known(ReplyId),
    /// There is no such inquiry.
    NoInquiry,
    /// The words do not fit everywhere: the transaction has to be dropped, so that nothing is sent to anybody.
    TooLong {
        /// The first inquiry where they do not.
        number: InquiryNumber,
        /// Code of its channel.
        channel: String,
        /// The limit.
        limit: Limit,
    },
}

/// Why an inquiry is left out.
#[derive(Debug)]
pub enum LeftOut {
    /// Nothing could be answered.
    Unanswerable(Unanswerable),
    /// The platform does not take an answer there any more.
    Limit(Limit),
}

impl Tx {
    /// Answers an inquiry and, where it is open, all others of its incident that owe an answer, each within the limits of
    /// its platform, which `fits` knows. The caller commits, or drops the transaction where the answer does not fit.
    pub async fn answer_together(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        fits: impl Fn(&ReplyWork) -> Result<(), Limit>,
        now: Timestamp,
    ) -> Result<Answered, StoreError> {
        let (fitting, answered) = self.draft_together(number, answer, fits, now).await?;
        self.queue_drafts(&fitting.iter().collect::<Vec<_>>(), now).await?;
        Ok(answered)
    }

    /// What would become of an answer, so that nobody approves what cannot leave. The caller drops the transaction where the
    /// answer does not fit; else nothing is left behind of the try, and the replies that are named are none.
    pub async fn try_answer_together(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        fits: impl Fn(&ReplyWork) -> Result<(), Limit>,
        now: Timestamp,
    ) -> Result<Answered, StoreError> {
        let (fitting, answered) = self.draft_together(number, answer, fits, now).await?;
        for draft in &fitting {
            self.drop_draft(draft).await?;
        }
        Ok(answered)
    }

    /// The drafts that fit, not queued yet, and what becomes of the answer once they are.
    async fn draft_together(
        &mut self,
        number: InquiryNumber,
        answer: Answer<'_>,
        fits: impl Fn(&ReplyWork) -> Result<(), Limit>,
        now: Timestamp,
    ) -> Result<(Vec<ReplyWork>, Answered), StoreError> {
        let (drafts, unanswerable, underway) = match self.draft_replies(number, answer, now).await? {
            Drafts::Known(reply) => return Ok((Vec::new(), Answered::Known(reply))),
            Drafts::NoInquiry => return Ok((Vec::new(), Answered::NoInquiry)),
            Drafts::Written { drafts, left_out, underway } => (drafts, left_out, underway),
        };
        let mut left_out: Vec<_> =
            unanswerable.into_iter().map(|(number, why)| (number, LeftOut::Unanswerable(why))).collect();
        let (mut fitting, mut replies) = (Vec::new(), Vec::new());
        for (number, draft) in drafts {
            match fits(&draft) {
                Ok(()) => {
                    replies.push((number, ReplyId(draft.lease.id)));
                    fitting.push(draft);
                }
                Err(limit @ Limit::Length { .. }) => {
                    let channel = draft.channel_code;
                    return Ok((Vec::new(), Answered::TooLong { number, channel, limit }));
                }
                Err(limit) => {
                    self.drop_draft(&draft).await?;
                    left_out.push((number, LeftOut::Limit(limit)));
                }
            }
        }
        Ok((fitting, Answered::Queued { replies, left_out, underway }))
    }
}
