//! Trust anchors and the verification of chains up to them.
//!
//! In: a leaf, the certificates that came with it, the time. Out: a [`Chain`]
//! with the window in which it holds, or why not. Path building and signatures
//! are rustls-webpki's; added here is what it leaves out: key usage of leaf and
//! issuers, validity of the anchor itself, a clock tolerance, and texts.
//! Promise: no clock is read, no revocation is looked up.

mod algorithms;
mod cache;
mod error;
#[cfg(test)]
mod tests;
mod usage;

pub(crate) use algorithms::{NotTaken, verify_signed};
pub use cache::ChainCache;
pub use error::{AnchorError, ChainError};

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, VerifiedPath};

use crate::KeyFamily;
use crate::certificate::{Certificate, Fingerprint};
use crate::key::MIN_RSA_BITS;
use crate::policy::{SignaturePolicy, Tolerance};

/// Most trust anchors in one set.
pub const MAX_ANCHORS: usize = 256;
/// Most certificates taken beside the leaf. rustls-webpki builds paths of at
/// most 6 intermediates and checks at most 100 signatures.
pub const MAX_INTERMEDIATES: usize = 8;
/// Largest clock tolerance that is applied; a larger one counts as this.
pub const MAX_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// Moments tried within the tolerance, nearest first: the first and last second
/// of a leaf and of the most intermediates, and room for anchors.
const MAX_MOMENTS: usize = 24;

/// The CA certificates that chains may end in. Immutable; a new configuration
/// makes a new set.
#[derive(Debug)]
pub struct TrustAnchors {
    // The same order in both.
    anchors: Vec<TrustAnchor<'static>>,
    certificates: Vec<Certificate>,
    id: Fingerprint,
}

impl TrustAnchors {
    /// Takes CA certificates as anchors. Duplicates are taken once.
    ///
    /// # Errors
    /// [`AnchorError::None`], [`AnchorError::TooMany`], [`AnchorError::NotCa`]
    /// for a certificate without `cA` or whose key usage forbids signing
    /// certificates, [`AnchorError::Malformed`].
    pub fn from_certificates(
        given: impl IntoIterator<Item = Certificate>,
    ) -> Result<TrustAnchors, AnchorError> {
        let mut certificates: Vec<Certificate> = Vec::new();
        let mut anchors = Vec::new();
        for certificate in given {
            if certificates.contains(&certificate) {
                continue;
            }
            if certificates.len() == MAX_ANCHORS {
                return Err(AnchorError::TooMany);
            }
            if !certificate.is_ca() || certificate.key_usage().is_some_and(|u| !u.key_cert_sign()) {
                return Err(AnchorError::NotCa { subject: certificate.subject().to_owned() });
            }
            let anchor = webpki::anchor_from_trusted_cert(certificate.as_certificate_der())
                .map_err(|e| AnchorError::Malformed {
                    subject: certificate.subject().to_owned(),
                    detail: format!("{e:?}"),
                })?
                .to_owned();
            anchors.push(anchor);
            certificates.push(certificate);
        }
        if anchors.is_empty() {
            return Err(AnchorError::None);
        }
        let mut prints: Vec<Fingerprint> = certificates.iter().map(|c| c.fingerprint()).collect();
        prints.sort_unstable();
        let joined: Vec<u8> = prints.iter().flat_map(|p| *p.as_bytes()).collect();
        Ok(TrustAnchors { anchors, certificates, id: Fingerprint::of(&joined) })
    }

    /// Reads anchors from PEM text.
    ///
    /// # Errors
    /// As [`TrustAnchors::from_certificates`], and [`AnchorError::Certificate`].
    pub fn from_pem(text: &str) -> Result<TrustAnchors, AnchorError> {
        TrustAnchors::from_pems([text])
    }

    /// Reads anchors from several PEM texts.
    ///
    /// # Errors
    /// As [`TrustAnchors::from_pem`].
    pub fn from_pems<'t>(
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<TrustAnchors, AnchorError> {
        let mut certificates = Vec::new();
        for text in texts {
            certificates.extend(Certificate::from_pem(text).map_err(AnchorError::Certificate)?);
        }
        TrustAnchors::from_certificates(certificates)
    }

    /// The anchors' certificates.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Names this set: SHA-256 over the sorted fingerprints.
    pub fn id(&self) -> Fingerprint {
        self.id
    }

