//! What a compatibility policy lets through, what it is called then, and that nothing of
//! it passes without.

use super::*;

fn legacy() -> SignaturePolicy {
    SignaturePolicy {
        name: "legacy-2026".to_owned(),
        until: Some(jiff::civil::date(2026, 12, 31)),
        allow_rsa_sha1: true,
        allow_digest_sha1: true,
        ..SignaturePolicy::strict()
    }
}

/// The refusal under `policy`.
fn refuse_with(xml: &str, policy: &SignaturePolicy) -> SignatureError {
    let error = verify_with(xml, policy).unwrap_err();
    check_words(&error);
    error
}

#[test]
fn sha1_passes_only_by_policy_and_is_noted() {
    let xml = sign_by(&WORLD.rsa, ORDER, &SignOptions::rsa_sha1());
    let evidence = verify_with(&xml, &legacy()).unwrap();
    assert_eq!(evidence.tolerances(), ["rsa-sha1", "digest-sha1"]);
    assert_eq!(evidence.algorithm(), SignatureAlgorithm::RsaPkcs1Sha1);
    assert_eq!(evidence.digest(), DigestAlgorithm::Sha1);
    // The content digest does not depend on it.
    assert_eq!(evidence.content_digest().as_slice(), digest_of(ORDER));

    assert_eq!(refuse(&xml).code(), "policy-digest-sha1");
    let no_digest = SignaturePolicy { allow_digest_sha1: false, ..legacy() };
    assert_eq!(refuse_with(&xml, &no_digest).code(), "policy-digest-sha1");
    let no_signature = SignaturePolicy { allow_rsa_sha1: false, ..legacy() };
    assert_eq!(refuse_with(&xml, &no_signature).code(), "policy-signature-sha1");
    let changed = edit(&xml, "T0001", "T0002");
    assert_eq!(refuse_with(&changed, &legacy()).code(), "signature-digest-mismatch");
}

#[test]
fn a_policy_that_has_ended_is_strict() {
    let xml = sign_by(&WORLD.rsa, ORDER, &SignOptions::rsa_sha1());
    // The last day is one of UTC+8.
    let last = legacy().in_force("2026-12-31T15:59:59Z".parse().unwrap());
    verify_with(&xml, &last.policy).unwrap();
    let after = legacy().in_force("2026-12-31T16:00:00Z".parse().unwrap());
    assert!(after.lapsed.is_some());
    assert_eq!(refuse_with(&xml, &after.policy).code(), "policy-digest-sha1");
}

#[test]
fn strict_signatures_need_no_tolerance_under_a_loose_policy() {
    assert!(verify_with(&signed_order(), &legacy()).unwrap().tolerances().is_empty());
    let digest_only = SignOptions { digest: Some(DigestAlgorithm::Sha1), ..SignOptions::default() };
    let xml = sign_by(&WORLD.p256, ORDER, &digest_only);
    assert_eq!(verify_with(&xml, &legacy()).unwrap().tolerances(), ["digest-sha1"]);
}

#[test]
fn keys_have_a_least_length() {
    let xml = sign_by(&WORLD.rsa, ORDER, &SignOptions::default());
    let longer = SignaturePolicy { min_rsa_bits: 3072, ..SignaturePolicy::strict() };
    assert_eq!(refuse_with(&xml, &longer).code(), "key-too-short");
    // It says nothing about other kinds of key.
    verify_with(&signed_order(), &longer).unwrap();
}

#[test]
fn the_old_certificates_of_the_field_pass_only_by_policy() {
    let old = include_str!("xmlsec1-rsa1024-sha1.xml");
    assert_eq!(refuse(old).code(), "policy-digest-sha1");
    assert_eq!(refuse_with(old, &legacy()).code(), "key-too-short");
    let short = SignaturePolicy { min_rsa_bits: 1024, ..legacy() };
    let evidence = verify_with(old, &short).unwrap();
    assert_eq!(evidence.tolerances(), ["rsa-sha1", "short-rsa-key", "digest-sha1"]);
}
