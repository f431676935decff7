//! Certificates of countersignatures as two programs see them. In: receipts whose
//! checkpoint is countersigned under good and bad chains, with anchors or without.
//! Out: the findings of `onepoint verify` and of `receipt_verify.py`; they have to
//! be the same, one by one, and to name the fault that was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use onepoint_certs::testpki::{CaSpec, ExtendedUsage, Usage};
use onepoint_certs::{Certificate, SigningKey};
use onepoint_conformance::zone::onepoint;

use super::*;

/// Long past by any clock: 2025-01-15T00:00:00Z, in seconds.
const DAY: i64 = 1_736_899_200;
const YEAR: i64 = 31_536_000;

fn about() -> Fact {
    Fact::new(FactKind::ACCEPTED, DAY * 1000 - 7)
}

fn valid(from: i64, until: i64) -> Validity {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    Validity { from: at(from), until: at(until) }
}

fn long() -> Validity {
    valid(DAY - YEAR, DAY + YEAR)
}

fn root(kind: KeyKind) -> TestCa {
    TestCa::new("Test Root", kind, long()).unwrap()
}

fn spec() -> LeafSpec {
    LeafSpec::signer("gateway.example.com", "测试口岸", KeyKind::P256, long())
}

/// One receipt, the anchors given, and how the check of the certificate has to end.
struct Case {
    name: String,
    receipt: Vec<u8>,
    anchors: Option<String>,
    code: Option<&'static str>,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: &str, root: &TestCa, issued: &Issued, code: &'static str) {
        self.at(name, root, (&issued.key, &issued.chain), DAY, code);
    }

    fn at(
        &mut self,
        name: &str,
        root: &TestCa,
        (key, chain): (&SigningKey, &[Certificate]),
        second: i64,
        code: &'static str,
    ) {
        let receipt = countersign(about(), key, chain, second * 1000 + 999);
        self.raw(name, &receipt, Some(root), Some(code));
    }

    fn raw(
        &mut self,
        name: &str,
        receipt: &Receipt,
        root: Option<&TestCa>,
        code: Option<&'static str>,
    ) {
        let anchors = root.map(|root| root.certificate_pem().to_owned());
        let receipt = receipt.to_json().unwrap().into_bytes();
        self.0.push(Case { name: name.to_owned(), receipt, anchors, code });
    }

    /// Both verifiers agree, and the last finding is as expected.
    fn compare(&self) {
        let key = signer().verifier().to_string();
        let now = jiff::Timestamp::now().as_millisecond();
        let cases = self.0.iter().map(|case| {
            let receipt = encode(&case.receipt);
            json!({"receipt": receipt, "keys": [key], "message": null, "now": now, "anchors": case.anchors})
        });
        let theirs = python(cases.collect());
        let mut differing = Vec::new();
        let folder = tempfile::tempdir().unwrap();
        for (case, theirs) in self.0.iter().zip(&theirs) {
            let ours = verify(folder.path(), &key, case);
            let last = ours.last().unwrap();
            let right = case.code.is_none_or(|code| *last == json!([code == "certificate", code]));
            if ours != *theirs || !right {
                let name = &case.name;
                differing.push(format!("{name}:\n  ours   {ours:?}\n  python {theirs:?}"));
            }
        }
        let count = self.0.len();
        assert!(differing.is_empty(), "{} of {count}:\n{}", differing.len(), differing.join("\n"));
    }
}

/// What `onepoint verify` finds; its exit code is 0 when every check passed.
fn verify(folder: &Path, key: &str, case: &Case) -> Vec<Value> {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut command = Command::new(onepoint());
    command.arg("verify").arg(file("receipt.json", &case.receipt)).args([
        "--json",
        "--log-key",
        key,
    ]);
    if let Some(anchors) = &case.anchors {
        command.arg("--anchors").arg(file("anchors.pem", anchors.as_bytes()));
    }
    let done = command.output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let good = findings.iter().all(|finding| finding["ok"] == true);
    assert_eq!(done.status.code(), Some(i32::from(!good)), "{}", case.name);
    for finding in findings {
        assert!(!finding["en"].as_str().unwrap().is_empty(), "{finding}");
        assert!(!finding["zh"].as_str().unwrap().is_empty(), "{finding}");
    }
    findings.iter().map(|finding| json!([finding["ok"], finding["code"]])).collect()
}

#[test]
fn good_chains_hold_and_need_their_anchors() {
    let mut cases = Cases::default();
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Ed25519] {
        let root = root(kind);
        let direct = root.issue(&spec()).unwrap();
        cases.add("below the root", &root, &direct, "certificate");
        let issuer = root.intermediate("Test Issuer", kind, long()).unwrap();
        let second = issuer.intermediate("Test Second Issuer", KeyKind::P256, long()).unwrap();
        let issued = second.issue(&LeafSpec { key: KeyKind::Rsa2048, ..spec() }).unwrap();
        cases.add("below two issuers", &root, &issued, "certificate");
        let mut chain = issued.chain.clone();
        chain[1..].reverse();
        chain.insert(1, direct.certificate.clone());
        chain.push(root.certificate().clone());
        let key = &issued.key;
        cases.at("any order, a stranger, the root", &root, (key, &chain), DAY, "certificate");
        let mut receipt = countersign(about(), key, &issued.chain, DAY * 1000);
        receipt.chain.insert(1, b"x".to_vec());
        cases.raw("one that cannot be read", &receipt, Some(&root), Some("certificate"));
        cases.raw("no anchors", &receipt, None, Some("chain-not-checked"));
        let other = self::root(kind);
        cases.raw("other anchors", &receipt, Some(&other), Some("certificate-untrusted"));
        receipt.chain.truncate(3);
        cases.raw("an issuer gone", &receipt, Some(&root), Some("certificate-untrusted"));
    }
    let plain = receipt(about(), 300, 333).0;
    cases.raw("no countersignature", &plain, Some(&root(KeyKind::P256)), None);
    cases.compare();
}