    /// The anchors as one PEM text.
    pub fn to_pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }

    /// Verifies the chain of a signer's certificate under the strict policy:
    /// [`TrustAnchors::verify_chain_under`].
    ///
    /// # Errors
    /// As [`TrustAnchors::verify_chain_under`].
    pub fn verify_chain(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        at: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Chain, ChainError> {
        let strict = SignaturePolicy::strict();
        self.verify_chain_under(&strict, leaf, intermediates, at, tolerance)
    }

    /// Verifies the chain of a signer's certificate (RFC 5280, section 6) at
    /// `at`. The chain must hold as a whole at one moment that is no further
    /// from `at` than `tolerance` (bounded by [`MAX_TOLERANCE`]; a negative one
    /// counts as zero). `intermediates` may come in any order, with strangers
    /// among them; the anchor need not be sent.
    ///
    /// Extended key usage: certificates of enterprises usually have none, or
    /// client authentication or e-mail protection. Absent is taken; present, it
    /// must name one of those, document signing (RFC 9336) or any usage. A
    /// certificate for web servers only is refused.
    ///
    /// # Errors
    /// See [`ChainError`].
    pub fn verify_chain_under(
        &self,
        policy: &SignaturePolicy,
        leaf: &Certificate,
        intermediates: &[Certificate],
        at: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Chain, ChainError> {
        if intermediates.len() > MAX_INTERMEDIATES {
            return Err(ChainError::TooMany { found: intermediates.len() });
        }
        if leaf.is_ca() {
            return Err(ChainError::CaAsEndEntity { subject: leaf.subject().to_owned() });
        }
        if let Some(usage) = leaf.key_usage()
            && !usage.may_sign()
        {
            return Err(ChainError::WrongUsage {
                subject: leaf.subject().to_owned(),
                found: usage.to_string(),
            });
        }
        let search = Search { anchors: self, policy, leaf, intermediates };
        search.within_tolerance(at, tolerance)
    }

    /// As [`TrustAnchors::verify_chain_under`], with a cache: a sender that was
    /// seen before costs a look-up. The lock is not held during verification.
    ///
    /// # Errors
    /// As [`TrustAnchors::verify_chain_under`].
    pub fn verify_chain_cached(
        &self,
        cache: &Mutex<ChainCache>,
        policy: &SignaturePolicy,
        leaf: &Certificate,
        intermediates: &[Certificate],
        at: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Chain, ChainError> {
        // A panic elsewhere cannot leave the cache half changed in a way that
        // matters: what is in it was verified.
        let lock = || cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = lock().get(self, policy, leaf, at) {
            return Ok(chain);
        }
        let chain = self.verify_chain_under(policy, leaf, intermediates, at, tolerance)?;
        lock().put(self, policy, &chain);
        Ok(chain)
    }
}

/// A verified chain: from the signer's certificate to below the anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    certificates: Vec<Certificate>,
    anchor: Certificate,
    not_before: Timestamp,
    not_after: Timestamp,
    tolerances: Vec<Tolerance>,
    clock_tolerance_used: bool,
}

impl Chain {
    /// Leaf first, then the intermediates used, without the anchor.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The anchor that the chain ends in.
    pub fn anchor(&self) -> &Certificate {
        &self.anchor
    }

    /// First second in which every certificate of the chain and the anchor are
    /// valid.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last second in which every certificate of the chain and the anchor are
    /// valid, inclusive.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The loose rules of the policy that the chain needed.
    pub fn tolerances(&self) -> &[Tolerance] {
        &self.tolerances
    }

    /// Whether the chain was valid only thanks to the clock tolerance.
    pub fn clock_tolerance_used(&self) -> bool {
        self.clock_tolerance_used
    }

    /// The chain as PEM, leaf first, without the anchor.
    pub fn to_pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }

    // Seconds, as certificates count them: half a second into the last second
    // is still within it.
    fn holds_at(&self, at: Timestamp) -> bool {
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&seconds(at))
    }
}

struct Search<'s> {
    anchors: &'s TrustAnchors,
    policy: &'s SignaturePolicy,
    leaf: &'s Certificate,
    intermediates: &'s [Certificate],
}

