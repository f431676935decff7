//! Policies: what strict refuses, what a policy allows, and until when.

use super::*;
use crate::KeyFamily;
use crate::key::SigningKey;
use crate::samples::{assert_told, at, noon, p256, rsa, told};
use crate::testpki::sign_rsa_sha1;

fn loose() -> SignaturePolicy {
    SignaturePolicy {
        name: "old-clients".to_owned(),
        until: Some("2026-06-30".parse().unwrap()),
        allow_rsa_sha1: true,
        allow_digest_sha1: true,
        allow_chain_sha1: true,
        allow_flat_signed_info: true,
        allow_space_at_signature: true,
        min_rsa_bits: 1024,
    }
}

#[test]
fn strict_is_strict_and_the_default() {
    let strict = SignaturePolicy::strict();
    assert_eq!(SignaturePolicy::default(), strict);
    assert!(strict.is_strict() && strict.until.is_none());
    let departures: [fn(&mut SignaturePolicy); 6] = [
        |p| p.allow_rsa_sha1 = true,
        |p| p.allow_digest_sha1 = true,
        |p| p.allow_chain_sha1 = true,
        |p| p.allow_flat_signed_info = true,
        |p| p.allow_space_at_signature = true,
        |p| p.min_rsa_bits = 2047,
    ];
    for depart in departures {
        let mut policy = SignaturePolicy::strict();
        depart(&mut policy);
        assert!(!policy.is_strict());
        // Without an end it never begins.
        let found = policy.in_force(noon());
        assert!(found.policy.is_strict());
        assert_eq!(found.lapsed.unwrap().until, None);
    }
    assert!(SignaturePolicy { min_rsa_bits: 3072, ..strict }.is_strict());
}

#[test]
fn loose_rules_end_at_midnight_in_the_zone() {
    for (moment, in_force) in [
        ("2026-01-01T00:00:00Z", true),
        ("2026-06-30T15:59:59.999Z", true),
        ("2026-06-30T16:00:00Z", false),
        ("2027-01-01T00:00:00Z", false),
    ] {
        let found = loose().in_force(at(moment));
        assert_eq!(found.policy.allow_rsa_sha1, in_force, "{moment}");
        assert_eq!(found.lapsed.is_none(), in_force);
        if in_force {
            assert_eq!(found.policy, loose());
        } else {
            assert_eq!(found.policy, SignaturePolicy::strict());
        }
    }
    // What is stricter than strict stays.
    let policy = SignaturePolicy { min_rsa_bits: 3072, ..loose() };
    assert_eq!(policy.in_force(at("2027-01-01T00:00:00Z")).policy.min_rsa_bits, 3072);
    // A strict policy of its own name does not lapse.
    let policy = SignaturePolicy { name: "own".to_owned(), ..SignaturePolicy::strict() };
    let found = policy.in_force(noon());
    assert_eq!((found.policy.name.as_str(), found.lapsed), ("own", None));
}

#[test]
fn sha1_signatures_need_the_rule() {
    let key = rsa();
    let value = sign_rsa_sha1(&key, b"message").unwrap();
    let verify = |policy: &SignaturePolicy, message: &[u8]| {
        policy.verify(key.public_key(), SignatureAlgorithm::RsaPkcs1Sha1, message, &value)
    };
    let refused = verify(&SignaturePolicy::strict(), b"message").unwrap_err();
    assert_eq!(refused.code(), "policy-signature-sha1");
    assert_eq!(verify(&loose(), b"message").unwrap(), [Tolerance::RsaSha1]);
    assert_eq!(verify(&loose(), b"another").unwrap_err().code(), "signature-wrong");
    // The other rules of SHA-1 do not allow this one.
    let other = SignaturePolicy { allow_rsa_sha1: false, ..loose() };
    assert_eq!(verify(&other, b"message").unwrap_err().code(), "policy-signature-sha1");
}

#[test]
fn sha1_digests_need_the_rule() {
    for digest in DigestAlgorithm::ALL {
        assert!(loose().check_digest(digest).is_ok());
        let strict = SignaturePolicy::strict().check_digest(digest).is_ok();
        assert_eq!(strict, digest != DigestAlgorithm::Sha1, "{digest}");
    }
    let other = SignaturePolicy { allow_digest_sha1: false, ..loose() };
    assert!(other.check_digest(DigestAlgorithm::Sha1).is_err());
}

#[test]
fn ordinary_signatures_need_no_rule() {
    for key in [rsa(), p256(), SigningKey::generate_ed25519().unwrap()] {
        let algorithm = key.default_algorithm();
        let value = key.sign(algorithm, b"message").unwrap();
        for policy in [SignaturePolicy::strict(), loose()] {
            let used = policy.verify(key.public_key(), algorithm, b"message", &value).unwrap();
            assert!(used.is_empty());
        }
    }
    assert_eq!(p256().public_key().family(), KeyFamily::EcdsaP256);
}

#[test]
fn a_stricter_minimum_is_applied() {
    let key = rsa();
    let policy = SignaturePolicy { min_rsa_bits: 3072, ..SignaturePolicy::strict() };
    let error = policy.check_signature(SignatureAlgorithm::RsaPkcs1Sha256, key.public_key());
    assert_eq!(error.unwrap_err().code(), "key-too-short");
}

#[test]
fn every_policy_error() {
    let strict = SignaturePolicy::strict();
    let (key, sha1) = (p256(), SignatureAlgorithm::RsaPkcs1Sha1);
    let mismatch = strict.check_signature(SignatureAlgorithm::Ed25519, key.public_key());
    assert_told(&[
        (
            "policy-signature-sha1",
            told!(strict.check_signature(sha1, key.public_key()).unwrap_err()),
        ),
        ("policy-digest-sha1", told!(strict.check_digest(DigestAlgorithm::Sha1).unwrap_err())),
        ("key-mismatch", told!(mismatch.unwrap_err())),
    ]);
    let after = at("2027-01-01T00:00:00Z");
    let endless = SignaturePolicy { until: None, ..loose() };
    for policy in [loose(), endless] {
        assert_told(&[("policy-ended", told!(policy.in_force(after).lapsed.unwrap()))]);
    }
}

#[test]
fn every_tolerance_has_its_code() {
    let all = [
        (Tolerance::RsaSha1, "rsa-sha1"),
        (Tolerance::DigestSha1, "digest-sha1"),
        (Tolerance::ChainSha1, "chain-sha1"),
        (Tolerance::ShortRsaKey, "short-rsa-key"),
        (Tolerance::FlatSignedInfo, "flat-signed-info"),
        (Tolerance::SpaceAtSignature, "space-at-signature"),
    ];
    for (tolerance, code) in all {
        assert_eq!(tolerance.code(), code);
    }
}
