//! What is registered, and what the log says of it.

use std::path::Path;

use onepoint_proof::LogSigner;
use onepoint_store::{Reader, SqliteOptions, SqliteReader, SqliteStore};

use super::*;
use crate::commands::init::{Pilot, write as write_pilot};

const NOW: i64 = 1_795_478_400_000;

fn settings(folder: &Path, edit: impl Fn(String) -> String) -> Settings {
    let path = folder.join("onepoint.toml");
    let text = edit(std::fs::read_to_string(&path).unwrap());
    crate::config::compile(&path, &text, &|p| std::fs::read_to_string(p)).unwrap()
}

struct World {
    ledger: Ledger<SqliteStore>,
    reader: SqliteReader,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let pilot = folder.path().join("pilot");
    let listen = "127.0.0.1:1".parse().unwrap();
    let spec = Pilot { folder: &pilot, listen, amqp: None, url: None, more_certificates: &[] };
    write_pilot(&spec, jiff::Timestamp::from_millisecond(NOW).unwrap()).unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("s"), NOW)).unwrap();
    let reader = store.reader().unwrap();
    let signer = LogSigner::from_seed("log.onepoint.example/administer", &[4; 32]).unwrap();
    World { ledger: Ledger::open(store, signer).unwrap(), reader, folder }
}

impl World {
    fn announce(&mut self, edit: impl Fn(String) -> String) -> Vec<(String, String, String)> {
        let settings = settings(&self.folder.path().join("pilot"), edit);
        let facts = FactMaker::new("pilot".to_owned());
        let from = self.ledger.size();
        let written = announce(&mut self.ledger, &facts, &Registered::of(&settings), NOW).unwrap();
        let rows = self.reader.facts(from, 1000).unwrap();
        assert_eq!(rows.len(), written);
        let text = |fact: &onepoint_proof::Fact, name: &str| {
            fact.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let read = |row: onepoint_store::FactRow| {
            let fact = onepoint_proof::Fact::parse(&row.fact).unwrap();
            (row.kind, text(&fact, "change"), text(&fact, "name"))
        };
        rows.into_iter().map(read).collect()
    }
}

#[test]
fn everything_is_said_once_and_changes_are_said_when_they_come() {
    let mut world = world();
    let first = world.announce(|text| text);
    assert!(first.iter().all(|(_, change, _)| change == "added"));
    for kind in ["participant", "certificate", "key", "policy"] {
        assert!(first.iter().any(|(k, _, _)| k == kind), "{kind}: {first:?}");
    }
    let names: Vec<&str> = first.iter().map(|(_, _, name)| name.as_str()).collect();
    for name in ["platform", "customs", "routes", "log", "seal"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("anchor ")), "{names:?}");
    assert_eq!(world.announce(|text| text), []);

    // A right more, and a participant less.
    let other = world.announce(|text| text.replacen("CEB311Message", "CEB312Message", 1));
    assert_eq!(other, [("participant".to_owned(), "changed".to_owned(), "platform".to_owned())]);
    let back = world.announce(|text| text);
    assert_eq!(back.len(), 1, "{back:?}");
    // Without a seal nothing can be countersigned either.
    let plain = |text: String| text.replace(", \"countersigned\"]", "]");
    assert_eq!(world.announce(plain).len(), 1, "the routes");
    let gone = world.announce(|text| {
        let text = plain(text);
        let at = text.find("[seal]").unwrap();
        let end = text.find("[trust]").unwrap();
        format!("{}{}", text.get(..at).unwrap(), text.get(end..).unwrap())
    });
    assert_eq!(gone, [("key".to_owned(), "removed".to_owned(), "seal".to_owned())]);
}

/// A policy with a grace of its own, and one that leaves it to the configuration.
#[test]
fn policies_are_said_with_the_rules_that_they_have() {
    let mut world = world();
    let policy = |name: &str, rule: &str| {
        format!("\n[[policy]]\nname = \"{name}\"\nuntil = \"2099-12-31\"\n{rule}\n")
    };
    let both = policy("own", "revocation_grace_h = 5") + &policy("ceb-field", "");
    world.announce(|text| text + &both);
    let rules = |name: &str| {
        let index = world.reader.registered_fact("policy", name).unwrap().unwrap();
        let fact = world.reader.receipt(index).unwrap().unwrap().fact;
        fact.get("says").unwrap().get("rules").unwrap().clone()
    };
    assert_eq!(rules("signature own")["revocation_grace_hours"], 5);
    let field = rules("signature ceb-field");
    assert_eq!(field.get("revocation_grace_hours"), None);
    assert_eq!(field["allow_flat_signed_info"], true);
}

#[test]
fn what_is_too_long_for_a_fact_stands_there_by_its_digest() {
    let mut world = world();
    let many: Vec<String> = (0..1500).map(|n| format!("\"CEB{n:07}Message\"")).collect();
    let line = format!("may_send = [{}, ", many.join(", "));
    let long = world.announce(|text| text.replacen("may_send = [", &line, 1));
    assert!(!long.is_empty());
    let index = world.reader.registered_fact("participant", "platform").unwrap().unwrap();
    let fact = world.reader.receipt(index).unwrap().unwrap().fact;
    assert_eq!(fact.get("says"), None);
    assert!(fact.get("says_digest").is_some());
}
