//! Private keys that sign.
//!
//! In: an unencrypted PKCS#8 key (RFC 5958), PEM or DER, or nothing (generate).
//! Out: signatures, and the key as PKCS#8 again. Promise: the PKCS#8 bytes kept
//! here are wiped on drop and never printed. What *ring* and `sm2` derive from
//! them (their internal form of the key, the buffer P-256 keys are generated in)
//! is out of our reach.

use std::fmt;

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature as rs;
use ring::signature::KeyPair as _;
use rsa::pkcs8::PrivateKeyInfoRef;
use sm2::dsa::signature::RandomizedSigner as _;
use sm2::elliptic_curve::Generate as _;
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{KeyError, OID_EC, OID_ED25519, OID_P256, OID_P384, OID_SM2, PublicKey};
use crate::algorithm::SignatureAlgorithm;
use crate::pem;
use crate::random::Source;
use crate::sm2::DEFAULT_ID;

/// Longest PKCS#8 key that is read, in bytes (RSA-8192 takes about 4,700).
pub const MAX_KEY_BYTES: usize = 16 * 1024;

const OID_RSA: &str = "1.2.840.113549.1.1.1";

// Everything of a v1 Ed25519 key (RFC 8410, section 7) before its 32-byte seed.
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A private key.
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(Box<rs::RsaKeyPair>),
    P256(rs::EcdsaKeyPair),
    P384(rs::EcdsaKeyPair),
    Ed25519(rs::Ed25519KeyPair),
    Sm2(Box<sm2::dsa::SigningKey>),
}

impl SigningKey {
    /// Reads the one `PRIVATE KEY` block of a PEM text; other blocks, such as
    /// certificates, may stand beside it.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Encrypted`],
    /// [`KeyError::NotOnePrivateKey`] (also for the older `RSA PRIVATE KEY`
    /// and `EC PRIVATE KEY` forms), and those of [`SigningKey::from_pkcs8_der`].
    pub fn from_pkcs8_pem(text: &str) -> Result<SigningKey, KeyError> {
        let blocks = pem::read(text).map_err(KeyError::Pem)?;
        let mut keys = blocks.iter().filter(|b| b.label.ends_with("PRIVATE KEY"));
        let Some(block) = keys.next() else {
            return Err(KeyError::NotOnePrivateKey { found: "none".to_owned() });
        };
        if keys.next().is_some() {
            return Err(KeyError::NotOnePrivateKey { found: "several".to_owned() });
        }
        match block.label.as_str() {
            "PRIVATE KEY" => SigningKey::from_pkcs8_der(&block.der),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            other => Err(KeyError::NotOnePrivateKey {
                found: format!("\"{}\" on line {}", pem::shown(other), block.line),
            }),
        }
    }

