//! Channels, feeds and budgets.

use jiff::SignedDuration;
use sahut_domain::channel::{Ailment, ChannelId, ChannelState};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::message::Item;
use sahut_domain::work::Lease;
use sahut_store::collect::{Channel, Feed, FeedFound, NewPage, RoundEnd, Walk};
use sahut_store::{Claim, Tx};

use crate::support::{World, at, claim, code, item, on_both, own};

fn good(next: i64, since: i64) -> RoundEnd {
    let complete_since = Some(at(since));
    RoundEnd { next_at: at(next), complete_since, trouble: None, park: false, wakes_since: complete_since }
}

fn bad(next: i64, park: bool) -> RoundEnd {
    let trouble = Some((Ailment::Credential, "the token is dead".to_owned()));
    RoundEnd { next_at: at(next), complete_since: None, trouble, park, wakes_since: None }
}

fn found(key: &str, counter: Option<&str>, count: Option<i64>) -> FeedFound {
    let counter = counter.map(str::to_owned);
    FeedFound { key: key.to_owned(), kind: "newest_first", found: true, counter, count, urgent: false }
}

/// Whether the lease still held.
async fn settle(tx: &mut Tx, lease: Lease<ChannelId>, end: &RoundEnd, now: jiff::Timestamp) -> bool {
    let held = tx.hold_channels([lease.id].into_iter()).await.unwrap();
    tx.settle_channels(&held, &[(lease, end)], now).await.unwrap();
    held.holds(&lease)
}

async fn finish(tx: &mut Tx, feed: &Feed, started_at: jiff::Timestamp, deep: bool) {
    tx.finish_walks([Walk { feed: feed.clone(), started_at, deep }].iter()).await.unwrap();
}

async fn feed(world: &World, key: &str) -> Feed {
    world.read().await.feeds(world.channel).await.unwrap().into_iter().find(|feed| feed.key == key).unwrap()
}

