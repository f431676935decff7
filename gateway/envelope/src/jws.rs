//! JSON Web Signature (RFC 7515; RFC 7797 for payloads that are not encoded, RFC 8037 for
//! Ed25519). In: the compact or the flattened form, and the payload where it is detached.
//! Out: a [`SignedPayload`], which nothing but [`Jws::verify`] can make, or a [`JwsError`].
//!
//! The profile: one signature, every header member protected, the key from `x5c`, or from
//! a certificate that the caller knows, named by `kid` (its number) or `x5t#S256`. `none`,
//! HMAC, keys by `jwk`, `jku` or `x5u`, critical members other than `b64`, and members
//! that occur twice are refused by name. As with XML Signature, whose the certificate is
//! and whether its chain holds is for the caller to check.

mod error;
pub(crate) mod explain;
mod header;
mod signing;
#[cfg(test)]
mod tests;

pub use error::JwsError;
pub use explain::JwsCause;
pub use signing::{JwsOptions, KeyMember, sign_compact, sign_flattened};

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onepoint_certs::{
    Certificate, DigestAlgorithm, KeyError, PolicyError, PublicKey, SignatureAlgorithm,
    SignaturePolicy, Tolerance, number,
};
use serde_json::Value;

use crate::json;
use header::Header;

/// The name of SM2 with SM3, collision-resistant as RFC 7518 section 3.1 asks for names
/// that are not registered: the identifier of the customs norm of 2022-04.
pub const SM2_ALGORITHM: &str = "http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3";
/// Bytes of a header, as it is encoded.
pub const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Bytes of a payload.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;
/// Certificates in one `x5c`.
pub const MAX_CERTIFICATES: usize = 8;
/// Bytes of a signature value, as it is encoded: RSA with 8192 bits.
const MAX_VALUE_BYTES: usize = 1366;

/// A signature that was read and not yet verified. Nothing of its payload can be seen.
#[derive(Debug)]
pub struct Jws<'t> {
    header: Header,
    protected: Cow<'t, str>,
    /// The payload as the signature covers it: encoded, or not with `b64`.
    covered: Cow<'t, [u8]>,
    value: Vec<u8>,
}

/// Evidence: this payload was signed with the key of this certificate. Whose certificate
/// it is has still to be checked.
#[derive(Debug, Clone)]
pub struct SignedPayload {
    payload: Vec<u8>,
    certificate: Certificate,
    intermediates: Vec<Certificate>,
    algorithm: SignatureAlgorithm,
    tolerances: Vec<Tolerance>,
}

impl SignedPayload {
    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// SHA-256 of the payload.
    pub fn content_digest(&self) -> Vec<u8> {
        DigestAlgorithm::Sha256.digest(&self.payload)
    }

    /// The certificate whose key made the signature.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The other certificates of `x5c`. Unchecked hints for a chain.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The algorithm.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Codes of the loose rules of the policy that were needed.
    pub fn tolerances(&self) -> Vec<&'static str> {
        self.tolerances.iter().map(|used| used.code()).collect()
    }
}

