//! Payloads as they were handed in, out of whatever they are stored as.
//!
//! In: rows of payloads; out: the plain bytes. Promise: bytes whose seal is broken,
//! whose length or digest is another, or that come from a segment which says
//! otherwise than the row, are never handed out; the error names the payload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onepoint_proof::Hash;

use super::rows::{KeyRow, Place, StoredBody};
use crate::StoreError;
use crate::archive::Archive;
use crate::sealing::{Vault, WrappedKey};

/// What it takes to read payloads: keys and segments.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    pub(super) vault: Arc<Vault>,
    pub(super) archive: Archive,
}

impl Bodies {
    /// The plain bytes; `None` when the row says that they are in a segment whose file is not
    /// there: it may have gone since the row was read.
    ///
    /// # Errors
    /// [`StoreError::Erased`]; [`StoreError::BodyDamaged`], `SegmentDamaged`;
    /// `MasterKeyMissing`, `DataKeyUnreadable`; `Io`.
    pub(super) fn open(&self, stored: StoredBody) -> Result<Option<Vec<u8>>, StoreError> {
        let StoredBody { id, place, bytes, key, digest, plain_bytes } = stored;
        let bytes = match place {
            Place::Here => bytes,
            Place::Erased(at_ms) => return Err(StoreError::Erased { body: id, at_ms }),
            Place::Unclear => return Err(damaged(id, "its row contradicts that of its segment")),
            Place::Segment(name) => {
                let Some(piece) = self.archive.read(&name, id)? else { return Ok(None) };
                if piece.key != key.as_ref().map(|key| key.id) || Some(piece.digest) != digest {
                    let what = "its segment says otherwise than the journal";
                    return Err(damaged(id, what));
                }
                piece.bytes
            }
        };
        let plain = match &key {
            None => bytes,
            Some(key) => self.unseal(id, key, bytes)?,
        };
        if plain_bytes.is_some_and(|length| u64::try_from(plain.len()) != Ok(length)) {
            return Err(damaged(id, "it has another length"));
        }
        if digest.is_some_and(|digest| digest != Hash::of(&plain)) {
            return Err(damaged(id, "it has another digest"));
        }
        Ok(Some(plain))
    }

    /// Refuses keys that cannot be those of the store: each master key that the store needs is
    /// there, and opens at least one of the data keys that name it. A single data key that does
    /// not open is damaged; its payloads say so when they are read.
    pub(super) fn check_keys(&self, live: &[KeyRow]) -> Result<(), StoreError> {
        let mut opened = BTreeSet::new();
        let mut refused = BTreeMap::new();
        for key in live.iter().map(|row| &row.key) {
            match self.vault.unwrap(key) {
                Ok(_) => drop(opened.insert(&key.master)),
                Err(error) => drop(refused.insert(&key.master, error)),
            }
        }
        let wrong = refused.into_iter().find(|(master, _)| !opened.contains(master));
        wrong.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn unseal(&self, id: i64, key: &WrappedKey, bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if key.destroyed_ms.is_some() {
            return Err(damaged(id, "its data key was destroyed"));
        }
        if key.wrapped.is_none() {
            return Err(damaged(id, "its data key is not there"));
        }
        let opened = self.vault.unwrap(key)?.open(id, bytes);
        opened.ok_or_else(|| damaged(id, "its seal is broken"))
    }
}

pub(super) fn damaged(body: i64, what: impl Into<String>) -> StoreError {
    StoreError::BodyDamaged { body, what: what.into() }
}
