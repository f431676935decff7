//! Good, revoked, unknown: the three answers, and what is taken.
//!
//! In: lists, a verified chain, the time. Out: the status of each certificate of
//! the chain, and whether it may be taken: good is, revoked is not, unknown is
//! during a grace period that begins when the last list ended.

use jiff::{SignedDuration, Timestamp};

use super::{CrlError, MAX_LISTS, RevocationError, RevocationList, Revoked};
use crate::certificate::{Certificate, Fingerprint};
use crate::chain::Chain;

/// Lists of several issuers, old and new. Immutable: fetching makes a new set.
#[derive(Clone, Debug, Default)]
pub struct RevocationLists {
    lists: Vec<RevocationList>,
}

/// What the lists say about one certificate at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A current list of its issuer does not name it.
    Good {
        /// The list, by the SHA-256 of its DER.
        list: Fingerprint,
        /// When the list was issued.
        as_of: Timestamp,
    },
    /// A list of its issuer names it, be the list late or not.
    Revoked {
        /// The list.
        list: Fingerprint,
        /// The entry.
        entry: Revoked,
    },
    /// No current list of its issuer is at hand.
    Unknown(Unknown),
}

/// Why a status is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is no list of the issuer, or all are of the future.
    NoList,
    /// The newest list ended.
    Stale {
        /// When its successor should have come.
        next_update: Timestamp,
    },
}

/// A status with which a certificate may be taken; kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The status.
    pub status: Status,
    /// When the grace period ends, for an unknown status.
    pub grace_ends: Option<Timestamp>,
}

impl Status {
    /// The word that is written into receipts: `good`, `revoked`, `unknown`.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Good { .. } => "good",
            Status::Revoked { .. } => "revoked",
            Status::Unknown(_) => "unknown",
        }
    }
}

impl RevocationLists {
    /// A set of lists; the same list given twice counts once.
    ///
    /// # Errors
    /// [`CrlError::TooMany`] for more than [`MAX_LISTS`].
    pub fn new(given: impl IntoIterator<Item = RevocationList>) -> Result<Self, CrlError> {
        let mut lists: Vec<RevocationList> = Vec::new();
        for list in given {
            if lists.iter().any(|other| other.digest == list.digest) {
                continue;
            }
            if lists.len() == MAX_LISTS {
                return Err(CrlError::TooMany);
            }
            lists.push(list);
        }
        Ok(RevocationLists { lists })
    }

    /// The lists.
    pub fn lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// The status of `certificate`, which `issuer` issued, at `at`. Of several
    /// lists the newest that was issued by then counts; what it names stays
    /// revoked after its end.
    pub fn status(&self, certificate: &Certificate, issuer: &Certificate, at: Timestamp) -> Status {
        let fitting = self
            .lists
            .iter()
            .filter(|list| list.this_update <= at && list.covers(certificate, issuer));
        let Some(newest) = fitting.max_by_key(|list| list.this_update) else {
            return Status::Unknown(Unknown::NoList);
        };
        let list = newest.digest;
        match newest.revoked.get(certificate.serial_hex()) {
            Some(entry) if entry.at <= at => return Status::Revoked { list, entry: *entry },
            _ => {}
        }
        match newest.next_update {
            Some(next_update) if next_update < at => {
                Status::Unknown(Unknown::Stale { next_update })
            }
            _ => Status::Good { list, as_of: newest.this_update },
        }
    }

    /// Judges every certificate of a verified chain below its anchor, the signer's
    /// first. An unknown status is taken until `grace` after it became unknown:
    /// after the end of the last list, or after `since` where there never was one
    /// (for instance the start of the gateway).
    ///
    /// # Errors
    /// [`RevocationError::Revoked`] and [`RevocationError::GraceOver`].
    pub fn judge(
        &self,
        chain: &Chain,
        at: Timestamp,
        grace: SignedDuration,
        since: Timestamp,
    ) -> Result<Vec<Taken>, RevocationError> {
        let certificates = chain.certificates();
        let issuers = certificates.iter().skip(1).chain([chain.anchor()]);
        let mut taken = Vec::with_capacity(certificates.len());
        for (certificate, issuer) in certificates.iter().zip(issuers) {
            let status = self.status(certificate, issuer, at);
            let subject = || certificate.subject().to_owned();
            let grace_ends = match &status {
                Status::Good { .. } => None,
                Status::Revoked { entry, .. } => {
                    let Revoked { at, reason } = *entry;
                    return Err(RevocationError::Revoked { subject: subject(), at, reason });
                }
                Status::Unknown(Unknown::NoList) => Some(after(since, grace)),
                Status::Unknown(Unknown::Stale { next_update }) => Some(after(*next_update, grace)),
            };
            if let Some(ended) = grace_ends.filter(|ends| *ends < at) {
                return Err(RevocationError::GraceOver { subject: subject(), ended });
            }
            taken.push(Taken { status, grace_ends });
        }
        Ok(taken)
    }
}

fn after(since: Timestamp, grace: SignedDuration) -> Timestamp {
    since.checked_add(grace.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
}
