//! A whole store is found whole, stopped or running; whatever is altered in it is
//! found under its code and at its place.

use std::collections::BTreeSet;
use std::fs;

use onepoint_proof::LogSigner;
use tempfile::TempDir;

use super::*;
use crate::sqlite::tests::filled::{Filled, fill, mirror};

/// Codes and places of the findings.
fn found(filled: &Filled) -> Vec<(&'static str, String)> {
    let findings = filled.check();
    findings.into_iter().map(|f| (f.code, f.place)).collect()
}

fn without_guards(filled: &Filled) -> Connection {
    let raw = filled.raw();
    raw.execute_batch(
        "DROP TRIGGER fact_leaf_is_final; DROP TRIGGER fact_stays; PRAGMA foreign_keys = 0;
         DROP TRIGGER checkpoint_is_final; DROP TRIGGER checkpoint_stays;
         PRAGMA ignore_check_constraints = 1",
    )
    .unwrap();
    raw
}

#[test]
fn a_whole_store_is_found_whole_stopped_and_running() {
    let filled = Filled::new(140);
    let copy = tempfile::tempdir().unwrap();
    mirror(&filled.reader(), copy.path());
    let (checked, findings) = filled.check_with(Some(copy.path()));
    assert_eq!(findings, []);
    assert!(checked.facts > 256 && checked.tiles == 2, "{checked:?}");
    assert_eq!((checked.origin.as_str(), checked.erased), (filled.key.name(), 0));
    assert!(checked.payloads > 140 && checked.checkpoints > 90, "{checked:?}");

    let mut ledger = filled.ledger(true);
    fill(&mut ledger, 140..170);
    let (running, findings) = filled.check_with(Some(copy.path()));
    assert_eq!(findings, []);
    assert!(running.facts > checked.facts);
    assert_eq!(running.root, ledger.latest().map(|latest| latest.root));
}

#[test]
fn an_empty_store_is_whole_and_none_is_an_error() {
    let filled = Filled::new(0);
    assert_eq!(filled.check(), []);
    let nowhere = CheckOptions {
        folder: filled.keys.path(),
        log_key: None,
        head: None,
        mirror: None,
        master_keys: None,
    };
    assert_eq!(check(&nowhere, &mut |_| {}).unwrap_err().code(), "store-missing");
}

