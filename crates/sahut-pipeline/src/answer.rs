//! One answer for all, held against the limits of the platforms that are connected here.

use jiff::Timestamp;
use sahut_domain::inquiry::InquiryNumber;
pub use sahut_store::answer::{Answered, LeftOut};
use sahut_store::deliver::Answer;
use sahut_store::{StoreError, Tx};

use crate::{Regency, deliver};

/// Answers an inquiry and, where it is open, all others of its incident that owe an answer, each within the limits of its
/// platform. The caller commits the transaction, or drops it where the answer does not fit.
pub async fn answer_together(
    tx: &mut Tx,
    regency: &Regency,
    number: InquiryNumber,
    answer: Answer<'_>,
    now: Timestamp,
) -> Result<Answered, StoreError> {
    tx.answer_together(number, answer, |draft| deliver::fits(regency, draft, now), now).await
}
