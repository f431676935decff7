//! Trying candidates within bounds. In: octets that could have been digested. Out:
//! whether their digest is the one in the message, which proves them. Promise: no more
//! than [`MAX_TRIALS`] candidates and [`MAX_TRIAL_OCTETS`] octets for one message.

use onepoint_certs::DigestAlgorithm;

use super::kind::CauseKind;

/// Candidates for the digested content of one message.
pub const MAX_TRIALS: usize = 2_000;
/// Octets digested for one message, over all candidates.
pub const MAX_TRIAL_OCTETS: usize = 96 << 20;

/// A candidate that has the signed digest.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) kind: CauseKind,
    /// In what way, in English and Chinese.
    pub(super) how: (String, String),
    /// What was digested by the signer.
    pub(super) octets: Vec<u8>,
}

/// The bounded search.
pub(super) struct Trial<'e> {
    algorithm: DigestAlgorithm,
    expected: &'e [u8],
    trials: usize,
    octets: usize,
}

impl<'e> Trial<'e> {
    pub(super) fn new(algorithm: DigestAlgorithm, expected: &'e [u8]) -> Self {
        Self { algorithm, expected, trials: MAX_TRIALS, octets: MAX_TRIAL_OCTETS }
    }

    /// Whether the bounds have been met.
    pub(super) fn is_over(&self) -> bool {
        self.trials == 0
    }

    /// Ends the search.
    pub(super) fn end(&mut self) {
        self.trials = 0;
    }

    /// Whether `octets` have the signed digest; no more once the bounds are met.
    pub(super) fn matches(&mut self, octets: &[u8]) -> bool {
        if self.trials == 0 || octets.len() > self.octets {
            self.trials = 0;
            return false;
        }
        self.trials -= 1;
        self.octets -= octets.len();
        self.algorithm.digest(octets) == self.expected
    }

    /// [`Trial::matches`] with what it would prove.
    pub(super) fn prove(
        &mut self,
        kind: CauseKind,
        how: (&str, &str),
        octets: Vec<u8>,
    ) -> Option<Proof> {
        self.matches(&octets).then(|| Proof {
            kind,
            how: (how.0.to_owned(), how.1.to_owned()),
            octets,
        })
    }
}
