//! Receipts as two programs see them. In: receipts of a made-up log, good and with
//! every member, every hash and many bytes altered. Out: the findings of
//! `onepoint-proof` and of `conformance/receipt_verify.py`, which was written from
//! FORMATS.md alone; they have to be the same, one by one.

use std::fs;
use std::process::Command;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{SignatureAlgorithm, SigningKey};
use onepoint_conformance::suites::repository;
use onepoint_proof::countersign::CountersignAlgorithm;
use onepoint_proof::{
    Checkpoint, CountersignDraft, Fact, FactKind, Hash, LogSigner, LogVerifier, Nonce, Receipt,
    SignedCheckpoint, Tiles, VerifyOptions, leaf_hash, verify_receipt,
};
use serde_json::{Value, json};

mod chain;

const ORIGIN: &str = "log.example.com/2026";
/// 2026-11-24T00:00:00.123Z.
const TIME: i64 = 1_795_478_400_123;
const MESSAGE: &[u8] = b"<CEB311Message/>";

fn signer() -> LogSigner {
    LogSigner::from_seed(ORIGIN, &[5; 32]).unwrap()
}

fn fact() -> Fact {
    Fact::new(FactKind::ACCEPTED, TIME)
        .set("sender", "testjia")
        .set("name", "测试甲公司 \"\\\u{1}\u{7f}\u{2028}𠮷\"")
        .set("content", Hash::of(b"document").to_hex())
        .set("digest", json!({"sha256": Hash::of(MESSAGE).to_hex(), "other": "x"}))
        .set("list", json!([1, -9_007_199_254_740_991i64, true, {"b": "", "a": [], "B": {}}]))
}

/// A receipt for a fact at `index` of a log of `size` leaves.
fn receipt(fact: Fact, index: u64, size: u64) -> (Receipt, SignedCheckpoint) {
    let nonce = Nonce::new([9; 32]);
    let (_, leaf) = fact.commit(&nonce).unwrap();
    let (mut tiles, mut full) = (Tiles::new(), Vec::new());
    for place in 0..size {
        let other = leaf_hash(&place.to_be_bytes());
        tiles.append(if place == index { leaf.hash() } else { other }, &mut full);
    }
    let head = Checkpoint::new(ORIGIN, size, tiles.root()).sign(&signer()).unwrap();
    let receipt = Receipt {
        origin: ORIGIN.to_owned(),
        fact,
        nonce,
        index,
        proof: tiles.inclusion(index).unwrap(),
        checkpoint: head.to_string(),
        chain: Vec::new(),
    };
    (receipt, head)
}

/// The same, with the checkpoint countersigned by a certificate.
fn countersigned(issued: &Issued, time_ms: i64) -> Receipt {
    countersign(fact(), &issued.key, &issued.chain, time_ms)
}

/// A receipt for `about`, countersigned by the first of `chain`.
fn countersign(
    about: Fact,
    key: &SigningKey,
    chain: &[onepoint_certs::Certificate],
    time_ms: i64,
) -> Receipt {
    let (mut receipt, mut head) = receipt(about, 300, 333);
    let draft = CountersignDraft::new(&head, chain[0].der(), time_ms).unwrap();
    let algorithm = match draft.algorithm() {
        CountersignAlgorithm::EcdsaP256Sha256 => SignatureAlgorithm::EcdsaP256Sha256,
        CountersignAlgorithm::RsaPkcs1Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
    };
    let signature = key.sign(algorithm, draft.message()).unwrap();
    head.note_mut().add(draft.finish(&signature).unwrap()).unwrap();
    receipt.checkpoint = head.to_string();
    receipt.chain = chain.iter().map(|c| c.der().to_vec()).collect();
    receipt
}

/// A gateway's certificate below an intermediate.
fn gateway(kind: KeyKind) -> Issued {
    let at = |text: &str| text.parse().unwrap();
    let validity = Validity { from: at("2026-01-01T00:00:00Z"), until: at("2028-01-01T00:00:00Z") };
    let root = TestCa::new("Test Root", KeyKind::P256, validity).unwrap();
    let issuer = root.intermediate("Test Issuer", KeyKind::P256, validity).unwrap();
    issuer.issue(&LeafSpec::signer("gateway.example.com", "测试口岸", kind, validity)).unwrap()
}

