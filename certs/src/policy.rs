//! Which signatures are taken: strict by default, looser only by name and date.
//!
//! In: a policy from the configuration and the time. Out: the policy that is in
//! force at that time, and what each use of a loose rule is called in the
//! receipt. Promise: a compatibility policy has an end date and is strict after.

mod error;
#[cfg(test)]
mod tests;

pub use error::PolicyError;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::algorithm::{DigestAlgorithm, KeyFamily, SignatureAlgorithm};
use crate::day::zone_day;
use crate::key::{KeyError, MIN_RSA_BITS, MIN_RSA_BITS_LEGACY, PublicKey};

/// What a participant's signatures may look like.
///
/// Every `allow_` field is a departure from strict XML Signature and current
/// cryptography that exists in the field; each one used is written into the
/// receipt under the name of [`SignaturePolicy::name`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SignaturePolicy {
    /// Its name in configuration, logs and receipts.
    pub name: String,
    /// Last day (UTC+8, inclusive) on which the loose rules apply. `None` only
    /// for a policy that has no loose rule.
    #[serde(skip)]
    pub until: Option<Date>,
    /// RSASSA-PKCS1-v1_5 with SHA-1 as signature algorithm.
    pub allow_rsa_sha1: bool,
    /// SHA-1 as digest of the signed content.
    pub allow_digest_sha1: bool,
    /// SHA-1 with RSA as the algorithm that a CA signed a certificate with.
    pub allow_chain_sha1: bool,
    /// SignedInfo indented in transit though it was signed without white space
    /// between its elements, under the usual root namespaces: it is verified in
    /// the flat form.
    pub allow_flat_signed_info: bool,
    /// White space right after the Signature that was not there when the content
    /// was digested: it is left out of the digest.
    pub allow_space_at_signature: bool,
    /// SHA-1 as digest of content that an SM2 key signs with SM3.
    pub allow_sm2_digest_sha1: bool,
    /// Certificate numbers in lower case where a certificate is named by its number.
    pub allow_lower_case_number: bool,
    /// Smallest RSA modulus in bits; 2048 unless the policy lowers it, never
    /// below 1024.
    pub min_rsa_bits: u32,
    /// How long a revocation status that is unknown is taken, in hours; `None` as the
    /// configuration has it for everybody.
    // Facts hold no null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_grace_hours: Option<u32>,
}

impl SignaturePolicy {
    /// The name of the strict policy.
    pub const STRICT: &'static str = "strict";
    /// The name of the policy for what clients of the e-port do in practice.
    pub const CEB_FIELD: &'static str = "ceb-field";

    /// The strict policy: no SHA-1, RSA from 2048 bits, nothing loose.
    pub fn strict() -> SignaturePolicy {
        SignaturePolicy {
            name: SignaturePolicy::STRICT.to_owned(),
            until: None,
            allow_rsa_sha1: false,
            allow_digest_sha1: false,
            allow_chain_sha1: false,
            allow_flat_signed_info: false,
            allow_space_at_signature: false,
            allow_sm2_digest_sha1: false,
            allow_lower_case_number: false,
            min_rsa_bits: MIN_RSA_BITS,
            revocation_grace_hours: None,
        }
    }

    /// The policy [`SignaturePolicy::CEB_FIELD`]: everything that clients of the
    /// e-port were seen to do, RSA of 1024 bits with SHA-1 included, until the end
    /// of the day `until`. The digest of the content has to match all the same.
    pub fn ceb_field(until: Date) -> SignaturePolicy {
        SignaturePolicy {
            name: SignaturePolicy::CEB_FIELD.to_owned(),
            until: Some(until),
            allow_rsa_sha1: true,
            allow_digest_sha1: true,
            allow_chain_sha1: true,
            allow_flat_signed_info: true,
            allow_space_at_signature: true,
            allow_sm2_digest_sha1: true,
            allow_lower_case_number: true,
            min_rsa_bits: MIN_RSA_BITS_LEGACY,
            revocation_grace_hours: None,
        }
    }

    /// Whether nothing here departs from [`SignaturePolicy::strict`].
    pub fn is_strict(&self) -> bool {
        !(self.allow_rsa_sha1
            || self.allow_digest_sha1
            || self.allow_chain_sha1
            || self.allow_flat_signed_info
            || self.allow_space_at_signature
            || self.allow_sm2_digest_sha1
            || self.allow_lower_case_number
            || self.min_rsa_bits < MIN_RSA_BITS)
    }

    /// The policy that applies at `at`: itself, or strict once its last day is
    /// over. A loose policy without an end date is over from the start
    /// ([`crate::Registry::build`] refuses it).
    pub fn in_force(&self, at: Timestamp) -> InForce {
        let over = match self.until {
            Some(until) => zone_day(at) > until,
            None => true,
        };
        if self.is_strict() || !over {
            return InForce { policy: self.clone(), lapsed: None };
        }
        // A stricter minimum than the default survives.
        let min_rsa_bits = self.min_rsa_bits.max(MIN_RSA_BITS);
        InForce {
            policy: SignaturePolicy { min_rsa_bits, ..SignaturePolicy::strict() },
            lapsed: Some(Lapsed { name: self.name.clone(), until: self.until }),
        }
    }

