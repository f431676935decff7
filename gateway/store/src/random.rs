//! Nonces, some at a time: each question to the system costs as much as hashing a fact.
//!
//! In: the system's random source; out: arrays that were never given out before.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::StoreError;

/// Nonces asked for at once.
const PAGE: usize = 16;

/// Nonces of `N` bytes.
#[derive(Debug, Default)]
pub(crate) struct Nonces<const N: usize> {
    left: Vec<[u8; N]>,
}

impl<const N: usize> Nonces<N> {
    /// A fresh one.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`].
    pub(crate) fn next(&mut self) -> Result<[u8; N], StoreError> {
        if self.left.is_empty() {
            self.left.resize(PAGE, [0; N]);
            let filled = SystemRandom::new().fill(self.left.as_flattened_mut());
            if filled.is_err() {
                // What was not filled must not be used later.
                self.left.clear();
            }
        }
        self.left.pop().ok_or(StoreError::NoRandomness)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_nonce_is_given_out_twice() {
        let mut nonces = Nonces::<12>::default();
        let all: BTreeSet<[u8; 12]> = (0..5 * PAGE).map(|_| nonces.next().unwrap()).collect();
        assert_eq!(all.len(), 5 * PAGE);
    }
}