/// What is given besides the receipt.
#[derive(Clone)]
struct Given {
    keys: Vec<LogVerifier>,
    message: Option<&'static [u8]>,
    now_ms: i64,
}

impl Given {
    fn usual() -> Given {
        Given {
            keys: vec![signer().verifier().clone()],
            message: Some(MESSAGE),
            now_ms: TIME + 1000,
        }
    }
}

/// Runs both verifiers over many receipts; they must agree, and the codes of the
/// faults come back.
struct Bench {
    files: Vec<(String, Vec<u8>, Given)>,
}

impl Bench {
    fn new() -> Bench {
        Bench { files: Vec::new() }
    }

    fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.with(name, bytes, Given::usual());
    }

    fn with(&mut self, name: &str, bytes: impl Into<Vec<u8>>, given: Given) {
        self.files.push((name.to_owned(), bytes.into(), given));
    }

    fn compare(&self) {
        let theirs = self.python();
        let mut differing = Vec::new();
        for ((name, bytes, given), theirs) in self.files.iter().zip(&theirs) {
            let options = VerifyOptions { message: given.message, now_ms: Some(given.now_ms) };
            let report = verify_receipt(bytes, &given.keys, &options);
            let mut ours: Vec<_> =
                report.findings().iter().map(|f| json!([f.ok, f.code])).collect();
            // The certificate's chain is the caller's to check; see `chain`.
            if report.countersigned().is_some() {
                ours.push(json!([false, "chain-not-checked"]));
            }
            if ours != *theirs {
                differing.push(format!("{name}:\n  ours   {ours:?}\n  python {theirs:?}"));
            }
        }
        let count = self.files.len();
        assert!(differing.is_empty(), "{} of {count}:\n{}", differing.len(), differing.join("\n"));
    }

    fn python(&self) -> Vec<Vec<Value>> {
        let cases = self.files.iter().map(|(_, bytes, given)| {
            json!({
                "receipt": encode(bytes),
                "keys": given.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "message": given.message.map(encode),
                "now": given.now_ms,
            })
        });
        python(cases.collect())
    }
}

/// Findings of the second verifier, all in one process: starting Python for each
/// would take minutes.
fn python(cases: Vec<Value>) -> Vec<Vec<Value>> {
    let count = cases.len();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.json");
    fs::write(&file, Value::from(cases).to_string()).unwrap();
    let done = Command::new("python3")
        .args(["-B", "-c", DRIVER])
        .arg(repository().join("conformance"))
        .arg(&file)
        .output()
        .expect("python3 starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "receipt_verify.py, which needs {NEEDS}: {errors}");
    let found: Vec<Vec<Value>> = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(found.len(), count);
    found
}

const NEEDS: &str = "Python 3.9 or newer and its package cryptography";

/// Calls the verifier's own `verify` for a list of cases.
const DRIVER: &str = r#"
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import receipt_verify as second
found = []
for case in json.load(open(sys.argv[2])):
    message = case["message"] and base64.b64decode(case["message"])
    keys = [second.read_key(key) for key in case["keys"]]
    anchors = case.get("anchors") and second.x509.load_pem_x509_certificates(case["anchors"].encode())
    found.append(second.verify(base64.b64decode(case["receipt"]), keys, message, case["now"], anchors))
print(json.dumps(found))
"#;

#[test]
fn the_second_verifier_is_a_program_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let keys = file("keys", format!("{}\n", signer().verifier()).as_bytes());
    let (good, _) = receipt(fact(), 300, 333);
    let good = file("good.json", good.to_json().unwrap().as_bytes());
    let run = |message: &[u8], now: i64| {
        let done = Command::new("python3")
            .arg("-B")
            .arg(repository().join("conformance/receipt_verify.py"))
            .arg("--log-key")
            .arg(&keys)
            .arg(&good)
            .arg("--message")
            .arg(file("message", message))
            .args(["--now", &now.to_string()])
            .output()
            .expect("python3 starts");
        assert!(done.stderr.is_empty(), "{NEEDS}: {}", String::from_utf8_lossy(&done.stderr));
        (String::from_utf8(done.stdout).unwrap(), done.status.code())
    };
    let (shown, code) = run(MESSAGE, TIME);
    assert!(shown.starts_with("ok   format\n") && !shown.contains("BAD"), "{shown}");
    assert_eq!(code, Some(0));
    let (shown, code) = run(b"another", TIME);
    assert!(shown.ends_with("BAD  message-differs\n"), "{shown}");
    assert_eq!(code, Some(1));
}

