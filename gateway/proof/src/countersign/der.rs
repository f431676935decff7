//! As much DER as it takes to find a certificate's public key.
//!
//! In: bytes; out: slices of them, or nothing. Lengths are definite and
//! shortest (X.690 section 10.1); nothing is checked beyond the way to the key.

use super::CountersignAlgorithm;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
/// `[0] EXPLICIT` version.
const VERSION: u8 = 0xa0;

/// rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017 appendix A.1).
const OID_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480 section 2.1.1).
const OID_EC: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// secp256r1, 1.2.840.10045.3.1.7 (RFC 5480 section 2.1.1.1).
const OID_P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// One element: all of it, its content, and what follows.
struct Element<'d> {
    whole: &'d [u8],
    content: &'d [u8],
    rest: &'d [u8],
}

/// Takes one element with this tag.
fn take(input: &[u8], tag: u8) -> Option<Element<'_>> {
    let (first, after) = input.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, after) = take_length(after)?;
    let (content, rest) = after.split_at_checked(length)?;
    let whole = input.get(..input.len() - rest.len())?;
    Some(Element { whole, content, rest })
}

fn take_length(input: &[u8]) -> Option<(usize, &[u8])> {
    let (first, after) = input.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), after));
    }
    let count = usize::from(*first & 0x7f);
    if count == 0 || count > 3 {
        return None;
    }
    let (bytes, after) = after.split_at_checked(count)?;
    let length = bytes.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    // The shortest form: nothing below 128, no leading zero byte.
    let shortest = length >= 0x80 && bytes.first().is_some_and(|byte| *byte != 0);
    shortest.then_some((length, after))
}

/// The subjectPublicKeyInfo of a certificate (RFC 5280 section 4.1).
pub(super) fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    let outer = take(certificate, SEQUENCE)?;
    if !outer.rest.is_empty() {
        return None;
    }
    let mut rest = take(outer.content, SEQUENCE)?.content;
    if let Some(version) = take(rest, VERSION) {
        rest = version.rest;
    }
    // serialNumber, signature, issuer, validity, subject
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        rest = take(rest, tag)?.rest;
    }
    take(rest, SEQUENCE).map(|info| info.whole)
}

/// Which algorithm the key is for, and the key as `ring` takes it: the
/// RSAPublicKey structure, or the uncompressed point.
pub(super) fn algorithm_and_key(info: &[u8]) -> Option<(CountersignAlgorithm, &[u8])> {
    let fields = take(info, SEQUENCE)?.content;
    let identifier = take(fields, SEQUENCE)?;
    let oid = take(identifier.content, OBJECT_ID)?;
    let algorithm = if oid.content == OID_RSA {
        CountersignAlgorithm::RsaPkcs1Sha256
    } else if oid.content == OID_EC && take(oid.rest, OBJECT_ID)?.content == OID_P256 {
        CountersignAlgorithm::EcdsaP256Sha256
    } else {
        return None;
    };
    let (unused, key) = take(identifier.rest, BIT_STRING)?.content.split_first()?;
    (*unused == 0).then_some((algorithm, key))
}
