//! Days that end while the gateway runs, and while it does not.

use onepoint_proof::statement::running_start;
use onepoint_proof::{Fact, LogSigner};
use onepoint_store::{
    NewMessage, Outcome, Payload, Reader, SqliteOptions, SqliteReader, SqliteStore,
};
use serde_json::Value;

use super::*;

/// 2026-11-24T00:00:00+08:00.
const MIDNIGHT: i64 = 1_795_449_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct World {
    ledger: Ledger<SqliteStore>,
    reader: SqliteReader,
    facts: FactMaker,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(folder.path(), MIDNIGHT)).unwrap();
    let reader = store.reader().unwrap();
    let signer = LogSigner::from_seed("log.onepoint.example/statements", &[3; 32]).unwrap();
    let ledger = Ledger::open(store, signer).unwrap();
    let facts = FactMaker::new("z1".to_owned());
    World { ledger, reader, facts, _folder: folder }
}

impl World {
    fn close(&mut self, at: i64) -> usize {
        let both = ["jia".to_owned(), "yi".to_owned()];
        close_days(&mut self.ledger, &self.facts, &both, at).unwrap()
    }

    /// One message of jia with a fact.
    fn send(&mut self, id: &str, at: i64) {
        let fact = Fact::new(FactKind::ACCEPTED, at);
        let message = NewMessage {
            id,
            zone: "z1",
            sender: "jia",
            guid: None,
            content_digest: onepoint_proof::Hash::of(id.as_bytes()),
            message_type: "CEB311Message",
            media_type: "application/xml",
            outcome: Outcome::Accepted,
            received_ms: at,
            payload: Payload::of(b"<m/>"),
        };
        let work = &mut |tx: &mut LedgerTx<'_>| {
            tx.insert_message(&message)?;
            tx.append(Some(id), None, fact.clone()).map(drop)
        };
        self.ledger.commit(at, work).unwrap();
    }

    fn statement(&self, participant: &str, day: &str) -> Option<Fact> {
        let day = Day::parse(day).unwrap();
        let index = self.reader.registered_fact("statement", &name(participant, day)).unwrap()?;
        Some(self.reader.receipt(index).unwrap().unwrap().fact)
    }
}

fn number(fact: &Fact, name: &str) -> Option<u64> {
    fact.get(name).and_then(Value::as_u64)
}

#[test]
fn a_day_that_is_over_gets_one_statement_for_each_participant() {
    let mut world = world();
    assert_eq!(world.close(MIDNIGHT + HOUR), 0, "nothing was before");
    world.send("m1", MIDNIGHT + HOUR);
    world.send("m2", MIDNIGHT + 2 * HOUR);
    assert_eq!(world.close(MIDNIGHT + DAY - 1), 0, "the day is not over");
    assert_eq!(world.statement("jia", "2026-11-24"), None);
    assert_eq!(world.close(MIDNIGHT + DAY), 2);
    let jia = world.statement("jia", "2026-11-24").unwrap();
    assert_eq!(number(&jia, "count"), Some(2));
    assert_eq!((number(&jia, "first"), number(&jia, "last")), (Some(0), Some(1)));
    let yi = world.statement("yi", "2026-11-24").unwrap();
    assert_eq!(number(&yi, "count"), Some(0));
    assert_eq!(number(&yi, "first"), None);
    let empty = running_start("yi", Day::parse("2026-11-24").unwrap()).to_hex();
    assert_eq!(yi.get("running").and_then(Value::as_str), Some(empty.as_str()));
    assert_eq!(world.close(MIDNIGHT + DAY + HOUR), 0, "once");
}

#[test]
fn days_that_ended_while_it_was_down_are_made_up_for_in_order() {
    let mut world = world();
    world.close(MIDNIGHT);
    world.send("m1", MIDNIGHT);
    assert_eq!(world.close(MIDNIGHT + 3 * DAY + HOUR), 6);
    for (day, count) in [("2026-11-24", 1), ("2026-11-25", 0), ("2026-11-26", 0)] {
        assert_eq!(number(&world.statement("jia", day).unwrap(), "count"), Some(count), "{day}");
    }
    assert_eq!(world.statement("jia", "2026-11-27"), None);
}

#[test]
fn a_clock_that_goes_back_reopens_no_day() {
    let mut world = world();
    world.close(MIDNIGHT);
    assert_eq!(world.close(MIDNIGHT + DAY), 2);
    // An hour back, into the day that is closed: the log's time stays where it was.
    assert_eq!(world.close(MIDNIGHT + DAY - HOUR), 0);
    let (facts, now) =
        world.facts.at(world.ledger.time(MIDNIGHT + DAY - HOUR), MIDNIGHT + DAY - HOUR);
    assert_eq!(now, MIDNIGHT + DAY);
    let fact = facts.own(FactKind::KEY, now);
    assert_eq!(fact.get("clock").and_then(Value::as_str), Some("2026-11-24T15:00:00.000Z"));
}
