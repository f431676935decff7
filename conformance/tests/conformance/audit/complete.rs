//! Completeness statements of a log made by hand: one that holds, and one that leaves out
//! a fact for which somebody holds a receipt.

use std::fs;
use std::path::{Path, PathBuf};

use onepoint_proof::statement::{Day, running_next, running_start};
use onepoint_proof::{Checkpoint, Fact, FactKind, Hash, Nonce, Receipt, Tiles, leaf_hash};
use serde_json::{Value, json};

use super::made::{ORIGIN, key, signer};
use super::{Audited, audit};

/// 2025-01-15T00:00:00Z, which is eight in the morning of that day in UTC+8.
const TIME: i64 = 1_736_899_200_000;

/// A log of whole facts.
struct Told {
    facts: Vec<Fact>,
    folder: tempfile::TempDir,
}

fn accepted(message: &str, sender: &str, after_ms: i64) -> Fact {
    Fact::new(FactKind::ACCEPTED, TIME + after_ms).set("message", message).set("sender", sender)
}

fn relayed(message: &str, after_ms: i64) -> Fact {
    Fact::new(FactKind::RELAYED, TIME + after_ms).set("message", message)
}

impl Told {
    /// Two messages of `jia`, one of `yi`, and a fact of the next day.
    fn new() -> Told {
        let day = 86_400_000;
        let facts = vec![
            Fact::new(FactKind::POLICY, TIME),
            accepted("m1", "jia", 1),
            accepted("m2", "yi", 2),
            relayed("m1", 3),
            relayed("m2", 4),
            accepted("m3", "jia", 5),
            relayed("m3", day),
        ];
        Told { facts, folder: tempfile::tempdir().unwrap() }
    }

    fn nonce() -> Nonce {
        Nonce::new([3; 32])
    }

    fn leaf(&self, index: usize) -> Hash {
        self.facts[index].commit(&Told::nonce()).unwrap().1.hash()
    }

    /// The list over some facts, as the gateway answers.
    fn list(&self, indexes: &[usize]) -> Value {
        let entry = |i: &usize| json!({"index": i, "leaf": self.leaf(*i).to_base64()});
        json!({"facts": indexes.iter().map(entry).collect::<Vec<_>>()})
    }

    /// A statement for `jia` over some facts.
    fn statement(&self, indexes: &[usize]) -> Fact {
        let day = Day::of(TIME);
        let start = running_start("jia", day);
        let running = indexes
            .iter()
            .fold(start, |running, i| running_next(&running, *i as u64, &self.leaf(*i)));
        let mut fact = Fact::new(FactKind::STATEMENT, TIME + 86_400_001)
            .set("participant", "jia")
            .set("day", day.to_string())
            .set("count", indexes.len())
            .set("running", running.to_hex());
        if let (Some(first), Some(last)) = (indexes.first(), indexes.last()) {
            fact = fact.set("first", *first).set("last", *last);
        }
        fact
    }

