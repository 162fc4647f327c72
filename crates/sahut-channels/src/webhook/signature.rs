//! Signatures after Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

use crate::PushRefused;

/// How far a delivery's timestamp may be from our clock, in seconds, both ways.
const TOLERANCE: i64 = 5 * 60;

/// What a secret has to look like, for whoever configured another one.
const FORM: &str = "expected is whsec_ and 24 to 64 random bytes in base64, such as `echo whsec_$(openssl rand \
                    -base64 32)` prints";

/// The keys of a channel; the first one signs, each one verifies.
pub(super) struct Keys(Vec<SecretSlice<u8>>);

impl Keys {
    /// Reads the present secret, `whsec_...`.
    pub(super) fn new(secret: &SecretString) -> Result<Self, &'static str> {
        Ok(Self(vec![key(secret)?]))
    }

    /// Accepts another secret too, while the source changes over.
    pub(super) fn also(mut self, secret: &SecretString) -> Result<Self, &'static str> {
        self.0.push(key(secret)?);
        Ok(self)
    }

    /// Holds a list of signatures against the raw bytes. One that fits is enough; versions other than `v1` are skipped.
    pub(super) fn verify(
        &self,
        id: &str,
        timestamp: &str,
        body: &[u8],
        signatures: &str,
    ) -> Result<(), PushRefused> {
        let shown: Vec<Vec<u8>> = signatures
            .split_ascii_whitespace()
            .filter_map(|signature| BASE64_STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .collect();
        let fits = self.0.iter().any(|key| {
            shown
                .iter()
                .any(|shown| mac(key, id, timestamp, body).is_some_and(|mac| mac.verify_slice(shown).is_ok()))
        });
        if fits { Ok(()) } else { Err(PushRefused::Signature) }
    }

    /// Signs with the present key.
    pub(super) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mac = self.0.first().and_then(|key| mac(key, id, timestamp, body));
        let code = mac.map(|mac| BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        format!("v1,{}", code.unwrap_or_default())
    }
}

/// Refuses a timestamp (seconds since 1970) that is too far from our clock.
pub(super) fn is_recent(timestamp: &str, now: Timestamp) -> Result<(), PushRefused> {
    let signed_at: i64 = timestamp
        .parse()
        .map_err(|_| PushRefused::Malformed("webhook-timestamp is not a number of seconds".to_owned()))?;
    let apart = now.as_second().abs_diff(signed_at);
    if apart > TOLERANCE.unsigned_abs() { Err(PushRefused::Stale) } else { Ok(()) }
}

fn key(secret: &SecretString) -> Result<SecretSlice<u8>, &'static str> {
    let encoded = secret.expose_secret().trim().strip_prefix("whsec_").ok_or(FORM)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| FORM)?;
    if (24..=64).contains(&bytes.len()) { Ok(bytes.into()) } else { Err(FORM) }
}

fn mac(key: &SecretSlice<u8>, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> Keys {
        Keys::new(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap()
    }

    #[test]
    fn a_known_delivery_verifies_among_other_signatures() {
        // The value that the reference libraries for Python and JavaScript compute too.
        let body = "{\"type\":\"komentar.baru\",\"data\":{\"teks\":\"Jalan rusak \\u2014 tolong 🙏\"}}";
        let good = "v1,738hr9Zs4h9hzDeOIyHouJU8Za4hBO1zB107zm/f5WY=";
        let (id, at) = ("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "1674087231");
        assert_eq!(keys().sign(id, at, body.as_bytes()), good);
        assert_eq!(keys().verify(id, at, body.as_bytes(), good), Ok(()));
        let list = format!("v1a,abc v1,AAAA {good}");
        assert_eq!(keys().verify(id, at, body.as_bytes(), &list), Ok(()));

        let again = body.replace("\\u2014", "—");
        assert_eq!(keys().verify(id, at, again.as_bytes(), good), Err(PushRefused::Signature));
        assert_eq!(keys().verify("other", at, body.as_bytes(), good), Err(PushRefused::Signature));
        assert_eq!(keys().verify(id, "1674087232", body.as_bytes(), good), Err(PushRefused::Signature));
    }

    #[test]
    fn both_secrets_count_while_they_change() {
        let old = keys().sign("a", "1", b"{}");
        let new = SecretString::from("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        let changing =
            Keys::new(&new).unwrap().also(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        assert_eq!(changing.verify("a", "1", b"{}", &old), Ok(()));
        assert_ne!(changing.sign("a", "1", b"{}"), old);
        assert_eq!(Keys::new(&new).unwrap().verify("a", "1", b"{}", &old), Err(PushRefused::Signature));
    }

    #[test]
    fn weak_secrets_are_refused_when_the_channel_is_built() {
        for weak in ["", "whsec_", "whsec_c2hvcnQ=", "rahasia", "whsec_***"] {
            assert!(Keys::new(&weak.into()).is_err(), "{weak}");
        }
    }

    #[test]
    fn five_minutes_are_tolerated_both_ways() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(is_recent("999700", now), Ok(()));
        assert_eq!(is_recent("1000300", now), Ok(()));
        assert_eq!(is_recent("999699", now), Err(PushRefused::Stale));
        assert_eq!(is_recent("1000301", now), Err(PushRefused::Stale));
        assert_eq!(is_recent("9223372036854775807", now), Err(PushRefused::Stale));
        assert!(matches!(is_recent("kemarin", now), Err(PushRefused::Malformed(_))));
    }

    proptest! {
        #[test]
        fn nothing_else_verifies(id in ".*", at in ".*", body: Vec<u8>, shown in ".*") {
            prop_assert_eq!(keys().verify(&id, &at, &body, &shown), Err(PushRefused::Signature));
        }
    }
}
