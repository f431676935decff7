//! RSA moduli between nothing and too much, strict and under a policy.

use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;

use super::*;
use crate::algorithm::DigestAlgorithm;
use crate::policy::{SignaturePolicy, Tolerance};

/// A SubjectPublicKeyInfo of RSA with this modulus and exponent.
pub(super) fn spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, body: &[u8]| match u16::try_from(body.len()).unwrap().to_be_bytes() {
        [0, len] if len < 0x80 => [&[tag, len], body].concat(),
        [0, len] => [&[tag, 0x81, len], body].concat(),
        [high, low] => [&[tag, 0x82, high, low], body].concat(),
    };
    let key = tlv(0x30, &[tlv(2, modulus), tlv(2, exponent)].concat());
    let algorithm = tlv(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let bits = tlv(3, &[&[0], key.as_slice()].concat());
    tlv(0x30, &[algorithm, bits].concat())
}

/// A public key whose modulus has this many bits; nothing verifies with it.
pub(super) fn of_bits(bits: usize) -> PublicKey {
    let top = (bits - 1) % 8;
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = u8::MAX >> (7 - top);
    if top == 7 {
        modulus.insert(0, 0);
    }
    PublicKey::from_spki_der(&spki(&modulus, &[1, 0, 1])).unwrap()
}

#[test]
fn bits_are_counted_exactly() {
    for bits in [8, 9, 15, 16, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 8192, 8193] {
        assert_eq!(of_bits(bits).bits(), u32::try_from(bits).unwrap());
    }
}

#[test]
fn minimum_and_maximum_to_the_bit() {
    let cases = [
        (2048, 2048, "ok"),
        (2047, 2048, "key-too-short"),
        (2048, 3072, "key-too-short"),
        (1024, 1024, "ok"),
        (1023, 1024, "key-too-short"),
        // No policy goes below 1024.
        (1023, 512, "key-too-short"),
        (1024, 0, "ok"),
        (8192, 2048, "ok"),
        (8193, 2048, "key-too-long"),
    ];
    for (bits, minimum, expected) in cases {
        let found = of_bits(bits).check_fits(minimum, RsaPkcs1Sha256);
        assert_eq!(code(found), expected, "{bits} bits, minimum {minimum}");
    }
    // ring has no weaker form of RSA-SHA384.
    let error = of_bits(1024).check_fits(1024, RsaPkcs1Sha384).unwrap_err();
    assert_eq!(error, KeyError::TooShort { bits: 1024, minimum: 2048 });
}

#[test]
fn rsa_1024_strict_and_under_a_policy() {
    let pair = rsa::PrivateKey::new(&mut crate::random::Source, 1024).unwrap();
    let der = pair.to_public_key().to_public_key_der().unwrap();
    let public = PublicKey::from_spki_der(der.as_bytes()).unwrap();
    assert_eq!((public.bits(), pair.size()), (1024, 128));
    let info = [
        &[0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
        DigestAlgorithm::Sha256.digest(MESSAGE).as_slice(),
    ]
    .concat();
    let value = pair.sign(rsa::Pkcs1v15Sign::new_unprefixed(), &info).unwrap();
    assert_eq!(code(public.verify(RsaPkcs1Sha256, MESSAGE, &value)), "key-too-short");
    let at_least = |bits| public.verify_at_least(bits, RsaPkcs1Sha256, MESSAGE, &value);
    assert_eq!(at_least(1024), Ok(()));
    assert_eq!(code(at_least(1025)), "key-too-short");
    let strict = SignaturePolicy::strict();
    let refused = strict.verify(&public, RsaPkcs1Sha256, MESSAGE, &value).unwrap_err();
    assert_eq!(refused.code(), "key-too-short");
    let policy = SignaturePolicy { min_rsa_bits: 1024, ..strict };
    let used = policy.verify(&public, RsaPkcs1Sha256, MESSAGE, &value).unwrap();
    assert_eq!(used, [Tolerance::ShortRsaKey]);
    let forged = policy.verify(&public, RsaPkcs1Sha256, b"another", &value).unwrap_err();
    assert_eq!(forged.code(), "signature-wrong");
}
