//! SM2: the standard's example, both forms of a value, everything out of range.

use super::*;
use crate::key::SigningKey;
use crate::{KeyError, SignatureAlgorithm};

// GB/T 32918.5, annex A.2.
const X: &str = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020";
const Y: &str = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
const MESSAGE: &[u8] = b"message digest";

fn key() -> Key {
    Key::from_point(&hex::decode(&format!("04{X}{Y}")).unwrap()).unwrap()
}

fn raw() -> [u8; RAW_BYTES] {
    hex::decode(&format!("{R}{S}")).unwrap().try_into().unwrap()
}

/// The order less `number`, both big-endian.
fn order_minus(number: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut result = Vec::new();
    for (n, m) in range::SM2.iter().zip(number).rev() {
        let difference = i16::from(*n) - i16::from(*m) - borrow;
        borrow = i16::from(difference < 0);
        result.push(u8::try_from(difference.rem_euclid(256)).unwrap());
    }
    result.reverse();
    result
}

#[test]
fn the_example_of_the_standard() {
    let digest = key().digest(DEFAULT_ID, MESSAGE).unwrap();
    let expected = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640";
    assert_eq!(hex::encode(&digest), expected);
    assert_eq!(key().verify(MESSAGE, &raw()), Ok(()));
    assert_eq!(key().verify_digest(&digest, &raw()), Ok(()));
    assert_eq!(key().verify(b"message digesu", &raw()), Err(Refused::Value));
    // The private key of the example makes values that verify.
    let secret = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    let secret = sm2::SecretKey::from_slice(&hex::decode(secret).unwrap()).unwrap();
    let der = sm2::pkcs8::EncodePrivateKey::to_pkcs8_der(&secret).unwrap();
    let signing = SigningKey::from_pkcs8_der(der.as_bytes()).unwrap();
    assert_eq!(signing.public_key().as_sm2(), Some(&key()));
    let value = signing.sign(SignatureAlgorithm::Sm2Sm3, MESSAGE).unwrap();
    assert_eq!(key().verify(MESSAGE, &value.try_into().unwrap()), Ok(()));
}

#[test]
fn the_id_of_the_signer_counts() {
    let other = key().digest("1234567812345679", MESSAGE).unwrap();
    assert_eq!(key().verify_digest(&other, &raw()), Err(Refused::Value));
    assert_ne!(other, key().digest("", MESSAGE).unwrap());
    assert!(key().digest(&"1".repeat(MAX_ID_BYTES), MESSAGE).is_some());
    assert!(key().digest(&"1".repeat(MAX_ID_BYTES + 1), MESSAGE).is_none());
}

#[test]
fn r_is_zero() {
    let mut value = raw();
    value[..32].fill(0);
    assert_eq!(key().verify(MESSAGE, &value), Err(Refused::Range(Part::R)));
}

#[test]
fn s_is_zero() {
    let mut value = raw();
    value[32..].fill(0);
    assert_eq!(key().verify(MESSAGE, &value), Err(Refused::Range(Part::S)));
}

#[test]
fn r_is_too_large() {
    // The same number modulo the order would verify.
    let mut value = raw();
    for wrong in [range::SM2, [0xff; 32]] {
        value[..32].copy_from_slice(&wrong);
        assert_eq!(key().verify(MESSAGE, &value), Err(Refused::Range(Part::R)));
    }
}

#[test]
fn s_is_too_large() {
    let mut value = raw();
    for wrong in [range::SM2, [0xff; 32]] {
        value[32..].copy_from_slice(&wrong);
        assert_eq!(key().verify(MESSAGE, &value), Err(Refused::Range(Part::S)));
    }
}

#[test]
fn r_and_s_add_up_to_the_order() {
    let mut value = raw();
    let s = order_minus(&value[..32]);
    value[32..].copy_from_slice(&s);
    assert_eq!(key().verify(MESSAGE, &value), Err(Refused::Range(Part::Sum)));
    let signing = SigningKey::generate_sm2().unwrap();
    let algorithm = SignatureAlgorithm::Sm2Sm3;
    let error = signing.public_key().verify(algorithm, MESSAGE, &value).unwrap_err();
    assert_eq!(error, KeyError::SignatureRange { algorithm, part: Part::Sum });
    assert!(error.en().contains("r + s") && error.zh().contains("r + s"));
}

#[test]
fn a_truncated_value_is_refused() {
    let signing = SigningKey::generate_sm2().unwrap();
    let algorithm = SignatureAlgorithm::Sm2Sm3;
    let value = signing.sign(algorithm, MESSAGE).unwrap();
    for kept in 0..value.len() {
        let error = signing.public_key().verify(algorithm, MESSAGE, &value[..kept]).unwrap_err();
        assert_eq!(error.code(), "signature-length", "{kept}");
    }
}

#[test]
fn the_forms_convert_and_are_strict() {
    let der = der_from_raw(&raw()).unwrap();
    assert_eq!(raw_from_der(&der), Some(raw()));
    // One byte less, one more, in every place of the DER form.
    for cut in 0..der.len() {
        assert_eq!(raw_from_der(&der[..cut]), None, "{cut}");
    }
    assert_eq!(raw_from_der(&[der.as_slice(), &[0]].concat()), None);
    assert_eq!(raw_from_der(&raw()), None);
    assert_eq!(der_from_raw(&raw()[1..]), None);
    let small = |r: &[u8], s: &[u8]| {
        let int = |b: &[u8]| [&[2, u8::try_from(b.len()).unwrap()], b].concat();
        let body = [int(r), int(s)].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let expected = {
        let mut raw = [0; RAW_BYTES];
        (raw[31], raw[63]) = (1, 0x80);
        raw
    };
    assert_eq!(raw_from_der(&small(&[1], &[0, 0x80])), Some(expected));
    // Negative, not minimal, longer than 32 bytes, of another type, three numbers.
    assert_eq!(raw_from_der(&small(&[1], &[0x80])), None);
    assert_eq!(raw_from_der(&small(&[0, 1], &[1])), None);
    assert_eq!(raw_from_der(&small(&[&[1], [0; 32].as_slice()].concat(), &[1])), None);
    assert_eq!(raw_from_der(&[0x31, 6, 2, 1, 1, 2, 1, 1]), None);
    assert_eq!(raw_from_der(&[0x30, 6, 2, 1, 1, 4, 1, 1]), None);
    assert_eq!(raw_from_der(&[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1]), None);
    // A long-form length where the short one fits.
    assert_eq!(raw_from_der(&[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]), None);
}

#[test]
fn points_that_are_not_keys() {
    let point = *key().point();
    let mut off = point;
    off[64] ^= 1;
    let mut compressed = point[..33].to_vec();
    compressed[0] = 3;
    let mut large = point;
    large[1..33].fill(0xff);
    let mut hybrid = point;
    hybrid[0] = 7;
    for (what, bytes) in [
        ("off the curve", off.as_slice()),
        ("compressed", &compressed),
        ("a coordinate too large", &large),
        ("hybrid", &hybrid),
        ("at infinity", &[0]),
        ("short", &point[..64]),
        ("zero", &[&[4], [0; 64].as_slice()].concat()),
    ] {
        assert!(Key::from_point(bytes).is_none(), "{what}");
    }
}
