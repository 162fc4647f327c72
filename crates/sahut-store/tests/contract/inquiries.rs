//! Inquiries as people look at them.

use sahut_domain::inquiry::State;
use sahut_domain::message::{Item, Post};
use sahut_store::collect::NewPage;
use sahut_store::inquiries::Filter;

use crate::support::{World, at, code, item, new_inquiry, on_both};

/// Three inquiries: an emergency, one that is due first, and one that is left to people.
async fn three(world: &World) {
    let items = [("m1", 0), ("m2", 600), ("m3", 300)]
        .map(|(id, written)| Item { written_at: at(written), ..item(id, id) });
    world.store(items.to_vec(), at(700)).await;
    let mut tx = world.begin().await;
    let waiting = tx.take_waiting(10).await.unwrap();
    let new = waiting.iter().map(|waiting| {
        let mut new = new_inquiry(waiting);
        match waiting.external_id.as_str() {
            "m2" => new.decision.priority = sahut_domain::inquiry::Priority::Emergency,
            "m3" => {
                new.office = code("kominfo");
                new.decision.basis = sahut_domain::decision::Basis::Triage;
            }
            _ => {}
        }
        new
    });
    tx.open_inquiries(new.collect(), &world.chance, at(700)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn opened_at(world: &World, filter: Filter) -> Vec<i64> {
    let lines = world.read().await.inquiries(&filter, 10).await.unwrap();
    lines.iter().map(|line| line.opened_at.duration_since(at(0)).as_secs()).collect()
}

on_both! {
    async fn lists_show_what_is_wanted_and_the_most_urgent_first(world: &World) {
        three(world).await;
        let open = Filter { state: Some(State::Open), ..Filter::default() };
        assert_eq!(opened_at(world, open.clone()).await, [600, 0, 300]);
        assert_eq!(opened_at(world, Filter { office: Some(code("dinkes")), ..open.clone() }).await, [600, 0]);
        assert_eq!(opened_at(world, Filter { triage: true, ..Filter::default() }).await, [300]);
        assert_eq!(opened_at(world, Filter { due_before: Some(at(7500)), ..Filter::default() }).await, [0]);
        assert_eq!(opened_at(world, Filter { state: Some(State::Answered), ..Filter::default() }).await, [0; 0]);
        assert_eq!(opened_at(world, Filter::default()).await, [600, 0, 300]);
        let all = Filter { office: Some(code("kominfo")), state: Some(State::Open), due_before: Some(at(9000)), triage: true, after: None };
        assert_eq!(opened_at(world, all).await, [300]);
        let mut tx = world.begin().await;
        let line = tx.inquiries(&open, 1).await.unwrap().remove(0);
        assert_eq!((line.office_name.as_str(), line.channel.as_str(), line.due_at), ("dinkes", "Kanal tg-dinkes", at(7800)));
        tx.answer_inquiry(line.id, &line.office, at(900), "Admin", at(900)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(opened_at(world, open).await, [0, 300]);
        assert_eq!(opened_at(world, Filter::default()).await, [0, 300, 600], "what owes no answer comes last");
        assert_eq!(opened_at(world, Filter { state: Some(State::Answered), ..Filter::default() }).await, [600]);
    }

    async fn pages_of_a_list_join_without_a_gap_or_a_line_twice(world: &World) {
        three(world).await;
        world.store((4..9).map(|id| item(&format!("m{id}"), &format!("z{id}"))).collect(), at(701)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let opened = tx.open_inquiries(waiting.iter().map(new_inquiry).collect(), &world.chance, at(702)).await.unwrap();
        for opened in &opened[1..] {
            tx.answer_inquiry(opened.id, &code("dinkes"), at(900), "Admin", at(900)).await.unwrap();
        }
        let whole: Vec<_> = tx.inquiries(&Filter::default(), 100).await.unwrap().into_iter().map(|line| line.number).collect();
        assert_eq!(whole.len(), 8);
        let (mut paged, mut filter) = (Vec::new(), Filter::default());
        loop {
            let page = tx.inquiries(&filter, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(last.number);
            paged.extend(page.iter().map(|line| line.number));
        }
        assert_eq!(paged, whole);
        assert_eq!(tx.count_inquiries(&filter).await.unwrap(), 8, "of all pages");
        assert_eq!(tx.count_inquiries(&Filter { state: Some(State::Open), ..Filter::default() }).await.unwrap(), 4);
        let answered = Filter { state: Some(State::Open), after: whole.last().copied(), ..Filter::default() };
        let refused = tx.inquiries(&answered, 3).await;
        assert!(matches!(refused, Err(sahut_store::StoreError::Unfit(_))), "it is in the list no more: {refused:?}");
        let nobody = sahut_domain::inquiry::InquiryNumber { year: 2025, sequence: 1 };
        let refused = tx.inquiries(&Filter { after: Some(nobody), ..Filter::default() }, 3).await;
        assert!(matches!(refused, Err(sahut_store::StoreError::Unfit(_))), "{refused:?}");
    }

    async fn an_emergency_is_urgent_until_it_is_answered(world: &World) {
        three(world).await;
        let mut tx = world.begin().await;
        let lines = tx.inquiries(&Filter::default(), 10).await.unwrap();
        let mut urgent = Vec::new();
        for line in &lines {
            urgent.push(tx.is_urgent(line.id).await.unwrap());
        }
        assert_eq!(urgent, [true, false, false]);
        tx.join_by_hand(&[lines[0].number, lines[1].number], "Admin", at(800)).await.unwrap().unwrap();
        assert!(tx.is_urgent(lines[1].id).await.unwrap(), "of its incident one is");
        tx.answer_inquiry(lines[0].id, &code("dinkes"), at(900), "Admin", at(900)).await.unwrap();
        assert!(!tx.is_urgent(lines[0].id).await.unwrap());
    }

    async fn an_inquiry_is_shown_with_everything_around_it(world: &World) {
        let post = Post { external_id: "p1".to_owned(), text: "Posyandu".to_owned(), published_at: at(-9), permalink: None };
        world.store_page(NewPage { posts: vec![post], ..NewPage::default() }, at(0)).await;
        let (opened, _) = world.claimed_reply("sudah buka").await;
        world.store(vec![Item { text: "tutup terus".to_owned(), ..item("m1", "ani") }], at(5)).await;
        let mut tx = world.read().await;
        let inquiry = tx.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.id, inquiry.citizen.as_str(), inquiry.public_code.len()), (opened.id, "ani", 10));
        assert_eq!(inquiry.post.map(|post| (post.text, post.published_at)), Some(("Posyandu".to_owned(), at(-9))));
        assert_eq!((inquiry.messages[0].text.as_str(), inquiry.messages[0].revisions), ("tutup terus", 1));
        assert_eq!(inquiry.replies[0].text, "sudah buka");
        assert!(inquiry.decision.is_some());
        let nobody = sahut_domain::inquiry::InquiryNumber { year: 2025, ..opened.number };
        assert!(tx.inquiry(nobody).await.unwrap().is_none());
    }
}
