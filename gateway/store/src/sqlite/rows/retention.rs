//! Rows about the archive: which messages are closed, which payloads they have, which
//! segments are due.

use onepoint_proof::Hash;
use rusqlite::{Connection, params};

use super::{Digest, Sql, all, limit, number, one, unsigned};
use crate::model::BodyId;

/// The counter that says how far the log was gone through.
pub(in crate::sqlite) const ARCHIVED_TO: &str = "archived_to";

/// Of a message, whether anybody still waits for something.
#[derive(Debug)]
pub(in crate::sqlite) struct Settlement {
    pub(in crate::sqlite) received_ms: i64,
    /// When the last of its payloads came.
    pub(in crate::sqlite) last_received_ms: i64,
    pub(in crate::sqlite) open: bool,
}

/// Of a fact, what the archive must know.
#[derive(Debug)]
pub(in crate::sqlite) struct FactHead {
    pub(in crate::sqlite) index: u64,
    pub(in crate::sqlite) message: Option<String>,
    pub(in crate::sqlite) kind: String,
    pub(in crate::sqlite) time_ms: i64,
}

/// Refused, or: no delivery is pending, and no department that was relayed or delivered to after
/// `patience_ms` lacks an answer.
const SETTLEMENT: &str = "SELECT received_ms, \
    (SELECT max(received_ms) FROM answer WHERE message = ?1), \
    EXISTS (SELECT 1 FROM delivery d WHERE d.id > ?2 AND d.id < ?3 AND (d.state = 0 OR \
    (outcome = 0 AND d.kind = 0 AND coalesce(d.delivered_ms, d.relayed_ms) > ?4 AND NOT EXISTS \
    (SELECT 1 FROM answer a WHERE a.message = ?1 AND a.department = d.destination)))) \
    FROM message";
/// Payloads of a message: its own, those of its answers, those that only deliveries name.
const BODIES_HERE: &str = "SELECT id FROM body WHERE place = 0 AND id IN \
    (SELECT body FROM message WHERE id = ?1 \
    UNION SELECT body FROM answer WHERE message = ?1 \
    UNION SELECT body FROM delivery WHERE id > ?2 AND id < ?3)";

pub(in crate::sqlite) fn settlement(
    on: &Connection,
    message: &str,
    patience_ms: i64,
) -> Sql<Option<Settlement>> {
    let (from, until) = (format!("{message}."), format!("{message}/"));
    one(on, SETTLEMENT, "WHERE id = ?1", params![message, from, until, patience_ms], |row| {
        let (received_ms, answered): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let last_received_ms = answered.map_or(received_ms, |at| at.max(received_ms));
        Ok(Settlement { received_ms, last_received_ms, open: row.get(2)? })
    })
}

pub(in crate::sqlite) fn bodies_here(on: &Connection, message: &str) -> Sql<Vec<BodyId>> {
    let (from, until) = (format!("{message}."), format!("{message}/"));
    all(on, BODIES_HERE, "ORDER BY id", params![message, from, until], |row| {
        Ok(BodyId(row.get(0)?))
    })
}

pub(in crate::sqlite) fn archived_to(on: &Connection) -> Sql<u64> {
    let found = one(on, "SELECT value FROM counter", "WHERE name = ?1", [ARCHIVED_TO], |row| {
        unsigned(row, 0)
    })?;
    Ok(found.unwrap_or(0))
}

/// What came into the log from an index on, in its order.
pub(in crate::sqlite) fn fact_heads(on: &Connection, from: u64, max: usize) -> Sql<Vec<FactHead>> {
    let select = "SELECT log_index, message, kind, time_ms FROM fact";
    let place = "WHERE log_index >= ?1 ORDER BY log_index LIMIT ?2";
    all(on, select, place, [number(from), limit(max)], |row| {
        let index = unsigned(row, 0)?;
        Ok(FactHead { index, message: row.get(1)?, kind: row.get(2)?, time_ms: row.get(3)? })
    })
}

/// Messages that were old enough but not closed, by id.
pub(in crate::sqlite) fn unsettled(on: &Connection, after: &str, max: usize) -> Sql<Vec<String>> {
    let place = "WHERE message > ?1 ORDER BY message LIMIT ?2";
    all(on, "SELECT message FROM unsettled", place, params![after, limit(max)], |row| row.get(0))
}

/// Whether payloads are in the segment of this name.
pub(in crate::sqlite) fn holds_segment(on: &Connection, name: &Hash) -> Sql<bool> {
    let place = "WHERE digest = ?1 AND erased_ms IS NULL";
    Ok(one(on, "SELECT 1 FROM segment", place, [name.as_bytes()], |_| Ok(()))?.is_some())
}

/// The first segment whose payloads all came by `limit_ms`, and which no pending delivery needs.
pub(in crate::sqlite) fn due_segment(on: &Connection, limit_ms: i64) -> Sql<Option<(i64, Hash)>> {
    let place = "WHERE erased_ms IS NULL AND last_received_ms <= ?1 AND NOT EXISTS \
        (SELECT 1 FROM delivery d JOIN body b ON b.id = d.body \
        WHERE d.state = 0 AND b.segment = segment.id) ORDER BY id LIMIT 1";
    one(on, "SELECT id, digest FROM segment", place, [limit_ms], |row| {
        Ok((row.get(0)?, row.get::<_, Digest>(1)?.0))
    })
}

/// Payloads in one place.
#[derive(Debug)]
pub(in crate::sqlite) struct VolumeRow {
    pub(in crate::sqlite) place: i64,
    pub(in crate::sqlite) payloads: u64,
    pub(in crate::sqlite) bytes: u64,
    /// Not sealed.
    pub(in crate::sqlite) plain: u64,
}

pub(in crate::sqlite) fn volumes(on: &Connection) -> Sql<Vec<VolumeRow>> {
    let select = "SELECT place, count(*), sum(coalesce(plain_bytes, length(bytes))), \
        sum(data_key IS NULL) FROM body GROUP BY place";
    all(on, select, "", [], |row| {
        let (payloads, bytes, plain) = (unsigned(row, 1)?, unsigned(row, 2)?, unsigned(row, 3)?);
        Ok(VolumeRow { place: row.get(0)?, payloads, bytes, plain })
    })
}

/// Number and bytes of the segments that are there.
pub(in crate::sqlite) fn segments_sum(on: &Connection) -> Sql<(u64, u64)> {
    let select = "SELECT count(*), coalesce(sum(bytes), 0) FROM segment WHERE erased_ms IS NULL";
    let found = one(on, select, "", [], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))?;
    Ok(found.unwrap_or_default())
}

/// Data keys by the master key that wraps them; those without one are destroyed.
pub(in crate::sqlite) fn keys_by_master(on: &Connection) -> Sql<Vec<(Option<String>, u64)>> {
    let select = "SELECT iif(wrapped IS NULL, NULL, master) AS by, count(*) FROM data_key";
    all(on, select, "GROUP BY by ORDER BY by", [], |row| Ok((row.get(0)?, unsigned(row, 1)?)))
}

pub(in crate::sqlite) fn count_of(on: &Connection, select: &str) -> Sql<u64> {
    Ok(one(on, select, "", [], |row| unsigned(row, 0))?.unwrap_or(0))
}
