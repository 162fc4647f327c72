//! A source that delivers as Standard Webhooks say (`docs/webhook.md`).

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sahut_domain::Timestamp;
use sha2::Sha256;

use crate::http::{self, Answer};

/// Delivers a body to a channel, signed with its secret.
pub fn deliver(
    port: u16,
    channel: &str,
    secret: &str,
    id: &str,
    at: Timestamp,
    body: &str,
) -> io::Result<Answer> {
    let at = at.as_second().to_string();
    let signature = sign(secret, &format!("{id}.{at}.{body}"))?;
    let headers = [("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
    http::post(port, &format!("/hook/{channel}"), &headers, body)
}

fn sign(secret: &str, text: &str) -> io::Result<String> {
    let unreadable =
        |error: &dyn std::error::Error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
    let key = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(key).map_err(|error| unreadable(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| unreadable(&error))?;
    mac.update(text.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}
