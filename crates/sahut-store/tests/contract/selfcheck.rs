//! Every promise that the self-check asks for is broken once, and seen to be broken.

use sahut_domain::inquiry::InquiryId;

use crate::support::{Raw, World, at, claim, item, on_both, own};

/// A world in which every promise holds: one inquiry that was told and answered, one that is open.
async fn sound(world: &World) {
    let (opened, work) = world.claimed_reply("sudah buka").await;
    world.owe(&opened, "a@x.example", false).await;
    let mut tx = world.begin().await;
    tx.begin_sending(&work, at(200), at(61)).await.unwrap();
    tx.settle_sent(&work, Some("r1"), None, at(62), at(62)).await.unwrap();
    tx.commit().await.unwrap();
    let second = world.inquiry(item("m2", "budi")).await;
    world.owe(&second, "a@x.example", false).await;
    world.store(vec![own("o1", "halo")], at(70)).await;
    let mut tx = world.begin().await;
    tx.seal_journal(at(9999), at(9999)).await.unwrap();
    tx.claim_notices(&claim(at(80), at(90))).await.unwrap();
    tx.commit().await.unwrap();
}

async fn broken(world: &World, now: i64) -> Vec<&'static str> {
    let checks = world.read().await.selfcheck(at(now)).await.unwrap();
    checks.into_iter().filter(|check| check.broken > 0).map(|check| check.name).collect()
}

/// Puts a copy without any constraint in the place of a table.
async fn loosened(world: &World, table: &str) -> Raw {
    let mut raw = world.raw().await;
    if raw.is_sqlite() {
        raw.run("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON").await.unwrap();
    }
    raw.run(&format!("ALTER TABLE {table} RENAME TO strict_{table}")).await.unwrap();
    raw.run(&format!("CREATE TABLE {table} AS SELECT * FROM strict_{table}")).await.unwrap();
    raw
}

async fn breaking(world: &World, name: &str, table: &str, statement: &str) {
    sound(world).await;
    assert_eq!(broken(world, 100).await, [""; 0], "a sound world");
    loosened(world, table).await.run(statement).await.unwrap();
    let found = broken(world, 100).await;
    assert!(found.contains(&name), "{name} is not seen in {found:?}");
}