impl Search<'_> {
    // rustls-webpki judges one moment. A chain that does not hold at `at` itself
    // but somewhere within the tolerance holds, nearest to `at`, at the edge of
    // some certificate's validity: those are tried.
    fn within_tolerance(
        &self,
        at: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Chain, ChainError> {
        let at = seconds(at);
        let error = match self.at_moment(at) {
            Ok(chain) => return Ok(chain),
            Err(error) => error,
        };
        let of_dates = matches!(
            error,
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }
        );
        if of_dates {
            let tolerance = tolerance.clamp(SignedDuration::ZERO, MAX_TOLERANCE).as_secs();
            for edge in self.edges(at, tolerance) {
                match self.at_moment(edge) {
                    Ok(chain) => return Ok(Chain { clock_tolerance_used: true, ..chain }),
                    // Each moment has its own budget of signatures: whoever
                    // made one search this dear would make all of them so.
                    Err(error) if is_spent(&error) => break,
                    Err(_) => {}
                }
            }
        }
        Err(self.explain(error, at))
    }

    // Edges of validity no further from `at` than `tolerance`, nearest first.
    fn edges(&self, at: i64, tolerance: i64) -> Vec<i64> {
        let all = self.candidates().into_iter();
        let mut edges: Vec<i64> = all
            .flat_map(|c| [c.not_before().as_second(), c.not_after().as_second()])
            .filter(|edge| *edge != at && edge.abs_diff(at) <= tolerance.unsigned_abs())
            .collect();
        edges.sort_unstable_by_key(|edge| (edge.abs_diff(at), *edge));
        edges.dedup();
        edges.truncate(MAX_MOMENTS);
        edges
    }

    // The leaf first, then whatever else the chain may be made of.
    fn candidates(&self) -> Vec<&Certificate> {
        let others = self.intermediates.iter().chain(&self.anchors.certificates);
        std::iter::once(self.leaf).chain(others).collect()
    }

    fn at_moment(&self, moment: i64) -> Result<Chain, webpki::Error> {
        let leaf = EndEntityCert::try_from(self.leaf.as_certificate_der())?;
        let others: Vec<CertificateDer<'_>> =
            self.intermediates.iter().map(|c| CertificateDer::from(c.der())).collect();
        let time = unix_time(moment);
        let algorithms = algorithms::taken(self.policy);
        let check = |path: &VerifiedPath<'_>| self.check_path(path, time);
        let path = leaf.verify_for_usage(
            &algorithms,
            &self.anchors.anchors,
            &others,
            time,
            usage::Signing,
            None,
            Some(&check),
        )?;
        let (certificates, anchor) = self.parts(&path).ok_or(webpki::Error::UnknownIssuer)?;
        Ok(assemble(certificates, anchor))
    }

    // What webpki leaves out: RFC 5280, section 6.1.4 (n), keyCertSign of the
    // issuers where the extension is there, and the dates of the anchor, which
    // RFC 5280 leaves to the operator. An error makes webpki try other paths.
    fn check_path(&self, path: &VerifiedPath<'_>, time: UnixTime) -> Result<(), webpki::Error> {
        let (certificates, anchor) = self.parts(path).ok_or(webpki::Error::UnknownIssuer)?;
        let issuers = certificates.iter().skip(1);
        if issuers.clone().any(|c| c.key_usage().is_some_and(|u| !u.key_cert_sign())) {
            return Err(webpki::Error::EndEntityUsedAsCa);
        }
        let minimum = issuer_minimum(self.policy);
        if issuers.clone().chain([&anchor]).any(|c| is_short(c, minimum)) {
            return Err(webpki::Error::InvalidSignatureForPublicKey);
        }
        let not_before = unix_time(anchor.not_before().as_second());
        let not_after = unix_time(anchor.not_after().as_second());
        if time < not_before {
            return Err(webpki::Error::CertNotValidYet { time, not_before });
        }
        if time > not_after {
            return Err(webpki::Error::CertExpired { time, not_after });
        }
        Ok(())
    }

    fn parts(&self, path: &VerifiedPath<'_>) -> Option<(Vec<Certificate>, Certificate)> {
        let mut certificates = vec![self.leaf.clone()];
        for used in path.intermediate_certificates() {
            let der = used.der();
            let known = self.intermediates.iter().find(|c| c.der() == der.as_ref())?;
            certificates.push(known.clone());
        }
        let anchors = self.anchors.anchors.iter().zip(&self.anchors.certificates);
        // By address: two anchors may have the same name and key (a renewed
        // root), and the dates of the one that was used count.
        let (_, anchor) = anchors.clone().find(|(a, _)| std::ptr::eq(*a, path.anchor()))?;
        Some((certificates, anchor.clone()))
    }

    fn explain(&self, error: webpki::Error, at: i64) -> ChainError {
        error::explain(error, &self.candidates(), issuer_minimum(self.policy), at)
    }
}

fn assemble(certificates: Vec<Certificate>, anchor: Certificate) -> Chain {
    let all = || certificates.iter().chain([&anchor]);
    let not_before = all().map(Certificate::not_before).max().unwrap_or(Timestamp::MAX);
    let not_after = all().map(Certificate::not_after).min().unwrap_or(Timestamp::MIN);
    let mut tolerances = Vec::new();
    if certificates.iter().any(|c| algorithms::is_sha1(c.signature_algorithm_oid())) {
        tolerances.push(Tolerance::ChainSha1);
    }
    if all().skip(1).any(|c| is_short(c, MIN_RSA_BITS)) {
        tolerances.push(Tolerance::ShortRsaKey);
    }
    Chain { certificates, anchor, not_before, not_after, tolerances, clock_tolerance_used: false }
}

// Smallest RSA modulus of an issuer in bits. A policy may lower it; one that
// asks for more than the default asks it of the signer, not of its CA.
fn issuer_minimum(policy: &SignaturePolicy) -> u32 {
    policy.min_rsa_bits.min(MIN_RSA_BITS)
}

fn is_short(certificate: &Certificate, minimum: u32) -> bool {
    let key = certificate.public_key();
    key.family() == KeyFamily::Rsa && key.bits() < minimum
}

// The search was given up, for being hostile or hopelessly tangled.
fn is_spent(error: &webpki::Error) -> bool {
    matches!(
        error,
        webpki::Error::MaximumSignatureChecksExceeded
            | webpki::Error::MaximumPathBuildCallsExceeded
            | webpki::Error::MaximumNameConstraintComparisonsExceeded
    )
}

// Rounds down also before 1970.
fn seconds(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}

fn unix(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

// rustls-webpki has no time before 1970; nothing is valid there.
fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
