//! Identity: who signed, with what, and what they may say.
//!
//! | module | what |
//! |---|---|
//! | [`algorithm`] | names of digests and signature algorithms |
//! | [`key`] | public keys that verify, private keys that sign |
//! | [`sm2`] | SM2 values, their two forms and why one is refused |
//! | [`certificate`] | X.509 certificates, parsed once |
//! | [`chain`] | trust anchors, chains, a bounded cache of chains |
//! | [`number`] | certificates named by their number |
//! | [`crl`] | revocation lists: good, revoked, unknown |
//! | [`policy`] | which signatures are taken, strict or by a dated exception |
//! | [`participant`], [`registry`] | participants, their rights, delegations |
//! | [`testpki`] | a small CA for tests and demos |
//!
//! Pure: no clock, no files, no sockets; time is passed in. The one source of
//! non-determinism is the system's random source, for keys and signatures.

pub mod algorithm;
pub mod certificate;
pub mod chain;
pub mod crl;
mod day;
mod hex;
pub mod key;
pub mod number;
pub mod participant;
pub mod pem;
pub mod policy;
mod random;
pub mod registry;
#[cfg(test)]
mod samples;
pub mod sm2;
pub mod testpki;

pub use algorithm::{DigestAlgorithm, Digester, KeyFamily, SignatureAlgorithm};
pub use certificate::{CertError, Certificate, Fingerprint, KeyUsage};
pub use chain::{AnchorError, Chain, ChainCache, ChainError, TrustAnchors};
pub use crl::{CrlError, ListName, RevocationError, RevocationList, RevocationLists};
pub use day::{end_of_day, zone_day};
pub use key::{KeyError, PublicKey, Recovered, SigningKey};
pub use number::NumberError;
pub use participant::{Authority, BadId, Delegation, Participant, ParticipantId, Role};
pub use pem::PemError;
pub use policy::{InForce, Lapsed, PolicyError, SignaturePolicy, Tolerance};
pub use registry::{AuthorityError, Registry, RegistryError};
