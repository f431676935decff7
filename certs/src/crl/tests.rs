//! Lists of every kind of key, the three answers, grace, and every refusal.

use jiff::SignedDuration;

use super::*;
use crate::samples::{ZONE, assert_told, at, noon, rsa_root, signer, told, year};
use crate::testpki::{CaSpec, KeyKind, ListSpec, TestCa, Usage};
use crate::{Chain, TrustAnchors};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn spec() -> ListSpec {
    ListSpec::new(at("2026-06-15T00:00:00Z"), Some(at("2026-06-16T00:00:00Z")))
}

fn strict() -> SignaturePolicy {
    SignaturePolicy::strict()
}

fn read(ca: &TestCa, spec: &ListSpec) -> RevocationList {
    let der = ca.revocation_list(spec).unwrap();
    RevocationList::from_der(&der, ca.certificate(), &strict()).unwrap()
}

fn set(lists: impl IntoIterator<Item = RevocationList>) -> RevocationLists {
    RevocationLists::new(lists).unwrap()
}

fn chain() -> Chain {
    let anchors = TrustAnchors::from_certificates([ZONE.root.certificate().clone()]).unwrap();
    let leaf = &ZONE.leaf;
    anchors
        .verify_chain(&leaf.certificate, leaf.intermediates(), noon(), SignedDuration::ZERO)
        .unwrap()
}

/// Every issuer's lists are asked since `since`; clocks agree.
fn judged(
    lists: &RevocationLists,
    at: Timestamp,
    grace: SignedDuration,
    since: Timestamp,
) -> Result<Vec<Taken>, RevocationError> {
    let terms = Terms { at, tolerance: SignedDuration::ZERO, grace };
    lists.judge(&chain(), &terms, &|_| Some(since))
}

fn revoking(certificates: &[&Certificate], since: &str) -> ListSpec {
    let revoked = certificates.iter().map(|c| ((*c).clone(), at(since))).collect();
    ListSpec { revoked, ..spec() }
}

#[test]
fn every_kind_of_key_signs_lists() {
    let cas = [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Sm2]
        .map(|kind| TestCa::new("Test CA", kind, year()).unwrap());
    for ca in cas.iter().chain([&rsa_root()]) {
        let leaf = ca.issue(&signer()).unwrap().certificate;
        let other = ca.issue(&signer()).unwrap().certificate;
        let list = read(ca, &revoking(&[&leaf], "2026-06-14T00:00:00Z"));
        assert_eq!((list.len(), list.is_empty()), (1, false));
        assert_eq!(list.issuer(), ca.certificate().subject());
        assert_eq!(list.this_update(), at("2026-06-15T00:00:00Z"));
        assert_eq!(list.next_update(), Some(at("2026-06-16T00:00:00Z")));
        assert_eq!(list.number(), None);
        let (digest, as_of) = (list.digest(), list.this_update());
        let lists = set([list.clone(), list]);
        assert_eq!(lists.lists().len(), 1);
        let status = lists.status(&leaf, ca.certificate(), noon());
        let entry = Revoked { at: at("2026-06-14T00:00:00Z"), reason: "unspecified" };
        assert_eq!((status.word(), &status), ("revoked", &Status::Revoked { list: digest, entry }));
        let status = lists.status(&other, ca.certificate(), noon());
        assert_eq!((status.word(), &status), ("good", &Status::Good { list: digest, as_of }));
        // Through PEM it is the same list.
        let der = ca.revocation_list(&spec()).unwrap();
        let pem = crate::pem::write("X509 CRL", &der);
        let read = RevocationList::from_pem(&pem, ca.certificate(), &strict()).unwrap();
        assert_eq!(read.digest(), Fingerprint::of(&der));
    }
}

#[test]
fn a_list_speaks_for_its_issuer_only() {
    let ca = TestCa::new("Test CA", KeyKind::P256, year()).unwrap();
    // The same name with another key: a stranger, or the CA before its renewal.
    let twin = TestCa::new("Test CA", KeyKind::P256, year()).unwrap();
    let leaf = ca.issue(&signer()).unwrap().certificate;
    let lists = set([read(&twin, &revoking(&[&leaf], "2026-06-14T00:00:00Z"))]);
    let status = lists.status(&leaf, ca.certificate(), noon());
    assert_eq!((status.word(), status), ("unknown", Status::Unknown(Unknown::NoList)));
}

