//! Chains: which certificates make one, and which never do.

mod cache;
mod dates;
mod errors;
mod sm2;
mod weak;

use jiff::SignedDuration;

use super::*;
use crate::samples::{ZONE, anchors, noon, p256, signer, year};
use crate::testpki::{CaSpec, ExtendedUsage, KeyKind, LeafSpec, TestCa, Usage};

const STRICT: SignedDuration = SignedDuration::ZERO;

fn verify(
    anchors: &TrustAnchors,
    leaf: &Certificate,
    others: &[Certificate],
) -> Result<Chain, ChainError> {
    anchors.verify_chain(leaf, others, noon(), STRICT)
}

fn code(result: Result<Chain, ChainError>) -> &'static str {
    result.map_or_else(|e| e.code(), |_| "ok")
}

fn zone_anchors() -> TrustAnchors {
    anchors([&ZONE.root])
}

#[test]
fn intermediates_come_in_any_order_with_strangers_among_them() {
    let stranger = TestCa::new("Stranger", KeyKind::P256, year()).unwrap();
    let strange = stranger.intermediate("Test Lower", KeyKind::P256, year()).unwrap();
    let (upper, lower) = (ZONE.upper.certificate().clone(), ZONE.lower.certificate().clone());
    let root = ZONE.root.certificate().clone();
    let leaf = &ZONE.leaf.certificate;
    let expected = vec![leaf.clone(), lower.clone(), upper.clone()];
    let sets = [
        vec![lower.clone(), upper.clone()],
        vec![upper.clone(), lower.clone()],
        vec![strange.certificate().clone(), upper.clone(), lower.clone()],
        vec![
            upper.clone(),
            stranger.certificate().clone(),
            strange.certificate().clone(),
            lower.clone(),
        ],
        vec![root.clone(), upper.clone(), lower.clone()],
        vec![leaf.clone(), lower.clone(), lower.clone(), upper.clone(), root.clone()],
    ];
    for set in sets {
        let chain = verify(&zone_anchors(), leaf, &set).unwrap();
        assert_eq!(chain.certificates(), expected);
        assert_eq!(chain.anchor(), &root);
        assert!(chain.tolerances().is_empty() && !chain.clock_tolerance_used());
        assert_eq!(Certificate::from_pem(&chain.to_pem()).unwrap(), expected);
    }
}

#[test]
fn a_chain_ends_in_whatever_anchor_it_meets_first() {
    let anchors = anchors([&ZONE.upper]);
    let chain = verify(&anchors, &ZONE.leaf.certificate, &[ZONE.lower.certificate().clone()]);
    assert_eq!(chain.unwrap().anchor(), ZONE.upper.certificate());
}

#[test]
fn a_gap_in_the_chain_is_an_unknown_issuer() {
    let (upper, lower) = (ZONE.upper.certificate().clone(), ZONE.lower.certificate().clone());
    for others in [vec![], vec![upper], vec![lower]] {
        let error = verify(&zone_anchors(), &ZONE.leaf.certificate, &others).unwrap_err();
        assert_eq!(error.code(), "cert-unknown-issuer");
        assert!(error.en().contains("Test Lower") && error.en().contains("测试甲公司"));
    }
}

#[test]
fn nothing_that_is_sent_becomes_an_anchor() {
    let stranger = TestCa::new("Stranger", KeyKind::P256, year()).unwrap();
    let leaf = stranger.issue(&signer()).unwrap();
    let sent = [stranger.certificate().clone()];
    assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, &sent)), "cert-unknown-issuer");

    // The name of our root, another key.
    let twin = TestCa::new("Test Root", KeyKind::P256, year()).unwrap();
    let leaf = twin.issue(&signer()).unwrap();
    let sent = [twin.certificate().clone(), ZONE.root.certificate().clone()];
    assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, &sent)), "cert-bad-signature");
}

