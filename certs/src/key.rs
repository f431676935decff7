//! Public keys: parsed once, then verify any number of signatures.
//!
//! In: a SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7). Out: a
//! [`PublicKey`] whose `verify` costs what *ring* costs. Promise: the algorithm
//! is named by the caller and must fit the key; RSA below 2048 bits is refused
//! unless the caller passes a smaller minimum from a policy. Private keys are
//! in `signing`.

mod error;
pub(crate) mod range;
mod recover;
mod signing;
#[cfg(test)]
mod tests;

pub use error::KeyError;
pub use range::Part;
pub use recover::Recovered;
pub use signing::{MAX_KEY_BYTES, SigningKey};

use std::fmt;
use std::sync::Arc;

use ring::signature as rs;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::algorithm::{KeyFamily, SignatureAlgorithm};
use crate::sm2;

/// Smallest RSA modulus taken without a compatibility policy, in bits.
pub const MIN_RSA_BITS: u32 = 2048;
/// Smallest RSA modulus that any policy can allow, in bits.
pub const MIN_RSA_BITS_LEGACY: u32 = 1024;
/// Largest RSA modulus, in bits: verification cost grows with its square.
pub const MAX_RSA_BITS: u32 = 8192;

/// A public key. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    spki: Vec<u8>,
    material: Material,
}

#[derive(PartialEq, Eq)]
enum Material {
    // Big-endian without leading zeros, as ring wants them.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    // Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    Sm2(Box<sm2::Key>),
    Unsupported { algorithm: String },
}

