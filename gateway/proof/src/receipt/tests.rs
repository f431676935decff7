//! Receipts with every member, every hash and any byte altered: each fault has
//! its code, and what is good stays good.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::builder::Tiles;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::countersign::tests::Gateway;
use crate::hash::leaf_hash;
use crate::leaf::FactKind;
use crate::note::{LogSigner, LogVerifier};

const ORIGIN: &str = "log.example.com/2026";
/// 2026-11-24T00:00:00.123Z.
const TIME: i64 = 1_795_478_400_123;
const MESSAGE: &[u8] = b"<CEB311Message/>";
const INDEX: u64 = 300;

fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[5; 32]).unwrap()
}

fn keys() -> Vec<LogVerifier> {
    vec![signer().verifier().clone()]
}

fn fact() -> Fact {
    Fact::new(FactKind::ACCEPTED, TIME)
        .set("sender", "testjia")
        .set("content", Hash::of(b"document").to_hex())
        .set("digest", json!({"sha256": Hash::of(MESSAGE).to_hex()}))
        .set("name", "测试甲公司 \"\u{1}\"")
}

/// A receipt for a fact at index 300 of 333, and the checkpoint it stands under.
fn receipt_for(fact: Fact) -> (Receipt, SignedCheckpoint) {
    let nonce = Nonce::new([9; 32]);
    let (_, leaf) = fact.commit(&nonce).unwrap();
    let (mut tiles, mut full) = (Tiles::new(), Vec::new());
    for index in 0..333u64 {
        let other = leaf_hash(&index.to_be_bytes());
        tiles.append(if index == INDEX { leaf.hash() } else { other }, &mut full);
    }
    let head = Checkpoint::new(ORIGIN, tiles.size(), tiles.root()).sign(&signer()).unwrap();
    let receipt = Receipt {
        origin: ORIGIN.to_owned(),
        fact,
        nonce,
        index: INDEX,
        proof: tiles.inclusion(INDEX).unwrap(),
        checkpoint: head.to_string(),
        chain: Vec::new(),
    };
    (receipt, head)
}

fn receipt() -> Receipt {
    receipt_for(fact()).0
}

/// A receipt whose checkpoint is countersigned at `time_ms`.
fn countersigned(time_ms: i64) -> Receipt {
    let (mut receipt, mut head) = receipt_for(fact());
    let gateway = Gateway::new();
    gateway.countersign(&mut head, time_ms);
    receipt.checkpoint = head.to_string();
    receipt.chain = vec![gateway.certificate, b"issuer".to_vec()];
    receipt
}

fn options() -> VerifyOptions<'static> {
    VerifyOptions { message: Some(MESSAGE), now_ms: Some(TIME + 1000) }
}

fn faults(bytes: &[u8]) -> Vec<&'static str> {
    let report = verify_receipt(bytes, &keys(), &options());
    assert_eq!(report.ok(), report.faults().next().is_none());
    report.faults().collect()
}

/// Faults of a receipt of which one member was set.
fn with(name: &str, value: Value) -> Vec<&'static str> {
    altered(&receipt(), |object| {
        object.insert(name.to_owned(), value.clone());
    })
}

fn altered(
    receipt: &Receipt,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Vec<&'static str> {
    let mut object: serde_json::Map<String, Value> =
        serde_json::from_str(&receipt.to_json().unwrap()).unwrap();
    change(&mut object);
    faults(Value::Object(object).to_string().as_bytes())
}

#[test]
fn a_good_receipt_passes_every_check() {
    let json = receipt().to_json().unwrap();
    assert_eq!(json, receipt().to_json().unwrap());
    assert!(
        json.starts_with("{\n  \"format\": \"onepoint-receipt/1\",\n  \"level\": \"signed\",\n")
    );
    assert!(json.ends_with("\"chain\": []\n}\n"));
    assert_eq!(Receipt::parse_unverified(json.as_bytes()), Ok(receipt()));
    let report = verify_receipt(json.as_bytes(), &keys(), &options());
    let codes: Vec<_> = report.findings().iter().map(|f| f.code).collect();
    let expected = [
        "format",
        "fields",
        "level",
        "origin",
        "fact",
        "nonce",
        "leaf",
        "index",
        "proof",
        "checkpoint",
        "chain",
        "leaf-kind",
        "leaf-time",
        "commitment",
        "checkpoint-origin",
        "inclusion",
        "log-key",
        "log-signature",
        "countersignature-none",
        "time",
        "digest",
        "message",
    ];
    assert_eq!(codes, expected);
    assert!(report.ok());
    assert_eq!(report.fact(), Some(&fact()));
    assert_eq!(report.checkpoint().unwrap().size, 333);
    assert!(report.countersigned().is_none() && report.chain().is_empty());
    for finding in report.findings() {
        assert!(finding.en.is_ascii() && !finding.zh.is_ascii(), "{finding:?}");
        assert_ne!(finding.en, "the check failed");
    }
    assert_eq!(report.to_value()["ok"], json!(true));
    assert_eq!(report.to_value()["findings"][0]["code"], json!("format"));
}

