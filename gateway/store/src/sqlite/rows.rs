//! Rows read out of SQLite, by the writer within its transaction and by readers.
//!
//! In: a connection and keys; out: the rows of [`crate::model`]. Every statement
//! is prepared once for each connection. Numbers beyond what a column can hold
//! find nothing rather than something else.

use std::sync::LazyLock;

use onepoint_proof::{Hash, tile};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, params};

use crate::model::*;

mod body;
mod register;
mod retention;
mod tiles;

pub(super) use body::*;
pub(super) use register::*;
pub(super) use retention::*;
pub(super) use tiles::*;

/// Most hashes of a tile and entries of a bundle.
const TILE: usize = tile::TILE_WIDTH as usize;

/// What SQLite answered.
pub(super) type Sql<T> = Result<T, rusqlite::Error>;

const MESSAGE: &str = "SELECT id, zone, sender, guid, content_digest, message_type, media_type, \
    outcome, received_ms, body FROM message";
const DOCUMENT: &str = "SELECT message, idx, guid, app_type, key_kind, key_value, order_key, \
    outcome, status, status_ms FROM document";
const KEY: &str = "SELECT k.version, k.message, k.document, k.app_type, k.declared_ms, \
    k.period_start_ms, d.status FROM business_key k \
    LEFT JOIN document d ON d.message = k.message AND d.idx = k.document \
    WHERE k.kind = ?1 AND k.value = ?2 ORDER BY k.version";
pub(super) const FACT: &str = "SELECT log_index, message, document, participant, kind, time_ms, fact, nonce, \
    entry, leaf_hash FROM fact";
const DELIVERY: &str = "SELECT seq, id, message, kind, destination, routing_key, order_keys, \
    message_type, headers, body, body_bytes, state, created_ms, relayed_ms, delivered_ms \
    FROM delivery";
const ANSWER: &str = "SELECT department, answer_id, message, content_digest, message_type, \
    received_ms, body FROM answer";
const CHECKPOINT: &str = "SELECT size, root, note, time_ms, seal FROM checkpoint";

pub(super) fn message(on: &Connection, id: &str) -> Sql<Option<MessageRow>> {
    one(on, MESSAGE, "WHERE id = ?1", [id], to_message)
}

// Asked for each message, and most often in vain: not put together anew each time, as others are.
pub(super) fn seen_message(on: &Connection, key: &MessageKey<'_>) -> Sql<Option<SeenMessage>> {
    let sql = "SELECT id, content_digest, received_ms, outcome FROM message \
        WHERE zone = ?1 AND sender = ?2 AND guid = ?3";
    let seen = |row: &Row<'_>| {
        Ok(SeenMessage {
            id: row.get(0)?,
            content_digest: row.get::<_, Digest>(1)?.0,
            received_ms: row.get(2)?,
            outcome: row.get(3)?,
        })
    };
    on.prepare_cached(sql)?.query_row([key.zone, key.sender, key.guid], seen).optional()
}

pub(super) fn document(on: &Connection, message: &str, index: u32) -> Sql<Option<DocumentRow>> {
    one(on, DOCUMENT, "WHERE message = ?1 AND idx = ?2", params![message, index], to_document)
}

pub(super) fn documents(on: &Connection, message: &str) -> Sql<Vec<DocumentRow>> {
    all(on, DOCUMENT, "WHERE message = ?1 ORDER BY idx", [message], to_document)
}

pub(super) fn key_state(on: &Connection, key: &BusinessKey<'_>) -> Sql<Option<KeyState>> {
    static LAST: LazyLock<String> = LazyLock::new(|| format!("{KEY} DESC LIMIT 1"));
    on.prepare_cached(&LAST)?.query_row([key.kind, key.value], to_key_state).optional()
}

pub(super) fn key_versions(on: &Connection, key: &BusinessKey<'_>) -> Sql<Vec<KeyState>> {
    let place = format!("LIMIT {MAX_ROWS}");
    all(on, KEY, &place, [key.kind, key.value], to_key_state)
}

pub(super) fn fact(on: &Connection, index: u64) -> Sql<Option<FactRow>> {
    one(on, FACT, "WHERE log_index = ?1", [number(index)], to_fact)
}