#[test]
fn the_time_of_the_countersignature_is_what_counts() {
    let mut cases = Cases::default();
    let root = root(KeyKind::P256);
    let issued = root.issue(&LeafSpec { validity: valid(DAY, DAY + 60), ..spec() }).unwrap();
    for (second, code) in [
        (DAY - 301, "certificate-not-yet-valid"),
        (DAY - 300, "certificate"),
        (DAY, "certificate"),
        (DAY + 60, "certificate"),
        (DAY + 360, "certificate"),
        (DAY + 361, "certificate-expired"),
    ] {
        // The fact is older than all of these, so that only the certificate is at fault.
        let receipt = countersign(
            Fact::new(FactKind::ACCEPTED, (DAY - 1000) * 1000),
            &issued.key,
            &issued.chain,
            second * 1000 + 999,
        );
        cases.raw(&format!("at {}", second - DAY), &receipt, Some(&root), Some(code));
    }
    for (name, validity) in
        [("expired", valid(DAY - YEAR, DAY - 1)), ("not yet", valid(DAY + 1, DAY + YEAR))]
    {
        let issuer = root.intermediate("Test Issuer", KeyKind::P256, validity).unwrap();
        cases.add(name, &root, &issuer.issue(&spec()).unwrap(), "certificate-untrusted");
        let root = TestCa::new("Test Root", KeyKind::P256, validity).unwrap();
        cases.add(name, &root, &root.issue(&spec()).unwrap(), "certificate-untrusted");
    }
    cases.compare();
}

#[test]
fn certificates_for_other_uses_do_not_countersign() {
    let mut cases = Cases::default();
    let root = root(KeyKind::Rsa2048);
    let with = |usage: &[Usage], extended: &[ExtendedUsage]| {
        let spec = LeafSpec { usage: usage.to_vec(), extended: extended.to_vec(), ..spec() };
        root.issue(&spec).unwrap()
    };
    for usage in [&[][..], &[Usage::DigitalSignature], &[Usage::NonRepudiation]] {
        cases.add("may sign", &root, &with(usage, &[]), "certificate");
        for extended in [ExtendedUsage::ClientAuth, ExtendedUsage::DocumentSigning] {
            cases.add("may sign", &root, &with(usage, &[extended]), "certificate");
        }
        let server = with(usage, &[ExtendedUsage::ServerAuth]);
        cases.add("a web server", &root, &server, "certificate-usage");
    }
    cases.add("for keys", &root, &with(&[Usage::KeyEncipherment], &[]), "certificate-usage");
    let ca = root.intermediate("Test Issuer", KeyKind::P256, long()).unwrap();
    let chain = [ca.certificate().clone()];
    cases.at("a CA", &root, (ca.key(), &chain), DAY, "certificate-usage");
    let sha1 = LeafSpec { signed_with_sha1: true, ..spec() };
    cases.add("SHA-1", &root, &root.issue(&sha1).unwrap(), "certificate-untrusted");
    let plain = || CaSpec::new("Test Issuer", long());
    let usage = vec![Usage::CrlSign];
    let extended = vec![ExtendedUsage::ServerAuth];
    for (name, spec) in [
        ("issuer for lists only", CaSpec { usage, ..plain() }),
        ("issuer for web servers", CaSpec { extended, ..plain() }),
        ("issuer is no CA", CaSpec { ca: false, ..plain() }),
    ] {
        let issuer = root.intermediate_with(&spec, KeyKind::P256.generate().unwrap()).unwrap();
        let issued = issuer.issue(&self::spec()).unwrap();
        cases.add(name, &root, &issued, "certificate-untrusted");
    }
    let short = CaSpec { path_len: Some(0), ..plain() };
    let short = root.intermediate_with(&short, KeyKind::P256.generate().unwrap()).unwrap();
    cases.add("path length kept", &root, &short.issue(&spec()).unwrap(), "certificate");
    let below = short.intermediate("Test Second Issuer", KeyKind::P256, long()).unwrap();
    cases.add("path too long", &root, &below.issue(&spec()).unwrap(), "certificate-untrusted");
    cases.compare();
}

#[test]
fn any_changed_byte_of_an_issuer_is_seen_alike() {
    let mut cases = Cases::default();
    let root = root(KeyKind::P256);
    let issuer = root.intermediate("Test Issuer", KeyKind::P256, long()).unwrap();
    let issued = issuer.issue(&spec()).unwrap();
    let good = countersign(about(), &issued.key, &issued.chain, DAY * 1000);
    for at in (0..good.chain[1].len()).step_by(11) {
        let mut bad = good.clone();
        bad.chain[1][at] ^= 1;
        cases.raw(&format!("byte {at}"), &bad, Some(&root), Some("certificate-untrusted"));
    }
    cases.compare();
}
