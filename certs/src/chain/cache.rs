//! Chains that were verified before.
//!
//! In: a verified chain. Out: the same chain again, for the same leaf, anchors
//! and policy, at times when every certificate of it is valid. Promise: bounded
//! in bytes, least recently used goes first; no verdict is kept past an edge of
//! validity, and refusals are not kept at all.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{Chain, TrustAnchors};
use crate::certificate::{Certificate, Fingerprint};
use crate::policy::SignaturePolicy;

/// A bounded cache of verified chains.
#[derive(Debug)]
pub struct ChainCache {
    entries: HashMap<Key, Entry>,
    // By last use, oldest first.
    order: BTreeMap<u64, Key>,
    clock: u64,
    bytes: usize,
    max_bytes: usize,
}

// The intermediates are not in the key: that some set of them proved the leaf
// once does not become untrue with another set. The parts of the policy that
// verification depends on are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    leaf: Fingerprint,
    anchors: Fingerprint,
    allow_chain_sha1: bool,
    min_rsa_bits: u32,
}

#[derive(Debug)]
struct Entry {
    chain: Chain,
    used: u64,
    bytes: usize,
}

/// Both indexes of one entry, estimated from above.
const ENTRY_BYTES: usize = 512;

impl ChainCache {
    /// The bound used by the gateway: about a thousand senders.
    pub const DEFAULT_BYTES: usize = 8 * 1024 * 1024;

    /// An empty cache that holds at most `max_bytes` of certificates and
    /// indexes, each certificate counted once per chain though it is shared.
    pub fn new(max_bytes: usize) -> ChainCache {
        ChainCache {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            bytes: 0,
            max_bytes,
        }
    }

    /// The chain of `leaf`, if it was verified under these anchors and this
    /// policy and is wholly valid at `at`, without any clock tolerance.
    pub fn get(
        &mut self,
        anchors: &TrustAnchors,
        policy: &SignaturePolicy,
        leaf: &Certificate,
        at: Timestamp,
    ) -> Option<Chain> {
        let key = key(anchors, policy, leaf);
        let entry = self.entries.get_mut(&key)?;
        if !entry.chain.holds_at(at) {
            // Kept: messages of another time may still need it, and the bound
            // holds anyway.
            return None;
        }
        self.clock += 1;
        self.order.remove(&entry.used);
        self.order.insert(self.clock, key);
        entry.used = self.clock;
        Some(entry.chain.clone())
    }

    /// Keeps a verified chain. The flag for the clock is not kept: an answer
    /// of the cache never needs the tolerance.
    pub fn put(&mut self, anchors: &TrustAnchors, policy: &SignaturePolicy, chain: &Chain) {
        let Some(leaf) = chain.certificates().first() else { return };
        let all = chain.certificates().iter().chain([chain.anchor()]);
        let bytes = ENTRY_BYTES + all.map(Certificate::memory).sum::<usize>();
        let key = key(anchors, policy, leaf);
        self.forget(&key);
        if bytes > self.max_bytes {
            return;
        }
        while self.bytes + bytes > self.max_bytes {
            let Some(oldest) = self.order.values().next().cloned() else { break };
            self.forget(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, key.clone());
        let chain = Chain { clock_tolerance_used: false, ..chain.clone() };
        self.entries.insert(key, Entry { chain, used: self.clock, bytes });
    }

    /// Forgets everything, for example when revocations changed.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
        self.bytes = 0;
    }

    /// Number of chains held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes held, estimated from above; never more than the bound.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

fn key(anchors: &TrustAnchors, policy: &SignaturePolicy, leaf: &Certificate) -> Key {
    Key {
        leaf: leaf.fingerprint(),
        anchors: anchors.id(),
        allow_chain_sha1: policy.allow_chain_sha1,
        min_rsa_bits: policy.min_rsa_bits,
    }
}
