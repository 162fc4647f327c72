//! The judgement of a client that others wrote: Meta's own SDK for Python, for pages and Instagram accounts.

mod support;

use sahut_simulator::{Simulator, SimulatorSettings};

#[tokio::test]
async fn facebook_business_gets_along_with_the_simulator() {
    let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
    let page = simulator.world().create_page("Dinas Contoh");
    let instagram = simulator.world().create_instagram("dinas.contoh", Some(&page.id)).unwrap();
    let user = simulator.world().create_user(&[&page.id]);
    let arguments = [simulator.url(), &page.id, &page.token, &instagram.id, &user.token];
    support::judge("facebook-business==26.0.3", "facebook_business_sdk.py", &arguments).await;
    simulator.stop().await;
}
