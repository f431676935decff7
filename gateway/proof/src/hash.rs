//! SHA-256 tree hashing as in RFC 6962 section 2.1 (the same in RFC 9162).
//!
//! In: entries or child hashes; out: [`struct@Hash`]. Leaves and nodes are told apart
//! by their first byte, so that no node can pass for a leaf.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256, digest};

/// Bytes in a hash.
pub const HASH_BYTES: usize = 32;

/// A SHA-256 value: a leaf hash, a node hash or a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// The root of the tree without leaves: SHA-256 of nothing (RFC 6962 2.1).
    pub const EMPTY_ROOT: Hash = Hash([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// Wraps 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; HASH_BYTES]) -> Hash {
        Hash(bytes)
    }

    /// SHA-256 of `data`, without any prefix.
    #[must_use]
    pub fn of(data: &[u8]) -> Hash {
        Hash::from_digest(digest(&SHA256, data).as_ref())
    }

    /// SHA-256 of the parts one after the other, without any prefix.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Hash {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Hash::from_digest(context.finish().as_ref())
    }

    /// Takes exactly 32 bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// Reads standard base64 with padding (RFC 4648 section 4) of 32 bytes;
    /// `None` for anything else, also for unused bits that are not zero.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Hash> {
        Hash::from_slice(&decode_base64(text)?)
    }

    /// Standard base64 with padding.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Lower-case hexadecimal.
    #[must_use]
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    fn from_digest(bytes: &[u8]) -> Hash {
        // A SHA-256 value has 32 bytes: the other arm is never taken.
        Hash(bytes.try_into().unwrap_or([0; HASH_BYTES]))
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Hash {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.to_base64())
    }
}

/// The hash of a leaf: SHA-256(0x00 || entry) (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash::of_parts(&[&[0x00], entry])
}

/// The hash of an inner node: SHA-256(0x01 || left || right) (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut data = [0x01; 1 + 2 * HASH_BYTES];
    // Copied in two blocks: this is where building a log spends its time.
    let (first, second) = data.split_at_mut(1 + HASH_BYTES);
    first.split_at_mut(1).1.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash::of(&data)
}

/// Standard base64, strictly: padding required, unused bits zero, no white space.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Standard base64 with padding.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Lower-case hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_root_is_the_hash_of_nothing() {
        assert_eq!(Hash::of(b""), Hash::EMPTY_ROOT);
    }

    #[test]
    fn leaf_and_node_have_their_prefix() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        assert_eq!(a, Hash::of(b"\x00a"));
        let mut data = vec![1];
        data.extend_from_slice(a.as_bytes());
        data.extend_from_slice(b.as_bytes());
        assert_eq!(node_hash(&a, &b), Hash::of(&data));
        assert_eq!(leaf_hash(b"").to_base64(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    }

    #[test]
    fn base64_is_strict() {
        let text = Hash::EMPTY_ROOT.to_base64();
        assert_eq!(Hash::from_base64(&text), Some(Hash::EMPTY_ROOT));
        assert_eq!(Hash::from_base64(text.trim_end_matches('=')), None);
        // The last character before the padding carries two unused bits.
        assert_eq!(Hash::from_base64(&text.replace("uFU=", "uFV=")), None);
        assert_eq!(Hash::from_base64(&format!("{text}\n")), None);
        assert_eq!(Hash::from_base64("AAAA"), None);
    }

    #[test]
    fn shown_as_base64_and_hex() {
        let hash = Hash::new([0xab; 32]);
        assert_eq!(hash.to_hex(), "ab".repeat(32));
        assert_eq!(hash.to_string(), hash.to_base64());
        assert!(format!("{hash:?}").starts_with("Hash("));
    }
}
