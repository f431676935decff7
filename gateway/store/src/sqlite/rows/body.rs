//! Rows about payloads: where one lies, under which data key, in which segment.

use onepoint_proof::Hash;
use rusqlite::{Connection, Row};

use super::{Digest, Sql, all, one, unsigned};
use crate::model::BodyId;
use crate::sealing::WrappedKey;

/// Where the bytes of a payload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sqlite) enum Place {
    /// In the row.
    Here,
    /// In a segment file.
    Segment(Hash),
    /// Nowhere any more, since then.
    Erased(i64),
    /// The row contradicts itself or its segment.
    Unclear,
}

/// A payload as stored.
#[derive(Debug)]
pub(in crate::sqlite) struct StoredBody {
    pub(in crate::sqlite) id: i64,
    pub(in crate::sqlite) place: Place,
    /// As they are in the row; empty when they are elsewhere.
    pub(in crate::sqlite) bytes: Vec<u8>,
    /// The data key that seals it; `None` for a plain one.
    pub(in crate::sqlite) key: Option<WrappedKey>,
    /// SHA-256 of the plain payload; stores of version 1 did not keep it.
    pub(in crate::sqlite) digest: Option<Hash>,
    /// Length of the plain payload; likewise.
    pub(in crate::sqlite) plain_bytes: Option<u64>,
}

/// A data key with what it has sealed.
#[derive(Debug)]
pub(in crate::sqlite) struct KeyRow {
    pub(in crate::sqlite) key: WrappedKey,
    /// Days since 1970 in the zone's time (UTC+8).
    pub(in crate::sqlite) day: i64,
    pub(in crate::sqlite) payloads: u64,
}

const BODY: &str = "SELECT b.id, b.bytes, b.digest, b.plain_bytes, b.place, s.digest, s.erased_ms, \
    b.data_key, k.master, k.wrapped, k.destroyed_ms FROM body b \
    LEFT JOIN segment s ON s.id = b.segment LEFT JOIN data_key k ON k.id = b.data_key";
const KEY: &str = "SELECT id, master, wrapped, destroyed_ms, day, payloads FROM data_key";

pub(in crate::sqlite) fn body(on: &Connection, id: BodyId) -> Sql<Option<StoredBody>> {
    one(on, BODY, "WHERE b.id = ?1", [id.0], to_body)
}

/// Plain length of a payload that is still in its row.
pub(in crate::sqlite) fn body_bytes(on: &Connection, id: BodyId) -> Sql<Option<u64>> {
    let select = "SELECT coalesce(plain_bytes, length(bytes)) FROM body";
    one(on, select, "WHERE id = ?1 AND place = 0", [id.0], |row| unsigned(row, 0))
}

/// The number that the next payload gets. Rows of payloads are never removed.
pub(in crate::sqlite) fn next_body(on: &Connection) -> Sql<i64> {
    let next = one(on, "SELECT coalesce(max(id), 0) + 1 FROM body", "", [], |row| row.get(0))?;
    Ok(next.unwrap_or(1))
}

pub(in crate::sqlite) fn newest_key(on: &Connection) -> Sql<Option<KeyRow>> {
    one(on, KEY, "ORDER BY id DESC LIMIT 1", [], to_key)
}

/// All data keys that are not destroyed.
pub(in crate::sqlite) fn live_keys(on: &Connection) -> Sql<Vec<KeyRow>> {
    all(on, KEY, "WHERE wrapped IS NOT NULL ORDER BY id", [], to_key)
}

fn to_key(row: &Row<'_>) -> Sql<KeyRow> {
    let key = WrappedKey {
        id: row.get(0)?,
        master: row.get(1)?,
        wrapped: row.get(2)?,
        destroyed_ms: row.get(3)?,
    };
    Ok(KeyRow { key, day: row.get(4)?, payloads: unsigned(row, 5)? })
}

fn to_body(row: &Row<'_>) -> Sql<StoredBody> {
    let number: i64 = row.get(4)?;
    let segment = row.get::<_, Option<Digest>>(5)?.map(|digest| digest.0);
    let erased: Option<i64> = row.get(6)?;
    let place = match (number, segment, erased) {
        (0, None, _) => Place::Here,
        (1, Some(segment), None) => Place::Segment(segment),
        (2, Some(_), Some(at_ms)) => Place::Erased(at_ms),
        _ => Place::Unclear,
    };
    let key: Option<i64> = row.get(7)?;
    let key = match key {
        None => None,
        // A key that is named but not there gives no master: it cannot be opened.
        Some(id) => Some(WrappedKey {
            id,
            master: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
            wrapped: row.get(9)?,
            destroyed_ms: row.get(10)?,
        }),
    };
    let plain_bytes: Option<i64> = row.get(3)?;
    Ok(StoredBody {
        id: row.get(0)?,
        place,
        bytes: row.get(1)?,
        key,
        digest: row.get::<_, Option<Digest>>(2)?.map(|digest| digest.0),
        plain_bytes: plain_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
    })
}
