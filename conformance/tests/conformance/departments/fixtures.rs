//! The worked examples of the departments: `adapters/fixtures/DEPARTMENT/CASE.xml` is a
//! declaration as the gateway takes it, `CASE.txt` what the department makes of it. In come
//! the files, out goes a difference. With `ONEPOINT_WRITE_FIXTURES` set they are written anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use onepoint_adapters::{DEPARTMENTS, Incoming, department};
use onepoint_conformance::suites::repository;
use onepoint_schemas::{Catalogue, MessageType};
use onepoint_xml::{Document, Limits};
use serde_json::Value;

fn parse(bytes: &[u8]) -> Document {
    Document::parse(bytes.to_vec(), &Limits::default()).unwrap()
}

/// What schema and rules say against each document.
fn faults(catalogue: &Catalogue, document: &Document, kind: &MessageType) -> Vec<String> {
    if let Err(found) = catalogue.validate_structure(document, kind) {
        return found.iter().map(|violation| format!("{violation:?}")).collect();
    }
    let count = catalogue.documents(document, kind).len();
    let rules = (0..count).flat_map(|index| catalogue.check_rules(document, kind, index));
    rules.map(|violation| format!("{violation:?}")).collect()
}

/// The outcome as a person reads it: the record, then each answer with a line an element.
fn outcome(catalogue: &Catalogue, name: &str, body: &[u8], path: &str) -> String {
    let document = parse(body);
    let kind = catalogue.by_name(document.root().name().local).unwrap();
    // What the signature would stand for is not judged here; all else is.
    let against = faults(catalogue, &document, kind);
    let against: Vec<&String> = against.iter().filter(|it| !it.contains("Signature")).collect();
    assert!(against.is_empty(), "{path}: {against:?}");
    let count = u32::try_from(catalogue.documents(&document, kind).len()).unwrap();
    let documents: Vec<u32> = (0..count).collect();
    let (delivery, message) = ("example.delivery", "example");
    let message_type = kind.name.as_str();
    let incoming = Incoming { delivery, message, message_type, documents: &documents, body };
    let now: Timestamp = "2026-11-23T16:30:05.042Z".parse().unwrap();
    let outcome = department(name).unwrap().map(&incoming, now).unwrap();
    let effect: Value = serde_json::from_str(&outcome.effect).unwrap();
    let mut text = format!("{}\n", serde_json::to_string_pretty(&effect["documents"]).unwrap());
    for answer in &outcome.answers {
        let said = parse(answer.xml.as_bytes());
        let kind = catalogue.by_name(answer.message_type).unwrap();
        let against = faults(catalogue, &said, kind);
        assert!(against.is_empty(), "{path}: {against:?}");
        text.push_str(&format!("\n{}\n", answer.xml.replace("><", ">\n<")));
    }
    text
}

#[test]
fn every_department_has_worked_examples() {
    let catalogue = Catalogue::load_builtin().unwrap();
    let folder = repository().join("adapters/fixtures");
    let write = std::env::var_os("ONEPOINT_WRITE_FIXTURES").is_some();
    let list = |path: PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let mut outcomes = BTreeSet::new();
    let mut cases = 0;
    for name in DEPARTMENTS {
        let files = list(folder.join(name));
        let declared = files.iter().filter(|path| path.extension().is_some_and(|e| e == "xml"));
        let declared: Vec<&PathBuf> = declared.collect();
        assert!(!declared.is_empty(), "{name} has no example");
        for path in declared {
            let shown = path.display().to_string();
            let made = outcome(&catalogue, name, &fs::read(path).unwrap(), &shown);
            let expected = path.with_extension("txt");
            if write {
                fs::write(&expected, &made).unwrap();
            }
            let expected = fs::read_to_string(&expected).unwrap_or_default();
            let differs = made.lines().zip(expected.lines()).find(|(now, then)| now != then);
            assert!(made == expected, "{shown}: {differs:?}");
            outcomes.insert(made);
            cases += 1;
        }
    }
    assert_eq!(outcomes.len(), cases, "two examples come to the same");
    assert_eq!(list(folder).len(), DEPARTMENTS.len(), "a folder of no department");
}