on_both! {
    async fn a_message_that_is_there_twice(world: &World) {
        breaking(world, "message-unique", "message", "INSERT INTO message SELECT * FROM message WHERE external_id = 'm1'").await;
    }

    async fn a_routed_message_without_an_inquiry(world: &World) {
        breaking(world, "message-placed", "message", "UPDATE message SET inquiry_id = NULL WHERE external_id = 'm1'").await;
    }

    async fn a_routed_message_without_a_decision(world: &World) {
        breaking(world, "message-placed", "decision", "DELETE FROM decision").await;
    }

    async fn a_complaint_that_was_set_aside(world: &World) {
        let aside = "UPDATE message SET disposition = 'aside', inquiry_id = NULL WHERE external_id = 'm1'";
        breaking(world, "message-placed", "message", aside).await;
    }

    async fn a_second_open_inquiry(world: &World) {
        breaking(world, "inquiry-unique", "inquiry", "INSERT INTO inquiry SELECT * FROM inquiry WHERE state = 'open'").await;
    }

    async fn an_inquiry_of_nobody(world: &World) {
        breaking(world, "inquiry-has-message", "message", "DELETE FROM message WHERE external_id = 'm2'").await;
    }

    async fn an_open_inquiry_without_a_promise(world: &World) {
        breaking(world, "inquiry-promise", "deadline", "DELETE FROM deadline WHERE live = 1").await;
    }

    async fn an_inquiry_that_nobody_was_told_of(world: &World) {
        breaking(world, "inquiry-told", "notice", "DELETE FROM notice WHERE inquiry_id = 2").await;
    }

    async fn an_inquiry_whose_mails_were_all_given_up(world: &World) {
        breaking(world, "inquiry-told", "notice", "UPDATE notice SET state = 'dead' WHERE inquiry_id = 2").await;
    }

    async fn an_inquiry_of_which_people_heard_only_when_it_was_late(world: &World) {
        breaking(world, "inquiry-told", "notice", "UPDATE notice SET template = 'overdue' WHERE inquiry_id = 2").await;
    }

    async fn an_inquiry_whose_mails_never_left(world: &World) {
        breaking(world, "inquiry-told", "notice", "UPDATE notice SET state = 'done', sent_at = NULL WHERE inquiry_id = 2").await;
    }

    async fn an_inquiry_without_a_beginning(world: &World) {
        breaking(world, "inquiry-journal", "event", "DELETE FROM event WHERE kind = 'inquiry.opened'").await;
    }

    async fn a_miss_that_the_journal_does_not_hold(world: &World) {
        breaking(world, "deadline-noticed", "deadline", "UPDATE deadline SET missed_at = due_at WHERE live = 1").await;
    }

    async fn an_inquiry_of_an_incident_that_another_office_has(world: &World) {
        sound(world).await;
        let mut tx = world.begin().await;
        tx.begin_incident(InquiryId(2), at(3), "sahut", at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(broken(world, 100).await, [""; 0]);
        world.raw().await.run("UPDATE incident SET office = 'kominfo'").await.unwrap();
        assert_eq!(broken(world, 100).await, ["incident-office"]);
    }

    async fn an_inquiry_that_joined_unseen(world: &World) {
        sound(world).await;
        let mut tx = world.begin().await;
        tx.begin_incident(InquiryId(2), at(3), "sahut", at(3)).await.unwrap();
        tx.commit().await.unwrap();
        world.raw().await.run("UPDATE inquiry SET incident_id = 1 WHERE id = 1").await.unwrap();
        assert_eq!(broken(world, 100).await, ["incident-journal"]);
    }

    async fn a_promise_that_passed_unnoticed(world: &World) {
        sound(world).await;
        assert_eq!(broken(world, 7260).await, [""; 0]);
        assert_eq!(broken(world, 7261).await, ["deadline-noticed"]);
    }

    async fn a_miss_that_the_journal_holds_twice(world: &World) {
        let twice = "INSERT INTO event SELECT id + 100, 'deadline.missed', at, recorded_at, actor, office, channel_id, \
            inquiry_id, message_id, '{\"n\":1}' FROM event WHERE inquiry_id = 2; \
            INSERT INTO event SELECT id + 200, 'deadline.missed', at, recorded_at, actor, office, channel_id, \
            inquiry_id, message_id, '{\"n\":2}' FROM event WHERE kind = 'inquiry.opened' AND inquiry_id = 2";
        breaking(world, "deadline-missed-once", "event", twice).await;
    }

    async fn an_answer_that_stands_nowhere(world: &World) {
        breaking(world, "reply-answered", "message", "DELETE FROM message WHERE external_id = 'r1'").await;
    }

    async fn a_number_that_is_missing(world: &World) {
        breaking(world, "number-gaps", "inquiry_count", "UPDATE inquiry_count SET last = last + 1").await;
    }

    async fn a_sealed_line_that_was_changed(world: &World) {
        breaking(world, "journal-sealed", "event", "UPDATE event SET actor = 'nobody' WHERE id = 2").await;
    }

    async fn pages_and_references_that_do_not_hold_together(world: &World) {
        sound(world).await;
        assert_eq!(world.read().await.integrity().await.unwrap(), [""; 0]);
        let mut raw = world.raw().await;
        if raw.is_sqlite() {
            raw.run("PRAGMA foreign_keys = OFF; UPDATE message SET thread_id = 999 WHERE external_id = 'm1'").await.unwrap();
            let faults = world.read().await.integrity().await.unwrap();
            assert_eq!(faults, ["a row of message points at nothing in thread"]);
        }
    }
}
