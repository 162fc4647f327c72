//! The report of a month is made and mailed on the first working morning of the next, once.

use sahut_domain::ManualClock;
use sahut_pipeline::reports::make_due;
use sahut_pipeline::{Supervisor, notify};
use sahut_testing::{SmtpSink, or_skip};

use crate::regency::{Town, eventually};

#[tokio::test]
async fn last_months_report_is_mailed_once_on_the_first_working_morning() {
    let Some(server) = or_skip(SmtpSink::start()) else { return };
    let clock = ManualClock::at("2026-10-20T01:00:00Z".parse().unwrap());
    let town = Town::without_platforms(clock.clock()).await;
    town.mail_through(server.port());
    let supervisor = Supervisor::new(clock.clock());
    let context = town.context.clone();
    supervisor.start("notify", "mails what is owed", true, move |heart| notify::run(context.clone(), heart));
    make_due(&town.context).await.unwrap();
    town.complaint(town.channels[0], "ani").await;
    eventually(async || town.owed().await.is_empty()).await;
    assert_eq!(server.kept().unwrap().len(), 1);

    // The first of November 2026 is a Sunday; the office opens on Monday at half past seven.
    clock.set("2026-11-02T07:29:00Z".parse().unwrap());
    make_due(&town.context).await.unwrap();
    assert!(town.owed().await.is_empty());
    clock.set("2026-11-02T07:30:00Z".parse().unwrap());
    for _ in 0..3 {
        make_due(&town.context).await.unwrap();
    }
    eventually(async || server.kept().unwrap().len() == 2).await;
    let kept = server.kept().unwrap();
    let mail = String::from_utf8_lossy(&kept[1].raw).replace("=\r\n", "");
    assert!(mail.contains("Subject: Laporan bulanan Oktober 2026: 1 masuk, 1 terlambat"), "{mail}");
    assert!(mail.contains("sahut report --month 2026-10"), "{mail}");
    supervisor.stop_hard();
}