/// The receipt as JSON with a change, in the shortest spelling.
fn changed(receipt: &Receipt, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(&receipt.to_json().unwrap()).unwrap();
    change(&mut value);
    value.to_string()
}

#[test]
fn both_verifiers_accept_good_receipts() {
    let mut bench = Bench::new();
    for (index, size) in [(0, 1), (0, 2), (2, 3), (255, 256), (256, 257), (300, 333), (510, 511)] {
        bench.add("plain", receipt(fact(), index, size).0.to_json().unwrap());
    }
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        bench.add("countersigned", countersigned(&gateway(kind), TIME + 7).to_json().unwrap());
    }
    for (name, bytes, given) in &bench.files {
        let options = VerifyOptions { message: given.message, now_ms: Some(given.now_ms) };
        let report = verify_receipt(bytes, &given.keys, &options);
        assert!(report.ok(), "{name}: {:?}", report.faults().collect::<Vec<_>>());
    }
    bench.compare();
}

#[test]
fn both_verifiers_name_the_same_fault_of_every_member() {
    let good = receipt(fact(), 300, 333).0;
    let mut bench = Bench::new();
    let names = ["format", "level", "origin", "fact", "nonce", "leaf", "index", "proof"];
    for name in names.into_iter().chain(["checkpoint", "chain"]) {
        bench.add(name, changed(&good, |r| drop(r.as_object_mut().unwrap().remove(name))));
        for other in
            [json!(1), json!(true), json!(""), json!("x"), json!([]), json!({}), json!(["x"])]
        {
            bench.add(&format!("{name} {other}"), changed(&good, |r| r[name] = other));
        }
    }
    for name in ["v", "kind", "time", "digest", "content", "sender"] {
        let remove = |r: &mut Value| drop(r["fact"].as_object_mut().unwrap().remove(name));
        bench.add(&format!("fact.{name}"), changed(&good, remove));
        for other in [json!(1), json!(true), json!("x"), json!({}), json!({"sha256": "x"})] {
            bench.add(&format!("fact.{name} {other}"), changed(&good, |r| r["fact"][name] = other));
        }
    }
    for time in [
        "2026-11-24T24:00:00.000Z",
        "2026-11-24T00:00:60.123Z",
        "9999-12-31T23:59:59.999Z",
        "0000-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.000Z",
        "2026-02-29T00:00:00.000Z",
        "２026-11-24T00:00:00.123Z",
        "2019-12-31T23:59:59.999Z",
        "2026-11-24T00:00:00,123Z",
    ] {
        bench.add(time, changed(&good, |r| r["fact"]["time"] = json!(time)));
    }
    for place in 0..good.proof.len() {
        let zero = json!(Hash::EMPTY_ROOT.to_base64());
        bench.add("hash", changed(&good, |r| r["proof"][place] = zero));
        bench.add(
            "hash gone",
            changed(&good, |r| {
                r["proof"].as_array_mut().unwrap().remove(place);
            }),
        );
    }
    for index in [0u64, 299, 301, 332, 333, 1 << 52] {
        bench.add("index", changed(&good, |r| r["index"] = json!(index)));
    }
    bench.compare();
}

