//! Keys: every algorithm signs and verifies, every other value is refused.

mod errors;
mod short;

use std::sync::LazyLock;

use ring::rand::SystemRandom;

use super::*;
use crate::pem;
use crate::samples::{other_rsa, p256, rsa};
use SignatureAlgorithm::{
    EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, RsaPkcs1Sha1, RsaPkcs1Sha256, RsaPkcs1Sha384,
    RsaPkcs1Sha512, RsaPssSha256, RsaPssSha384, RsaPssSha512, Sm2Sm3,
};

const MESSAGE: &[u8] = "报文 message".as_bytes();

pub(super) fn p384() -> SigningKey {
    SigningKey::generate_p384().unwrap()
}

fn sm2() -> SigningKey {
    SigningKey::generate_sm2().unwrap()
}

fn ed25519() -> SigningKey {
    SigningKey::generate_ed25519().unwrap()
}

/// An algorithm, a key of its kind, another one, and the length of its values.
type Case = (SignatureAlgorithm, SigningKey, SigningKey, usize);

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    vec![
        (RsaPkcs1Sha256, rsa(), other_rsa(), 256),
        (RsaPkcs1Sha384, rsa(), other_rsa(), 256),
        (RsaPkcs1Sha512, rsa(), other_rsa(), 256),
        (RsaPssSha256, rsa(), other_rsa(), 256),
        (RsaPssSha384, rsa(), other_rsa(), 256),
        (RsaPssSha512, rsa(), other_rsa(), 256),
        (EcdsaP256Sha256, p256(), p256(), 64),
        (EcdsaP384Sha384, p384(), p384(), 96),
        (Ed25519, ed25519(), ed25519(), 64),
        (Sm2Sm3, sm2(), sm2(), 64),
    ]
});

fn code(result: Result<(), KeyError>) -> &'static str {
    result.map_or_else(|e| e.code(), |()| "ok")
}

#[test]
fn every_algorithm_signs_and_verifies() {
    for (algorithm, key, other, length) in CASES.iter() {
        let public = key.public_key();
        for message in [MESSAGE, b""] {
            let value = key.sign(*algorithm, message).unwrap();
            assert_eq!(value.len(), *length);
            assert_eq!(public.verify(*algorithm, message, &value), Ok(()));
            let elsewhere = other.public_key().verify(*algorithm, message, &value);
            assert_eq!(code(elsewhere), "signature-wrong", "{algorithm}: another key");
            let changed = public.verify(*algorithm, b"another message", &value);
            assert_eq!(code(changed), "signature-wrong", "{algorithm}: another message");
        }
        // Through DER the key stays the same.
        let read = PublicKey::from_spki_der(public.spki_der()).unwrap();
        assert_eq!(&read, public);
        assert_ne!(&read, other.public_key());
    }
}

#[test]
fn no_bit_of_a_value_may_change() {
    for (algorithm, key, _, _) in CASES.iter() {
        let value = key.sign(*algorithm, MESSAGE).unwrap();
        for byte in 0..value.len() {
            let mut forged = value.clone();
            forged[byte] ^= 1 << (byte % 8);
            let result = key.public_key().verify(*algorithm, MESSAGE, &forged);
            assert_eq!(code(result), "signature-wrong", "{algorithm}: byte {byte}");
        }
    }
}

#[test]
fn values_of_another_length_are_refused() {
    for (algorithm, key, _, length) in CASES.iter() {
        let value = key.sign(*algorithm, MESSAGE).unwrap();
        let longer = [value.as_slice(), &[0]].concat();
        let padded = [&[0], value.as_slice()].concat();
        for wrong in
            [&value[1..], &value[..length - 1], &value[..length / 2], &[], &longer, &padded]
        {
            let result = key.public_key().verify(*algorithm, MESSAGE, wrong);
            assert_eq!(code(result), "signature-length", "{algorithm}: {} bytes", wrong.len());
        }
    }
}

