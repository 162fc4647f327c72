//! Configuration sets, secrets, imports, bells, and the name of the installation.

use std::collections::BTreeMap;

use sahut_domain::channel::{ChannelState, Platform};
use sahut_domain::event::{EventId, EventKind};
use sahut_store::configuration::NewRevision;
use sahut_store::secrets::Sealed;

use crate::support::{World, at, channel, claim, code, office, on_both, person, revision};

on_both! {
    async fn a_set_is_stored_whole_and_applied_once(world: &World) {
        let mut tx = world.begin().await;
        let running = tx.revision().await.unwrap().unwrap();
        assert_eq!((running.digest.as_str(), running.applied_at), ("first", at(-3600)));
        assert_eq!(running.files, revision("first").files);
        assert_eq!(tx.apply(revision("first"), "Admin", at(0)).await.unwrap(), running.id, "it runs already");
        let second = tx.apply(revision("second"), "Admin", at(1)).await.unwrap();
        assert!(second > running.id);
        assert_eq!(tx.revision_number().await.unwrap(), Some(second));
        let applied = tx.events_after(EventId(0), 100).await.unwrap();
        assert_eq!(applied.iter().filter(|event| event.kind == EventKind::ConfigurationApplied).count(), 2);
        tx.commit().await.unwrap();
    }

    async fn what_a_set_no_longer_names_is_retired_and_comes_back(world: &World) {
        let mut tx = world.begin().await;
        let small = NewRevision {
            offices: vec![office("kominfo")],
            channels: vec![channel("hook-kominfo", "kominfo", Platform::Webhook)],
            ..revision("second")
        };
        tx.apply(small, "Admin", at(0)).await.unwrap();
        assert!(tx.channel("tg-dinkes").await.unwrap().is_none());
        assert_eq!(tx.offices().await.unwrap(), [office("kominfo")]);
        tx.apply(revision("third"), "Admin", at(1)).await.unwrap();
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().id, world.channel);
        assert_eq!(tx.offices().await.unwrap(), [office("dinkes"), office("kominfo")]);
        tx.commit().await.unwrap();
    }

    async fn a_new_set_does_not_resume_what_a_person_paused(world: &World) {
        let mut tx = world.begin().await;
        tx.set_channel_state("tg-dinkes", ChannelState::Paused, "Admin", at(0)).await.unwrap();
        tx.apply(revision("second"), "Admin", at(1)).await.unwrap();
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().state, ChannelState::Paused);
        tx.commit().await.unwrap();
    }

    async fn a_channel_that_waited_for_a_person_is_read_again_with_other_settings(world: &World) {
        let mut tx = world.begin().await;
        tx.set_channel_state("tg-dinkes", ChannelState::Parked, "sahut", at(0)).await.unwrap();
        tx.apply(revision("second"), "Admin", at(1)).await.unwrap();
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().state, ChannelState::Parked, "nothing was mended");
        let mut mended = revision("third");
        mended.channels[0].settings = serde_json::json!({ "base_url": "https://example.com" });
        tx.apply(mended, "Admin", at(2)).await.unwrap();
        assert_eq!(tx.channel("tg-dinkes").await.unwrap().unwrap().state, ChannelState::Active);
        let read = tx.claim_channels(&claim(at(3), at(60))).await.unwrap();
        assert!(read.iter().all(|(_, channel)| channel.id != world.channel), "not before a process has the new set");
        let read = tx.claim_channels(&claim(at(20), at(60))).await.unwrap();
        assert!(read.iter().any(|(_, channel)| channel.id == world.channel));
        tx.commit().await.unwrap();
    }

    async fn people_come_and_go_in_their_order(world: &World) {
        let mut tx = world.begin().await;
        let mut new = revision("second");
        new.offices[0].people = vec![person("b@x.example"), person("a@x.example")];
        tx.apply(new.clone(), "Admin", at(0)).await.unwrap();
        assert_eq!(tx.offices().await.unwrap()[0].people, new.offices[0].people);
        "third".clone_into(&mut new.digest);
        new.offices[0].people.reverse();
        tx.apply(new.clone(), "Admin", at(1)).await.unwrap();
        assert_eq!(tx.offices().await.unwrap()[0].people, new.offices[0].people);
        tx.commit().await.unwrap();
    }

    async fn a_new_channels_history_is_what_was_written_before_it_was_known(world: &World) {
        let mut tx = world.begin().await;
        let mut new = revision("second");
        new.channels.push(channel("wp-dinkes", "dinkes", Platform::Wordpress));
        new.since = BTreeMap::from([(code("wp-dinkes"), at(1))]);
        tx.apply(new, "Admin", at(0)).await.unwrap();
        let added = tx.channel("wp-dinkes").await.unwrap().unwrap().id;
        let page = || sahut_store::collect::NewPage { items: vec![crate::support::item("m1", "ani")], ..Default::default() };
        tx.store_page(added, page(), at(2)).await.unwrap();
        tx.store_page(world.channel, page(), at(2)).await.unwrap();
        let history: Vec<_> = tx.take_waiting(10).await.unwrap().iter().map(|waiting| waiting.history).collect();
        assert_eq!(history, [true, false]);
        tx.commit().await.unwrap();
    }

    async fn a_file_has_no_history_unless_a_day_is_named(world: &World) {
        let mut tx = world.begin().await;
        let mut new = revision("second");
        new.channels.push(channel("berkas", "dinkes", Platform::Import));
        new.channels.push(channel("arsip", "dinkes", Platform::Import));
        new.since = BTreeMap::from([(code("arsip"), at(0))]);
        tx.apply(new, "Admin", at(0)).await.unwrap();
        let old = sahut_domain::message::Item {
            written_at: at(0) - jiff::SignedDuration::from_hours(24 * 400),
            ..crate::support::item("m1", "ani")
        };
        for name in ["berkas", "arsip"] {
            let added = tx.channel(name).await.unwrap().unwrap().id;
            let page = sahut_store::collect::NewPage { items: vec![old.clone()], ..Default::default() };
            tx.store_page(added, page, at(2)).await.unwrap();
        }
        let history: Vec<_> = tx.take_waiting(10).await.unwrap().iter().map(|waiting| waiting.history).collect();
        assert_eq!(history, [false, true]);
    }

    async fn an_installation_is_named_once(world: &World) {
        let mut tx = world.begin().await;
        assert_eq!(tx.instance("abc").await.unwrap(), "abc");
        assert_eq!(tx.instance("def").await.unwrap(), "abc");
        tx.commit().await.unwrap();
    }

    async fn secrets_are_kept_as_they_were_sealed(world: &World) {
        let sealed = |byte| Sealed { key_id: "k1".to_owned(), nonce: vec![byte; 24], sealed: vec![byte, 0, 255] };
        let mut tx = world.begin().await;
        tx.store_secret("b/token", sealed(1), at(0)).await.unwrap();
        tx.store_secret("a/token", sealed(2), at(0)).await.unwrap();
        tx.store_secret("b/token", sealed(3), at(1)).await.unwrap();
        let all = tx.secrets().await.unwrap();
        assert_eq!(all, [("a/token".to_owned(), sealed(2)), ("b/token".to_owned(), sealed(3))]);
        assert!(tx.forget_secret("a/token").await.unwrap());
        assert!(!tx.forget_secret("a/token").await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn an_import_goes_on_where_it_was_left(world: &World) {
        let mut tx = world.begin().await;
        let mut import = tx.begin_import(world.channel, "d1", "lapor.csv", at(0)).await.unwrap();
        assert_eq!((import.position, import.finished_at), (0, None));
        (import.position, import.imported, import.known, import.refused) = (10, 7, 2, 1);
        tx.advance_import(&import).await.unwrap();
        assert_eq!(tx.begin_import(world.channel, "d1", "copy.csv", at(1)).await.unwrap(), import);
        import.finished_at = Some(at(2));
        tx.advance_import(&import).await.unwrap();
        assert_eq!(tx.begin_import(world.channel, "d1", "lapor.csv", at(3)).await.unwrap(), import);
        let other = tx.begin_import(world.other, "d1", "lapor.csv", at(3)).await.unwrap();
        assert_ne!(other.id, import.id);
        tx.commit().await.unwrap();
    }

    async fn a_bell_rings_once_a_day_whoever_rings(world: &World) {
        let mut tx = world.begin().await;
        assert!(tx.ring_bell("digest", "2026-03-02", at(0)).await.unwrap());
        assert!(!tx.ring_bell("digest", "2026-03-02", at(1)).await.unwrap());
        assert!(tx.ring_bell("digest", "2026-03-03", at(2)).await.unwrap());
        tx.bell_done("digest", "2026-03-02", at(3)).await.unwrap();
        assert_eq!(tx.rung_bells().await.unwrap(), [("digest".to_owned(), "2026-03-03".to_owned())]);
        tx.commit().await.unwrap();
    }
}