#[test]
fn of_several_lists_the_newest_of_that_time_counts() {
    let (ca, leaf) = (&ZONE.lower, &ZONE.leaf.certificate);
    let old = read(ca, &spec());
    let next = ListSpec {
        this_update: at("2026-06-15T06:00:00Z"),
        ..revoking(&[leaf], "2026-06-15T05:00:00Z")
    };
    let lists = set([old, read(ca, &next)]);
    let word = |moment: &str| lists.status(leaf, ca.certificate(), at(moment)).word();
    assert_eq!(word("2026-06-14T23:59:59Z"), "unknown");
    assert_eq!(word("2026-06-15T05:59:59Z"), "good");
    assert_eq!(word("2026-06-15T06:00:00Z"), "revoked");
    // What a list named stays revoked after its end.
    assert_eq!(word("2026-07-15T00:00:00Z"), "revoked");
    // An entry counts from its date on.
    let ahead = set([read(ca, &revoking(&[leaf], "2026-06-15T18:00:00Z"))]);
    let word = |moment: &str| ahead.status(leaf, ca.certificate(), at(moment)).word();
    assert_eq!((word("2026-06-15T12:00:00Z"), word("2026-06-15T18:00:00Z")), ("good", "revoked"));
}

#[test]
fn unknown_is_taken_until_the_grace_ends_and_never_becomes_revoked() {
    let all = [&ZONE.root, &ZONE.upper, &ZONE.lower].map(|ca| read(ca, &spec()));
    let lists = set(all.clone());
    let start = at("2026-06-01T00:00:00Z");
    let judge = |lists: &RevocationLists, moment: &str| judged(lists, at(moment), DAY, start);
    let taken = judge(&lists, "2026-06-15T12:00:00Z").unwrap();
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|t| t.word() == "good" && t.grace.is_none() && t.list.is_some()));
    // The last second of the list, of the grace, and after.
    assert_eq!(judge(&lists, "2026-06-16T00:00:00Z").unwrap()[0].word(), "good");
    for moment in ["2026-06-16T00:00:01Z", "2026-06-17T00:00:00Z"] {
        let taken = judge(&lists, moment).unwrap();
        assert_eq!(taken[0].word(), "unknown");
        let since = at("2026-06-16T00:00:00Z");
        assert_eq!(taken[0].grace, Some((since, at("2026-06-17T00:00:00Z"))));
        assert_eq!(taken[0].list.as_ref().unwrap().next_update, Some(since));
    }
    let over = judge(&lists, "2026-06-17T00:00:01Z").unwrap_err();
    assert_eq!(over.code(), "cert-revocation-unknown");
    // Without any list the grace begins at the start.
    let none = RevocationLists::default();
    assert_eq!(judge(&none, "2026-06-02T00:00:00Z").unwrap()[2].grace, Some((start, start + DAY)));
    assert_eq!(judge(&none, "2026-06-02T00:00:01Z").unwrap_err().code(), "cert-revocation-unknown");
    // No grace at all, also for a negative one.
    let negative = judged(&none, start, -DAY, start).unwrap();
    assert_eq!(negative[0].grace, Some((start, start)));
    // One issuer without a list is enough to be unknown.
    let some = set(all[1..].to_vec());
    let taken = judged(&some, noon(), DAY, noon()).unwrap();
    let words: Vec<&str> = taken.iter().map(Taken::word).collect();
    assert_eq!(words, ["good", "good", "unknown"]);
}

#[test]
fn a_revoked_issuer_refuses_the_chain() {
    let leaf = &ZONE.leaf.certificate;
    for (ca, named) in [(&ZONE.lower, leaf), (&ZONE.upper, ZONE.lower.certificate())] {
        let lists = set([read(ca, &revoking(&[named], "2026-06-14T00:00:00Z"))]);
        let error = judged(&lists, noon(), DAY, noon()).unwrap_err();
        assert_eq!(error.code(), "cert-revoked");
        assert!(error.en().contains(named.subject()));
    }
    // A list that does not end stays current.
    let endless = ListSpec { next_update: None, ..spec() };
    let lists = set([read(&ZONE.lower, &endless)]);
    let status = lists.status(leaf, ZONE.lower.certificate(), at("2030-01-01T00:00:00Z"));
    assert_eq!(status.word(), "good");
}

