//! Every error of chains and anchors from a real input.
//!
//! The PEM files beside this one were made with OpenSSL 3.0 (a signer and its
//! CA each, keys thrown away): what the test PKI cannot make.

use super::*;
use crate::samples::{assert_told, at, patched, rsa_root, told};

/// Signer and CA of a file.
pub(super) fn openssl(pem: &str) -> [Certificate; 2] {
    Certificate::from_pem(pem).unwrap().try_into().unwrap()
}

// Version 2 instead of 3, which has no extensions: our parser lists it,
// webpki refuses it.
fn version_2(certificate: &Certificate) -> Certificate {
    let der = patched(certificate, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1]);
    Certificate::from_der(der).unwrap()
}

fn foreign(pem: &str) -> ChainError {
    let [leaf, root] = openssl(pem);
    let anchors = TrustAnchors::from_certificates([root]).unwrap();
    anchors.verify_chain(&leaf, &[], at("2027-06-01T00:00:00Z"), STRICT).unwrap_err()
}

fn of_the_zone(leaf: &Certificate, others: &[Certificate]) -> ChainError {
    verify(&zone_anchors(), leaf, others).unwrap_err()
}

fn at_moment(moment: &str) -> ChainError {
    let leaf = &ZONE.leaf;
    zone_anchors()
        .verify_chain(&leaf.certificate, leaf.intermediates(), at(moment), STRICT)
        .unwrap_err()
}

fn sha1() -> ChainError {
    let root = rsa_root();
    let leaf = root.issue(&LeafSpec { signed_with_sha1: true, ..signer() }).unwrap();
    verify(&anchors([&root]), &leaf.certificate, &[]).unwrap_err()
}

#[test]
fn every_chain_error() {
    let leaf = ZONE.root.issue(&signer()).unwrap().certificate;
    let mut forged = leaf.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Certificate::from_der(forged).unwrap();
    let spec = LeafSpec { usage: vec![Usage::KeyEncipherment], ..signer() };
    let cipher = ZONE.root.issue(&spec).unwrap().certificate;
    let spec = CaSpec { ca: false, ..CaSpec::new("No CA", year()) };
    let no_ca = ZONE.root.intermediate_with(&spec, p256()).unwrap().issue(&signer()).unwrap();
    let spec = CaSpec { path_len: Some(0), ..CaSpec::new("Test Last", year()) };
    let last = ZONE.root.intermediate_with(&spec, p256()).unwrap();
    let below = last.intermediate("Below", KeyKind::P256, year()).unwrap();
    let deep = below.issue(&signer()).unwrap();
    let nine = vec![ZONE.upper.certificate().clone(); 9];
    assert_told(&[
        ("cert-expired", told!(at_moment("2027-01-01T00:00:00Z"))),
        ("cert-not-yet-valid", told!(at_moment("2025-12-31T23:59:59Z"))),
        ("cert-unknown-issuer", told!(of_the_zone(&ZONE.leaf.certificate, &[]))),
        ("cert-bad-signature", told!(of_the_zone(&forged, &[]))),
        ("cert-signature-algorithm", told!(sha1())),
        ("cert-weak-key", told!(foreign(include_str!("short.pem")))),
        ("cert-is-ca", told!(of_the_zone(ZONE.upper.certificate(), &[]))),
        ("cert-issuer-not-ca", told!(of_the_zone(&no_ca.certificate, no_ca.intermediates()))),
        ("cert-wrong-usage", told!(of_the_zone(&cipher, &[]))),
        ("cert-path-too-long", told!(of_the_zone(&deep.certificate, deep.intermediates()))),
        ("cert-too-many", told!(of_the_zone(&leaf, &nine))),
        ("cert-name-constraint", told!(foreign(include_str!("constrained.pem")))),
        ("cert-critical-extension", told!(foreign(include_str!("critical.pem")))),
        ("cert-malformed", told!(of_the_zone(&version_2(&leaf), &[]))),
    ]);
}

#[test]
fn every_anchor_error() {
    let refused =
        |certificates: Vec<Certificate>| TrustAnchors::from_certificates(certificates).unwrap_err();
    let key = p256();
    let many = (0..=MAX_ANCHORS).map(|n| {
        let spec = CaSpec::new(&format!("Test {n}"), year());
        TestCa::root(&spec, key.duplicate().unwrap()).unwrap().certificate().clone()
    });
    let many: Vec<Certificate> = many.collect();
    assert!(TrustAnchors::from_certificates(many[1..].to_vec()).is_ok());
    let lists = CaSpec { usage: vec![Usage::CrlSign], ..CaSpec::new("Only lists", year()) };
    let lists = TestCa::root(&lists, p256()).unwrap().certificate().clone();
    assert_eq!(refused(vec![lists]).code(), "anchor-not-ca");
    assert_told(&[
        ("cert-none", told!(TrustAnchors::from_pem("no certificate here").unwrap_err())),
        ("anchor-none", told!(refused(Vec::new()))),
        ("anchor-too-many", told!(refused(many))),
        ("anchor-not-ca", told!(refused(vec![ZONE.leaf.certificate.clone()]))),
        ("anchor-malformed", told!(refused(vec![version_2(ZONE.root.certificate())]))),
    ]);
}

#[test]
fn an_anchor_error_has_its_source() {
    use std::error::Error as _;
    let error = TrustAnchors::from_pems(["-----BEGIN CERTIFICATE-----\n"]).unwrap_err();
    assert_eq!(error.to_string(), "a trust anchor cannot be read");
    assert!(error.source().unwrap().source().is_some());
    assert!(error.en().contains("no matching END"));
}
