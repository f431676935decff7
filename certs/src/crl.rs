//! Certificate revocation lists (RFC 5280, section 5).
//!
//! In: the DER of a list and the certificate of its issuer. Out: a
//! [`RevocationList`], whose signature was verified, and from a set of them one of
//! three answers about a certificate: good, revoked, unknown. Promise: no clock
//! and no socket; a list that is missing, late or of another issuer never makes a
//! certificate good or revoked, only unknown, and for how long unknown is taken
//! is the caller's grace period.

mod error;
mod read;
mod status;
#[cfg(test)]
mod tests;

pub use error::{CrlError, RevocationError};
pub use status::{RevocationLists, Status, Taken, Terms, Unknown};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::certificate::{Certificate, Fingerprint};
use crate::policy::SignaturePolicy;

/// Longest list that is read, in bytes of DER.
pub const MAX_CRL_BYTES: usize = 16 * 1024 * 1024;
/// Most lists in one set.
pub const MAX_LISTS: usize = 256;

/// A revoked certificate's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Since when.
    pub at: Timestamp,
    /// Why (RFC 5280, section 5.3.1), as the list says.
    pub reason: &'static str,
}

/// What names a list in evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListName {
    /// SHA-256 of its DER.
    pub digest: Fingerprint,
    /// Its number in hex, where it has one.
    pub number: Option<String>,
    /// When it was issued.
    pub this_update: Timestamp,
    /// By when the next one will be, where it says so.
    pub next_update: Option<Timestamp>,
}

/// A list whose signature was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    issuer: Fingerprint,
    issuer_key: Vec<u8>,
    issuer_name: String,
    number: Option<String>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: BTreeMap<String, Revoked>,
    digest: Fingerprint,
}

impl RevocationList {
    /// Reads a list in DER and verifies it with its issuer's certificate, whose
    /// chain is the caller's to verify.
    ///
    /// # Errors
    /// [`CrlError`]: too large, not well formed, of another issuer, an issuer
    /// that may not sign lists, an algorithm that the policy does not take, a wrong
    /// signature, an unknown critical extension (so also a list of changes or an
    /// indirect one).
    pub fn from_der(
        der: &[u8],
        issuer: &Certificate,
        policy: &SignaturePolicy,
    ) -> Result<RevocationList, CrlError> {
        read::list(der, issuer, policy)
    }

    /// Reads the one `X509 CRL` block of a PEM text, as [`RevocationList::from_der`].
    ///
    /// # Errors
    /// As [`RevocationList::from_der`]; [`CrlError::Pem`] and [`CrlError::NotOne`].
    pub fn from_pem(
        text: &str,
        issuer: &Certificate,
        policy: &SignaturePolicy,
    ) -> Result<RevocationList, CrlError> {
        read::list(&one_block(text)?, issuer, policy)
    }

    /// The issuer as readable text.
    pub fn issuer(&self) -> &str {
        &self.issuer_name
    }

    /// The list's number in hex, where it has one.
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// When it was issued.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next one will be issued, where it says so.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// SHA-256 of its DER: names the list in evidence.
    pub fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// What names it in evidence.
    pub fn name(&self) -> ListName {
        ListName {
            digest: self.digest,
            number: self.number.clone(),
            this_update: self.this_update,
            next_update: self.next_update,
        }
    }

    /// Whether `issuer` is the CA that signed it: the same name and key.
    pub fn is_of(&self, issuer: &Certificate) -> bool {
        issuer.subject_id() == self.issuer && issuer.public_key().spki_der() == self.issuer_key
    }

    /// Whether it is of the CA that issued `certificate`: the same name, and a
    /// key under which the certificate's chain was verified.
    fn covers(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        certificate.issuer_id() == self.issuer && self.is_of(issuer)
    }
}

/// The DER of a list that comes as DER or as PEM with one `X509 CRL` block.
///
/// # Errors
/// [`CrlError::Pem`] and [`CrlError::NotOne`], for PEM.
pub fn der(bytes: &[u8]) -> Result<Cow<'_, [u8]>, CrlError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => one_block(text).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

/// A list as PEM.
pub fn to_pem(der: &[u8]) -> String {
    crate::pem::write("X509 CRL", der)
}

fn one_block(text: &str) -> Result<Vec<u8>, CrlError> {
    let blocks = crate::pem::read(text).map_err(CrlError::Pem)?;
    let mut lists = blocks.iter().filter(|block| block.label == "X509 CRL");
    match (lists.next(), lists.next()) {
        (Some(only), None) => Ok(only.der.to_vec()),
        _ => Err(CrlError::NotOne),
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", &self.issuer_name)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("entries", &self.revoked.len())
            .finish_non_exhaustive()
    }
}
