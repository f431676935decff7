//! SHA-1 and short keys in chains: strict, and under a policy.

use super::*;
use crate::samples::{at, other_rsa, rsa, rsa_root};

fn policy(allow_chain_sha1: bool, min_rsa_bits: u32) -> SignaturePolicy {
    SignaturePolicy { allow_chain_sha1, min_rsa_bits, ..SignaturePolicy::strict() }
}

fn under(
    policy: &SignaturePolicy,
    root: &Certificate,
    leaf: &Certificate,
    others: &[Certificate],
) -> Result<Chain, ChainError> {
    let anchors = TrustAnchors::from_certificates([root.clone()]).unwrap();
    anchors.verify_chain_under(policy, leaf, others, noon(), STRICT)
}

#[test]
fn a_signer_signed_with_sha1() {
    let root = rsa_root();
    let leaf = root.issue(&LeafSpec { signed_with_sha1: true, ..signer() }).unwrap().certificate;
    let error = under(&policy(false, 2048), root.certificate(), &leaf, &[]).unwrap_err();
    assert_eq!(error.code(), "cert-signature-algorithm");
    assert!(error.en().contains("SHA-1") && error.zh().contains("SHA-1"));
    for bits in [1024, 2048] {
        let chain = under(&policy(true, bits), root.certificate(), &leaf, &[]).unwrap();
        assert_eq!(chain.tolerances(), [Tolerance::ChainSha1]);
    }
    // A policy for SHA-1 does not take just any signature.
    let stranger = TestCa::root(&CaSpec::new("Test RSA Root", year()), other_rsa()).unwrap();
    let forged = stranger.issue(&LeafSpec { signed_with_sha1: true, ..signer() }).unwrap();
    let result = under(&policy(true, 1024), root.certificate(), &forged.certificate, &[]);
    assert_eq!(code(result), "cert-bad-signature");
}

#[test]
fn an_intermediate_signed_with_sha1() {
    let root = rsa_root();
    let spec = CaSpec { signed_with_sha1: true, ..CaSpec::new("Test Old CA", year()) };
    let old = root.intermediate_with(&spec, p256()).unwrap();
    let leaf = old.issue(&signer()).unwrap();
    let ask = |policy| under(&policy, root.certificate(), &leaf.certificate, leaf.intermediates());
    let error = ask(policy(false, 2048)).unwrap_err();
    assert_eq!(error.code(), "cert-signature-algorithm");
    assert!(error.en().contains("Test Old CA"));
    assert_eq!(ask(policy(true, 2048)).unwrap().tolerances(), [Tolerance::ChainSha1]);
}

#[test]
fn how_an_anchor_signed_itself_does_not_matter() {
    let spec = CaSpec { signed_with_sha1: true, ..CaSpec::new("Test Old Root", year()) };
    let root = TestCa::root(&spec, rsa()).unwrap();
    let leaf = root.issue(&signer()).unwrap().certificate;
    let chain = under(&SignaturePolicy::strict(), root.certificate(), &leaf, &[]).unwrap();
    assert!(chain.tolerances().is_empty());
}

#[test]
fn a_short_issuer() {
    let [leaf, root] = errors::openssl(include_str!("short.pem"));
    assert_eq!((root.public_key().bits(), root.public_key().family()), (1024, KeyFamily::Rsa));
    let anchors = TrustAnchors::from_certificates([root]).unwrap();
    let ask = |policy: &SignaturePolicy| {
        anchors.verify_chain_under(policy, &leaf, &[], at("2027-06-01T00:00:00Z"), STRICT)
    };
    for bits in [1025, 1536, 2048, 4096] {
        let error = ask(&policy(true, bits)).unwrap_err();
        let ChainError::WeakKey { bits: found, minimum, .. } = error else { panic!("{error}") };
        assert_eq!((found, minimum), (1024, bits.min(2048)));
    }
    assert_eq!(ask(&policy(false, 1024)).unwrap().tolerances(), [Tolerance::ShortRsaKey]);
}

#[test]
fn a_stricter_minimum_is_asked_of_the_signer_only() {
    let root = rsa_root();
    let leaf = root.issue(&signer()).unwrap().certificate;
    assert!(under(&policy(false, 3072), root.certificate(), &leaf, &[]).is_ok());
    // And a forged signature is called that, not a weak key.
    let mut der = leaf.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let forged = Certificate::from_der(der).unwrap();
    let result = under(&policy(false, 3072), root.certificate(), &forged, &[]);
    assert_eq!(code(result), "cert-bad-signature");
}

#[test]
fn every_kind_of_ca_key_signs() {
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let root = TestCa::new("Test Any", kind, year()).unwrap();
        let leaf = root.issue(&signer()).unwrap().certificate;
        assert!(under(&SignaturePolicy::strict(), root.certificate(), &leaf, &[]).is_ok());
    }
}
