//! Lists that come, go, and are kept; what is judged by them; what facts say of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use onepoint_certs::TrustAnchors;
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, ListSpec, TestCa, Validity};

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

struct World {
    root: TestCa,
    lower: TestCa,
    leaf: Issued,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let validity = Validity { from: noon() - 90 * DAY, until: noon() + 90 * DAY };
    let root = TestCa::new("root", KeyKind::P256, validity).unwrap();
    let lower = root.intermediate("lower", KeyKind::P256, validity).unwrap();
    let leaf = LeafSpec::signer("firm", "测试甲公司", KeyKind::P256, validity);
    let leaf = lower.issue(&leaf).unwrap();
    World { root, lower, leaf, folder: tempfile::tempdir().unwrap() }
}

impl World {
    fn folder(&self) -> PathBuf {
        self.folder.path().join("revocation")
    }

    /// Each of the CAs is asked, with a grace of a day.
    fn settings(&self, cas: &[&TestCa]) -> RevocationSettings {
        let source = |ca: &&TestCa| ListSource {
            issuer: ca.certificate().clone(),
            addresses: Vec::new(),
            refresh: Duration::from_secs(60),
            bytes_max: 1 << 20,
        };
        let issuers = cas.iter().map(source).collect();
        RevocationSettings { folder: self.folder(), grace: DAY, issuers }
    }

    fn open(&self, cas: &[&TestCa], now: Timestamp) -> Revocation {
        Revocation::open(&self.settings(cas), None, now).unwrap()
    }

    fn chain(&self) -> Chain {
        let anchors = TrustAnchors::from_certificates([self.root.certificate().clone()]).unwrap();
        let (leaf, rest) = (&self.leaf.certificate, self.leaf.intermediates());
        anchors.verify_chain(leaf, rest, noon(), SignedDuration::ZERO).unwrap()
    }

    fn judge(&self, known: &Revocation, at: Timestamp) -> Result<Vec<&'static str>, &'static str> {
        let strict = SignaturePolicy::strict();
        let judged = known.judge(&self.chain(), at, SignedDuration::ZERO, &strict);
        let taken = judged.map_err(|error| error.code())?;
        Ok(taken.iter().map(Taken::word).collect())
    }
}

/// A list of an hour ago that is good for a day.
fn list(ca: &TestCa, revoked: &[&Issued], at: Timestamp) -> Vec<u8> {
    let revoked = revoked.iter().map(|issued| (issued.certificate.clone(), at - HOUR)).collect();
    let spec = ListSpec { revoked, number: Some(7), ..ListSpec::new(at - HOUR, Some(at + DAY)) };
    ca.revocation_list(&spec).unwrap()
}

fn give(known: &Revocation, index: usize, bytes: &[u8], now: Timestamp) -> &'static str {
    match known.give(index, bytes, now, SignedDuration::ZERO) {
        Ok(given) => given.code(),
        Err(fault) => fault.code(),
    }
}

#[test]
fn lists_are_kept_and_a_restart_starts_with_them() {
    let world = world();
    let known = world.open(&[&world.root, &world.lower], noon());
    assert_eq!(world.judge(&known, noon()), Ok(vec!["unknown", "unknown"]));
    assert_eq!(give(&known, 0, &list(&world.root, &[], noon()), noon()), "new");
    let pem = crl::to_pem(&list(&world.lower, &[], noon()));
    assert_eq!(give(&known, 1, pem.as_bytes(), noon()), "new");
    assert_eq!(world.judge(&known, noon()), Ok(vec!["good", "good"]));
    let again = world.open(&[&world.root, &world.lower], noon() + HOUR);
    assert_eq!(world.judge(&again, noon() + HOUR), Ok(vec!["good", "good"]));

    // A kept list that was tampered with, or cut, is none.
    let kept = std::fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().path());
    for path in kept.filter(|path| path.extension().is_some_and(|end| end == "crl")) {
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let again = world.open(&[&world.root, &world.lower], noon() + HOUR);
    assert_eq!(world.judge(&again, noon() + HOUR), Ok(vec!["unknown", "unknown"]));
}

