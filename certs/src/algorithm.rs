//! Names of the digest and signature algorithms that the gateway knows.
//!
//! In: bytes to digest. Out: digests, and facts about an algorithm (family,
//! digest, length of a signature). Promise: no policy here. SHA-1 is present
//! because certificates of the field still use it; whether it may be used is
//! decided by [`crate::SignaturePolicy`].

use std::fmt;

use sm3::Sm3;
use sm3::digest::Digest as _;

/// A message digest (FIPS 180-4; GB/T 32905 for SM3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-1, 20 bytes. Legacy: only under a named compatibility policy.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-384, 48 bytes.
    Sha384,
    /// SHA-512, 64 bytes.
    Sha512,
    /// SM3, 32 bytes.
    Sm3,
}

impl DigestAlgorithm {
    /// Every digest algorithm.
    pub const ALL: [DigestAlgorithm; 5] = [
        DigestAlgorithm::Sha1,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha384,
        DigestAlgorithm::Sha512,
        DigestAlgorithm::Sm3,
    ];

    /// The name as written in texts and receipts: `SHA-256`.
    pub fn name(self) -> &'static str {
        match self {
            DigestAlgorithm::Sha1 => "SHA-1",
            DigestAlgorithm::Sha256 => "SHA-256",
            DigestAlgorithm::Sha384 => "SHA-384",
            DigestAlgorithm::Sha512 => "SHA-512",
            DigestAlgorithm::Sm3 => "SM3",
        }
    }

    /// Length of the digest in bytes.
    pub fn output_len(self) -> usize {
        self.ring().map_or(32, ring::digest::Algorithm::output_len)
    }

    /// Digests `data` in one step.
    pub fn digest(&self, data: &[u8]) -> Vec<u8> {
        let mut digester = self.start();
        digester.update(data);
        digester.finish()
    }

    /// Starts an incremental digest.
    pub fn start(self) -> Digester {
        let context = match self.ring() {
            Some(algorithm) => Context::Ring(ring::digest::Context::new(algorithm)),
            None => Context::Sm3(Sm3::new()),
        };
        Digester { algorithm: self, context }
    }

    // None is SM3, which ring does not have.
    fn ring(self) -> Option<&'static ring::digest::Algorithm> {
        Some(match self {
            DigestAlgorithm::Sha1 => &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
            DigestAlgorithm::Sha256 => &ring::digest::SHA256,
            DigestAlgorithm::Sha384 => &ring::digest::SHA384,
            DigestAlgorithm::Sha512 => &ring::digest::SHA512,
            DigestAlgorithm::Sm3 => return None,
        })
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest in progress: canonicalisation writes straight into it.
#[derive(Clone)]
pub struct Digester {
    algorithm: DigestAlgorithm,
    context: Context,
}

#[derive(Clone)]
enum Context {
    Ring(ring::digest::Context),
    Sm3(Sm3),
}

impl Digester {
    /// Starts a digest; the same as [`DigestAlgorithm::start`].
    pub fn new(algorithm: DigestAlgorithm) -> Digester {
        algorithm.start()
    }

    /// Adds bytes.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.context {
            Context::Ring(context) => context.update(data),
            Context::Sm3(context) => context.update(data),
        }
    }

    /// The digest of everything added.
    pub fn finish(self) -> Vec<u8> {
        match self.context {
            Context::Ring(context) => context.finish().as_ref().to_vec(),
            Context::Sm3(context) => context.finalize().to_vec(),
        }
    }

    /// The algorithm it was started with.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digester").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyFamily {
    /// RSA (RFC 8017).
    Rsa,
    /// ECDSA on NIST P-256 (secp256r1).
    EcdsaP256,
    /// ECDSA on NIST P-384 (secp384r1).
    EcdsaP384,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// SM2 on its recommended curve (GB/T 32918.5).
    Sm2,
    /// A key that this build cannot verify with.
    Unsupported,
}