#[test]
fn a_self_signed_signer_is_a_stranger() {
    let spec = CaSpec {
        ca: false,
        usage: vec![Usage::DigitalSignature],
        ..CaSpec::new("Self Signed", year())
    };
    let own = TestCa::root(&spec, p256()).unwrap();
    let sent = [own.certificate().clone()];
    assert_eq!(code(verify(&zone_anchors(), own.certificate(), &sent)), "cert-unknown-issuer");
    let refused = TrustAnchors::from_certificates(sent).unwrap_err();
    assert_eq!(refused.code(), "anchor-not-ca");
}

#[test]
fn a_ca_does_not_sign_messages() {
    let error = verify(&zone_anchors(), ZONE.upper.certificate(), &[]).unwrap_err();
    assert_eq!(error.code(), "cert-is-ca");
    assert_eq!(code(verify(&zone_anchors(), ZONE.root.certificate(), &[])), "cert-is-ca");
}

#[test]
fn an_issuer_is_a_ca_that_may_sign_certificates() {
    let broken = [
        CaSpec { ca: false, ..CaSpec::new("No CA", year()) },
        CaSpec { ca: false, usage: vec![Usage::DigitalSignature], ..CaSpec::new("Leaf", year()) },
        CaSpec { usage: vec![Usage::CrlSign], ..CaSpec::new("Only lists", year()) },
    ];
    for spec in broken {
        let issuer = ZONE.root.intermediate_with(&spec, p256()).unwrap();
        let leaf = issuer.issue(&signer()).unwrap();
        let result = verify(&zone_anchors(), &leaf.certificate, leaf.intermediates());
        assert_eq!(code(result), "cert-issuer-not-ca", "{}", spec.name);
    }
    // Key usage is optional (RFC 5280, section 4.2.1.3, asks it of CAs; the
    // field has some without).
    let spec = CaSpec { usage: Vec::new(), ..CaSpec::new("No usage", year()) };
    let issuer = ZONE.root.intermediate_with(&spec, p256()).unwrap();
    let leaf = issuer.issue(&signer()).unwrap();
    assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, leaf.intermediates())), "ok");
}

#[test]
fn key_usage_of_the_signer() {
    use Usage::{DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment, NonRepudiation};
    let cases: [(&[Usage], &str); 7] = [
        (&[], "ok"),
        (&[DigitalSignature], "ok"),
        (&[NonRepudiation], "ok"),
        (&[KeyEncipherment, DigitalSignature], "ok"),
        (&[KeyEncipherment], "cert-wrong-usage"),
        (&[KeyAgreement], "cert-wrong-usage"),
        (&[KeyCertSign], "cert-wrong-usage"),
    ];
    for (usage, expected) in cases {
        let spec = LeafSpec { usage: usage.to_vec(), ..signer() };
        let leaf = ZONE.root.issue(&spec).unwrap();
        assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, &[])), expected, "{usage:?}");
    }
}

#[test]
fn extended_key_usage_of_signer_and_ca() {
    use ExtendedUsage::{ClientAuth, DocumentSigning, EmailProtection, ServerAuth};
    let cases: [(&[ExtendedUsage], &str); 6] = [
        (&[], "ok"),
        (&[ClientAuth], "ok"),
        (&[EmailProtection], "ok"),
        (&[DocumentSigning], "ok"),
        (&[ServerAuth, ClientAuth], "ok"),
        (&[ServerAuth], "cert-wrong-usage"),
    ];
    for (extended, expected) in cases {
        let spec = LeafSpec { extended: extended.to_vec(), ..signer() };
        let leaf = ZONE.root.issue(&spec).unwrap();
        assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, &[])), expected);

        let spec = CaSpec { extended: extended.to_vec(), ..CaSpec::new("Test EKU", year()) };
        let issuer = ZONE.root.intermediate_with(&spec, p256()).unwrap();
        let leaf = issuer.issue(&signer()).unwrap();
        let result = verify(&zone_anchors(), &leaf.certificate, leaf.intermediates());
        assert_eq!(code(result), expected, "as CA: {extended:?}");
    }
    let [leaf, root] = errors::openssl(include_str!("tests/any.pem"));
    let anchors = TrustAnchors::from_certificates([root]).unwrap();
    let at = crate::samples::at("2027-06-01T00:00:00Z");
    assert!(anchors.verify_chain(&leaf, &[], at, STRICT).is_ok(), "anyExtendedKeyUsage");
}

