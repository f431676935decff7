//! Chains with SM2 keys and signatures, of one kind and mixed.

use super::*;
use crate::sm2::der_from_raw;
use crate::{KeyFamily, SignatureAlgorithm, SigningKey};

const OID: &str = "1.2.156.10197.1.501";
const ALGORITHM: [u8; 12] =
    [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];

fn leaf_spec() -> LeafSpec {
    LeafSpec { key: KeyKind::Sm2, ..signer() }
}

fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    match u16::try_from(body.len()).unwrap().to_be_bytes() {
        [0, length] if length < 0x80 => [&[tag, length], body].concat(),
        [0, length] => [&[tag, 0x81, length], body].concat(),
        [high, low] => [&[tag, 0x82, high, low], body].concat(),
    }
}

/// The bytes of the TBSCertificate, with its tag and length.
fn tbs(certificate: &Certificate) -> &[u8] {
    let inner = &certificate.der()[4..];
    let length = usize::from(u16::from_be_bytes([inner[2], inner[3]]));
    &inner[..length + 4]
}

/// The certificate signed again with `key` over `tbs`, the value as `form` gives it.
fn signed(
    tbs: &[u8],
    algorithm: &[u8],
    key: &SigningKey,
    form: fn(Vec<u8>) -> Vec<u8>,
) -> Certificate {
    let raw = key.sign(SignatureAlgorithm::Sm2Sm3, tbs).unwrap();
    let value = tlv(3, &[&[0], form(raw).as_slice()].concat());
    let der = tlv(0x30, &[tbs, algorithm, &value].concat());
    Certificate::from_der(der).unwrap()
}

fn der(raw: Vec<u8>) -> Vec<u8> {
    der_from_raw(&raw).unwrap()
}

#[test]
fn a_chain_of_sm2_all_the_way() {
    let root = TestCa::new("Test SM2 Root", KeyKind::Sm2, year()).unwrap();
    let middle = root.intermediate("Test SM2 CA", KeyKind::Sm2, year()).unwrap();
    let leaf = middle.issue(&leaf_spec()).unwrap();
    assert_eq!(leaf.certificate.public_key().family(), KeyFamily::Sm2);
    assert_eq!(leaf.certificate.public_key().bits(), 256);
    assert_eq!(leaf.certificate.signature_algorithm_oid(), OID);
    let chain = verify(&anchors([&root]), &leaf.certificate, leaf.intermediates()).unwrap();
    assert_eq!(chain.certificates(), [leaf.certificate.clone(), middle.certificate().clone()]);
    assert_eq!(chain.anchor(), root.certificate());
    assert!(chain.tolerances().is_empty());
    // The same names with other keys.
    let other = TestCa::new("Test SM2 Root", KeyKind::Sm2, year()).unwrap();
    let result = verify(&anchors([&other]), &leaf.certificate, leaf.intermediates());
    assert_eq!(code(result), "cert-bad-signature");
}

#[test]
fn kinds_of_key_may_be_mixed() {
    for (top, below) in [(KeyKind::P256, KeyKind::Sm2), (KeyKind::Sm2, KeyKind::P384)] {
        let root = TestCa::new("Test Root", top, year()).unwrap();
        let middle = root.intermediate("Test CA", below, year()).unwrap();
        for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Ed25519] {
            let leaf = middle.issue(&LeafSpec { key: kind, ..signer() }).unwrap();
            let result = verify(&anchors([&root]), &leaf.certificate, leaf.intermediates());
            assert_eq!(code(result), "ok", "{top:?} {below:?} {kind:?}");
        }
    }
}

#[test]
fn null_parameters_are_taken() {
    let root = TestCa::new("Test SM2 Root", KeyKind::Sm2, year()).unwrap();
    let leaf = root.issue(&leaf_spec()).unwrap().certificate;
    let null = [&[0x30, 0x0c], &ALGORITHM[2..], &[5, 0]].concat();
    let body = &tbs(&leaf)[4..];
    let at = body.windows(ALGORITHM.len()).position(|w| w == ALGORITHM).unwrap();
    let body = [&body[..at], &null, &body[at + ALGORITHM.len()..]].concat();
    let again = signed(&tlv(0x30, &body), &null, root.key(), der);
    assert_eq!(code(verify(&anchors([&root]), &again, &[])), "ok");
    // Inside absent, outside NULL: not the same algorithm identifier.
    let mixed = signed(tbs(&leaf), &null, root.key(), der);
    assert_eq!(code(verify(&anchors([&root]), &mixed, &[])), "cert-signature-algorithm");
}

#[test]
fn a_certificate_carries_its_value_in_der() {
    let root = TestCa::new("Test SM2 Root", KeyKind::Sm2, year()).unwrap();
    let leaf = root.issue(&leaf_spec()).unwrap().certificate;
    let again = |form| signed(tbs(&leaf), &ALGORITHM, root.key(), form);
    assert_eq!(code(verify(&anchors([&root]), &again(der), &[])), "ok");
    let forms: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |raw| raw,
        |raw| der(raw)[1..].to_vec(),
        |raw| [der(raw).as_slice(), &[0]].concat(),
        |_| vec![0x30, 6, 2, 1, 0, 2, 1, 0],
    ];
    for form in forms {
        assert_eq!(code(verify(&anchors([&root]), &again(form), &[])), "cert-bad-signature");
    }
}

#[test]
fn an_identifier_of_sm2_over_a_key_of_another_kind_is_refused() {
    let root = TestCa::new("Test Root", KeyKind::P256, year()).unwrap();
    let leaf = root.issue(&leaf_spec()).unwrap().certificate;
    let stranger = SigningKey::generate_sm2().unwrap();
    let ecdsa: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let body = &tbs(&leaf)[4..];
    let at = body.windows(ecdsa.len()).position(|w| w == ecdsa).unwrap();
    let body = [&body[..at], &ALGORITHM, &body[at + ecdsa.len()..]].concat();
    let forged = signed(&tlv(0x30, &body), &ALGORITHM, &stranger, der);
    assert_eq!(code(verify(&anchors([&root]), &forged, &[])), "cert-signature-algorithm");
}
