//! Pages and claims against a few lines of plain Rust that do the same.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sahut_domain::message::{Item, Visibility};
use sahut_domain::notice::NoticeId;
use sahut_domain::work::Outcome;
use sahut_store::collect::NewPage;
use sahut_store::notify::{NoticeEnd, NoticeWork};

use crate::support::{World, at, claim, item, on_both};

/// Runs cases on one database, one after the other, each with a number of its own.
fn hold<S: Strategy>(cases: u32, strategy: &S, mut case: impl AsyncFnMut(usize, S::Value)) {
    let runtime = tokio::runtime::Handle::current();
    let number = Cell::new(0);
    let case = std::cell::RefCell::new(&mut case);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let ran = TestRunner::new(config).run(strategy, |value| {
        number.set(number.get() + 1);
        tokio::task::block_in_place(|| runtime.block_on((case.borrow_mut())(number.get(), value)));
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// What a page says of one message.
#[derive(Debug, Clone)]
enum Said {
    Shown { id: u8, text: u8, edited: Option<u8>, visibility: Visibility },
    Deleted(u8),
}

fn said() -> impl Strategy<Value = Said> {
    let visibility = prop_oneof![4 => Just(Visibility::Shown), 1 => Just(Visibility::Hidden), 1 => Just(Visibility::Deleted)];
    prop_oneof![
        6 => (0..5_u8, 0..3_u8, proptest::option::of(0..4_u8), visibility)
            .prop_map(|(id, text, edited, visibility)| Said::Shown { id, text, edited, visibility }),
        1 => (0..5_u8).prop_map(Said::Deleted),
    ]
}

/// A message as it should stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    text: String,
    visibility: Visibility,
    edited: Option<u8>,
    revisions: usize,
}

#[derive(Default)]
struct Messages(BTreeMap<u8, Message>);

impl Messages {
    /// Takes a page and answers how many messages were new, changed and known.
    fn take(&mut self, page: &[Said]) -> (usize, usize, usize) {
        let (mut new, mut changed, mut known) = (0, 0, 0);
        let mut seen = HashSet::new();
        for said in page {
            let Said::Shown { id, text, edited, visibility } = said else { continue };
            let text = text.to_string();
            if !seen.insert(*id) {
                known += 1;
                continue;
            }
            let Some(message) = self.0.get_mut(id) else {
                self.0.insert(*id, Message { text, visibility: *visibility, edited: *edited, revisions: 0 });
                new += 1;
                continue;
            };
            let deleted = *visibility == Visibility::Deleted;
            let same = message.visibility == *visibility && (deleted || message.text == text);
            let outdated = message.edited.zip(*edited).is_some_and(|(stored, read)| read < stored);
            if same || outdated {
                known += 1;
                continue;
            }
            changed += 1;
            message.revisions += 1;
            message.visibility = *visibility;
            message.edited = edited.or(message.edited);
            if !deleted {
                message.text = text;
            }
        }
        let gone: HashSet<u8> = page
            .iter()
            .filter_map(|said| match said {
                Said::Deleted(id) => Some(*id),
                Said::Shown { .. } => None,
            })
            .collect();
        for id in gone {
            if let Some(message) =
                self.0.get_mut(&id).filter(|message| message.visibility != Visibility::Deleted)
            {
                message.visibility = Visibility::Deleted;
                message.revisions += 1;
                changed += 1;
            }
        }
        (new, changed, known)
    }
}

fn page_of(case: usize, said: &[Said]) -> NewPage {
    let mut page = NewPage::default();
    for said in said {
        match said {
            Said::Deleted(id) => page.deleted.push(format!("{case}/{id}")),
            Said::Shown { id, text, edited, visibility } => page.items.push(Item {
                text: text.to_string(),
                edited_at: edited.map(|edited| at(i64::from(edited))),
                visibility: *visibility,
                ..item(&format!("{case}/{id}"), &format!("w{id}"))
            }),
        }
    }
    page
}

/// What a process does with the mails it holds.
#[derive(Debug, Clone)]
enum Step {
    Claim { limit: i64, lease: i64 },
    Keep { which: usize, lease: i64 },
    Settle { which: usize, how: u8 },
    Retry { which: usize },
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4_i64, 1..20_i64).prop_map(|(limit, lease)| Step::Claim { limit, lease }),
        1 => (0..9_usize, 1..20_i64).prop_map(|(which, lease)| Step::Keep { which, lease }),
        4 => (0..9_usize, 0..3_u8).prop_map(|(which, how)| Step::Settle { which, how }),
        1 => (0..9_usize).prop_map(|which| Step::Retry { which }),
        3 => (1..15_i64).prop_map(Step::Wait),
    ]
}

/// A notice as it should stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owed {
    state: &'static str,
    attempt: i64,
    not_before: i64,
    lease_until: Option<i64>,
}

impl Owed {
    fn claimable(&self, now: i64) -> bool {
        self.state == "due" && self.not_before <= now && self.lease_until.is_none_or(|until| until <= now)
    }

    fn holds(&self, attempt: i64) -> bool {
        self.state == "due" && self.attempt == attempt
    }
}

async fn stands(world: &World, first: i64) -> Vec<String> {
    let sql = format!(
        "SELECT state || ' ' || attempt || ' ' || not_before || ' ' || COALESCE(lease_until, -1) FROM notice \
         WHERE id >= {first} ORDER BY id"
    );
    world.raw().await.texts(&sql).await
}

