//! `onepoint selftest` through the binary: fifty deaths with nothing lost, and the proof
//! that its checker can fail: a kept sandbox altered in one place after the other, in the
//! journal and in what the outside knows, breaks the very rule that guards that place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use onepoint_conformance::zone::onepoint;
use rusqlite::Connection;
use serde_json::Value;

/// Any number: it makes the same messages and places each time, not the same moments.
const SEED: &str = "20261124";

fn selftest(arguments: &[&str]) -> Output {
    let mut command = Command::new(onepoint());
    // A developer's own settings are none of a test's business.
    command.env_remove("ONEPOINT_LOG").env_remove("ONEPOINT_DIE_AT");
    command.arg("selftest").args(arguments).output().unwrap()
}

fn report(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"))
}

/// Names of the rules that are broken.
fn broken(report: &Value) -> Vec<&str> {
    let rules = report["rules"].as_array().unwrap();
    let broken = rules.iter().filter(|rule| rule["violated"] != 0);
    broken.map(|rule| rule["rule"].as_str().unwrap()).collect()
}

#[test]
fn fifty_deaths_lose_nothing() {
    let output = selftest(&["crash", "--runs", "50", "--seed", SEED, "--json"]);
    let report = report(&output);
    assert!(output.status.success() && report["good"] == true, "{report:#}");
    assert_eq!(broken(&report), [""; 0]);
    let deaths = report["deaths"].as_object().unwrap();
    let count = |name: &str| deaths.get(name).and_then(Value::as_u64).unwrap_or(0);
    let readme = include_str!("../../../README.md");
    let (_, table) = readme.split_once("| dies at |").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|row| row.starts_with('|')).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let name = row.split('`').nth(1).unwrap();
        // Without a broker nobody comes there.
        let wanted = name != "relay.confirmed" && !name.starts_with("vendor.");
        assert_eq!(count(name) > 0, wanted, "deaths at {name}: {deaths:?}");
    }
    assert_eq!(deaths.values().filter_map(Value::as_u64).sum::<u64>(), 50);
    for rule in report["rules"].as_array().unwrap() {
        assert!(rule["checked"].as_u64() > Some(0), "never checked: {rule}");
    }
    println!("seed {SEED}, {} s, {} facts, {deaths:?}", report["seconds"], report["facts"]);
}

/// A sandbox to be altered, and one copy of it for each alteration.
struct Kept {
    folder: tempfile::TempDir,
}

impl Kept {
    /// The one that all tests share.
    fn get() -> &'static Kept {
        static KEPT: OnceLock<Kept> = OnceLock::new();
        KEPT.get_or_init(Kept::make)
    }

    fn make() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        let kept = kept.to_str().unwrap();
        let output = selftest(&["crash", "--runs", "14", "--seed", SEED, "--keep", kept]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("All of it holds."), "{said}");
        Kept { folder }
    }

    fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (self.folder.path().join("kept"), self.folder.path().join(name));
        for folder in ["journal", "journal/archive", "pki"] {
            fs::create_dir_all(to.join(folder)).unwrap();
            for entry in fs::read_dir(from.join(folder)).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.path().is_file() {
                    fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
                }
            }
        }
        fs::copy(from.join("evidence.jsonl"), to.join("evidence.jsonl")).unwrap();
        to
    }
}

fn check(folder: &Path) -> (Option<i32>, Value) {
    let output = selftest(&["check", folder.to_str().unwrap(), "--json"]);
    (output.status.code(), report(&output))
}

/// What is done to the rows, and the rule that must say so.
const ROWS: [(&str, &str, &str); 13] = [
    (
        "a byte of a fact",
        "UPDATE fact SET fact = CAST(replace(CAST(fact AS TEXT), 'pilot', 'pilos') AS BLOB) WHERE log_index = 7",
        "leaf",
    ),
    (
        "a nonce",
        "UPDATE fact SET nonce = CAST(zeroblob(31) || x'07' AS BLOB) WHERE log_index = 7",
        "leaf",
    ),
    ("a time", "UPDATE fact SET time_ms = time_ms + 1 WHERE log_index = 7", "leaf"),
    (
        "the last fact gone",
        "DELETE FROM fact WHERE log_index = (SELECT max(log_index) FROM fact)",
        "checkpoint",
    ),
    (
        "a root",
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = (SELECT min(size) FROM checkpoint)",
        "checkpoint",
    ),
    (
        "a signature",
        "UPDATE checkpoint SET note = lower(note) WHERE size = (SELECT max(size) FROM checkpoint)",
        "checkpoint",
    ),
    (
        "a tile",
        "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 0 AND idx = 0",
        "tile",
    ),
    (
        "a message refused",
        "UPDATE message SET outcome = 1 - outcome WHERE id = (SELECT message FROM fact WHERE kind = 'accepted' LIMIT 1)",
        "accepted-not-lost",
    ),
    ("a delivery gone", "DELETE FROM delivery WHERE seq = 1", "delivery-once"),
    ("a delivery pending", "UPDATE delivery SET state = 0 WHERE seq = 1", "outbox-empty"),
    (
        "a delivery twice",
        "INSERT INTO delivery (id, message, kind, destination, routing_key, order_keys, message_type, \
         headers, body, body_bytes, state, created_ms) SELECT id || 'x', message, kind, destination, \
         routing_key, order_keys, message_type, headers, body, body_bytes, state, created_ms \
         FROM delivery WHERE seq = 1",
        "delivery-once",
    ),
    (
        "a payload",
        "UPDATE body SET bytes = CAST(substr(bytes, 1, 40) || x'00' || substr(bytes, 42) AS BLOB) \
         WHERE id = (SELECT max(body) FROM message JOIN body ON body.id = body WHERE place = 0)",
        "payload-whole",
    ),
    ("an answer gone", "DELETE FROM answer WHERE rowid_of = 1", "answer-kept"),
];