pub(super) fn facts_of(on: &Connection, message: &str) -> Sql<Vec<FactRow>> {
    all(on, FACT, "WHERE message = ?1 ORDER BY log_index", [message], to_fact)
}

pub(super) fn facts(on: &Connection, from: u64, max: usize) -> Sql<Vec<FactRow>> {
    let range = [number(from), limit(max)];
    all(on, FACT, "WHERE log_index >= ?1 ORDER BY log_index LIMIT ?2", range, to_fact)
}

pub(super) fn facts_about(
    on: &Connection,
    participant: &str,
    from: u64,
    max: usize,
) -> Sql<Vec<FactRow>> {
    let place = "WHERE participant = ?1 AND log_index >= ?2 ORDER BY log_index LIMIT ?3";
    all(on, FACT, place, params![participant, number(from), limit(max)], to_fact)
}

pub(super) fn next_index(on: &Connection) -> Sql<u64> {
    let sql = "SELECT coalesce(max(log_index) + 1, 0) FROM fact";
    Ok(one(on, sql, "", [], |row| unsigned(row, 0))?.unwrap_or(0))
}

pub(super) fn delivery(on: &Connection, seq: u64) -> Sql<Option<Delivery>> {
    one(on, DELIVERY, "WHERE seq = ?1", [number(seq)], to_delivery)
}

pub(super) fn delivery_state(on: &Connection, seq: u64) -> Sql<Option<DeliveryState>> {
    one(on, "SELECT state FROM delivery", "WHERE seq = ?1", [number(seq)], |row| row.get(0))
}

pub(super) fn delivery_by_id(on: &Connection, id: &str) -> Sql<Option<Delivery>> {
    one(on, DELIVERY, "WHERE id = ?1", [id], to_delivery)
}

/// Their ids begin with the message's id and a dot; `/` is the character after the dot.
pub(super) fn deliveries_of(on: &Connection, message: &str) -> Sql<Vec<Delivery>> {
    let (from, until) = (format!("{message}."), format!("{message}/"));
    all(on, DELIVERY, "WHERE id > ?1 AND id < ?2 ORDER BY id", [from, until], to_delivery)
}

pub(super) fn pending(on: &Connection, query: &PendingQuery<'_>) -> Sql<Vec<Delivery>> {
    let limit = limit(query.max_rows);
    let after = i64::try_from(query.after_seq).unwrap_or(i64::MAX);
    let kind = kind_number(query.kind);
    let mut statement;
    let mut rows = match query.destination {
        Some(destination) => {
            let place = "WHERE state = 0 AND kind = ?1 AND destination = ?2 AND seq > ?3 \
                ORDER BY seq LIMIT ?4";
            statement = prepare(on, DELIVERY, place)?;
            statement.query(params![kind, destination, after, limit])?
        }
        None => {
            let place = "WHERE state = 0 AND kind = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
            statement = prepare(on, DELIVERY, place)?;
            statement.query(params![kind, after, limit])?
        }
    };
    let (mut found, mut bytes) = (Vec::new(), 0u64);
    while let Some(row) = rows.next()? {
        let delivery = to_delivery(row)?;
        bytes = bytes.saturating_add(delivery.body_bytes);
        if bytes > query.max_bytes && !found.is_empty() {
            break;
        }
        found.push(delivery);
    }
    Ok(found)
}

pub(super) fn seen_answer(
    on: &Connection,
    department: &str,
    answer_id: &str,
) -> Sql<Option<SeenAnswer>> {
    let place = "WHERE department = ?1 AND answer_id = ?2";
    let found = one(on, ANSWER, place, [department, answer_id], to_answer)?;
    Ok(found.map(|row| SeenAnswer { message: row.message, content_digest: row.content_digest }))
}

pub(super) fn answers_of(on: &Connection, message: &str) -> Sql<Vec<AnswerRow>> {
    all(on, ANSWER, "WHERE message = ?1 ORDER BY received_ms, body", [message], to_answer)
}

pub(super) fn latest_checkpoint(on: &Connection) -> Sql<Option<CheckpointRow>> {
    one(on, CHECKPOINT, "ORDER BY size DESC LIMIT 1", [], to_checkpoint)
}

