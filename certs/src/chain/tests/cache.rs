//! The cache of chains: when it answers, when it does not, what it holds.

use std::sync::Mutex;

use super::*;
use crate::samples::at;
use crate::testpki::Validity;

fn seen(cache: &mut ChainCache, leaf: &Certificate, others: &[Certificate]) -> Chain {
    let chain = verify(&zone_anchors(), leaf, others).unwrap();
    cache.put(&zone_anchors(), &SignaturePolicy::strict(), &chain);
    chain
}

fn leaf_until(until: &str) -> Certificate {
    let validity = Validity { until: at(until), ..year() };
    ZONE.root.issue(&LeafSpec { validity, ..signer() }).unwrap().certificate
}

#[test]
fn a_sender_seen_before_is_answered_without_intermediates() {
    let cache = Mutex::new(ChainCache::new(ChainCache::DEFAULT_BYTES));
    let (leaf, strict) = (&ZONE.leaf.certificate, SignaturePolicy::strict());
    let ask = |others: &[Certificate]| {
        zone_anchors().verify_chain_cached(&cache, &strict, leaf, others, noon(), STRICT)
    };
    assert_eq!(code(ask(&[])), "cert-unknown-issuer");
    assert!(cache.lock().unwrap().is_empty(), "refusals are not kept");
    let first = ask(ZONE.leaf.intermediates()).unwrap();
    assert_eq!(cache.lock().unwrap().len(), 1);
    assert_eq!(ask(&[]).unwrap(), first);
    cache.lock().unwrap().clear();
    assert_eq!(code(ask(&[])), "cert-unknown-issuer");
    assert_eq!(cache.lock().unwrap().bytes(), 0);
}

#[test]
fn no_answer_outside_the_window() {
    let mut cache = ChainCache::new(ChainCache::DEFAULT_BYTES);
    let leaf = leaf_until("2026-06-30T23:59:59Z");
    seen(&mut cache, &leaf, &[]);
    let (anchors, strict) = (zone_anchors(), SignaturePolicy::strict());
    let mut hit = |moment| cache.get(&anchors, &strict, &leaf, at(moment)).is_some();
    assert!(hit("2026-06-30T23:59:59Z"));
    assert!(hit("2026-06-30T23:59:59.9Z"));
    assert!(!hit("2026-07-01T00:00:00Z"));
    assert!(hit("2026-01-01T00:00:00Z"), "an earlier miss does not forget");
    assert!(!hit("2025-12-31T23:59:59Z"));
    assert!(!hit("1969-12-31T23:59:59.5Z"));
}

#[test]
fn an_ended_sender_is_refused_though_it_was_seen() {
    let cache = Mutex::new(ChainCache::new(ChainCache::DEFAULT_BYTES));
    let (leaf, strict) = (leaf_until("2026-06-30T23:59:59Z"), SignaturePolicy::strict());
    let ask = |moment, seconds| {
        let tolerance = SignedDuration::from_secs(seconds);
        zone_anchors().verify_chain_cached(&cache, &strict, &leaf, &[], at(moment), tolerance)
    };
    assert!(ask("2026-06-30T23:59:59Z", 0).is_ok());
    assert_eq!(code(ask("2026-07-01T00:00:00Z", 0)), "cert-expired");
    // The tolerance is judged anew each time, and its flag is not kept.
    assert!(ask("2026-07-01T00:00:09Z", 10).unwrap().clock_tolerance_used());
    assert_eq!(code(ask("2026-07-01T00:00:10Z", 10)), "cert-expired");
    assert!(!ask("2026-06-30T23:59:59Z", 10).unwrap().clock_tolerance_used());
}

#[test]
fn other_anchors_policies_and_leaves_do_not_hit() {
    let mut cache = ChainCache::new(ChainCache::DEFAULT_BYTES);
    let leaf = leaf_until("2026-06-30T23:59:59Z");
    seen(&mut cache, &leaf, &[]);
    let strict = SignaturePolicy::strict();
    let mut hit = |anchors: &TrustAnchors, policy: &SignaturePolicy, leaf: &Certificate| {
        cache.get(anchors, policy, leaf, noon()).is_some()
    };
    assert!(hit(&zone_anchors(), &strict, &leaf));
    assert!(!hit(&anchors([&ZONE.upper]), &strict, &leaf));
    assert!(!hit(&anchors([&ZONE.root, &ZONE.upper]), &strict, &leaf));
    assert!(!hit(&zone_anchors(), &strict, &leaf_until("2026-06-30T23:59:59Z")));
    let sha1 = SignaturePolicy { allow_chain_sha1: true, ..strict.clone() };
    let short = SignaturePolicy { min_rsa_bits: 1024, ..strict.clone() };
    assert!(!hit(&zone_anchors(), &sha1, &leaf));
    assert!(!hit(&zone_anchors(), &short, &leaf));
    // What chains do not depend on does not matter.
    let named = SignaturePolicy { name: "other".to_owned(), allow_rsa_sha1: true, ..strict };
    assert!(hit(&zone_anchors(), &named, &leaf));
}

#[test]
fn memory_is_bounded_and_the_least_used_goes_first() {
    let leaves: Vec<Certificate> = (0..6).map(|_| leaf_until("2026-06-30T23:59:59Z")).collect();
    let one = {
        let mut cache = ChainCache::new(ChainCache::DEFAULT_BYTES);
        seen(&mut cache, &leaves[0], &[]);
        seen(&mut cache, &leaves[0], &[]);
        assert_eq!(cache.len(), 1, "the same chain twice is held once");
        cache.bytes()
    };
    let bound = 3 * one + one / 2;
    let mut cache = ChainCache::new(bound);
    let (anchors, strict) = (zone_anchors(), SignaturePolicy::strict());
    for leaf in &leaves[..3] {
        seen(&mut cache, leaf, &[]);
    }
    assert!(cache.get(&anchors, &strict, &leaves[0], noon()).is_some());
    for leaf in &leaves[3..] {
        seen(&mut cache, leaf, &[]);
        assert!(cache.bytes() <= bound && cache.len() <= 3);
        assert!(cache.get(&anchors, &strict, &leaves[0], noon()).is_some(), "just used");
    }
    assert!(cache.get(&anchors, &strict, &leaves[1], noon()).is_none());
    let mut tiny = ChainCache::new(one / 2);
    seen(&mut tiny, &leaves[0], &[]);
    assert!(tiny.is_empty() && tiny.bytes() == 0);
}
