//! The town: citizens write, one after the other, and offices answer some of them.

use std::time::Duration;

use sahut_domain::Chance;
use sahut_domain::channel::Platform;
use sahut_domain::inquiry::State;
use sahut_simulator::Unknown;
use sahut_store::Db;
use sahut_store::deliver::Answer;
use sahut_store::inquiries::Filter;

use super::Scene;
use super::scene::Line;
use crate::app::App;

/// An office answers after so many messages.
const ANSWER_EVERY: usize = 4;

/// What offices answer in the demo.
const ANSWERS: [&str; 3] = [
    "Terima kasih laporannya. Tim kami mengecek ke lokasi hari ini, hasilnya kami kabarkan di sini.",
    "Terima kasih sudah menyampaikan. Sudah kami catat dan masuk jadwal penanganan pekan ini.",
    "Mohon maaf atas ketidaknyamanannya. Petugas kami sedang menindaklanjuti.",
];

/// The town's life.
pub(crate) struct Town<'a> {
    scene: &'a Scene,
    chance: Chance,
    pace: Duration,
}

impl<'a> Town<'a> {
    pub(crate) fn new(scene: &'a Scene, seed: u64, pace: Duration) -> Self {
        Self { scene, chance: Chance::seeded(seed), pace }
    }

    /// Lives until everything is said, then goes quiet.
    pub(crate) async fn live(&self, db: Db, app: &App) {
        let mut lines: Vec<&Line> = self.scene.lines.iter().collect();
        for last in (1..lines.len()).rev() {
            let other = usize::try_from(self.chance.below(last as u64 + 1)).unwrap_or(0);
            lines.swap(last, other);
        }
        for (count, line) in lines.into_iter().enumerate() {
            if let Err(error) = self.say(line) {
                tracing::error!(%error, "demo.not_said");
            }
            if count % ANSWER_EVERY == ANSWER_EVERY - 1
                && let Err(error) = self.answer(&db, app, count).await
            {
                tracing::error!(%error, "demo.not_answered");
            }
            tokio::time::sleep(self.pace).await;
        }
        std::future::pending::<()>().await;
    }

    fn say(&self, line: &Line) -> Result<(), Unknown> {
        let world = self.scene.simulator.world();
        let at = world.clock().now();
        let Some(account) = self.scene.accounts.get(&(line.platform, line.channel.clone())) else {
            return Ok(());
        };
        match (line.platform, line.direct, self.scene.posts.get(&line.post)) {
            (Platform::Telegram, _, _) => world.telegram(&account.id, &line.citizen, &line.text, at)?,
            (_, false, Some(post)) => world.comment(post, &line.citizen, &line.text, at)?,
            _ => world.direct(&account.id, &line.citizen, &line.text, at)?,
        };
        Ok(())
    }

    /// Some office answers the inquiry that is due first, through the queue that `sahut reply` uses.
    async fn answer(&self, db: &Db, app: &App, count: usize) -> Result<(), sahut_store::StoreError> {
        let open = Filter { state: Some(State::Open), ..Filter::default() };
        let lines = db.read().await?.inquiries(&open, 20).await?;
        let pick = usize::try_from(self.chance.below(lines.len().max(1) as u64)).unwrap_or(0);
        let Some(line) = lines.get(pick) else { return Ok(()) };
        // Each has words of its own: the same words twice to one citizen would count as posted twice.
        let text = format!("{} (jawaban {count})", ANSWERS[count % ANSWERS.len()]);
        let mut tx = db.begin().await?;
        let author = format!("Admin {}", line.office_name);
        tx.queue_reply(line.number, Answer::new(&text, &author, &format!("demo-{count}")), app.clock.now())
            .await?;
        tx.commit().await
    }
}
