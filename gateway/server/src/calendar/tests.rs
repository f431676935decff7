//! The calendar of a pilot: everything is in it, with its end and whose flows stop, and
//! what would be refused on a day is what intake would refuse then.

use std::path::Path;

use onepoint_certs::zone_day;

use super::refused::refused;
use super::*;
use crate::commands::init::{Pilot, write as write_pilot};
use crate::revocation::Revocation;

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn pilot(folder: &Path) {
    let listen = "127.0.0.1:1".parse().unwrap();
    let pilot = Pilot { folder, listen, amqp: None, url: None, more_certificates: &[] };
    write_pilot(&pilot, now()).unwrap();
}

fn settings(folder: &Path, edit: impl Fn(String) -> String) -> Settings {
    let path = folder.join("onepoint.toml");
    let text = edit(std::fs::read_to_string(&path).unwrap());
    crate::config::compile(&path, &text, &|p| std::fs::read_to_string(p)).unwrap()
}

const MORE: &str = r#"
[[policy]]
name = "ceb-field"
until = "2026-12-31"

[[delegation]]
from = "platform"
to = "declarant"
codes = ["440466T001"]
types = ["CEB621Message"]
valid_from = "2026-01-01"
valid_until = "2027-03-31"
[[legacy]]
form = "haikou"
participant = "logistics"
until = "2027-06-30"
"#;

#[test]
fn everything_that_ends_is_in_it_with_those_whose_flows_stop() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pilot");
    pilot(&folder);
    let settings = settings(&folder, |text| {
        let text = text.replace("id = \"payment\"", "id = \"payment\"\npolicy = \"ceb-field\"");
        let text = text
            .replace("key = \"pki/seal.key\"", "key = \"pki/seal.key\"\nnext = \"pki/seal.pem\"");
        format!("{text}{MORE}")
    });
    let known = Revocation::read(&settings.trust.revocation, now());
    let entries = Calendar::of(&settings).entries(&known.states(now()));
    let count = |kind: &str| entries.iter().filter(|entry| entry.kind == kind).count();
    // Seven certificates of firms, auditor and operator beside them; eleven departments.
    let kinds = ["participant", "department", "issuer", "anchor", "tls", "seal", "seal-next"];
    assert_eq!(kinds.map(count), [9, 11, 1, 2, 1, 1, 1]);
    assert_eq!(["list", "policy", "delegation", "legacy", "key"].map(count), [3, 1, 1, 1, 2]);
    assert!(entries.iter().all(|entry| !entry.en.is_empty() && !entry.zh.is_empty()));
    // The soonest first, what has no end last.
    assert_eq!((entries[0].kind, entries[1].kind), ("policy", "delegation"));
    assert_eq!(entries[0].flows, ["payment"]);
    assert_eq!(entries[0].ends, Some("2026-12-31T15:59:59Z".parse().unwrap()));
    assert_eq!(entries.last().unwrap().ends, None);
    let of = |kind: &str, part: &str| {
        let found = entries.iter().find(|entry| entry.kind == kind && entry.name.contains(part));
        found.unwrap_or_else(|| panic!("{kind} {part}"))
    };
    assert_eq!(of("issuer", "SM2 CA").flows, ["payment"]);
    assert_eq!(of("anchor", "SM2 root").flows, ["payment"]);
    assert_eq!(of("anchor", "OnePoint test CA").flows.len(), 19);
    assert_eq!(of("list", "CN=OnePoint test SM2 CA").flows, ["payment"]);
    assert!(of("list", "CN=OnePoint test CA").en.contains("declarant"));
    assert_eq!(of("tls", "").flows.len(), 19);
    assert!(of("participant", "CN=platform").en.contains("there is no later certificate"));
}

