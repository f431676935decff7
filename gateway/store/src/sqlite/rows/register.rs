//! Rows about the gateway's own affairs: register, tallies, seals.

use onepoint_proof::Hash;
use rusqlite::{Connection, Row, params};

use super::{Digest, Sql, all, one, unsigned};
use crate::model::{Registered, Tally};

const TALLY: &str = "SELECT participant, day, count, first, last, running FROM tally";

pub(in crate::sqlite) fn registered(on: &Connection, kind: &str) -> Sql<Vec<Registered>> {
    let select = "SELECT kind, name, digest FROM register";
    all(on, select, "WHERE kind = ?1 ORDER BY name", [kind], |row| {
        Ok(Registered { kind: row.get(0)?, name: row.get(1)?, digest: row.get::<_, Digest>(2)?.0 })
    })
}

pub(in crate::sqlite) fn registered_fact(
    on: &Connection,
    kind: &str,
    name: &str,
) -> Sql<Option<u64>> {
    let place = "WHERE kind = ?1 AND name = ?2";
    one(on, "SELECT fact FROM register", place, [kind, name], |row| unsigned(row, 0))
}

pub(in crate::sqlite) fn tallies(on: &Connection, day: i64) -> Sql<Vec<Tally>> {
    all(on, TALLY, "WHERE day = ?1 ORDER BY participant", [day], to_tally)
}

pub(in crate::sqlite) fn tally(on: &Connection, participant: &str, day: i64) -> Sql<Option<Tally>> {
    one(on, TALLY, "WHERE day = ?1 AND participant = ?2", params![day, participant], to_tally)
}

pub(in crate::sqlite) fn closed_day(on: &Connection) -> Sql<Option<i64>> {
    one(on, "SELECT day FROM closed_day", "", [], |row| row.get(0))
}

pub(in crate::sqlite) fn seal_chain(on: &Connection, seal: &Hash) -> Sql<Vec<Vec<u8>>> {
    let place = "WHERE seal = ?1 ORDER BY position";
    all(on, "SELECT der FROM seal_certificate", place, [seal.as_bytes()], |row| row.get(0))
}

pub(in crate::sqlite) fn sender_of(on: &Connection, message: &str) -> Sql<Option<String>> {
    one(on, "SELECT sender FROM message", "WHERE id = ?1", [message], |row| row.get(0))
}

fn to_tally(row: &Row<'_>) -> Sql<Tally> {
    Ok(Tally {
        participant: row.get(0)?,
        day: row.get(1)?,
        count: unsigned(row, 2)?,
        first: unsigned(row, 3)?,
        last: unsigned(row, 4)?,
        running: row.get::<_, Digest>(5)?.0,
    })
}
