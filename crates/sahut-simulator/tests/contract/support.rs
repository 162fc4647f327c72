//! A plain HTTP client and a clock that stands still, for all contract tests.

use std::sync::Once;

use jiff::Timestamp;
use reqwest::{Client, Method, StatusCode};
use sahut_domain::ManualClock;
use sahut_simulator::{Keys, Limits, Moods, Simulator, SimulatorSettings, World};
use serde_json::Value;

/// A simulator with a clock of its own, and who talks to it.
pub(crate) struct Stage {
    pub(crate) sim: Simulator,
    pub(crate) clock: ManualClock,
    pub(crate) client: Client,
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// The ids of the items in `data`, in their order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let items = self.json()["data"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["id"].as_str().unwrap_or("?").to_owned()).collect()
    }

    pub(crate) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or(0)
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::with(1, Moods::calm(), Limits::generous()).await
    }

    pub(crate) async fn with(seed: u64, moods: Moods, limits: Limits) -> Self {
        let clock = ManualClock::at(at("2026-11-24T03:00:00Z"));
        let settings =
            SimulatorSettings { seed, moods, limits, clock: clock.clock(), ..SimulatorSettings::default() };
        let sim = Simulator::start(settings).await.unwrap();
        Self { sim, clock, client: client() }
    }

    pub(crate) fn world(&self) -> &World {
        self.sim.world()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    /// A page that published one post.
    pub(crate) fn page_with_post(&self) -> (Keys, String) {
        let page = self.world().create_page("Dinas Contoh");
        let post = self.world().post(&page.id, "Pengumuman", self.now()).unwrap();
        (page, post)
    }

    /// A call with its parameters in the query, or in a form when it is a POST.
    pub(crate) async fn call(&self, method: Method, path: &str, pairs: &[(&str, &str)]) -> Option<Got> {
        let url = format!("{}{path}", self.sim.url());
        let request = self.client.request(method.clone(), url);
        let request = if method == Method::POST { request.form(pairs) } else { request.query(pairs) };
        read(request).await
    }

    pub(crate) async fn get(&self, path: &str, pairs: &[(&str, &str)]) -> Got {
        self.call(Method::GET, path, pairs).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Got {
        self.call(Method::POST, path, pairs).await.unwrap()
    }
}

/// Sends a request; nothing where the connection broke.
pub(crate) async fn read(request: reqwest::RequestBuilder) -> Option<Got> {
    let response = request.send().await.ok()?;
    let status = response.status();
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
    Some(Got { status, headers, text: response.text().await.ok()? })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a foreign client, on purpose: it must not share our client's habits"
)]
fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder().no_proxy().build().unwrap()
}