#[test]
fn spelling_and_order_are_free_for_readers() {
    let object: Value = serde_json::from_str(&receipt().to_json().unwrap()).unwrap();
    assert_eq!(faults(object.to_string().as_bytes()), [""; 0]);
    let crlf = receipt().to_json().unwrap().replace('\n', "\r\n");
    assert_eq!(faults(crlf.as_bytes()), [""; 0]);
}

#[test]
fn a_file_that_is_no_receipt_has_one_finding() {
    let json = receipt().to_json().unwrap();
    assert_eq!(faults(&vec![b' '; MAX_RECEIPT_BYTES + 1]), ["receipt-too-large"]);
    assert_eq!(faults(b""), ["receipt-not-json"]);
    assert_eq!(faults(b"[]"), ["receipt-not-json"]);
    assert_eq!(faults(json.replace("300", "300.0").as_bytes()), ["receipt-not-json"]);
    let twice = json.replacen('{', "{\"level\": \"witnessed\",", 1);
    assert_eq!(faults(twice.as_bytes()), ["receipt-not-json"]);
    assert_eq!(with("format", json!("onepoint-receipt/2")), ["receipt-format-unsupported"]);
    assert_eq!(with("format", json!(1)), ["receipt-format-unsupported"]);
    assert_eq!(faults(b"{}"), ["receipt-format-unsupported"]);
}

#[test]
fn every_missing_or_mistyped_member_has_its_code() {
    for (name, code) in [
        ("level", "level-unsupported"),
        ("origin", "origin-malformed"),
        ("fact", "fact-not-json"),
        ("nonce", "nonce-malformed"),
        ("leaf", "leaf-malformed"),
        ("index", "index-malformed"),
        ("proof", "proof-malformed"),
        ("checkpoint", "note-malformed"),
        ("chain", "chain-malformed"),
    ] {
        let missing = altered(&receipt(), |object| {
            object.remove(name);
        });
        assert_eq!(missing, [code]);
        assert_eq!(with(name, json!(true)), [code]);
    }
    assert_eq!(with("more", json!(1)), ["receipt-field-unknown"]);
    assert_eq!(with("level", json!("witnessed")), ["level-unsupported"]);
    assert_eq!(with("level", json!("timestamped")), ["level-unsupported"]);
    assert_eq!(with("index", json!(-1)), ["index-malformed"]);
    assert_eq!(with("proof", json!(["x"])), ["proof-malformed"]);
    assert_eq!(with("proof", json!(vec![Hash::EMPTY_ROOT.to_base64(); 129])), ["proof-malformed"]);
    assert_eq!(with("nonce", json!(encode_base64(&[9; 31]))), ["nonce-malformed"]);
    assert_eq!(with("chain", json!(["="])), ["chain-malformed"]);
    assert_eq!(with("chain", json!([""])), ["chain-malformed"]);
    assert_eq!(with("chain", json!([encode_base64(&[1; 16385])])), ["chain-malformed"]);
    assert_eq!(with("chain", json!(vec!["AAAA"; 9])), ["chain-malformed"]);
}