/// What is altered, the code of what the check finds, and where.
const ALTERED: &[(&str, &str, &str)] = &[
    (
        "UPDATE fact SET fact = CAST(replace(CAST(fact AS TEXT), 'z1', 'z2') AS BLOB) \
          WHERE log_index = 9",
        "fact-differs",
        "fact 9",
    ),
    ("UPDATE fact SET nonce = zeroblob(32) WHERE log_index = 9", "fact-differs", "fact 9"),
    ("UPDATE fact SET nonce = x'00' WHERE log_index = 9", "fact-differs", "fact 9"),
    ("UPDATE fact SET kind = 'refused' WHERE log_index = 9", "fact-differs", "fact 9"),
    ("UPDATE fact SET leaf_hash = zeroblob(32) WHERE log_index = 9", "fact-differs", "fact 9"),
    ("UPDATE fact SET entry = x'00' WHERE log_index = 9", "fact-differs", "fact 9"),
    ("UPDATE fact SET document = 5 WHERE log_index = 0", "fact-differs", "fact 0"),
    ("UPDATE fact SET time_ms = time_ms + 999 WHERE log_index = 9", "fact-time-back", "fact 10"),
    ("UPDATE fact SET participant = 'bing' WHERE log_index = 9", "tally-differs", "table tally"),
    ("DELETE FROM fact WHERE log_index = 9", "fact-missing", "fact 9"),
    (
        "DELETE FROM fact WHERE log_index = (SELECT max(log_index) FROM fact)",
        "fact-missing",
        "fact ",
    ),
    (
        "DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)",
        "fact-not-signed",
        "fact ",
    ),
    (
        "UPDATE checkpoint SET root = zeroblob(32) WHERE rowid = (SELECT min(rowid) FROM checkpoint)",
        "root-differs",
        "checkpoint 3",
    ),
    (
        "UPDATE checkpoint SET note = replace(note, char(10) || '3', char(10) || '4') WHERE size = 3",
        "checkpoint-differs",
        "checkpoint 3",
    ),
    ("UPDATE checkpoint SET seal = zeroblob(32) WHERE size = 3", "seal-differs", "checkpoint 3"),
    ("UPDATE checkpoint SET root = x'00' WHERE size = 3", "checkpoint-differs", "checkpoint 3"),
    (
        "UPDATE seal_certificate SET der = CAST(x'3000' || der AS BLOB) WHERE position = 0",
        "seal-differs",
        "checkpoint 3",
    ),
    (
        "UPDATE tally SET running = zeroblob(32) WHERE participant = 'yi'",
        "tally-differs",
        "table tally yi 2026-11-24",
    ),
    ("INSERT INTO tally VALUES ('x', 9, 1, 1, 1, zeroblob(32))", "tally-differs", "table tally"),
    ("INSERT INTO tile VALUES (3, 9, zeroblob(32), NULL)", "tile-differs", "table tile"),
    ("UPDATE writer SET one = 3", "row-damaged", "table writer row 3"),
    (
        "UPDATE message SET sender = 'bing' WHERE guid LIKE '%5'",
        "row-differs",
        "table message 0193",
    ),
    ("UPDATE message SET outcome = 1 WHERE guid LIKE '%5'", "row-differs", "table message 0193"),
    (
        "UPDATE message SET body = body + 1 WHERE guid LIKE '%45'",
        "payload-differs",
        "table message 0193",
    ),
    (
        "UPDATE message SET content_digest = zeroblob(32) WHERE guid LIKE '%5'",
        "row-differs",
        "table message",
    ),
    ("UPDATE message SET outcome = 7 WHERE guid LIKE '%5'", "row-differs", "table message"),
    ("DELETE FROM message WHERE guid LIKE '%45'", "reference-missing", "table d"),
    ("UPDATE document SET status = 399 WHERE status = 120", "row-differs", "table document 0193"),
    ("UPDATE delivery SET state = 2 WHERE seq = 2", "delivery-differs", "table delivery 2 0193"),
    ("UPDATE delivery SET state = 0 WHERE state = 2", "delivery-differs", "table delivery"),
    ("UPDATE delivery SET relayed_ms = NULL", "delivery-differs", "table delivery"),
    (
        "UPDATE delivery SET destination = 'moon' WHERE state = 2",
        "delivery-differs",
        "table delivery",
    ),
    ("UPDATE delivery SET id = 'x' || id WHERE seq = 2", "row-differs", "table delivery"),
    (
        "UPDATE answer SET content_digest = zeroblob(32) WHERE answer_id = 'A3'",
        "row-differs",
        "table answer customs A3",
    ),
    (
        "UPDATE answer SET body = body + 1 WHERE answer_id = 'A3'",
        "payload-differs",
        "table answer customs A3",
    ),
    (
        "UPDATE counter SET value = value + 1 WHERE name = 'pending'",
        "counter-differs",
        "table counter pending",
    ),
    (
        "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 1",
        "payload-differs",
        "table body 1",
    ),
    (
        "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 50",
        "payload-differs",
        "table body 50",
    ),
    ("UPDATE body SET digest = zeroblob(32) WHERE id = 50", "payload-differs", "table body 50"),
    ("UPDATE data_key SET wrapped = zeroblob(60)", "payload-differs", "table body"),
    ("DELETE FROM body WHERE id = 50", "reference-missing", "table "),
    (
        "UPDATE log_identity SET origin = 'log.other.example/1'",
        "log-identity-wrong",
        "table log_identity",
    ),
    ("UPDATE log_identity SET key = 'x'", "log-identity-wrong", "table log_identity"),
    ("DELETE FROM log_identity", "log-identity-wrong", "table log_identity"),
    (
        "UPDATE message SET media_type = 'text/plain' WHERE guid LIKE '%5'",
        "row-damaged",
        "table message 0193",
    ),
    ("UPDATE delivery SET headers = '{} ' WHERE seq = 2", "row-damaged", "table delivery 0193"),
    ("UPDATE register SET digest = zeroblob(32)", "row-damaged", "table register policy strict"),
    (
        "UPDATE document SET app_type = 2 WHERE message LIKE '%5'",
        "row-damaged",
        "table document 0193",
    ),
    (
        "UPDATE business_key SET declared_ms = 1 WHERE value = 'P1|5'",
        "row-damaged",
        "table business_key order P1|5",
    ),
    (
        "UPDATE answer SET received_ms = 1 WHERE answer_id = 'A3'",
        "row-damaged",
        "table answer customs A3",
    ),
    ("UPDATE checkpoint SET time_ms = 1 WHERE size = 3", "row-damaged", "table checkpoint 3"),
    (
        "UPDATE seal_certificate SET der = x'00' WHERE position = 1",
        "row-damaged",
        "table seal_certificate",
    ),
    (
        "UPDATE document SET status_ms = status_ms + 1 WHERE status = 120",
        "row-differs",
        "table document 0193",
    ),
];