#[test]
fn a_later_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pilot");
    pilot(&folder);
    let ca = |end: &str| std::fs::read_to_string(folder.join(format!("pki/ca.{end}"))).unwrap();
    let ca = onepoint_certs::testpki::TestCa::from_pem(&ca("pem"), &ca("key")).unwrap();
    let validity = onepoint_certs::testpki::Validity {
        from: now(),
        until: now() + SignedDuration::from_hours(24 * 30),
    };
    let party = crate::commands::init::parties::Party::by_id("logistics").unwrap();
    let issued = ca.issue(&crate::commands::init::leaf(party, validity)).unwrap();
    std::fs::write(folder.join("pki/short.pem"), issued.chain_pem()).unwrap();
    let settings = settings(&folder, |text| {
        text.replace("[\"pki/logistics.pem\"]", "[\"pki/short.pem\", \"pki/logistics.pem\"]")
    });
    let entries = Calendar::of(&settings).entries(&[]);
    assert_eq!(entries[0].seconds_left(now()), Some(30 * 86_400));
    assert!(entries[0].en.contains("another certificate is good until 20"), "{}", entries[0].en);
    assert!(entries[0].zh.contains("另有证书"), "{}", entries[0].zh);
}

#[test]
fn a_day_shows_what_would_be_refused_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pilot");
    pilot(&folder);
    let settings = settings(&folder, |text| {
        let text = text.replace("id = \"payment\"", "id = \"payment\"\npolicy = \"ceb-field\"");
        format!("{text}{MORE}")
    });
    let known = Revocation::read(&settings.trust.revocation, now());
    let on = |day: &str| {
        let at = end_of_day(day.parse().unwrap()).unwrap();
        let mut found: Vec<(&str, String)> =
            refused(&settings, &known, at).into_iter().map(|one| (one.code, one.who)).collect();
        found.sort();
        found
    };
    let one = |code, who: &str| (code, who.to_owned());
    assert_eq!(on("2026-11-24"), []);
    assert_eq!(on("2026-12-31"), []);
    assert_eq!(on("2027-01-01"), [one("policy-ended", "payment")]);
    let april = [one("delegation-ended", "declarant"), one("policy-ended", "payment")];
    assert_eq!(on("2027-04-01"), april);
    assert_eq!(
        on("2025-12-31").iter().filter(|(code, _)| *code == "delegation-not-yet").count(),
        1
    );
    // Two years on everything of the pilot has ended: twenty certificates of participants, the
    // door and the seal.
    let end = on("2029-01-01");
    let expired = end.iter().filter(|(code, _)| *code == "cert-expired");
    assert_eq!(expired.count(), 22);
    assert!(end.contains(&one("cert-expired", "everybody")));
    assert_eq!(zone_day(end_of_day("2027-04-01".parse().unwrap()).unwrap()).day(), 1);
}

/// Lists that end before the certificates: the grace goes on after them, and then nothing is
/// taken.
#[test]
fn lists_without_a_successor_refuse_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("pilot");
    pilot(&folder);
    let settings = settings(&folder, |text| text);
    let read = |end: &str| std::fs::read_to_string(folder.join(format!("pki/ca.{end}"))).unwrap();
    let ca = onepoint_certs::testpki::TestCa::from_pem(&read("pem"), &read("key")).unwrap();
    let validity = onepoint_certs::testpki::Validity {
        from: now(),
        until: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    let list = crate::commands::init::list(&ca, &[], 3, validity).unwrap();
    std::fs::write(folder.join("pki/ca.crl"), list).unwrap();
    let known = Revocation::read(&settings.trust.revocation, now());
    let on = |day: &str| {
        let found = refused(&settings, &known, end_of_day(day.parse().unwrap()).unwrap());
        found.iter().filter(|one| one.code == "cert-revocation-unknown").count()
    };
    assert_eq!([on("2026-12-01"), on("2026-12-03"), on("2026-12-04")], [0, 0, 19]);
    let entries = Calendar::of(&settings).entries(&known.states(now()));
    assert_eq!((entries[0].kind, entries[0].flows.len()), ("list", 19));
    assert!(entries[0].en.contains("refused from 2026-12-04T00:00:00Z"), "{}", entries[0].en);
}