#[test]
fn restarts_do_not_begin_a_new_grace_period() {
    let world = world();
    for hours in [0, 10, 24] {
        let now = noon() + hours * HOUR;
        let known = world.open(&[&world.root, &world.lower], now);
        assert_eq!(world.judge(&known, now), Ok(vec!["unknown", "unknown"]), "{hours}");
    }
    let late = noon() + DAY + HOUR;
    let known = world.open(&[&world.root, &world.lower], late);
    assert_eq!(world.judge(&known, late), Err("cert-revocation-unknown"));
    // Looking, as `onepoint check` does, leaves no trace.
    let other = world.folder.path().join("other");
    let settings = RevocationSettings { folder: other.clone(), ..world.settings(&[&world.root]) };
    drop(Revocation::read(&settings, noon()));
    assert!(!other.exists());
}

#[test]
fn what_is_no_newer_list_of_the_issuer_changes_nothing() {
    let world = world();
    let known = world.open(&[&world.root, &world.lower], noon());
    for (index, ca) in [&world.root, &world.lower].into_iter().enumerate() {
        assert_eq!(give(&known, index, &list(ca, &[], noon()), noon()), "new");
    }
    let good = list(&world.lower, &[], noon());
    let mut broken = list(&world.lower, &[&world.leaf], noon() + HOUR);
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let twin =
        TestCa::new("lower", KeyKind::P256, Validity { from: noon() - DAY, until: noon() + DAY });
    let long = vec![0; onepoint_certs::crl::MAX_CRL_BYTES + 1];
    let ahead = list(&world.lower, &[&world.leaf], noon() + 3 * HOUR);
    let older = list(&world.lower, &[&world.leaf], noon() - HOUR);
    for (bytes, code) in [
        (b"<html>busy</html>".to_vec(), "crl-malformed"),
        (Vec::new(), "crl-malformed"),
        (b"-----BEGIN X509 CRL-----\nA".to_vec(), "crl-pem"),
        (world.leaf.certificate_pem().into_bytes(), "crl-not-one"),
        (long, "crl-too-large"),
        (list(&world.root, &[&world.leaf], noon()), "crl-other-issuer"),
        (list(&twin.unwrap(), &[&world.leaf], noon()), "crl-bad-signature"),
        (broken, "crl-bad-signature"),
        (ahead, "crl-from-future"),
        (older, "older"),
    ] {
        assert_eq!(give(&known, 1, &bytes, noon()), code);
        assert_eq!(world.judge(&known, noon()), Ok(vec!["good", "good"]), "{code}");
    }
    drop(good);
    let newer = list(&world.lower, &[&world.leaf], noon() + HOUR / 2);
    assert_eq!(give(&known, 1, &newer, noon()), "new");
    assert_eq!(give(&known, 1, &newer, noon()), "same");
    assert_eq!(world.judge(&known, noon()), Err("cert-revoked"));
}

#[test]
fn a_list_that_cannot_be_kept_counts_all_the_same() {
    let world = world();
    let known = world.open(&[&world.root, &world.lower], noon());
    std::fs::remove_dir_all(world.folder()).unwrap();
    std::fs::write(world.folder(), "not a folder").unwrap();
    let revoked = list(&world.lower, &[&world.leaf], noon());
    assert_eq!(give(&known, 1, &revoked, noon()), "store-not-writable");
    assert_eq!(world.judge(&known, noon()), Err("cert-revoked"));
    let opened = Revocation::open(&world.settings(&[&world.root]), None, noon());
    assert_eq!(opened.unwrap_err().code(), "store-not-writable");
}

#[test]
fn what_was_known_is_known_to_the_next_configuration() {
    let world = world();
    let known = world.open(&[&world.lower], noon());
    give(&known, 0, &list(&world.lower, &[&world.leaf], noon()), noon());
    std::fs::remove_dir_all(world.folder()).unwrap();
    let settings = world.settings(&[&world.root, &world.lower]);
    let next = Revocation::open(&settings, Some(&known), noon()).unwrap();
    assert_eq!(world.judge(&next, noon()), Err("cert-revoked"));
}

