//! Certificates: facts, names, bounds, and bytes that are not certificates.

#![allow(clippy::string_slice)]

mod random;

use super::*;
use crate::samples::{ZONE, assert_told, p256, patched, rsa, signer, told, year};
use crate::testpki::{CaSpec, LeafSpec, TestCa, Usage};

/// A certificate of this common name.
fn called(name: &str) -> Certificate {
    let spec = LeafSpec { common_name: name.to_owned(), organization: None, ..signer() };
    ZONE.root.issue(&spec).unwrap().certificate
}

/// The certificate with its common name, a UTF8String, as another string type
/// of the same length.
fn retyped(name: &str, tag: u8, value: &[u8]) -> Certificate {
    let length = u8::try_from(name.len()).unwrap();
    assert_eq!(name.len(), value.len());
    let from = [&[0x0c, length], name.as_bytes()].concat();
    let to = [&[tag, length], value].concat();
    Certificate::from_der(patched(&called(name), &from, &to)).unwrap()
}

fn broken(certificate: &Certificate, from: &[u8], to: &[u8]) -> CertError {
    Certificate::from_der(patched(certificate, from, to)).unwrap_err()
}

#[test]
fn facts() {
    let leaf = &ZONE.leaf.certificate;
    assert_eq!(leaf.subject(), "C=CN, O=测试甲公司, CN=测试甲公司");
    assert_eq!(leaf.common_name(), Some("测试甲公司"));
    assert_eq!(leaf.issuer(), "C=CN, CN=Test Lower");
    assert_eq!((leaf.not_before(), leaf.not_after()), (year().from, year().until));
    assert_eq!(leaf.public_key(), ZONE.leaf.key.public_key());
    assert_eq!(leaf.signature_algorithm_oid(), "1.2.840.10045.4.3.2");
    assert!(!leaf.is_ca() && !leaf.is_self_issued());
    assert!(ZONE.root.certificate().is_ca() && ZONE.root.certificate().is_self_issued());
    assert!(ZONE.lower.certificate().is_ca() && !ZONE.lower.certificate().is_self_issued());
    assert!(leaf.memory() > leaf.der().len());
    assert_eq!(leaf.as_certificate_der().as_ref(), leaf.der());
    assert!(format!("{leaf:?}").contains(&leaf.fingerprint().to_string()));
}

#[test]
fn key_usage_by_name() {
    let of = |usage: &[Usage]| {
        let spec = LeafSpec { usage: usage.to_vec(), ..signer() };
        ZONE.root.issue(&spec).unwrap().certificate.key_usage()
    };
    assert_eq!(of(&[]), None);
    let usage = of(&[Usage::DigitalSignature, Usage::NonRepudiation]).unwrap();
    assert_eq!(usage.to_string(), "digitalSignature, nonRepudiation");
    assert!(usage.digital_signature() && usage.non_repudiation() && usage.may_sign());
    assert!(!usage.key_cert_sign() && !usage.crl_sign());
    let usage = of(&[Usage::KeyEncipherment, Usage::KeyAgreement]).unwrap();
    assert_eq!(usage.names(), ["keyEncipherment", "keyAgreement"]);
    assert!(!usage.may_sign());
    let usage = ZONE.root.certificate().key_usage().unwrap();
    assert_eq!(usage.names(), ["keyCertSign", "cRLSign"]);
    assert!(usage.key_cert_sign() && usage.crl_sign());
    assert_eq!(KeyUsage { flags: 0 }.to_string(), "none");
    assert_eq!(KeyUsage { flags: u16::MAX }.names().len(), 9);
}

#[test]
fn serial_numbers_as_the_field_writes_them() {
    assert_eq!(serial_hex(&[0x01, 0x69, 0x1f, 0x7f]), "01691f7f");
    assert_eq!(serial_hex(&[0, 0x80]), "80");
    assert_eq!(serial_hex(&[0]), "00");
    assert_eq!(serial_hex(&[]), "");
    let leaf = &ZONE.leaf.certificate;
    let serial = hex::decode(leaf.serial_hex()).unwrap();
    let mut high = serial.clone();
    (high[0], high[1]) = (0, 0x80);
    let read = Certificate::from_der(patched(leaf, &serial, &high)).unwrap();
    assert_eq!(read.serial_hex().len(), 30);
    assert!(read.serial_hex().starts_with("80"));
}

