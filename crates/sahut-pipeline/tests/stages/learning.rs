//! What people put right is learned from, and used only while it is better than the rules.

use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::Heart;
use sahut_pipeline::learn::learn;
use sahut_pipeline::route::route_batch;
use sahut_routing::{Input, Lesson, Model, RuleSet, Source, Taught};
use sahut_store::collect::NewPage;
use sahut_store::inquiries::Filter;
use sahut_store::learn::NewModel;

use crate::regency::Town;

fn item(id: usize, text: &str, clock: &ManualClock) -> Item {
    Item {
        external_id: format!("m{id}"),
        thread: ThreadKey { external_id: format!("t{id}"), surface: Surface::Direct, post: None },
        parent: None,
        author: Author { external_id: Some(format!("w{id}")), ..Author::default() },
        own: false,
        automatic: false,
        text: text.to_owned(),
        subject: None,
        written_at: clock.clock().now(),
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: Vec::new(),
    }
}

async fn written(town: &Town, texts: &[String], clock: &ManualClock) {
    let items = texts.iter().enumerate().map(|(id, text)| item(id, text, clock)).collect();
    let mut tx = town.context.db.begin().await.unwrap();
    tx.store_page(town.channels[0], NewPage { items, ..NewPage::default() }, clock.clock().now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    while route_batch(&town.context).await.unwrap() > 0 {}
}

/// The rules are wrong about all of these: the first half needs somebody, the second is talk.
async fn put_right(town: &Town, clock: &ManualClock) {
    let streets = ["melati", "mawar", "kenanga", "anggrek", "dahlia", "cempaka", "seroja", "teratai"];
    let jokes = ["hidupku", "nasibku", "dompetku", "asmaraku", "timku", "nilaiku", "gajiku", "cintaku"];
    let needed = streets.iter().flat_map(|street| {
        [
            format!("lampu gang {street} gelap gulita lagi"),
            format!("kapan gang {street} terang, lampunya mati"),
        ]
    });
    let talk = jokes.iter().flat_map(|joke| {
        [format!("tolong diperbaiki {joke} haha"), format!("haha {joke} juga tolong diperbaiki dong")]
    });
    written(town, &needed.chain(talk).collect::<Vec<_>>(), clock).await;
    let mut tx = town.context.db.begin().await.unwrap();
    for aside in tx.set_asides(None, 100).await.unwrap() {
        assert!(tx.bring_back(aside.message, "Admin", clock.clock().now()).await.unwrap());
    }
    for line in tx.inquiries(&Filter::default(), 100).await.unwrap() {
        tx.close_as_talk(line.number, "Admin", clock.clock().now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    while route_batch(&town.context).await.unwrap() > 0 {}
}

#[tokio::test]
async fn enough_corrections_make_a_model_that_is_used_where_it_is_better() {
    let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
    let town = Town::without_platforms(clock.clock()).await;
    let heart = Heart::alone(clock.clock());
    learn(&town.context, &heart).await.unwrap();
    assert!(town.context.db.read().await.unwrap().models(5).await.unwrap().is_empty(), "nothing to learn");

    put_right(&town, &clock).await;
    learn(&town.context, &heart).await.unwrap();
    let models = town.context.db.read().await.unwrap().models(5).await.unwrap();
    assert_eq!((models.len(), models[0].in_use), (1, true), "{models:?}");
    assert!(models[0].right >= 24 && models[0].rules_right <= 4, "{models:?}");
    learn(&town.context, &heart).await.unwrap();
    assert_eq!(town.context.db.read().await.unwrap().models(5).await.unwrap().len(), 1, "nothing new");
}

#[tokio::test]
async fn a_model_that_does_worse_than_the_rules_is_taken_out_of_use() {
    let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
    let town = Town::without_platforms(clock.clock()).await;
    let heart = Heart::alone(clock.clock());
    let mut tx = town.context.db.begin().await.unwrap();
    let new = NewModel {
        revision: 1,
        corrections: 1000,
        lessons: 40,
        right: 40,
        rules_right: 0,
        refused: None,
        body: vec![0],
    };
    let model = tx.store_model(new, clock.clock().now()).await.unwrap();
    tx.commit().await.unwrap();
    town.decide_by(misled(model));
    let texts: Vec<String> = (0..12).map(|n| format!("jalan rusak {n}, tolong diperbaiki")).collect();
    written(&town, &texts, &clock).await;
    learn(&town.context, &heart).await.unwrap();
    assert_eq!(town.context.db.read().await.unwrap().model_number().await.unwrap(), Some(model));

    let mut tx = town.context.db.begin().await.unwrap();
    for sequence in 1..=12 {
        let number = InquiryNumber { year: 2026, sequence };
        tx.hand_over(number, &pupr(), "", "Admin", clock.clock().now()).await.unwrap().unwrap();
    }
    tx.commit().await.unwrap();
    learn(&town.context, &heart).await.unwrap();
    let mut tx = town.context.db.read().await.unwrap();
    assert_eq!(tx.model_number().await.unwrap(), None);
    let reason = tx.models(1).await.unwrap().remove(0).reason.unwrap();
    assert_eq!(reason, "people agreed with it 0 times of 12, with the rules alone 12 times");
}

fn pupr() -> OfficeCode {
    OfficeCode::parse("pupr").unwrap()
}

fn lesson<'a>(text: &'a str, seat: &'a str) -> Lesson<'a> {
    Lesson { input: Input::of(text), taught: Taught::Seat(seat), at: Timestamp::UNIX_EPOCH }
}

/// Rules with a model that was taught that bad roads are the business of somebody outside.
fn misled(model: i64) -> RuleSet {
    let text = "[[kind]]\nkind = \"complaint\"\nstrong = [\"tolong diperbaiki\"]\n\n[[outside]]\nname = \"PLN\"\n\
                strong = [\"listrik\"]\n";
    let duty = "duty = \"pupr\"\n\n[[topic]]\nname = \"jalan\"\nstrong = [\"jalan rusak\"]\n";
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [source("gate.toml", text), source("pupr.toml", duty)];
    let mut rules = RuleSet::compile(&sources, &[(pupr(), OfficeKind::Technical)], &pupr()).unwrap();
    let texts: Vec<String> = (0..30).map(|n| format!("jalan rusak {n}, tolong diperbaiki")).collect();
    let wrong = texts.iter().map(|text| lesson(text, "PLN"));
    let right = lesson("listrik", "pupr");
    let lessons: Vec<_> = wrong.chain([right]).collect();
    rules.teach(Model::learn(&rules, &lessons), model);
    rules
}
