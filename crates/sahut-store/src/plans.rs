//! What is asked every second must not walk through history: SQLite's plans of the frequent questions.

use jiff::Timestamp;
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::IncidentId;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::message::{MessageId, Surface, ThreadId};
use sahut_domain::notice::NoticeId;
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::ReplyId;

use crate::inquiries::Filter;
use crate::route::Waiting;
use crate::value::args;
use crate::{Claim, Db, Location, StoreError, Tx};

/// What may be walked through from end to end: it is small, or holds only what is open.
const SMALL: &[&str] = &[
    "SCAN chosen",
    "SCAN json_each",
    // Some days of the offices of one batch, numbered by office.
    "SCAN (subquery-4)",
    "SCAN channel",
    "SCAN c",
    "SCAN o",
    // The people of all offices, and what one digest tells.
    "SCAN p",
    "SCAN told",
    "SCAN inquiry_count",
    "SCAN CONSTANT ROW",
    "INDEX message_waiting",
    "INDEX delivery_due",
    "INDEX notice_due",
    "INDEX notice_dead",
    "INDEX reply_due",
    "INDEX reply_turn",
    "INDEX reply_dead",
    "INDEX quarantine_held",
    "INDEX letter_waiting",
    "INDEX letter_held",
    "INDEX proposal_waiting",
    "INDEX quarantine_asked",
    "INDEX inquiry_inbox",
    "INDEX inquiry_triage",
    "INDEX deadline_next",
];

async fn tx() -> Result<(tempfile::TempDir, Tx), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let location = Location::Sqlite(folder.path().join("sahut.db"));
    let (db, _) = Db::open_and_migrate(&location, "test").await?;
    Ok((folder, db.begin().await?))
}

/// The steps of each query that was run, which walk through everything or sort it.
async fn walks(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let mut walks = Vec::new();
    for query in std::mem::take(&mut tx.queries) {
        let steps: Vec<String> =
            tx.rows(&format!("EXPLAIN QUERY PLAN {query}"), args![], |row| row.get(3)).await?;
        let walk = |step: &String| step.starts_with("SCAN") && !SMALL.iter().any(|small| names(step, small));
        walks.extend(steps.iter().filter(|step| walk(step)).map(|step| format!("{step}: {query}")));
    }
    tx.queries.clear();
    Ok(walks)
}

fn names(step: &str, part: &str) -> bool {
    step.match_indices(part).any(|(at, _)| !step[at + part.len()..].starts_with(|letter: char| letter != ' '))
}

/// What an office wrote itself.
fn own(surface: Surface, parent: Option<String>) -> Result<Waiting, Box<dyn std::error::Error>> {
    Ok(Waiting {
        message: MessageId(1),
        external_id: "m1".to_owned(),
        channel: ChannelId(1),
        platform: Platform::Facebook,
        owner: OfficeCode::parse("dinkes")?,
        thread: ThreadId(1),
        surface,
        post: None,
        citizen: None,
        subject: None,
        text: String::new(),
        written_at: Timestamp::UNIX_EPOCH,
        own: true,
        parent,
        history: false,
        has_attachments: false,
        given_office: None,
        brought_back: false,
        current: None,
    })
}

