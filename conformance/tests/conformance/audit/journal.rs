//! The store of a real gateway against its log, samples of its facts, and exports: good
//! ones, and copies with everything altered that an auditor has to see.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onepoint_conformance::zone::{Setup, Zone};
use onepoint_proof::{Checkpoint, Hash};
use serde_json::Value;

use super::gateway::{follow, head, send};
use super::{Audited, audit};

/// A zone in which departments have answered some orders.
async fn answered() -> Zone {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    zone.start_adapter("customs");
    send(&zone, 1..5).await;
    for _ in 0..600 {
        if zone.metrics().await.unwrap().journal("answers") >= 4 {
            return zone;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("customs did not answer");
}

fn pki(zone: &Zone, name: &str) -> String {
    zone.folder().join("pki").join(name).display().to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn check_store(zone: &Zone, store: &Path, mirror: Option<&Path>) -> Audited {
    let (key, anchors) = (pki(zone, "log.pub"), pki(zone, "ca.pem"));
    let mut arguments =
        vec!["store", "--store", text(store), "--log-key", &key, "--anchors", &anchors];
    if let Some(mirror) = mirror {
        arguments.extend(["--mirror", text(mirror)]);
    }
    audit(&arguments)
}

/// A copy of the journal with some rows altered.
fn altered(zone: &Zone, to: &Path, sql: &str) -> PathBuf {
    let store = to.join("store");
    if store.exists() {
        fs::remove_dir_all(&store).unwrap();
    }
    fs::create_dir_all(&store).unwrap();
    for entry in fs::read_dir(zone.folder().join("journal")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), store.join(entry.file_name())).unwrap();
        }
    }
    let file = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let mut databases = file
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")));
    let database = rusqlite::Connection::open(databases.next().unwrap()).unwrap();
    database
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER fact_leaf_is_final; DROP TRIGGER fact_stays;
             DROP TRIGGER checkpoint_is_final; DROP TRIGGER checkpoint_stays; {sql}"
        ))
        .unwrap();
    store
}

