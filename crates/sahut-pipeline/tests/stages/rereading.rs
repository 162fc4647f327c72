//! What was set apart, read again by its channel's own reader.

use sahut_domain::ManualClock;
use sahut_domain::channel::Platform;
use sahut_pipeline::collect::receive_due;
use sahut_simulator::Keys;
use sahut_store::collect::NewPage;
use sahut_store::quarantine::Apart;

use crate::regency::{Account, Town};

/// As Telegram sent them once; the second one lacks what makes a message.
const UPDATES: [&str; 2] = [
    r#"{"update_id":5,"message":{"message_id":9,"date":1795482000,"text":"Jalan rusak",
        "chat":{"id":7,"type":"private"},"from":{"id":7,"is_bot":false,"first_name":"Warga"}}}"#,
    r#"{"update_id":6,"message":{"message_id":"sepuluh"}}"#,
];

#[tokio::test]
async fn a_mended_reader_reads_what_the_platform_will_not_show_again() {
    let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
    let keys = Keys { id: "1".to_owned(), token: "1:a".to_owned() };
    let accounts = [Account { platform: Platform::Telegram, keys }];
    let town = Town::open("http://127.0.0.1", &accounts, clock.clock(), 1).await;
    let bad =
        UPDATES.map(|raw| (format!("{raw:.16}"), "an old reader failed".to_owned(), raw.as_bytes().to_vec()));
    let mut tx = town.context.db.begin().await.unwrap();
    tx.store_page(town.channels[0], NewPage { bad: bad.into(), ..NewPage::default() }, clock.clock().now())
        .await
        .unwrap();
    assert_eq!(tx.retry_quarantined(Apart::All, clock.clock().now()).await.unwrap().again, 2);
    tx.commit().await.unwrap();

    while receive_due(&town.context).await.unwrap() > 0 {}
    let mut tx = town.context.db.read().await.unwrap();
    assert_eq!(tx.external_ids(town.channels[0]).await.unwrap(), ["7:9"]);
    let held = tx.quarantined().await.unwrap();
    assert_eq!(held.len(), 1, "what still cannot be read stays");
    assert_ne!(held[0].error, "an old reader failed");
}