#[test]
fn an_anchor_without_a_section_is_not_asked_and_below_one_with_it_all_are() {
    let world = world();
    // Nobody: nothing is said.
    assert_eq!(world.judge(&world.open(&[], noon()), noon()), Ok(vec!["not-checked"; 2]));
    // Only the issuer of the leaf: the anchor says nothing of the issuer.
    let known = world.open(&[&world.lower], noon());
    give(&known, 0, &list(&world.lower, &[], noon()), noon());
    assert_eq!(world.judge(&known, noon()), Ok(vec!["good", "not-checked"]));
    // Only the anchor: an issuer below it that nobody asks makes its certificates unknown.
    let known = world.open(&[&world.root], noon());
    give(&known, 0, &list(&world.root, &[], noon()), noon());
    assert_eq!(world.judge(&known, noon()), Ok(vec!["unknown", "good"]));
    let late = noon() + DAY - HOUR / 2;
    assert_eq!(world.judge(&known, late), Ok(vec!["unknown", "good"]));
    assert_eq!(world.judge(&known, noon() + DAY + HOUR), Err("cert-revocation-unknown"));
}

#[test]
fn a_policy_has_a_grace_of_its_own() {
    let world = world();
    let known = world.open(&[&world.root], noon());
    let judge = |hours, at| {
        let policy = SignaturePolicy { revocation_grace_hours: hours, ..SignaturePolicy::strict() };
        known.judge(&world.chain(), at, SignedDuration::ZERO, &policy).is_ok()
    };
    let verdicts = [None, Some(1), Some(48)].map(|hours| judge(hours, noon() + 2 * HOUR));
    assert_eq!(verdicts, [true, false, true]);
    let verdicts = [None, Some(1), Some(48)].map(|hours| judge(hours, noon() + DAY + HOUR));
    assert_eq!(verdicts, [false, false, true]);
}

#[test]
fn facts_say_which_list_and_how_long_unknown_is_taken() {
    let world = world();
    let known = world.open(&[&world.root, &world.lower], noon());
    let says = |known: &Revocation, at| {
        let strict = SignaturePolicy::strict();
        super::says(&known.judge(&world.chain(), at, SignedDuration::ZERO, &strict).unwrap())
    };
    let bytes = list(&world.root, &[], noon());
    give(&known, 0, &bytes, noon());
    let said = says(&known, noon());
    assert_eq!(said[0]["certificate"], world.leaf.certificate.fingerprint().to_string());
    assert_eq!((&said[0]["status"], &said[0]["why"]), (&json!("unknown"), &json!("no-list")));
    assert_eq!(said[0]["unknown_since"], "2026-11-24T12:00:00Z");
    assert_eq!(said[0]["grace_ends"], "2026-11-25T12:00:00Z");
    assert_eq!(said[1]["status"], "good");
    let digest = onepoint_certs::Fingerprint::of(&bytes).to_string();
    assert_eq!(
        said[1]["list"],
        json!({
            "sha256": digest, "number": "07",
            "this_update": "2026-11-24T11:00:00Z", "next_update": "2026-11-25T12:00:00Z",
        })
    );
    // The lists ended: unknown since then, and the list that ended is named.
    let stale = says(&known, noon() + DAY);
    assert_eq!(stale[1]["status"], "good");
    let known = world.open(&[&world.root], noon());
    let stale = super::says(
        &known
            .judge(
                &world.chain(),
                noon() + DAY,
                SignedDuration::ZERO,
                &SignaturePolicy { revocation_grace_hours: Some(100), ..SignaturePolicy::strict() },
            )
            .unwrap(),
    );
    assert_eq!(stale[0]["why"], "no-list");
    assert_eq!(super::says(&[]), json!("not-checked"));
    let states = known.states(noon() + DAY + HOUR);
    assert_eq!(states[0].unknown_since, Some(noon() + DAY));
    assert_eq!(known.states(noon())[0].unknown_since, None);
    assert!(Path::new(&world.folder()).exists());
}