on_both! {
    async fn channels_are_read_as_configured(world: &World) {
        let mut tx = world.read().await;
        let all = tx.channels().await.unwrap();
        assert_eq!(all.iter().map(|channel| channel.config.code.as_str()).collect::<Vec<_>>(), ["hook-kominfo", "tg-dinkes"]);
        let one = tx.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!(one.config, crate::support::channel("tg-dinkes", "dinkes", sahut_domain::channel::Platform::Telegram));
        assert_eq!((one.watermark, one.health.ailment, one.failures), (None, None, 0));
        assert!(tx.channel("nobody").await.unwrap().is_none());
    }

    async fn a_claim_takes_what_is_due_and_what_others_let_expire(world: &World) {
        let mut tx = world.begin().await;
        assert!(tx.has_due_channels(at(0)).await.unwrap());
        let taken = tx.claim_channels(&claim(at(0), at(300))).await.unwrap();
        assert_eq!(taken.iter().map(|(lease, _)| lease.attempt).collect::<Vec<_>>(), [1, 1]);
        assert!(!tx.has_due_channels(at(299)).await.unwrap());
        assert!(tx.claim_channels(&claim(at(299), at(600))).await.unwrap().is_empty(), "leased");
        let again = tx.claim_channels(&claim(at(300), at(600))).await.unwrap();
        assert_eq!(again.iter().map(|(lease, _)| lease.attempt).collect::<Vec<_>>(), [2, 2]);
        assert!(!tx.keep_channel(taken[0].0, at(900)).await.unwrap(), "the lease was lost");
        assert!(tx.keep_channel(again[0].0, at(900)).await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn those_that_waited_longest_come_first_and_the_limit_holds(world: &World) {
        let mut tx = world.begin().await;
        for (lease, channel) in tx.claim_channels(&claim(at(0), at(300))).await.unwrap() {
            let next = if channel.id == world.channel { 20 } else { 10 };
            settle(&mut tx, lease, &good(next, 0), at(0)).await;
        }
        let one = Claim { limit: 1, ..claim(at(20), at(300)) };
        let first = tx.claim_channels(&one).await.unwrap();
        assert_eq!(first.iter().map(|(_, channel)| channel.id).collect::<Vec<_>>(), [world.other]);
        let second = tx.claim_channels(&one).await.unwrap();
        assert_eq!(second.iter().map(|(_, channel)| channel.id).collect::<Vec<_>>(), [world.channel]);
        tx.commit().await.unwrap();
    }

    async fn a_round_that_ends_well_moves_the_watermark_and_never_back(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        assert!(settle(&mut tx, lease, &good(60, -5), at(1)).await);
        assert!(settle(&mut tx, lease, &good(60, 90), at(2)).await);
        let (lease, channel) = claimed(&mut tx, world, 60).await;
        assert_eq!((channel.watermark, channel.read_at), (Some(at(90)), Some(at(2))));
        settle(&mut tx, lease, &good(120, 30), at(61)).await;
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!((channel.watermark, channel.read_at), (Some(at(90)), Some(at(61))));
        tx.commit().await.unwrap();
    }

    async fn an_ailing_channel_is_told_apart_from_a_well_one(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        settle(&mut tx, lease, &bad(60, false), at(1)).await;
        let (lease, channel) = claimed(&mut tx, world, 60).await;
        assert_eq!((channel.failures, channel.health.since, channel.read_at), (1, Some(at(1)), None));
        assert_eq!(channel.health.ailment, Some(Ailment::Credential));
        assert_eq!(channel.health.detail.as_deref(), Some("the token is dead"));
        settle(&mut tx, lease, &bad(120, true), at(61)).await;
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!((channel.state, channel.failures, channel.health.since), (ChannelState::Parked, 2, Some(at(1))));
        assert!(tx.claim_channels(&claim(at(9999), at(10_000))).await.unwrap().iter().all(|(_, c)| c.id == world.other));

        assert!(tx.set_channel_state("tg-dinkes", ChannelState::Active, "Admin", at(200)).await.unwrap());
        let (lease, channel) = claimed(&mut tx, world, 200).await;
        assert_eq!(channel.failures, 0);
        settle(&mut tx, lease, &good(300, 200), at(201)).await;
        let health = tx.channel("tg-dinkes").await.unwrap().unwrap().health;
        assert_eq!((health.ailment, health.since), (None, None));
        tx.commit().await.unwrap();
    }

    async fn a_round_under_a_lost_lease_stores_nothing(world: &World) {
        let mut tx = world.begin().await;
        let (stale, _) = claimed(&mut tx, world, 0).await;
        let (fresh, _) = claimed(&mut tx, world, 300).await;
        assert!(!settle(&mut tx, stale, &bad(60, true), at(301)).await);
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!((channel.state, channel.health.ailment), (ChannelState::Active, None));
        assert!(settle(&mut tx, fresh, &good(400, 300), at(302)).await);
        tx.commit().await.unwrap();
    }

    async fn rounds_that_end_together_are_told_apart(world: &World) {
        let mut tx = world.begin().await;
        let taken = tx.claim_channels(&claim(at(0), at(300))).await.unwrap();
        let [(one, first), (two, second)] = &taken[..] else { panic!("{taken:?}") };
        let (well, ill, stale) = (good(60, 0), bad(90, false), bad(999, true));
        let ends = [(Lease { attempt: 7, ..*one }, &stale), (*one, &well), (*two, &ill)];
        let held = tx.hold_channels(ends.iter().map(|(lease, _)| lease.id)).await.unwrap();
        assert_eq!(ends.map(|(lease, _)| held.holds(&lease)), [false, true, true]);
        tx.settle_channels(&held, &ends, at(5)).await.unwrap();
        let first = tx.channel(first.config.code.as_str()).await.unwrap().unwrap();
        assert_eq!((first.state, first.watermark, first.health.ailment), (ChannelState::Active, Some(at(0)), None));
        let second = tx.channel(second.config.code.as_str()).await.unwrap().unwrap();
        assert_eq!((second.watermark, second.health.ailment), (None, Some(Ailment::Credential)));
        let due = tx.claim_channels(&claim(at(60), at(300))).await.unwrap();
        assert_eq!(due.iter().map(|(_, channel)| channel.id).collect::<Vec<_>>(), [first.id]);
        tx.commit().await.unwrap();
    }

    async fn walks_that_ended_are_noted_together(world: &World) {
        let mut tx = world.begin().await;
        let feeds = vec![found("p1", Some("3"), Some(3)), found("p2", None, None)];
        tx.note_feeds(world.channel, feeds, at(0)).await.unwrap();
        let mut of = tx.feeds_of(vec![world.channel, world.other]).await.unwrap();
        assert!(!of.contains_key(&world.other));
        let feeds = of.remove(&world.channel).unwrap();
        assert_eq!(feeds, tx.feeds(world.channel).await.unwrap());
        let walks = [(0, 10, true), (1, 20, false)];
        let walks = walks.map(|(n, begun, deep)| Walk { feed: feeds[n].clone(), started_at: at(begun), deep });
        tx.finish_walks(walks.iter()).await.unwrap();
        let walked: Vec<_> = tx.feeds(world.channel).await.unwrap().into_iter()
            .map(|feed| (feed.walked_at, feed.walked_deep_at, feed.walked_counter, feed.walked_count)).collect();
        assert_eq!(walked, [
            (Some(at(10)), Some(at(10)), Some("3".to_owned()), Some(3)),
            (Some(at(20)), None, None, None),
        ]);
        tx.commit().await.unwrap();
    }

    async fn who_was_told_of_an_ailment_is_told_that_it_is_over(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        settle(&mut tx, lease, &bad(60, false), at(1)).await;
        let ailing = tx.ailing_channels(at(1), at(0)).await.unwrap();
        tx.note_ailment_told(&ailing[0], at(2)).await.unwrap();
        for (now, news) in [(60, 1), (120, 0)] {
            let (lease, _) = claimed(&mut tx, world, now).await;
            let before = tx.events_after(EventId(0), 100).await.unwrap().len();
            settle(&mut tx, lease, &good(now + 60, now), at(now + 1)).await;
            let events = tx.events_after(EventId(0), 100).await.unwrap().split_off(before);
            assert_eq!(events.len(), news);
            assert!(events.iter().all(|event| event.kind == EventKind::ChannelRecovered));
        }
        tx.commit().await.unwrap();
    }

    async fn a_paused_channel_is_left_alone_at_once(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        assert!(tx.set_channel_state("tg-dinkes", ChannelState::Paused, "Admin", at(1)).await.unwrap());
        assert!(!tx.set_channel_state("nobody", ChannelState::Paused, "Admin", at(1)).await.unwrap());
        assert!(!tx.keep_channel(lease, at(900)).await.unwrap());
        settle(&mut tx, lease, &bad(60, true), at(2)).await;
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().state, ChannelState::Paused, "not parked over it");
        let events = tx.events_after(EventId(0), 100).await.unwrap();
        assert!(events.iter().any(|event| event.kind == EventKind::ChannelPaused && event.actor == "Admin"));
        tx.commit().await.unwrap();
    }

    async fn a_wake_up_makes_a_channel_due_and_never_later(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        settle(&mut tx, lease, &good(600, 0), at(0)).await;
        tx.hurry_channel(world.channel, at(30)).await.unwrap();
        tx.hurry_channel(world.channel, at(40)).await.unwrap();
        claimed(&mut tx, world, 30).await;
        tx.commit().await.unwrap();
    }

    async fn a_wake_up_during_a_round_is_followed_when_it_ends(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        tx.note_feeds(world.channel, vec![FeedFound { urgent: true, ..found("p1", Some("3"), None) }], at(5)).await.unwrap();
        tx.hurry_channel(world.channel, at(5)).await.unwrap();
        settle(&mut tx, lease, &good(600, 0), at(10)).await;
        let (lease, _) = claimed(&mut tx, world, 10).await;
        // A mark that no walk takes away makes no haste.
        settle(&mut tx, lease, &good(600, 10), at(12)).await;
        assert!(tx.claim_channels(&claim(at(599), at(700))).await.unwrap().iter().all(|(_, c)| c.id == world.other));
        tx.commit().await.unwrap();
    }

    async fn a_platform_that_wants_to_be_left_alone_is_not_hurried_unless_a_person_resumes_it(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        settle(&mut tx, lease, &good(600, 0), at(0)).await;
        let budget = sahut_store::collect::channel_budget(world.channel);
        tx.block_budget(&budget, at(600), "called too often").await.unwrap();
        tx.hurry_channel(world.channel, at(30)).await.unwrap();
        assert!(tx.claim_channels(&claim(at(599), at(700))).await.unwrap().iter().all(|(_, c)| c.id == world.other));
        tx.set_channel_state("tg-dinkes", ChannelState::Active, "Admin", at(40)).await.unwrap();
        assert!(tx.blocked_budgets(at(40)).await.unwrap().is_empty());
        claimed(&mut tx, world, 40).await;
        tx.commit().await.unwrap();
    }

    async fn feeds_are_noted_once_and_only_news_is_written(world: &World) {
        let mut tx = world.begin().await;
        let feeds = vec![found("p1", Some("3"), Some(3)), found("p2", None, None), found("p1", Some("4"), Some(4))];
        tx.note_feeds(world.channel, feeds, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        let p1 = feed(world, "p1").await;
        assert_eq!((p1.counter.as_deref(), p1.count, p1.kind.as_str(), p1.found), (Some("4"), Some(4), "newest_first", true));
        let mut tx = world.begin().await;
        let same = vec![found("p1", Some("4"), None), found("p2", None, None), found("p1", None, Some(4))];
        tx.note_feeds(world.channel, same, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM feed WHERE seen_at > 1772420400000000").await, 0, "no news, no write");
        let mut tx = world.begin().await;
        let urgent = FeedFound { urgent: true, ..found("p1", None, None) };
        tx.note_feeds(world.channel, vec![urgent, found("p1", Some("5"), None)], at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let p1 = feed(world, "p1").await;
        assert_eq!((p1.counter.as_deref(), p1.count, p1.urgent_at), (Some("5"), Some(4), Some(at(10))));
    }

    async fn a_walk_keeps_where_it_began_and_a_wake_up_that_came_meanwhile(world: &World) {
        let mut tx = world.begin().await;
        let urgent = FeedFound { urgent: true, ..found("p1", Some("3"), None) };
        tx.note_feeds(world.channel, vec![urgent.clone()], at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let seen = feed(world, "p1").await;
        let mut tx = world.begin().await;
        tx.note_feeds(world.channel, vec![urgent], at(30)).await.unwrap();
        tx.move_cursor(seen.id, "c7").await.unwrap();
        finish(&mut tx, &seen, at(20), false).await;
        tx.commit().await.unwrap();
        let walked = feed(world, "p1").await;
        assert_eq!((walked.walked_at, walked.walked_deep_at, walked.urgent_at), (Some(at(20)), None, Some(at(30))));
        assert_eq!((walked.cursor.as_deref(), walked.walked_counter.as_deref()), (Some("c7"), Some("3")));
        let mut tx = world.begin().await;
        finish(&mut tx, &walked, at(30), true).await;
        tx.commit().await.unwrap();
        let walked = feed(world, "p1").await;
        assert_eq!((walked.walked_deep_at, walked.urgent_at), (Some(at(30)), None));
    }

    async fn a_feed_that_is_gone_comes_back_when_it_is_seen_again(world: &World) {
        let mut tx = world.begin().await;
        tx.note_feeds(world.channel, vec![found("p1", Some("3"), None)], at(0)).await.unwrap();
        let id = tx.feeds(world.channel).await.unwrap()[0].id;
        tx.lose_feed(id).await.unwrap();
        assert!(tx.feeds(world.channel).await.unwrap().is_empty());
        tx.note_feeds(world.channel, vec![found("p1", Some("3"), None)], at(1)).await.unwrap();
        assert_eq!(tx.feeds(world.channel).await.unwrap()[0].id, id);
        tx.commit().await.unwrap();
    }

    async fn what_stands_under_a_post_is_counted(world: &World) {
        world.store(vec![item("m1", "ani"), item("m2", "budi"), item("m3", "ani")], at(0)).await;
        world.store_page(NewPage { deleted: vec!["m3".to_owned()], ..NewPage::default() }, at(1)).await;
        let mut tx = world.read().await;
        assert_eq!(tx.count_under_post(world.channel, "p1").await.unwrap(), 2);
        assert_eq!(tx.count_under_post(world.channel, "p2").await.unwrap(), 0);
        assert_eq!(tx.count_under_post(world.other, "p1").await.unwrap(), 0);
    }

    async fn a_blocked_budget_stays_blocked_until_its_latest_moment(world: &World) {
        let mut tx = world.begin().await;
        tx.block_budget("app:1", at(60), "too many calls").await.unwrap();
        tx.block_budget("app:1", at(30), "less").await.unwrap();
        tx.block_budget("app:2", at(10), "too many calls").await.unwrap();
        let blocked = tx.blocked_budgets(at(10)).await.unwrap();
        assert_eq!(blocked.into_iter().collect::<Vec<_>>(), [("app:1".to_owned(), at(60))]);
        tx.commit().await.unwrap();
    }

    async fn silence_is_told_from_quiet_by_the_channels_own_rhythm(world: &World) {
        for (index, minutes) in [0, 10, 20].into_iter().enumerate() {
            let written_at = at(minutes * 60);
            world.store(vec![Item { written_at, ..item(&format!("m{index}"), "ani") }], written_at).await;
        }
        let mut tx = world.begin().await;
        let channel = tx.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!((channel.item_at, channel.rhythm, channel.own_at), (Some(at(1200)), Some(600), None));
        let silent = |now: i64| (3, at(now) - SignedDuration::from_mins(5), at(now));
        let (gaps, quiet, now) = silent(1200 + 1799);
        assert!(tx.silent_channels(gaps, quiet, now).await.unwrap().is_empty());
        let (gaps, quiet, now) = silent(1200 + 1800);
        let found = tx.silent_channels(gaps, quiet, now).await.unwrap();
        assert_eq!((found[0].id, found[0].item_at, found[0].rhythm), (world.channel, at(1200), 600));
        let told = tx.note_silence_told(&found[0], now).await.unwrap();
        assert!(tx.silent_channels(gaps, quiet, now).await.unwrap().is_empty(), "told once");
        let events = tx.events_after(EventId(told.0 - 1), 1).await.unwrap();
        assert_eq!((events[0].kind, &events[0].office), (EventKind::ChannelSilent, &Some(code("dinkes"))));
        tx.commit().await.unwrap();
        world.store(vec![Item { written_at: at(4000), ..item("m9", "ani") }, own("o1", "x")], at(4000)).await;
        let mut tx = world.read().await;
        assert!(!tx.silent_channels(3, at(90_000), at(90_000)).await.unwrap().is_empty(), "it may fall silent again");
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().own_at, Some(at(0)));
    }

    async fn an_ailing_channel_is_told_of_again_after_a_while(world: &World) {
        let mut tx = world.begin().await;
        let (lease, _) = claimed(&mut tx, world, 0).await;
        settle(&mut tx, lease, &bad(60, false), at(1)).await;
        assert!(tx.ailing_channels(at(0), at(0)).await.unwrap().is_empty(), "not long enough");
        let ailing = tx.ailing_channels(at(1), at(0)).await.unwrap();
        assert_eq!((ailing[0].id, ailing[0].ailment, ailing[0].since), (world.channel, Ailment::Credential, at(1)));
        tx.note_ailment_told(&ailing[0], at(2)).await.unwrap();
        assert!(tx.ailing_channels(at(1), at(1)).await.unwrap().is_empty());
        assert_eq!(tx.ailing_channels(at(1), at(2)).await.unwrap().len(), 1, "told long enough ago");
        let (lease, _) = claimed(&mut tx, world, 60).await;
        settle(&mut tx, lease, &bad(120, true), at(61)).await;
        assert_eq!(tx.ailing_channels(at(0), at(2)).await.unwrap().len(), 1, "a parked one waits for nobody");
        tx.commit().await.unwrap();
    }
}

async fn claimed(tx: &mut Tx, world: &World, now: i64) -> (Lease<ChannelId>, Channel) {
    let all = tx.claim_channels(&claim(at(now), at(now + 300))).await.unwrap();
    all.into_iter().find(|(_, channel)| channel.id == world.channel).unwrap()
}