pub(super) fn checkpoint(on: &Connection, size: u64) -> Sql<Option<CheckpointRow>> {
    one(on, CHECKPOINT, "WHERE size = ?1", [number(size)], to_checkpoint)
}

pub(super) fn checkpoints(on: &Connection, after: u64, max: usize) -> Sql<Vec<CheckpointRow>> {
    let range = [number(after), limit(max)];
    all(on, CHECKPOINT, "WHERE size > ?1 ORDER BY size LIMIT ?2", range, to_checkpoint)
}

pub(super) fn entries(on: &Connection, index: u64, width: u16) -> Sql<Option<Vec<Vec<u8>>>> {
    if width == 0 || usize::from(width) > TILE {
        return Ok(None);
    }
    bundle(on, "SELECT entry FROM fact", index, width, |row| row.get(0))
}

/// A column of the first `width` facts of the bundle at `index`, if there are as many.
fn bundle<T>(
    on: &Connection,
    select: &str,
    index: u64,
    width: u16,
    read: fn(&Row<'_>) -> Sql<T>,
) -> Sql<Option<Vec<T>>> {
    let Some(start) = index.checked_mul(256) else { return Ok(None) };
    let range = params![number(start), number(start.saturating_add(u64::from(width)))];
    let place = "WHERE log_index >= ?1 AND log_index < ?2 ORDER BY log_index";
    let found = all(on, select, place, range, read)?;
    Ok((found.len() == usize::from(width)).then_some(found))
}

pub(super) fn log_identity(on: &Connection) -> Sql<Option<LogIdentity>> {
    one(on, "SELECT origin, key FROM log_identity", "", [], |row| {
        Ok(LogIdentity { origin: row.get(0)?, key: row.get(1)? })
    })
}

pub(super) fn epoch(on: &Connection) -> Sql<u64> {
    Ok(one(on, "SELECT epoch FROM writer", "", [], |row| unsigned(row, 0))?.unwrap_or(0))
}

pub(super) fn counts(on: &Connection) -> Sql<Counts> {
    let counters = all(on, "SELECT name, value FROM counter", "", [], |row| {
        Ok((row.get::<_, String>(0)?, unsigned(row, 1)?))
    })?;
    let mut counts = Counts { facts: next_index(on)?, ..Counts::default() };
    for (name, value) in counters {
        match name.as_str() {
            "accepted" => counts.accepted = value,
            "refused" => counts.refused = value,
            "pending" => counts.pending = value,
            "relayed" => counts.relayed = value,
            "delivered" => counts.delivered = value,
            "answers" => counts.answers = value,
            _ => {}
        }
    }
    Ok(counts)
}

fn prepare<'c>(on: &'c Connection, select: &str, place: &str) -> Sql<CachedStatement<'c>> {
    on.prepare_cached(&format!("{select} {place}"))
}

