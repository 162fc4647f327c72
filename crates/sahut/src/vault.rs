//! Sealing secrets with a key that is not in the database.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sahut_domain::Chance;
use sahut_store::secrets::Sealed;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};

use crate::app::hex;
use crate::derive::derived;
use crate::failure::Failure;

/// The file that systemd hands over with `LoadCredential=sahut.key:…`.
const CREDENTIAL: &str = "sahut.key";

/// Seals and opens secrets.
pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
    key: SecretSlice<u8>,
    key_id: String,
}

impl Vault {
    /// Makes a key and writes it to a new file that only its owner can read.
    pub(crate) fn create(path: &Path, chance: &Chance) -> Result<(), Failure> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut key = [0; 32];
        chance.fill(&mut key);
        let mut file = std::fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(path)
            .map_err(|error| Failure::file(path, "cannot create the key", &error))?;
        writeln!(file, "{}", STANDARD.encode(key))
            .map_err(|error| Failure::file(path, "cannot write the key", &error))
    }

    /// Reads the key: from systemd's credentials where it hands one over, else from the file.
    pub(crate) fn open(key_file: &Path) -> Result<Self, Failure> {
        let path = credential().unwrap_or_else(|| key_file.to_owned());
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::config(format!(
                "there is no key {}: bring it back, or make another with `sahut secret new-key` and set all secrets again",
                path.display()
            )),
            _ => Failure::file(&path, "cannot read the key", &error),
        })?;
        let bytes = STANDARD.decode(text.trim()).ok().filter(|key| key.len() == 32).ok_or_else(|| {
            Failure::config(format!(
                "{} is not a key: expected 32 bytes in base64, as `sahut init` writes",
                path.display()
            ))
        })?;
        let key = Key::try_from(bytes.as_slice())
            .map_err(|_| Failure::config(format!("{} is not a key of 32 bytes", path.display())))?;
        let key_id = hex(&Sha256::digest(&bytes)[..4]);
        Ok(Self { cipher: XChaCha20Poly1305::new(&key), key: SecretSlice::from(bytes), key_id })
    }

    /// A key of this installation for one purpose, which says nothing about the others.
    pub(crate) fn key_for(&self, purpose: &str) -> SecretSlice<u8> {
        derived(&self.key, purpose)
    }

    /// Seals a secret under the name that it is stored under: it cannot be put in the place of another.
    pub(crate) fn seal(&self, name: &str, secret: &SecretString, chance: &Chance) -> Result<Sealed, Failure> {
        let mut nonce = [0; 24];
        chance.fill(&mut nonce);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: name.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed =
            sealed.map_err(|_| Failure::failed(format!("the secret {name:?} could not be sealed")))?;
        Ok(Sealed { key_id: self.key_id.clone(), nonce: nonce.to_vec(), sealed })
    }

    /// Opens a secret that was sealed under this name.
    pub(crate) fn unseal(&self, name: &str, sealed: &Sealed) -> Result<SecretString, Failure> {
        if sealed.key_id != self.key_id {
            return Err(Failure::config(format!(
                "the secret {name:?} was sealed with key {}, this process has key {}: give it the right key \
                 file, or set the secret again with `sahut secret set`",
                sealed.key_id, self.key_id
            )));
        }
        let broken = || {
            Failure::config(format!("the secret {name:?} is damaged: set it again with `sahut secret set`"))
        };
        let nonce: [u8; 24] = sealed.nonce.as_slice().try_into().map_err(|_| broken())?;
        let payload = Payload { msg: &sealed.sealed, aad: name.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| broken())?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| broken())
    }
}

fn credential() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (Vault, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Vault::create(&path, &Chance::seeded(1)).unwrap();
        (Vault::open(&path).unwrap(), folder)
    }

    #[test]
    fn a_secret_comes_back_only_under_its_own_name_and_key() {
        let (vault, _folder) = vault();
        let chance = Chance::seeded(2);
        let sealed = vault.seal("fb/token", &SecretString::from("rahasia"), &chance).unwrap();
        assert!(!sealed.sealed.windows(7).any(|bytes| bytes == b"rahasia"));
        assert_eq!(vault.unseal("fb/token", &sealed).unwrap().expose_secret(), "rahasia");
        assert!(vault.unseal("ig/token", &sealed).is_err());
        let other = Sealed { key_id: "00000000".to_owned(), ..sealed };
        assert!(vault.unseal("fb/token", &other).unwrap_err().message.contains("key"));
    }

    #[test]
    fn a_key_file_is_never_overwritten_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Vault::create(&path, &Chance::seeded(1)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert!(Vault::create(&path, &Chance::seeded(2)).is_err());
    }
}