#[test]
fn the_checker_finds_every_altered_row() {
    let kept = Kept::get();
    let (code, clean) = check(&kept.copy("clean"));
    assert_eq!((code, broken(&clean)), (Some(0), Vec::new()), "{clean:#}");
    for (number, (what, sql, rule)) in ROWS.into_iter().enumerate() {
        let folder = kept.copy(&format!("rows{number}"));
        let journal = Connection::open(folder.join("journal/journal.db")).unwrap();
        // Whoever alters a journal does not keep to its guards.
        journal
            .execute_batch(
                "PRAGMA foreign_keys = off; DROP TRIGGER fact_leaf_is_final; DROP TRIGGER fact_stays; \
                 DROP TRIGGER checkpoint_is_final; DROP TRIGGER checkpoint_stays;",
            )
            .unwrap();
        let sql = sql.replace(
            "WHERE rowid_of = 1",
            "WHERE (department, answer_id) = (SELECT department, answer_id FROM answer LIMIT 1)",
        );
        assert_eq!(journal.execute(&sql, []).unwrap(), 1, "{what}");
        drop(journal);
        let (code, report) = check(&folder);
        assert_eq!(code, Some(1), "{what}: {report:#}");
        assert!(broken(&report).contains(&rule), "{what}: {rule} not in {:?}", broken(&report));
    }
}

/// What is done to the records, and the rule that must say so.
type Alter = fn(&mut Vec<Value>);
const RECORDS: [(&str, Alter, &str); 7] = [
    ("an answer gone", |all| drop(all.remove(find(all, "answer"))), "all-answered"),
    ("an effect gone", |all| drop(all.remove(find(all, "effect"))), "reached"),
    ("an effect twice", |all| all.push(all[find(all, "effect")].clone()), "effect-once"),
    (
        "a receipt altered",
        |all| {
            let at = find(all, "notice");
            all[at]["receipts"][0]["fact"]["status"] = "4".into();
        },
        "receipt",
    ),
    (
        "a second receipt for the same",
        |all| {
            let at = find(all, "answer");
            let mut again = all[at].clone();
            again["answer"]["receipts"][0]["index"] = 0.into();
            again["answer"]["id"] = "another".into();
            all.push(again);
        },
        "original-receipt",
    ),
    (
        "a checkpoint of another log",
        |all| {
            let at = find(all, "checkpoint");
            let note = all[at]["note"].as_str().unwrap().replacen("pilot", "other", 1);
            all[at]["note"] = note.into();
        },
        "prefix",
    ),
    (
        "an answer of a department that is not in the log",
        |all| {
            let at = find(all, "recorded");
            all[at]["sha256"] = "00".into();
        },
        "answer-kept",
    ),
];

/// The first record of a kind; of answers, one to a letter that was accepted.
fn find(all: &[Value], what: &str) -> usize {
    let is = |record: &Value| {
        record["what"] == what && (what != "answer" || record["answer"]["verdict"] == "accepted")
    };
    let at = all.iter().position(is).unwrap_or_else(|| panic!("no {what}"));
    if what != "answer" {
        return at;
    }
    // One that has no second answer.
    let same = |a: &Value, b: &Value| a["what"] == b["what"] && a["letter"] == b["letter"];
    let alone = |one: &Value| all.iter().filter(|other| same(one, other)).count() == 1;
    let once = all.iter().position(|record| is(record) && alone(record));
    once.expect("a letter with one answer")
}

#[test]
fn the_checker_finds_every_claim_that_does_not_hold() {
    let kept = Kept::get();
    for (number, (what, alter, rule)) in RECORDS.into_iter().enumerate() {
        let folder = kept.copy(&format!("records{number}"));
        let path = folder.join("evidence.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let mut all: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        alter(&mut all);
        let lines: Vec<String> = all.iter().map(Value::to_string).collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let (code, report) = check(&folder);
        assert_eq!(code, Some(1), "{what}: {report:#}");
        assert!(broken(&report).contains(&rule), "{what}: {rule} not in {:?}", broken(&report));
    }
}

#[test]
fn what_is_no_sandbox_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let expect = |output: &Output, exit: i32, code: &str| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains(code), "{said}");
    };
    expect(&selftest(&["check", name]), 3, "file-unreadable");
    fs::create_dir(folder.path().join("pki")).unwrap();
    fs::write(folder.path().join("pki/log.pub"), "no key").unwrap();
    expect(&selftest(&["check", name]), 2, "log-key-unusable");
    expect(&selftest(&["crash", "--runs", "1", "--keep", name]), 2, "folder-not-empty");
    expect(&selftest(&["crash", "--runs", "0"]), 2, "0");
    let kept = Kept::get();
    let copy = kept.copy("no-journal");
    fs::write(copy.join("journal/journal.db"), "not a database, and long enough to be read as one")
        .unwrap();
    let (code, report) = check(&copy);
    assert_eq!((code, broken(&report)), (Some(1), vec!["accepted-not-lost"]), "{report:#}");
    fs::write(copy.join("evidence.jsonl"), "{}\n").unwrap();
    let copy = kept.copy("no-evidence");
    fs::write(copy.join("evidence.jsonl"), "{}\n").unwrap();
    expect(&selftest(&["check", copy.to_str().unwrap()]), 3, "evidence-unusable");
}
