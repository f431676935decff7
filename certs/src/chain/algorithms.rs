//! The algorithms that a CA may have signed a certificate with.
//!
//! In: the policy. Out: the list for rustls-webpki. Promise: SHA-1 and RSA
//! below 2048 bits only when the policy says so.

use ring::signature as rs;
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use webpki::ring as strict;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};

use crate::algorithm::KeyFamily;
use crate::key::{MIN_RSA_BITS, PublicKey};
use crate::policy::SignaturePolicy;
use crate::sm2;

/// sha1WithRSAEncryption (RFC 8017, appendix A.2.4).
const OID_RSA_SHA1: &str = "1.2.840.113549.1.1.5";
/// ecdsa-with-SHA1 (RFC 5758), never taken.
const OID_ECDSA_SHA1: &str = "1.2.840.10045.4.1";

// The same identifier as DER: OBJECT IDENTIFIER, then the NULL parameters.
const RSA_PKCS1_SHA1: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00,
]);

static STRICT: [&dyn SignatureVerificationAlgorithm; 13] = [
    strict::RSA_PKCS1_2048_8192_SHA256,
    strict::RSA_PKCS1_2048_8192_SHA384,
    strict::RSA_PKCS1_2048_8192_SHA512,
    strict::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    strict::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    strict::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    strict::ECDSA_P256_SHA256,
    strict::ECDSA_P256_SHA384,
    strict::ECDSA_P384_SHA256,
    strict::ECDSA_P384_SHA384,
    strict::ED25519,
    &Sm2 { id: SM2_SM3 },
    &Sm2 { id: SM2_SM3_NULL },
];

// id-ecPublicKey with the recommended SM2 curve (GM/T 0006, GM/T 0015).
const SM2_KEY: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55,
    0x01, 0x82, 0x2d,
]);
// 1.2.156.10197.1.501, SM2 with SM3; parameters are absent, and NULL in the
// certificates of some older CAs.
const SM2_SM3: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);
const SM2_SM3_NULL: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
    0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00,
]);

static SHA1: Legacy =
    Legacy { id: RSA_PKCS1_SHA1, with: &rs::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY };
static SHA1_SHORT: Legacy =
    Legacy { id: RSA_PKCS1_SHA1, with: &rs::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY };
static SHA256_SHORT: Legacy = Legacy {
    id: alg_id::RSA_PKCS1_SHA256,
    with: &rs::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
};

pub(super) fn taken(policy: &SignaturePolicy) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let short = policy.min_rsa_bits < MIN_RSA_BITS;
    let mut list: Vec<&'static dyn SignatureVerificationAlgorithm> = Vec::with_capacity(15);
    // First, since the first entry that fits an identifier decides.
    if short {
        list.push(&SHA256_SHORT);
    }
    list.extend(STRICT);
    if policy.allow_chain_sha1 {
        list.push(if short { &SHA1_SHORT } else { &SHA1 });
    }
    list
}

/// No algorithm of this name is taken for this kind of key.
pub(crate) struct NotTaken;

/// Whether `signature` over `message` is one of the key, by the algorithm whose
/// identifier has these contents: for what a CA signs beside certificates.
pub(crate) fn verify_signed(
    policy: &SignaturePolicy,
    key: &PublicKey,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, NotTaken> {
    if key.family() == KeyFamily::Rsa && key.bits() < policy.min_rsa_bits.min(MIN_RSA_BITS) {
        return Err(NotTaken);
    }
    let parts = |spki| -> Result<_, x509_cert::der::Error> {
        SliceReader::new(spki)?.sequence(|inner| {
            let algorithm: AnyRef<'_> = AnyRef::decode(inner)?;
            Ok((algorithm, BitStringRef::decode(inner)?))
        })
    };
    let (kind, bits) = parts(key.spki_der()).map_err(|_| NotTaken)?;
    let bits = bits.as_bytes().ok_or(NotTaken)?;
    let fits = |with: &&&dyn SignatureVerificationAlgorithm| {
        with.signature_alg_id().as_ref() == algorithm
            && with.public_key_alg_id().as_ref() == kind.value()
    };
    let with = taken(policy);
    let with = with.iter().find(fits).ok_or(NotTaken)?;
    Ok(with.verify_signature(bits, message, signature).is_ok())
}

pub(super) fn is_sha1(oid: &str) -> bool {
    matches!(oid, OID_RSA_SHA1 | OID_ECDSA_SHA1)
}

#[derive(Debug)]
struct Legacy {
    id: AlgorithmIdentifier,
    with: &'static rs::RsaParameters,
}

impl SignatureVerificationAlgorithm for Legacy {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        rs::UnparsedPublicKey::new(self.with, public_key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.id
    }
}

/// SM2 with SM3, the issuer's id being the default one (GM/T 0015).
#[derive(Debug)]
struct Sm2 {
    id: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Sm2 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = sm2::Key::from_point(public_key).ok_or(InvalidSignature)?;
        let raw = sm2::raw_from_der(signature).ok_or(InvalidSignature)?;
        key.verify(message, &raw).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        SM2_KEY
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.id
    }
}