#[test]
fn every_altered_member_has_its_code() {
    assert_eq!(
        with("origin", json!("log.example.com/2027")),
        ["checkpoint-of-another-log", "log-unknown"]
    );
    assert_eq!(with("nonce", json!(encode_base64(&[8; 32]))), ["commitment-differs"]);
    assert_eq!(with("index", json!(299)), ["root-mismatch"]);
    assert_eq!(with("index", json!(332)), ["proof-length-wrong"]);
    assert_eq!(with("index", json!(333)), ["index-out-of-range"]);
    let leaf = receipt().fact.commit(&receipt().nonce).unwrap().1.to_string();
    for (from, to, codes) in [
        ("leaf/1", "leaf/2", &["leaf-format-unsupported"][..]),
        ("accepted", "refused", &["leaf-kind-differs", "root-mismatch"]),
        ("accepted", "ACCEPTED", &["leaf-kind-malformed"]),
        ("123 ", "124 ", &["leaf-time-differs", "root-mismatch"]),
        ("123 ", "x ", &["leaf-time-malformed"]),
        ("=", "", &["leaf-commitment-malformed"]),
    ] {
        assert_eq!(with("leaf", json!(leaf.replace(from, to))), codes);
    }
    let (head, _) = leaf.rsplit_once(' ').unwrap();
    let zero = Hash::EMPTY_ROOT.to_base64();
    let swapped = with("leaf", json!(format!("{head} {zero}")));
    assert_eq!(swapped, ["commitment-differs", "root-mismatch"]);
}

#[test]
fn every_altered_member_of_the_fact_has_its_code() {
    let member = |name: &str, value: Value| {
        altered(&receipt(), |object| {
            object["fact"][name] = value;
        })
    };
    assert_eq!(member("sender", json!("testyi")), ["commitment-differs"]);
    assert_eq!(member("content", json!("ab".repeat(32))), ["commitment-differs"]);
    assert_eq!(member("more", json!(1)), ["commitment-differs"]);
    assert_eq!(
        member("digest", json!({"sha256": "ab".repeat(32)})),
        ["commitment-differs", "message-differs"]
    );
    assert_eq!(member("kind", json!("refused")), ["leaf-kind-differs", "commitment-differs"]);
    let moved = member("time", json!("2026-11-24T00:00:00.124Z"));
    assert_eq!(moved, ["leaf-time-differs", "commitment-differs"]);
    assert_eq!(member("v", json!(2)), ["fact-version"]);
    assert_eq!(member("kind", json!("")), ["fact-kind"]);
    assert_eq!(member("time", json!("2026-11-24")), ["fact-time"]);
    assert_eq!(member("a b", json!(1)), ["fact-value"]);
    assert_eq!(member("more", json!("x".repeat(70_000))), ["fact-too-large"]);
}

#[test]
fn every_altered_hash_of_the_proof_is_noticed() {
    let good = receipt();
    assert!(good.proof.len() >= 6);
    for place in 0..good.proof.len() {
        let mut bad = good.clone();
        bad.proof[place] = Hash::EMPTY_ROOT;
        assert_eq!(faults(bad.to_json().unwrap().as_bytes()), ["root-mismatch"]);
        bad.proof.remove(place);
        assert_eq!(faults(bad.to_json().unwrap().as_bytes()), ["proof-length-wrong"]);
        let mut bad = good.clone();
        bad.proof.insert(place, Hash::EMPTY_ROOT);
        assert_eq!(faults(bad.to_json().unwrap().as_bytes()), ["proof-length-wrong"]);
    }
}

#[test]
fn every_altered_line_of_the_checkpoint_has_its_code() {
    let note = receipt().checkpoint;
    let change = |from: &str, to: &str| with("checkpoint", json!(note.replacen(from, to, 1)));
    let root = note.lines().nth(2).unwrap();
    assert_eq!(
        change(ORIGIN, "log.example.com/2027"),
        ["checkpoint-of-another-log", "signature-wrong"]
    );
    assert_eq!(change("\n333\n", "\n334\n"), ["signature-wrong"]);
    assert_eq!(change("\n333\n", "\n300\n"), ["index-out-of-range", "signature-wrong"]);
    assert_eq!(change("\n333\n", "\n0333\n"), ["checkpoint-malformed"]);
    let zero = Hash::EMPTY_ROOT.to_base64();
    assert_eq!(change(root, &zero), ["root-mismatch", "signature-wrong"]);
    assert_eq!(change("\u{2014} log.", "\u{2014} lag."), ["signature-missing"]);
    assert_eq!(change("\u{2014} ", "- "), ["note-signature-line"]);
    assert_eq!(change("\n\n", "\n"), ["note-malformed"]);
    assert_eq!(change("333", "33\t3"), ["note-characters"]);
    assert_eq!(change("333", &"3".repeat(200_000)), ["note-too-large"]);
    let line = note.lines().last().unwrap();
    let many = format!("{note}{}", format!("{line}\n").repeat(32));
    assert_eq!(with("checkpoint", json!(many)), ["note-too-many-signatures"]);
    // A wrong signature with the name and id of the log's key.
    let mut payload = crate::hash::decode_base64(line.rsplit(' ').next().unwrap()).unwrap();
    payload[4] ^= 1;
    let wrong = format!("\u{2014} {ORIGIN} {}", encode_base64(&payload));
    assert_eq!(change(line, &wrong), ["signature-wrong"]);
    payload[0] ^= 1;
    let unknown = format!("\u{2014} {ORIGIN} {}", encode_base64(&payload));
    assert_eq!(change(line, &unknown), ["signature-missing"]);
}