fn one<T>(
    on: &Connection,
    select: &str,
    place: &str,
    keys: impl Params,
    read: impl FnOnce(&Row<'_>) -> Sql<T>,
) -> Sql<Option<T>> {
    prepare(on, select, place)?.query_row(keys, read).optional()
}

fn all<T>(
    on: &Connection,
    select: &str,
    place: &str,
    keys: impl Params,
    read: impl FnMut(&Row<'_>) -> Sql<T>,
) -> Sql<Vec<T>> {
    prepare(on, select, place)?.query_map(keys, read)?.collect()
}

/// A number for a column; one that no column can hold is found nowhere.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MIN)
}

/// At most so many rows, and never more than one read may return.
fn limit(max: usize) -> i64 {
    i64::try_from(max.min(MAX_ROWS)).unwrap_or(0)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Sql<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn bad(column: usize, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
}

/// 32 bytes in a column.
struct Digest(Hash);

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Digest> {
        <[u8; 32]>::column_result(value).map(|bytes| Digest(Hash::new(bytes)))
    }
}

impl FromSql for Outcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Outcome> {
        match value.as_i64()? {
            0 => Ok(Outcome::Accepted),
            1 => Ok(Outcome::Refused),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

pub(super) fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Refused => 1,
    }
}

impl FromSql for DestinationKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<DestinationKind> {
        match value.as_i64()? {
            0 => Ok(DestinationKind::Department),
            1 => Ok(DestinationKind::Receipts),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

pub(super) fn kind_number(kind: DestinationKind) -> i64 {
    match kind {
        DestinationKind::Department => 0,
        DestinationKind::Receipts => 1,
    }
}

impl FromSql for DeliveryState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<DeliveryState> {
        match value.as_i64()? {
            0 => Ok(DeliveryState::Pending),
            1 => Ok(DeliveryState::Relayed),
            2 => Ok(DeliveryState::Delivered),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

fn to_message(row: &Row<'_>) -> Sql<MessageRow> {
    Ok(MessageRow {
        id: row.get(0)?,
        zone: row.get(1)?,
        sender: row.get(2)?,
        guid: row.get(3)?,
        content_digest: row.get::<_, Digest>(4)?.0,
        message_type: row.get(5)?,
        media_type: row.get(6)?,
        outcome: row.get(7)?,
        received_ms: row.get(8)?,
        body: BodyId(row.get(9)?),
    })
}

fn to_document(row: &Row<'_>) -> Sql<DocumentRow> {
    let (kind, value): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let (status, status_ms): (Option<i64>, Option<i64>) = (row.get(8)?, row.get(9)?);
    Ok(DocumentRow {
        message: row.get(0)?,
        index: row.get(1)?,
        guid: row.get(2)?,
        app_type: row.get(3)?,
        business_key: kind.zip(value),
        order_key: row.get(6)?,
        outcome: row.get(7)?,
        last_status: status.zip(status_ms),
    })
}

fn to_key_state(row: &Row<'_>) -> Sql<KeyState> {
    Ok(KeyState {
        version: row.get(0)?,
        message: row.get(1)?,
        document: row.get(2)?,
        app_type: row.get(3)?,
        declared_ms: row.get(4)?,
        period_start_ms: row.get(5)?,
        last_status: row.get(6)?,
    })
}

pub(super) fn to_fact(row: &Row<'_>) -> Sql<FactRow> {
    Ok(FactRow {
        index: unsigned(row, 0)?,
        message: row.get(1)?,
        document: row.get(2)?,
        participant: row.get(3)?,
        kind: row.get(4)?,
        time_ms: row.get(5)?,
        fact: row.get(6)?,
        nonce: row.get(7)?,
        entry: row.get(8)?,
        leaf_hash: row.get::<_, Digest>(9)?.0,
    })
}

fn to_delivery(row: &Row<'_>) -> Sql<Delivery> {
    let order_keys = row.get_ref(6)?.as_str().map_err(|error| bad(6, error))?;
    let order_keys = serde_json::from_str(order_keys)
        .map_err(|error| bad(6, FromSqlError::Other(error.into())))?;
    Ok(Delivery {
        seq: unsigned(row, 0)?,
        id: row.get(1)?,
        message: row.get(2)?,
        kind: row.get(3)?,
        destination: row.get(4)?,
        routing_key: row.get(5)?,
        order_keys,
        message_type: row.get(7)?,
        headers: row.get(8)?,
        body: BodyId(row.get(9)?),
        body_bytes: unsigned(row, 10)?,
        state: row.get(11)?,
        created_ms: row.get(12)?,
        relayed_ms: row.get(13)?,
        delivered_ms: row.get(14)?,
    })
}

fn to_answer(row: &Row<'_>) -> Sql<AnswerRow> {
    Ok(AnswerRow {
        department: row.get(0)?,
        answer_id: row.get(1)?,
        message: row.get(2)?,
        content_digest: row.get::<_, Digest>(3)?.0,
        message_type: row.get(4)?,
        received_ms: row.get(5)?,
        body: BodyId(row.get(6)?),
    })
}

fn to_checkpoint(row: &Row<'_>) -> Sql<CheckpointRow> {
    Ok(CheckpointRow {
        size: unsigned(row, 0)?,
        root: row.get::<_, Digest>(1)?.0,
        note: row.get(2)?,
        time_ms: row.get(3)?,
        seal: row.get::<_, Option<Digest>>(4)?.map(|digest| digest.0),
    })
}
