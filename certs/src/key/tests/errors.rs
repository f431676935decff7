//! Every error of keys from a real input.

use super::short::{of_bits, spki};
use super::*;
use crate::pem;
use crate::samples::{assert_told, told};

fn der(bytes: &[u8]) -> KeyError {
    SigningKey::from_pkcs8_der(bytes).unwrap_err()
}

fn pem(text: &str) -> KeyError {
    SigningKey::from_pkcs8_pem(text).unwrap_err()
}

fn public(spki: &[u8]) -> Result<PublicKey, KeyError> {
    PublicKey::from_spki_der(spki)
}

/// The bytes with the first `from` in them replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = bytes.windows(from.len()).position(|w| w == from).unwrap();
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

/// A P-256 key under the identifier of another curve of the same family.
fn unknown_curve() -> (Vec<u8>, Vec<u8>) {
    let (p256_oid, other) =
        ([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1]);
    let key = p256();
    (
        replaced(key.pkcs8_der(), &p256_oid, &other),
        replaced(key.public_key().spki_der(), &p256_oid, &other),
    )
}

#[test]
fn every_key_error() {
    let key = p256();
    let short = key.public_key().verify(EcdsaP256Sha256, MESSAGE, &[1; 63]);
    let range = key.public_key().verify(EcdsaP256Sha256, MESSAGE, &[0; 64]);
    let wrong = key.public_key().verify(EcdsaP256Sha256, MESSAGE, &[1; 64]);
    let inconsistent = {
        let other = p256();
        let point = &key.public_key().spki_der()[27..];
        replaced(key.pkcs8_der(), point, &other.public_key().spki_der()[27..])
    };
    assert_told(&[
        ("key-mismatch", told!(key.sign(Ed25519, MESSAGE).unwrap_err())),
        ("key-too-short", told!(of_bits(1024).check_fits(2048, RsaPkcs1Sha256).unwrap_err())),
        ("key-too-long", told!(of_bits(8193).check_fits(2048, RsaPkcs1Sha256).unwrap_err())),
        ("key-unsupported", told!(der(&unknown_curve().0))),
        ("signature-length", told!(short.unwrap_err())),
        ("signature-range", told!(range.unwrap_err())),
        ("signature-wrong", told!(wrong.unwrap_err())),
        ("key-not-for-signing", told!(rsa().sign(RsaPkcs1Sha1, MESSAGE).unwrap_err())),
        ("key-pem", told!(pem("-----BEGIN PRIVATE KEY-----\n"))),
        ("key-not-one", told!(pem("no key"))),
        ("key-encrypted", told!(pem(&pem::write("ENCRYPTED PRIVATE KEY", b"x")))),
        ("key-format", told!(der(b"junk"))),
        ("key-rejected", told!(der(&inconsistent))),
        ("key-generation", told!(SigningKey::generate_rsa(1024).unwrap_err())),
    ]);
}

#[test]
fn exactly_one_private_key() {
    let one = p256().to_pkcs8_pem();
    let two = format!("{}{}", one.as_str(), one.as_str());
    assert!(pem(&two).en().contains("several"));
    assert!(pem(&pem::write("CERTIFICATE", b"x")).en().contains("none"));
    for old in ["RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        let error = pem(&format!("\n{}", pem::write(old, b"x")));
        assert!(error.en().contains(old) && error.en().contains("line 2"), "{error}");
    }
    assert!(
        pem("-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----").en().contains("base64")
    );
}

#[test]
fn an_unknown_kind_is_kept_and_refused_on_use() {
    let key = public(&unknown_curve().1).unwrap();
    assert_eq!((key.family(), key.bits()), (KeyFamily::Unsupported, 0));
    assert_eq!(key.unsupported_algorithm(), Some("1.2.840.10045.3.1.1"));
    assert_eq!(p256().public_key().unsupported_algorithm(), None);
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(code(key.verify(algorithm, MESSAGE, &[1; 64])), "key-unsupported");
    }
    let x25519 =
        replaced(ed25519().public_key().spki_der(), &[0x2b, 0x65, 0x70], &[0x2b, 0x65, 0x6e]);
    assert_eq!(public(&x25519).unwrap().unsupported_algorithm(), Some("1.3.101.110"));
}

#[test]
fn malformed_public_keys() {
    let ec = p256().public_key().spki_der().to_vec();
    let compressed = replaced(&ec, &[0x42, 0, 4], &[0x42, 0, 2]);
    // Ed25519 with 31 bytes: both lengths are one less.
    let mut cut = ed25519().public_key().spki_der()[..43].to_vec();
    (cut[1], cut[10]) = (0x29, 0x20);
    let trailing = [ec.as_slice(), &[0]].concat();
    let mut off_sm2 = sm2().public_key().spki_der().to_vec();
    *off_sm2.last_mut().unwrap() ^= 1;
    let mut negative = vec![0xff; 256];
    negative[255] = 1;
    for (what, bytes) in [
        ("compressed", compressed),
        ("a point that is not on the SM2 curve", off_sm2),
        ("short", cut),
        ("trailing", trailing),
        ("negative", spki(&negative, &[1, 0, 1])),
        ("zero modulus", spki(&[0], &[1, 0, 1])),
        ("zero exponent", spki(&[0, 0xff, 1], &[0])),
        ("empty", Vec::new()),
        ("junk", vec![0x30; 64]),
    ] {
        let error = public(&bytes).expect_err(what);
        assert_eq!(error.code(), "key-format", "{what}");
    }
    // A point that is not on its curve is read, and verifies nothing.
    let mut off = ec;
    *off.last_mut().unwrap() ^= 1;
    let result = public(&off).unwrap().verify(EcdsaP256Sha256, MESSAGE, &[1; 64]);
    assert_eq!(code(result), "signature-wrong");
}

#[test]
fn private_keys_are_bounded() {
    let error = der(&vec![0x30; MAX_KEY_BYTES + 1]);
    assert!(error.en().contains("longer than"), "{error}");
    assert_eq!(SigningKey::generate_rsa(2047).unwrap_err().code(), "key-generation");
    assert_eq!(SigningKey::generate_rsa(4097).unwrap_err().code(), "key-generation");
    let pair = rsa::PrivateKey::new(&mut crate::random::Source, 1024).unwrap();
    let pkcs8 = rsa::pkcs8::EncodePrivateKey::to_pkcs8_der(&pair).unwrap();
    assert_eq!(der(pkcs8.as_bytes()).code(), "key-rejected");
}