#[test]
fn a_forked_checkpoint_or_one_of_another_log_is_noticed() {
    let mut forked = receipt();
    let other = Checkpoint::new(ORIGIN, 333, Hash::EMPTY_ROOT).sign(&signer()).unwrap();
    forked.checkpoint = other.to_string();
    assert_eq!(faults(forked.to_json().unwrap().as_bytes()), ["root-mismatch"]);

    let stranger = LogSigner::from_seed("other.example.com", &[5; 32]).unwrap();
    let head = SignedCheckpoint::parse_unverified(receipt().checkpoint.as_bytes()).unwrap();
    let head = head.checkpoint();
    let mut moved = receipt();
    moved.origin = "other.example.com".to_owned();
    moved.checkpoint = Checkpoint::new("other.example.com", head.size, head.root)
        .sign(&stranger)
        .unwrap()
        .to_string();
    let json = moved.to_json().unwrap();
    assert_eq!(faults(json.as_bytes()), ["log-unknown"]);
    let trusting = verify_receipt(json.as_bytes(), &[stranger.verifier().clone()], &options());
    assert!(trusting.ok());
}

#[test]
fn any_of_several_keys_of_a_log_will_do() {
    let json = receipt().to_json().unwrap();
    let newer = LogSigner::from_seed(ORIGIN, &[6; 32]).unwrap().verifier().clone();
    let verdict = |keys: &[LogVerifier]| {
        let report = verify_receipt(json.as_bytes(), keys, &options());
        report.faults().collect::<Vec<_>>()
    };
    assert_eq!(verdict(&[newer.clone(), keys()[0].clone()]), [""; 0]);
    assert_eq!(verdict(&[newer]), ["signature-missing"]);
    assert_eq!(verdict(&[]), ["log-unknown"]);
}

#[test]
fn countersigned_receipts_are_checked_as_such() {
    let good = countersigned(TIME + 10);
    let json = good.to_json().unwrap();
    let report = verify_receipt(json.as_bytes(), &keys(), &options());
    assert!(report.ok(), "{:?}", report.faults().collect::<Vec<_>>());
    assert_eq!(report.countersigned().unwrap().time_ms, TIME + 10);
    assert_eq!(report.chain(), good.chain);

    let mut stripped = good.clone();
    stripped.checkpoint = receipt().checkpoint;
    assert_eq!(faults(stripped.to_json().unwrap().as_bytes()), ["countersignature-missing"]);
    let mut broken = good.clone();
    broken.chain[0].truncate(20);
    assert_eq!(faults(broken.to_json().unwrap().as_bytes()), ["certificate-malformed"]);
    let mut renamed = good.clone();
    let at = renamed.chain[0].windows(3).position(|w| w == [2, 1, 7]).unwrap();
    renamed.chain[0][at + 2] = 8;
    assert_eq!(faults(renamed.to_json().unwrap().as_bytes()), ["countersignature-wrong"]);
    let mut unchained = good;
    unchained.chain.clear();
    assert_eq!(faults(unchained.to_json().unwrap().as_bytes()), [""; 0]);

    let early = countersigned(TIME - CLOCK_TOLERANCE_MS - 1).to_json().unwrap();
    assert_eq!(faults(early.as_bytes()), ["countersignature-too-early"]);
    let skewed = countersigned(TIME - CLOCK_TOLERANCE_MS).to_json().unwrap();
    assert_eq!(faults(skewed.as_bytes()), [""; 0]);
}

