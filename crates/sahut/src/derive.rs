//! Keys for single purposes, made from the installation's one key: who learns one of them learns no other.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

/// The key for a purpose: HMAC-SHA256 over its name.
pub(crate) fn derived(key: &SecretSlice<u8>, purpose: &str) -> SecretSlice<u8> {
    // Keys of every length are fine for this code.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret()) else {
        return SecretSlice::from(Vec::new());
    };
    mac.update(purpose.as_bytes());
    SecretSlice::from(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_installations_have_keys_of_their_own() {
        let key =
            |key: &[u8], purpose| derived(&SecretSlice::from(key.to_vec()), purpose).expose_secret().to_vec();
        assert_eq!(key(b"a", "mail replies"), key(b"a", "mail replies"));
        assert_ne!(key(b"a", "mail replies"), key(b"a", "links"));
        assert_ne!(key(b"a", "mail replies"), key(b"b", "mail replies"));
        assert_eq!(key(b"a", "links").len(), 32);
    }
}
