//! Edges of validity and of the clock tolerance, to the second.

use super::*;
use crate::samples::at;
use crate::testpki::Validity;

const FROM: &str = "2026-03-01T00:00:00Z";
const UNTIL: &str = "2026-03-31T23:59:59Z";

fn month() -> Validity {
    Validity { from: at(FROM), until: at(UNTIL) }
}

fn between(from: &str, until: &str) -> Validity {
    Validity { from: at(from), until: at(until) }
}

/// Anchors and chain in which only one certificate has the dates of March.
fn chains() -> Vec<(&'static str, TrustAnchors, Vec<Certificate>)> {
    let make = |name, root: Validity, middle: Validity, leaf: Validity| {
        let root = TestCa::new("Test Root", KeyKind::P256, root).unwrap();
        let middle = root.intermediate("Test Middle", KeyKind::P256, middle).unwrap();
        let leaf = middle.issue(&LeafSpec { validity: leaf, ..signer() }).unwrap();
        (name, anchors([&root]), leaf.chain)
    };
    vec![
        make("leaf", year(), year(), month()),
        make("intermediate", year(), month(), year()),
        make("anchor", month(), year(), year()),
    ]
}

#[test]
fn edges_without_and_with_tolerance() {
    // Moment, tolerance in seconds, code, whether the tolerance was used.
    let cases = [
        ("2026-03-01T00:00:00Z", 0, "ok", false),
        ("2026-03-31T23:59:59Z", 0, "ok", false),
        ("2026-03-31T23:59:59.999Z", 0, "ok", false),
        ("2026-02-28T23:59:59Z", 0, "cert-not-yet-valid", false),
        ("2026-02-28T23:59:59.999Z", 0, "cert-not-yet-valid", false),
        ("2026-04-01T00:00:00Z", 0, "cert-expired", false),
        ("2026-02-28T23:55:00Z", 300, "ok", true),
        ("2026-02-28T23:54:59Z", 300, "cert-not-yet-valid", false),
        ("2026-04-01T00:04:59Z", 300, "ok", true),
        ("2026-04-01T00:05:00Z", 300, "cert-expired", false),
        ("2026-03-15T00:00:00Z", 300, "ok", false),
        ("2026-03-31T23:59:59Z", -300, "ok", false),
        ("2026-04-01T00:00:00Z", -300, "cert-expired", false),
        ("2026-04-01T00:59:59Z", 86_400, "ok", true),
        ("2026-04-01T01:00:00Z", 86_400, "cert-expired", false),
    ];
    for (name, anchors, chain) in chains() {
        for (moment, seconds, expected, used) in cases {
            let tolerance = SignedDuration::from_secs(seconds);
            let found = anchors.verify_chain(&chain[0], &chain[1..], at(moment), tolerance);
            let of_clock = found.as_ref().is_ok_and(Chain::clock_tolerance_used);
            assert_eq!((code(found), of_clock), (expected, used), "{name} {moment} {seconds}");
        }
    }
}

#[test]
fn the_window_of_a_chain_is_what_all_have_in_common() {
    for (name, anchors, chain) in chains() {
        let found = anchors
            .verify_chain(&chain[0], &chain[1..], at("2026-03-15T00:00:00Z"), STRICT)
            .unwrap();
        assert_eq!((found.not_before(), found.not_after()), (at(FROM), at(UNTIL)), "{name}");
    }
}

#[test]
fn an_error_names_certificate_and_dates() {
    let whose = ["测试甲公司", "Test Middle", "Test Root"];
    for ((_, anchors, chain), whose) in chains().into_iter().zip(whose) {
        let now = at("2026-05-01T08:00:00Z");
        let error = anchors.verify_chain(&chain[0], &chain[1..], now, STRICT).unwrap_err();
        let ChainError::Expired { subject, not_after, at: when } = error else { panic!("{error}") };
        assert!(subject.contains(whose), "{subject}");
        assert_eq!((not_after, when), (at(UNTIL), now));
    }
}

#[test]
fn no_moment_in_common_is_no_chain() {
    // The CA ends a second before the signer begins.
    let ca = TestCa::new(
        "Test Ended",
        KeyKind::P256,
        between("2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z"),
    )
    .unwrap();
    let spec =
        LeafSpec { validity: between("2026-04-01T00:00:00Z", "2026-12-31T23:59:59Z"), ..signer() };
    let leaf = ca.issue(&spec).unwrap();
    let tolerance = SignedDuration::from_mins(10);
    for moment in ["2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z", "2026-04-01T00:00:01Z"] {
        let found = anchors([&ca]).verify_chain(&leaf.certificate, &[], at(moment), tolerance);
        assert!(found.is_err(), "{moment}");
    }
}