impl<'t> Jws<'t> {
    /// Reads the compact form: header, payload and value with dots between them. The
    /// payload part is empty where the payload is detached, and then given here.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn compact(token: &'t str, detached: Option<&'t [u8]>) -> Result<Jws<'t>, JwsError> {
        let found = token.split('.').count();
        let mut parts = token.split('.');
        // An unencoded payload may not have dots here (RFC 7797 section 5.2).
        let (Some(protected), Some(payload), Some(value), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Parts { found });
        };
        let header = read_header(protected)?;
        let covered = match (payload, detached) {
            ("", Some(given)) => Covered::Given(given),
            ("", None) if header.encoded => Covered::Inside(Cow::Borrowed(payload)),
            ("", None) => return Err(JwsError::NoPayload),
            (_, Some(_)) => return Err(JwsError::TwoPayloads),
            (text, None) if !header.encoded && !is_compact_safe(text) => {
                return Err(JwsError::Unencoded);
            }
            (text, None) => Covered::Inside(Cow::Borrowed(text)),
        };
        Jws::of(header, Cow::Borrowed(protected), covered, value)
    }

    /// Reads the flattened JSON form (RFC 7515 section 7.2.2): the members `protected`,
    /// `payload` unless it is detached, and `signature`, and no others.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn flattened(text: &str, detached: Option<&'t [u8]>) -> Result<Jws<'t>, JwsError> {
        const OBJECT: &str = "signature";
        let max = MAX_HEADER_BYTES + 2 * MAX_PAYLOAD_BYTES;
        if text.len() > max {
            return Err(JwsError::TooLong { part: OBJECT, max });
        }
        let mut members = json::object(text).map_err(|fault| JwsError::json(OBJECT, fault))?;
        for (name, fault) in [("signatures", JwsError::General), ("header", JwsError::Unprotected)]
        {
            if members.iter().any(|member| member.name == name) {
                return Err(fault);
            }
        }
        let mut text = |name| match json::take(&mut members, name) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwsError::Member { name, expected: "a text" }),
            None => Ok(None),
        };
        let protected = text("protected")?.ok_or(JwsError::Missing { name: "protected" })?;
        let value = text("signature")?.ok_or(JwsError::Missing { name: "signature" })?;
        let payload = text("payload")?;
        if let Some(other) = members.first() {
            return Err(JwsError::Unexpected { name: error::found(&other.name) });
        }
        let header = read_header(&protected)?;
        let covered = match (payload, detached) {
            (Some(_), Some(_)) => return Err(JwsError::TwoPayloads),
            (None, None) => return Err(JwsError::NoPayload),
            (Some(text), None) => Covered::Inside(Cow::Owned(text)),
            (None, Some(given)) => Covered::Given(given),
        };
        Jws::of(header, Cow::Owned(protected), covered, &value)
    }

    fn of(
        header: Header,
        protected: Cow<'t, str>,
        covered: Covered<'t>,
        value: &str,
    ) -> Result<Jws<'t>, JwsError> {
        let covered = match covered {
            Covered::Inside(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Covered::Inside(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Covered::Given(bytes) => {
                bounded("payload", bytes.len(), MAX_PAYLOAD_BYTES)?;
                match header.encoded {
                    true => Cow::Owned(URL_SAFE_NO_PAD.encode(bytes).into_bytes()),
                    false => Cow::Borrowed(bytes),
                }
            }
        };
        bounded("payload", covered.len(), MAX_PAYLOAD_BYTES.div_ceil(3) * 4)?;
        bounded("value", value.len(), MAX_VALUE_BYTES)?;
        let value = decode("value", value.as_bytes())?;
        Ok(Jws { header, protected, covered, value })
    }

    /// The payload as it was sent, for explanations only: nobody is known to have signed it.
    ///
    /// # Errors
    /// [`JwsError::Base64`].
    pub fn unverified_payload(&self) -> Result<Vec<u8>, JwsError> {
        match self.header.encoded {
            true => decode("payload", &self.covered),
            false => Ok(self.covered.to_vec()),
        }
    }

    /// The certificate that the header carries or names, then the others it carries; nothing
    /// is verified. `known` as for [`Jws::verify`].
    pub fn named_certificates(
        &self,
        policy: &SignaturePolicy,
        known: &[Certificate],
    ) -> Vec<Certificate> {
        let Ok((leaf, _)) = self.certificate(policy, known) else { return Vec::new() };
        let others = self.header.certificates.get(1..).unwrap_or_default();
        std::iter::once(leaf).chain(others).cloned().collect()
    }

    /// Verifies the signature. `known` are the certificates that the header may name:
    /// those registered for a participant. The policy is taken as it stands: the caller
    /// asks [`SignaturePolicy::in_force`] first.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn verify(
        &self,
        policy: &SignaturePolicy,
        known: &[Certificate],
    ) -> Result<SignedPayload, JwsError> {
        let (certificate, number_rule) = self.certificate(policy, known)?;
        let (payload, mut tolerances) = self.verify_by(policy, certificate.public_key())?;
        tolerances.extend(number_rule);
        Ok(SignedPayload {
            payload,
            certificate: certificate.clone(),
            intermediates: self.header.certificates.get(1..).unwrap_or_default().to_vec(),
            algorithm: self.header.algorithm,
            tolerances,
        })
    }

    /// Verifies the signature with a key that the caller vouches for; gives the payload
    /// and the loose rules that were needed. What the header names is not looked at.
    ///
    /// # Errors
    /// [`JwsError::Policy`], also for a key of another kind than the algorithm's, and
    /// [`JwsError::ValueMismatch`].
    pub fn verify_by(
        &self,
        policy: &SignaturePolicy,
        key: &PublicKey,
    ) -> Result<(Vec<u8>, Vec<Tolerance>), JwsError> {
        let message = [self.protected.as_bytes(), b".", &self.covered].concat();
        let used = policy.verify(key, self.header.algorithm, &message, &self.value);
        let used = used.map_err(|error| match error {
            PolicyError::Key { source: KeyError::BadSignature { .. }, .. } => {
                JwsError::ValueMismatch(error)
            }
            other => JwsError::Policy(other),
        })?;
        Ok((self.unverified_payload()?, used))
    }

    fn certificate<'c>(
        &'c self,
        policy: &SignaturePolicy,
        known: &'c [Certificate],
    ) -> Result<(&'c Certificate, Option<Tolerance>), JwsError> {
        let is_it = |certificate: &Certificate| {
            self.header.thumbprint.is_none_or(|it| header::is_thumbprint(&it, certificate))
        };
        if let Some(first) = self.header.certificates.first() {
            return if is_it(first) { Ok((first, None)) } else { Err(JwsError::Thumbprint) };
        }
        if self.header.thumbprint.is_some() {
            let found = known.iter().find(|certificate| is_it(certificate));
            return found.map(|found| (found, None)).ok_or(JwsError::Thumbprint);
        }
        let kid = self.header.kid.as_deref().ok_or(JwsError::NoKey)?;
        number::find(known, kid, policy).map_err(JwsError::Number)
    }
}