#[test]
fn both_verifiers_read_texts_alike() {
    let good = receipt(fact(), 300, 333).0;
    let mut bench = Bench::new();
    let json = good.to_json().unwrap();
    for (from, to) in [
        ("300", "300.0"),
        ("300", "3e2"),
        ("300", "-0"),
        ("300", "0300"),
        ("300", "null"),
        ("300", "NaN"),
        ("300", "9007199254740992"),
        ("300", "99999999999999999999"),
        ("300", "[300"),
        ("\"level\"", "\"level\":\"signed\",\"level\""),
        ("signed", "sign\\u0065d"),
        ("signed", "\\ud800"),
        ("\"chain\": []", "\"chain\": [],"),
        ("{", "\u{feff}{"),
        ("{", " \t\r\n{"),
        ("\"chain\": []", "\"chain\": [], \"more\": 1"),
        ("\"list\"", "\"li st\""),
        ("testjia", "test\tjia"),
        ("testjia", "testj\\u0069a"),
        ("=", ""),
        ("/2026", "/2026+1"),
        ("/2026", "/20 26"),
    ] {
        bench.add(&format!("{from} to {to}"), json.replacen(from, to, 1));
    }
    let nested = |n| format!("{}{}", "[".repeat(n), "]".repeat(n));
    for depth in [15, 16, 17, 2_000] {
        let text = json.replacen("\"testjia\"", &nested(depth), 1);
        bench.add(&format!("depth {depth}"), text);
    }
    bench.add("not utf-8", [json.as_bytes(), b"\xff"].concat());
    bench.add("nothing", "");
    bench.add("large", " ".repeat(1 << 20) + "{}");
    bench.add("large fact", changed(&good, |r| r["fact"]["x"] = json!("x".repeat(65_536))));
    bench.compare();
}

#[test]
fn both_verifiers_read_notes_and_entries_alike() {
    let good = receipt(fact(), 300, 333).0;
    let mut bench = Bench::new();
    let note = &good.checkpoint;
    let line = note.lines().last().unwrap();
    for (from, to) in [
        ("\n333\n", "\n334\n"),
        ("\n333\n", "\n0333\n"),
        ("\n333\n", "\n18446744073709551616\n"),
        ("\n333\n", "\n18446744073709551615\n"),
        ("\n333\n", "\n300\n"),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("\n\n", "\nmore\n\n"),
        ("\n333\n", "\n33\t3\n"),
        ("\u{2014} ", "- "),
        ("\u{2014} log.", "\u{2014} lag."),
        (" log.", " l\u{3000}og."),
        (line, ""),
        (line, "\u{2014} a AAAAAAA="),
        (line, "\u{2014} a AAAAAA=="),
        (line, &format!("\u{2014} a AAAAAAAA\n{line}")),
        (line, &format!("{line}\n{line}")),
        (line, &format!("{line}\n").repeat(33)),
        (line, &format!("{line}\n").repeat(32)),
        ("log.example.com/2026\n", "log.example.com/2027\n"),
        ("log.example.com/2026\n", "\n"),
        (line, &"x".repeat(140_000)),
    ] {
        let text = note.replacen(from, to, 1);
        bench.add(
            &format!("note {from:?} to {to:.40?}"),
            changed(&good, |r| r["checkpoint"] = json!(text)),
        );
    }
    let leaf = fact().commit(&good.nonce).unwrap().1.to_string();
    for (from, to) in [
        ("leaf/1", "leaf/2"),
        ("accepted", "refused"),
        ("accepted", "Accepted"),
        (" ", "  "),
        ("123 ", "124 "),
        ("123 ", "+123 "),
        ("179", "0179"),
        ("=", ""),
        ("accepted", &"a".repeat(200)),
    ] {
        let text = leaf.replacen(from, to, 1);
        bench.add(&format!("leaf {from} to {to}"), changed(&good, |r| r["leaf"] = json!(text)));
    }
    bench.compare();
}