    /// Reads a DER PKCS#8 key: RSA of 2048 to 4096 bits, P-256, P-384,
    /// Ed25519 or SM2.
    ///
    /// # Errors
    /// [`KeyError::Format`], [`KeyError::Unsupported`], or
    /// [`KeyError::Rejected`] when its parts do not belong together.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<SigningKey, KeyError> {
        if der.len() > MAX_KEY_BYTES {
            return Err(KeyError::Format { detail: format!("longer than {MAX_KEY_BYTES} bytes") });
        }
        let info = PrivateKeyInfoRef::from_der(der)
            .map_err(|e| KeyError::Format { detail: e.to_string() })?;
        let algorithm = info.algorithm.oid.to_string();
        let curve = info.algorithm.parameters_oid().ok().map(|oid| oid.to_string());
        let rejected = |e: ring::error::KeyRejected| KeyError::Rejected { detail: e.to_string() };
        let ecdsa = |with: &'static rs::EcdsaSigningAlgorithm| {
            rs::EcdsaKeyPair::from_pkcs8(with, der, &SystemRandom::new()).map_err(rejected)
        };
        let pair = match (algorithm.as_str(), curve.as_deref()) {
            (OID_RSA, _) => Pair::Rsa(Box::new(rs::RsaKeyPair::from_pkcs8(der).map_err(rejected)?)),
            (OID_EC, Some(OID_P256)) => Pair::P256(ecdsa(&rs::ECDSA_P256_SHA256_FIXED_SIGNING)?),
            (OID_EC, Some(OID_P384)) => Pair::P384(ecdsa(&rs::ECDSA_P384_SHA384_FIXED_SIGNING)?),
            // "Maybe unchecked": keys of OpenSSL carry no public half to check.
            (OID_ED25519, _) => Pair::Ed25519(
                rs::Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?,
            ),
            (OID_EC, Some(OID_SM2)) => Pair::Sm2(Box::new(sm2_pair(der)?)),
            (_, curve) => {
                let algorithm = curve.map_or(algorithm.clone(), str::to_owned);
                return Err(KeyError::Unsupported { algorithm });
            }
        };
        let public = public_half(&pair)?;
        Ok(SigningKey { pkcs8: Zeroizing::new(der.to_vec()), pair, public })
    }

    /// Generates a P-256 key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the system gives no randomness.
    pub fn generate_p256() -> Result<SigningKey, KeyError> {
        let pkcs8 = rs::EcdsaKeyPair::generate_pkcs8(
            &rs::ECDSA_P256_SHA256_FIXED_SIGNING,
            &SystemRandom::new(),
        )
        .map_err(|_| KeyError::Generation)?;
        SigningKey::from_pkcs8_der(pkcs8.as_ref())
    }

    /// Generates a P-384 key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the system gives no randomness.
    pub fn generate_p384() -> Result<SigningKey, KeyError> {
        let pkcs8 = rs::EcdsaKeyPair::generate_pkcs8(
            &rs::ECDSA_P384_SHA384_FIXED_SIGNING,
            &SystemRandom::new(),
        )
        .map_err(|_| KeyError::Generation)?;
        SigningKey::from_pkcs8_der(pkcs8.as_ref())
    }

    /// Generates an SM2 key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the system gives no randomness.
    pub fn generate_sm2() -> Result<SigningKey, KeyError> {
        use sm2::pkcs8::EncodePrivateKey as _;
        let key =
            sm2::SecretKey::try_generate_from_rng(&mut Source).map_err(|_| KeyError::Generation)?;
        let der = key.to_pkcs8_der().map_err(|_| KeyError::Generation)?;
        SigningKey::from_pkcs8_der(der.as_bytes())
    }

    /// Generates an Ed25519 key. Written in the v1 form, since OpenSSL 3.0
    /// does not read the v2 form that *ring* generates.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the system gives no randomness.
    pub fn generate_ed25519() -> Result<SigningKey, KeyError> {
        let mut der = Zeroizing::new([0; ED25519_PREFIX.len() + 32]);
        let (prefix, seed) = der.split_at_mut(ED25519_PREFIX.len());
        prefix.copy_from_slice(&ED25519_PREFIX);
        SystemRandom::new().fill(seed).map_err(|_| KeyError::Generation)?;
        SigningKey::from_pkcs8_der(der.as_slice())
    }

    /// Generates an RSA key of 2048 to 4096 bits; takes about a second.
    ///
    /// For the test PKI and demos: *ring* cannot generate RSA keys, and the
    /// crate `rsa` that does it here is not hardened against an observer of
    /// its timing. Keys of production come from their own PKI or device.
    ///
    /// # Errors
    /// [`KeyError::Generation`] for another size or without randomness.
    pub fn generate_rsa(bits: usize) -> Result<SigningKey, KeyError> {
        use rsa::pkcs8::EncodePrivateKey as _;
        if !(2048..=4096).contains(&bits) {
            return Err(KeyError::Generation);
        }
        let key = rsa::PrivateKey::new(&mut Source, bits).map_err(|_| KeyError::Generation)?;
        let der = key.to_pkcs8_der().map_err(|_| KeyError::Generation)?;
        SigningKey::from_pkcs8_der(der.as_bytes())
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The algorithm used when none is asked for: RSA-SHA256, ECDSA with the
    /// digest of the curve's size, Ed25519, SM2 with SM3.
    pub fn default_algorithm(&self) -> SignatureAlgorithm {
        match &self.pair {
            Pair::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
            Pair::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Pair::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
            Pair::Ed25519(_) => SignatureAlgorithm::Ed25519,
            Pair::Sm2(_) => SignatureAlgorithm::Sm2Sm3,
        }
    }

    /// Signs `message`. ECDSA and SM2 values are `r || s`; the signer's id of SM2
    /// is [`DEFAULT_ID`].
    ///
    /// # Errors
    /// [`KeyError::Mismatch`]; [`KeyError::NotForSigning`] for RSA-SHA1;
    /// [`KeyError::Generation`] without randomness.
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if algorithm.family() != self.public.family() {
            return Err(KeyError::Mismatch { algorithm, family: self.public.family() });
        }
        match &self.pair {
            Pair::Rsa(pair) => sign_rsa(pair, algorithm, message),
            Pair::P256(pair) | Pair::P384(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|s| s.as_ref().to_vec())
                .map_err(|_| KeyError::Generation),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Sm2(pair) => pair
                .try_sign_with_rng(&mut Source, message)
                .map(|value: sm2::dsa::Signature| value.to_vec())
                .map_err(|_| KeyError::Generation),
        }
    }

    /// The key as PKCS#8 PEM, wiped on drop.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::write("PRIVATE KEY", &self.pkcs8))
    }

    /// The key as PKCS#8 DER.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// An independent copy.
    ///
    /// # Errors
    /// Those of [`SigningKey::from_pkcs8_der`], in practice none.
    pub fn duplicate(&self) -> Result<SigningKey, KeyError> {
        SigningKey::from_pkcs8_der(&self.pkcs8)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.family())
    }
}

