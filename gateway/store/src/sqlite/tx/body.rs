//! How a payload gets into the journal: sealed, when there is a master key, by the
//! data key of the day.
//!
//! A data key is made in the transaction that first needs it, so that no payload is
//! ever there without its key. After a rollback neither is, and the next transaction
//! makes another key under the same number: nothing of it is remembered in between.

use onepoint_proof::statement::Day;
use rusqlite::params;

use super::SqliteTx;
use crate::StoreError;
use crate::model::{BodyId, Payload};
use crate::random::Nonces;
use crate::sealing::{DataKey, NONCE_LEN, PAYLOADS_MAX, WrappedKey};
use crate::sqlite::rows;

/// The payloads of one transaction.
#[derive(Debug, Default)]
pub(super) struct NewBodies {
    /// Number of the first one of this transaction, and the plain length of each.
    first: Option<i64>,
    lengths: Vec<u64>,
    /// The data key in use, with the payloads that it may still seal.
    key: Option<(std::sync::Arc<DataKey>, u64)>,
    /// Sealed by it in this transaction.
    sealed: u64,
    nonces: Nonces<NONCE_LEN>,
}

impl SqliteTx<'_> {
    pub(super) fn body(&mut self, payload: Payload<'_>) -> Result<BodyId, StoreError> {
        let id = self.next_body()?;
        let Payload { bytes, digest } = payload;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let sql = "INSERT INTO body (id, bytes, data_key, digest, plain_bytes) \
            VALUES (?1, ?2, ?3, ?4, ?5)";
        if self.vault.seals() {
            let sealed = self.seal(id, bytes);
            let (key, sealed) = sealed.or_else(|error| self.fail(error))?;
            let length = rows::number(length);
            self.execute(sql, params![id, sealed, key, digest.as_bytes(), length])?;
        } else {
            let (key, length) = (None::<i64>, rows::number(length));
            self.execute(sql, params![id, bytes, key, digest.as_bytes(), length])?;
        }
        self.bodies.lengths.push(length);
        Ok(BodyId(id))
    }

    /// Plain length of a payload that deliveries may name: one that has not moved out.
    pub(super) fn body_bytes(&mut self, body: BodyId) -> Result<Option<u64>, StoreError> {
        let fresh = self.bodies.first.and_then(|first| body.0.checked_sub(first));
        let fresh = fresh.and_then(|at| usize::try_from(at).ok());
        match fresh.and_then(|at| self.bodies.lengths.get(at)) {
            Some(length) => Ok(Some(*length)),
            None => self.run(|on| rows::body_bytes(on, body)),
        }
    }

    /// Writes down how many payloads the data key has sealed by now.
    pub(super) fn finish_bodies(&mut self) -> Result<(), StoreError> {
        let sealed = std::mem::take(&mut self.bodies.sealed);
        if let Some((key, _)) = self.bodies.key.as_ref().filter(|_| sealed > 0) {
            let id = key.id();
            let sql = "UPDATE data_key SET payloads = payloads + ?2 WHERE id = ?1";
            self.execute(sql, params![id, rows::number(sealed)])?;
        }
        Ok(())
    }

    fn next_body(&mut self) -> Result<i64, StoreError> {
        let first = match self.bodies.first {
            Some(first) => first,
            None => self.run(rows::next_body)?,
        };
        self.bodies.first = Some(first);
        Ok(first.saturating_add(i64::try_from(self.bodies.lengths.len()).unwrap_or(i64::MAX)))
    }

    fn seal(&mut self, body: i64, bytes: &[u8]) -> Result<(i64, Vec<u8>), StoreError> {
        if self.bodies.key.as_ref().is_none_or(|(_, left)| *left <= self.bodies.sealed) {
            self.finish_bodies()?;
            self.bodies.key = Some(self.data_key()?);
        }
        let Some((key, _)) = &self.bodies.key else {
            return Err(StoreError::Backend("no data key".into()));
        };
        let sealed = key.seal(body, &mut self.bodies.nonces, bytes)?;
        self.bodies.sealed += 1;
        Ok((key.id(), sealed))
    }

    /// The newest data key while its day lasts and it has payloads left, else a new one.
    fn data_key(&mut self) -> Result<(std::sync::Arc<DataKey>, u64), StoreError> {
        let today = Day::of(self.now_ms).number();
        let newest = self.run(rows::newest_key)?;
        if let Some(row) = &newest {
            let left = PAYLOADS_MAX.saturating_sub(row.payloads);
            // Also one of a later day: the clock was set back.
            if row.key.wrapped.is_some() && row.day >= today && left > 0 {
                return Ok((self.vault.unwrap(&row.key)?, left));
            }
        }
        let id = newest.map_or(1, |row| row.key.id.saturating_add(1));
        let key = DataKey::generate(id)?;
        let row = WrappedKey {
            id,
            master: self.vault.current_master().unwrap_or_default().to_owned(),
            wrapped: Some(self.vault.wrap(&key)?),
            destroyed_ms: None,
        };
        let now_ms = self.now_ms;
        self.execute(
            "INSERT INTO data_key (id, master, wrapped, created_ms, day) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, row.master, row.wrapped, now_ms, today],
        )?;
        Ok((self.vault.unwrap(&row)?, PAYLOADS_MAX))
    }
}