#[test]
fn times_have_to_be_plausible() {
    let json = receipt().to_json().unwrap();
    let at = |now_ms| {
        let options = VerifyOptions { message: None, now_ms };
        verify_receipt(json.as_bytes(), &keys(), &options).faults().collect::<Vec<_>>()
    };
    assert_eq!(at(None), [""; 0]);
    assert_eq!(at(Some(TIME - CLOCK_TOLERANCE_MS)), [""; 0]);
    assert_eq!(at(Some(TIME - CLOCK_TOLERANCE_MS - 1)), ["time-in-future"]);
    assert_eq!(at(Some(i64::MAX)), [""; 0]);
    let old = receipt_for(Fact::new(FactKind::KEY, EARLIEST_TIME_MS - 1)).0.to_json().unwrap();
    let report = verify_receipt(old.as_bytes(), &keys(), &VerifyOptions::default());
    assert_eq!(report.faults().collect::<Vec<_>>(), ["time-too-early"]);
}

#[test]
fn the_message_has_to_be_the_one_in_the_fact() {
    let check = |fact: Fact, message: Option<&[u8]>| {
        let json = receipt_for(fact).0.to_json().unwrap();
        let options = VerifyOptions { message, now_ms: None };
        verify_receipt(json.as_bytes(), &keys(), &options).faults().collect::<Vec<_>>()
    };
    assert_eq!(check(fact(), Some(MESSAGE)), [""; 0]);
    assert_eq!(check(fact(), Some(b"<CEB311Message />")), ["message-differs"]);
    let plain = || Fact::new(FactKind::ACCEPTED, TIME);
    assert_eq!(check(plain(), None), [""; 0]);
    assert_eq!(check(plain(), Some(MESSAGE)), ["message-digest-missing"]);
    assert_eq!(check(plain().set("digest", json!({"sm3": "x"})), None), [""; 0]);
    for digest in [json!("x"), json!({"sha256": 1}), json!({"sha256": "AB".repeat(32)})] {
        assert_eq!(check(plain().set("digest", digest), Some(MESSAGE)), ["digest-malformed"]);
    }
    assert_eq!(check(plain().set("content", "ab"), None), ["digest-malformed"]);
}

#[test]
fn nothing_is_written_that_no_verifier_takes() {
    let code = |receipt: Receipt| receipt.to_json().unwrap_err().code();
    let mut long = receipt();
    long.proof = vec![Hash::EMPTY_ROOT; MAX_PROOF_HASHES + 1];
    assert_eq!(code(long), "receipt-too-large");
    let mut many = receipt();
    many.chain = vec![vec![1]; MAX_CHAIN + 1];
    assert_eq!(code(many), "receipt-too-large");
    let mut big = receipt();
    big.chain = vec![vec![1; MAX_CERTIFICATE_BYTES + 1]];
    assert_eq!(code(big), "receipt-too-large");
    let mut huge = receipt();
    huge.checkpoint = "x".repeat(MAX_RECEIPT_BYTES);
    assert_eq!(code(huge), "receipt-too-large");
    let mut bad = receipt();
    bad.fact = bad.fact.set("v", 1);
    assert_eq!(code(bad), "fact-member-reserved");
    let error = Receipt::parse_unverified(b"{}").unwrap_err();
    assert_eq!(error.code(), "receipt-format-unsupported");
    assert!(error.en().starts_with("not a receipt: ") && !error.zh().is_ascii());
    assert!(!ReceiptError::Fact(FactError::Kind).zh().is_ascii());
    assert!(!ReceiptError::TooLarge { part: "x", found: 2, most: 1 }.zh().is_ascii());
}

#[test]
fn a_check_added_by_the_caller_counts() {
    let json = receipt().to_json().unwrap();
    let mut report = verify_receipt(json.as_bytes(), &keys(), &options());
    report.add(Finding::fail("certificate-expired", String::new()));
    assert!(!report.ok());
    assert!(!Report::new().ok());
    assert_eq!(Level::Witnessed.as_str(), "witnessed");
    assert_eq!(Level::Timestamped.as_str(), "timestamped");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_panic(bytes: Vec<u8>) {
        prop_assert!(!verify_receipt(&bytes, &keys(), &options()).ok());
    }

    #[test]
    fn any_changed_byte_is_noticed_unless_it_means_the_same(at in 0usize..4000, byte: u8) {
        let good = countersigned(TIME).to_json().unwrap();
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if verify_receipt(&bytes, &keys(), &options()).ok() {
            let mut read = Receipt::parse_unverified(&bytes).unwrap();
            let mut was = Receipt::parse_unverified(good.as_bytes()).unwrap();
            // The issuers' certificates are for the caller to check; so are
            // lines by keys nobody knows.
            read.chain.truncate(1);
            was.chain.truncate(1);
            prop_assert_eq!(read, was);
        }
    }
}