#[test]
fn names_of_older_certificates_are_readable() {
    const BMP: u8 = 0x1e;
    let read = |tag, value: &[u8]| retyped("TEST", tag, value).common_name().unwrap().to_owned();
    assert_eq!(read(BMP, &[0x6d, 0x4b, 0x8b, 0xd5]), "测试");
    assert_eq!(read(BMP, &[0xd8, 0x3d, 0xde, 0x00]), "😀");
    // A lone surrogate.
    assert_eq!(read(BMP, &[0xd8, 0x3d, 0x00, 0x41]), "#d83d0041");
    assert_eq!(retyped("ODD", BMP, b"odd").common_name(), Some("#6f6464"));
    // PrintableString, IA5String, TeletexString, NumericString, VisibleString.
    for tag in [0x13, 0x16, 0x14, 0x1a] {
        assert_eq!(read(tag, b"name"), "name");
    }
    assert_eq!(read(0x12, b"1234"), "1234");
    // GBK under any string type.
    for tag in [0x13, 0x16, 0x14, 0x0c] {
        assert_eq!(read(tag, &[0xb2, 0xe2, 0xca, 0xd4]), "测试");
    }
    // A character that is in GBK and not in GB 2312, behind one that is in both; ASCII beside.
    assert_eq!(
        retyped("SEVENXX", 0x14, &[0xb2, 0xe2, 0xe9, 0x46, b'(', b'A', b')']).common_name(),
        Some("测镕(A)")
    );
    // Latin-1, half a pair, and what GBK does not have stay hex.
    assert_eq!(
        retyped("MULLER", 0x14, &[b'M', 0xfc, b'l', b'l', b'e', b'r']).common_name(),
        Some("#4dfc6c6c6572")
    );
    assert_eq!(read(0x14, &[b'A', b'B', b'C', 0xb2]), "#414243b2");
    assert_eq!(read(0x14, &[0xb2, 0xe2, 0xff, 0xff]), "#b2e2ffff");
    // An OCTET STRING is no text.
    assert_eq!(read(4, b"name"), "#6e616d65");
}

#[test]
fn names_cannot_forge_lines_or_turn_around() {
    let shown = called("a\nb\u{202e}c\u{200b}d\u{61c}e\u{0}").subject().to_owned();
    assert_eq!(shown, "C=CN, CN=a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}");
    let long = called(&"长".repeat(2000));
    assert_eq!(long.common_name().unwrap().chars().count(), 128);
    assert!(long.subject().chars().count() <= 512);
}

#[test]
fn fingerprints() {
    let print = ZONE.leaf.certificate.fingerprint();
    let text = print.to_string();
    assert_eq!(text.len(), 64);
    assert_eq!(Fingerprint::from_hex(&text), Some(print));
    assert_eq!(Fingerprint::from_hex(&text.to_uppercase()), Some(print));
    let pairs: Vec<&str> = (0..32).map(|n| &text[2 * n..2 * n + 2]).collect();
    assert_eq!(Fingerprint::from_hex(&pairs.join(":")), Some(print));
    assert_eq!(hex::encode(print.as_bytes()), text);
    for bad in ["", "00", &text[1..], &format!("{text}0"), &"g".repeat(64), &"测".repeat(64)] {
        assert_eq!(Fingerprint::from_hex(bad), None, "{bad}");
    }
}

#[test]
fn equality_is_that_of_the_bytes() {
    let leaf = &ZONE.leaf.certificate;
    assert_eq!(&Certificate::from_der(leaf.der().to_vec()).unwrap(), leaf);
    assert_ne!(&called("x"), leaf);
}

#[test]
fn pem_of_several() {
    let (leaf, root) = (&ZONE.leaf.certificate, ZONE.root.certificate());
    let key = ZONE.leaf.key.to_pkcs8_pem();
    let text = format!("prose\n{}{}{}", leaf.to_pem(), key.as_str(), root.to_pem());
    assert_eq!(Certificate::from_pem(&text).unwrap(), [leaf.clone(), root.clone()]);
    assert_eq!(Certificate::from_pem(&key).unwrap_err(), CertError::NoCertificate);
    let bad = format!("{}{}", leaf.to_pem(), pem::write("CERTIFICATE", b"x"));
    let error = Certificate::from_pem(&bad).unwrap_err();
    let line = leaf.to_pem().lines().count() + 1;
    assert!(error.en().starts_with(&format!("the certificate on line {line} cannot be read: ")));
    assert!(error.zh().starts_with(&format!("第 {line} 行的证书：")));
    assert_eq!(error.code(), "cert-malformed");
}