/// What is done to a copy of the store, and the code that names it.
const ALTERATIONS: &[(&str, &str)] = &[
    (
        "UPDATE fact SET fact = CAST(replace(CAST(fact AS TEXT), 'pilot', 'pilat') AS BLOB)
         WHERE log_index = 3",
        "fact-wrong",
    ),
    ("UPDATE fact SET nonce = randomblob(32) WHERE log_index = 4", "fact-wrong"),
    ("UPDATE fact SET kind = 'answered' WHERE log_index = 5", "fact-wrong"),
    ("UPDATE fact SET time_ms = time_ms + 1 WHERE log_index = 5", "fact-wrong"),
    ("UPDATE fact SET entry = zeroblob(90) WHERE log_index = 6", "fact-wrong"),
    ("DELETE FROM fact WHERE log_index = 2", "fact-missing"),
    ("DELETE FROM fact WHERE log_index > 2", "fact-missing"),
    ("UPDATE checkpoint SET root = zeroblob(32)", "root-mismatch"),
    ("UPDATE checkpoint SET note = replace(note, 'pilot', 'pilat')", "checkpoint-of-another-log"),
    (
        "UPDATE checkpoint SET note = replace(note, char(10) || char(10), char(10))",
        "note-malformed",
    ),
    ("DELETE FROM message", "message-missing"),
    (
        "INSERT INTO message (id, zone, sender, guid, content_digest, message_type, media_type,
         outcome, received_ms, body) SELECT id || 'x', zone, sender, guid || 'x', content_digest,
         message_type, media_type, outcome, received_ms, body FROM message LIMIT 1;
         UPDATE counter SET value = value + 1 WHERE name LIKE '%accepted%'",
        "message-without-facts",
    ),
    ("DELETE FROM seal_certificate", "certificate-malformed"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_checked_against_its_log() {
    let mut zone = answered().await;
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    let journal = zone.folder().join("journal");
    check_store(&zone, &journal, None).holds();
    follow(&zone, &mirror).holds();
    send(&zone, 11..13).await;
    let checked = check_store(&zone, &journal, Some(&mirror));
    checked.holds();
    for code in ["facts", "tiles", "times", "messages", "checkpoints", "consistency"] {
        assert_eq!(checked.finding(code)["ok"], true);
    }
    follow(&zone, &mirror).holds();
    zone.stop_adapter("customs");
    zone.stop_gateway();
    for (sql, code) in ALTERATIONS {
        let store = altered(&zone, folder.path(), sql);
        let found = check_store(&zone, &store, None);
        assert_eq!(found.code, 1, "{sql}: {}", found.said);
        assert!(found.faults().contains(code), "{sql}: {}", found.said);
    }
    // An erased fact leaves its leaf.
    let erased = "UPDATE fact SET fact = x'', nonce = zeroblob(32) WHERE log_index = 3";
    check_store(&zone, &altered(&zone, folder.path(), erased), Some(&mirror)).holds();
    // A store that was cut off, checkpoints and all, is whole in itself; the mirror knows better.
    let cut = "DELETE FROM checkpoint WHERE size > (SELECT min(size) FROM checkpoint);
               DELETE FROM fact WHERE log_index >= (SELECT max(size) FROM checkpoint)";
    let store = altered(&zone, folder.path(), cut);
    let found = check_store(&zone, &store, Some(&mirror));
    assert!(found.faults().contains(&"store-behind-mirror"), "{}", found.said);
    let nowhere = check_store(&zone, &folder.path().join("nowhere"), None);
    assert_eq!(nowhere.code, 4, "{}", nowhere.said);
}

fn sample(zone: &Zone, party: &str, seed: &str, count: &str, more: &[&str]) -> Audited {
    let names = ["log.pub", "ca.pem", &format!("{party}.pem"), &format!("{party}.key")];
    let [key, ca, certificate, private] = names.map(|name| pki(zone, name));
    let url = zone.url();
    let mut arguments = vec!["sample", "--seed", seed, "--count", count, "--log", &url];
    arguments.extend(["--log-key", &key, "--ca", &ca, "--anchors", &ca]);
    arguments.extend(["--certificate", &certificate, "--key", &private]);
    arguments.extend(more);
    audit(&arguments)
}

/// The places of the receipts in a sample.
fn places(sample: &Audited) -> BTreeSet<String> {
    let receipts = sample.findings.iter().filter(|finding| finding["code"] == "receipt");
    receipts.map(|finding| finding["place"].as_str().unwrap().to_owned()).collect()
}

/// The drawing as FORMATS.md has it, written again.
fn drawn(seed: &str, head: &Checkpoint, count: usize) -> BTreeSet<String> {
    let mut indexes = BTreeSet::new();
    for counter in 0u64.. {
        if indexes.len() == count {
            break;
        }
        let mut bytes = format!("onepoint-sample/1\n{seed}\n").into_bytes();
        bytes.extend(head.root.as_bytes());
        bytes.extend(counter.to_be_bytes());
        let digest = Hash::of(&bytes);
        let number = u128::from_be_bytes(digest.as_bytes()[..16].try_into().unwrap());
        indexes.insert(number % u128::from(head.size));
    }
    indexes.into_iter().map(|index| format!("fact {index}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_opens_the_same_facts_for_everyone() {
    let mut zone = answered().await;
    zone.stop_adapter("customs");
    let folder = tempfile::tempdir().unwrap();
    let head = head(&zone).await;
    let saved = folder.path().join("receipts");
    let first = sample(&zone, "auditor", "2026-11-24 测试", "5", &["-o", text(&saved)]);
    first.holds();
    assert_eq!(places(&first), drawn("2026-11-24 测试", &head, 5));
    let second = sample(&zone, "operator", "2026-11-24 测试", "5", &[]);
    second.holds();
    assert_eq!(places(&second), places(&first));
    let all = sample(&zone, "auditor", "another", "100000", &[]);
    all.holds();
    assert_eq!(places(&all).len() as u64, head.size);
    for entry in fs::read_dir(&saved).unwrap() {
        let receipt = fs::read(entry.unwrap().path()).unwrap();
        let receipt: Value = serde_json::from_slice(&receipt).unwrap();
        zone.auditor().verify(&receipt, None).unwrap();
    }
    // An enterprise sees its own facts only, and is told so; a department none.
    let partly = sample(&zone, "platform", "another", "100000", &[]);
    partly.fails(&["not-entitled"]);
    assert!(places(&partly).is_subset(&places(&all)) && !places(&partly).is_empty());
    let refused = partly.findings.iter().filter(|finding| finding["code"] == "not-entitled");
    // The first 20 of a code are said one by one.
    let hidden = places(&all).len() - places(&partly).len();
    assert_eq!(refused.count(), hidden.min(20));
    assert_eq!(sample(&zone, "customs", "x", "1", &[]).code, 3);
    assert_eq!(sample(&zone, "auditor", "x", "0", &[]).code, 2);
    zone.stop_gateway();
    assert_eq!(sample(&zone, "auditor", "x", "1", &[]).code, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_is_exported_with_its_receipts() {
    let zone = answered().await;
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    follow(&zone, &mirror).holds();
    let size = head(&zone).await.size;
    let (key, journal) = (pki(&zone, "log.pub"), zone.folder().join("journal"));
    let export = |name: &str, from: &str, to: &str| {
        let out = folder.path().join(name);
        let arguments =
            ["export", "--mirror", text(&mirror), "--store", text(&journal), "--log-key", &key];
        let period = ["--from", from, "--to", to, "-o", text(&out)];
        (audit(&[&arguments[..], &period].concat()), out)
    };
    let (exported, out) = export("all", "2020-01-01", "2099-12-31");
    exported.holds();
    let manifest: Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let mirrored: Value =
        serde_json::from_slice(&fs::read(mirror.join("state.json")).unwrap()).unwrap();
    assert_eq!(manifest["entries"], mirrored["size"]);
    assert!(mirrored["size"].as_u64().unwrap() <= size);
    let files = manifest["files"].as_array().unwrap();
    assert_eq!(files.len() as u64, mirrored["size"].as_u64().unwrap() + 2);
    for file in files {
        let bytes = fs::read(out.join(file["path"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], Hash::of(&bytes).to_hex());
        if file["path"].as_str().unwrap().starts_with("receipts/") {
            let receipt = serde_json::from_slice(&bytes).unwrap();
            zone.auditor().verify(&receipt, None).unwrap();
        }
    }
    let (exported, out) = export("none", "2020-01-01", "2020-01-31");
    exported.holds();
    assert_eq!(fs::read(out.join("entries.jsonl")).unwrap(), b"");
    for (from, to) in
        [("2026-11-24", "2026-11-23"), ("x", "2026-11-23"), ("2026-02-30", "2027-01-01")]
    {
        assert_eq!(export("bad", from, to).0.code, 2, "{from} {to}");
    }
    assert_eq!(export("all", "2020-01-01", "2099-12-31").0.code, 2);
    let bundle = fs::read_dir(mirror.join("tile/entries/000.p")).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(bundle.path()).unwrap();
    bytes[60] ^= 1;
    fs::write(bundle.path(), bytes).unwrap();
    export("damaged", "2020-01-01", "2099-12-31").0.fails(&["mirror-damaged"]);
}
