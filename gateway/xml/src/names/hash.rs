//! Hashing for the tables of names. In: short names and pairs of indices. Out: 64 bits.
//! Fast rather than strong: the number of distinct names is bounded, and the seed is fresh
//! for each document.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes the hashers: fast on short names, and seeded per document, so that nobody can
/// prepare names that collide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed(u64);

impl Seed {
    /// A seed nobody outside can know.
    pub(super) fn fresh() -> Seed {
        Seed(RandomState::new().hash_one(0u8))
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Folds eight bytes at a time with a 128-bit product.
#[derive(Debug)]
pub(super) struct Folded(u64);

impl Folded {
    fn fold(&mut self, word: u64) {
        // An odd constant with its bits well spread: the fraction of the golden ratio.
        let product = u128::from(self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.fold(last);
    }

    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    fn finish(&self) -> u64 {
        // The table looks at the lowest and the highest bits.
        let product = u128::from(self.0 ^ (self.0 >> 29)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (product as u64) ^ ((product >> 64) as u64)
    }
}