#[test]
fn every_error_of_lists() {
    let ca = &ZONE.lower;
    let der = ca.revocation_list(&spec()).unwrap();
    let refuse =
        |der: &[u8]| RevocationList::from_der(der, ca.certificate(), &strict()).unwrap_err();
    let mut forged = der.clone();
    *forged.last_mut().unwrap() ^= 1;
    let other = ZONE.upper.revocation_list(&spec()).unwrap();
    let no_lists = CaSpec { usage: vec![Usage::KeyCertSign], ..CaSpec::new("No lists", year()) };
    let no_lists = TestCa::root(&no_lists, crate::samples::p256()).unwrap();
    let usage = no_lists.revocation_list(&spec()).unwrap();
    let usage = RevocationList::from_der(&usage, no_lists.certificate(), &strict()).unwrap_err();
    // The identifier of another algorithm, inside and outside.
    let (ecdsa, rsa) = ([4, 3, 2], [4, 3, 1]);
    let mut algorithm = der.clone();
    while let Some(place) = algorithm.windows(3).position(|w| w == ecdsa) {
        algorithm[place..place + 3].copy_from_slice(&rsa);
    }
    let critical = ca.revocation_list(&ListSpec { critical: true, ..spec() }).unwrap();
    let pem = |text: &str| RevocationList::from_pem(text, ca.certificate(), &strict()).unwrap_err();
    let block = crate::pem::write("X509 CRL", &der);
    let lists = (0..=MAX_LISTS).map(|n| {
        let seconds = SignedDuration::from_secs(i64::try_from(n).unwrap());
        read(ca, &ListSpec { this_update: spec().this_update + seconds, ..spec() })
    });
    let many = RevocationLists::new(lists).unwrap_err();
    assert_told(&[
        ("crl-too-large", told!(refuse(&vec![0x30; MAX_CRL_BYTES + 1]))),
        ("crl-too-many", told!(many)),
        ("crl-pem", told!(pem("-----BEGIN X509 CRL-----\n"))),
        ("crl-not-one", told!(pem(&format!("{block}{block}")))),
        ("crl-malformed", told!(refuse(b"junk"))),
        ("crl-other-issuer", told!(refuse(&other))),
        ("crl-issuer-usage", told!(usage)),
        ("crl-signature-algorithm", told!(refuse(&algorithm))),
        ("crl-bad-signature", told!(refuse(&forged))),
        ("crl-critical-extension", told!(refuse(&critical))),
    ]);
    assert_eq!(refuse(&[der.as_slice(), &[0]].concat()).code(), "crl-malformed");
    assert_eq!(pem("no list").code(), "crl-not-one");
    // No bit of a list may change.
    for byte in 0..der.len() {
        let mut changed = der.clone();
        changed[byte] ^= 1 << (byte % 8);
        let outcome = RevocationList::from_der(&changed, ca.certificate(), &strict());
        assert!(outcome.is_err(), "byte {byte}");
    }
    let subject = String::from("测试");
    let (at, reason) = (noon(), "keyCompromise");
    assert_told(&[
        (
            "cert-revoked",
            told!(RevocationError::Revoked { subject: subject.clone(), at, reason, list: None }),
        ),
        ("cert-revocation-unknown", told!(RevocationError::GraceOver { subject, ended: at })),
    ]);
}

#[test]
fn who_is_not_asked_says_nothing_and_evidence_names_the_list() {
    let numbered = ListSpec { number: Some(0x1f), ..spec() };
    let list = read(&ZONE.lower, &numbered);
    assert_eq!(list.number(), Some("1f"));
    let lists = set([list.clone()]);
    let terms = Terms { at: noon(), tolerance: SignedDuration::ZERO, grace: DAY };
    let lower = ZONE.lower.certificate().clone();
    let asked = |issuer: &Certificate| (*issuer == lower).then_some(noon());
    let taken = lists.judge(&chain(), &terms, &asked).unwrap();
    let words: Vec<&str> = taken.iter().map(Taken::word).collect();
    assert_eq!(words, ["good", "not-checked", "not-checked"]);
    assert_eq!(taken[0].list, Some(list.name()));
    assert_eq!(taken[0].certificate, ZONE.leaf.certificate.fingerprint());
    assert!(list.is_of(ZONE.lower.certificate()) && !list.is_of(ZONE.upper.certificate()));

    let spec = ListSpec {
        number: Some(0x1f),
        ..revoking(&[&ZONE.leaf.certificate], "2026-06-14T00:00:00Z")
    };
    let revoked = read(&ZONE.lower, &spec);
    let digest = revoked.digest().to_string();
    let error = set([revoked]).judge(&chain(), &terms, &asked).unwrap_err();
    for text in [error.en(), error.zh()] {
        assert!(text.contains("1f") && text.contains(&digest), "{text}");
    }
}

/// The CA's clock is ahead of ours: its new list is of now within the tolerance, and of the
/// future beyond it.
#[test]
fn a_list_from_a_clock_ahead_is_taken_within_the_tolerance() {
    let all = [&ZONE.root, &ZONE.upper, &ZONE.lower].map(|ca| read(ca, &spec()));
    let lists = set(all);
    let moment = at("2026-06-14T23:59:30Z");
    let words = |tolerance: i64| {
        let terms =
            Terms { at: moment, tolerance: SignedDuration::from_secs(tolerance), grace: DAY };
        let taken = lists.judge(&chain(), &terms, &|_| Some(moment)).unwrap();
        taken.iter().map(Taken::word).collect::<Vec<_>>()
    };
    assert_eq!(words(30), ["good"; 3]);
    assert_eq!(words(29), ["unknown"; 3]);
}