fn sign_rsa(
    pair: &rs::RsaKeyPair,
    algorithm: SignatureAlgorithm,
    message: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let padding: &'static dyn rs::RsaEncoding = match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => &rs::RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => &rs::RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &rs::RSA_PKCS1_SHA512,
        SignatureAlgorithm::RsaPssSha256 => &rs::RSA_PSS_SHA256,
        SignatureAlgorithm::RsaPssSha384 => &rs::RSA_PSS_SHA384,
        SignatureAlgorithm::RsaPssSha512 => &rs::RSA_PSS_SHA512,
        _ => return Err(KeyError::NotForSigning { algorithm }),
    };
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| KeyError::Generation)?;
    Ok(signature)
}

// The public half that the key may carry is checked against the private one.
fn sm2_pair(der: &[u8]) -> Result<sm2::dsa::SigningKey, KeyError> {
    use sm2::pkcs8::DecodePrivateKey as _;
    let rejected = |detail: String| KeyError::Rejected { detail };
    let key = sm2::SecretKey::from_pkcs8_der(der).map_err(|e| rejected(e.to_string()))?;
    sm2::dsa::SigningKey::new(DEFAULT_ID, &key).map_err(|e| rejected(e.to_string()))
}

fn public_half(pair: &Pair) -> Result<PublicKey, KeyError> {
    let format = |e: x509_cert::der::Error| KeyError::Format { detail: e.to_string() };
    let point;
    let (oid, curve, bytes): (&str, Option<&str>, &[u8]) = match pair {
        Pair::Rsa(pair) => (OID_RSA, None, pair.public_key().as_ref()),
        Pair::P256(pair) => (OID_EC, Some(OID_P256), pair.public_key().as_ref()),
        Pair::P384(pair) => (OID_EC, Some(OID_P384), pair.public_key().as_ref()),
        Pair::Ed25519(pair) => (OID_ED25519, None, pair.public_key().as_ref()),
        Pair::Sm2(pair) => {
            point = pair.verifying_key().to_sec1_point(false);
            (OID_EC, Some(OID_SM2), point.as_bytes())
        }
    };
    let parameters = match curve {
        Some(curve) => {
            Some(Any::encode_from(&ObjectIdentifier::new_unwrap(curve)).map_err(format)?)
        }
        None if oid == OID_RSA => Some(Any::null()),
        None => None,
    };
    let spki = SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters },
        subject_public_key: BitString::from_bytes(bytes).map_err(format)?,
    };
    PublicKey::from_spki_der(&spki.to_der().map_err(format)?)
}
