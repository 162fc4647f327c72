//! Which hosts and addresses may be called.
//!
//! A host's name is resolved and judged in one step, for the very connection that then uses the address: a name that
//! points elsewhere a moment later gains nothing. Hosts that are written as addresses are never resolved, so they are
//! judged before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

use super::HttpPolicy;

/// Why a call is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Forbidden {
    #[error("only https is allowed (http for hosts that are listed as private)")]
    Scheme,
    #[error("the URL names no host")]
    NoHost,
    #[error("the address is not a public one and the host is not listed as private")]
    Address,
}

/// Judges scheme and host of a URL as far as that goes without asking for its address.
pub(super) fn check(url: &Url, policy: &HttpPolicy) -> Result<(), Forbidden> {
    let host = url.host().ok_or(Forbidden::NoHost)?;
    let private = url.host_str().is_some_and(|host| policy.allows(host));
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        _ => return Err(Forbidden::Scheme),
    }
    let public = match host {
        Host::Domain(_) => true,
        Host::Ipv4(address) => is_public_v4(address),
        Host::Ipv6(address) => is_public_v6(address),
    };
    if public || private { Ok(()) } else { Err(Forbidden::Address) }
}

/// Resolves names for the connections of the client, leaving out what may not be called.
pub(super) struct Resolver(pub(super) Arc<HttpPolicy>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.0.allows(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|at| private || is_public(at.ip())).collect();
            if allowed.is_empty() {
                return Err(Forbidden::Address.into());
            }
            Ok::<Addrs, _>(Box::new(allowed.into_iter()))
        })
    }
}

impl HttpPolicy {
    fn allows(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self.private_hosts
            .iter()
            .any(|listed| listed.trim_start_matches('[').trim_end_matches(']').eq_ignore_ascii_case(bare))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA's IPv4 Special-Purpose Address Registry, and multicast.
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Only global unicast (`2000::/3`) without its special blocks, and public IPv4 addresses behind the well-known NAT64
/// prefix. That leaves out loopback, mapped and compatible IPv4, unique local, link-local and multicast.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo; documentation; 6to4; documentation again.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_told_from_special_ones_at_the_edges() {
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.1.1",
            "198.20.1.1",
            "223.255.255.255",
            "2001:200::1",
            "2400:cb00::1",
            "64:ff9b::101:101",
        ];
        let special = [
            "0.1.2.3",
            "10.0.0.0",
            "100.64.0.0",
            "127.255.255.255",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.2.1",
            "198.19.0.1",
            "224.0.0.0",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:1.1.1.1",
            "2001::1",
            "2001:db8::1",
            "2002::1",
            "3fff::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        assert_eq!(
            public.into_iter().filter(|text| !is_public(text.parse().unwrap())).collect::<Vec<_>>(),
            [""; 0]
        );
        assert_eq!(
            special.into_iter().filter(|text| is_public(text.parse().unwrap())).collect::<Vec<_>>(),
            [""; 0]
        );
    }
}
