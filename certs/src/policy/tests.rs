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
        allow_sm2_digest_sha1: true,
        allow_lower_case_number: true,
        min_rsa_bits: 1024,
        revocation_grace_hours: None,
    }
}

#[test]
fn strict_is_strict_and_the_default() {
    let strict = SignaturePolicy::strict();
    assert_eq!(SignaturePolicy::default(), strict);
    assert!(strict.is_strict() && strict.until.is_none());
    let departures: [fn(&mut SignaturePolicy); 8] = [
        |p| p.allow_rsa_sha1 = true,
        |p| p.allow_digest_sha1 = true,
        |p| p.allow_chain_sha1 = true,
        |p| p.allow_flat_signed_info = true,
        |p| p.allow_space_at_signature = true,
        |p| p.allow_sm2_digest_sha1 = true,
        |p| p.allow_lower_case_number = true,
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
    let families =
        [(KeyFamily::Rsa, Tolerance::DigestSha1), (KeyFamily::Sm2, Tolerance::Sm2DigestSha1)];
    for (family, rule) in families {
        for digest in DigestAlgorithm::ALL {
            let sha1 = digest == DigestAlgorithm::Sha1;
            assert_eq!(loose().check_digest(digest, family), Ok(sha1.then_some(rule)));
            let strict = SignaturePolicy::strict().check_digest(digest, family).is_ok();
            assert_eq!(strict, !sha1, "{digest}");
        }
    }
    // Neither rule stands for the other.
    let other = SignaturePolicy { allow_digest_sha1: false, ..loose() };
    assert!(other.check_digest(DigestAlgorithm::Sha1, KeyFamily::Rsa).is_err());
    assert!(other.check_digest(DigestAlgorithm::Sha1, KeyFamily::Sm2).is_ok());
    let other = SignaturePolicy { allow_sm2_digest_sha1: false, ..loose() };
    assert!(other.check_digest(DigestAlgorithm::Sha1, KeyFamily::Rsa).is_ok());
    let refused = other.check_digest(DigestAlgorithm::Sha1, KeyFamily::Sm2).unwrap_err();
    assert_eq!(refused.code(), "policy-sm2-digest-sha1");
}

const RULES: [(Tolerance, &str, &str); 8] = [
    (Tolerance::RsaSha1, "rsa-sha1", "policy-signature-sha1"),
    (Tolerance::DigestSha1, "digest-sha1", "policy-digest-sha1"),
    (Tolerance::ChainSha1, "chain-sha1", "policy-chain-sha1"),
    (Tolerance::ShortRsaKey, "short-rsa-key", "policy-short-rsa-key"),
    (Tolerance::FlatSignedInfo, "flat-signed-info", "policy-flat-signed-info"),
    (Tolerance::SpaceAtSignature, "space-at-signature", "policy-space-at-signature"),
    (Tolerance::Sm2DigestSha1, "sm2-digest-sha1", "policy-sm2-digest-sha1"),
    (Tolerance::LowerCaseNumber, "lower-case-number", "policy-lower-case-number"),
];

#[test]
fn every_rule_is_off_by_default_on_in_the_field_and_over_after_its_day() {
    let field = SignaturePolicy::ceb_field("2026-06-30".parse().unwrap());
    assert_eq!((field.name.as_str(), field.min_rsa_bits), ("ceb-field", 1024));
    let over = field.in_force(at("2026-06-30T16:00:00Z"));
    assert_eq!(over.lapsed.unwrap().name, "ceb-field");
    let mut refusals = Vec::new();
    for (rule, _, code) in RULES {
        assert_eq!(field.in_force(noon()).policy.tolerate(rule), Ok(rule));
        assert_eq!(over.policy.tolerate(rule).unwrap_err().code(), code);
        refusals.push((code, told!(SignaturePolicy::strict().tolerate(rule).unwrap_err())));
    }
    assert_told(&refusals);
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
        (
            "policy-digest-sha1",
            told!(strict.check_digest(DigestAlgorithm::Sha1, KeyFamily::Rsa).unwrap_err()),
        ),
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
    for (tolerance, code, _) in RULES {
        assert_eq!(tolerance.code(), code);
    }
}
