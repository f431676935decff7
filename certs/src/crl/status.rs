//! Good, revoked, unknown: the three answers, and what is taken.
//!
//! In: lists, a verified chain, the time. Out: the status of each certificate of
//! the chain, and whether it may be taken: good is, revoked is not, unknown is
//! during a grace period that begins when the last list ended.

use jiff::{SignedDuration, Timestamp};

use super::{CrlError, ListName, MAX_LISTS, RevocationError, RevocationList, Revoked};
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

/// A certificate of a chain as it was taken; kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The certificate.
    pub certificate: Fingerprint,
    /// Its status; `None` where lists of its issuer are not asked.
    pub status: Option<Status>,
    /// The list that says so, or the one that ended.
    pub list: Option<ListName>,
    /// Since when an unknown status is unknown, and when the grace period ends.
    pub grace: Option<(Timestamp, Timestamp)>,
}

impl Taken {
    /// The word that is written into receipts: that of the status, or `not-checked`.
    pub fn word(&self) -> &'static str {
        self.status.as_ref().map_or("not-checked", Status::word)
    }
}

/// When and how a chain is judged.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The moment.
    pub at: Timestamp,
    /// How far the clock of a CA may be ahead of ours.
    pub tolerance: SignedDuration,
    /// How long an unknown status is taken.
    pub grace: SignedDuration,
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

    /// The list that counts for `certificate`, which `issuer` issued: of several the
    /// newest that was issued by `at`.
    fn newest(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: Timestamp,
    ) -> Option<&RevocationList> {
        let all = self.lists.iter();
        let fitting = all.filter(|list| list.this_update <= at && list.covers(certificate, issuer));
        fitting.max_by_key(|list| list.this_update)
    }

    /// The status of `certificate`, which `issuer` issued, at `at`. Of several
    /// lists the newest that was issued by then counts; what it names stays
    /// revoked after its end.
    pub fn status(&self, certificate: &Certificate, issuer: &Certificate, at: Timestamp) -> Status {
        status_by(self.newest(certificate, issuer, at), certificate, at)
    }

    /// Judges every certificate of a verified chain below its anchor, the signer's
    /// first. `asked` gives for an issuer since when its lists are asked, or `None`
    /// where they are not: then nothing is said of the certificate. An unknown status
    /// is taken until the grace is over: it begins at the end of the last list, or where
    /// there never was one, when lists began to be asked.
    ///
    /// # Errors
    /// [`RevocationError::Revoked`] and [`RevocationError::GraceOver`].
    pub fn judge(
        &self,
        chain: &Chain,
        terms: &Terms,
        asked: &dyn Fn(&Certificate) -> Option<Timestamp>,
    ) -> Result<Vec<Taken>, RevocationError> {
        let certificates = chain.certificates();
        let issuers = certificates.iter().skip(1).chain([chain.anchor()]);
        let pairs = certificates.iter().zip(issuers);
        pairs.map(|(certificate, issuer)| self.one(certificate, issuer, terms, asked)).collect()
    }

    fn one(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        terms: &Terms,
        asked: &dyn Fn(&Certificate) -> Option<Timestamp>,
    ) -> Result<Taken, RevocationError> {
        let fingerprint = certificate.fingerprint();
        let Some(since) = asked(issuer) else {
            return Ok(Taken { certificate: fingerprint, status: None, list: None, grace: None });
        };
        // A list of a CA whose clock is a little ahead is of now, not of the future.
        let ahead = after(terms.at, terms.tolerance);
        let newest = self.newest(certificate, issuer, ahead);
        let status = status_by(newest, certificate, terms.at);
        let list = newest.map(RevocationList::name);
        let subject = || certificate.subject().to_owned();
        let unknown_since = match &status {
            Status::Good { .. } => None,
            Status::Revoked { entry, .. } => {
                let Revoked { at, reason } = *entry;
                let list = list.map(Box::new);
                return Err(RevocationError::Revoked { subject: subject(), at, reason, list });
            }
            Status::Unknown(Unknown::NoList) => Some(since),
            Status::Unknown(Unknown::Stale { next_update }) => Some(*next_update),
        };
        let grace = unknown_since.map(|since| (since, after(since, terms.grace)));
        if let Some((_, ended)) = grace.filter(|(_, ends)| *ends < terms.at) {
            return Err(RevocationError::GraceOver { subject: subject(), ended });
        }
        Ok(Taken { certificate: fingerprint, status: Some(status), list, grace })
    }
}

fn status_by(newest: Option<&RevocationList>, certificate: &Certificate, at: Timestamp) -> Status {
    let Some(newest) = newest else { return Status::Unknown(Unknown::NoList) };
    let list = newest.digest;
    match newest.revoked.get(certificate.serial_hex()) {
        Some(entry) if entry.at <= at => return Status::Revoked { list, entry: *entry },
        _ => {}
    }
    match newest.next_update {
        Some(next_update) if next_update < at => Status::Unknown(Unknown::Stale { next_update }),
        _ => Status::Good { list, as_of: newest.this_update },
    }
}

fn after(since: Timestamp, grace: SignedDuration) -> Timestamp {
    since.checked_add(grace.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
}
