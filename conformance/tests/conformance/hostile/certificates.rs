//! Certificates that a participant may not sign with though they are registered for it: out
//! of their days, of the wrong usage, under an issuer that is no CA or that only its own
//! child vouches for; and a delegation that ended yesterday. Each is refused by name over
//! the public port, and what is within the clock tolerance is taken.

use std::fs;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{CaSpec, Issued, KeyKind, LeafSpec, TestCa, Usage, Validity};
use onepoint_conformance::zone::{Setup, Zone};

use super::{Case, check, payment, sign};
use crate::intake::order;
use crate::reload::{ca, edit, keep};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn days(from: Timestamp, until: Timestamp) -> Validity {
    Validity { from, until }
}

fn leaf(validity: Validity) -> LeafSpec {
    LeafSpec::signer("platform", "测试电商平台甲公司", KeyKind::P256, validity)
}

/// Issuers that certify each other: the way from the leaf has no end.
fn looped(usual: Validity) -> Issued {
    let (a, b) = (KeyKind::P256.generate().unwrap(), KeyKind::P256.generate().unwrap());
    let copy = |key: &onepoint_certs::SigningKey| {
        onepoint_certs::SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap()
    };
    let spec = |name| CaSpec::new(name, usual);
    let (root_a, root_b) =
        (TestCa::root(&spec("A"), copy(&a)).unwrap(), TestCa::root(&spec("B"), copy(&b)).unwrap());
    let (b_by_a, a_by_b) =
        (root_a.intermediate_with(&spec("B"), b), root_b.intermediate_with(&spec("A"), a));
    let mut issued = b_by_a.unwrap().issue(&leaf(usual)).unwrap();
    issued.chain.push(a_by_b.unwrap().certificate().clone());
    issued
}

/// Name of its files, and the code that it has to be refused with.
fn made(ca: &TestCa) -> Vec<(&'static str, Issued, &'static str)> {
    let now = Timestamp::now();
    let usual = days(now - HOUR, now + HOUR);
    let of = |validity| ca.issue(&leaf(validity)).unwrap();
    let under = |spec: CaSpec| {
        let issuer = ca.intermediate_with(&spec, KeyKind::P256.generate().unwrap()).unwrap();
        issuer.issue(&leaf(usual)).unwrap()
    };
    let wrong = LeafSpec { usage: vec![Usage::KeyAgreement], ..leaf(usual) };
    let over = under(CaSpec::new("over", days(now - 2 * HOUR, now - HOUR)));
    vec![
        ("expired", of(days(now - 2 * HOUR, now - HOUR)), "cert-expired"),
        ("not-yet", of(days(now + HOUR, now + 2 * HOUR)), "cert-not-yet-valid"),
        ("usage", ca.issue(&wrong).unwrap(), "cert-wrong-usage"),
        ("no-ca", under(CaSpec { ca: false, ..CaSpec::new("no CA", usual) }), "cert-issuer-not-ca"),
        ("issuer-over", over, "cert-expired"),
        ("loop", looped(usual), "cert-unknown-issuer"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registered_certificates_are_judged_all_the_same() {
    let mut zone = Zone::make(&Setup::default());
    let ca = ca(&zone);
    let made = made(&ca);
    let now = Timestamp::now();
    // Ended and beginning within the tolerance of a minute, with room for a slow machine.
    let edges = [
        ("just-over", days(now - HOUR, now - SignedDuration::from_secs(2))),
        ("almost", days(now + SignedDuration::from_secs(40), now + HOUR)),
    ];
    let edges = edges.map(|(name, validity)| (name, ca.issue(&leaf(validity)).unwrap()));
    let all = made.iter().map(|(name, issued, _)| (*name, issued));
    let all: Vec<_> = all.chain(edges.iter().map(|(name, issued)| (*name, issued))).collect();
    let mut files = vec!["\"pki/platform.pem\"".to_owned()];
    for (name, issued) in all {
        keep(&zone, name, issued);
        files.push(format!("\"pki/{name}.pem\""));
    }
    let list = format!("certificates = [{}]", files.join(", "));
    edit(&zone, "certificates = [\"pki/platform.pem\"]", &list);
    zone.start_gateway(&[]);
    let client = zone.client("platform");
    for (n, (name, _)) in (200..).zip(&edges) {
        let body = sign(&zone, name, &order(n)).into_bytes();
        let taken = client.post("/v1/messages", "application/xml", body).await.unwrap();
        assert_eq!(taken.status, 200, "{name}: {}", taken.text());
    }
    for (n, (name, _, code)) in (210..).zip(&made) {
        let body = sign(&zone, name, &order(n));
        check(&zone, &Case { what: name, from: "platform", body, status: 403, code }).await;
    }
}

/// The payment firm speaks for the logistics firm, by a delegation whose last day was
/// yesterday, or is today.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delegation_that_ended_yesterday_is_over() {
    let mut zone = Zone::make(&Setup::default());
    let today = Offset::constant(8).to_datetime(Timestamp::now()).date();
    let yesterday = today.yesterday().unwrap();
    let delegation = |until: jiff::civil::Date| {
        format!(
            "\n[[delegation]]\nfrom = \"logistics\"\nto = \"payment\"\ncodes = [\"440466T003\"]\n\
             types = [\"CEB411Message\"]\nvalid_from = \"2026-01-01\"\nvalid_until = \"{until}\"\n"
        )
    };
    let config = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&config).unwrap();
    let named = |n| payment(n).replace("440466T002", "440466T003");
    fs::write(&config, format!("{text}{}", delegation(yesterday))).unwrap();
    zone.start_gateway(&[]);
    let body = sign(&zone, "payment", &named(220));
    assert_ne!(named(220), payment(220), "the example names the payment firm");
    let (what, code) = ("a delegation of yesterday", "delegation-ended");
    check(&zone, &Case { what, from: "payment", body, status: 403, code }).await;
    zone.stop_gateway();
    fs::write(&config, format!("{text}{}", delegation(today.tomorrow().unwrap()))).unwrap();
    zone.start_gateway(&[]);
    let body = sign(&zone, "payment", &named(221)).into_bytes();
    let client = zone.client("payment");
    let taken = client.post("/v1/messages", "application/xml", body).await.unwrap();
    assert_eq!(taken.status, 200, "{}", taken.text());
}