#[test]
fn both_verifiers_judge_keys_messages_and_clocks_alike() {
    let mut bench = Bench::new();
    let json = receipt(fact(), 300, 333).0.to_json().unwrap();
    let other =
        |name: &str, seed| LogSigner::from_seed(name, &[seed; 32]).unwrap().verifier().clone();
    let usual = Given::usual();
    let keyed = |keys| Given { keys, ..Given::usual() };
    bench.with("no key", json.as_str(), keyed(vec![]));
    bench.with("another log's key", json.as_str(), keyed(vec![other("other.example.com", 5)]));
    bench.with("another key", json.as_str(), keyed(vec![other(ORIGIN, 6)]));
    bench.with("two keys", json.as_str(), keyed(vec![other(ORIGIN, 6), usual.keys[0].clone()]));
    bench.with("no message", json.as_str(), Given { message: None, ..usual.clone() });
    bench.with("another message", json.as_str(), Given { message: Some(b"x"), ..usual.clone() });
    for now_ms in [TIME - 300_000, TIME - 300_001, 0] {
        bench.with("clock", json.as_str(), Given { now_ms, ..usual.clone() });
    }
    let plain = || Fact::new(FactKind::POLICY, TIME);
    bench.add("no digest", receipt(plain(), 0, 1).0.to_json().unwrap());
    bench
        .add("sm3", receipt(plain().set("digest", json!({"sm3": "x"})), 0, 1).0.to_json().unwrap());
    bench.compare();
}

#[test]
fn both_verifiers_judge_countersignatures_alike() {
    let mut bench = Bench::new();
    let certificates = [gateway(KeyKind::P256), gateway(KeyKind::Rsa2048)];
    for (number, issued) in certificates.iter().enumerate() {
        let good = countersigned(issued, TIME + 7);
        let line = good.checkpoint.lines().last().unwrap().to_owned();
        let plain = receipt(fact(), 300, 333).0.checkpoint;
        let mut bad = good.clone();
        bad.checkpoint = plain;
        bench.add("line gone", bad.to_json().unwrap());
        let mut bad = good.clone();
        bad.chain.remove(0);
        bench.add("issuer first", bad.to_json().unwrap());
        let mut bad = good.clone();
        bad.chain = vec![certificates[1 - number].certificate.der().to_vec()];
        bench.add("another certificate", bad.to_json().unwrap());
        for at in (0..good.chain[0].len()).step_by(29) {
            let mut bad = good.clone();
            bad.chain[0][at] ^= 1;
            bench.add(&format!("certificate byte {at}"), bad.to_json().unwrap());
        }
        let (head, payload) = line.rsplit_once(' ').unwrap();
        let payload = decode(payload);
        for at in (0..30).chain([payload.len() - 1]) {
            let mut bytes = payload.clone();
            bytes[at] ^= 1;
            let mut bad = good.clone();
            bad.checkpoint = bad.checkpoint.replace(&line, &format!("{head} {}", encode(&bytes)));
            bench.add(&format!("payload byte {at}"), bad.to_json().unwrap());
        }
        for length in [5, 12, 13, 14, payload.len() - 1] {
            let mut bad = good.clone();
            let cut = encode(&payload[..length]);
            bad.checkpoint = bad.checkpoint.replace(&line, &format!("{head} {cut}"));
            bench.add(&format!("payload of {length} bytes"), bad.to_json().unwrap());
        }
        for time in [TIME - 300_000, TIME - 300_001, 0] {
            bench.add("time", countersigned(issued, time).to_json().unwrap());
        }
    }
    bench.compare();
}

#[test]
fn both_verifiers_see_any_changed_byte_alike() {
    let mut bench = Bench::new();
    let json = countersigned(&gateway(KeyKind::P256), TIME).to_json().unwrap().into_bytes();
    // A fixed walk over the file, so that a failure comes back.
    let mut state = 1u64;
    for _ in 0..200 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 33) as usize % json.len();
        let mut bytes = json.clone();
        bytes[at] ^= 1 << (state >> 61);
        bench.add(&format!("byte {at}"), bytes);
    }
    bench.compare();
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