#[test]
fn every_certificate_error() {
    let leaf = ZONE.leaf.certificate.der().to_vec();
    let read = |der: Vec<u8>| Certificate::from_der(der).unwrap_err();
    let root = TestCa::root(&CaSpec::new("Test RSA", year()), rsa()).unwrap();
    // The RSAPublicKey inside is no sequence any more.
    let key = broken(
        root.certificate(),
        &[0x30, 0x82, 1, 0x0a, 2, 0x82],
        &[0x31, 0x82, 1, 0x0a, 2, 0x82],
    );
    assert_told(&[
        ("cert-too-large", told!(read(vec![0x30; MAX_CERTIFICATE_BYTES + 1]))),
        ("cert-malformed", told!(read(b"junk".to_vec()))),
        ("cert-trailing-bytes", told!(read([leaf.as_slice(), &[0]].concat()))),
        ("cert-key", told!(key)),
        ("cert-pem", told!(Certificate::from_pem("-----BEGIN CERTIFICATE-----").unwrap_err())),
        ("cert-none", told!(Certificate::from_pem("").unwrap_err())),
    ]);
    for cut in [0, 1, 10, leaf.len() / 2, leaf.len() - 1] {
        assert_eq!(read(leaf[..cut].to_vec()).code(), "cert-malformed", "{cut} bytes");
    }
}

#[test]
fn errors_show_one_level_and_have_sources() {
    use std::error::Error as _;
    let text = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----";
    let error = Certificate::from_pem(text).unwrap_err();
    assert_eq!(error.to_string(), "the PEM text of the certificate cannot be read");
    assert!(error.source().unwrap().to_string().starts_with("line 1: "));
    assert!(error.zh().contains("第 1 行"), "{}", error.zh());
    let error = Certificate::from_pem(&pem::write("CERTIFICATE", b"x")).unwrap_err();
    assert!(error.source().is_some());
}

#[test]
fn extensions_that_cannot_be_read_are_not_absent_ones() {
    let (leaf, root) = (&ZONE.leaf.certificate, ZONE.root.certificate());
    // keyUsage: an INTEGER where the BIT STRING should be.
    let usage = broken(leaf, &[4, 4, 3, 2, 6, 0xc0], &[4, 4, 2, 2, 6, 0xc0]);
    // basicConstraints: no SEQUENCE.
    let constraints = broken(root, &[4, 5, 0x30, 3, 1, 1, 0xff], &[4, 5, 4, 3, 1, 1, 0xff]);
    // The subject key identifier as a second keyUsage, or as basicConstraints.
    let twice = broken(leaf, &[0x55, 0x1d, 0x0e], &[0x55, 0x1d, 0x0f]);
    let two = broken(root, &[0x55, 0x1d, 0x0e], &[0x55, 0x1d, 0x13]);
    for error in [usage, constraints, twice, two] {
        assert_eq!(error.code(), "cert-malformed");
    }
}

#[test]
fn dates_before_and_after_the_two_digit_years() {
    let spec = |until: &str| LeafSpec {
        validity: crate::testpki::Validity { until: until.parse().unwrap(), ..year() },
        ..signer()
    };
    for until in ["2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "9999-12-30T21:59:59Z"] {
        let leaf = ZONE.root.issue_for(&spec(until), p256()).unwrap().certificate;
        assert_eq!(leaf.not_after().to_string(), until);
        // RFC 5280, section 4.1.2.5: UTCTime through 2049, then GeneralizedTime.
        let tag = if until.starts_with("2049") { 0x17 } else { 0x18 };
        let text = until.replace(['-', 'T', ':'], "");
        let digits = if tag == 0x17 { &text[2..] } else { &text };
        let from = [&[tag, u8::try_from(digits.len()).unwrap()], digits.as_bytes()].concat();
        assert!(leaf.der().windows(from.len()).any(|w| w == from), "{until}");
    }
}

#[test]
fn a_certificate_without_an_end_is_read() {
    let validity = crate::testpki::Validity { until: Timestamp::MAX, ..year() };
    let leaf = ZONE.root.issue(&LeafSpec { validity, ..signer() }).unwrap().certificate;
    let der = patched(&leaf, b"99991230220000Z", b"99991231235959Z");
    assert_eq!(Certificate::from_der(der).unwrap().not_after(), Timestamp::MAX);
}