const OID_EC: &str = "1.2.840.10045.2.1";
const OID_P256: &str = "1.2.840.10045.3.1.7";
const OID_P384: &str = "1.3.132.0.34";
const OID_ED25519: &str = "1.3.101.112";
// The recommended curve of SM2 (GM/T 0006).
const OID_SM2: &str = "1.2.156.10197.1.301";

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo. A key of a kind that is not known
    /// here is kept and refused on use, so that certificates can be listed.
    ///
    /// # Errors
    /// [`KeyError::Format`] when the bytes are not one SubjectPublicKeyInfo.
    pub fn from_spki_der(spki: &[u8]) -> Result<PublicKey, KeyError> {
        let (rest, parsed) = SubjectPublicKeyInfo::from_der(spki)
            .map_err(|e| KeyError::Format { detail: e.to_string() })?;
        if !rest.is_empty() {
            return Err(KeyError::Format { detail: "bytes after the key".to_owned() });
        }
        PublicKey::from_parsed(&parsed)
    }

    pub(crate) fn from_parsed(spki: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, KeyError> {
        let algorithm = spki.algorithm.algorithm.to_id_string();
        let bytes = spki.subject_public_key.data.as_ref();
        let parsed = spki.parsed().map_err(|e| KeyError::Format { detail: e.to_string() })?;
        let material = match parsed {
            Parsed::RSA(rsa) => {
                Material::Rsa { modulus: positive(rsa.modulus)?, exponent: positive(rsa.exponent)? }
            }
            _ if algorithm == OID_EC => {
                let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
                match curve.map(|c| c.to_id_string()) {
                    Some(c) if c == OID_P256 => Material::P256(point(bytes, 32)?),
                    Some(c) if c == OID_P384 => Material::P384(point(bytes, 48)?),
                    Some(c) if c == OID_SM2 => {
                        let detail = "expected an uncompressed point on the SM2 curve".to_owned();
                        let key = sm2::Key::from_point(bytes).ok_or(KeyError::Format { detail })?;
                        Material::Sm2(Box::new(key))
                    }
                    Some(c) => Material::Unsupported { algorithm: c },
                    None => Material::Unsupported { algorithm },
                }
            }
            _ if algorithm == OID_ED25519 => Material::Ed25519(sized(bytes, 32)?),
            _ => Material::Unsupported { algorithm },
        };
        Ok(PublicKey(Arc::new(Inner { spki: spki.raw.to_vec(), material })))
    }

    /// The DER SubjectPublicKeyInfo it was read from.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The kind of key.
    pub fn family(&self) -> KeyFamily {
        match &self.0.material {
            Material::Rsa { .. } => KeyFamily::Rsa,
            Material::P256(_) => KeyFamily::EcdsaP256,
            Material::P384(_) => KeyFamily::EcdsaP384,
            Material::Ed25519(_) => KeyFamily::Ed25519,
            Material::Sm2(_) => KeyFamily::Sm2,
            Material::Unsupported { .. } => KeyFamily::Unsupported,
        }
    }

    /// Size in bits: of the RSA modulus, or of the curve's field; 0 when the
    /// kind is not known.
    pub fn bits(&self) -> u32 {
        match &self.0.material {
            Material::Rsa { modulus, .. } => bit_len(modulus),
            Material::P256(_) | Material::Ed25519(_) | Material::Sm2(_) => 256,
            Material::P384(_) => 384,
            Material::Unsupported { .. } => 0,
        }
    }

    /// The key as an SM2 key, for values over a digest or of another id.
    pub fn as_sm2(&self) -> Option<&sm2::Key> {
        match &self.0.material {
            Material::Sm2(key) => Some(key),
            _ => None,
        }
    }

    /// The object identifier of a key kind that is not known here.
    pub fn unsupported_algorithm(&self) -> Option<&str> {
        match &self.0.material {
            Material::Unsupported { algorithm } => Some(algorithm),
            _ => None,
        }
    }

    /// Verifies `signature` over `message`; RSA keys have at least
    /// [`MIN_RSA_BITS`].
    ///
    /// # Errors
    /// As [`PublicKey::verify_at_least`].
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.verify_at_least(MIN_RSA_BITS, algorithm, message, signature)
    }

    /// Verifies with another minimum for RSA, which is how
    /// [`crate::SignaturePolicy::min_rsa_bits`] is applied. Nothing goes below
    /// [`MIN_RSA_BITS_LEGACY`], and RSA-SHA384 and RSA-PSS not below
    /// [`MIN_RSA_BITS`] (*ring* has no weaker form of them).
    ///
    /// # Errors
    /// [`KeyError::Mismatch`], [`KeyError::TooShort`], [`KeyError::TooLong`],
    /// [`KeyError::Unsupported`], [`KeyError::SignatureLength`],
    /// [`KeyError::SignatureRange`], and [`KeyError::BadSignature`] when the value does not verify.
    pub fn verify_at_least(
        &self,
        min_rsa_bits: u32,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.check_fits(min_rsa_bits, algorithm)?;
        let expected = match &self.0.material {
            Material::Rsa { modulus, .. } => Some(modulus.len()),
            _ => algorithm.signature_len(),
        };
        if let Some(expected) = expected
            && expected != signature.len()
        {
            return Err(KeyError::SignatureLength {
                algorithm,
                expected,
                found: signature.len(),
                looks_der: looks_like_der(algorithm, signature),
            });
        }
        if let Material::Sm2(key) = &self.0.material {
            return verify_sm2(key, algorithm, message, signature);
        }
        if let Some(order) = order(algorithm) {
            range::check(order, signature)
                .map_err(|part| KeyError::SignatureRange { algorithm, part })?;
        }
        self.verify_value(algorithm, message, signature)
            .map_err(|_| KeyError::BadSignature { algorithm })
    }

    /// Whether the key can serve `algorithm` at all, without a signature.
    ///
    /// # Errors
    /// As [`PublicKey::verify_at_least`] without those about the value.
    pub fn check_fits(
        &self,
        min_rsa_bits: u32,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), KeyError> {
        if let Material::Unsupported { algorithm } = &self.0.material {
            return Err(KeyError::Unsupported { algorithm: algorithm.clone() });
        }
        if self.family() != algorithm.family() {
            return Err(KeyError::Mismatch { algorithm, family: self.family() });
        }
        if self.family() == KeyFamily::Rsa {
            let floor = match algorithm {
                SignatureAlgorithm::RsaPkcs1Sha1
                | SignatureAlgorithm::RsaPkcs1Sha256
                | SignatureAlgorithm::RsaPkcs1Sha512 => MIN_RSA_BITS_LEGACY,
                _ => MIN_RSA_BITS,
            };
            let minimum = min_rsa_bits.max(floor);
            if self.bits() < minimum {
                return Err(KeyError::TooShort { bits: self.bits(), minimum });
            }
            if self.bits() > MAX_RSA_BITS {
                return Err(KeyError::TooLong { bits: self.bits() });
            }
        }
        Ok(())
    }

    fn verify_value(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), ring::error::Unspecified> {
        let unparsed = |with: &'static dyn rs::VerificationAlgorithm, key: &[u8]| {
            rs::UnparsedPublicKey::new(with, key).verify(message, signature)
        };
        match (&self.0.material, algorithm) {
            (Material::Rsa { modulus, exponent }, algorithm) => {
                let parameters = rsa_parameters(algorithm).ok_or(ring::error::Unspecified)?;
                rs::RsaPublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() }
                    .verify(parameters, message, signature)
            }
            (Material::P256(point), SignatureAlgorithm::EcdsaP256Sha256) => {
                unparsed(&rs::ECDSA_P256_SHA256_FIXED, point)
            }
            (Material::P384(point), SignatureAlgorithm::EcdsaP384Sha384) => {
                unparsed(&rs::ECDSA_P384_SHA384_FIXED, point)
            }
            (Material::Ed25519(point), SignatureAlgorithm::Ed25519) => {
                unparsed(&rs::ED25519, point)
            }
            _ => Err(ring::error::Unspecified),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} bits)", self.family(), self.bits())
    }
}

