//! How much of Graph's budgets is used: two headers in percent, with the wait in minutes.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::{Answer, Usage};

/// The shares that an answer's headers tell: `app:<host>` for what all channels of the app share, `channel` for the
/// account's own. An instance has one app at Meta, so the host names it.
pub(super) fn of(answer: &Answer) -> Vec<Usage> {
    let app = app_load(answer).map(|load| Usage { scope: app_scope(&answer.host), share: load.share() });
    let loads = account_loads(answer);
    let account = loads.iter().map(Load::share).reduce(f64::max);
    let account = account.map(|share| Usage { scope: "channel".to_owned(), share });
    app.into_iter().chain(account).collect()
}

/// The minutes to wait before the account may call again, where Graph tells a number that makes sense.
pub(super) fn minutes_to_regain(answer: &Answer) -> Option<i64> {
    let loads = account_loads(answer).into_iter().chain(app_load(answer));
    let minutes = loads.filter_map(|load| load.estimated_time_to_regain_access).reduce(f64::max)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of floats saturates, and nobody waits for years"
    )]
    (minutes > 0.0).then(|| minutes.ceil() as i64)
}

/// The name of the budget that all channels of the app share.
pub(super) fn app_scope(host: &str) -> String {
    format!("app:{host}")
}

fn app_load(answer: &Answer) -> Option<Load> {
    serde_json::from_str(answer.header("x-app-usage")?).ok()
}

fn account_loads(answer: &Answer) -> Vec<Load> {
    let text = answer.header("x-business-use-case-usage").unwrap_or_default();
    serde_json::from_str(text).map_or_else(|_| Vec::new(), |Loads(loads)| loads)
}

/// Percentages of one budget.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Load {
    call_count: f64,
    total_cputime: f64,
    total_time: f64,
    estimated_time_to_regain_access: Option<f64>,
}

impl Load {
    fn share(&self) -> f64 {
        self.call_count.max(self.total_cputime).max(self.total_time) / 100.0
    }
}

/// All budgets of an object whose keys, identifiers of accounts, may repeat: as a map, all but the last would be lost.
struct Loads(Vec<Load>);

impl<'de> Deserialize<'de> for Loads {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Repeated)
    }
}

struct Repeated;

impl<'de> Visitor<'de> for Repeated {
    type Value = Loads;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object of lists of budgets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loads, A::Error> {
        let mut all = Vec::new();
        while let Some((_, loads)) = map.next_entry::<String, Vec<Load>>()? {
            all.extend(loads);
        }
        Ok(Loads(all))
    }
}