#[tokio::test]
async fn frequent_questions_do_not_walk_through_history() -> Result<(), Box<dyn std::error::Error>> {
    let (_folder, mut tx) = tx().await?;
    let now = Timestamp::UNIX_EPOCH;
    let claim = Claim { owner: "test", now, until: now, limit: 10 };
    tx.claim_channels(&claim).await?;
    tx.claim_deliveries(&claim).await?;
    tx.claim_notices(&claim).await?;
    tx.claim_replies(&claim).await?;
    tx.has_due_channels(now).await?;
    tx.has_due_deliveries(now).await?;
    tx.has_asked().await?;
    tx.take_asked().await?;
    tx.has_waiting().await?;
    tx.has_due_notices(now).await?;
    tx.has_due_replies(now).await?;
    tx.has_due_deadlines(now).await?;
    tx.due_recipients(now).await?;
    tx.quiet_offices(now).await?;
    tx.bells_of(&["2026-11-24".to_owned()]).await?;
    tx.silent_offices().await?;
    tx.digest(EventId(1), Some(&OfficeCode::parse("dinkes")?)).await?;
    tx.take_waiting(10).await?;
    tx.take_due_deadlines(now, 10).await?;
    tx.has_silent(now).await?;
    tx.take_silent(now, 10).await?;
    tx.live_promise(InquiryId(1), DeadlineKind::Resolution).await?;
    for (surface, parent) in [(Surface::Direct, None), (Surface::Comment, Some("m1".to_owned()))] {
        let own = own(surface, parent)?;
        tx.answered_by_own(&own).await?;
        tx.recognise_own(&own, now).await?;
    }
    tx.candidates(&OfficeCode::parse("dinkes")?, (now, now), 300).await?;
    tx.hold_alone(InquiryId(1)).await?;
    tx.hold_incident(IncidentId(1)).await?;
    tx.count_members(IncidentId(1)).await?;
    tx.is_waited_with_others(InquiryId(1)).await?;
    tx.sketches_of_incident(InquiryId(1)).await?;
    tx.is_answered_with_others(InquiryNumber { year: 2026, sequence: 1 }).await?;
    tx.answers_read_before(vec![MessageId(1)]).await?;
    tx.asked_again(InquiryId(1)).await?;
    tx.is_our_reply(ChannelId(1), "m1").await?;
    tx.other_replies(ThreadId(1), ReplyId(1)).await?;
    tx.is_other_reply(ChannelId(1), "m1", ReplyId(1)).await?;
    tx.feeds(ChannelId(1)).await?;
    tx.feeds_of(vec![ChannelId(1)]).await?;
    tx.hold_channels([ChannelId(1)].into_iter()).await?;
    tx.count_under_post(ChannelId(1), "p1").await?;
    tx.recover_stored(ChannelId(1), now).await?;
    tx.status(now).await?;
    tx.outbox(10).await?;
    tx.has_waiting_letters().await?;
    tx.take_letter().await?;
    tx.letters(true, 10).await?;
    tx.count_told("a@x.example", EventKind::LetterHeld, now).await?;
    tx.answered_since(InquiryId(1), now, "Admin").await?;
    tx.notice_facts(NoticeId(1)).await?;
    tx.inquiry(InquiryNumber { year: 2026, sequence: 1 }).await?;
    assert_eq!(walks(&mut tx).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn an_inbox_is_read_in_the_order_of_its_index() -> Result<(), Box<dyn std::error::Error>> {
    let (_folder, mut tx) = tx().await?;
    let office = Some(OfficeCode::parse("dinkes")?);
    tx.inquiries(&Filter { office, state: Some(State::Open), ..Filter::default() }, 50).await?;
    let query = tx.queries.pop().unwrap_or_default();
    let steps: Vec<String> =
        tx.rows(&format!("EXPLAIN QUERY PLAN {query}"), args![], |row| row.get(3)).await?;
    assert!(steps.iter().any(|step| step.contains("inquiry_inbox (office=?)")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_claimed_is_not_sorted_first() -> Result<(), Box<dyn std::error::Error>> {
    let (_folder, mut tx) = tx().await?;
    let now = Timestamp::UNIX_EPOCH;
    let claim = Claim { owner: "test", now, until: now, limit: 10 };
    tx.claim_deliveries(&claim).await?;
    tx.claim_notices(&claim).await?;
    tx.claim_replies(&claim).await?;
    tx.take_waiting(10).await?;
    for query in std::mem::take(&mut tx.queries) {
        let steps: Vec<String> =
            tx.rows(&format!("EXPLAIN QUERY PLAN {query}"), args![], |row| row.get(3)).await?;
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{query}: {steps:?}");
    }
    Ok(())
}
