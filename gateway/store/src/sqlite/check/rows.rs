//! Messages, documents, deliveries and answers against the facts about them, and
//! the counters against the rows.
//!
//! In: the rows, message by message; out: findings with table and key. Facts are
//! proven by the log, so that a row that says otherwise was altered or damaged.
//! Where facts are erased nothing can be said of the rows about them.

use onepoint_proof::{Fact, Hash};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::Run;
use crate::model::*;
use crate::sqlite::{rows, sums};

type Sql<T> = Result<T, rusqlite::Error>;

pub(super) fn all(run: &mut Run<'_>, on: &Connection) -> Sql<()> {
    let mut statement = on.prepare("SELECT id FROM message ORDER BY id")?;
    let mut ids = statement.query([])?;
    let mut seen = Seen::default();
    while let Some(row) = ids.next()? {
        let id: String = row.get(0)?;
        let place = run.at(format!("table message {id}"));
        // One that cannot be read does not keep the others from being checked.
        if let Err(error) = message(run, on, &id, &mut seen) {
            run.find("row-differs", place, error);
        }
    }
    run.seen.rows = seen.messages + seen.documents + seen.deliveries + seen.answers;
    for (table, seen) in [
        ("message", seen.messages),
        ("document", seen.documents),
        ("delivery", seen.deliveries),
        ("answer", seen.answers),
    ] {
        let sql = format!("SELECT count(*) FROM {table}");
        let stored: u64 = on.query_row(&sql, [], |row| rows::unsigned(row, 0))?;
        if stored != seen {
            let place = run.at(format!("table {table}"));
            run.find("row-differs", place, format!("{stored} rows, {seen} of known messages"));
        }
    }
    for table in &sums::TABLES {
        let place = run.at(format!("table {}", table.table));
        if let Err(error) = summed(run, on, table) {
            run.find("database-unreadable", place, error);
        }
    }
    counters(run, on)
}

/// Every row that has a sum against it.
fn summed(run: &mut Run<'_>, on: &Connection, table: &sums::Summed) -> Sql<()> {
    let mut statement = on.prepare(table.select)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !sums::holds(row)? {
            // The first columns are the key; of a blob its beginning is enough.
            let key: Vec<String> = (1..3).map(|n| row.get_ref(n).map(shown)).collect::<Sql<_>>()?;
            let place = run.at(format!("table {} {}", table.table, key.join(" ")));
            run.find("row-damaged", place, "its values have another sum");
        }
    }
    Ok(())
}

/// A value of a key, for a person.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "-".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).chars().take(64).collect(),
        ValueRef::Blob(bytes) => Hash::of(bytes).to_hex().chars().take(16).collect(),
    }
}

/// Whether the journal remembers that a head file was made.
pub(super) fn has_head(on: &Connection) -> Sql<bool> {
    on.prepare("SELECT 1 FROM counter WHERE name = 'head'")?.exists([])
}

/// How many rows were found by way of their messages.
#[derive(Default)]
struct Seen {
    messages: u64,
    documents: u64,
    deliveries: u64,
    answers: u64,
}

fn message(run: &mut Run<'_>, on: &Connection, id: &str, seen: &mut Seen) -> Sql<()> {
    let place = run.at(format!("table message {id}"));
    let Some(row) = rows::message(on, id)? else {
        run.find("row-differs", place, "it is not found under its id");
        return Ok(());
    };
    seen.messages += 1;
    let (documents, deliveries, answers) =
        (rows::documents(on, id)?, rows::deliveries_of(on, id)?, rows::answers_of(on, id)?);
    seen.documents += documents.len() as u64;
    seen.deliveries += deliveries.len() as u64;
    seen.answers += answers.len() as u64;
    let stored = rows::facts_of(on, id)?;
    if stored.iter().any(|fact| fact.participant.as_ref().is_some_and(|p| *p != row.sender)) {
        run.find("row-differs", &place, "a fact about it counts for another participant");
    }
    if stored.iter().any(FactRow::is_erased) {
        return Ok(());
    }
    // One that cannot be parsed is told where the log is checked.
    let facts: Vec<Fact> = stored.iter().filter_map(|fact| Fact::parse(&fact.fact).ok()).collect();
    if facts.is_empty() {
        run.find("row-differs", place, "no fact is about it");
        return Ok(());
    }
    own(run, on, &place, &row, &facts)?;
    for document in &documents {
        let place = run.at(format!("table document {id} {}", document.index));
        status(run, &place, document, &facts);
    }
    for delivery in &deliveries {
        let place = run.at(format!("table delivery {} {}", delivery.seq, delivery.id));
        moved(run, &place, delivery, &facts);
    }
    for row in &answers {
        let place = run.at(format!("table answer {} {}", row.department, row.answer_id));
        answer(run, on, &place, row, &facts)?;
    }
    Ok(())
}

/// The row of a message against the facts of its acceptance or refusal.
fn own(
    run: &mut Run<'_>,
    on: &Connection,
    place: &str,
    row: &MessageRow,
    facts: &[Fact],
) -> Sql<()> {
    let accepted = facts.iter().any(|fact| fact.kind().as_str() == "accepted");
    if accepted != (row.outcome == Outcome::Accepted) {
        run.find("row-differs", place, "its outcome is not that of its facts");
    }
    let intake = |fact: &&Fact| matches!(fact.kind().as_str(), "accepted" | "refused");
    let Some(fact) = facts.iter().find(intake) else { return Ok(()) };
    let content = row.content_digest.to_hex();
    for (column, stored, member) in [
        ("zone", Some(row.zone.as_str()), "zone"),
        ("sender", Some(row.sender.as_str()), "sender"),
        ("guid", row.guid.as_deref(), "guid"),
        ("message_type", Some(row.message_type.as_str()), "type"),
        ("content_digest", Some(content.as_str()), "content"),
    ] {
        let said = text(fact, member);
        if said.is_some() && stored.is_some() && said != stored {
            run.find("row-differs", place, format!("its {column} is not that of its fact"));
        }
    }
    payload(run, on, place, row.body, fact)
}

