//! The judgement of a client that others wrote: python-telegram-bot. Its releases follow the Bot API.

mod support;

use sahut_simulator::{Simulator, SimulatorSettings};

#[tokio::test]
async fn python_telegram_bot_gets_along_with_the_simulator() {
    let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
    let bot = simulator.world().create_bot("Lapor", "lapor_bot");
    let arguments = [simulator.url(), &bot.token, &bot.id];
    support::judge("python-telegram-bot==22.8", "python_telegram_bot.py", &arguments).await;
    assert!(simulator.ledger().double_posts().is_empty());
    simulator.stop().await;
}
