//! What the schema must hold by itself: broken on purpose, past the store, from two connections at once.

use std::collections::HashSet;

use sahut_domain::message::MessageId;

use crate::support::{World, at, claim, item, on_both};

/// A message of its own with this number and external id.
fn message(id: i64, external_id: &str) -> String {
    format!(
        "INSERT INTO message (id, channel_id, external_id, thread_id, citizen_id, text, written_at, recorded_at, \
         visibility, digest, own, disposition) \
         SELECT {id}, channel_id, '{external_id}', thread_id, citizen_id, '', 0, 0, 'shown', 1, 0, 'waiting' \
         FROM message WHERE external_id = 'm1';"
    )
}

/// An open inquiry of budi with its promise.
fn inquiry(id: i64) -> String {
    format!(
        "INSERT INTO inquiry (id, year, sequence, public_code, channel_id, thread_id, citizen_id, office, kind, \
         priority, state, triage, title, opened_at, recorded_at, due_at, deadline_id, deadline_live) \
         SELECT {id}, 2026, {id}, 'C{id}', channel_id, thread_id, citizen_id, 'dinkes', 'complaint', 'normal', 'open', \
         0, '', 0, 0, 9, {id}, 1 FROM message WHERE external_id = 'b1';"
    )
}

fn deadline(id: i64, inquiry: i64, round: i64, due_at: i64) -> String {
    format!(
        "INSERT INTO deadline (id, inquiry_id, kind, round, state, live, office, started_at, due_at, explanation, \
         segments) VALUES ({id}, {inquiry}, 'first_response', {round}, 'running', 1, 'dinkes', 0, {due_at}, '', '');"
    )
}

fn notice(id: i64, recipient: &str) -> String {
    format!(
        "INSERT INTO notice (id, event_id, template, recipient, recipient_name, urgent, created_at, state, not_before) \
         SELECT {id}, MAX(id), 'overdue', '{recipient}', '', 0, 0, 'due', 0 FROM event;"
    )
}

fn reply(id: i64, key: &str, state: &str) -> String {
    format!(
        "INSERT INTO reply (id, key, inquiry_id, channel_id, message_id, text, author, intent, created_at, \
         first_attempt_at, sent_at, delivery, state, not_before) \
         SELECT {id}, '{key}', inquiry_id, channel_id, id, '', '', 'answer', 0, {state}, 0 FROM message WHERE external_id = 'm1';"
    )
}

/// A world with an open inquiry of ani (number 1) and a message of budi (b1).
async fn prepare(world: &World) {
    world.inquiry(item("m1", "ani")).await;
    world.store(vec![item("b1", "budi")], at(1)).await;
}

/// Runs statements as one transaction on a connection of their own.
async fn attempt(world: &World, statements: &str) -> Result<(), String> {
    let mut raw = world.raw().await;
    let begin = if raw.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" };
    raw.run(&format!("{begin}; {statements} COMMIT;")).await.map_err(|error| error.to_string())
}

async fn refused(world: &World, statements: &str) {
    assert!(attempt(world, statements).await.is_err(), "taken: {statements}");
}