#[test]
fn r_and_s_out_of_range_are_refused() {
    for (algorithm, key, _, length) in
        CASES.iter().filter(|(a, ..)| matches!(a, EcdsaP256Sha256 | EcdsaP384Sha384 | Sm2Sm3))
    {
        let value = key.sign(*algorithm, MESSAGE).unwrap();
        let half = length / 2;
        let zero = vec![0; half];
        let high = vec![0xff; half];
        let order = match algorithm {
            EcdsaP256Sha256 => range::P256.to_vec(),
            EcdsaP384Sha384 => range::P384.to_vec(),
            _ => range::SM2.to_vec(),
        };
        let mut below = order.clone();
        *below.last_mut().unwrap() -= 1;
        let (r, s) = value.split_at(half);
        for (r, s, found) in [
            (&*zero, s, Some(Part::R)),
            (r, &*zero, Some(Part::S)),
            (&*zero, &*zero, Some(Part::R)),
            (&*high, s, Some(Part::R)),
            (r, &*high, Some(Part::S)),
            (&*order, s, Some(Part::R)),
            (r, &*order, Some(Part::S)),
            (&*below, s, None),
            (r, &*below, None),
        ] {
            let result = key.public_key().verify(*algorithm, MESSAGE, &[r, s].concat());
            let expected = match found {
                Some(part) => KeyError::SignatureRange { algorithm: *algorithm, part },
                None => KeyError::BadSignature { algorithm: *algorithm },
            };
            assert_eq!(result, Err(expected), "{algorithm}");
        }
    }
    let public = ed25519().public_key().clone();
    assert_eq!(code(public.verify(Ed25519, MESSAGE, &[0; 64])), "signature-wrong");
    let public = rsa().public_key().clone();
    for value in [[0; 256], [0xff; 256]] {
        assert_eq!(code(public.verify(RsaPkcs1Sha256, MESSAGE, &value)), "signature-wrong");
    }
}

#[test]
fn the_asn1_form_of_ecdsa_is_named() {
    for (key, algorithm, with) in [
        (p256(), EcdsaP256Sha256, &rs::ECDSA_P256_SHA256_ASN1_SIGNING),
        (p384(), EcdsaP384Sha384, &rs::ECDSA_P384_SHA384_ASN1_SIGNING),
    ] {
        let random = SystemRandom::new();
        let pair = rs::EcdsaKeyPair::from_pkcs8(with, key.pkcs8_der(), &random).unwrap();
        let value = pair.sign(&random, MESSAGE).unwrap();
        let error = key.public_key().verify(algorithm, MESSAGE, value.as_ref()).unwrap_err();
        let KeyError::SignatureLength { looks_der, .. } = error else { panic!("{error}") };
        assert!(looks_der);
        assert!(error.en().contains("r || s") && error.zh().contains("r || s"));
        let junk = key.public_key().verify(algorithm, MESSAGE, &[0x31; 70]).unwrap_err();
        assert!(!junk.en().contains("r || s"));
    }
}

#[test]
fn the_asn1_form_of_sm2_is_named_and_not_taken() {
    let key = sm2();
    let raw = key.sign(Sm2Sm3, MESSAGE).unwrap();
    let der = crate::sm2::der_from_raw(&raw).unwrap();
    let error = key.public_key().verify(Sm2Sm3, MESSAGE, &der).unwrap_err();
    let KeyError::SignatureLength { looks_der, .. } = error else { panic!("{error}") };
    assert!(looks_der);
}

#[test]
fn keys_serve_their_own_kind_only() {
    for (own, key, _, _) in CASES.iter() {
        for algorithm in SignatureAlgorithm::ALL {
            let fits = algorithm.family() == own.family();
            let checked = key.public_key().check_fits(MIN_RSA_BITS, algorithm);
            assert_eq!(checked.is_ok(), fits, "{own} key, {algorithm}");
            if !fits {
                assert_eq!(key.sign(algorithm, MESSAGE).unwrap_err().code(), "key-mismatch");
                let result = key.public_key().verify(algorithm, MESSAGE, &[1; 64]);
                assert_eq!(code(result), "key-mismatch");
            }
        }
    }
}

