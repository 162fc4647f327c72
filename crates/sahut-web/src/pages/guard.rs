//! Who may not: guessers, crowds, and forms of other sites.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use sahut_domain::inquiry::InquiryId;

/// Forged links that one address may try in a minute before it is answered with less. A link is 128 bits of signature:
/// this spares the machine and the log, and nobody could guess without it.
const FORGED: u32 = 20;

/// Requests about one inquiry in a minute: far more than its people make.
const REQUESTS: u32 = 120;

/// So many different ones are counted apart; all beyond share one count.
const APART: usize = 10_000;

/// Counts visitors.
#[derive(Debug, Default)]
pub(super) struct Meters {
    forged: Meter<Caller>,
    requests: Meter<InquiryId>,
}

impl Meters {
    /// Counts a link that was not made here. `false`: there were too many from this address.
    pub(super) fn forged(&self, caller: Caller, now: Timestamp) -> bool {
        self.forged.count(caller, now) <= FORGED
    }

    /// Counts a request about an inquiry. `false`: there were too many.
    pub(super) fn request(&self, inquiry: InquiryId, now: Timestamp) -> bool {
        self.requests.count(inquiry, now) <= REQUESTS
    }
}

/// Counts within a minute, and forgets with its end.
#[derive(Debug)]
struct Meter<K>(Mutex<Minute<K>>);

#[derive(Debug)]
struct Minute<K> {
    number: i64,
    counts: HashMap<K, u32>,
    others: u32,
}

impl<K> Default for Meter<K> {
    fn default() -> Self {
        Self(Mutex::new(Minute { number: 0, counts: HashMap::new(), others: 0 }))
    }
}

impl<K: Eq + Hash> Meter<K> {
    fn count(&self, key: K, now: Timestamp) -> u32 {
        let number = now.as_second().div_euclid(60);
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if present.number != number {
            *present = Minute { number, counts: HashMap::new(), others: 0 };
        }
        let Minute { counts, others, .. } = &mut *present;
        let is_apart = counts.len() < APART || counts.contains_key(&key);
        let count = if is_apart { counts.entry(key).or_default() } else { others };
        *count = count.saturating_add(1);
        *count
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Caller(Option<IpAddr>);

impl Caller {
    /// The address at the other end; behind a proxy on this machine, the last one that the proxy names, which is the one it
    /// saw itself.
    pub(super) fn of(peer: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let named = || {
            let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            last.rsplit(',').next()?.trim().parse().ok()
        };
        Self(match peer {
            Some(peer) if peer.is_loopback() => named().or(Some(peer)),
            peer => peer,
        })
    }
}

/// Whether a form was sent from one of our own pages: browsers say so. The secret of the link stands in the form's address,
/// so another site could not make one; this holds also where a link has leaked.
pub(super) fn is_own_form(headers: &HeaderMap, url: Option<&str>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(from) = headers.get(header::ORIGIN) else { return true };
    // Our pages tell nobody where a request comes from, and so some browsers name no origin for their forms either.
    from == "null" || url.is_some_and(|url| from == origin(url))
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(60_000 + second).unwrap()
    }

    fn address(last: u8) -> Caller {
        Caller::of(Some([198, 51, 100, last].into()), &HeaderMap::new())
    }

    #[test]
    fn a_guesser_is_slowed_for_a_minute_and_others_are_not() {
        let meters = Meters::default();
        assert!((0..FORGED).all(|_| meters.forged(address(1), at(0))));
        assert!(!meters.forged(address(1), at(59)));
        assert!(meters.forged(address(2), at(59)));
        assert!(meters.forged(address(1), at(60)));
    }

    #[test]
    fn many_addresses_are_counted_within_bounds() {
        let meter: Meter<u32> = Meter::default();
        for key in 0..50_000 {
            meter.count(key, at(0));
        }
        assert!(meter.0.lock().unwrap().counts.len() <= APART);
        assert_eq!(meter.count(1, at(1)), 2, "who was counted apart still is");
        assert!(meter.count(60_000, at(1)) > 30_000, "the others share one count");
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let named = headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7")]);
        let seen = Caller(Some([198, 51, 100, 7].into()));
        assert_eq!(Caller::of(Some([127, 0, 0, 1].into()), &named), seen);
        assert_eq!(Caller::of(Some([198, 51, 100, 1].into()), &named), address(1));
    }

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        let url = Some("https://sahut.lebong.example/s");
        let own = |pairs: &[(&'static str, &str)]| is_own_form(&headers(pairs), url);
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(own(&[("origin", "https://sahut.lebong.example")]));
        assert!(own(&[("origin", "null")]) && own(&[]));
        assert!(!own(&[("sec-fetch-site", "cross-site")]) && !own(&[("sec-fetch-site", "same-site")]));
        assert!(!own(&[("origin", "https://jahat.example")]));
        assert!(!own(&[("origin", "https://sahut.lebong.example.jahat.example")]));
    }
}