#[test]
fn path_lengths_are_kept() {
    let spec = CaSpec { path_len: Some(0), ..CaSpec::new("Test Last", year()) };
    let last = ZONE.root.intermediate_with(&spec, p256()).unwrap();
    let leaf = last.issue(&signer()).unwrap();
    assert_eq!(code(verify(&zone_anchors(), &leaf.certificate, leaf.intermediates())), "ok");
    let below = last.intermediate("Test Below", KeyKind::P256, year()).unwrap();
    let leaf = below.issue(&signer()).unwrap();
    let result = verify(&zone_anchors(), &leaf.certificate, leaf.intermediates());
    assert_eq!(code(result), "cert-path-too-long");
}

#[test]
fn chains_are_bounded() {
    let mut chain = vec![TestCa::new("Test 0", KeyKind::P256, year()).unwrap()];
    for depth in 1..=9 {
        let name = format!("Test {depth}");
        let above = chain.last().unwrap();
        let next = above.intermediate(&name, KeyKind::P256, year()).unwrap();
        chain.push(next);
    }
    let anchors = anchors([&chain[0]]);
    for (depth, expected) in
        [(6, "ok"), (7, "cert-path-too-long"), (8, "cert-path-too-long"), (9, "cert-too-many")]
    {
        let leaf = chain[depth].issue(&signer()).unwrap();
        assert_eq!(leaf.intermediates().len(), depth);
        let result = verify(&anchors, &leaf.certificate, leaf.intermediates());
        assert_eq!(code(result), expected, "{depth} intermediates");
    }
}

#[test]
fn many_strangers_of_one_name_cost_little_and_do_not_pass() {
    let twins: Vec<Certificate> = (0..MAX_INTERMEDIATES)
        .map(|_| TestCa::new("Test Lower", KeyKind::P256, year()).unwrap().certificate().clone())
        .collect();
    let result = verify(&zone_anchors(), &ZONE.leaf.certificate, &twins);
    assert!(result.is_err());
}

#[test]
fn issuers_that_certify_each_other_lead_nowhere() {
    // A and B sign each other, and the signer; the loop has no end and no anchor.
    let (a, b) = (p256(), p256());
    let named = |name: &str, key: &crate::SigningKey| {
        TestCa::root(&CaSpec::new(name, year()), key.duplicate().unwrap()).unwrap()
    };
    let (root_a, root_b) = (named("Loop A", &a), named("Loop B", &b));
    let spec = |name| CaSpec::new(name, year());
    let b_by_a = root_a.intermediate_with(&spec("Loop B"), b).unwrap();
    let a_by_b = root_b.intermediate_with(&spec("Loop A"), a).unwrap();
    let leaf = b_by_a.issue(&signer()).unwrap().certificate;
    let sent = [b_by_a.certificate().clone(), a_by_b.certificate().clone()];
    assert_eq!(code(verify(&zone_anchors(), &leaf, &sent)), "cert-unknown-issuer");
    let all: Vec<Certificate> = sent.iter().cycle().take(MAX_INTERMEDIATES).cloned().collect();
    let result = verify(&zone_anchors(), &leaf, &all);
    assert!(result.is_err(), "{result:?}");
    // With one of them as anchor the chain ends there.
    assert_eq!(code(verify(&anchors([&root_a]), &leaf, &sent)), "ok");
    // A certificate that names itself as issuer without being so.
    let own = named("Loop A", &p256());
    assert!(verify(&zone_anchors(), &leaf, &[own.certificate().clone()]).is_err());
}

#[test]
fn anchors_are_named_by_content() {
    let (a, b) = (&ZONE.root, &ZONE.upper);
    assert_eq!(anchors([a, b]).id(), anchors([b, a, b]).id());
    assert_ne!(anchors([a]).id(), anchors([b]).id());
    assert_eq!(anchors([a, b, a]).certificates().len(), 2);
    let read = TrustAnchors::from_pem(&anchors([a, b]).to_pem()).unwrap();
    assert_eq!(read.id(), anchors([a, b]).id());
}