fn should_stand(rows: &BTreeMap<i64, Owed>) -> Vec<String> {
    let micros = |seconds: i64| at(seconds).as_microsecond();
    let line = |row: &Owed| {
        let until = row.lease_until.map_or(-1, micros);
        format!("{} {} {} {until}", row.state, row.attempt, micros(row.not_before))
    };
    rows.values().map(line).collect()
}

/// Does one step in the store and in the model.
async fn walk(
    world: &World,
    rows: &mut BTreeMap<i64, Owed>,
    held: &mut Vec<NoticeWork>,
    now: &mut i64,
    step: Step,
) {
    let mut tx = world.begin().await;
    match step {
        Step::Wait(seconds) => *now += seconds,
        Step::Claim { limit, lease } => {
            let mut due: Vec<i64> =
                rows.iter().filter(|(_, row)| row.claimable(*now)).map(|(id, _)| *id).collect();
            due.sort_by_key(|id| (rows[id].not_before, *id));
            due.truncate(usize::try_from(limit).unwrap());
            let asked = sahut_store::Claim { limit, ..claim(at(*now), at(*now + lease)) };
            let claimed = tx.claim_notices(&asked).await.unwrap();
            assert_eq!(claimed.iter().map(|work| work.id.0).collect::<Vec<_>>(), due);
            for work in claimed {
                let row = rows.get_mut(&work.id.0).unwrap();
                row.attempt += 1;
                row.lease_until = Some(*now + lease);
                assert_eq!(work.lease.attempt, row.attempt);
                held.push(work);
            }
        }
        Step::Keep { which, lease } => {
            let Some(work) = held.get(which) else { return };
            let row = rows.get_mut(&work.id.0).unwrap();
            let kept = tx.keep_notice(work.lease, at(*now + lease)).await.unwrap();
            assert_eq!(kept, row.holds(work.lease.attempt));
            if kept {
                row.lease_until = Some(*now + lease);
            }
        }
        Step::Settle { which, how } => {
            let Some(work) = held.get(which) else { return };
            let row = rows.get_mut(&work.id.0).unwrap();
            let error = "later".to_owned();
            let (outcome, state, not_before) = match how {
                0 => (Outcome::Done, "done", *now),
                1 => (Outcome::Again { at: at(*now + 5), error }, "due", *now + 5),
                _ => (Outcome::Dead { error }, "dead", *now),
            };
            tx.settle_notices(vec![(work, NoticeEnd { outcome, address_refused: false })], at(*now))
                .await
                .unwrap();
            if row.holds(work.lease.attempt) {
                *row = Owed { state, attempt: row.attempt, not_before, lease_until: None };
            }
        }
        Step::Retry { which } => {
            let Some(work) = held.get(which) else { return };
            let row = rows.get_mut(&work.id.0).unwrap();
            let retried = tx.retry_notice(NoticeId(work.id.0), "Admin", at(*now)).await.unwrap();
            assert_eq!(retried, row.state == "dead");
            if retried {
                *row = Owed { state: "due", attempt: row.attempt, not_before: *now, lease_until: None };
            }
        }
    }
    tx.commit().await.unwrap();
}

on_both! {
    async fn pages_in_any_order_with_any_repetition_leave_the_same_messages(world: &World) {
        let pages = proptest::collection::vec(proptest::collection::vec(said(), 0..8), 1..6);
        hold(24, &pages, async |case, pages| {
            let mut model = Messages::default();
            for (index, page) in pages.iter().enumerate() {
                let (new, changed, known) = model.take(page);
                let stored = world.store_page(page_of(case, page), at(100 + i64::try_from(index).unwrap())).await;
                assert_eq!((stored.new, stored.changed, stored.known), (new, changed, known), "{page:?}");
            }
            let sql = format!("SELECT substr(external_id, length('{case}/') + 1) || ' ' || text || ' ' || visibility || ' '
                || (SELECT COUNT(*) FROM message_revision r WHERE r.message_id = message.id)
                FROM message WHERE external_id LIKE '{case}/%' ORDER BY external_id");
            let line = |(id, message): (&u8, &Message)| {
                format!("{id} {} {} {}", message.text, message.visibility, message.revisions)
            };
            assert_eq!(world.raw().await.texts(&sql).await, model.0.iter().map(line).collect::<Vec<_>>());
        });
    }

    async fn no_stale_lease_ever_settles(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut start = 10;
        hold(16, &proptest::collection::vec(step(), 1..25), async |case, steps| {
            for n in 0..4 {
                world.owe(&opened, &format!("{case}-{n}@x.example"), false).await;
            }
            let first = world.count("SELECT MAX(id) FROM notice").await - 3;
            let fresh = Owed { state: "due", attempt: 0, not_before: 1, lease_until: None };
            let mut rows: BTreeMap<i64, Owed> = (first..first + 4).map(|id| (id, fresh.clone())).collect();
            let (mut held, mut now) = (Vec::new(), start);
            for step in steps {
                walk(world, &mut rows, &mut held, &mut now, step.clone()).await;
                assert_eq!(stands(world, first).await, should_stand(&rows), "after {step:?}");
            }
            // The next case begins with nothing owed.
            world.raw().await.run("UPDATE notice SET state = 'dead', sent_at = NULL WHERE state = 'due'").await.unwrap();
            start = now;
            let twice = "SELECT COUNT(*) FROM (SELECT data FROM event WHERE kind = 'notice.sent' GROUP BY data HAVING COUNT(*) > 1) x";
            assert_eq!(world.count(twice).await, 0, "sent once");
        });
    }
}