/// Two transactions at once, of which exactly one may be taken.
async fn one_of(world: &World, first: &str, second: &str) {
    let (first, second) = tokio::join!(attempt(world, first), attempt(world, second));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

on_both! {
    async fn a_message_is_there_once(world: &World) {
        prepare(world).await;
        one_of(world, &message(901, "x"), &message(902, "x")).await;
        refused(world, &message(903, "")).await;
        refused(world, &message(904, "m1")).await;
        attempt(world, &message(905, "y")).await.unwrap();
    }

    async fn a_routed_message_has_an_inquiry_and_another_has_none(world: &World) {
        prepare(world).await;
        for change in [
            "disposition = 'inquiry', inquiry_id = NULL",
            "disposition = 'inquiry', inquiry_id = 999",
            "disposition = 'aside', inquiry_id = 1",
            "disposition = 'waiting', inquiry_id = 1",
            "disposition = 'own'",
            "disposition = 'nonsense'",
            "citizen_id = NULL",
            "own = 1, disposition = 'aside'",
            "own = 2",
            "visibility = 'gone'",
            "thread_id = 999",
        ] {
            refused(world, &format!("UPDATE message SET {change} WHERE external_id = 'b1';")).await;
        }
        attempt(world, "UPDATE message SET disposition = 'inquiry', inquiry_id = 1 WHERE external_id = 'b1';").await.unwrap();
    }

    async fn a_citizen_has_one_inquiry_in_a_thread(world: &World) {
        prepare(world).await;
        let whole = |id| format!("{}{}", inquiry(id), deadline(id, id, 1, 9));
        one_of(world, &whole(901), &whole(902)).await;
        refused(world, &whole(903)).await;
        attempt(world, "UPDATE deadline SET state = 'void', live = 0 WHERE id > 900; \
            UPDATE inquiry SET state = 'closed', closed_at = 1, closing = 'talk', deadline_id = NULL, deadline_live = NULL WHERE id > 900;").await.unwrap();
        attempt(world, &whole(904)).await.unwrap();
    }

    async fn an_open_inquiry_has_one_office_and_a_live_promise(world: &World) {
        prepare(world).await;
        refused(world, &inquiry(901)).await;
        refused(world, &format!("{}{}", inquiry(901), deadline(901, 1, 2, 9))).await;
        refused(world, &format!("{}{}", inquiry(901), deadline(901, 901, 1, 10))).await;
        for change in [
            "deadline_id = NULL, deadline_live = NULL",
            "deadline_live = NULL",
            "deadline_live = 0",
            "due_at = due_at + 1",
            "office = 'nobody'",
            "office = NULL",
            "state = 'closed'",
            "state = 'nonsense'",
            "kind = 'nonsense'",
            "priority = 'high'",
        ] {
            refused(world, &format!("UPDATE inquiry SET {change} WHERE id = 1;")).await;
        }
        for change in ["state = 'void', live = 0", "state = 'met', live = 0, met_at = 1", "due_at = due_at + 1"] {
            refused(world, &format!("UPDATE deadline SET {change} WHERE inquiry_id = 1;")).await;
        }
        refused(world, "DELETE FROM deadline WHERE inquiry_id = 1;").await;
        attempt(world, "UPDATE deadline SET due_at = due_at + 1 WHERE inquiry_id = 1; \
            UPDATE inquiry SET due_at = due_at + 1 WHERE id = 1;").await.unwrap();
    }

    async fn a_promise_is_closed_under_an_inquiry_that_is_being_answered_by_one_only(world: &World) {
        prepare(world).await;
        let answer = "UPDATE inquiry SET state = 'answered', deadline_id = NULL, deadline_live = NULL WHERE id = 1; \
            UPDATE deadline SET state = 'met', live = 0, met_at = 5 WHERE inquiry_id = 1;";
        let close = "UPDATE deadline SET state = 'void', live = 0 WHERE inquiry_id = 1;";
        let (answered, closed) = tokio::join!(attempt(world, answer), attempt(world, close));
        assert!(answered.is_ok() || closed.is_err(), "{answered:?} {closed:?}");
        assert_eq!(world.count("SELECT COUNT(*) FROM inquiry i LEFT JOIN deadline d ON d.id = i.deadline_id AND d.live = 1 \
            WHERE i.state = 'open' AND d.id IS NULL").await, 0);
    }

    async fn a_promise_says_what_became_of_it(world: &World) {
        prepare(world).await;
        refused(world, &deadline(901, 1, 2, 9)).await;
        refused(world, &deadline(901, 1, 1, 9)).await;
        refused(world, &deadline(901, 999, 1, 9)).await;
        for change in ["live = 0", "state = 'met'", "met_at = 1", "due_at = started_at - 1", "kind = 'soon'"] {
            refused(world, &format!("UPDATE deadline SET {change} WHERE inquiry_id = 1;")).await;
        }
    }

    async fn a_notice_is_owed_once(world: &World) {
        prepare(world).await;
        one_of(world, &notice(901, "a@x.example"), &notice(902, "a@x.example")).await;
        refused(world, &notice(903, "")).await;
        for change in ["sent_at = 1", "state = 'lost'", "event_id = 999", "urgent = 2"] {
            refused(world, &format!("UPDATE notice SET {change} WHERE id > 900;")).await;
        }
    }

    async fn a_reply_is_queued_once_and_its_states_agree(world: &World) {
        prepare(world).await;
        let queued = "NULL, NULL, 'queued', 'due'";
        one_of(world, &reply(901, "k", queued), &reply(902, "k", queued)).await;
        refused(world, &reply(903, "", queued)).await;
        for impossible in [
            "NULL, NULL, 'sending', 'due'",
            "NULL, NULL, 'uncertain', 'due'",
            "1, NULL, 'sent', 'done'",
            "1, 2, 'sent', 'due'",
            "1, 2, 'queued', 'due'",
            "1, NULL, 'failed', 'due'",
            "1, NULL, 'queued', 'dead'",
            "1, NULL, 'queued', 'done'",
        ] {
            refused(world, &reply(904, "k4", impossible)).await;
        }
        let sent = |id, key| format!("{} UPDATE reply SET external_id = 'r' WHERE id = {id};", reply(id, key, "1, 2, 'sent', 'done'"));
        one_of(world, &sent(905, "k5"), &sent(906, "k6")).await;
    }

    async fn a_letter_is_kept_once_and_what_became_of_it_agrees(world: &World) {
        prepare(world).await;
        let letter = |id: i64, key: &str, columns: &str| format!("INSERT INTO letter
            (id, key, received_at, raw, state, outcome, settled_at, accepted_by) VALUES ({id}, '{key}', 0, {columns});");
        let bytes = if world.raw().await.is_sqlite() { "x'00'" } else { "'\\x00'" };
        let waiting = format!("{bytes}, 'waiting', NULL, NULL, NULL");
        one_of(world, &letter(901, "k", &waiting), &letter(902, "k", &waiting)).await;
        refused(world, &letter(903, "", &waiting)).await;
        for impossible in [
            format!("{bytes}, 'waiting', 'answered', 1, NULL"),
            format!("{bytes}, 'settled', NULL, NULL, NULL"),
            format!("{bytes}, 'settled', 'answered', NULL, NULL"),
            format!("{bytes}, 'lost', 'answered', 1, NULL"),
            format!("{bytes}, 'waiting', NULL, NULL, 'operator'"),
            "NULL, 'held', 'unproven', 1, NULL".to_owned(),
        ] {
            refused(world, &letter(904, "k4", &impossible)).await;
        }
    }

    async fn the_journal_is_added_to_and_never_changed(world: &World) {
        prepare(world).await;
        refused(world, "UPDATE event SET actor = 'nobody';").await;
        refused(world, "DELETE FROM event;").await;
        if !world.raw().await.is_sqlite() {
            refused(world, "TRUNCATE event CASCADE;").await;
        }
        let seal = |id| format!("INSERT INTO seal (id, first_event, last_event, lines, digest, sealed_at) VALUES ({id}, 1, 2, 2, '', 0);");
        one_of(world, &seal(1), &seal(2)).await;
    }

    async fn nothing_that_is_pointed_at_goes_away(world: &World) {
        prepare(world).await;
        for table in ["citizen", "thread", "channel", "office", "message", "inquiry", "revision"] {
            refused(world, &format!("DELETE FROM {table};")).await;
        }
    }

    async fn channels_and_what_hangs_on_them_are_whole(world: &World) {
        prepare(world).await;
        for change in ["state = 'asleep'", "ailment = 'rate'", "ailment_since = 1", "office = 'nobody'", "code = 'hook-kominfo'"] {
            refused(world, &format!("UPDATE channel SET {change} WHERE code = 'tg-dinkes';")).await;
        }
        let feed = |id: i64, key: &str| format!("INSERT INTO feed (id, channel_id, key, kind, found, seen_at) VALUES ({id}, 1, '{key}', 'queue', 0, 0);");
        one_of(world, &feed(901, "f"), &feed(902, "f")).await;
        refused(world, &feed(903, "")).await;
        let apart = |id: i64, key: &str| format!("INSERT INTO quarantine (id, channel_id, stage, key, error, raw, first_seen_at, last_seen_at, state) \
            SELECT {id}, 1, 'page', '{key}', '', body, 0, 0, 'held' FROM payload LIMIT 1;");
        one_of(world, &apart(901, "q"), &apart(902, "q")).await;
        refused(world, &apart(903, "")).await;
        let citizen = |id: i64| format!("INSERT INTO citizen (id, channel_id, key) VALUES ({id}, 1, 'citra');");
        one_of(world, &citizen(901), &citizen(902)).await;
        let delivery = |id: i64| format!("INSERT INTO delivery (id, channel_id, key, body, received_at, state, not_before) \
            SELECT {id}, 1, 'd', body, 0, 'due', 0 FROM payload LIMIT 1;");
        one_of(world, &delivery(901), &delivery(902)).await;
    }

    async fn many_that_claim_at_once_never_hold_the_same_row(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        for n in 0..30 {
            world.owe(&opened, &format!("{n}@x.example"), n % 3 == 0).await;
        }
        let claimers = (0..6).map(|_| {
            let db = &world.db;
            async move {
                let mut held = Vec::new();
                loop {
                    let mut tx = db.begin().await.unwrap();
                    let some = tx.claim_notices(&sahut_store::Claim { limit: 4, ..claim(at(1), at(60)) }).await.unwrap();
                    tx.commit().await.unwrap();
                    assert!(some.len() <= 4, "no more than asked for");
                    if some.is_empty() {
                        return held;
                    }
                    held.extend(some.into_iter().map(|work| work.id));
                }
            }
        });
        let all = futures_util::future::join_all(claimers).await.concat();
        assert_eq!(all.len(), 30);
        assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 30);
    }

    async fn two_that_store_the_same_page_at_once_store_it_once(world: &World) {
        let page = || sahut_store::collect::NewPage {
            items: (0..40).map(|n| item(&format!("m{n}"), &format!("w{}", n % 7))).collect(),
            ..Default::default()
        };
        let store = |db: sahut_store::Db, channel| async move {
            loop {
                let mut tx = db.begin().await.unwrap();
                let stored = match tx.store_page(channel, page(), at(1)).await {
                    Ok(stored) => tx.commit().await.map(|()| stored),
                    Err(error) => Err(error),
                };
                match stored {
                    Ok(stored) => return stored.new,
                    Err(error) => assert!(error.is_transient(), "{error}"),
                }
            }
        };
        let (one, two) = tokio::join!(store(world.db.clone(), world.channel), store(world.db.clone(), world.channel));
        assert_eq!(one + two, 40);
        let mut tx = world.begin().await;
        let ids: HashSet<MessageId> = tx.take_waiting(100).await.unwrap().into_iter().map(|waiting| waiting.message).collect();
        assert_eq!(ids.len(), 40);
    }
}
