//! Sealed secrets. What is stored here is useless without the key, which is never in the database.

use jiff::Timestamp;

use crate::value::args;
use crate::{StoreError, Tx};

/// A secret as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key it was sealed with.
    pub key_id: String,
    /// The nonce.
    pub nonce: Vec<u8>,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

impl Tx {
    /// Stores a sealed secret under a name, in place of the one before.
    pub async fn store_secret(
        &mut self,
        name: &str,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const STORE: &str =
            "INSERT INTO secret (name, key_id, nonce, sealed, stored_at) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name) DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce,
                sealed = excluded.sealed, stored_at = excluded.stored_at";
        self.exec(STORE, args![name, sealed.key_id, sealed.nonce, sealed.sealed, now]).await?;
        self.wake(crate::work::Stage::Collect);
        Ok(())
    }

    /// All sealed secrets by name.
    pub async fn secrets(&mut self) -> Result<Vec<(String, Sealed)>, StoreError> {
        const ALL: &str = "SELECT name, key_id, nonce, sealed FROM secret ORDER BY name";
        self.rows(ALL, args![], |row| {
            Ok((row.get(0)?, Sealed { key_id: row.get(1)?, nonce: row.get(2)?, sealed: row.get(3)? }))
        })
        .await
    }

    /// Forgets a secret. `false`: there was none.
    pub async fn forget_secret(&mut self, name: &str) -> Result<bool, StoreError> {
        Ok(self.exec("DELETE FROM secret WHERE name = $1", args![name]).await? == 1)
    }
}
