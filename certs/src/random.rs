//! The system's random source in the shape that RustCrypto crates ask for.
//!
//! Out: bytes of *ring*'s `SystemRandom`. Promise: no second random source in
//! the process, and a failure is an error, not weak bytes.

use std::fmt;

use ring::rand::{SecureRandom as _, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

/// The random source.
pub(crate) struct Source;

/// The system gave no randomness.
#[derive(Debug)]
pub(crate) struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gave no randomness")
    }
}

impl std::error::Error for NoRandomness {}

impl TryRng for Source {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        SystemRandom::new().fill(out).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for Source {}
