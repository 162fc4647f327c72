//! Deliveries of Meta, which has one address for all accounts of an app.

use std::collections::BTreeSet;
use std::time::Duration;

use sahut_domain::ManualClock;
use sahut_domain::channel::Platform;
use sahut_pipeline::collect::{Settings, collect_due, receive_due};
use sahut_simulator::{Simulator, SimulatorSettings};
use tokio::net::TcpListener;

use crate::regency::{Account, Town};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_to_one_address_reaches_every_account_of_the_app() {
    let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
    let now = || clock.clock().now();
    let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    let world = simulator.world();
    let [stranger, first, second] = ["Bukan Kanal", "Satu", "Dua"].map(|name| world.create_page(name));
    let posts = [&stranger, &first, &second].map(|page| world.post(&page.id, "Pengumuman", now()).unwrap());
    let accounts = [first, second].map(|keys| Account { platform: Platform::Facebook, keys });
    let secret = world.app().secret;
    let town = Town::open_with(simulator.url(), &accounts, clock.clock(), 1, Some(&secret)).await;
    let settings = Settings { patience: Duration::ZERO, ..Settings::default() };
    Box::pin(collect_due(&town.context, settings)).await.unwrap();

    world.push_to(Some(&format!("{}/hook/facebook", open_door(&town).await)));
    let [_, first, second] = posts.map(|post| world.comment(&post, "warga", "Halo", now()).unwrap());
    // The stranger's delivery was answered before those that are waited for.
    let both = async {
        while deliveries(&town).await < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(receive_due(&town.context).await.unwrap(), 2, "what nobody owns is not kept");
    Box::pin(collect_due(&town.context, settings)).await.unwrap();
    let mut tx = town.context.db.read().await.unwrap();
    for (channel, comment) in town.channels.iter().zip([first, second]) {
        let held: BTreeSet<String> = tx.external_ids(*channel).await.unwrap().into_iter().collect();
        assert_eq!(held, BTreeSet::from([comment]), "each page was woken");
    }
    drop(tx);
    simulator.stop().await;
}

/// Opens the door on this machine and answers where it is.
async fn open_door(town: &Town) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = sahut_pipeline::door::router(town.context.clone());
    #[expect(clippy::disallowed_methods, reason = "a test's server, gone with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn deliveries(town: &Town) -> i64 {
    let mut tx = town.context.db.read().await.unwrap();
    tx.status(town.context.clock.now()).await.unwrap().deliveries_due
}