#[test]
fn what_is_altered_is_found_at_its_place() {
    let filled = Filled::new(90);
    let whole =
        filled.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, i64>(0));
    assert_eq!(whole.unwrap(), 0);
    let file = filled.folder().join(DATABASE_FILE);
    let good = fs::read(&file).unwrap();
    let mut missed = Vec::new();
    for (sql, code, place) in ALTERED {
        for beside in ["journal.db-wal", "journal.db-shm"] {
            drop(fs::remove_file(filled.folder().join(beside)));
        }
        fs::write(&file, &good).unwrap();
        assert!(without_guards(&filled).execute(sql, []).unwrap() > 0, "{sql}");
        let findings = found(&filled);
        let hit = |(found, at): &(&str, String)| {
            found == code && at.contains(&format!("journal.db: {place}"))
        };
        if !findings.iter().any(hit) {
            missed.push((sql, findings));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// What holds the tables together is compared with what this program makes.
#[test]
fn an_altered_schema_is_told() {
    for (sql, name) in [
        ("DROP TRIGGER fact_stays", "trigger fact_stays"),
        ("CREATE INDEX more ON fact (kind)", "index more"),
        ("CREATE TABLE other (x)", "table other"),
    ] {
        let filled = Filled::new(5);
        filled.raw().execute_batch(sql).unwrap();
        let findings = found(&filled);
        let place = format!("journal.db: sqlite_schema {name}");
        assert!(findings.iter().all(|(c, at)| *c == "schema-differs" && at.ends_with(&place)));
        assert_eq!(findings.len(), 1, "{sql}");
    }
}

#[test]
fn tiles_are_compared_with_their_leaves() {
    for (sql, code, place) in [
        (
            "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0",
            "tile-differs",
            "level 0 index 0",
        ),
        (
            "UPDATE tile SET hashes = zeroblob(32) WHERE level = 1",
            "tile-differs",
            "level 1 index 0",
        ),
        (
            "UPDATE tile SET middle = zeroblob(512) WHERE level = 0",
            "tile-differs",
            "level 0 index 0",
        ),
        (
            "UPDATE tile SET middle = zeroblob(512) WHERE level = 1",
            "tile-differs",
            "level 1 index 0",
        ),
        ("DELETE FROM tile WHERE level = 0", "tile-missing", "level 0 index 0"),
    ] {
        let filled = Filled::new(140);
        assert!(filled.raw().execute(sql, []).unwrap() > 0);
        let findings = found(&filled);
        assert!(findings.iter().any(|(c, at)| *c == code && at.contains(place)), "{findings:?}");
    }
}

#[test]
fn without_the_master_keys_nothing_is_claimed_of_sealed_payloads() {
    let filled = Filled::new(30);
    let options = CheckOptions {
        folder: &filled.folder(),
        log_key: None,
        head: None,
        mirror: None,
        master_keys: None,
    };
    let mut codes = Vec::new();
    check(&options, &mut |finding| codes.push(finding.code)).unwrap();
    assert_eq!(codes, ["payload-not-opened"]);
}

#[test]
fn another_key_and_another_head_are_told() {
    let mut filled = Filled::new(30);
    let mark = Head::open(filled.head()).unwrap().last().unwrap().clone();
    let other = |path: &Path, mark: &crate::HeadMark| Head::accept(path, mark).unwrap();
    let codes =
        |filled: &Filled| -> BTreeSet<_> { found(filled).into_iter().map(|f| f.0).collect() };
    let one = |code| BTreeSet::from([code]);
    for (change, code) in [
        (crate::HeadMark { size: mark.size + 1, ..mark.clone() }, "store-rolled-back"),
        (crate::HeadMark { root: Hash::of(b"x"), ..mark.clone() }, "store-log-fork"),
        (crate::HeadMark { size: mark.size - 1, ..mark.clone() }, "store-log-fork"),
        (crate::HeadMark { origin: "x".into(), ..mark.clone() }, "store-head-of-another-log"),
    ] {
        other(&filled.head(), &change);
        assert_eq!(codes(&filled), one(code));
    }
    other(&filled.head(), &mark);
    assert_eq!(codes(&filled), BTreeSet::new());
    let mut bytes = fs::read(filled.head()).unwrap();
    bytes[700] ^= 1;
    fs::write(filled.head(), bytes).unwrap();
    let place = format!("{}: byte 512", filled.head().display());
    assert_eq!(found(&filled), [("head-slot-damaged", place)]);
    fs::remove_file(filled.head()).unwrap();
    assert_eq!(codes(&filled), one("store-head-missing"));
    other(&filled.head(), &mark);
    let stranger = LogSigner::from_seed(filled.key.name(), &[9; 32]).unwrap();
    filled.key = stranger.verifier().clone();
    assert!(codes(&filled).is_superset(&BTreeSet::from(["log-key-differs", "checkpoint-differs"])));
}

#[test]
fn a_copy_of_another_log_or_of_more_than_there_is_is_told() {
    let filled = Filled::new(140);
    let copy = tempfile::tempdir().unwrap();
    mirror(&filled.reader(), copy.path());
    let codes = |filled: &Filled, copy: &TempDir| -> BTreeSet<&'static str> {
        filled.check_with(Some(copy.path())).1.into_iter().map(|f| f.code).collect()
    };
    // The same key, another history; longer, then shorter.
    for messages in [150, 120] {
        let other = Filled::new(messages);
        let found = codes(&other, &copy);
        assert!(found.contains("mirror-differs"), "{messages}: {found:?}");
        assert_eq!(found.contains("store-rolled-back"), messages == 120);
    }
    for (file, code) in [
        ("checkpoint", "mirror-damaged"),
        ("tile/entries/000", "mirror-differs"),
        ("tile/0/000", "mirror-differs"),
    ] {
        let good = fs::read(copy.path().join(file)).unwrap();
        let mut bytes = good.clone();
        bytes[60] ^= 1;
        fs::write(copy.path().join(file), bytes).unwrap();
        assert_eq!(codes(&filled, &copy), BTreeSet::from([code]), "{file}");
        fs::remove_file(copy.path().join(file)).unwrap();
        assert!(!codes(&filled, &copy).is_empty(), "{file}");
        fs::write(copy.path().join(file), good).unwrap();
    }
}

#[test]
fn findings_without_end_are_counted() {
    let filled = Filled::new(700);
    let raw = without_guards(&filled);
    raw.execute("UPDATE fact SET nonce = x'00'", []).unwrap();
    let masters = Filled::masters();
    let options = CheckOptions {
        folder: &filled.folder(),
        log_key: None,
        head: None,
        mirror: None,
        master_keys: Some(&masters),
    };
    let mut told = 0;
    let checked = check(&options, &mut |_| told += 1).unwrap();
    assert_eq!(told, MAX_FINDINGS);
    assert!(checked.findings > told);
}