impl KeyFamily {
    /// The name as written in texts.
    pub fn name(self) -> &'static str {
        match self {
            KeyFamily::Rsa => "RSA",
            KeyFamily::EcdsaP256 => "ECDSA P-256",
            KeyFamily::EcdsaP384 => "ECDSA P-384",
            KeyFamily::Ed25519 => "Ed25519",
            KeyFamily::Sm2 => "SM2",
            KeyFamily::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for KeyFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A signature algorithm with its encoding.
///
/// ECDSA values are the fixed-length `r || s` of XML Signature (RFC 4050,
/// section 3.3) and of JWS (RFC 7518, section 3.4), not the ASN.1 form of X.509;
/// SM2 values likewise, as clients of the e-port make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8017). Legacy: verified only under a
    /// named compatibility policy, never made.
    RsaPkcs1Sha1,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2).
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1 with the same digest and a salt of its
    /// length (RFC 8017, section 8.1).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, likewise.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, likewise.
    RsaPssSha512,
    /// ECDSA on P-256 with SHA-256, 64 bytes `r || s`.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384, 96 bytes `r || s`.
    EcdsaP384Sha384,
    /// Ed25519, 64 bytes (RFC 8032).
    Ed25519,
    /// SM2 with SM3, 64 bytes `r || s` (GB/T 32918.2), the signer's id being
    /// [`crate::sm2::DEFAULT_ID`].
    Sm2Sm3,
}

impl SignatureAlgorithm {
    /// Every signature algorithm.
    pub const ALL: [SignatureAlgorithm; 11] = [
        SignatureAlgorithm::RsaPkcs1Sha1,
        SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512,
        SignatureAlgorithm::EcdsaP256Sha256,
        SignatureAlgorithm::EcdsaP384Sha384,
        SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::Sm2Sm3,
    ];

    /// The name as written in texts and receipts.
    pub fn name(self) -> &'static str {
        match self {
            SignatureAlgorithm::RsaPkcs1Sha1 => "RSA-SHA1",
            SignatureAlgorithm::RsaPkcs1Sha256 => "RSA-SHA256",
            SignatureAlgorithm::RsaPkcs1Sha384 => "RSA-SHA384",
            SignatureAlgorithm::RsaPkcs1Sha512 => "RSA-SHA512",
            SignatureAlgorithm::RsaPssSha256 => "RSA-PSS-SHA256",
            SignatureAlgorithm::RsaPssSha384 => "RSA-PSS-SHA384",
            SignatureAlgorithm::RsaPssSha512 => "RSA-PSS-SHA512",
            SignatureAlgorithm::EcdsaP256Sha256 => "ECDSA-P256-SHA256",
            SignatureAlgorithm::EcdsaP384Sha384 => "ECDSA-P384-SHA384",
            SignatureAlgorithm::Ed25519 => "Ed25519",
            SignatureAlgorithm::Sm2Sm3 => "SM2-SM3",
        }
    }

    /// The kind of key it needs.
    pub fn family(self) -> KeyFamily {
        match self {
            SignatureAlgorithm::RsaPkcs1Sha1
            | SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPkcs1Sha512
            | SignatureAlgorithm::RsaPssSha256
            | SignatureAlgorithm::RsaPssSha384
            | SignatureAlgorithm::RsaPssSha512 => KeyFamily::Rsa,
            SignatureAlgorithm::EcdsaP256Sha256 => KeyFamily::EcdsaP256,
            SignatureAlgorithm::EcdsaP384Sha384 => KeyFamily::EcdsaP384,
            SignatureAlgorithm::Ed25519 => KeyFamily::Ed25519,
            SignatureAlgorithm::Sm2Sm3 => KeyFamily::Sm2,
        }
    }

    /// The digest inside it; SHA-512 for Ed25519 (RFC 8032, section 5.1).
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            SignatureAlgorithm::RsaPkcs1Sha1 => DigestAlgorithm::Sha1,
            SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPssSha256
            | SignatureAlgorithm::EcdsaP256Sha256 => DigestAlgorithm::Sha256,
            SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPssSha384
            | SignatureAlgorithm::EcdsaP384Sha384 => DigestAlgorithm::Sha384,
            SignatureAlgorithm::RsaPkcs1Sha512
            | SignatureAlgorithm::RsaPssSha512
            | SignatureAlgorithm::Ed25519 => DigestAlgorithm::Sha512,
            SignatureAlgorithm::Sm2Sm3 => DigestAlgorithm::Sm3,
        }
    }

    /// Length of a signature value in bytes where the algorithm fixes it;
    /// `None` for RSA, where it is the length of the modulus.
    pub fn signature_len(self) -> Option<usize> {
        match self.family() {
            KeyFamily::EcdsaP256 | KeyFamily::Ed25519 | KeyFamily::Sm2 => Some(64),
            KeyFamily::EcdsaP384 => Some(96),
            KeyFamily::Rsa | KeyFamily::Unsupported => None,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