#[test]
fn two_edges_are_met_at_the_one_they_share() {
    // Both ended, the signer ten seconds before its CA: only the signer's last
    // second and before is common to both.
    let ca = TestCa::new(
        "Test Ended",
        KeyKind::P256,
        between("2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z"),
    )
    .unwrap();
    let spec =
        LeafSpec { validity: between("2026-01-01T00:00:00Z", "2026-03-31T23:59:49Z"), ..signer() };
    let leaf = ca.issue(&spec).unwrap();
    let now = at("2026-04-01T00:00:09Z");
    for (seconds, expected) in [(20, "ok"), (19, "cert-expired"), (10, "cert-expired")] {
        let tolerance = SignedDuration::from_secs(seconds);
        let found = anchors([&ca]).verify_chain(&leaf.certificate, &[], now, tolerance);
        assert_eq!(code(found), expected, "{seconds}");
    }
}

#[test]
fn renewed_roots_and_intermediates_take_over() {
    let key = p256();
    let old = between("2025-01-01T00:00:00Z", "2025-12-31T23:59:59Z");
    let new = between("2026-01-01T00:00:00Z", "2026-05-31T23:59:59Z");
    let root = |v| TestCa::root(&CaSpec::new("Test Root", v), key.duplicate().unwrap()).unwrap();
    let (old_root, new_root) = (root(old), root(new));
    let spec = LeafSpec { validity: between("2025-06-01T00:00:00Z", UNTIL), ..signer() };
    let leaf = new_root.issue(&spec).unwrap();
    let both = [anchors([&old_root, &new_root]), anchors([&new_root, &old_root])];
    for anchors in both {
        let in_year = |moment: &str| {
            let chain = anchors.verify_chain(&leaf.certificate, &[], at(moment), STRICT).unwrap();
            chain.anchor().clone()
        };
        assert_eq!(&in_year("2025-07-01T00:00:00Z"), old_root.certificate());
        assert_eq!(&in_year("2026-02-01T00:00:00Z"), new_root.certificate());
    }

    // An intermediate that ended long ago beside one that ended just now: the
    // tolerance finds the right one, in either order.
    let below = |v| {
        let spec = CaSpec::new("Test Middle", v);
        ZONE.root.intermediate_with(&spec, key.duplicate().unwrap()).unwrap()
    };
    let spec = CaSpec::new("Test Long", between("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
    let long_ago = ZONE.root.intermediate_with(&spec, key.duplicate().unwrap()).unwrap();
    let (first, second) =
        (below(month()), below(between("2026-01-01T00:00:00Z", "2026-01-31T23:59:59Z")));
    let leaf = first.issue(&signer()).unwrap();
    let [a, b, c] = [&first, &second, &long_ago].map(|ca| ca.certificate().clone());
    for others in [[a.clone(), b.clone(), c.clone()], [c, b, a]] {
        let now = at("2026-04-01T00:00:05Z");
        let tolerance = SignedDuration::from_secs(30);
        let chain = zone_anchors().verify_chain(&leaf.certificate, &others, now, tolerance);
        assert!(chain.unwrap().clock_tolerance_used());
    }
}

#[test]
fn a_tangle_of_strangers_is_searched_once_and_not_at_every_edge() {
    let now = at("2026-04-01T00:00:00Z");
    let ago = |seconds| now - SignedDuration::from_secs(seconds);
    let later = ago(-86_400);
    let until = Validity { from: ago(86_400), until: later };
    let root = TestCa::new("Test Tangle", KeyKind::P256, until).unwrap();
    let anchors = anchors([&root]);
    // Under one name, so that any of them may have issued any other.
    let below = |ca: &TestCa, from| {
        let validity = Validity { from, until: later };
        ca.intermediate("Test Tangle", KeyKind::P256, validity).unwrap()
    };
    let real = below(&root, ago(10));
    let spec = LeafSpec { validity: Validity { from: ago(60), until: ago(1) }, ..signer() };
    let leaf = real.issue(&spec).unwrap().certificate;
    let twin = TestCa::new("Test Tangle", KeyKind::P256, until).unwrap();
    let strangers: Vec<Certificate> =
        (1..MAX_INTERMEDIATES).map(|_| below(&twin, ago(5)).certificate().clone()).collect();
    let last = [real.certificate().clone()];
    let tolerance = SignedDuration::from_secs(30);
    let code_of =
        |others: &[Certificate]| code(anchors.verify_chain(&leaf, others, now, tolerance));
    // At the end of the leaf the strangers are valid and use the budget up. Ten
    // seconds ago they were not, and the chain would be found: not looked for.
    assert_eq!(code_of(&last), "ok");
    assert_eq!(code_of(&[&strangers[..], &last[..]].concat()), "cert-expired");
    assert_eq!(code_of(&[&last[..], &strangers[..]].concat()), "ok");
}