    /// Writes the receipt of a fact; the log is as long as it is now.
    fn receipt(&self, index: usize) -> PathBuf {
        let (mut tiles, mut full) = (Tiles::new(), Vec::new());
        for fact in &self.facts {
            let (_, leaf) = fact.commit(&Told::nonce()).unwrap();
            tiles.append(leaf_hash(&leaf.to_bytes()), &mut full);
        }
        let head = Checkpoint::new(ORIGIN, tiles.size(), tiles.root()).sign(&signer()).unwrap();
        let receipt = Receipt {
            origin: ORIGIN.to_owned(),
            fact: self.facts[index].clone(),
            nonce: Told::nonce(),
            index: index as u64,
            proof: tiles.inclusion(index as u64).unwrap(),
            checkpoint: head.to_string(),
            chain: Vec::new(),
        };
        self.write(&format!("{index}.receipt.json"), receipt.to_json().unwrap().as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Audits a statement over `counted` with the list over `listed`, holding receipts.
    fn audit(&mut self, counted: &[usize], listed: Option<&[usize]>, held: &[usize]) -> Audited {
        let list = listed.map(|listed| self.list(listed).to_string());
        self.audit_with(self.statement(counted), list.as_deref(), held)
    }

    fn audit_with(&mut self, statement: Fact, list: Option<&str>, held: &[usize]) -> Audited {
        self.facts.push(statement);
        let statement = self.receipt(self.facts.len() - 1);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut arguments = vec!["completeness".to_owned(), text(&statement)];
        arguments.extend(["--log-key".to_owned(), key()]);
        if let Some(list) = list {
            let list = self.write("list.json", list.as_bytes());
            arguments.extend(["--list".to_owned(), text(&list)]);
        }
        if !held.is_empty() {
            arguments.push("--receipts".to_owned());
            arguments.extend(held.iter().map(|index| text(&self.receipt(*index))));
        }
        self.facts.pop();
        audit(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn a_complete_day_holds() {
    let mut told = Told::new();
    let all = [1, 3, 5];
    told.audit(&all, None, &[]).holds();
    told.audit(&all, Some(&all), &[]).holds();
    let audited = told.audit(&all, Some(&all), &[0, 1, 2, 3, 4, 5, 6]);
    audited.holds();
    let said = |code: &str| audited.findings.iter().filter(|f| f["code"] == code).count();
    assert_eq!((said("receipt-listed"), said("receipt-not-of-this-day")), (3, 4));
    told.audit(&[], Some(&[]), &[2, 4]).holds();
}

#[test]
fn an_omission_is_proven_by_a_receipt() {
    let mut told = Told::new();
    for (counted, held, place) in [
        (&[1, 5][..], &[1, 3][..], "index 3"),
        (&[1, 3], &[5], "index 5"),
        (&[3, 5], &[1], "index 1"),
        (&[], &[1], "index 1"),
    ] {
        let audited = told.audit(counted, Some(counted), held);
        audited.fails(&["omission-proven"]);
        let place_found = audited.finding("omission-proven")["place"].as_str().unwrap();
        assert!(place_found.contains(place), "{place_found}");
    }
    // Beyond the statement's ends no list is needed; between them it is.
    told.audit(&[1, 3], None, &[5]).fails(&["omission-proven"]);
    told.audit(&[1, 5], None, &[1, 3]).fails(&["list-missing"]);
}

#[test]
fn a_list_that_is_not_the_statements_is_named() {
    let mut told = Told::new();
    let all = [1, 3, 5];
    told.audit(&all, Some(&[1, 5]), &[]).fails(&["list-count"]);
    told.audit(&all, Some(&[1, 3, 6]), &[]).fails(&["list-ends"]);
    told.audit(&all, Some(&[1, 2, 5]), &[]).fails(&["list-running"]);
    let statement = told.statement(&all);
    for list in
        ["", "[]", "{}", r#"{"facts":[{"index":1}]}"#, r#"{"facts":[{"index":-1,"leaf":""}]}"#]
    {
        told.audit_with(statement.clone(), Some(list), &[]).fails(&["list-malformed"]);
    }
}

#[test]
fn what_is_no_statement_or_does_not_verify_proves_nothing() {
    let mut told = Told::new();
    let statement = told.statement(&[1, 3, 5]);
    for other in [
        accepted("m9", "jia", 86_400_002),
        statement.clone().set("day", "2025-1-15"),
        statement.clone().set("count", 0),
        statement.clone().set("count", "3"),
        told.statement(&[]).set("count", 1),
        statement.clone().set("participant", 1),
    ] {
        told.audit_with(other, None, &[]).fails(&["statement-malformed"]);
    }
    let path = told.receipt(1);
    let text = fs::read_to_string(&path).unwrap().replace("jia", "jib");
    let bad = told.write("bad.json", text.as_bytes());
    let bad = bad.to_str().unwrap();
    audit(&["completeness", bad, "--log-key", &key()]).fails(&["commitment-differs"]);
    audit(&["completeness", "/no/such", "--log-key", &key()]);
    let other = onepoint_proof::LogSigner::from_seed(ORIGIN, &[9; 32]).unwrap();
    let other = other.verifier().to_string();
    let good = path.to_str().unwrap();
    audit(&["completeness", good, "--log-key", &other]).fails(&["signature-missing"]);
}