#[test]
fn digests_are_not_interchangeable() {
    let key = rsa();
    let value = key.sign(RsaPkcs1Sha256, MESSAGE).unwrap();
    for other in [RsaPkcs1Sha1, RsaPkcs1Sha384, RsaPkcs1Sha512, RsaPssSha256] {
        assert_eq!(code(key.public_key().verify(other, MESSAGE, &value)), "signature-wrong");
    }
}

#[test]
fn keys_survive_pem_and_der() {
    for (algorithm, key, _, _) in CASES.iter() {
        let pem = key.to_pkcs8_pem();
        let with_more = format!("prose\n{}{}", pem.as_str(), pem::write("CERTIFICATE", b"x"));
        let read = SigningKey::from_pkcs8_pem(&with_more).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        assert_eq!(read.pkcs8_der(), key.pkcs8_der());
        let value = key.duplicate().unwrap().sign(*algorithm, MESSAGE).unwrap();
        assert_eq!(read.public_key().verify(*algorithm, MESSAGE, &value), Ok(()));
        assert_eq!(read.default_algorithm().family(), algorithm.family());
    }
}

#[test]
fn nothing_secret_is_printed() {
    for (_, key, _, _) in CASES.iter() {
        let shown = format!("{key:?}");
        assert!(shown.starts_with("SigningKey(") && shown.len() < 30, "{shown}");
    }
    assert_eq!(format!("{:?}", rsa().public_key()), "PublicKey(RSA, 2048 bits)");
}

#[test]
fn generated_keys_differ() {
    assert_ne!(ed25519().pkcs8_der(), ed25519().pkcs8_der());
    assert_ne!(p256().pkcs8_der(), p256().pkcs8_der());
}

#[test]
fn padding_and_digest_of_pss_are_not_interchangeable() {
    let key = rsa();
    let value = key.sign(RsaPssSha256, MESSAGE).unwrap();
    for other in [RsaPkcs1Sha256, RsaPssSha384, RsaPssSha512] {
        assert_eq!(code(key.public_key().verify(other, MESSAGE, &value)), "signature-wrong");
    }
    // The salt is random: two values of one message differ.
    assert_ne!(value, key.sign(RsaPssSha256, MESSAGE).unwrap());
}

#[test]
fn rsa_sha1_is_verified_and_never_made() {
    let key = rsa();
    assert_eq!(key.sign(RsaPkcs1Sha1, MESSAGE).unwrap_err().code(), "key-not-for-signing");
    let value = crate::testpki::sign_rsa_sha1(&key, MESSAGE).unwrap();
    assert_eq!(key.public_key().verify(RsaPkcs1Sha1, MESSAGE, &value), Ok(()));
    assert_eq!(code(key.public_key().verify(RsaPkcs1Sha256, MESSAGE, &value)), "signature-wrong");
}

#[test]
fn digests_are_those_of_the_standard() {
    use crate::algorithm::{DigestAlgorithm, Digester};
    // FIPS 180-4 examples: "abc".
    let expected = [
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ];
    for (algorithm, expected) in DigestAlgorithm::ALL.iter().zip(expected) {
        assert_eq!(crate::hex::encode(&algorithm.digest(b"abc")), expected);
    }
    // GB/T 32905, example 1.
    assert_eq!(
        crate::hex::encode(&DigestAlgorithm::Sm3.digest(b"abc")),
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    );
    for algorithm in DigestAlgorithm::ALL {
        let mut parts = Digester::new(algorithm);
        parts.update(b"a");
        parts.update(b"bc");
        assert_eq!(parts.algorithm(), algorithm);
        assert_eq!(parts.finish(), algorithm.digest(b"abc"));
        assert_eq!(algorithm.digest(b"").len(), algorithm.output_len());
        assert_eq!(algorithm.to_string(), algorithm.name());
    }
}

#[test]
fn facts_about_algorithms() {
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(algorithm.to_string(), algorithm.name());
        assert_eq!(algorithm.digest().name() == "SHA-1", algorithm == RsaPkcs1Sha1);
    }
    for (algorithm, _, _, length) in CASES.iter() {
        let fixed = algorithm.signature_len();
        assert_eq!(fixed, (algorithm.family() != KeyFamily::Rsa).then_some(*length));
    }
}