/// A detached signature in the compact form (RFC 7515 appendix F) and its payload as one
/// flattened signature: `{"payload":…,"protected":…,"signature":…}` without white space.
///
/// # Errors
/// [`JwsError`]: a payload inside already, a broken header, an unencoded payload that is not
/// UTF-8.
pub fn attach(detached: &str, payload: &[u8]) -> Result<String, JwsError> {
    let Jws { header, covered, .. } = Jws::compact(detached, Some(payload))?;
    let shown = match header.encoded {
        true => String::from_utf8(covered.into_owned()),
        false => String::from_utf8(payload.to_vec()),
    };
    let shown = Value::String(shown.map_err(|_| JwsError::Unencoded)?);
    let mut parts = detached.split('.');
    let protected = Value::String(parts.next().unwrap_or_default().to_owned());
    let value = Value::String(parts.nth(1).unwrap_or_default().to_owned());
    Ok(format!("{{\"payload\":{shown},\"protected\":{protected},\"signature\":{value}}}"))
}

/// Where the payload comes from.
enum Covered<'t> {
    Inside(Cow<'t, str>),
    Given(&'t [u8]),
}

fn read_header(protected: &str) -> Result<Header, JwsError> {
    bounded("header", protected.len(), MAX_HEADER_BYTES)?;
    let text = String::from_utf8(decode("header", protected.as_bytes())?);
    let detail = "not UTF-8".to_owned();
    header::read(&text.map_err(|_| JwsError::Json { part: "header", detail })?)
}

fn bounded(part: &'static str, found: usize, max: usize) -> Result<(), JwsError> {
    if found > max { Err(JwsError::TooLong { part, max }) } else { Ok(()) }
}

/// Without padding, white space and stray bits: one text for each value.
fn decode(part: &'static str, text: &[u8]) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Base64 { part })
}

/// Characters that an unencoded payload may have in the compact form; RFC 7797 section
/// 5.2 leaves the set to the application, this is the one of its section 5.2 for URLs.
fn is_compact_safe(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~'))
}