    /// Whether a signature of `algorithm` by `key` may be taken; call before
    /// verifying. The policy is taken as it stands: see
    /// [`SignaturePolicy::in_force`].
    ///
    /// # Errors
    /// [`PolicyError::Sha1Signature`] and [`PolicyError::Key`].
    pub fn check_signature(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
    ) -> Result<(), PolicyError> {
        if algorithm.digest() == DigestAlgorithm::Sha1 && !self.allow_rsa_sha1 {
            return Err(PolicyError::Sha1Signature { policy: self.name.clone() });
        }
        key.check_fits(self.min_rsa_bits, algorithm)
            .map_err(|source| PolicyError::Key { policy: self.name.clone(), source })
    }

    /// Whether content may be digested with `digest` for a signature by a key of
    /// this kind. Answers with the loose rule that was needed.
    ///
    /// # Errors
    /// [`PolicyError::Sha1Digest`], and [`PolicyError::Refused`] for an SM2 key.
    pub fn check_digest(
        &self,
        digest: DigestAlgorithm,
        family: KeyFamily,
    ) -> Result<Option<Tolerance>, PolicyError> {
        match (digest, family) {
            (DigestAlgorithm::Sha1, KeyFamily::Sm2) => {
                self.tolerate(Tolerance::Sm2DigestSha1).map(Some)
            }
            (DigestAlgorithm::Sha1, _) if !self.allow_digest_sha1 => {
                Err(PolicyError::Sha1Digest { policy: self.name.clone() })
            }
            (DigestAlgorithm::Sha1, _) => Ok(Some(Tolerance::DigestSha1)),
            _ => Ok(None),
        }
    }

    /// Whether a loose rule that a message needs applies; it comes back to be
    /// noted.
    ///
    /// # Errors
    /// [`PolicyError::Refused`] names the rule.
    pub fn tolerate(&self, rule: Tolerance) -> Result<Tolerance, PolicyError> {
        let allowed = match rule {
            Tolerance::RsaSha1 => self.allow_rsa_sha1,
            Tolerance::DigestSha1 => self.allow_digest_sha1,
            Tolerance::ChainSha1 => self.allow_chain_sha1,
            Tolerance::ShortRsaKey => self.min_rsa_bits < MIN_RSA_BITS,
            Tolerance::FlatSignedInfo => self.allow_flat_signed_info,
            Tolerance::SpaceAtSignature => self.allow_space_at_signature,
            Tolerance::Sm2DigestSha1 => self.allow_sm2_digest_sha1,
            Tolerance::LowerCaseNumber => self.allow_lower_case_number,
        };
        if allowed {
            return Ok(rule);
        }
        Err(PolicyError::Refused { policy: self.name.clone(), rule })
    }

    /// [`SignaturePolicy::check_signature`], then the verification itself.
    /// Answers with the names of the loose rules that were needed.
    ///
    /// # Errors
    /// As [`SignaturePolicy::check_signature`], and [`PolicyError::Key`] when
    /// the value does not verify.
    pub fn verify(
        &self,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Vec<Tolerance>, PolicyError> {
        self.check_signature(algorithm, key)?;
        key.verify_at_least(self.min_rsa_bits, algorithm, message, signature)
            .map_err(|source: KeyError| PolicyError::Key { policy: self.name.clone(), source })?;
        let mut used = Vec::new();
        if algorithm.digest() == DigestAlgorithm::Sha1 {
            used.push(Tolerance::RsaSha1);
        }
        if key.family() == KeyFamily::Rsa && key.bits() < MIN_RSA_BITS {
            used.push(Tolerance::ShortRsaKey);
        }
        Ok(used)
    }
}

impl Default for SignaturePolicy {
    fn default() -> SignaturePolicy {
        SignaturePolicy::strict()
    }
}

/// A loose rule that a message needed. Its code is written into the receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tolerance {
    /// RSA with SHA-1 as signature algorithm.
    RsaSha1,
    /// SHA-1 as digest of the content.
    DigestSha1,
    /// A certificate signed with SHA-1.
    ChainSha1,
    /// An RSA key below 2048 bits.
    ShortRsaKey,
    /// SignedInfo verified in its flat form.
    FlatSignedInfo,
    /// White space after the Signature left out.
    SpaceAtSignature,
    /// SHA-1 as digest of content that an SM2 key signed.
    Sm2DigestSha1,
    /// A certificate number in lower case.
    LowerCaseNumber,
}

impl Tolerance {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Tolerance::RsaSha1 => "rsa-sha1",
            Tolerance::DigestSha1 => "digest-sha1",
            Tolerance::ChainSha1 => "chain-sha1",
            Tolerance::ShortRsaKey => "short-rsa-key",
            Tolerance::FlatSignedInfo => "flat-signed-info",
            Tolerance::SpaceAtSignature => "space-at-signature",
            Tolerance::Sm2DigestSha1 => "sm2-digest-sha1",
            Tolerance::LowerCaseNumber => "lower-case-number",
        }
    }
}

/// A policy as it applies at a given time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The rules that apply.
    pub policy: SignaturePolicy,
    /// The policy whose loose rules are over, when that is so.
    pub lapsed: Option<Lapsed>,
}

/// A compatibility policy whose last day is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// Its name.
    pub name: String,
    /// Its last day.
    pub until: Option<Date>,
}

impl Lapsed {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "policy-ended"
    }

    /// English text.
    pub fn en(&self) -> String {
        match self.until {
            Some(until) => {
                format!("compatibility policy \"{}\" ended on {until}; strict applies", self.name)
            }
            None => {
                format!("compatibility policy \"{}\" has no end date; strict applies", self.name)
            }
        }
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self.until {
            Some(until) => format!("兼容策略“{}”已于 {until} 到期，现按严格策略执行", self.name),
            None => format!("兼容策略“{}”没有截止日期，按严格策略执行", self.name),
        }
    }
}