// The 1024-bit parameters of ring are safe to use here: the minimum that
// applies was checked in check_fits.
fn rsa_parameters(algorithm: SignatureAlgorithm) -> Option<&'static rs::RsaParameters> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha1 => &rs::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::RsaPkcs1Sha256 => &rs::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::RsaPkcs1Sha384 => &rs::RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &rs::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        SignatureAlgorithm::RsaPssSha256 => &rs::RSA_PSS_2048_8192_SHA256,
        SignatureAlgorithm::RsaPssSha384 => &rs::RSA_PSS_2048_8192_SHA384,
        SignatureAlgorithm::RsaPssSha512 => &rs::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn order(algorithm: SignatureAlgorithm) -> Option<&'static [u8]> {
    match algorithm.family() {
        KeyFamily::EcdsaP256 => Some(&range::P256),
        KeyFamily::EcdsaP384 => Some(&range::P384),
        _ => None,
    }
}

fn verify_sm2(
    key: &sm2::Key,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), KeyError> {
    let raw = signature.try_into().map_err(|_| KeyError::BadSignature { algorithm })?;
    key.verify(message, raw).map_err(|refused| match refused {
        sm2::Refused::Range(part) => KeyError::SignatureRange { algorithm, part },
        sm2::Refused::Value => KeyError::BadSignature { algorithm },
    })
}

// A DER INTEGER, which is signed, as an unsigned number: ring reads it so too.
fn positive(integer: &[u8]) -> Result<Vec<u8>, KeyError> {
    let bytes = without_zeros(integer);
    if bytes.is_empty() || integer.first().is_some_and(|b| b & 0x80 != 0) {
        let detail = "expected a positive modulus and exponent".to_owned();
        return Err(KeyError::Format { detail });
    }
    Ok(bytes.to_vec())
}

// RFC 5480, section 2.2: 04, then both coordinates. Compressed points, which
// it allows, are not in use and ring does not read them.
fn point(bytes: &[u8], coordinate: usize) -> Result<Vec<u8>, KeyError> {
    if bytes.first() != Some(&4) {
        return Err(KeyError::Format { detail: "expected an uncompressed point".to_owned() });
    }
    sized(bytes, 2 * coordinate + 1)
}

fn sized(bytes: &[u8], expected: usize) -> Result<Vec<u8>, KeyError> {
    if bytes.len() != expected {
        let detail = format!("expected a key of {expected} bytes, found {}", bytes.len());
        return Err(KeyError::Format { detail });
    }
    Ok(bytes.to_vec())
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn bit_len(bytes: &[u8]) -> u32 {
    let bytes = without_zeros(bytes);
    match (bytes.first(), u32::try_from(bytes.len())) {
        (Some(first), Ok(len)) => len.saturating_mul(8) - first.leading_zeros(),
        (None, _) => 0,
        (_, Err(_)) => u32::MAX,
    }
}

// A SEQUENCE of the right length where r || s is expected: the usual mistake
// of a sender whose library makes the X.509 form. Only used for the text.
fn looks_like_der(algorithm: SignatureAlgorithm, signature: &[u8]) -> bool {
    let family = algorithm.family();
    matches!(family, KeyFamily::EcdsaP256 | KeyFamily::EcdsaP384 | KeyFamily::Sm2)
        && matches!(signature, [0x30, len, rest @ ..] if usize::from(*len) == rest.len())
}
