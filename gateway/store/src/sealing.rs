//! Payloads at rest: each sealed by a data key, each data key wrapped by a master key.
//!
//! In: master keys, wrapped data keys, plain or sealed payloads; out: the other one.
//! Promise: what was altered (the payload, the key, or which payload it is said to
//! be) does not open. Formats: FORMATS.md. Keys in the clear are wiped when they are
//! dropped; the round keys that ring expands for each call live only on the stack.

mod master;

pub use master::{MasterKeyError, MasterKeys};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use ring::aead::NONCE_LEN;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::random::Nonces;

/// Bytes of a key of either kind.
const KEY_BYTES: usize = 32;
/// What sealing adds: the nonce in front and the tag behind.
pub(crate) const SEAL_BYTES: usize = NONCE_LEN + 16;
/// Bytes of a wrapped data key.
pub(crate) const WRAPPED_BYTES: usize = KEY_BYTES + SEAL_BYTES;
/// Payloads sealed by one data key. NIST SP 800-38D, 8.3, allows 2^32 random nonces a key; with
/// 2^28 the chance that two are the same is below 2^-40.
pub(crate) const PAYLOADS_MAX: u64 = 1 << 28;
/// Data keys kept unwrapped; there is one for each day, and few days are read at a time.
const UNWRAPPED_MAX: usize = 1024;

/// 256 bits that are wiped when they go.
type Secret = Zeroizing<[u8; KEY_BYTES]>;

/// A data key in the clear.
pub(crate) struct DataKey {
    id: i64,
    secret: Secret,
}

impl DataKey {
    /// A new one, from the system's random source.
    pub(crate) fn generate(id: i64) -> Result<DataKey, StoreError> {
        let mut secret = Secret::new([0; KEY_BYTES]);
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| StoreError::NoRandomness)?;
        Ok(DataKey { id, secret })
    }

    /// Its number in the store.
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Seals the payload `body` with a fresh nonce: nonce, ciphertext, tag.
    pub(crate) fn seal(
        &self,
        body: i64,
        nonces: &mut Nonces<NONCE_LEN>,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        seal(&self.secret, &payload_context(body, self.id), nonces.next()?, plain)
    }

    /// Opens what [`DataKey::seal`] made for the same payload; `None` for anything else.
    pub(crate) fn open(&self, body: i64, sealed: Vec<u8>) -> Option<Vec<u8>> {
        open(&self.secret, &payload_context(body, self.id), sealed)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A row of the table of data keys, as far as it takes to unwrap one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) id: i64,
    /// Which master key wraps it.
    pub(crate) master: String,
    /// The wrapped key; `None` once it was destroyed.
    pub(crate) wrapped: Option<Vec<u8>>,
    /// When it was destroyed.
    pub(crate) destroyed_ms: Option<i64>,
}

/// Unwrapped data keys by id, each beside its wrapped bytes.
type Unwrapped = BTreeMap<i64, (Vec<u8>, Arc<DataKey>)>;

/// The master keys of a process with the data keys that it has unwrapped. Without master keys
/// nothing is sealed, and what is sealed cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    masters: Option<MasterKeys>,
    /// By id, beside the wrapped bytes they came out of: a row that was wrapped anew, or replaced,
    /// is unwrapped anew.
    unwrapped: Mutex<Unwrapped>,
}

impl Vault {
    pub(crate) fn new(masters: Option<MasterKeys>) -> Vault {
        Vault { masters, unwrapped: Mutex::default() }
    }

    /// Whether new payloads are sealed.
    pub(crate) fn seals(&self) -> bool {
        self.masters.is_some()
    }

    /// The id of the master key that wraps new data keys.
    pub(crate) fn current_master(&self) -> Option<&str> {
        self.masters.as_ref().map(MasterKeys::current)
    }

    /// Wraps a data key by the current master key; gives the wrapped bytes.
    pub(crate) fn wrap(&self, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        let current = self.current_master().unwrap_or_default();
        let secret = self.master(current)?;
        seal(secret, &key_context(key.id, current), Nonces::default().next()?, key.secret.as_ref())
    }

    /// The data key in the clear, unwrapped at most once.
    ///
    /// # Errors
    /// [`StoreError::MasterKeyMissing`], [`StoreError::DataKeyUnreadable`].
    pub(crate) fn unwrap(&self, row: &WrappedKey) -> Result<Arc<DataKey>, StoreError> {
        let unreadable =
            || StoreError::DataKeyUnreadable { key: row.id, master: row.master.clone() };
        let wrapped = row.wrapped.as_ref().filter(|wrapped| wrapped.len() == WRAPPED_BYTES);
        let wrapped = wrapped.ok_or_else(unreadable)?;
        // The map is whole even if a thread died while it held the lock.
        let mut known = self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.get(&row.id).filter(|(bytes, _)| bytes == wrapped) {
            return Ok(Arc::clone(key));
        }
        let master = self.master(&row.master)?;
        let plain = open(master, &key_context(row.id, &row.master), wrapped.clone());
        let plain = plain.map(Zeroizing::new).ok_or_else(unreadable)?;
        let mut secret = Secret::new([0; KEY_BYTES]);
        secret.copy_from_slice(&plain);
        let key = Arc::new(DataKey { id: row.id, secret });
        while known.len() >= UNWRAPPED_MAX {
            known.pop_first();
        }
        known.insert(row.id, (wrapped.clone(), Arc::clone(&key)));
        Ok(key)
    }

    /// Forgets a data key that was destroyed.
    pub(crate) fn forget(&self, key: i64) {
        self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    fn master(&self, id: &str) -> Result<&Secret, StoreError> {
        let found = self.masters.as_ref().and_then(|masters| masters.secret(id));
        found.ok_or_else(|| StoreError::MasterKeyMissing { master: id.to_owned() })
    }
}

/// What binds a sealed payload to its place: `onepoint-body/1`, body and data key.
fn payload_context(body: i64, key: i64) -> String {
    format!("onepoint-body/1\n{body}\n{key}")
}

/// What binds a wrapped key to its place: `onepoint-data-key/1`, data key and master key.
fn key_context(key: i64, master: &str) -> String {
    format!("onepoint-data-key/1\n{key}\n{master}")
}

fn cipher(secret: &Secret) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, secret.as_ref()).ok().map(LessSafeKey::new)
}

/// Nonce, ciphertext, tag, in one buffer.
fn seal(
    secret: &Secret,
    context: &str,
    nonce: [u8; NONCE_LEN],
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(plain.len().saturating_add(SEAL_BYTES));
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    let sealed = cipher(secret).and_then(|cipher| {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = out.get_mut(NONCE_LEN..)?;
        cipher.seal_in_place_separate_tag(nonce, Aad::from(context), text).ok()
    });
    // ring refuses only what is longer than 64 GiB.
    let tag = sealed.ok_or_else(|| StoreError::Backend("sealing failed".into()))?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// The plain bytes, in the buffer of the sealed ones.
fn open(secret: &Secret, context: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let nonce = Nonce::try_assume_unique_for_key(sealed.get(..NONCE_LEN)?).ok()?;
    let cipher = cipher(secret)?;
    let plain = cipher.open_within(nonce, Aad::from(context), &mut sealed, NONCE_LEN..).ok()?;
    let length = plain.len();
    sealed.truncate(length);
    Some(sealed)
}

#[cfg(test)]
mod tests;