/// A stored payload against the digest in the fact about it.
fn payload(run: &mut Run<'_>, on: &Connection, place: &str, body: BodyId, fact: &Fact) -> Sql<()> {
    let said = fact.get("digest").and_then(|digest| digest.get("sha256")).and_then(Value::as_str);
    let Some(said) = said else { return Ok(()) };
    let sql = "SELECT digest, CASE WHEN digest IS NULL THEN bytes END FROM body WHERE id = ?1";
    let (digest, bytes) = on.prepare_cached(sql)?.query_row(params![body.0], |row| {
        Ok((row.get::<_, Option<[u8; 32]>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
    })?;
    let found = digest.map(Hash::new).or_else(|| bytes.map(|bytes| Hash::of(&bytes)));
    if found.is_some_and(|found| found.to_hex() != said) {
        let what = format!("payload {} is not the one that its fact names", body.0);
        run.find("payload-differs", place, what);
    }
    Ok(())
}

/// The last status of a document must be one that an answer gave it.
fn status(run: &mut Run<'_>, place: &str, document: &DocumentRow, facts: &[Fact]) {
    let Some((status, time_ms)) = document.last_status else { return };
    let given = facts.iter().any(|fact| {
        let about = fact.get("document").and_then(Value::as_u64);
        fact.kind().as_str() == "answered"
            && about == Some(u64::from(document.index))
            && text(fact, "status").and_then(|text| text.parse().ok()) == Some(status)
            && fact.time_ms() == time_ms
    });
    if !given {
        run.find("row-differs", place, format!("no answer gave it the status {status}"));
    }
}

/// How far a delivery has come, against the facts that say so. Those to participants have none.
fn moved(run: &mut Run<'_>, place: &str, delivery: &Delivery, facts: &[Fact]) {
    if delivery.kind != DestinationKind::Department {
        return;
    }
    let mine = || facts.iter().filter(|fact| text(fact, "delivery") == Some(&delivery.id));
    let said = |kind: &str| mine().any(|fact| fact.kind().as_str() == kind);
    let should = match (said("delivered"), said("relayed")) {
        (true, _) => DeliveryState::Delivered,
        (false, true) => DeliveryState::Relayed,
        (false, false) => DeliveryState::Pending,
    };
    if delivery.state != should {
        let what = format!("it is {:?}, by its facts it is {should:?}", delivery.state);
        run.find("delivery-differs", place, what);
    }
    let time = |kind: &str| mine().find(|f| f.kind().as_str() == kind).map(Fact::time_ms);
    if delivery.relayed_ms != time("relayed") || delivery.delivered_ms != time("delivered") {
        run.find("delivery-differs", place, "its times are not those of its facts");
    }
    let elsewhere = |fact: &Fact| {
        text(fact, "department").is_some_and(|department| department != delivery.destination)
    };
    if mine().any(elsewhere) {
        run.find("delivery-differs", place, "its facts name another department");
    }
}

fn answer(
    run: &mut Run<'_>,
    on: &Connection,
    place: &str,
    row: &AnswerRow,
    facts: &[Fact],
) -> Sql<()> {
    let fact = facts.iter().find(|fact| {
        fact.kind().as_str() == "answered"
            && text(fact, "answer") == Some(&row.answer_id)
            && text(fact, "department") == Some(&row.department)
    });
    // An answer about no document of the message makes no fact.
    let Some(fact) = fact else { return Ok(()) };
    let content = row.content_digest.to_hex();
    if text(fact, "content").is_some_and(|said| said != content) {
        run.find("row-differs", place, "its content_digest is not that of its fact");
    }
    payload(run, on, place, row.body, fact)
}

/// The counters of the metrics, counted once more.
fn counters(run: &mut Run<'_>, on: &Connection) -> Sql<()> {
    let stored = rows::counts(on)?;
    for (name, stored, sql) in [
        ("accepted", stored.accepted, "SELECT count(*) FROM message WHERE outcome = 0"),
        ("refused", stored.refused, "SELECT count(*) FROM message WHERE outcome = 1"),
        ("pending", stored.pending, "SELECT count(*) FROM delivery WHERE state = 0"),
        ("relayed", stored.relayed, "SELECT count(*) FROM delivery WHERE state = 1"),
        ("delivered", stored.delivered, "SELECT count(*) FROM delivery WHERE state = 2"),
        ("answers", stored.answers, "SELECT count(*) FROM answer"),
    ] {
        let counted: u64 = on.query_row(sql, [], |row| rows::unsigned(row, 0))?;
        if counted != stored {
            let place = run.at(format!("table counter {name}"));
            run.find("counter-differs", place, format!("it says {stored}, there are {counted}"));
        }
    }
    Ok(())
}

fn text<'f>(fact: &'f Fact, member: &str) -> Option<&'f str> {
    fact.get(member).and_then(Value::as_str)
}
